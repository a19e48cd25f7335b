"""Pairs of rows that are encoded and rows that are reconstructed, and models of every kind."""

import numpy as np
import pytest

from rhohat import (
    GaussianNoise,
    Masking,
    SparseAutoencoder,
    SparseObjective,
    SparseTranscoder,
)
from rhohat.estimators.autoencoder import PARAMETERS
from rhohat.objective.decoders import DECODERS
from support.fits import GROWING, make_model

#: Rows that can be made of those of `GROWING`, in (0, 1): fewer columns, and others.
TARGETS = np.column_stack([GROWING[:, :3] ** 2, GROWING[:, 3:5] @ [[0.5], [0.5]]])
#: Classes, settings and targets: everything that encodes other rows than it reconstructs.
KINDS = {
    "gaussian": (SparseAutoencoder, {"corruption": GaussianNoise(0.1)}, ()),
    "masking": (SparseAutoencoder, {"corruption": Masking(0.3)}, ()),
    "transcoder": (SparseTranscoder, {}, (TARGETS,)),
    "denoising transcoder": (SparseTranscoder, {"corruption": Masking(0.2)}, (TARGETS,)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def make(kind, **changes):
    cls, settings, _ = KINDS[kind]
    return make_model(cls, **(settings | changes))


def decoders_of(kind):
    """A tied decoder reconstructs only rows like those that it encodes."""
    return [name for name, row in DECODERS.items() if not (row.tied and KINDS[kind][2])]


def pairs(kind, n_rows=None):
    """X, and Y if the kind has targets."""
    return tuple(rows[:n_rows] for rows in (GROWING, *KINDS[kind][2]))


def saved(folder, arrays):
    paths = [folder / f"{number}.npy" for number in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    return paths


def encoded_and_target(kind, arrays):
    X, *target = arrays
    corruption = KINDS[kind][1].get("corruption")
    encoded = X if corruption is None else corruption.of(X, np.arange(len(X)))
    return encoded, (target[0] if target else X)


def loss_and_grad(model, kind, arrays, sample_weight=None):
    """J and its gradient at the fitted weights, of rows that are corrupted here."""
    encoded, target = encoded_and_target(kind, arrays)
    objective = SparseObjective(
        model.n_features_in_,
        model.n_components,
        activation=model.activation,
        decoder=model.decoder,
        penalty=model.sparsity_penalty,
        weight_decay=model.weight_decay,
        n_outputs=target.shape[1],
    )
    theta = objective.pack({name: getattr(model, PARAMETERS[name][0]) for name in objective.shapes})
    return objective.loss_grad(theta, encoded, sample_weight, target)
