"""A kind of file is one row of a table: laws that every row passes, also one added here."""

import sys
from math import prod
from pathlib import Path

import dask.array
import h5py
import numpy as np
import pandas as pd
import polars as pl
import pytest
import zarr
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from rhohat import DataFileError, SparseAutoencoder, Whitening, load, load_images, load_rows
from rhohat.cli.main import cli
from rhohat.common.arrays import float_dtype
from rhohat.files.finding import DataFiles
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import FileFormat, Selection, array_content, finite_floats
from rhohat.rows.formats import format_of, place_of
from rhohat.rows.opening import open_file, open_store
from rhohat.rows.stores import Store
from support import written
from support.written import DTYPES

# The smallest kind of file: a line of type and shape, then a line of numbers for each row.


def write_toy(path, array):
    numbers = array.astype("u1") if array.dtype == bool else array
    lines = [(array.dtype.name, *array.shape), *numbers.reshape(len(array), -1)]
    Path(path).write_text("\n".join(" ".join(map(str, line)) for line in lines))


def header(path):
    name, *shape = Path(path).read_text().partition("\n")[0].split()
    try:
        return tuple(map(int, shape)), np.dtype(name)
    except (TypeError, ValueError) as error:
        raise DataFileError(f"is no toy: {error}") from error


class ToyRows(Store):
    def __init__(self, path):
        self.path = path
        super().__init__(str(path), *header(path))

    def load(self, start, stop):
        lines = self.path.read_text().splitlines()[start + 1 : stop + 1]
        return np.array([line.split() for line in lines]).astype(float).astype(self.stored_dtype)


def look_at_toy(path, selection):
    return array_content(*header(path))


def read_toy(path, selection):
    shape, dtype = header(path)
    numbers = np.array(path.read_text().partition("\n")[2].split()).astype(float)
    return numbers.astype(dtype).reshape(shape)


EXAMPLES = written.EXAMPLES | {"x.toy": written.Example(write_toy, written.ROWS, DTYPES, True)}


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """All that is done to add a kind of file, and its example above to hold it to these laws."""
    row = FileFormat((".toy",), look_at_toy, read_toy, lambda path, selection: ToyRows(path))
    monkeypatch.setitem(FORMATS, "toy", row)


#: The precision of each type: exact where float32 is, and where it is not, as exact as there is.
PRECISION = dict.fromkeys(("bool", "u1", "i2", "u2", "f2", "f4"), np.float32)
GRAY = np.random.RandomState(0).randint(0, 256, (12, 9)).astype(np.uint8)

every_example = pytest.mark.parametrize("name", EXAMPLES)
every_type = pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in EXAMPLES for dtype in EXAMPLES[name].dtypes]
)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
with_images = [name for name, example in EXAMPLES.items() if example.holds_images]


def rows(dtype, m=40):
    return np.random.RandomState(0).uniform(0, 2, (m, 3)).astype(dtype)


def is_open(path):
    return format_of(path).open is not None


def fitted(X):
    return SparseAutoencoder(2, max_iter=1, random_state=0).fit(X)


def bits(model):
    """What a fit makes of rows, to the last bit."""
    return model.encoder_weights_.tobytes(), model.loss_, model.data_fingerprint_


def learned(path):
    """What the command learns, its precision and bits."""
    model = path.with_name("model.safetensors")
    command = ["learn", str(path), "--units", "2", "--iterations", "3", "--whitening", "none"]
    command += ["--out", str(path.parent)]
    assert CliRunner().invoke(cli, command, catch_exceptions=False).exit_code == 0
    return load(model)[-1].encoder_weights_.dtype, model.read_bytes()


# Laws of every row.


def test_every_format_has_an_example():
    assert {name for name in FORMATS if any(map(FORMATS[name].matches, EXAMPLES))} == set(FORMATS)


@every_example
def test_looking_promises_shape_and_precision_of_what_reading_gives(name, tmp_path):
    place = place_of(EXAMPLES[name].save(tmp_path / name), Selection())
    content, array = place.look(), place.read()
    shape = array.shape[:3] if place.format.is_photograph else array.shape  # in color or in gray
    assert (content.shape, float_dtype(content.dtype)) == (shape, float_dtype(array.dtype))


