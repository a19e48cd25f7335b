"""
Does it find the parts?
=======================

These images are sums of bars, so the right answer is known. Four methods try to find it.
"""

# %%
# There are sixteen bars. An image contains two of them on average, and noise.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import NMF, PCA, FastICA

from rhohat import choose, plot_features, recovery

# sphinx_gallery_thumbnail_number = 2
rng = np.random.default_rng(0)
bars = np.zeros((16, 8, 8))
for k in range(8):
    bars[k, k] = bars[8 + k, :, k] = 1
bars = bars.reshape(16, 64)
strength = rng.uniform(0.5, 1.5, (2000, 16)) * (rng.random((2000, 16)) < 1 / 8)
X = strength @ bars + 0.2 * rng.standard_normal((2000, 64))
plot_features(X[:16], n_columns=8)

# %%
# These are the parts that each method finds. NMF is told that nothing is negative, and finds the
# bars as well; the others are told nothing.
found = {
    "sparse autoencoder": choose(X, 16, random_state=0).patterns_,
    "NMF": NMF(16, init="nndsvda", max_iter=1000).fit(np.maximum(X, 0)).components_,
    "FastICA": FastICA(16, max_iter=1000, random_state=0).fit(X).mixing_.T,
    "PCA": PCA(16).fit(X).components_,
}
_, axes = plt.subplots(4, 1, figsize=(8, 3.4), layout="constrained")
for ax, (name, rows) in zip(axes, found.items(), strict=True):
    plot_features(rows, n_columns=16, ax=ax)
    ax.set_title(f"{name}: {recovery(rows, bars):.0%} of the bars", fontsize=10)

# %%
# **Next:** :doc:`/which` and :doc:`/choosing` have harder dictionaries and other sparse
# autoencoders.
