"""Convolution and pooling: the same as cutting every patch, encoding it and pooling by hand."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rhohat import (
    ContrastNormalizer,
    ConvolutionalFeatures,
    L1Sparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    Whitening,
    load,
    save,
)
from rhohat.estimators import convolution

GRAY = np.random.RandomState(1).uniform(size=(5, 11, 14))
COLOR = np.random.RandomState(2).uniform(size=(3, 10, 9, 3))
POOL = {"mean": np.mean, "max": np.max, "sum": np.sum}


def autoencoder(**parameters):
    return SparseAutoencoder(4, **{"max_iter": 6, "random_state": 0, "n_jobs": 1, **parameters})


def pipeline(*steps, size=(4, 3), **parameters):
    extractor = PatchExtractor(size, n_patches=200, random_state=0)
    return make_pipeline(extractor, *steps, autoencoder(**parameters))


#: Pipelines from images to activations, by what happens to a patch.
MODELS = {
    "raw": lambda: pipeline(),
    "zca": lambda: pipeline(Whitening()),
    "pca": lambda: pipeline(Whitening("pca", n_components=7), activation="tanh"),
    "whitened twice": lambda: pipeline(Whitening("pca", n_components=9), Whitening()),
    "normalized": lambda: pipeline(PatchNormalizer(n_deviations=1.0), decoder="sigmoid"),
    "contrast": lambda: pipeline(
        ContrastNormalizer(),
        Whitening(),
        activation="relu",
        sparsity_penalty=L1Sparsity(0.1),
    ),
    "nested": lambda: pipeline("passthrough", make_pipeline(PatchNormalizer(), Whitening())),
    "filtered": lambda: make_pipeline(OneOverFWhitening(), pipeline(PatchNormalizer())),
}
FITTED = {
    (name, kind): model().fit(images)
    for name, model in MODELS.items()
    for kind, images in (("gray", GRAY), ("color", COLOR))
}
IMAGES = {"gray": GRAY, "color": COLOR}


def flat(model):
    """Steps of pipelines in pipelines that do something."""
    steps = [step for _, step in model.steps if step != "passthrough"]
    return [inner for s in steps for inner in (flat(s) if hasattr(s, "steps") else [s])]


def explicit(model, images, pooling="mean", cells=(2, 2), window=None, encode=None, stride=1):
    """Every patch cut by a loop, sent through the pipeline's own steps, and pooled by a loop."""
    steps = flat(model)
    if isinstance(steps[0], OneOverFWhitening):
        images = steps.pop(0).transform(images)
    height, width = steps.pop(0).patch_shape_[:2]

    rows = []
    for image in images:
        tops = range(0, image.shape[0] - height + 1, stride)
        lefts = range(0, image.shape[1] - width + 1, stride)
        patches = [image[y : y + height, x : x + width].ravel() for y, x in product(tops, lefts)]
        for step in steps[:-1]:
            patches = step.transform(patches)
        A = (encode or steps[-1].transform)(patches).reshape(len(tops), len(lefts), -1)
        if window is None:
            bands = [np.arange(n + 1) * size // n for n, size in zip(cells, A.shape, strict=False)]
        else:
            bands = [np.arange(0, size + 1, n) for n, size in zip(window, A.shape, strict=False)]
        rows.append(
            [
                POOL[pooling](A[y : bands[0][i + 1], x : bands[1][j + 1]], axis=(0, 1))
                for (i, y), (j, x) in product(enumerate(bands[0][:-1]), enumerate(bands[1][:-1]))
            ]
        )
    return np.array(rows).reshape(len(images), -1)


every_kind = pytest.mark.parametrize("kind", ["gray", "color"])


@every_kind
@pytest.mark.parametrize("name", MODELS)
def test_features_are_those_of_every_patch_cut_out(name, kind):
    model, images = FITTED[name, kind], IMAGES[kind]
    features = ConvolutionalFeatures(model).fit_transform(images)
    assert_allclose(features, explicit(model, images), rtol=1e-10, atol=1e-12)


@every_kind
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("pooling", POOL)
@pytest.mark.parametrize(
    "cells", [{"grid": 1}, {"grid": (2, 3)}, {"window": 2}, {"window": (1, 2)}], ids=str
)
def test_stride_pooling_and_cells(kind, stride, pooling, cells):
    model, images = FITTED["contrast", kind], IMAGES[kind]
    features = ConvolutionalFeatures(model, stride=stride, pooling=pooling, **cells)
    pair = next(iter(cells.values()))
    pair = (pair, pair) if isinstance(pair, int) else pair
    by_hand = {"window" if "window" in cells else "cells": pair}
    expected = explicit(model, images, pooling, stride=stride, **by_hand)
    assert_allclose(features.fit_transform(images), expected, rtol=1e-10, atol=1e-12)


@every_kind
@pytest.mark.parametrize("pooling", POOL)
@pytest.mark.parametrize("name", MODELS)
def test_soft_threshold_splits_responses_of_unit_filters_by_sign(name, kind, pooling):
    model, images = FITTED[name, kind], IMAGES[kind]
    features = ConvolutionalFeatures(
        model, encoding="soft-threshold", threshold=0.3, pooling=pooling
    )
    W = flat(model)[-1].encoder_weights_
    W = W / np.linalg.norm(W, axis=1, keepdims=True)

    def encode(rows):
        z = np.asarray(rows) @ W.T
        return np.hstack([np.maximum(0, z - 0.3), np.maximum(0, -z - 0.3)])

    expected = explicit(model, images, pooling, encode=encode)
    assert_allclose(features.fit_transform(images), expected, rtol=1e-10, atol=1e-12)


def test_unit_without_weights_responds_to_nothing():
    model = pipeline().fit(GRAY)
    model[-1].encoder_weights_[1] = 0
    features = ConvolutionalFeatures(model, encoding="soft-threshold", grid=1).fit_transform(GRAY)
    assert not features[:, [1, 5]].any()
    assert features[:, [0, 2, 3]].any()


@pytest.mark.parametrize("pooling", POOL)
@pytest.mark.parametrize("block_bytes", [1, 1000, 10_000, 1 << 30])
def test_features_do_not_depend_on_how_images_are_cut_into_blocks(
    pooling, block_bytes, monkeypatch
):
    features = ConvolutionalFeatures(FITTED["zca", "gray"], pooling=pooling, grid=(3, 2)).fit(GRAY)
    expected = features.transform(GRAY)
    monkeypatch.setattr(convolution, "BLOCK_BYTES", block_bytes)
    assert_allclose(features.transform(GRAY), expected, rtol=1e-12)


def test_images_of_any_size_give_as_many_features():
    features = ConvolutionalFeatures(FITTED["zca", "gray"]).fit(GRAY)
    images = [GRAY[0], GRAY[1], GRAY[2][:7], np.tile(GRAY[3], (3, 2)), GRAY[4]]
    together = features.transform(images)
    assert together.shape == (5, 16)
    for image, row in zip(images, together, strict=True):
        assert_allclose(features.transform([image])[0], row, rtol=1e-12)


def test_result_has_the_same_bits_for_any_number_of_threads():
    features = ConvolutionalFeatures(FITTED["zca", "color"]).fit(COLOR)
    images = np.tile(COLOR, (9, 3, 3, 1))
    one, three = (features.set_params(n_jobs=n).transform(images) for n in (1, 3))
    assert_array_equal(one, three)


@pytest.mark.parametrize("encoding", ["activation", "soft-threshold"])
def test_float32_stays_float32(encoding):
    features = ConvolutionalFeatures(FITTED["contrast", "color"], encoding=encoding).fit(COLOR)
    single = features.transform(COLOR.astype(np.float32))
    assert single.dtype == np.float32
    assert features.transform(list(COLOR.astype(np.float32))).dtype == np.float32
    assert_allclose(single, features.transform(COLOR), rtol=1e-3, atol=1e-4)


def test_integers_are_computed_in_float64():
    features = ConvolutionalFeatures(FITTED["zca", "gray"]).fit(GRAY)
    integers = (GRAY * 255).astype(np.uint8)
    assert_array_equal(features.transform(integers), features.transform(integers.astype(float)))


def test_a_model_that_is_not_fitted_learns_from_the_images():
    model = MODELS["zca"]()
    features = ConvolutionalFeatures(model).fit(GRAY)
    assert not hasattr(model[-1], "encoder_weights_")
    assert_array_equal(
        features.transform(GRAY), ConvolutionalFeatures(FITTED["zca", "gray"]).fit_transform(GRAY)
    )


def test_a_fitted_model_is_used_as_it_is():
    model = FITTED["zca", "gray"]
    assert ConvolutionalFeatures(model).fit(GRAY[::-1]).model_ is model


def test_a_clone_learns_anew_but_a_frozen_model_stays():
    model = FITTED["zca", "gray"]
    other = GRAY[:2] ** 3
    anew = clone(ConvolutionalFeatures(model)).fit(other)
    frozen = clone(ConvolutionalFeatures(FrozenEstimator(model))).fit(other)
    assert not np.array_equal(anew.model_[-1].encoder_weights_, model[-1].encoder_weights_)
    assert frozen.model_.estimator is model


def test_bare_autoencoder_takes_the_patch_size():
    patches = PatchExtractor((4, 3), n_patches=50, random_state=0).fit_transform(COLOR)
    model = autoencoder().fit(patches)
    features = ConvolutionalFeatures(model, patch_size=(4, 3)).fit(COLOR)
    assert features.patch_shape_ == (4, 3, 3)
    whole = make_pipeline(PatchExtractor((4, 3)).fit(COLOR), model)
    assert_array_equal(features.transform(COLOR), ConvolutionalFeatures(whole).fit_transform(COLOR))


def test_grid_search_reaches_the_model_and_the_pooling():
    labels = np.arange(10) % 2
    images = np.random.RandomState(0).uniform(size=(10, 8, 8)) * (1 + labels)[:, None, None]
    search = GridSearchCV(
        make_pipeline(ConvolutionalFeatures(pipeline(Whitening())), LogisticRegression()),
        {
            "convolutionalfeatures__pooling": ["mean", "max"],
            "convolutionalfeatures__model__sparseautoencoder__n_components": [3],
        },
        cv=2,
    ).fit(images, labels)
    assert search.best_estimator_[0].model_[-1].encoder_weights_.shape == (3, 12)
    assert search.best_estimator_.predict(images).shape == (10,)


def test_output_columns_have_names():
    features = ConvolutionalFeatures(FITTED["zca", "gray"], encoding="soft-threshold").fit(GRAY)
    table = features.set_output(transform="pandas").transform(GRAY)
    assert list(table.columns) == [f"convolutionalfeatures{i}" for i in range(32)]


@pytest.mark.parametrize("cells", [{}, {"window": 2}])
@pytest.mark.parametrize("model", [FITTED["zca", "color"], MODELS["contrast"]()])
def test_saved_features_come_back_to_the_last_bit(model, cells, tmp_path):
    features = ConvolutionalFeatures(model, **cells).fit(COLOR)
    save(features, tmp_path / "features.safetensors")
    loaded = load(tmp_path / "features.safetensors")
    assert_array_equal(loaded.transform(COLOR), features.transform(COLOR))
    assert loaded.get_params(deep=False).keys() == features.get_params(deep=False).keys()
    assert loaded.grid_ == features.grid_


def test_what_failed_or_is_half_fitted_is_not_fitted():
    wrong = ConvolutionalFeatures(FITTED["zca", "gray"], window=20)
    with pytest.raises(ValueError, match="no window"):
        wrong.fit(GRAY)
    with pytest.raises(NotFittedError):
        wrong.transform(GRAY)
    half = make_pipeline(PatchExtractor((3, 4)), Whitening(), FITTED["zca", "gray"][-1])
    with pytest.raises(NotFittedError):
        ConvolutionalFeatures(half).fit(GRAY)


def test_memory_does_not_grow_with_responses():
    features = ConvolutionalFeatures(FITTED["zca", "gray"], n_jobs=2).fit(GRAY)
    peaks = []
    for images in ([np.ones((600, 600))], [np.ones((6, 60_000))], np.ones((1000, 24, 24))):
        features.transform(images[:1])
        tracemalloc.start()
        features.transform(images)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Responses alone: 11 and 14 MiB; all patches: 33 and 44 MiB.
    assert max(peaks) < 60 << 20


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"stride": 0}, ValueError, "stride must be at least 1"),
        ({"encoding": "triangle"}, ValueError, "encoding must be one of 'activation'"),
        ({"threshold": -1}, ValueError, "threshold must lie in"),
        ({"pooling": "median"}, ValueError, "pooling must be one of 'mean'"),
        ({"grid": (2, 2, 2)}, ValueError, r"grid must be one number or \(height, width\)"),
        ({"window": 0}, ValueError, "window must be at least 1"),
        ({"window": "all"}, TypeError, "window must be an integer"),
        ({"window": 20}, ValueError, "room for no window of 20 x 20"),
        ({"grid": 20}, ValueError, "8 x 12 positions, room for fewer than 20 x 20 cells"),
        ({"patch_size": 5}, ValueError, r"patch_size is \(5, 5\), but the model learned from"),
        ({"pooling": None}, ValueError, "pooling must name at least one"),
        ({"model": Whitening()}, TypeError, "must be a SparseAutoencoder or a Pipeline"),
        ({"model": autoencoder()}, ValueError, "put an extractor before it in a pipeline"),
        (
            {"model": autoencoder().fit(np.eye(12))},
            ValueError,
            "patch_size must be given, since the model has no PatchExtractor",
        ),
    ],
)
def test_what_is_wrong_is_named(parameters, error, message):
    features = ConvolutionalFeatures(**{"model": FITTED["zca", "gray"], **parameters})
    with pytest.raises(error, match=message):
        features.fit(GRAY)


@pytest.mark.parametrize(
    ("cells", "image", "message"),
    [
        ({}, np.ones((3, 9)), "image 1 has 3 x 9 pixels, too few"),
        ({}, np.ones((9, 9, 3)), "image 1 has shape"),
        ({}, np.full((9, 9), np.nan), "image 1 contains NaN"),
        ({}, np.ones((4, 9)), "image 1 has 1 x 7 positions"),
        ({"window": 4}, np.ones((9, 9)), "1 x 1 windows, but fit saw 2 x 3"),
    ],
)
def test_image_that_does_not_fit_is_named(cells, image, message):
    features = ConvolutionalFeatures(FITTED["zca", "gray"], **cells).fit(GRAY)
    with pytest.raises(ValueError, match=message):
        features.transform([GRAY[0], image])
