"""
What are these spectra made of?
===============================

These spectra are noisy mixtures of six substances. Each principal component mixes several
substances, but each unit stands for one.
"""

# %%
# The spectrum of a substance has three peaks. A mixture contains about a third of the substances.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from rhohat import choose, matched_cosines

rng = np.random.default_rng(0)
wavelengths = np.linspace(400, 1000, 300)


def substance():
    centers, widths = rng.uniform(430, 970, 3), rng.uniform(8, 30, 3)
    peaks = np.exp(-0.5 * ((wavelengths[:, None] - centers) / widths) ** 2)
    return peaks @ rng.uniform(0.3, 1, 3)


substances = np.array([substance() for _ in range(6)])
amounts = rng.exponential(size=(800, 6)) * (rng.random((800, 6)) < 0.3)
spectra = amounts @ substances + 0.05 * rng.standard_normal((800, 300))

# %%
# Next to each substance are the unit and the principal component that are most similar to it:
found = {
    "units": choose(spectra, 6, random_state=0).patterns_,
    "principal components": PCA(6).fit(spectra).components_,
}
figure, axes = plt.subplots(6, 3, figsize=(9, 6), layout="constrained", sharex=True)
for place, rows in zip(axes[:, 0], substances, strict=True):
    place.plot(wavelengths, rows, color="0.4")
axes[0, 0].set_title("substances")
for column, (name, rows) in zip(axes[:, 1:].T, found.items(), strict=True):
    cosines = np.corrcoef(substances, rows)[:6, 6:]
    for ax, cosine in zip(column, cosines, strict=True):
        best = np.argmax(np.abs(cosine))
        ax.plot(wavelengths, np.sign(cosine[best]) * rows[best])
    column[0].set_title(f"{name}: cosine {matched_cosines(substances, rows).mean():.2f}")
for ax in axes.flat:
    ax.set_yticks([])
for ax in axes[-1]:
    ax.set_xlabel("nm")

# %%
# **Next:** :doc:`/tables` reads spectra from files, and :doc:`/choosing` explains how ``choose``
# finds its settings.
