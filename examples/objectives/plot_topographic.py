"""
Can units form a map?
=====================

A penalty on neighborhoods makes units that are next to each other fire together. Edges of the same
orientation gather, as they do in the visual cortex.
"""

# %%
# Here are the same patches and units with two penalties: one on each unit by itself, and one on
# every unit together with its eight neighbors.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from rhohat import (
    DecoderNormL1Sparsity,
    OneOverFWhitening,
    PatchExtractor,
    SparseAutoencoder,
    Standardization,
    TopographicSparsity,
    load_photographs,
    plot_features,
)

patches = make_pipeline(
    OneOverFWhitening(), PatchExtractor(8, n_patches=5000, random_state=0), Standardization()
)
X = patches.fit_transform(load_photographs().images)
penalties = {
    "each by itself": DecoderNormL1Sparsity(0.3),
    "on a map": TopographicSparsity(0.3, shape=(8, 8)),
}
_, axes = plt.subplots(1, 2, figsize=(9, 4.8), layout="constrained")
for ax, (name, penalty) in zip(axes, penalties.items(), strict=True):
    model = SparseAutoencoder(
        64,
        activation="relu",
        sparsity_penalty=penalty,
        weight_decay=1e-2,
        max_iter=100,
        random_state=0,
    ).fit(X)
    plot_features(model, picture="decoder", patch_shape=(8, 8), n_columns=8, ax=ax)
    maps = model.transform(X).reshape(-1, 8, 8)
    pairs = [(maps[:, i, j], maps[:, i, j - 1]) for i, j in np.ndindex(8, 8)]
    together = np.mean([np.corrcoef(pair)[0, 1] for pair in pairs])
    ax.set_title(f"{name}: neighbors correlate by {together:.2f}")

# %%
# **Next:** :doc:`/which` covers groups of units and nine other objectives.