@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [(name, (4, 6), dtype) for name in EXAMPLES for dtype in EXAMPLES[name].dtypes]
    + [(name, shape, "u1") for name in with_images for shape in ((4, 5, 7), (2, 4, 5, 3))],
)
def test_reading_gives_what_was_written_as_looking_promises(name, shape, dtype, tmp_path):
    values = np.arange(prod(shape)).reshape(shape).astype(dtype)
    place = place_of(EXAMPLES[name].save(tmp_path / name, values), Selection())
    content, array = place.look(), place.read()
    assert content.kind == ("rows" if len(shape) == 2 else "images")
    assert (content.shape, content.dtype) == (array.shape, array.dtype)
    assert_array_equal(array.reshape(shape), values)


def check_opened(path):
    """Compare what opening a file gives with what reading it gives, as moments of series."""
    place = place_of(path, Selection())
    X = finite_floats(np.asarray(place.read()))
    X = X[0].T if place.look().kind == "series" else X
    source = place.open()
    assert (source.shape, source.dtype) == (X.shape, X.dtype)
    assert_array_equal(source.read(7, len(X)).X, X[7:])
    assert_array_equal(source.take(np.array([0, 8, 39])).X, X[[0, 8, 39]])


@every_example
def test_opening_gives_what_reading_gives(name, tmp_path):
    path = EXAMPLES[name].save(tmp_path / name)
    content = format_of(path).look(path, Selection())
    if is_open(path) and content.kind in ("rows", "series"):
        check_opened(path)
    else:
        with pytest.raises(ValueError, match=r"must end in one of|expected \(rows, columns\)"):
            open_file(path)


@every_type
def test_opening_gives_the_rows_of_a_type_that_reading_gives(name, dtype, tmp_path):
    check_opened(EXAMPLES[name].save(tmp_path / name, rows(dtype)))


# One rule of precision.


@every_type
def test_rows_of_a_type_give_the_same_bits_wherever_they_lie(name, dtype, tmp_path):
    X = rows(dtype)
    path = EXAMPLES[name].save(tmp_path / name, X)
    model = fitted(X)
    assert model.transform(X).dtype == PRECISION.get(dtype, np.float64)
    assert load_rows(path).dtype == model.transform(X).dtype
    assert bits(fitted(path)) == bits(model) == bits(fitted(load_rows(path)))
    assert_array_equal(Whitening().fit(path).components_, Whitening().fit(X).components_)


def as_dataset(X, folder):
    EXAMPLES["x.h5"].save(folder / "x.h5", X)
    return h5py.File(folder / "x.h5")["group/x"]


def as_memmap(X, folder):
    np.save(folder / "x.npy", X)
    return np.load(folder / "x.npy", mmap_mode="r")


GIVEN = {
    "memmap": as_memmap,
    "part of a memmap": lambda X, folder: as_memmap(np.hstack([X, X]), folder)[:, :3],
    "zarr array": lambda X, folder: zarr.array(X),
    "HDF5 dataset": as_dataset,
    "Dask array": lambda X, folder: dask.array.from_array(X, chunks=(7, 2)),
    "blocks": lambda X, folder: [X[:9], X[9:]],
    "stream": lambda X, folder: lambda: iter([X[:9], X[9:]]),
    "pandas": lambda X, folder: pd.DataFrame(X, columns=list("abc")),
}


@pytest.mark.parametrize("way", GIVEN)
@every_dtype
def test_rows_of_a_type_give_the_same_bits_however_they_are_given(way, dtype, tmp_path):
    X = rows(dtype)
    given = GIVEN[way](X, tmp_path)
    model = fitted(given)
    assert bits(model) == bits(fitted(X))
    codes = model.transform(given)
    assert codes.dtype == PRECISION.get(dtype, np.float64)


