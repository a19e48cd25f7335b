"""Series in files: whatever the format and the order of axes, the same arrays."""

import h5py
import numpy as np
import pytest
import scipy.io
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

from rhohat import DataFileError, load_rows, load_series
from rhohat.files import series as module
from rhohat.files.finding import DataFiles
from rhohat.files.series import RowOrigins, read_series
from rhohat.rows.file_format import Selection
from support.series import pulses, write_edf
from support.written import write_zarr

X = pulses(2000, 3)


def write_h5(path, array):
    with h5py.File(path, "w") as file:
        file["x"] = array


WRITE = {
    "npy": np.save,
    "npz": lambda path, array: np.savez(path, x=array),
    "mat": lambda path, array: scipy.io.savemat(path, {"x": array}),
    "h5": write_h5,
    "zarr": write_zarr,
}
every_format = pytest.mark.parametrize("ending", WRITE)


@every_format
@pytest.mark.parametrize("array", [X, X.T], ids=["channels first", "channels last"])
def test_the_long_axis_is_time(ending, array, tmp_path):
    path = tmp_path / f"x.{ending}"
    WRITE[ending](path, array)
    loaded = load_series(path)
    assert_array_equal(loaded.series[0], X)
    assert (loaded.names, loaded.rate, loaded.begins) == ([str(path)], None, [0])


@pytest.mark.parametrize("ending", ["npy", "npz", "mat"])
@pytest.mark.parametrize("array", [X[0], X[:1], X[:1].T], ids=["vector", "row", "column"])
def test_one_channel_may_be_a_vector_a_row_or_a_column(ending, array, tmp_path):
    WRITE[ending](tmp_path / f"x.{ending}", array)
    assert_array_equal(load_series(tmp_path / f"x.{ending}").series[0], X[:1])


@pytest.mark.parametrize("last", [False, True])
def test_several_series_lie_along_the_first_axis(last, tmp_path):
    stack = np.stack([X, X + 1])
    np.save(tmp_path / "x.npy", stack.transpose(0, 2, 1) if last else stack)
    loaded = load_series(tmp_path / "x.npy", rate=50)
    assert [name[-3:] for name in loaded.names] == ["[0]", "[1]"]
    assert_array_equal(np.stack(list(loaded.series)), stack)
    assert loaded.rate == 50


def test_axes_of_like_lengths_are_asked_about(tmp_path):
    np.save(tmp_path / "x.npy", X[:, :10])
    with pytest.raises(DataFileError, match="array of 3 x 10, in which time may run either way"):
        load_series(tmp_path / "x.npy")
    assert load_series(tmp_path / "x.npy", time="columns").series[0].shape == (3, 10)
    assert load_series(tmp_path / "x.npy", time="rows").series[0].shape == (10, 3)


def test_what_was_decided_is_noted(tmp_path):
    np.save(tmp_path / "x.npy", X.T)
    files = DataFiles.find(tmp_path, selection=Selection(series=True))
    assert files.notes[0].reason == "holds 3 channels of 2,000 samples: time runs down the rows"


@pytest.mark.parametrize("array", [X, X.T])
def test_channels_are_chosen_by_number(array, tmp_path):
    np.save(tmp_path / "x.npy", array)
    assert_array_equal(load_series(tmp_path / "x.npy", channels=["2", "0"]).series[0], X[[2, 0]])


def test_sound_is_a_series_if_it_is_said_to_be(tmp_path):
    soundfile.write(tmp_path / "x.wav", X.T / 4, 8000, subtype="FLOAT")
    loaded = load_series(tmp_path / "x.wav")
    assert loaded.rate == 8000
    assert_allclose(loaded.series[0], X / 4, rtol=1e-6)
    chosen = load_series(tmp_path / "x.wav", channels=["1"])
    assert_allclose(chosen.series[0], X[1:2] / 4, rtol=1e-6)


def test_files_are_one_data_set(tmp_path):
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", X.T.astype("f4"))
    write_edf(tmp_path / "c.edf", X, 100)
    with pytest.raises(DataFileError, match=r"c\.edf has channels EEG 0, .*most others without"):
        load_series(tmp_path)
    loaded = load_series(tmp_path, on_error="skip")
    assert len(loaded.series) == 2
    assert loaded.skipped[0].file.endswith("c.edf")


