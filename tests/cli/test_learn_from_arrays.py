"""The command on files of arrays: what was read is said, and axes can be given."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io

from support.command import run
from support.written import CUBE, ROWS, STACK, write_envi, write_h5ad, write_idx, write_mat73

QUICK = ["--units", "3", "--iterations", "2"]
WHOLE = [*QUICK, "--patch-size", "whole", "--whitening", "zca"]
SERIES = np.sin(np.arange(400.0) / 3)[:, None]


def write_cells(path):
    cells = np.empty((1, 20), object)
    for number in range(20):
        cells[0, number] = np.random.RandomState(number).uniform(size=(12, 9))
    scipy.io.savemat(path, {"images": cells, "labels": np.eye(20)})


#: Files, what writes them, options, and what is said to have been read.
READ = {
    "x.npy": (lambda path: np.save(path, ROWS), QUICK, "40 rows of 6 columns from x.npy"),
    "columns.npy": (
        lambda path: np.save(path, ROWS.T),
        [*QUICK, "--transpose"],
        "40 rows of 6 columns from columns.npy",
    ),
    "cube.npy": (
        lambda path: np.save(path, CUBE),
        [*QUICK, "--axes", "HWC"],
        "80 rows of 6 columns, the pixels of a cube of 8 x 10, from cube.npy",
    ),
    "cube.hdr": (
        lambda path: write_envi(path, CUBE, "bsq"),
        QUICK,
        "80 rows of 6 columns, the pixels of a cube of 8 x 10, from cube.hdr",
    ),
    "genes.h5ad": (
        lambda path: write_h5ad(path, ROWS, list("abcdef")),
        QUICK,
        "40 rows of 6 columns from X of genes.h5ad",
    ),
    "t10k-images-idx3-ubyte.gz": (
        lambda path: write_idx(path, STACK),
        WHOLE,
        "7 images of 12 x 9 from t10k-images-idx3-ubyte.gz",
    ),
    "digits.mat": (write_cells, WHOLE, "20 images of 12 x 9 from images of digits.mat"),
    "newer.mat": (
        lambda path: write_mat73(path, {"S": {"X": ROWS, "y": SERIES}}),
        QUICK,
        "40 rows of 6 columns from S.X of newer.mat",
    ),
    "nchw.npy": (
        lambda path: np.save(path, np.random.RandomState(0).uniform(size=(9, 3, 12, 8))),
        [*WHOLE, "--color"],
        "9 images of 12 x 8 x 3 from nchw.npy",
    ),
    "planar.npy": (
        lambda path: np.save(path, np.random.RandomState(0).uniform(size=(9, 3 * 6 * 8))),
        [*QUICK, "--shape", "3x6x8", "--color"],
        "9 images of 6 x 8 x 3 from planar.npy",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_was_read_is_said_at_once(name, tmp_path):
    write, options, said = READ[name]
    write(tmp_path / name)
    told = run("learn", name, *options, "--dry-run", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert f"read {said}" in told.stdout.splitlines()[1]


def test_a_cube_is_learned_from_and_encoded_by_the_command_that_is_printed(tmp_path):
    np.save(tmp_path / "cube.npy", CUBE)
    told = run("learn", "cube.npy", "--axes", "HWC", *QUICK, cwd=tmp_path)
    assert told.stdout.splitlines()[1].startswith("read 80 rows of 6 columns, the pixels")
    (line,) = (line for line in told.stdout.splitlines() if line.startswith("  rhohat encode"))
    arguments = line.split()[1:]
    assert arguments[:5] == ["encode", "rhohat-out/model.safetensors", "cube.npy", "--axes", "HWC"]
    assert run(*arguments, cwd=tmp_path).returncode == 0
    assert np.load(tmp_path / "features.npy").shape == (80, 3)


def as_in_matlab(images):
    """Each image a row, ``X(:)'`` in MATLAB."""
    return np.array([image.ravel(order="F") for image in images])


#: How images of 6 x 5 pixels may be made rows, and the options that say so.
MADE_ROWS = {
    "row by row": (lambda images: images.reshape(len(images), -1), ["--shape", "6x5x3"]),
    "planes": (
        lambda images: images.transpose(0, 3, 1, 2).reshape(len(images), -1),
        ["--shape", "3x6x5"],
    ),
    "as in MATLAB": (as_in_matlab, ["--shape", "6x5x3", "--order", "matlab"]),
    "as in MATLAB, colors first": (
        lambda images: as_in_matlab(images.transpose(0, 3, 1, 2)),
        ["--shape", "3x6x5", "--order", "matlab"],
    ),
}


