"""
From photographs to 100 edge features
=====================================

This page makes the chapter's best-known figure, step by step. It uses ten photographs that come
with scikit-learn and scikit-image, so nothing is downloaded.
"""

# %%
# Photographs
# -----------
import matplotlib.pyplot as plt

from rhohat import OneOverFWhitening, load_photographs

# sphinx_gallery_thumbnail_number = 4
photographs = load_photographs()
whitened = OneOverFWhitening().fit_transform(photographs.images)

figure, axes = plt.subplots(2, 3, figsize=(9, 5.2), layout="constrained")
for column, index in enumerate((0, 2, 3)):
    axes[0, column].imshow(photographs.images[index], cmap="gray")
    axes[0, column].set_title(photographs.names[index])
    axes[1, column].imshow(whitened[index], cmap="gray", vmin=-3, vmax=3)
    axes[1, column].set_title("whitened (1/f)")
for ax in axes.flat:
    ax.set_axis_off()

# %%
# Whitening flattens the spectrum: edges stay, and slow changes of brightness disappear.
#
# Patches
# -------
# Cut out 30,000 windows of 10x10 pixels. Subtract the mean of each, clip it at three standard
# deviations, and scale it to [0.1, 0.9], where a sigmoid can reach it.
from rhohat import PatchExtractor, PatchNormalizer, plot_features

extractor = PatchExtractor(10, random_state=0)
patches = extractor.fit_transform(whitened)
X = PatchNormalizer().fit_transform(patches)
plot_features(patches[:40], n_columns=20)

# %%
# Training
# --------
# Train 100 hidden units that should be active 1 % of the time.
from rhohat import KLSparsity, SparseAutoencoder, plot_training

model = SparseAutoencoder(
    100,
    decoder="sigmoid",
    sparsity_penalty=KLSparsity(target=0.01, weight=3),
    weight_decay=1e-4,
    random_state=0,
).fit(X)
plot_training(model)

# %%
# What the units look for
# -----------------------
# For each unit, the input of norm 1 that activates it most:
plot_features(model, picture="looks-for", patch_shape=(10, 10))

# %%
# How many of them are edges? ``edge_score`` fits a Gabor function to each.
from rhohat import edge_score

score = edge_score(model.components_)
print(f"edges: {score.edge_share:.0%}, median R2 {score.median_r2:.2f}")
print(f"orientation coverage: {score.orientation_coverage:.2f}, pairs alike: {score.n_alike}")
print(f"pairs of opposites, such as light left of dark and dark left of light: {score.n_opposite}")

# %%
# Are they sparse? Most activations are near 0, and the average of every unit is near the target.
import numpy as np

activations = model.transform(X)
print(f"average activation: {activations.mean():.4f} (target 0.01)")
print(f"activations below 0.05: {np.mean(activations < 0.05):.1%}")

# %%
# **Next:** to use your own photographs, see :doc:`/photographs`.
