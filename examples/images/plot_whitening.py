"""
What does whitening change?
===========================

Neighboring pixels are nearly equal, so units that learn from raw patches mostly represent shades
of gray. Whitening removes what neighbors have in common. What is left to learn is edges.
"""

# %%
# The same photographs are learned from three times: raw; whitened patch by patch (ZCA); and
# whitened as whole images (1/f), with patches scaled for a sigmoid decoder, as in ``rhohat learn``.
# Each tile is what a unit stands for. The title says how many of the 49 units are edges, that is,
# how many are explained by a Gabor function.
import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    Standardization,
    Whitening,
    edge_score,
    load_photographs,
    patterns,
    plot_features,
)

patches = PatchExtractor(8, n_patches=8000, random_state=0)
linear = SparseAutoencoder(
    49,
    sparsity_penalty=KLSparsity(target=0.035, weight=5),
    weight_decay=3e-3,
    max_iter=80,
    random_state=0,
)
sigmoid = SparseAutoencoder(
    49,
    decoder="sigmoid",
    sparsity_penalty=KLSparsity(target=0.02, weight=3),
    max_iter=80,
    random_state=0,
)
models = {
    "raw": make_pipeline(patches, Standardization(), linear),
    "ZCA": make_pipeline(patches, Whitening(epsilon=0.5), linear),
    "1/f": make_pipeline(OneOverFWhitening(), patches, PatchNormalizer(), sigmoid),
}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.7), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    model.fit(load_photographs().images)
    plot_features(model, picture="stands-for", n_columns=7, ax=ax)
    ax.set_title(f"{name}: {edge_score(patterns(model)).edge_share:.0%} edges")

# %%
# **Next:** :doc:`/noise` shows what too much whitening does, and :doc:`plot_edges` explains the
# last of the three models step by step.
