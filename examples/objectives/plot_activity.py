"""
How many units are active?
==========================

"Sparse" can mean that each unit is rarely active, or that few units are active in each row of the
data. This page compares what four objectives learn from the same digits.
"""

# %%
# The upper panels show the activations for 60 digits. The lower panels show how many units are
# active for a digit, that is, above a tenth of their largest activation. TopK has five active units
# for every digit, and BatchTopK five on average. KL asks how often a unit is active, and L1 puts a
# price on activity.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from rhohat import (
    BatchTopK,
    DecoderNormL1Sparsity,
    KLSparsity,
    SparseAutoencoder,
    TopK,
    Whitening,
)

X = Whitening(epsilon=0.1).fit_transform(load_digits().data / 16)
objectives = {
    "KL": {"sparsity_penalty": KLSparsity(target=0.05, weight=3)},
    "L1 times decoder norm": {"activation": "relu", "sparsity_penalty": DecoderNormL1Sparsity(0.5)},
    "TopK": {"activation": TopK(5), "sparsity_penalty": "none"},
    "BatchTopK": {"activation": BatchTopK(5), "sparsity_penalty": "none"},
}
_, axes = plt.subplots(2, 4, figsize=(11, 5), layout="constrained", sharey="row")
for (above, below), (name, settings) in zip(axes.T, objectives.items(), strict=True):
    model = SparseAutoencoder(64, weight_decay=3e-3, random_state=0, **settings).fit(X)
    codes = model.transform(X)
    active = (codes > codes.max(axis=0) / 10).sum(axis=1)
    above.imshow(codes[:60].T, cmap="gray_r", aspect="auto")
    above.set_title(name)
    above.set_xlabel("digit")
    below.hist(active, bins=np.arange(-0.5, 25), density=True)
    below.set_xlabel(f"active units: {active.mean():.1f} on average")
axes[0, 0].set_ylabel("unit")
axes[1, 0].set_ylabel("share of the digits")

# %%
# **Next:** :doc:`/which` says when to choose which objective.