def test_columns_of_several_types_have_the_precision_that_holds_all():
    frame = pl.DataFrame({"a": rows("u1")[:, 0], "b": rows("f4")[:, 1]})
    assert fitted(frame).transform(frame).dtype == np.float32
    frame = frame.with_columns(c=rows("i4")[:, 2])
    assert fitted(frame).transform(frame).dtype == np.float64


@pytest.fixture(scope="module")
def from_floats(tmp_path_factory):
    """What the command learns of the same rows in float32."""
    path = tmp_path_factory.mktemp("floats") / "x.npy"
    return learned(EXAMPLES["x.npy"].save(path, rows("u1").astype("f4")))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EXAMPLES if "u1" in EXAMPLES[name].dtypes])
def test_the_command_learns_the_same_however_rows_are_kept(
    name, from_floats, tmp_path, monkeypatch
):
    path = EXAMPLES[name].save(tmp_path / name, rows("u1"))
    assert learned(path) == from_floats
    monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 0)
    assert learned(path) == from_floats
    assert from_floats[0] == np.float32


# What is wrong is said with the file's name.


def test_a_new_kind_of_file_is_found_in_folders_and_named_among_endings(tmp_path):
    (tmp_path / "deep").mkdir()
    write_toy(tmp_path / "deep" / "x.toy", rows("f4"))
    (tmp_path / "README.txt").write_text("not data")
    found = DataFiles.find(tmp_path)
    assert list(found.contents) == [tmp_path / "deep" / "x.toy"]
    assert found.ignored == [tmp_path / "README.txt"]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataFileError, match=r"no file ends in .*\.toy"):
        load_rows(tmp_path / "none")
    with pytest.raises(ValueError, match=r"must end in one of .*\.toy"):
        open_store(tmp_path / "README.doc")


def test_images_of_a_new_kind_of_file_are_images_like_others(tmp_path):
    stack = np.stack([GRAY, GRAY.T[:12, :9].repeat(2, axis=0)[:12]])
    for name in ("x.toy", "x.npy"):
        EXAMPLES[name].save(tmp_path / name, stack)
    for toy, npy in zip(
        load_images(tmp_path / "x.toy").images, load_images(tmp_path / "x.npy").images, strict=True
    ):
        assert_array_equal(toy, npy)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("nonsense 3 4\n", "is no toy"),
        ("complex128 3 4\n", "expected real numbers"),
        ("float32 0 4\n", "holds an empty array"),
    ],
)
@pytest.mark.parametrize("use", [load_rows, fitted])
def test_what_is_wrong_is_said_with_the_name_of_the_file(use, content, reason, tmp_path):
    (tmp_path / "bad.toy").write_text(content)
    with pytest.raises(DataFileError, match=rf"bad\.toy .*{reason}"):
        use(tmp_path / "bad.toy")


@pytest.mark.parametrize("name", with_images)
def test_images_are_no_rows(name, tmp_path):
    path = EXAMPLES[name].save(tmp_path / name, np.zeros((4, 5, 7)))
    with pytest.raises(ValueError, match=rf"{name}.*has shape \(4, 5, 7\), expected \(rows, col"):
        fitted(path)


@pytest.mark.parametrize(("module", "name"), [("h5py", "x.h5"), ("zarr", "x.zarr")])
def test_a_missing_library_is_named_with_what_brings_it(module, name, tmp_path, monkeypatch):
    path = EXAMPLES[name].save(tmp_path / name, rows("f4"))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'rhohat\[store\]'"):
        fitted(path)
    with pytest.raises(DataFileError, match=rf"{path.name} cannot be read yet: .*rhohat\[store\]"):
        load_rows(path)


def test_an_array_among_several_is_chosen_by_one_rule(tmp_path):
    path = tmp_path / "two.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = rows("f4"), rows("f4", 9)
    for use in (load_rows, fitted):
        with pytest.raises(DataFileError, match=r"two\.h5 holds several arrays: a .*'path::a'"):
            use(path)
    assert_array_equal(open_file(f"{path}::b").read(0, 9).X, load_rows(path, key="b"))
