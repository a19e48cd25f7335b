"""ONNX: a runtime computes from the file what the model computes, in single precision."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import AnomalyDetector, SparseAutoencoder, StackedAutoencoderClassifier, TopK, export
from rhohat.objective.activations import ACTIVATIONS
from rhohat.preprocessing.onnx_operations import ONNX_OPERATIONS
from rhohat.preprocessing.operations import NotComputedError
from support.exported import DIGITS, MODELS, fitted, made_by, units

onnxruntime = pytest.importorskip("onnxruntime")


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def outputs(path, X):
    """What a runtime makes of data, by names."""
    opened = session(path)
    (given,) = opened.get_inputs()
    return dict(
        zip((o.name for o in opened.get_outputs()), opened.run(None, {given.name: X}), strict=True)
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_runtime_makes_of_data_what_the_model_does(name, tmp_path):
    model, X = fitted(name)
    export(model, tmp_path / "model.onnx")
    found = next(iter(outputs(tmp_path / "model.onnx", X).values()))
    expected = made_by(model, X.astype(np.float64))
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    rounded = np.abs(made_by(model, X) - expected).max()
    assert np.abs(found - expected).max() <= max(1e-6 * np.abs(expected).max(), rounded)


@pytest.mark.parametrize("gain", [2.0**-30, 2.0**10])
def test_how_loud_a_recording_is_makes_no_difference(gain, tmp_path):
    model, X = fitted("spectrogram as it is")
    export(model, tmp_path / "model.onnx")
    loud, usual, silent = (
        outputs(tmp_path / "model.onnx", np.float32(factor) * X)["features"]
        for factor in (gain, 1, 0)
    )
    assert np.abs(loud - usual).max() < 1e-6
    assert np.isfinite(silent).all()


@pytest.mark.parametrize(
    "classes", [np.arange(10) + 5, np.array([f"μ{i}" for i in range(10)]), np.arange(10) / 2]
)
def test_labels_are_those_that_a_classifier_predicts(classes, tmp_path):
    y = classes[load_digits().target]
    classes = y if y.dtype.kind != "f" else (2 * y).astype(np.float32)
    model = StackedAutoencoderClassifier(units(), max_iter=5).fit(DIGITS, classes)
    export(model, tmp_path / "model.onnx")
    assert_array_equal(outputs(tmp_path / "model.onnx", DIGITS)["labels"], model.predict(DIGITS))


def test_images_may_have_any_size_where_patches_do(tmp_path):
    model, X = fitted("convolution")
    export(model, tmp_path / "model.onnx")
    smaller = np.ascontiguousarray(X[:, 5:31, 7:50])
    found = outputs(tmp_path / "model.onnx", smaller)["features"]
    assert np.abs(found - model.transform(smaller.astype(float))).max() < 1e-6


def test_of_equal_inputs_that_of_the_first_unit_counts_as_larger(tmp_path):
    model = units(6, activation=TopK(2), sparsity_penalty="none").fit(DIGITS)
    model.encoder_weights_[:] = np.abs(model.encoder_weights_[0])
    model.encoder_bias_[:] = 3
    export(model, tmp_path / "model.onnx")
    found = outputs(tmp_path / "model.onnx", DIGITS)["features"]
    assert_array_equal(found > 0, np.arange(6) < np.full((len(DIGITS), 1), 2))


def test_a_file_says_what_it_is_given(tmp_path):
    model, _ = fitted("waveform")
    export(model, tmp_path / "model.onnx")
    (given,) = session(tmp_path / "model.onnx").get_inputs()
    assert (given.name, given.shape) == ("recordings", ["n", "samples"])
    told = session(tmp_path / "model.onnx").get_modelmeta().description
    assert "8000 samples per second" in told


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            make_pipeline(StandardScaler(), SparseAutoencoder(3, max_iter=2)),
            "Pipeline cannot be exported to onnx: the operation of StandardScaler is not known. "
            "Leave that step out",
        ),
        (AnomalyDetector(), "the operation of AnomalyDetector is not known"),
    ],
)
def test_what_onnx_cannot_hold_is_refused_with_the_reason(model, told, tmp_path):
    with pytest.raises(NotComputedError, match=told):
        export(model.fit(DIGITS[:50]), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_an_activation_without_a_row_is_refused(tmp_path, monkeypatch):
    model, _ = fitted("relu")
    rows = {name: row for name, row in ONNX_OPERATIONS.items() if name != "relu"}
    monkeypatch.setattr("rhohat.preprocessing.onnx_operations.ONNX_OPERATIONS", rows)
    with pytest.raises(NotComputedError, match="there are no ONNX operators for 'relu'"):
        export(model, tmp_path / "model.onnx")


def test_onnx_has_all_activations():
    assert set(ACTIVATIONS) <= set(ONNX_OPERATIONS)
