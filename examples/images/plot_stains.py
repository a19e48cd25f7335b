"""
Which stains are on this slide?
===============================

In this section of tissue, nuclei are stained blue and a protein is stained brown. Units that learn
from small color patches find both stains, and show where they are.
"""

# %%
# Each tile is what a unit stands for, in color: what it adds to the picture where it is active.
import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    Standardization,
    patterns,
    plot_features,
)

# sphinx_gallery_thumbnail_number = 2
slide = data.immunohistochemistry()[::2, ::2] / 255
model = make_pipeline(
    PatchExtractor(6, n_patches=6000, random_state=0),
    Standardization(),
    SparseAutoencoder(
        16, sparsity_penalty=KLSparsity(target=0.1, weight=1), weight_decay=1e-3, random_state=0
    ),
).fit([slide])
plot_features(model, picture="stands-for", n_columns=8)

# %%
# The activations of the units with the bluest and the brownest pattern, at every place of the
# slide:
windows = np.lib.stride_tricks.sliding_window_view(slide, (6, 6), axis=(0, 1))
rows = np.moveaxis(windows, 2, -1).reshape(-1, 6 * 6 * 3)
maps = model[1:].transform(rows).reshape(*windows.shape[:2], 16)
red, green, blue = patterns(model).reshape(16, -1, 3).mean(axis=1).T
units = {"bluest unit": np.argmax(blue - red), "brownest unit": np.argmin(blue - red)}

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
axes[0].imshow(slide)
axes[0].set_title("slide")
for ax, (name, unit) in zip(axes[1:], units.items(), strict=True):
    ax.imshow(maps[..., unit], cmap="gray_r")
    ax.set_title(name)
for ax in axes:
    ax.set_axis_off()

# %%
# **Next:** for scans, volumes and cubes with more than three bands, see :doc:`/cubes`.
