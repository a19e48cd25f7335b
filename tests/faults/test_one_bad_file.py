"""One bad file among good ones: left out and listed, or named; it never ends the run."""

import json
import struct

import h5py
import numpy as np
import pytest
import soundfile
from PIL import Image

from rhohat import DataFileError, load_images, load_recordings, load_rows
from rhohat.files.finding import DataFiles
from rhohat.files.formats import FORMATS
from rhohat.files.row_files import stored_rows
from rhohat.rows.file_format import FileFormat
from support.command import run
from support.hostile import tiff

X = np.random.RandomState(0).uniform(size=(100, 6))


def with_open_bracket(path):
    np.save(path, X)
    path.write_bytes(path.read_bytes().replace(b")", b" ", 1))


def with_nan(path):
    np.save(path, np.where(X > 0.99, np.nan, X))


def wav_of_rate(rate):
    def write(path):
        soundfile.write(path, np.random.RandomState(0).uniform(-0.5, 0.5, 16_000), 16_000)
        content = bytearray(path.read_bytes())
        content[24:28] = struct.pack("<I", rate)
        path.write_bytes(content)

    return write


def damaged_hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=X, chunks=(10, 6), compression="gzip")
    content = bytearray(path.read_bytes())
    content[-300:-200] = bytes(100)
    path.write_bytes(content)


def picture(path):
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (40, 40)).astype("u1")).save(path)


#: Bad files, by their names; what writes them, and what writes the good ones beside them.
CASES = {
    "bracket.npy": (with_open_bracket, lambda path: np.save(path, X)),
    "nan.npy": (with_nan, lambda path: np.save(path, X)),
    "wide.npy": (lambda path: np.save(path, X[:, :5]), lambda path: np.save(path, X)),
    "aaa-wide.npy": (lambda path: np.save(path, X[:, :5]), lambda path: np.save(path, X)),
    "damaged.h5": (damaged_hdf5, lambda path: np.save(path.with_suffix(".npy"), X)),
    "one.wav": (wav_of_rate(1), wav_of_rate(16_000)),
    "slow.wav": (wav_of_rate(150), wav_of_rate(16_000)),
    "fast.wav": (wav_of_rate(1_000_003), wav_of_rate(16_000)),
    "bits.tif": (lambda path: tiff(path, bytes(600), t258=65_535), picture),
    "short.tif": (lambda path: path.write_bytes(b"II*\0\xff\xff\xff\xff"), picture),
}


READS = {"npy": load_rows, "h5": load_rows, "wav": load_recordings, "tif": load_images}


def written(name, folder):
    """A bad file among three good ones."""
    write_bad, write_good = CASES[name]
    write_bad(folder / name)
    for i in range(3):
        write_good(folder / f"{i}{name[name.index('.') :]}")


@pytest.mark.parametrize("name", CASES)
def test_f33_one_bad_file_is_left_out_by_every_reader(name, tmp_path):
    written(name, tmp_path)
    read = READS[name.rpartition(".")[2]]
    found = read(tmp_path, on_error="skip")
    assert len(found) == 300 if read is load_rows else found.skipped[0].file == str(tmp_path / name)
    with pytest.raises(DataFileError, match=r"\.(npy|h5|wav|tif) "):
        read(tmp_path)


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith(("npy", "h5"))])
def test_f33_one_bad_file_is_left_out_where_rows_stay_in_files(name, tmp_path):
    written(name, tmp_path)
    files = DataFiles.find(tmp_path, on_error="skip")
    assert stored_rows(files).shape == (300, 6)
    assert [skipped.file for skipped in files.skipped] == [str(tmp_path / name)]


def learn(folder, *options):
    small = ["--units", "3", "--iterations", "2", "--patches", "300", "--json"]
    command = ["learn", str(folder), *small, *options, "-o", str(folder.with_name("out"))]
    return run(*command, cwd=folder.parent)


@pytest.mark.parametrize("name", ["bracket.npy", "one.wav"])
def test_f33_the_command_goes_on_and_lists_the_file(name, tmp_path):
    (tmp_path / "data").mkdir()
    written(name, tmp_path / "data")
    result = learn(tmp_path / "data", "--on-error", "skip")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)["data"]
    assert [entry["file"] for entry in told["skipped"]] == [str(tmp_path / "data" / name)]
    assert len(told["files"]) == 3
    failed = learn(tmp_path / "data", "--on-error", "fail", "--force")
    assert failed.returncode == 1
    assert name in failed.stderr


def test_f33_a_format_of_tomorrow_that_breaks_is_left_out_like_others(tmp_path, monkeypatch):
    def breaks(path, key):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(FORMATS, "new", FileFormat((".new",), breaks, breaks))
    (tmp_path / "x.new").write_text("")
    np.save(tmp_path / "a.npy", X)
    files = DataFiles.find(tmp_path, on_error="skip")
    assert files.skipped == [(str(tmp_path / "x.new"), "cannot be decoded: division by zero")]
