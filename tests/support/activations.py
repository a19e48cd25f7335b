"""Activations of units of all kinds, made at random."""

import numpy as np


def mixed_activations(rng, n_rows):
    """Sparse ones, (n_rows, 7): one is never very active, one is silent, one always active."""
    A = rng.beta(0.2, 2, (n_rows, 7)).astype(np.float32)
    A[:, 1] *= 0.5
    A[:, 2] = 1e-6
    A[:, 3] = 0.99
    return A
