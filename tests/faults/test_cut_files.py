"""Files of every format of arrays, cut off, empty or others under their name, are refused."""

import numpy as np
import pytest

from rhohat import DataFileError
from rhohat.files.finding import DataFiles
from rhohat.files.formats import FORMATS
from support.written import STACK, VARIETIES

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


def test_f31_every_format_that_is_one_file_of_arrays_has_a_variety_here():
    tried = {name for name, row in FORMATS.items() if any(map(row.matches, VARIETIES))}
    assert {
        "npz",
        "mat",
        "hdf5",
        "h5ad",
        "netcdf",
        "idx",
        "envi",
        "fits",
        "nifti",
        "dicom",
    } <= tried


@pytest.mark.parametrize("name", VARIETIES)
def test_f31_a_file_that_is_cut_off_is_refused_by_name_wherever_it_is_cut(name, tmp_path):
    path = tmp_path / name
    VARIETIES[name](path)
    good = read(path)
    data = path.with_suffix(".img") if name == "x.hdr" else path
    whole = data.read_bytes()
    for number in range(N_CUTS):
        data.write_bytes(whole[: len(whole) * number // N_CUTS])
        if name == "x.fits" and len(whole) * number // N_CUTS > 2880 + STACK.nbytes:
            np.testing.assert_array_equal(read(path), good)  # zeros at the end alone were lost
            continue
        with pytest.raises(DataFileError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path} "), number


@pytest.mark.parametrize("name", VARIETIES)
@pytest.mark.parametrize("other", OTHERS)
def test_f31_another_file_under_a_name_is_refused(name, other, tmp_path):
    path = tmp_path / name
    path.write_bytes(OTHERS[other])
    with pytest.raises(DataFileError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path} ")
