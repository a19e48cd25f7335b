"""Sweeps over rows with fitted models: made on a device, they are the processor's."""

import copy

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from rhohat import (
    AnomalyDetector,
    ConvolutionalFeatures,
    SparseAutoencoder,
    SparseTranscoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
)
from rhohat.common.devices import TorchDevice
from rhohat.estimators.anatomy import compute_on
from rhohat.inspection.activation_statistics import activation_statistics
from rhohat.inspection.diagnosis import Case
from rhohat.inspection.layers import layers_of
from rhohat.inspection.rebuilding import rebuild
from rhohat.rows.opening import open_store
from rhohat.rows.sources import ArraySource

#: Models, what is computed with each, and on how many rows at least.
SWEEPS = {
    "activations": ("units", lambda model, X: model.transform(X)),
    "activations of a file": ("units", lambda model, X: model.transform(stored(X))),
    "rows again": ("units", lambda model, X: model.inverse_transform(model.transform(X))),
    "errors": ("units", lambda model, X: model.score_samples(X)),
    "averages": ("units", lambda model, X: model.average_activation_ - model.activation_gap(X)),
    "targets": ("pairs", lambda model, X: model.predict(X)),
    "errors of targets": ("pairs", lambda model, X: model.score_samples(X, X[:, :5])),
    "a stack": ("stack", lambda model, X: model.transform(X)),
    "a stack, from a file": ("stack", lambda model, X: model.transform(stored(X))),
    "classes": ("classes", lambda model, X: model.predict_proba(X)),
    "layers of a network": ("classes", lambda model, X: layers_of(model)[1].encoded(stored(X))),
    "anomalies": ("anomalies", lambda model, X: model.score_samples(X)),
    "blame": ("anomalies", lambda model, X: model.blame(X).units),
    "pooled": ("pooled", lambda model, X: model.transform(X[:300].reshape(-1, 4, 4))),
    "pooled, both signs": ("signs", lambda model, X: model.transform(X[:300].reshape(-1, 4, 4))),
    "statistics": ("units", lambda model, X: statistics(layers_of(model)[0], X)),
    "statistics of targets": ("pairs", lambda model, X: statistics(layers_of(model)[0], X)),
    "rebuilding": ("units", lambda model, X: rebuilt(layers_of(model)[0], X)),
    "a diagnosis": ("units", lambda model, X: [Case.of(model, X).explained]),
}


def stored(X):
    """Rows that are read a run at a time, as those of a file are."""
    return open_store([X[:700], X[700:]])


def statistics(layer, X):
    """What a report tells of units' activations."""
    found = activation_statistics(layer.encoded(ArraySource(X)), layer.activation)
    return np.hstack([found.mean[:, None], found.values, found.bounds])


def rebuilt(layer, X):
    """How near a report finds each row to what is rebuilt."""
    return rebuild(layer, ArraySource(X), np.ones(layer.n_units)).distances


def fitted_models(X):
    """Small models of all kinds, fitted on the processor."""
    quick = {"max_iter": 8, "random_state": 0}
    y = (X[:, 0] > X[:, 1]).astype(int)
    units = SparseAutoencoder(12, **quick).fit(X)
    stack = StackedAutoencoder((8, 5), estimator=SparseAutoencoder(**quick)).fit(X)
    network = StackedAutoencoderClassifier(FrozenEstimator(stack), max_iter=5, random_state=0)
    patches = SparseAutoencoder(6, **quick).fit(X[:, :9])
    pooled = (
        ConvolutionalFeatures(
            FrozenEstimator(patches), patch_size=3, grid=1, encoding=encoding, pooling=poolings
        )
        for encoding, poolings in (("activation", ("mean", "max")), ("soft-threshold", "sum"))
    )
    images = X[:300].reshape(-1, 4, 4)
    return {
        "units": units,
        "pairs": SparseTranscoder(12, **quick).fit(X, X[:, :5]),
        "stack": stack,
        "classes": network.fit(X, y),
        "anomalies": AnomalyDetector(SparseAutoencoder(4, **quick)).fit(X),
        **{
            name: maker.fit(images) for name, maker in zip(("pooled", "signs"), pooled, strict=True)
        },
    }


@pytest.fixture(scope="module")
def models():
    """Rows and models of them, in two precisions."""
    X = np.random.RandomState(0).random_sample((1500, 16)) ** 2
    by_precision = {"float64": X, "float32": X.astype(np.float32)}
    return {name: (rows, fitted_models(rows)) for name, rows in by_precision.items()}


@pytest.mark.torch
@pytest.mark.parametrize(("dtype", "gap"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_sweep_over_rows_is_made_there_and_is_the_processors(
    models, sweep, dtype, gap, monkeypatch
):
    kind, compute = SWEEPS[sweep]
    X, fitted = models[dtype]
    here = np.asarray(compute(fitted[kind], X))
    there = copy.deepcopy(fitted[kind])
    compute_on(there, "torch")
    sent, place = [], TorchDevice.place
    monkeypatch.setattr(
        TorchDevice, "place", lambda device, A: sent.append(len(A)) or place(device, A)
    )
    found = np.asarray(compute(there, X))
    assert sum(sent) >= (300 if "pooled" in sweep else len(X))
    assert np.abs(found - here).max() <= gap * np.abs(here).max()


@pytest.mark.torch
@pytest.mark.parametrize("sweep", SWEEPS)
def test_no_sweep_begins_on_a_device_that_is_not_there(models, sweep, monkeypatch):
    kind, compute = SWEEPS[sweep]
    X, fitted = models["float64"]
    there = copy.deepcopy(fitted[kind])
    compute_on(there, "torch")
    monkeypatch.setattr(TorchDevice, "place", lambda *_: pytest.fail("work began"))

    def missing(device, dtype=None):
        raise ValueError("no such device")

    monkeypatch.setattr(TorchDevice, "check", missing)
    with pytest.raises(ValueError, match="no such device"):
        compute(there, X)
