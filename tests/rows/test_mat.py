"""Files of MATLAB, of all versions: variables, fields, cell arrays and sparse matrices."""

import struct

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY, Selection
from rhohat.rows.mat import _KINDS
from support.written import write_mat73

RANDOM = np.random.RandomState(0)
ARRAYS = RANDOM.randint(0, 256, (4, 12, 9)).astype(np.uint8)
CELLS = [RANDOM.uniform(size=(12, 9)) for _ in range(20)]
SPARSE = scipy.sparse.random(50, 20, 0.2, format="csc", random_state=0)
#: What the files of the tests hold.
VARIABLES = {
    "S": {"X": RANDOM.uniform(size=(30, 7)), "deep": {"Z": np.ones((9, 4), "f4")}},
    "images": CELLS,
    "vectors": [np.full((1, 5), float(i)) for i in range(6)],
    "uneven": [np.eye(2), np.eye(3)],
    "mixed": [np.eye(2), "text"],
    "fea": SPARSE,
    "name": "a text",
    "labels": np.eye(20),
    "count": np.array([[7.0]]),
}


def cells(values):
    array = np.empty((1, len(values)), object)
    for number, value in enumerate(values):
        array[0, number] = value
    return array


def write_old(path, variables, compressed=False):
    known = {k: cells(v) if isinstance(v, list) else v for k, v in variables.items()}
    scipy.io.savemat(path, known, do_compression=compressed)


WRITERS = {
    "5": write_old,
    "5, compressed": lambda path, variables: write_old(path, variables, compressed=True),
    "7.3": write_mat73,
}
every_version = pytest.mark.parametrize("version", WRITERS)


@pytest.fixture(params=WRITERS)
def path(request, tmp_path):
    WRITERS[request.param](tmp_path / "x.mat", VARIABLES)
    return tmp_path / "x.mat"


def test_olshausens_layout_has_images_along_the_last_axis(tmp_path):
    images = ARRAYS.astype(float)
    scipy.io.savemat(tmp_path / "IMAGES.mat", {"IMAGES": np.moveaxis(images, 0, -1)})
    assert_array_equal(np.stack(load_images(tmp_path / "IMAGES.mat").images), images)


def test_fields_of_structures_are_named_by_points(path):
    assert_array_equal(load_rows(path, key="S.X"), VARIABLES["S"]["X"])
    deep = load_rows(path, key="S.deep.Z")
    assert_array_equal(deep, VARIABLES["S"]["deep"]["Z"])
    assert deep.dtype == np.float32


def test_cells_of_one_size_are_images_or_rows(path):
    assert_array_equal(np.stack(load_images(path, key="images").images), CELLS)
    assert_array_equal(load_rows(path, key="vectors"), np.arange(6.0)[:, None] * np.ones(5))


def test_small_sparse_matrices_are_made_whole(path):
    assert_array_equal(load_rows(path, key="fea"), SPARSE.toarray())


def test_all_is_named_where_nothing_is_clear(path):
    with pytest.raises(DataFileError, match="Choose one: --key images") as caught:
        load_rows(path)
    for told in (
        "images (12, 9, 20)",
        "S.X (30, 7)",
        "S.deep.Z (9, 4)",
        "fea (50, 20)",
        "labels (20, 20)",
        "uneven (a cell array of 2 matrices of different sizes)",
        "mixed (a cell array of 2 that are not all matrices of numbers)",
        "name (text)",
    ):
        assert told in str(caught.value)


@every_version
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(40, 6), (12, 9, 5), (8, 9, 3, 5)])
def test_all_versions_give_the_same_values_and_types(version, dtype, shape, tmp_path):
    array = RANDOM.uniform(0, 100, shape).astype(dtype)
    WRITERS[version](tmp_path / "x.mat", {"x": array})
    row = FORMATS["mat"]
    content, read = row.look(tmp_path / "x.mat", ANY), row.read(tmp_path / "x.mat", ANY)
    assert_array_equal(read, array if len(shape) == 2 else np.moveaxis(array, -1, 0))
    assert (content.shape, content.dtype, read.dtype) == (read.shape, dtype, dtype)


@every_version
def test_a_sparse_matrix_that_is_too_large_is_refused_with_its_size(version, tmp_path):
    huge = scipy.sparse.csc_matrix(([1.0], ([5], [7])), shape=(2**20, 2**12))
    WRITERS[version](tmp_path / "x.mat", {"x": huge})
    with pytest.raises(DataFileError, match=r"would take 32\.0 GiB"):
        load_rows(tmp_path / "x.mat")


@pytest.mark.parametrize("kind", ["complex", "struct array", "function-like text"])
def test_what_cannot_be_read_is_named_with_its_kind(kind, tmp_path):
    value, told = {
        "complex": (np.eye(3) * 1j, r"x \(values of type complex128\)"),
        "struct array": (np.zeros((1, 3), [("a", float)]), r"x \(an array of 3 structures\)"),
        "function-like text": ("@(x) x", r"x \(text\)"),
    }[kind]
    scipy.io.savemat(tmp_path / "x.mat", {"x": value})
    with pytest.raises(DataFileError, match=f"no array of numbers, but {told}"):
        load_rows(tmp_path / "x.mat")


