r"""
5. Visualizing what a unit looks for
====================================

Which input activates unit :math:`j` most? Without a limit, an ever larger one. The chapter
therefore considers inputs of norm at most 1. The answer is then the unit's weights, scaled to
norm 1:

.. math:: x_i = \frac{W^{(1)}_{ji}}{\sqrt{\sum_i \big(W^{(1)}_{ji}\big)^2}}
"""

# %%
# We need a model to look at: 36 units on patches of ten photographs.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    load_photographs,
    maximal_inputs,
    plot_features,
)

# sphinx_gallery_thumbnail_number = 2
patches = make_pipeline(
    OneOverFWhitening(), PatchExtractor(8, n_patches=8000, random_state=0), PatchNormalizer()
)
X = patches.fit_transform(load_photographs().images)
model = SparseAutoencoder(
    36, decoder="sigmoid", sparsity_penalty=KLSparsity(0.01, 3), random_state=0
).fit(X)

# %%
# No input does better
# --------------------
# This figure shows the response of unit 0 to its own input, to 20,000 random inputs of norm 1, and
# to all patches, scaled to norm 1:
best = maximal_inputs(model)
print(
    "is it the weights, at norm 1?",
    np.allclose(best[0], model.encoder_weights_[0] / np.linalg.norm(model.encoder_weights_[0])),
)
random = np.random.default_rng(0).standard_normal((20_000, 64))
contrast = X - X.mean(axis=1, keepdims=True)
inputs = {
    "random inputs": random / np.linalg.norm(random, axis=1, keepdims=True),
    "patches": contrast / np.linalg.norm(contrast, axis=1, keepdims=True),
}


def response(rows):
    return rows @ model.encoder_weights_[0]


_, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for name, rows in inputs.items():
    ax.hist(response(rows), bins=80, density=True, alpha=0.6, label=name)
ax.axvline(response(best[:1])[0], color="tab:red", label="its own input")
ax.set(xlabel="weighted sum of unit 0", yticks=[])
ax.legend()

# %%
# A picture for every unit
# ------------------------
# Each tile is divided by its own largest value, and gray is zero. This is the chapter's figure:
plot_features(model, patch_shape=(8, 8))

# %%
# The real patches that activate a unit most look the same, as they should:
order = np.argsort(-model.transform(X), axis=0)
units = range(6)
_, axes = plt.subplots(6, 9, figsize=(6, 4.2), layout="constrained")
for line, unit in zip(axes, units, strict=True):
    for ax, row in zip(line, [best[unit], *contrast[order[:8, unit]]], strict=True):
        ax.imshow(row.reshape(8, 8), cmap="gray", vmin=-np.abs(row).max(), vmax=np.abs(row).max())
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(f"{unit}", rotation=0, labelpad=10)
axes[0, 0].set_title("input", fontsize=9)
axes[0, 4].set_title("patches that activate it most", fontsize=9)

# %%
# After whitening
# ---------------
# If rows are whitened by a matrix, :math:`x' = T (x - \mu)`, the best input in *pixels* is
# :math:`W^{(1)} T`, scaled to norm 1. This is a filter, and may be mostly noise. What the unit
# *stands for* is a different picture: its decoder weights through the inverse of :math:`T`. Digits
# show the difference:
from sklearn.datasets import load_digits

from rhohat import Whitening

digits = load_digits().data / 16
pipeline = make_pipeline(
    Whitening(epsilon=0.001), SparseAutoencoder(36, weight_decay=3e-3, random_state=0)
).fit(digits)
_, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, picture in zip(axes, ("looks-for", "stands-for"), strict=True):
    plot_features(pipeline, picture=picture, patch_shape=(8, 8), ax=ax)
    ax.set_title(picture)

# %%
# **Next:** the figure with 100 units, and how :math:`\rho` and :math:`\lambda` change it:
# :doc:`plot_6_figure`.
