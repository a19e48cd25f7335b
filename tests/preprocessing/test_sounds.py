"""Sounds as images: spectrograms by the formula, waveforms, and the way back."""

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from rhohat import (
    SpectrogramExtractor,
    WaveformExtractor,
    WindowExtractor,
    load_recordings,
)
from support.sounds import RATE, chirp


def plain_log_mel(x, rate, n_mels, window, hop, low, high, floor):
    """The formula in plain loops; it shares no code with the package."""
    length, step = round(window * rate), round(hop * rate)
    n_fft = 1
    while n_fft < length:
        n_fft *= 2
    taper = [0.5 - 0.5 * np.cos(2 * np.pi * i / length) for i in range(length)]
    mel = lambda f: 2595 * np.log10(1 + f / 700)  # noqa: E731
    points = [
        700 * (10 ** ((mel(low) + (mel(high) - mel(low)) * i / (n_mels + 1)) / 2595) - 1)
        for i in range(n_mels + 2)
    ]
    found = []
    for moment in range(1 + len(x) // step):
        begin = moment * step - length // 2
        piece = [
            taper[i] * (x[begin + i] if 0 <= begin + i < len(x) else 0.0) for i in range(length)
        ]
        power = np.abs(np.fft.fft(piece, n_fft)[: n_fft // 2 + 1]) ** 2
        bands = []
        for b in range(n_mels):
            left, peak, right = points[b : b + 3]
            total = weights = 0.0
            for k, p in enumerate(power):
                f = k * rate / n_fft
                w = min((f - left) / (peak - left), (right - f) / (right - peak))
                if w > 0:
                    total, weights = total + w * p, weights + w
            bands.append(total / weights)
        found.append(bands[::-1])
    found = np.array(found).T
    return np.log(np.maximum(found / found.max(), floor))


def test_spectrogram_is_the_formulas(recordings):
    extractor = SpectrogramExtractor(RATE, n_mels=12, normalize="none").fit(recordings)
    for x, found in zip(recordings[:2], extractor.transform(recordings[:2]), strict=True):
        expected = plain_log_mel(x, RATE, 12, 0.025, 0.01, 50, RATE / 2, 1e-5)
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("factor", [1e-3, 0.5, 30])
@pytest.mark.parametrize("normalize", ["recording", "band", "none"])
def test_loudness_does_not_matter(recordings, factor, normalize):
    extractor = SpectrogramExtractor(RATE, normalize=normalize).fit(recordings)
    (x,), (louder,) = (extractor.transform([f * recordings[0]]) for f in (1, factor))
    assert_allclose(louder, x, atol=1e-6)


def test_recordings_are_normalized_as_asked(recordings):
    for image in SpectrogramExtractor(RATE).fit_transform(recordings):
        assert_allclose([image.mean(), image.std()], [0, 1], atol=1e-9)
    for image in SpectrogramExtractor(RATE, normalize="band").fit_transform(recordings):
        assert_allclose(image.mean(axis=1), 0, atol=1e-9)
        assert_allclose(image.std(), 1, atol=1e-9)


def test_a_rising_tone_rises_in_the_picture(recordings):
    extractor = SpectrogramExtractor(RATE).fit(recordings)
    (image,) = extractor.transform([chirp()])
    heard = extractor.frequencies_[image.argmax(axis=0)]
    expected = 200 + 2800 * np.arange(image.shape[1]) / (image.shape[1] - 1)
    assert np.abs(heard[3:-3] / expected[3:-3] - 1).max() < 0.15
    assert (np.diff(extractor.frequencies_) < 0).all()


def test_silence_and_a_click_are_finite(recordings):
    extractor = SpectrogramExtractor(RATE).fit(recordings)
    click = np.zeros(2000)
    click[700] = 1
    for image in extractor.transform([np.zeros(1000), click, np.full(1000, 0.5), np.zeros(1)]):
        assert np.isfinite(image).all()


@pytest.mark.parametrize("normalize", ["recording", "none"])
def test_the_way_back_leads_to_the_same_spectrogram(recordings, normalize):
    extractor = SpectrogramExtractor(RATE, normalize=normalize).fit(recordings)
    images = extractor.transform(recordings)
    sounds = extractor.inverse_transform(images)
    for image, again, x in zip(images, extractor.transform(sounds), recordings, strict=True):
        assert again.shape == image.shape
        assert np.corrcoef(image.ravel(), again.ravel())[0, 1] > 0.94
        assert abs(len(x) - sounds[0].shape[0]) < RATE


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((40, 9)), "Put a single image in a list"),
        ([np.zeros((30, 9))], r"image 0 must have shape \(40, n_moments\), got \(30, 9\)"),
        ([np.full((40, 9), np.nan)], "contains NaN"),
        ([np.zeros((40, 0))], "image 0 must have shape"),
    ],
)
def test_what_is_no_spectrogram_has_no_way_back(recordings, X, message):
    with pytest.raises(ValueError, match=message):
        SpectrogramExtractor(RATE).fit(recordings).inverse_transform(X)


