"""
Is my model good?
=================

The pictures of this model are noise, although its loss kept falling. ``diagnose`` measures what is
wrong, and says what to change.
"""

# %%
# The model learns from patches of photographs, whitened with a tiny epsilon: this makes noise as
# strong as everything else.
import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    Whitening,
    diagnose,
    load_photographs,
    plot_features,
)

photographs = load_photographs().images
model = make_pipeline(
    PatchExtractor(8, n_patches=6000, random_state=0),
    Whitening(epsilon=1e-5),
    SparseAutoencoder(
        49, sparsity_penalty=KLSparsity(target=0.035, weight=5), weight_decay=3e-3, random_state=0
    ),
).fit(photographs)
print(diagnose(model, photographs))

# %%
# Make the printed change, and nothing else:
changed = clone(model).set_params(whitening__epsilon=1.0).fit(photographs)
print(diagnose(changed, photographs))

_, axes = plt.subplots(1, 2, figsize=(8, 4.3), layout="constrained")
for ax, (name, shown) in zip(axes, {"before": model, "after": changed}.items(), strict=True):
    plot_features(shown, n_columns=7, ax=ax)
    ax.set_title(name)

# %%
# **Next:** :doc:`/is-it-good` lists what is measured, and :doc:`/noise` lists other causes of
# noise.
