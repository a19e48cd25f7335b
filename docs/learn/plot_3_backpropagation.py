r"""
3. Backpropagation with the penalty, and its check
==================================================

The penalty adds one term to what is propagated back to the hidden units. Its position matters:

.. math::
   \delta^{(2)}_j = \Big( \sum_k W^{(2)}_{kj} \delta^{(3)}_k
   + \beta \Big( -\frac{\rho}{\hat\rho_j} + \frac{1 - \rho}{1 - \hat\rho_j} \Big) \Big)
   f'(z^{(2)}_j)
"""

# %%
# The chapter, in NumPy
# ---------------------
# This function computes the loss and its gradient, with sigmoid units and a sigmoid decoder.
import numpy as np
from scipy.special import expit

rho, beta, weight_decay = 0.05, 3.0, 1e-3
n, s2, m = 6, 4, 5  # inputs, hidden units, examples


def loss_and_gradient(theta, X, misplaced=False):
    W1, W2 = theta[: s2 * n].reshape(s2, n), theta[s2 * n : 2 * s2 * n].reshape(n, s2)
    b1, b2 = theta[2 * s2 * n : -n], theta[-n:]
    A = expit(X @ W1.T + b1)
    H = expit(A @ W2.T + b2)
    rho_hat = A.mean(axis=0)
    kl = rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))
    loss = ((H - X) ** 2).sum() / (2 * m)
    loss += weight_decay / 2 * ((W1**2).sum() + (W2**2).sum()) + beta * kl.sum()

    slope = beta * (-rho / rho_hat + (1 - rho) / (1 - rho_hat))
    delta3 = (H - X) * H * (1 - H)
    sent = delta3 @ W2
    right, transcribed = (sent + slope) * A * (1 - A), sent * A * (1 - A) + slope
    delta2 = transcribed if misplaced else right  # a transcription has the slope outside f'
    gradient = (
        (delta2.T @ X / m + weight_decay * W1).ravel(),
        (delta3.T @ A / m + weight_decay * W2).ravel(),
        delta2.mean(axis=0),
        delta3.mean(axis=0),
    )
    return loss, np.concatenate(gradient)


# %%
# The check
# ---------
# The slope along one parameter is approximately :math:`(J(\theta + \epsilon) - J(\theta -
# \epsilon)) / 2\epsilon`, with :math:`\epsilon = 10^{-4}`. Here are both, for the first ten
# parameters:


def differences(theta, X, epsilon=1e-4):
    steps = epsilon * np.eye(len(theta))
    J = [[loss_and_gradient(theta + sign * step, X)[0] for sign in (1, -1)] for step in steps]
    return np.diff(J, axis=1)[:, 0] / (-2 * epsilon)


def ratio(one, other):
    return np.linalg.norm(one - other) / np.linalg.norm(one + other)


theta = 0.5 * np.sin(np.arange(1, 2 * s2 * n + s2 + n + 1))
X = 0.5 + 0.4 * np.cos(n * np.arange(m)[:, None] + np.arange(n) + 1)
loss, gradient = loss_and_gradient(theta, X)
numerical = differences(theta, X)
wrong = loss_and_gradient(theta, X, misplaced=True)[1]
print(f"J = {loss:.12f}\n\n{'differences':>15}  {'gradient':>15}  {'misplaced':>15}")
for row in zip(numerical[:10], gradient[:10], wrong[:10], strict=True):
    print("  ".join(f"{value:15.10f}" for value in row))
print(f"\nratio, gradient:  {ratio(numerical, gradient):.1e}")
print(f"ratio, misplaced: {ratio(numerical, wrong):.3f}")

# %%
# A ratio below 1e-9 means that the gradient is right. The gradient with the misplaced penalty is
# far off, but it still trains a network. Without the check, nobody notices.
import matplotlib.pyplot as plt

_, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained", sharex=True, sharey=True)
for ax, values, name in zip(axes, (gradient, wrong), ("right", "misplaced"), strict=True):
    ax.axline((0, 0), slope=1, color="0.7", lw=1)
    ax.plot(numerical, values, "o", ms=4)
    ax.set(xlabel="by differences", ylabel="by backpropagation", title=name)

# %%
# The same from rhohat
# --------------------
# :class:`rhohat.SparseObjective` is what training minimizes. The same parameters give the same
# numbers:
from rhohat import KLSparsity, SparseObjective, check_gradient

objective = SparseObjective(
    n, s2, decoder="sigmoid", penalty=KLSparsity(rho, beta), weight_decay=weight_decay
)
W1, W2 = theta[: s2 * n].reshape(s2, n), theta[s2 * n : 2 * s2 * n].reshape(n, s2)
packed = objective.pack(
    {"W_enc": W1, "b_enc": theta[2 * s2 * n : -n], "W_dec": W2.T, "b_dec": theta[-n:]}
)
print(f"J = {objective.loss_grad(packed, X)[0]:.12f}")
check = check_gradient(objective, packed, X)
print(f"ratio: {check.ratio:.1e}")

# %%
# ``rhohat check FILES`` does this for your data and your settings.
#
# **Next:** :math:`\hat\rho_j` requires all examples before any of them can be propagated back.
# Does every step have to read the data twice? :doc:`plot_4_one_sweep`.
