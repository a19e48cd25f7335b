"""skl2onnx converts pipelines of rhohat's steps and scikit-learn's own, unasked."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    ConvolutionalFeatures,
    PatchExtractor,
    PatchNormalizer,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
)
from support.exported import DIGITS, patches, units

skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

IMAGES = DIGITS.reshape(-1, 8, 8)
LABELS = load_digits().target
#: Pipelines, and their data.
PIPELINES = {
    "whitening and units": (
        lambda: make_pipeline(StandardScaler(), Whitening(), units(), LogisticRegression()),
        DIGITS,
    ),
    "normalizer": (lambda: make_pipeline(StandardScaler(), PatchNormalizer(), units()), DIGITS),
    "stack": (
        lambda: make_pipeline(
            StandardScaler(), StackedAutoencoder((12, 6), estimator=units()), LogisticRegression()
        ),
        DIGITS,
    ),
    "convolution": (
        lambda: make_pipeline(
            ConvolutionalFeatures(make_pipeline(patches(4), Whitening(epsilon=0.1), units())),
            StandardScaler(),
            LogisticRegression(max_iter=1000),
        ),
        IMAGES,
    ),
    "network": (
        lambda: make_pipeline(StandardScaler(), StackedAutoencoderClassifier(units(), max_iter=5)),
        DIGITS,
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_with_steps_of_both_is_converted(name):
    make, X = PIPELINES[name]
    model = make().fit(X.astype(float), LABELS)
    plain = {id(model): {"zipmap": False}} if isinstance(model[-1], LogisticRegression) else None
    converted = skl2onnx.to_onnx(model, X[:1], options=plain)
    session = onnxruntime.InferenceSession(converted.SerializeToString())
    *labels, found = session.run(None, {session.get_inputs()[0].name: X})
    probabilities = hasattr(model, "predict_proba")
    expected = (model.predict_proba if probabilities else model.transform)(X.astype(float))
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    if probabilities:
        assert_array_equal(labels[0], model.predict(X.astype(float)))


def test_labels_that_are_texts_are_converted():
    y = np.array(["even", "odd"])[LABELS % 2]
    model = StackedAutoencoderClassifier(units(), max_iter=5).fit(DIGITS, y)
    converted = skl2onnx.to_onnx(model, DIGITS[:1])
    session = onnxruntime.InferenceSession(converted.SerializeToString())
    assert_array_equal(session.run(["label"], {"X": DIGITS})[0], model.predict(DIGITS))


def test_operators_that_are_too_old_are_refused():
    model = units().fit(DIGITS)
    with pytest.raises(RuntimeError, match="needs version 18 of ONNX's operators or newer"):
        skl2onnx.to_onnx(model, DIGITS[:1], target_opset=15)


def test_steps_that_draw_pieces_are_refused():
    model = make_pipeline(PatchExtractor(4, n_patches=500), units()).fit(IMAGES)
    with pytest.raises(ValueError, match="PatchExtractor does not take rows"):
        skl2onnx.to_onnx(model, IMAGES[:1])
