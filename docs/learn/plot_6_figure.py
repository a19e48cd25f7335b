r"""
6. The figure, and what rho and lambda do to it
===============================================

With 100 hidden units on 10 x 10 patches of whitened photographs, the chapter finds edges at
different positions and orientations. This page uses its settings: :math:`\rho = 0.01`,
:math:`\beta = 3`, :math:`\lambda = 10^{-4}`.
"""

# %%
# The data are 15,000 patches of ten photographs. The mean of each patch is subtracted, and the
# patch is scaled to [0.1, 0.9], where a sigmoid can reach it.
from sklearn.pipeline import make_pipeline

import rhohat
from rhohat import KLSparsity, OneOverFWhitening, PatchExtractor, PatchNormalizer, SparseAutoencoder

photographs = rhohat.load_photographs().images
model = make_pipeline(
    OneOverFWhitening(),
    PatchExtractor(10, n_patches=15_000, random_state=0),
    PatchNormalizer(),
    SparseAutoencoder(
        100,
        decoder="sigmoid",
        sparsity_penalty=KLSparsity(target=0.01, weight=3),
        weight_decay=1e-4,
        random_state=0,
    ),
).fit(photographs)
rhohat.plot_features(model)

# %%
# How many are edges? ``edge_score`` fits a Gabor function to each tile, that is, a wave under a
# bell-shaped envelope. If it explains 70 % of the tile, the unit counts as an edge.
score = rhohat.edge_score(model[-1].components_)
print(
    f"edges: {score.edge_share:.0%}; median of what Gabor functions explain: {score.median_r2:.0%}"
)
print(f"orientations, evenness from 0 to 1: {score.orientation_coverage:.2f}")

# %%
# Change rho and lambda
# ---------------------
# These are nine models of 36 units, with the same patches and the same initial weights. Move the
# sliders: if :math:`\lambda` is too large, all units are silent; if it is too small, noise remains;
# and a large :math:`\rho` blurs the tiles. (``rhohat explore`` makes such a page from your own
# data.)
rhohat.explore(
    photographs,
    {"rho": [0.002, 0.01, 0.05], "beta": [3], "lambda": [1e-5, 1e-4, 1e-3]},
    model=model.set_params(patchextractor__patch_size=8, sparseautoencoder__n_components=36),
    n_rows=3000,
    max_iter=60,
)

# %%
# **Next:** colors, labels, depth, whole images and sound: :doc:`plot_7_further`.
