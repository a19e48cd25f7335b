"""What files claim of themselves: one law for every claim, one place where all are checked."""

import gzip
import zlib

import numpy as np
import pytest

from rhohat import DataFileError
from rhohat.rows.claims import BYTES_LIMIT, Claims, bytes_in, check_deflated, check_search

F8, U1 = np.dtype("f8"), np.dtype("u1")


def claims(**changes):
    return Claims(**({"shape": (10, 4), "dtype": F8, "stored": 320} | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"shape": (0, 4)},
        {"shape": ()},
        {"shape": (10**9, 10), "stored": 10**9},
        {"shape": (1000, 1000), "stored": 1},
        {"chunk": (1000, 1000)},
        {"chunk": (10**6, 10**3), "shape": (10**7, 10**3), "stored": 10**9},
        {"codecs": ["gzip", "numcodecs.zlib"]},
        {"bits": 48},
        {"rate": 44_100, "channels": 2},
    ],
)
def test_what_sound_files_claim_is_believed(changes):
    claims(**changes).check()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shape": (-1, 4)}, "an array of shape"),
        ({"shape": (-10, -4)}, "an array of shape"),
        ({"shape": (True, 4)}, "an array of shape"),
        ({"shape": (2.0, 4)}, "an array of shape"),
        ({"chunk": (-1, 4)}, "an array of shape"),
        ({"shape": (10**7, 4)}, "exhaust memory"),
        ({"shape": (10**8, 1), "dtype": U1, "stored": 10**5}, "exhaust memory"),
        ({"chunk": (10**7, 4)}, "in chunks"),
        ({"codecs": ["gzip", "pickle"]}, "'pickle', which is not supported"),
        ({"codecs": ["x" * 10_000]}, "xxx"),
        ({"elsewhere": "its numbers"}, "its numbers outside the file"),
        ({"bits": 0}, "0 bits"),
        ({"bits": 65_535}, "65,535 bits"),
        ({"rate": 1}, "rate of 1 samples"),
        ({"rate": 0}, "rate of 0 samples"),
        ({"rate": 10_000_019}, "rate of 10,000,019"),
        ({"channels": 0}, "0 channels"),
        ({"channels": 65_535}, "65,535 channels"),
        ({"shape": (1, 9600, 9600, 1), "pixels": 9600**2, "stored": 10**8}, "9600 x 9600"),
    ],
)
def test_what_no_sound_file_claims_is_refused(changes, reason):
    with pytest.raises(DataFileError, match=reason) as caught:
        claims(**changes).check()
    assert len(str(caught.value)) < 400


def test_floats_that_are_made_count_but_their_file_vouches_for_them():
    many = BYTES_LIMIT // 4 + 1
    claims(shape=(many - 1, 1), dtype=U1, stored=1).check()
    claims(shape=(many, 1), dtype=U1, stored=many // 50).check()
    with pytest.raises(DataFileError, match="exhaust memory"):
        claims(shape=(many, 1), dtype=U1, stored=many // 200).check()


def test_searches_end():
    check_search(32, 10_000)
    for depth, number in ((33, 1), (1, 10_001)):
        with pytest.raises(DataFileError, match="not searched"):
            check_search(depth, number)


def test_bytes_in_folders_are_counted_until_there_are_enough(tmp_path):
    for name in "abc":
        (tmp_path / name).write_bytes(bytes(100))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert bytes_in(tmp_path / "a", 10**9) == 100
    assert 300 <= bytes_in(tmp_path, 10**9) < 400 + len(str(tmp_path))
    assert bytes_in(tmp_path, 1) < 300


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
@pytest.mark.parametrize("n", [0, 1, 1000, 1_000_000])
def test_packed_bytes_are_counted_exactly(pack, n):
    packed = pack(np.random.RandomState(0).bytes(n))
    check_deflated(packed, n, "a chunk")
    if n:
        with pytest.raises(DataFileError, match="holds more in a chunk than the"):
            check_deflated(packed, n - 1, "a chunk")
    check_deflated(packed[:-5], n, "a chunk")  # cut off, which the decoder says


def test_streams_one_after_another_are_counted_together():
    packed = gzip.compress(bytes(1000)) * 3
    check_deflated(packed, 3000, "a chunk")
    with pytest.raises(DataFileError, match="2,999"):
        check_deflated(packed, 2999, "a chunk")
