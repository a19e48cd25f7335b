"""
1. An autoencoder, and PCA
==========================

An autoencoder is a network whose target is its own input. Between input and output are hidden
units. If there are only a few of them, the network has to find what the data have in common.
"""

# %%
# The network
# -----------
# A hidden unit adds up its weighted inputs and squashes the sum: :math:`a = f(W^{(1)} x +
# b^{(1)})`. The output is computed from the hidden units in the same way, :math:`h(x) = g(W^{(2)} a
# + b^{(2)})`, and should equal :math:`x`.
import matplotlib.pyplot as plt
import numpy as np

layers = {"input": 6, "hidden": 3, "output": 6}
places = {
    (name, i): (2 * column, (n - 1) / 2 - i)
    for column, (name, n) in enumerate(layers.items())
    for i in range(n)
}
_, ax = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
for below, above in (("input", "hidden"), ("hidden", "output")):
    for i in range(layers[below]):
        for j in range(layers[above]):
            ax.plot(
                *zip(places[below, i], places[above, j], strict=True), color="0.8", lw=0.8, zorder=1
            )
for (name, i), place in places.items():
    ax.scatter(*place, s=380, color={"hidden": "tab:orange"}.get(name, "tab:blue"), zorder=2)
    sign = {"input": "x", "hidden": "a", "output": r"\hat x"}[name]
    ax.annotate(f"${sign}_{i + 1}$", place, ha="center", va="center", color="white", zorder=3)
ax.set_axis_off()

# %%
# Few hidden units: close to PCA
# ------------------------------
# This autoencoder has 6 units for digits of 8 x 8 pixels. There is no penalty and hardly any weight
# decay, so only the error counts. The best *linear* code of 6 numbers is PCA.
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from rhohat import SparseAutoencoder

X = load_digits().data / 16
autoencoder = SparseAutoencoder(
    6, sparsity_penalty="none", weight_decay=1e-6, max_iter=300, random_state=0
).fit(X)
pca = PCA(6).fit(X)


def error(rebuilt):
    return ((rebuilt - X) ** 2).sum(axis=1).mean() / 2


print(
    f"mean error, autoencoder: {error(autoencoder.inverse_transform(autoencoder.transform(X))):.4f}"
)
print(f"mean error, PCA:         {error(pca.inverse_transform(pca.transform(X))):.4f}")
print(f"mean error, the mean:    {error(X.mean(axis=0)):.4f}")

# %%
# The two even use nearly the same six directions, as the cosines of the angles between two spaces
# show: that of the decoder's rows and that of the principal components.
from scipy.linalg import subspace_angles

angles = subspace_angles(autoencoder.decoder_weights_.T, pca.components_.T)
print("cosines:", np.cos(np.sort(angles)).round(2))

# %%
# Ten digits, and how each method reconstructs them:
rows = X[:10]
pictures = {
    "digits": rows,
    "autoencoder": autoencoder.inverse_transform(autoencoder.transform(rows)),
    "PCA": pca.inverse_transform(pca.transform(rows)),
}
_, axes = plt.subplots(3, 10, figsize=(8, 2.7), layout="constrained")
for line, (name, images) in zip(axes, pictures.items(), strict=True):
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)

# %%
# **So** a few units compress the data, and learn hardly more than PCA. The chapter's idea is to
# take many units instead, and to let only a few be active at a time: :doc:`plot_2_sparsity`.
