"""
Is my model good?
=================

Its pictures are noise, although the loss fell and fell. ``diagnose`` measures what is wrong, and
says what to change.
"""

# %%
# Patches of photographs, and whitening that holds back nothing: what is noise becomes as strong as
# everything else.
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
# The change as it is printed, and nothing else:
changed = clone(model).set_params(whitening__epsilon=1.0).fit(photographs)
print(diagnose(changed, photographs))

_, axes = plt.subplots(1, 2, figsize=(8, 4.3), layout="constrained")
for ax, (name, shown) in zip(axes, {"before": model, "after": changed}.items(), strict=True):
    plot_features(shown, n_columns=7, ax=ax)
    ax.set_title(name)

# %%
# **Next:** :doc:`/is-it-good` lists what is measured, :doc:`/noise` what else makes noise.
