"""
Which settings recognize best?
==============================

Penalties are estimators, too. scikit-learn's grid search therefore reaches every setting of a
pipeline by its name.
"""

# %%
# The classifier at the end of the pipeline judges target and weight decay:
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rhohat import SparseAutoencoder, Whitening

X, y = load_digits(return_X_y=True)
pipeline = make_pipeline(
    Whitening(epsilon=0.1),
    SparseAutoencoder(64, max_iter=40, random_state=0),
    LogisticRegression(C=10, max_iter=300),
)
targets, decays = [0.02, 0.05, 0.2], [1e-4, 1e-3, 1e-2]
grid = {
    "sparseautoencoder__sparsity_penalty__target": targets,
    "sparseautoencoder__weight_decay": decays,
}
search = GridSearchCV(pipeline, grid, cv=3).fit(X / 16, y)
scores = search.cv_results_["mean_test_score"].reshape(len(targets), len(decays))

_, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ax.imshow(scores, cmap="viridis")
for (row, column), score in np.ndenumerate(scores):
    color = "k" if score > (scores.min() + scores.max()) / 2 else "w"  # on a light field, or a dark
    ax.text(column, row, f"{score:.1%}", ha="center", va="center", color=color)
ax.set_xticks(range(3), decays)
ax.set_yticks(range(3), targets)
ax.set(xlabel="weight decay", ylabel="target")

# %%
# **Next:** without labels, only the data can judge the settings. :func:`~rhohat.choose` does that,
# and :doc:`/choosing` explains how.
