"""Files of every format, cut off, empty or others under their name, are refused."""

import numpy as np
import pytest

from rhohat import DataFileError
from rhohat.files.finding import DataFiles
from support.written import EXAMPLES

#: Places at which files are cut, as shares of their lengths.
N_CUTS = 20
#: What is under the name of another kind.
OTHERS = {
    "nothing": b"",
    "text": b"hello, world\n" * 100,
    "zeros": bytes(3000),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "another archive": b"PK\x05\x06" + bytes(18),
    "gzip of nothing": b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0",
}


def read(path):
    files = DataFiles.find(path)
    with files.reading(path):
        return files.read(path)


def outcome(path):
    """What is said of a file, or what it holds, value by value."""
    try:
        return np.ravel(read(path))
    except DataFileError as error:
        return str(error)


@pytest.mark.parametrize("name", EXAMPLES)
def test_f31_a_file_that_is_cut_off_is_refused_by_name_wherever_it_is_cut(name, tmp_path):
    path, left = EXAMPLES[name].save(tmp_path / name), EXAMPLES[name].left
    good = np.ravel(read(path))
    for part in [part for part in tmp_path.rglob("*") if part.is_file()]:
        whole = part.read_bytes()
        for number in range(N_CUTS):
            part.write_bytes(whole[: len(whole) * number // N_CUTS])
            found = outcome(path)
            if isinstance(found, str):
                assert found.startswith(f"{path} "), (part, number)
            elif left == "beginning":  # whose last number may be cut
                np.testing.assert_array_equal(found[:-1], good[: len(found) - 1])
            else:
                assert left == "all", (part, number)
                np.testing.assert_array_equal(found, good)
        part.write_bytes(whole)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("other", OTHERS)
def test_f31_another_file_under_a_name_is_refused(name, other, tmp_path):
    path = tmp_path / name
    path.write_bytes(OTHERS[other])
    assert str(outcome(path)).startswith(f"{path} ")
