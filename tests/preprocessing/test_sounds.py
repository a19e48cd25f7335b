"""Spectrograms and windows of recordings, and the way back to sound."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from rhohat import (
    ContrastNormalizer,
    ConvolutionalFeatures,
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    SpectrogramExtractor,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    band_pass,
    load,
    load_recordings,
    save,
)

RATE = 8000


def chirp(seconds=0.6, low=200.0, high=3000.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * (low * t + (high - low) * t**2 / (2 * seconds)))


@pytest.fixture
def recordings(rng):
    return [
        chirp(0.3 + 0.1 * i, 200 + 100 * i) + 0.01 * rng.randn(round((0.3 + 0.1 * i) * RATE))
        for i in range(5)
    ]


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
        ({"hop": -1}, "hop"),
        ({"low": 9000}, "low"),
        ({"high": 10}, "high"),
        ({"hop": 0.03}, "no hop beyond its window"),
        ({"rate": 100}, "choose a higher rate"),
        ({"floor": 0}, "floor"),
        ({"normalize": "loud"}, "normalize must be one of"),
        ({"n_mels": 400}, "bands between .* are narrower"),
    ],
)
def test_wrong_parameters_are_said(parameters, message, recordings):
    with pytest.raises(ValueError, match=message):
        SpectrogramExtractor(**({"rate": RATE} | parameters)).fit(recordings)


@pytest.mark.parametrize(
    "extractor", [SpectrogramExtractor(RATE), WaveformExtractor(RATE), WindowExtractor(30)]
)
def test_estimators_keep_to_scikit_learn(extractor, recordings):
    with pytest.raises(NotFittedError):
        extractor.transform(recordings)
    fitted = clone(extractor)
    assert fitted.fit(recordings) is fitted
    assert clone(fitted).get_params() == extractor.get_params()
    single = [x.astype(np.float32) for x in recordings]
    assert np.asarray(fitted.transform(single)[0]).dtype == np.float32


# Windows


def test_windows_are_pieces_of_their_series(rng):
    series = [rng.randn(3, n) for n in (40, 55, 30)]
    extractor = WindowExtractor(8, n_windows=200, random_state=0).fit(series)
    drawn = extractor.draw(series)
    places = drawn.places(np.arange(200))
    for row, image, top, left in zip(drawn.rows, *places, strict=True):
        assert top == 0
        assert_array_equal(row.reshape(3, 8), series[image][:, left : left + 8])
    assert set(places.image) == {0, 1, 2}


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_all_windows_come_in_order(rng, stride):
    series = [rng.randn(2, n) for n in (20, 31)]
    extractor = WindowExtractor(8, n_windows=None, stride=stride).fit(series)
    expected = [
        x[:, left : left + 8].ravel() for x in series for left in range(0, x.shape[1] - 7, stride)
    ]
    drawn = extractor.draw(series)
    assert_array_equal(drawn.rows, expected)
    places = drawn.places(np.arange(len(expected)))
    assert_array_equal(np.diff(places.left[places.image == 0]), stride)


def test_one_channel_needs_no_axis(rng):
    x = rng.randn(50)
    flat = WindowExtractor(8, n_windows=20, random_state=0).fit_transform([x])
    assert_array_equal(
        flat, WindowExtractor(8, n_windows=20, random_state=0).fit_transform([x[None]])
    )


@pytest.mark.parametrize(
    ("extractor", "X", "message"),
    [
        (WindowExtractor(30), [np.zeros(40), np.zeros(20)], "series 1 has 1 x 20 values, too few"),
        (WindowExtractor(3), [np.zeros((2, 9)), np.zeros((3, 9))], "series 1 has 3 channels"),
        (WindowExtractor(0), [np.zeros(9)], "length must be at least 1"),
        (WindowExtractor(3, n_windows=0), [np.zeros(9)], "n_windows must be at least 1"),
        (WindowExtractor(3, stride=0), [np.zeros(9)], "stride must be at least 1"),
    ],
)
def test_what_has_no_windows_is_said(extractor, X, message):
    with pytest.raises(ValueError, match=message):
        extractor.fit(X)


# Features


def windows_of(*steps, units=8):
    autoencoder = SparseAutoencoder(units, weight_decay=3e-3, max_iter=15, random_state=0)
    return make_pipeline(*steps, Whitening(epsilon=0.2), autoencoder)


@pytest.mark.parametrize("pooling", ["mean", "max", ("mean", "max")])
@pytest.mark.parametrize("kind", ["spectrogram", "waveform", "signal"])
def test_features_of_a_recording_are_pooled_activations_of_its_windows(recordings, kind, pooling):
    before = {
        "spectrogram": [SpectrogramExtractor(RATE)],
        "waveform": [WaveformExtractor(RATE)],
        "signal": [],
    }[kind]
    model = windows_of(*before, WindowExtractor(6, n_windows=400, random_state=0))
    features = ConvolutionalFeatures(model, pooling=pooling, grid=3).fit(recordings)
    found = features.transform(recordings)
    fitted = features.model_
    every = WindowExtractor(6, n_windows=None)
    names = [pooling] if isinstance(pooling, str) else pooling
    for x, row in zip(recordings, found, strict=True):
        images = [x]
        for step in fitted[: len(before)]:
            images = step.transform(images)
        A = fitted[-1].transform(fitted[-2].transform(every.fit_transform(images)))
        edges = np.arange(4) * len(A) // 3
        cells = [A[a:b] for a, b in pairwise(edges)]
        expected = [getattr(cell, name)(axis=0) for name in names for cell in cells]
        assert_allclose(row, np.concatenate(expected), rtol=1e-6, atol=1e-8)
    assert found.shape[1] == len(features.get_feature_names_out())


def test_narrow_patches_of_spectrograms_pool_over_frequency_too(recordings):
    model = windows_of(
        SpectrogramExtractor(RATE), PatchExtractor((12, 6), n_patches=300, random_state=0)
    )
    features = ConvolutionalFeatures(model, grid=(4, 3), pooling=("mean", "max"))
    assert features.fit_transform(recordings).shape == (5, 2 * 4 * 3 * 8)


def test_files_streams_and_arrays_have_the_same_features(tmp_path, recordings):
    for i, x in enumerate(recordings):
        soundfile.write(tmp_path / f"{i}.wav", x, RATE, subtype="FLOAT")
    loaded = load_recordings(tmp_path)
    held = [loaded.recordings[i] for i in range(5)]
    model = windows_of(
        SpectrogramExtractor(RATE), WindowExtractor(6, n_windows=400, random_state=0)
    )
    features = ConvolutionalFeatures(model, grid=2).fit(held)
    assert_array_equal(features.transform(loaded.recordings), features.transform(held))
    again = ConvolutionalFeatures(clone(model), grid=2).fit(loaded.recordings)
    assert_array_equal(again.transform(held), features.transform(held))


@pytest.mark.parametrize("kind", ["spectrogram", "waveform"])
def test_model_files_hold_models_of_sound(tmp_path, recordings, kind):
    first = SpectrogramExtractor(RATE) if kind == "spectrogram" else WaveformExtractor(RATE)
    windows = WindowExtractor(6, n_windows=300, random_state=0)
    model = windows_of(first, windows, ContrastNormalizer())
    features = ConvolutionalFeatures(model, grid=2, pooling=("mean", "max")).fit(recordings)
    save(features, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert_array_equal(again.transform(recordings), features.transform(recordings))


def test_speech_like_sound_is_learned_as_band_pass_filters(rng):
    # Damped resonances at random moments, as vowels have them.
    t = np.arange(400) / RATE
    pieces = []
    for _ in range(60):
        x = 0.01 * rng.randn(4000)
        for start in rng.randint(0, 3600, 150):
            hertz = rng.choice([400, 1000, 2500])
            x[start : start + 400] += rng.randn() * np.exp(-t * 250) * np.sin(2 * np.pi * hertz * t)
        pieces.append(x)
    model = make_pipeline(
        WaveformExtractor(RATE),
        WindowExtractor(64, n_windows=6000, random_state=0),
        ContrastNormalizer(),
        Whitening(epsilon=1.0),
        SparseAutoencoder(
            24,
            sparsity_penalty=KLSparsity(target=0.01, weight=5),
            weight_decay=3e-3,
            max_iter=150,
            random_state=0,
        ),
    ).fit(pieces)
    bands = band_pass(model[-2].adjoint(model[-1].encoder_weights_), RATE)
    assert bands.is_clear.mean() > 0.6
    centers = bands.centre[bands.is_clear]
    near = np.abs(np.log2(centers[:, None] / [400, 1000, 2500])).min(axis=1)
    assert np.median(near) < 0.25


# Bands


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_band_of_a_windowed_tone_is_around_it(hertz):
    t = (np.arange(256) - 128) / RATE
    width = 0.004
    (bands,) = zip(
        *band_pass([np.exp(-((t / width) ** 2)) * np.cos(2 * np.pi * hertz * t)], RATE), strict=True
    )
    center, bandwidth, share, is_clear, duration = bands
    assert abs(center - hertz) < 10
    # The power spectrum of exp(-(t/w)^2) is exp(-2 (pi w f)^2), a tenth where f is
    # sqrt(ln 10 / 2) / (pi w).
    assert_allclose(bandwidth, 2 * np.sqrt(np.log(10) / 2) / (np.pi * width), rtol=0.05)
    assert share > 0.95
    assert is_clear
    # Half of the energy of exp(-2 (t/w)^2), but for the wave, lies within 0.6745 w / 2.
    assert_allclose(duration, 0.6745 * width, atol=2 / RATE)


def test_noise_and_clicks_and_nothing_have_no_clear_band(rng):
    click = np.eye(1, 64, 30)[0]
    bands = band_pass([rng.randn(64), rng.randn(64), np.zeros(64)], RATE)
    assert not bands.is_clear.any()
    assert_allclose(band_pass([click], RATE).bandwidth, RATE / 2, rtol=0.02)


@pytest.mark.parametrize(
    ("filters", "rate"), [(np.ones(4), 8), (np.ones((2, 1)), 8), (np.ones((2, 4)), 0)]
)
def test_wrong_filters_are_said(filters, rate):
    with pytest.raises(ValueError, match=r"filters|rate"):
        band_pass(filters, rate)


def test_a_constant_recording_is_silent_as_a_waveform():
    for dtype in (np.float32, np.float64):
        (x,) = WaveformExtractor(8000).fit_transform([np.full(1000, 0.1, dtype=dtype)])
        assert np.abs(x).max() < 1e-6


def test_a_filter_of_zeros_has_no_duration():
    assert band_pass(np.zeros((1, 16)), 8000).duration[0] == 0
