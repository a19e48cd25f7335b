"""Models are taken apart once, however their steps are wrapped."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from rhohat import (
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    SpectrogramExtractor,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
    WindowExtractor,
)
from rhohat.estimators.anatomy import Anatomy

AE, STACK, CLASSIFIER = SparseAutoencoder(), StackedAutoencoder(), StackedAutoencoderClassifier()
FILTER, PATCHES, WHITENING = OneOverFWhitening(), PatchExtractor(), Whitening()
SOUND, WINDOWS, SCALER = SpectrogramExtractor(), WindowExtractor(), StandardScaler()
OTHER, NORMALIZER, LOGISTIC = FunctionTransformer(), PatchNormalizer(), LogisticRegression()

#: A model, its filters, extractor, steps of rows, units and what comes after; what it is given.
MODELS = {
    "an autoencoder": (AE, [[], None, [], [AE], []], "rows"),
    "rows": (make_pipeline(SCALER, AE), [[], None, [SCALER], [AE], []], "rows"),
    "patches": (
        make_pipeline(FILTER, PATCHES, NORMALIZER, WHITENING, AE),
        [[FILTER], PATCHES, [NORMALIZER, WHITENING], [AE], []],
        "images",
    ),
    "patches, wrapped": (
        make_pipeline(
            FILTER, make_pipeline(PATCHES, FrozenEstimator(WHITENING)), "passthrough", AE
        ),
        [[FILTER], PATCHES, [WHITENING], [AE], []],
        "images",
    ),
    "somebody's images": (
        make_pipeline(OTHER, PATCHES, AE),
        [[OTHER], PATCHES, [], [AE], []],
        "images",
    ),
    "series": (make_pipeline(WINDOWS, AE), [[], WINDOWS, [], [AE], []], "series"),
    "sounds": (
        make_pipeline(SOUND, WINDOWS, AE),
        [[SOUND], WINDOWS, [], [AE], []],
        "recordings",
    ),
    "patches of sounds": (
        make_pipeline(SOUND, PATCHES, WHITENING, AE),
        [[SOUND], PATCHES, [WHITENING], [AE], []],
        "recordings",
    ),
    "autoencoders in a row": (
        make_pipeline(WHITENING, AE, STACK),
        [[], None, [WHITENING], [AE, STACK], []],
        "rows",
    ),
    "autoencoders apart": (
        make_pipeline(AE, SCALER, STACK),
        [[], None, [AE, SCALER], [STACK], []],
        "rows",
    ),
    "a network on features": (
        make_pipeline(PATCHES, AE, CLASSIFIER),
        [[], PATCHES, [AE], [CLASSIFIER], []],
        "images",
    ),
    "something after": (
        make_pipeline(SCALER, AE, LOGISTIC),
        [[], None, [SCALER], [AE], [LOGISTIC]],
        "rows",
    ),
    "a filter alone": (FILTER, [[], None, [FILTER], [], []], "images"),
    "no units": (make_pipeline(PATCHES, PCA()), [[], PATCHES, [None], [], []], "images"),
}

every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_steps_lie_where_they_are_applied(name):
    model, (filters, extractor, of_rows, units, after), kind = MODELS[name]
    anatomy = Anatomy.of(model)
    assert anatomy.extractor is extractor
    found = anatomy.filters, anatomy.of_rows, anatomy.units, anatomy.after
    for steps, expected in zip(found, (filters, of_rows, units, after), strict=True):
        assert len(steps) == len(expected)
        assert all(
            step is other or other is None for step, other in zip(steps, expected, strict=True)
        )
    assert ("rows" if anatomy.takes is None else anatomy.takes.kind) == kind


@every_model
def test_no_step_is_lost(name):
    anatomy = Anatomy.of(MODELS[name][0])
    cut = [] if anatomy.extractor is None else [anatomy.extractor]
    parts = [*anatomy.filters, *cut, *anatomy.of_rows, *anatomy.units, *anatomy.after]
    assert list(map(id, anatomy.steps)) == list(map(id, parts))
    assert [*anatomy.before, *anatomy.units, *anatomy.after] == anatomy.steps


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (AE, AE),
        (make_pipeline(PATCHES, WHITENING, AE), AE),
        (make_pipeline(STACK, AE), AE),
        (make_pipeline(AE, STACK), None),
        (make_pipeline(AE, LOGISTIC), None),
        (WHITENING, None),
    ],
)
def test_the_autoencoder_is_what_the_model_ends_in(model, expected):
    assert Anatomy.of(model).autoencoder is expected


def test_filters_make_of_images_what_the_extractor_is_given():
    images = np.random.RandomState(0).uniform(size=(4, 12, 12))
    model = make_pipeline(OneOverFWhitening(), PatchExtractor(None), Whitening())
    model.fit(images)
    filtered = Anatomy.of(model).filtered(images)
    assert np.array_equal(filtered.reshape(4, -1), model[:2].transform(images))
