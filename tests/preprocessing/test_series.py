"""Steps before windows of series are cut: scaled channels, spectra and spectrograms."""

import numpy as np
import pytest
import scipy.signal
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_parameters_default_constructible

from rhohat import (
    ChannelScaling,
    SeriesSpectra,
    SeriesSpectrogram,
    SparseAutoencoder,
    WindowExtractor,
    load,
    save,
)
from rhohat.files.series import HeldSeries
from support.series import pulses

SERIES = [pulses(900, 2, seed) * (seed + 1) + seed for seed in range(3)]
STEPS = {
    "raw": ChannelScaling(100),
    "spectra": SeriesSpectra(64, hop=16, rate=100),
    "spectrogram": SeriesSpectrogram(32, hop=8, rate=100),
}
every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


def channels_of(moments, name):
    """Values of each channel of a transform."""
    return moments if len(moments) == 2 else moments.reshape(2, -1)


@every_step
def test_each_channel_has_mean_0_and_deviation_1_over_all_series(step):
    together = np.concatenate([channels_of(x, step) for x in step.fit_transform(SERIES)], axis=1)
    assert_allclose(together.mean(axis=1), 0, atol=1e-10)
    assert_allclose(together.std(axis=1), 1)


@every_step
def test_series_on_request_give_the_same(step):
    lazy = HeldSeries(SERIES, np.dtype(float), 100)
    for mine, theirs in zip(step.fit_transform(lazy), step.fit_transform(SERIES), strict=True):
        assert_array_equal(mine, theirs)


@every_step
def test_a_stack_gives_a_stack_and_precision_stays(step):
    stack = np.stack(SERIES).astype("f4")
    made = step.fit(stack).transform(stack)
    assert isinstance(made, np.ndarray)
    assert made.dtype == np.float32
    assert_array_equal(made[1], step.transform([stack[1]])[0])


@every_step
def test_what_differs_between_series_stays(step):
    quiet, loud = step.fit([SERIES[0], 10 * SERIES[0]]).transform([SERIES[0], 10 * SERIES[0]])
    assert np.abs(quiet - loud).mean() > 0.5


def test_spectra_are_welch_s():
    step = SeriesSpectra(256, hop=100).fit(SERIES)
    spectra = step.transform(SERIES[:1])[0].reshape(2, -1, 32)
    assert spectra.shape[1] == (900 - 256) // 100 + 1
    for number in range(spectra.shape[1]):
        window = SERIES[0][:, 100 * number : 100 * number + 256]
        _, power = scipy.signal.welch(window, window="hann", nperseg=64, noverlap=32)
        power[:, -1] *= 2  # Welch's is one-sided
        logs = np.log(power[:, 1:])
        found = spectra[:, number] * step.scale_[:, None] + step.mean_[:, None]
        assert_allclose(found - found.mean(), logs - logs.mean(), atol=1e-6)


