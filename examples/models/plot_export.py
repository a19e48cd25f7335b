"""
How do I use a model without rhohat?
====================================

Export it to ONNX, or to a single file of NumPy code that anybody can read and run.
"""

# %%
# First, train units on patches of photographs:
import runpy
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    Whitening,
    export,
    load_photographs,
)

photographs = load_photographs().images
model = make_pipeline(
    PatchExtractor(8, n_patches=8000, random_state=0),
    Whitening(epsilon=0.5),
    SparseAutoencoder(
        36, sparsity_penalty=KLSparsity(target=0.035, weight=5), weight_decay=3e-3, random_state=0
    ),
).fit(photographs)

# %%
# The exported file contains the functions, and the weights as text. Its ``transform`` takes whole
# images, and returns the activations at every place:
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "features.py")
    export(model, path)
    print(path.read_text()[:900], "...")
    exported = runpy.run_path(str(path))

image = photographs[3][::2, ::2]
codes = exported["transform"](image[None])
windows = np.lib.stride_tricks.sliding_window_view(image, (8, 8))
assert np.allclose(codes, model[1:].transform(windows.reshape(-1, 64)))

# %%
# Three units on a photograph, computed by this file alone:
maps = codes.reshape(*windows.shape[:2], 36)
_, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
axes[0].imshow(image, cmap="gray")
for ax, unit in zip(axes[1:], np.argsort(-maps.std(axis=(0, 1))), strict=False):
    ax.imshow(maps[..., unit], cmap="gray_r")
    ax.set_title(f"unit {unit}")
for ax in axes:
    ax.set_axis_off()

# %%
# **Next:** :doc:`/exporting` covers ONNX, MATLAB and the sparse autoencoders of language models.