@pytest.mark.parametrize(
    ("rates", "said"), [((100, 100, 200), "has 200 samples per second, but most others have 100")]
)
def test_files_must_have_one_rate(rates, said, tmp_path):
    for number, rate in enumerate(rates):
        write_edf(tmp_path / f"{number}.edf", X, rate)
    with pytest.raises(DataFileError, match=said):
        load_series(tmp_path)
    assert load_series(tmp_path, on_error="skip").rate == 100


def test_a_file_that_tells_another_rate_is_refused(tmp_path):
    write_edf(tmp_path / "x.edf", X, 100)
    with pytest.raises(DataFileError, match="100 samples per second, but was given 12"):
        load_series(tmp_path / "x.edf", rate=12)


def test_other_numbers_of_channels_are_refused(tmp_path):
    for name, array in (("a", X), ("b", X), ("c", X[:2])):
        np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(DataFileError, match=r"c\.npy has channels 2, most others 3"):
        load_series(tmp_path)
    assert len(load_series(tmp_path, channels=["0", "1"]).series) == 3


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.where(np.arange(2000) == 70, np.nan, X), "holds NaN or infinity"),
        (np.zeros((2, 3, 4, 5)), "not series"),
        (
            np.zeros((2000, 20_000), "u1"),
            "2,000 channels of 20,000 samples, expected at most 1,024",
        ),
        (X.astype(complex), "complex128"),
        (np.zeros((0, 3)), "empty"),
    ],
)
def test_what_is_no_series_is_refused(array, said, tmp_path):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataFileError, match=said):
        load_series(tmp_path / "x.npy")


@pytest.mark.parametrize("ending", ["npy", "edf", "npz", "wav"])
@pytest.mark.parametrize("hop", [7, 16, 40])
def test_windows_of_parts_are_those_of_the_whole(ending, hop, tmp_path, monkeypatch):
    path = tmp_path / f"x.{ending}"
    if ending == "edf":
        write_edf(path, X)
    elif ending == "wav":
        soundfile.write(path, X.T / 4, 8000, subtype="FLOAT")
    else:
        WRITE[ending](path, X.T)

    def windows(series):
        return np.concatenate(
            [np.lib.stride_tricks.sliding_window_view(x, 16, axis=1)[:, ::hop] for x in series], 1
        )

    def read():
        files = DataFiles.find(path, selection=Selection(series=True))
        return read_series(files, window=16, hop=hop)

    whole = read()
    monkeypatch.setattr(module, "HELD_BYTES", 100)
    monkeypatch.setattr(module, "PART_VALUES", 900)
    parts = read()
    assert len(parts.series) > 3
    assert_array_equal(windows(parts.series), windows(whole.series))
    for begin, part in zip(parts.begins, parts.series, strict=True):
        assert_array_equal(part, whole.series[0][:, begin : begin + part.shape[1]])


def test_series_that_are_too_short_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", X)
    files = DataFiles.find(tmp_path, selection=Selection(series=True))
    with pytest.raises(
        DataFileError, match="has 2,000 samples, too few: at least 2,001 are needed"
    ):
        read_series(files, window=2001, hop=1)


def test_rows_are_no_series(tmp_path):
    write_edf(tmp_path / "x.edf", X)
    with pytest.raises(DataFileError, match=r"holds series\. Use load_series"):
        load_rows(tmp_path / "x.edf")


def test_origins_are_told_in_seconds_if_a_rate_is_known():
    numbers = np.array([0, 1]), np.array([0, 50]), np.array([100, 150])
    origins = RowOrigins(["a", "b"], *numbers, 100.0)
    assert origins.described(1) == "b, 0.5 to 1.5 s"
    assert RowOrigins(["a", "b"], *numbers, None).described(1) == "b, samples 50 to 149"
    assert len(origins) == 2


def test_rows_of_series_tell_samples_or_seconds():
    index = np.array([0, 1]), np.array([0, 50]), np.array([25, 75])
    samples = RowOrigins(["a", "b"], *index, None).columns()
    assert {name: column.tolist() for name, column in samples.items()} == {
        "file": ["a", "b"],
        "first": [0, 50],
        "last": [24, 74],
    }
    seconds = RowOrigins(["a", "b"], *index, 100.0).columns()
    assert {name: column.tolist() for name, column in seconds.items()} == {
        "file": ["a", "b"],
        "begin": [0.0, 0.5],
        "end": [0.25, 0.75],
    }
