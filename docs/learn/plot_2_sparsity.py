r"""
2. Sparsity, and the KL curve
=============================

A unit is *active* when its output is near 1, and *inactive* when it is near 0. The chapter asks
every unit to be inactive most of the time. Its average activation over the training set,

.. math:: \hat\rho_j = \frac1m \sum_{i=1}^m a_j(x_i),

should be a small number :math:`\rho`, such as 0.05.
"""

# %%
# The penalty
# -----------
# The penalty is the cost of a difference between :math:`\hat\rho_j` and :math:`\rho`:
#
# .. math::
#    \mathrm{KL}(\rho \,\|\, \hat\rho_j)
#    = \rho \log \frac{\rho}{\hat\rho_j} + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j}
#
# It is 0 where they are equal, grows on both sides, and goes to infinity at 0 and 1. Here is the
# chapter's figure, for :math:`\rho = 0.2`, drawn with the class that training uses:
from rhohat import KLSparsity, plot_penalty

ax = plot_penalty(KLSparsity(target=0.2, weight=1))
ax.set(xlabel=r"$\hat\rho_j$", ylabel=r"KL$(\rho\,\|\,\hat\rho_j)$")

# %%
# Move :math:`\rho`, and watch the valley move:
#
# .. raw:: html
#
#    <div class="slider-figure">
#    <label>ρ <input type="range" id="kl-rho" min="0.01" max="0.99" step="0.01" value="0.2">
#    <output id="kl-value"></output></label>
#    <svg id="kl" viewBox="0 0 420 220" role="img" aria-label="KL over the average activation">
#    <path d="M40 10V190H410" fill="none" stroke="currentColor"/>
#    <path id="kl-curve" fill="none" stroke="#1f77b4" stroke-width="2"/>
#    <line id="kl-line" y1="10" y2="190" stroke="#888" stroke-dasharray="3 4"/>
#    <text x="225" y="214" text-anchor="middle" fill="currentColor">average activation</text>
#    <text x="12" y="100" fill="currentColor">KL</text>
#    </svg></div>
#    <script>
#    (() => {
#      const slider = document.getElementById("kl-rho");
#      const draw = () => {
#        const rho = Number(slider.value), points = [];
#        for (let r = 0.002; r < 0.999; r += 0.004) {
#          const kl = rho * Math.log(rho / r) + (1 - rho) * Math.log((1 - rho) / (1 - r));
#          points.push(`${(40 + 370 * r).toFixed(1)} ${Math.max(190 - 90 * kl, 5).toFixed(1)}`);
#        }
#        document.getElementById("kl-curve").setAttribute("d", "M" + points.join("L"));
#        const line = document.getElementById("kl-line");
#        line.setAttribute("x1", 40 + 370 * rho);
#        line.setAttribute("x2", 40 + 370 * rho);
#        document.getElementById("kl-value").textContent = rho.toFixed(2);
#      };
#      slider.addEventListener("input", draw);
#      draw();
#    })();
#    </script>

# %%
# The loss
# --------
#
# .. math::
#    J = \frac1m \sum_i \tfrac12 \|h(x_i) - x_i\|^2
#    + \frac\lambda2 \left(\|W^{(1)}\|^2 + \|W^{(2)}\|^2\right)
#    + \beta \sum_j \mathrm{KL}(\rho \,\|\, \hat\rho_j)
#
# Let us compare models with and without the last term: 64 units on whitened digits. Without it,
# most units are active half of the time. With it, each unit is silent for most digits.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from rhohat import SparseAutoencoder, Whitening

X = Whitening(epsilon=0.1).fit_transform(load_digits().data / 16)
_, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained", sharey=True)
for name, penalty in (("without", "none"), ("with", KLSparsity(target=0.05, weight=3))):
    model = SparseAutoencoder(64, sparsity_penalty=penalty, weight_decay=1e-3, random_state=0).fit(
        X
    )
    for ax, values in zip(
        axes, (model.average_activation_, model.transform(X).ravel()), strict=True
    ):
        shares = np.full(len(values), 1 / len(values))
        ax.hist(values, bins=np.linspace(0, 1, 41), weights=shares, alpha=0.6, label=name)
    print(f"{name:8} average activation {model.average_activation_.mean():.3f}")
axes[0].set(xlabel=r"average activation $\hat\rho_j$", ylabel="share of the units")
axes[1].set(xlabel="activation $a_j(x_i)$", ylabel="share of all")
axes[0].legend()

# %%
# tanh
# ----
# A tanh unit is inactive at -1. :math:`\rho` is still the share of activity, so the penalty is
# applied to :math:`(1 + \hat\rho_j) / 2`, and :math:`\rho = 0.05` asks for an average output of
# -0.9, the dotted line:
plot_penalty(KLSparsity(target=0.05, weight=1), activation="tanh")
tanh = SparseAutoencoder(
    64, activation="tanh", sparsity_penalty=KLSparsity(0.05, 3), random_state=0
)
print(f"learned: {tanh.fit(X).average_activation_.mean():.2f}")

# %%
# **Next:** the penalty depends on all examples at once. Many implementations get its gradient
# wrong: :doc:`plot_3_backpropagation`.
