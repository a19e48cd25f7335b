"""F7, F8, F10, F11: steps of preprocessing at any scale, without variance, and without memory."""

import inspect
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose

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
    load,
    save,
)
from rhohat.estimators.registry import ROWS
from rhohat.preprocessing.steps import Step
from rhohat.preprocessing.variances import variance_of_pixels, variance_of_rows

RNG = np.random.RandomState(0)
TABLE = RNG.randn(200, 6) @ RNG.randn(6, 6) + RNG.randn(6)
IMAGES = RNG.uniform(size=(3, 24, 20))
SOUNDS = RNG.uniform(-1, 1, size=(2, 1, 4000))

#: Each step, data for it, and whether its output does not depend on the scale of the data.
STEPS = {
    "standardization": (Standardization(), TABLE, True),
    "standardization of columns": (Standardization("columns"), TABLE, True),
    "zca": (Whitening(epsilon=0), TABLE, True),
    "pca": (Whitening("pca", epsilon=0), TABLE, True),
    "patches": (PatchNormalizer(), TABLE, True),
    "contrast": (ContrastNormalizer(), TABLE, False),
    "one over f": (OneOverFWhitening(), IMAGES, True),
    "waveform": (WaveformExtractor(8000), SOUNDS, True),
    "spectrogram": (SpectrogramExtractor(8000), SOUNDS, True),
    "channels": (ChannelScaling(), SOUNDS, True),
    "spectra of series": (SeriesSpectra(64, hop=32), SOUNDS, True),
    "spectrogram of series": (SeriesSpectrogram(64, hop=32), SOUNDS, True),
    "cut patches": (PatchExtractor(6, n_patches=20, random_state=0), IMAGES, False),
    "cut windows": (WindowExtractor(50, n_windows=20, random_state=0), SOUNDS, False),
}
#: Those whose output is moved by twice the logarithm of the scale, over the step's own scale.
LOGARITHMS = ("spectra of series", "spectrogram of series")

every_step = pytest.mark.parametrize("name", STEPS)


def contrast(X, epsilon):
    """What `ContrastNormalizer` is to do, in extended precision."""
    centered = X.astype(np.longdouble) - X.astype(np.longdouble).mean(axis=1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + epsilon)


def expected(name, X, scale):
    """The right output for X times the scale."""
    step, _, is_invariant = STEPS[name]
    if is_invariant:
        return step.fit(X).transform(X)
    if name == "contrast":
        return contrast(X.astype(np.longdouble) * scale, step.epsilon).astype(X.dtype)
    return step.fit(X).transform(X).astype(np.float64) * scale


def result(compute):
    """What comes out, or None where it is refused with advice; a warning would be an error."""
    try:
        return compute()
    except ValueError as refusal:
        if "Scale the data" not in str(refusal):
            raise
        return None


def assert_right_or_refused(compute, right, rtol=1e-6):
    found = result(compute)
    if found is not None:
        assert np.isfinite(found).all()
        assert_allclose(found, right, rtol=rtol, atol=rtol * np.abs(right).max())


def test_f10_every_step_is_looked_at():
    steps = {row.cls for row in ROWS.values() if issubclass(row.cls, Step)}
    assert {type(step) for step, _, _ in STEPS.values()} == steps
    assert not any(inspect.isabstract(step) for step in steps)


@every_step
@pytest.mark.parametrize(
    "scale", [1e100, 1e150, 1e155, 1e200, 1e300, 1e-100, 1e-155, 1e-200, 1e-300]
)
def test_f10_steps_give_right_values_or_an_error_at_any_scale(name, scale):
    step, X, _ = STEPS[name]
    right = expected(name, X, scale)
    assert_right_or_refused(lambda: step.fit(X * scale).transform(X * scale), right)


@every_step
@pytest.mark.parametrize("scale", [1e15, 1e20, 1e30, 1e37, 1e-15, 1e-25, 1e-36])
def test_f10_steps_give_right_values_or_an_error_at_any_scale_in_float32(name, scale):
    step, X, _ = STEPS[name]
    single = X.astype(np.float32)
    right = expected(name, single, scale)
    large = single * np.float32(scale)
    assert_right_or_refused(lambda: step.fit(large).transform(large), right, 2e-3)


@every_step
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_f10_new_data_that_are_too_large_for_a_fitted_step_are_refused_or_right(name, dtype):
    """What clips or scales each by itself may take them; nothing else may make garbage of them."""
    step, X, _ = STEPS[name]
    step.fit(X.astype(dtype))
    scale = np.finfo(dtype).max / 4 / np.abs(X).max()
    large = (X * scale).astype(dtype)
    found = result(lambda: step.transform(large))
    if name in LOGARITHMS:
        moved = step.transform(X.astype(dtype)) + 2 * np.log(scale) / step.scale_
        assert_allclose(found, moved, rtol=1e-6)
    elif found is not None:
        assert np.isfinite(found).all()
        assert np.ptp(found / np.abs(found).max()) > 0.01