@pytest.mark.parametrize("hop", [0.005, 0.01, 0.025])
def test_the_way_back_does_not_crackle(hop):
    x = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    extractor = SpectrogramExtractor(RATE, hop=hop)
    (back,) = extractor.inverse_transform(extractor.fit_transform([x]))
    assert np.abs(back).max() < 5 * back.std()


@pytest.mark.parametrize("scale", [1e-18, 1e18])
def test_samples_of_any_size_are_finite(scale):
    x = np.random.RandomState(0).randn(4000).astype(np.float32)
    extractor = SpectrogramExtractor(RATE)
    (plain,), (scaled,) = (extractor.fit_transform([x * np.float32(s)]) for s in (1, scale))
    assert_allclose(scaled, plain, atol=1e-3)


def test_files_and_arrays_give_the_same(tmp_path, recordings):
    paths = [tmp_path / f"{i}.wav" for i in range(len(recordings))]
    for path, x in zip(paths, recordings, strict=True):
        soundfile.write(path, x, RATE, subtype="DOUBLE")
    extractor = SpectrogramExtractor(RATE).fit(recordings)
    single = [x.astype(np.float32) for x in recordings]
    expected = extractor.transform(single)
    loaded = load_recordings(tmp_path)
    for some in (paths, [str(path) for path in paths], loaded.recordings):
        found = extractor.transform(some)
        for i, image in enumerate(expected):
            assert_array_equal(found[i], image)
    assert found[0].dtype == np.float32


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rate": 0}, "rate must be at least 1"),
        ({"n_mels": 0}, "n_mels"),
        ({"window": 0}, "window"),
        ({"window": -0.5}, r"window must lie in \[0, inf\]"),
        ({"hop": -1}, "hop"),
        ({"low": 9000}, "low"),
        ({"high": 10}, "high"),
        ({"high": RATE / 2 + 1}, r"high must lie in \[0, "),
        ({"hop": 0.03}, "a hop of at least one sample"),
        ({"rate": 100}, "choose a higher rate"),
        ({"floor": 0}, "floor"),
        ({"normalize": "loud"}, "normalize must be one of"),
        ({"n_mels": 400}, "bands between .* are narrower"),
        ({"window": 1.99 / RATE, "hop": 1 / RATE}, "expected a window of 2 to"),
        ({"hop": 0.99 / RATE}, "at least one sample"),
    ],
)
def test_wrong_parameters_are_said(parameters, message, recordings):
    with pytest.raises(ValueError, match=message):
        SpectrogramExtractor(**({"rate": RATE} | parameters)).fit(recordings)


@pytest.mark.parametrize(
    "extractor",
    [SpectrogramExtractor(RATE), WaveformExtractor(RATE), WindowExtractor(30, n_windows=900)],
)
def test_estimators_keep_to_scikit_learn(extractor, recordings):
    with pytest.raises(NotFittedError):
        extractor.transform(recordings)
    fitted = clone(extractor)
    assert fitted.fit(recordings) is fitted
    assert clone(fitted).get_params() == extractor.get_params()
    single = [x.astype(np.float32) for x in recordings]
    assert np.asarray(fitted.transform(single)[0]).dtype == np.float32


def test_moments_of_a_spectrogram_are_a_hop_apart():
    extractor = SpectrogramExtractor(rate=RATE, hop=0.01)
    assert extractor.seconds_per_moment == pytest.approx(0.01)
    assert extractor.seconds_of(11) == pytest.approx(0.1)


def test_a_constant_recording_is_silent_as_a_waveform():
    for dtype in (np.float32, np.float64):
        (x,) = WaveformExtractor(8000).fit_transform([np.full(1000, 0.1, dtype=dtype)])
        assert np.abs(x).max() < 1e-6
