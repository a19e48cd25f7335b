"""A step that somebody adds is a class and one row of the registry: all else asks the step."""

import json
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted, validate_data

from rhohat import (
    ConvolutionalFeatures,
    PatchExtractor,
    SparseAutoencoder,
    StackedAutoencoder,
    load,
    maximal_inputs,
    plot_features,
    report,
    save,
)
from rhohat.estimators.fields import COLUMNS, Array
from rhohat.estimators.registry import ROWS, Row
from rhohat.inspection.tiles import input_tiles, pixel_tiles, tiles_of
from rhohat.preprocessing.spectra import Spectrum
from rhohat.preprocessing.steps import AffineMap, Step, step_of

SIDE, FACTOR = 5, 3.0


class Mirror(Step, TransformerMixin, BaseEstimator):
    """Rows without the mean of all, from right to left, and larger: x' = f P (x - mean)."""

    shown_before = "before the mirror"

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.mean_ = validate_data(self, X, dtype=[np.float64, np.float32]).mean(axis=0)
        return self

    def transform(self, X):
        check_is_fitted(self)
        return self.factor * (X - self.mean_)[:, ::-1]

    def adjoint(self, weights):
        return self.factor * weights[:, ::-1]

    @property
    def middle(self):
        return np.zeros(self.n_features_in_)

    def joined(self, after):
        weights = self.adjoint(after.weights)
        return AffineMap(weights, after.bias - weights @ self.mean_)

    def spectrum(self, images):
        components = np.arange(1.0, 4.0)
        return Spectrum(
            components,
            components**2,
            self.factor * components,
            across="component",
            up="variance",
            title="Variance in the mirror",
            description="Of three components.",
            levels={"epsilon": 0.5},
        )


class Plain(TransformerMixin, BaseEstimator):
    """A step that answers nothing: of other people, who do not know of rhohat."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.tanh(X)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(ROWS, "Mirror", Row(Mirror, {**COLUMNS, "mean_": Array(("d",))}))


@pytest.fixture(scope="module")
def images():
    return np.random.RandomState(0).uniform(size=(12, 14, 16))


def fitted(images, step, units=None):
    """A model of patches with this step."""
    units = units or SparseAutoencoder(7, max_iter=5, random_state=0)
    extractor = PatchExtractor(SIDE, n_patches=300, random_state=0)
    return make_pipeline(extractor, step, units).fit(images)


@pytest.fixture(scope="module")
def model(images):
    return fitted(images, Mirror(FACTOR))


@pytest.fixture(scope="module")
def mirrored(model):
    """What the units look for before the mirror, by its own algebra, (7, SIDE, SIDE)."""
    W = model[-1].encoder_weights_
    return (W / np.linalg.norm(W, axis=1, keepdims=True))[:, ::-1].reshape(-1, SIDE, SIDE)


def test_it_is_saved_and_loaded_to_the_last_bit(model, images, tmp_path):
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert type(loaded[1]) is Mirror
    assert loaded[1].factor == FACTOR
    assert_array_equal(loaded[1].mean_, model[1].mean_, strict=True)
    assert_array_equal(loaded.transform(images), model.transform(images), strict=True)


def test_without_its_row_it_is_not_saved(model, tmp_path, monkeypatch):
    monkeypatch.delitem(ROWS, "Mirror")
    with pytest.raises(TypeError, match="Mirror"):
        save(model, tmp_path / "model")


def test_units_are_carried_back_through_it(model, mirrored):
    rows = mirrored.reshape(len(mirrored), -1)
    assert_allclose(maximal_inputs(model[-1], model[1]), rows, atol=1e-12)
    pixels = pixel_tiles(model)
    assert pixels.shape == (SIDE, SIDE)
    assert_allclose(pixels.values, rows, atol=1e-12)
    assert_allclose(input_tiles(model).values, rows[:, ::-1], atol=1e-12)


def test_deeper_units_are_sought_around_its_middle(images, monkeypatch):
    model = fitted(images, Mirror(FACTOR), StackedAutoencoder((7, 4), random_state=0))
    around_zero = input_tiles(model).values
    monkeypatch.setattr(Mirror, "middle", None)  # of data that tell nothing of theirs
    assert_array_equal(input_tiles(model).values, around_zero)
    monkeypatch.setattr(Mirror, "middle", np.full(SIDE**2, 0.5))
    assert np.abs(input_tiles(model).values - around_zero).max() > 1e-6


def test_its_units_are_drawn_where_it_says(model, mirrored):
    assert tiles_of(model).title == "before the mirror"
    drawn = plot_features(model).images[0].get_array()
    assert_allclose(drawn, plot_features(mirrored).images[0].get_array(), atol=1e-12)


def test_a_step_that_turns_axes_leaves_no_pictures_after_it(model, monkeypatch):
    assert input_tiles(model, (SIDE, SIDE)).shape == (SIDE, SIDE)
    monkeypatch.setattr(Mirror, "turns_axes", True)
    assert input_tiles(model, (SIDE, SIDE)).shape is None


def test_the_report_tells_of_it(model, images):
    page = report(model, images).html
    found = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL).group(1))
    settings = re.search(r"<caption>Mirror</caption>.*?</table>", page, re.DOTALL).group()
    assert re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', settings) == [("factor", "3.0")]
    titles = [view["title"] for view in found["layers"][0]["views"]]
    assert titles[0] == "Input that activates it most, before the mirror"
    assert any("after preprocessing" in title for title in titles)
    assert "<p>Of three components.</p>" in page
    chart = found["drawings"]["spectrum"]["chart"]
    assert chart["along"] == [1, 2, 3]
    assert [line["y"] for line in chart["lines"]] == [[1, 4, 9], [3, 6, 9]]
    assert [(mark["label"], mark["y"]) for mark in chart["marks"]] == [("epsilon", 0.5)]


def test_it_joins_the_encoder_at_every_position_of_an_image(model, images, monkeypatch):
    features = ConvolutionalFeatures(model, grid=1).fit(images)
    expected = [model[1:].transform(patches(image)).mean(axis=0) for image in images]
    monkeypatch.delattr(Mirror, "transform")  # that would fail, were it called
    assert_allclose(features.transform(images), expected, rtol=1e-10)


def test_a_step_that_answers_nothing_works_as_it_is(images):
    model = fitted(images, Plain())
    assert pixel_tiles(model) is None
    assert tiles_of(model).title == ""
    features = ConvolutionalFeatures(model, grid=1).fit_transform(images)
    expected = [model[1:].transform(patches(image)).mean(axis=0) for image in images]
    assert_allclose(features, expected, rtol=1e-10)


def test_a_step_with_an_adjoint_alone_is_carried_back():
    class Halved(Plain):
        def adjoint(self, weights):
            return weights / 2

    weights = np.arange(6.0).reshape(2, 3)
    assert_array_equal(step_of(Halved()).carried_back(weights).values, weights / 2)


def patches(image):
    """All patches of an image, as rows."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE))
    return windows.reshape(-1, SIDE**2)