@pytest.mark.parametrize("offset", [1e155, 1e200])
@pytest.mark.parametrize("name", ["zca", "standardization", "patches", "one over f"])
def test_f10_constant_data_of_any_size_become_their_middle_or_are_refused(name, offset):
    step, X, _ = STEPS[name]
    constant = np.full_like(X, offset)
    middle = 0.5 if name == "patches" else 0.0
    assert_right_or_refused(lambda: step.fit(constant).transform(constant), middle)


@pytest.mark.parametrize("scale", [1e155, 1e200, 1e-155])
def test_f10_variances_that_settings_are_made_from_are_right_or_refused(scale):
    for compute in (
        lambda: np.sqrt(variance_of_pixels(IMAGES * scale)) / scale,
        lambda: np.sqrt(variance_of_rows(TABLE * scale)) / scale,
    ):
        with pytest.raises(ValueError, match="Scale the data"):
            compute()


def test_f10_not_a_number_is_not_called_too_large():
    step = Standardization().fit(TABLE)
    with pytest.raises(ValueError, match="NaN"):
        step.transform(np.where(TABLE > 2, np.nan, TABLE))


# F8: directions without variance.


def rank_deficient(dtype, offset, n_columns, n_rows=2000, seed=0):
    """Ten columns that vary about an offset, and others that are made of them."""
    B = np.random.RandomState(seed).normal(size=(n_rows, 10)) + offset
    M = np.random.RandomState(7).normal(size=(10, n_columns))
    B, M = B.astype(dtype), M.astype(dtype)
    return np.c_[B, B @ M]


@pytest.mark.parametrize("method", ["pca", "zca"])
@pytest.mark.parametrize("n_columns", [1, 6, 60])
@pytest.mark.parametrize("offset", [0, 1, 100, -3000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_f8_rounding_errors_are_not_raised_to_unit_variance(dtype, offset, n_columns, method):
    X = rank_deficient(dtype, offset, n_columns)
    model = Whitening(method, epsilon=0).fit(X)
    white = model.transform(X)
    spread = np.linalg.eigvalsh(np.cov(white.astype(np.float64), rowvar=False, ddof=0))[::-1]
    assert_allclose(spread[:10], 1, atol=0.02)
    assert spread[10:].max() < 0.02
    noise = np.random.RandomState(1).normal(size=X.shape) * 1e-3
    new = (rank_deficient(dtype, offset, n_columns, seed=2) + noise).astype(dtype)
    assert np.abs(model.transform(new)).max() < 1e3


def test_f8_a_direction_well_above_rounding_is_kept_in_float32():
    X = rank_deficient(np.float32, 100, 6)
    X[:, -1] += np.random.RandomState(3).normal(size=len(X)).astype(np.float32)
    white = Whitening("pca", epsilon=0).fit_transform(X)
    assert (white.std(axis=0) > 0.9).sum() == 11


def test_f8_what_is_dropped_stays_dropped_in_a_model_file(tmp_path):
    X = rank_deficient(np.float32, 100, 6)
    model = Whitening(epsilon=0).fit(X)
    save(model, tmp_path / "w.safetensors")
    assert load(tmp_path / "w.safetensors").transform(X).tobytes() == model.transform(X).tobytes()
    del model.noise_  # as in files of before
    save(model, tmp_path / "old.safetensors")
    assert not hasattr(load(tmp_path / "old.safetensors"), "noise_")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("epsilon", [0, 1e-12, 0.01])
def test_f7_constant_columns_stay_bounded_on_new_data(dtype, epsilon):
    X = np.column_stack([TABLE, np.full(len(TABLE), 7.0), np.full(len(TABLE), 0.1)]).astype(dtype)
    new = X.copy()
    new[:, -2:] += 1
    most = 1.01 / np.sqrt(epsilon) if epsilon else 1e-6
    assert np.abs(Whitening(epsilon=epsilon).fit(X).transform(new)[:, -2:]).max() < most


# F11: more columns than there is memory for.


def test_f11_whitening_looks_at_free_memory_before_it_allocates(monkeypatch, tmp_path):
    path = tmp_path / "square.npy"
    np.lib.format.open_memmap(path, "w+", np.uint8, (30_000, 30_000))  # a file of holes
    monkeypatch.setattr("rhohat.common.memory.free_memory", lambda: 1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(
            MemoryError, match=r"30,000 columns needs about .* GiB of memory, but only 1"
        ):
            Whitening().fit(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(4100, 700), (300, 6000)], ids=["covariance", "few rows"])
def test_f11_the_estimate_of_whitening_is_true(shape):
    X = np.random.RandomState(0).uniform(size=shape)
    needed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "rhohat.preprocessing.whitening.check_memory", lambda n, *texts: needed.append(n)
        )
        Whitening("pca", n_components=1)  # imports come before
        tracemalloc.start()
        try:
            Whitening().fit(X)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert 0.4 * needed[0] < peak < 1.2 * needed[0]
