"""Spectra that are mixed from known components."""

import numpy as np


def mixed_spectra(n_rows=500, n_columns=700, n_components=8, seed=0):
    """Wavelengths, components (n_components, n_columns), and noisy sums of few of them."""
    rng = np.random.RandomState(seed)
    wavelengths = np.linspace(400, 1100, n_columns)
    components = np.zeros((n_components, n_columns))
    for component in components:
        for _ in range(3):
            middle, width = rng.uniform(400, 1100), rng.uniform(10, 40)
            height = rng.uniform(0.3, 1)
            component += height * np.exp(-(((wavelengths - middle) / width) ** 2) / 2)
    amounts = rng.exponential(1, (n_rows, n_components)) * (rng.rand(n_rows, n_components) < 0.3)
    noise = 0.03 * rng.randn(n_rows, n_columns)
    return wavelengths, components, amounts @ components + noise + 0.5


def best_correlations(components, pictures):
    """The greatest |r| of each component with any of the pictures."""
    r = np.corrcoef(components, pictures)[: len(components), len(components) :]
    return np.abs(r).max(axis=1)