def test_a_tone_is_a_line_of_the_spectrogram():
    tone = np.sin(2 * np.pi * 12.5 * np.arange(1000) / 100)
    step = SeriesSpectrogram(32, hop=8, rate=100).fit([tone])
    spectrogram = step.transform([tone])[0]
    assert step.frequencies[spectrogram.mean(axis=1).argmax()] == 12.5
    assert spectrogram.shape == (16, (1000 - 32) // 8 + 1)
    assert SeriesSpectrogram(32, hop=8).fit(SERIES).frequencies is None


@pytest.mark.parametrize(
    ("step", "moments", "stride", "spans"),
    [
        (ChannelScaling(), 20, 7, [(0, 20), (7, 27)]),
        (SeriesSpectra(64, hop=16), 8, 8, [(0, 64), (16, 80)]),
        (SeriesSpectrogram(32, hop=8), 7, 2, [(0, 80), (16, 96)]),
    ],
)
def test_every_window_knows_its_samples(step, moments, stride, spans):
    made = step.fit(SERIES).transform(SERIES)
    extractor = WindowExtractor(moments, n_windows=None, stride=stride).fit(made)
    places = extractor.draw(made).places(np.arange(2))
    assert [step.samples_of(left, moments) for left in places.left.tolist()] == spans


@pytest.mark.parametrize(("name", "hop"), [("raw", 1), ("spectrogram", 8)])
def test_moments_are_a_hop_apart(name, hop):
    step = clone(STEPS[name]).fit(SERIES)
    assert step.hop_per_moment == hop


def test_a_channel_that_does_not_vary_becomes_0():
    series = [np.stack([SERIES[0][0], np.full(900, 1e6)])]
    scaled = ChannelScaling().fit_transform(series)[0]
    assert_allclose(scaled[1], 0, atol=1e-6)
    assert np.isfinite(SeriesSpectra(64).fit_transform(series)[0]).all()
    assert np.isfinite(SeriesSpectrogram(64).fit_transform([np.zeros(500)])[0]).all()


def test_variance_is_found_beside_a_large_mean():
    far = [x.astype(np.float64) + 1e9 for x in SERIES]
    assert_allclose(
        ChannelScaling().fit(far).scale_, ChannelScaling().fit(SERIES).scale_, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("step", "series", "said"),
    [
        (ChannelScaling(), [np.zeros((2, 9)), np.zeros((3, 9))], "series 1 has 3 channels"),
        (ChannelScaling(rate=0), [np.zeros(9)], "rate must lie in"),
        (SeriesSpectra(60), [np.zeros(900)], "window must be a multiple of 8"),
        (SeriesSpectra(64, hop=0), [np.zeros(900)], "hop must be at least 1"),
        (SeriesSpectrogram(1), [np.zeros(900)], "window must be at least 2"),
        (SeriesSpectrogram(1 << 21), [np.zeros(900)], "window must be at most 1,048,576"),
        (SeriesSpectra(64), [np.zeros(63)], "series 0 has 63 samples, too few for windows of 64"),
        (ChannelScaling(), [np.array([1e300, -1e300])], "too large"),
        (ChannelScaling(), [np.array([1.0, np.nan])], "NaN"),
    ],
)
def test_wrong_parameters_and_series_are_told(step, series, said):
    with pytest.raises(ValueError, match=said):
        step.fit(series)


def test_other_channels_than_in_fit_are_told():
    with pytest.raises(ValueError, match="series 0 has 1 channels, but the model was fitted to 2"):
        ChannelScaling().fit(SERIES).transform([np.zeros(100)])


@every_step
def test_a_model_of_windows_is_saved(step, tmp_path):
    check_parameters_default_constructible(type(step).__name__, step)
    moments = {2: 16}.get(len(step.fit(SERIES).transform(SERIES)[0]), 7)
    pipeline = make_pipeline(
        step,
        WindowExtractor(moments, n_windows=None, stride=moments),
        SparseAutoencoder(3, max_iter=3, random_state=0),
    ).fit(SERIES)
    save(pipeline, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert_array_equal(again.transform(SERIES), pipeline.transform(SERIES))


def test_windows_that_memory_does_not_hold_are_cut_when_they_are_read(monkeypatch):
    lazy = HeldSeries(SERIES, np.dtype(float), None)
    extractor = WindowExtractor(50, n_windows=None, stride=3).fit(lazy)
    held = extractor.draw(lazy)
    monkeypatch.setattr("rhohat.preprocessing.extractors.PATCH_BYTES", 1000)
    source = extractor.draw(lazy)
    assert source.rows.shape == held.rows.shape
    assert_array_equal(source.rows.read(0, len(held.rows)).X, held.rows)
    numbers = np.array([0, 300, 5, len(held.rows) - 1])
    for mine, theirs in zip(source.places(numbers), held.places(numbers), strict=True):
        assert_array_equal(mine, theirs)
