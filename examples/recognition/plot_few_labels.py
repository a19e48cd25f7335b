"""
How many labels do features save?
=================================

We have many digits, but only some have a label. With features that were learned from all of them,
a classifier needs far fewer labels than with pixels.
"""

# %%
# The units are strokes, learned from patches. A digit is described by how strongly each unit
# responds in each quadrant. No label has been used so far.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import ConvolutionalFeatures, KLSparsity, PatchExtractor, SparseAutoencoder, Whitening

digits = load_digits()
images, y = digits.images / 16, digits.target
patches = make_pipeline(
    PatchExtractor(4, n_patches=4000, random_state=0),
    Whitening(epsilon=0.01),
    SparseAutoencoder(
        49, sparsity_penalty=KLSparsity(target=0.05, weight=3), weight_decay=1e-3, random_state=0
    ),
).fit(images)
features = ConvolutionalFeatures(patches, encoding="soft-threshold", threshold=0.25)
X = {"features": features.fit_transform(images), "pixels": images.reshape(len(images), -1)}

# %%
# Now train the same linear classifier on both, with more and more labels. The figure shows the mean
# of ten draws, and their standard deviation.
classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
labels = [10, 20, 50, 100, 200, 500]
_, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, rows in X.items():
    scores = [
        [
            classifier.fit(rows[known], y[known]).score(rows[others], y[others])
            for known, others in StratifiedShuffleSplit(
                10, train_size=n, test_size=1000, random_state=0
            ).split(rows, y)
        ]
        for n in labels
    ]
    ax.errorbar(labels, np.mean(scores, axis=1), np.std(scores, axis=1), marker="o", label=name)
    print(name, *(f"{np.mean(score):.1%}" for score in scores))
ax.set(xscale="log", xlabel="labeled digits", ylabel="accuracy on 1,000 others")
ax.set_xticks(labels, labels)
ax.minorticks_off()
ax.legend()

# %%
# **Next:** :doc:`/recognition` covers digits, photographs and speech at full size.