@pytest.mark.parametrize("how", MADE_ROWS)
def test_rows_with_a_shape_are_learned_from_as_the_images_that_they_were(how, tmp_path):
    rows_of, options = MADE_ROWS[how]
    images = np.random.RandomState(0).randint(0, 256, (30, 6, 5, 3)).astype("u1")
    np.save(tmp_path / "rows.npy", rows_of(images))
    np.save(tmp_path / "images.npy", images)
    learn = ["learn", *QUICK]
    told = run(*learn, "rows.npy", *options, cwd=tmp_path)
    assert " ".join(["rows.npy", *options]) in told.stdout
    (line,) = (line for line in told.stdout.splitlines() if line.startswith("  data = "))
    loaded = eval(
        line.partition("=")[2], {"rhohat": SimpleNamespace(load_rows=lambda _: rows_of(images))}
    )
    np.testing.assert_array_equal(loaded, images)
    whole = ["--patch-size", "whole", "--color", "--out", "other"]
    other = run(*learn, "images.npy", *whole, cwd=tmp_path)
    assert (told.returncode, other.returncode) == (0, 0), told.stderr + other.stderr
    models = [
        (tmp_path / out / "model.safetensors").read_bytes() for out in ("rhohat-out", "other")
    ]
    assert models[0] == models[1]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (
            SERIES,
            "holds 400 rows of one column, from which nothing can be learned. If it is a series",
        ),
        (
            SERIES.T,
            "holds one row of 400 columns, from which nothing can be learned. If it is a series",
        ),
        (SERIES[:, 0], "An array with one axis is a series or labels"),
        (np.zeros((4, 32, 33, 7)), "Say which axis is which: --axes NHWC or --axes NCHW"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_way_round(array, said, tmp_path):
    np.save(tmp_path / "x.npy", array)
    told = run("learn", "x.npy", *QUICK, cwd=tmp_path)
    assert told.returncode == 1
    assert said in told.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (
            np.random.RandomState(0).uniform(size=(9, 40)),
            "If each column is an example, add --transpose",
        ),
        (np.random.RandomState(0).uniform(size=(20, 30, 10)), "--axes HWC"),
    ],
)
def test_what_may_be_meant_otherwise_is_noted(array, said, tmp_path):
    np.save(tmp_path / "x.npy", array)
    told = run("learn", "x.npy", "--dry-run", cwd=tmp_path)
    assert told.returncode == 0
    assert said in told.stderr
    assert told.stderr.count("note: x.npy ") == 1


def test_few_rows_are_no_reason_for_a_note_where_a_model_is_applied(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    assert run("learn", "x.npy", *QUICK, cwd=tmp_path).returncode == 0
    np.save(tmp_path / "one.npy", ROWS[:1])
    told = run("encode", "rhohat-out/model.safetensors", "one.npy", "-o", "f.npy", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "read: 1 row of 6 columns from one.npy\n")
    assert np.load(tmp_path / "f.npy").shape == (1, 3)


def test_letters_that_are_no_axes_are_a_wrong_usage(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    told = run("learn", "x.npy", "--axes", "XY", cwd=tmp_path)
    assert told.returncode == 2
    assert "N rows or images" in told.stderr.replace("\n", " ")


def test_linked_folders_are_searched_once_and_never_without_end(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    np.save(tmp_path / "elsewhere" / "x.npy", ROWS)
    (tmp_path / "data" / "inner").mkdir(parents=True)
    os.symlink("../elsewhere", tmp_path / "data" / "train")
    os.symlink("..", tmp_path / "data" / "inner" / "back")
    told = run("learn", "data", *QUICK, "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(told.stdout)["data"]["files"] == ["data/train/x.npy"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data_batch_1", b"\x80\x03}q\x00.", "never loaded. If you trust it"),
        ("x.pkl", b"", "numpy.save"),
        ("x.psd", b"", "Convert it to PNG"),
        ("x.rds", b"", "write.csv"),
        ("x.unheard", b"", "must end in one of"),
    ],
)
def test_what_is_not_read_is_refused_with_the_way_to_convert_it(name, content, said, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).write_bytes(content)
    told = run("learn", f"folder/{name}", cwd=tmp_path)
    assert told.returncode == 1
    assert said in told.stderr
    told = run("learn", "folder", cwd=tmp_path)
    assert told.returncode == 1
    assert "no file ends in" in told.stderr
    assert said in told.stderr or name == "x.unheard"
