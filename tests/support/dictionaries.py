"""Rows that are made of a few atoms each, which are known, and units held against them."""

import numpy as np

#: Share of the rows in which an atom occurs.
SHARE = 0.1


def planted(n_rows, *, n_features=16, n_atoms=16, noise=0.02, seed=0, dtype=np.float64):
    """Rows, (m, d), and the atoms that they are sums of, (n_atoms, d), of length 1."""
    random = np.random.RandomState(seed)
    atoms = random.normal(size=(n_atoms, n_features))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    occurs = random.uniform(size=(n_rows, n_atoms)) < SHARE
    codes = occurs * random.uniform(0.5, 1.5, (n_rows, n_atoms))
    X = codes @ atoms + noise * random.normal(size=(n_rows, n_features))
    return X.astype(dtype), atoms


def found(model, atoms):
    """Share of the atoms that the decoder of some unit points along."""
    W = model.decoder_weights_ / np.linalg.norm(model.decoder_weights_, axis=1, keepdims=True)
    return float(np.mean((W @ atoms.T).max(axis=0) > 0.9))