def test_texts_beside_the_data_are_not_worth_a_note_and_structures_are(tmp_path):
    beside = {"name": "a text", "more": np.zeros((1, 3), [("a", float)])}
    for name, is_told in (("name", False), ("more", True)):
        scipy.io.savemat(tmp_path / "x.mat", {"x": np.eye(5), name: beside[name]})
        content = FORMATS["mat"].look(tmp_path / "x.mat", ANY)
        assert ("cannot be read" in content.note) == is_told


@pytest.mark.parametrize("code", [16, 17])
def test_functions_and_objects_are_named_for_what_they_are(code, tmp_path):
    scipy.io.savemat(tmp_path / "x.mat", {"handle": np.zeros((1, 1), np.uint64)})
    data = bytearray((tmp_path / "x.mat").read_bytes())
    data[144] = code  # the class of the first variable
    (tmp_path / "x.mat").write_bytes(data)
    with pytest.raises(DataFileError, match=f"handle \\({_KINDS[code]}\\)"):
        load_rows(tmp_path / "x.mat")


def test_complex_numbers_of_version_4_are_refused(tmp_path):
    scipy.io.savemat(tmp_path / "x.mat", {"x": np.eye(3) * 1j}, format="4")
    with pytest.raises(DataFileError, match="complex128"):
        load_rows(tmp_path / "x.mat")


def test_what_functions_remember_is_no_variable(tmp_path):
    write_old(tmp_path / "x.mat", {"x": np.eye(3)})
    content = bytearray((tmp_path / "x.mat").read_bytes())
    where = content.index(b"\x01\x00\x01\x00x")
    content[where : where + 8] = b"\x01\x00\x00\x00" + bytes(4)  # a name of no letters
    (tmp_path / "y.mat").write_bytes(content)
    with pytest.raises(DataFileError, match=r"holds no array of numbers\."):
        load_rows(tmp_path / "y.mat")


def test_parts_that_are_longer_than_the_whole_are_refused(tmp_path):
    write_old(tmp_path / "x.mat", {"S": {"X": np.ones((30, 7))}})
    content = (tmp_path / "x.mat").read_bytes()
    size = (30 * 7 * 8).to_bytes(4, "little")
    assert content.count(size) == 1
    for wrong in (2**31, 30 * 7 * 8 - 8, 2**32 - 1):
        (tmp_path / "x.mat").write_bytes(content.replace(size, wrong.to_bytes(4, "little")))
        with pytest.raises(DataFileError, match=r"bytes of numbers|cannot be decoded"):
            load_rows(tmp_path / "x.mat", key="S.X")


def test_fields_that_are_empty_hide_no_others(tmp_path):
    """What MATLAB leaves empty may have a length of zero, and then not even a header."""
    scipy.io.savemat(tmp_path / "x.mat", {"S": {"a": np.eye(2), "X": np.eye(5)}})
    content = (tmp_path / "x.mat").read_bytes()
    inner = content.index(struct.pack("<I", 14), 136)  # the element of the first field
    whole, length = (struct.unpack("<I", content[at : at + 4])[0] for at in (132, inner + 4))
    parts = content[:132], content[136 : inner + 4], content[inner + 8 + length :]
    empty = struct.pack("<I", whole - length).join(parts[:2]) + struct.pack("<I", 0) + parts[2]
    (tmp_path / "x.mat").write_bytes(empty)
    assert_array_equal(load_rows(tmp_path / "x.mat", key="S.X"), np.eye(5))


def test_columns_that_are_examples_are_transposed(tmp_path):
    X = RANDOM.uniform(size=(8, 30))
    for write in WRITERS.values():
        write(tmp_path / "x.mat", {"x": X})
        assert_array_equal(load_rows(tmp_path / "x.mat", transpose=True), X.T)
        source = FORMATS["mat"].open(tmp_path / "x.mat", Selection(transpose=True))
        assert_array_equal(source.read(0, 30).X, X.T)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_numbers_of_every_type_are_read(tmp_path, dtype, compressed):
    rows = np.arange(60).reshape(12, 5).astype(dtype)
    scipy.io.savemat(tmp_path / "x.mat", {"x": rows}, do_compression=compressed)
    assert_array_equal(load_rows(tmp_path / "x.mat"), rows)


def test_files_of_version_4_are_read(tmp_path):
    scipy.io.savemat(tmp_path / "x.mat", {"x": np.eye(5)}, format="4")
    assert_array_equal(load_rows(tmp_path / "x.mat"), np.eye(5))


@pytest.mark.parametrize("compressed", [False, True])
def test_complex_numbers_are_refused_beside_real_ones(tmp_path, compressed):
    arrays = {"wave": np.eye(3) * 1j, "rows": np.eye(3)}
    scipy.io.savemat(tmp_path / "x.mat", arrays, do_compression=compressed)
    assert_array_equal(load_rows(tmp_path / "x.mat", key="rows"), np.eye(3))
    with pytest.raises(DataFileError, match="values of type complex128"):
        load_rows(tmp_path / "x.mat", key="wave")


def test_a_file_that_announces_more_than_it_holds_is_refused(tmp_path):
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"x": np.eye(9)})
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    with pytest.raises(
        DataFileError, match=r"claims an element of 696 bytes, but holds only 688 more"
    ):
        load_rows(path)
