"""Laws of what steps answer, of every step that a model file may hold."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from sklearn.utils import get_tags

from rhohat import (
    ChannelScaling,
    ContrastNormalizer,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SeriesSpectra,
    SeriesSpectrogram,
    SpectrogramExtractor,
    Standardization,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
)
from rhohat.estimators.registry import ROWS
from rhohat.preprocessing.steps import AffineMap, Step, step_of

rng = np.random.RandomState(0)
ROWS_OF_DATA = rng.uniform(size=(400, 6)) @ rng.normal(size=(6, 9)) + 1
IMAGES = list(rng.uniform(size=(12, 20, 22)))
SERIES = list(rng.normal(size=(3, 2, 300)))
SOUNDS = list(rng.normal(size=(3, 4000)))

#: A step, what it is given, and what errors call one of these.
STEPS = {
    "ZCA": (Whitening(epsilon=0.1), ROWS_OF_DATA, None),
    "PCA": (Whitening("pca", n_components=4), ROWS_OF_DATA, None),
    "one scale": (Standardization(), ROWS_OF_DATA, None),
    "a scale each": (Standardization("columns"), ROWS_OF_DATA, None),
    "patch normalizer": (PatchNormalizer(feature_range=(-0.5, 1)), ROWS_OF_DATA, None),
    "contrast normalizer": (ContrastNormalizer(), ROWS_OF_DATA, None),
    "filter": (OneOverFWhitening(), IMAGES, "image"),
    "patches": (PatchExtractor(4, n_patches=50, random_state=0), IMAGES, "image"),
    "windows": (WindowExtractor(20, n_windows=50, random_state=0), SERIES, "series"),
    "channels": (ChannelScaling(rate=100), SERIES, "series"),
    "spectra of series": (SeriesSpectra(64, hop=32, rate=100), SERIES, "series"),
    "spectrogram of series": (SeriesSpectrogram(32, hop=16, rate=100), SERIES, "series"),
    "spectrogram": (SpectrogramExtractor(8000, n_mels=12), SOUNDS, "recording"),
    "waveform": (WaveformExtractor(8000), SOUNDS, "recording"),
    "scikit-learn's scaler": (StandardScaler(), ROWS_OF_DATA, None),
    "scikit-learn's PCA": (PCA(4), ROWS_OF_DATA, None),
}

#: Those whose inverse is told for a typical row, or where nothing is clipped.
NOT_AFFINE = {"PatchNormalizer", "ContrastNormalizer"}

every_step = pytest.mark.parametrize(("estimator", "X", "noun"), STEPS.values(), ids=STEPS.keys())


def test_every_step_in_the_registry_has_a_case():
    steps = {name for name, row in ROWS.items() if issubclass(row.cls, Step)}
    ours = {name for name, row in ROWS.items() if ".preprocessing." in row.cls.__module__}
    assert steps == ours == {type(step).__name__ for step, _, _ in STEPS.values()} & set(ROWS)


@every_step
def test_what_it_is_given_is_gone_over_one_after_the_other(estimator, X, noun):
    takes = step_of(estimator).takes
    assert (None if takes is None else takes.noun) == noun
    if takes is not None:
        found = list(takes.each(X))
        assert len(found) == len(X)
        assert all(np.array_equal(a.ravel(), x.ravel()) for a, x in zip(found, X, strict=True))


@every_step
def test_its_tags_say_whether_it_takes_rows_or_larger_things(estimator, X, noun):
    tags = get_tags(estimator).input_tags
    assert (tags.two_d_array, tags.three_d_array) == (noun is None, noun is not None)


@every_step
def test_joined_to_an_affine_map_it_is_the_same_as_before_it(estimator, X, noun):
    if noun is not None:
        assert step_of(estimator).joined(AffineMap(np.eye(3), np.zeros(3))) is None
        return
    out = estimator.fit_transform(X)
    after = AffineMap(rng.normal(size=(3, out.shape[1])), rng.normal(size=3))
    joined = step_of(estimator).joined(after)
    if joined is not None:
        assert_allclose(
            X @ joined.weights.T + joined.bias, out @ after.weights.T + after.bias, atol=1e-10
        )


@every_step
def test_its_middle_is_that_of_what_it_makes_of_its_data(estimator, X, noun):
    if noun is not None:
        assert step_of(estimator).middle is None
        return
    out = estimator.fit_transform(X)
    middle = step_of(estimator).middle
    if middle is not None:
        assert middle.shape == out.shape[1:]
        # The mean itself, or nearly so where rows are clipped.
        assert_allclose(out.mean(), middle.mean(), atol=1e-2)


@every_step
def test_directions_carried_back_are_those_that_its_output_changes_along(estimator, X, noun):
    if noun is not None:
        return
    out = estimator.fit_transform(X)
    weights = rng.normal(size=(3, out.shape[1]))
    back = step_of(estimator).carried_back(weights)
    if back is None:
        assert not hasattr(estimator, "adjoint")
        return
    x, moves = X.mean(axis=0), 1e-4 * np.eye(X.shape[1])
    slopes = (estimator.transform(x + moves) - estimator.transform(x - moves)) @ weights.T / 2e-4
    assert back.values.shape == (3, X.shape[1])
    assert_allclose(back.values, slopes.T, atol=1e-6)


@every_step
def test_changes_carried_back_are_those_that_change_its_output_so(estimator, X, noun):
    if noun is not None:
        return
    out = estimator.fit_transform(X)
    changes = estimator.transform(X[1:4]) - out[:1]  # such as its output can have
    back = step_of(estimator).as_change_of_input(changes)
    assert back.shape == (3, X.shape[1])
    if type(estimator).__name__ not in NOT_AFFINE:
        assert_allclose(estimator.transform(X[:1] + back) - out[:1], changes, atol=1e-8)


def test_a_filter_is_carried_back_with_half_a_patch_around():
    step = OneOverFWhitening().fit(IMAGES)
    back = step.carried_back(np.ones((2, 5, 4)))
    assert back.values.shape == (2, 5 + 4, 4 + 4)
    assert back.title == "in the image: the patch and 2 pixels around it"


@pytest.mark.parametrize("method", ["zca", "pca"])
def test_spectrum_of_whitening_is_the_variance_before_and_after(method):
    step = Whitening(method, epsilon=0.1).fit(ROWS_OF_DATA)
    spectrum = step.spectrum(None)
    before = np.linalg.eigvalsh(np.cov(ROWS_OF_DATA.T, bias=True))[::-1]
    after = np.linalg.eigvalsh(np.cov(step.transform(ROWS_OF_DATA).T, bias=True))[::-1]
    assert (
        "; 3 that hold only rounding errors" in spectrum.description
    )  # of nine columns, made of six
    assert_allclose(spectrum.before[:6], before[:6], rtol=1e-9)
    assert_allclose(spectrum.after[:6], after[:6], rtol=1e-9)
    assert np.isnan([spectrum.before[6:], spectrum.after[6:]]).all()


def test_spectrum_of_a_filter_needs_images_and_looks_at_ten():
    step = OneOverFWhitening().fit(IMAGES)
    assert step.spectrum(None) is None
    spectrum = step.spectrum(IMAGES)
    assert "mean of 10 images" in spectrum.description
    assert spectrum.x.shape == spectrum.before.shape == spectrum.after.shape


@pytest.mark.parametrize(
    ("extractor", "rows"),
    [(SpectrogramExtractor(8000, n_mels=12), 12), (WaveformExtractor(8000), None)],
)
def test_sound_of_a_window_lasts_as_long_as_the_window(extractor, rows):
    (window,) = extractor.fit_transform(SOUNDS[:1])
    frequencies = extractor.frequencies
    assert (None if frequencies is None else len(frequencies)) == rows
    part = window[3:8] if rows else window
    samples = extractor.sound_of(part, 3 if rows else 0)
    assert np.isfinite(samples).all()
    seconds = extractor.seconds_of(part.shape[1])
    assert len(samples) / 8000 == pytest.approx(seconds, abs=extractor.seconds_per_moment)


@pytest.mark.parametrize(
    ("normalize", "share"), [("none", 0.97), ("recording", 0.7), ("band", 0.7)]
)
def test_the_sound_of_some_bands_is_silent_elsewhere(normalize, share):
    extractor = SpectrogramExtractor(8000, n_mels=12, normalize=normalize)
    (window,) = extractor.fit_transform(SOUNDS[:1])
    samples = extractor.sound_of(window[4:7], 4)
    power = np.square(np.abs(np.fft.rfft(samples)))
    at = np.fft.rfftfreq(len(samples), 1 / 8000)
    f = extractor.frequencies
    inside = (f[8] < at) & (at < f[2])
    assert power[inside].sum() > share * power.sum()


@every_step
def test_what_is_undone_is_transformed_to_the_same_again(estimator, X, noun):
    if noun is not None:
        return
    step = estimator.fit(X)
    rows = np.asarray(step.transform(X))
    inside = ((rows > rows.min()) & (rows < rows.max())).all(axis=1)  # and not clipped
    undone = step_of(step).undone(rows[inside], X[inside])
    assert_allclose(step.transform(undone), rows[inside], atol=1e-9)


def test_what_a_normalizer_takes_from_each_row_is_that_of_the_given_one():
    for step, center in ((PatchNormalizer(), 0.5), (ContrastNormalizer(), 0.0)):
        step.fit(ROWS_OF_DATA)
        flat = step.undone(np.full(ROWS_OF_DATA.shape, center), ROWS_OF_DATA)
        assert_allclose(flat, np.tile(ROWS_OF_DATA.mean(axis=1, keepdims=True), (1, 9)))


def test_a_step_without_an_inverse_undoes_nothing():
    for step in (Normalizer(), FunctionTransformer(np.exp), SimpleImputer()):
        rows = step.fit_transform(ROWS_OF_DATA)
        assert step_of(step).undone(rows, ROWS_OF_DATA) is None
