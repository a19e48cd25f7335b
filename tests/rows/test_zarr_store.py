"""A folder of zarr, of which nothing is given out that is not what it claims."""

import json
import pickle
import struct
from contextlib import nullcontext

import numpy as np
import pytest
import zarr
from numcodecs import Blosc, Zstd
from zarr.abc.store import RangeByteRequest, SuffixByteRequest

from rhohat import DataFileError
from rhohat.rows.file_format import Selection
from rhohat.rows.zarr import ZARR
from rhohat.rows.zarr_store import Chunks, ContainedStore, announced, check_description, codec_names

X = np.random.RandomState(0).uniform(size=(40, 6))


def array_of(folder, **options):
    """An array in a folder that is checked."""
    made = zarr.create_array(folder, shape=X.shape, chunks=(8, 6), dtype="f8", **options)
    made[:] = X
    return zarr.open_array(ContainedStore(folder, read_only=True), mode="r")


@pytest.mark.parametrize("n", [0, 1, 100, 300, 70_000, 1_000_000])
def test_compressed_chunks_say_what_they_make(n):
    content = np.random.RandomState(0).bytes(n)
    assert announced("blosc", Blosc().encode(content)) == n
    assert announced("lz4", struct.pack("<I", n)) == n
    assert announced("zstd", Zstd().encode(content)) == n


def test_frames_of_zstandard_that_do_not_say_their_size_are_measured_by_their_blocks():
    head = b"\x28\xb5\x2f\xfd\x00\x58"
    repeated = struct.pack("<I", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", 5 << 3 | 1)[:3] + b"abcde"
    frame = head + 100 * repeated + last
    assert announced("zstd", frame) == 99 * (128 << 10) + 5
    assert announced("zstd", frame[:40]) < announced("zstd", frame)
    assert announced("zstd", b"") == announced("zstd", b"junk" * 9) == 0


@pytest.mark.parametrize("is_single", [False, True])
@pytest.mark.parametrize(("of_dictionary", "id_bytes"), [(0, 0), (1, 1), (2, 2), (3, 4)])
@pytest.mark.parametrize(("of_content", "size_bytes"), [(1, 2), (2, 4), (3, 8)])
def test_frames_of_zstandard_say_their_size_behind_all_that_may_come_before_it(
    is_single, of_dictionary, id_bytes, of_content, size_bytes
):
    """RFC 8878: flags, a window unless all is one segment, a dictionary's number, the size."""
    flags = of_content << 6 | is_single << 5 | of_dictionary
    before = bytes([flags]) + b"\x58" * (not is_single) + b"\x07" * id_bytes
    said = 12_345
    size = (said - 256 if size_bytes == 2 else said).to_bytes(size_bytes, "little")
    assert announced("zstd", b"\x28\xb5\x2f\xfd" + before + size + b"\0" * 9) == said


def test_sizes_of_four_bytes_are_read_whole():
    most = 2**32 - 17
    assert announced("blosc", struct.pack("<4BIII", 2, 1, 33, 8, most, 0, 16)) == most
    assert announced("lz4", struct.pack("<I", most)) == most


def test_codecs_are_found_at_any_depth_but_not_among_the_users_words():
    inner = {"codecs": ["b"], "index_codecs": [{"name": "c"}]}
    described = {
        "attributes": {"filters": [{"id": "mine"}]},
        "codecs": [{"name": "a", "configuration": inner}],
        "metadata": {"x/.zarray": {"compressor": {"id": "d"}, "filters": None}},
        "consolidated_metadata": {"metadata": {"y": {"codecs": [{"name": "e"}]}}},
    }
    assert sorted(codec_names(described)) == ["a", "b", "c", "d", "e"]
    assert codec_names([None, 3, "codecs"]) == []


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_descriptions_that_are_no_json_are_refused(content):
    with pytest.raises(DataFileError, match="is not JSON"):
        check_description(content)


def test_chunks_know_their_size_and_compressors(tmp_path):
    assert Chunks.of(array_of(tmp_path / "a", compressors=None)) == Chunks(384, ())
    sharded = Chunks.of(array_of(tmp_path / "b", shards=(16, 6)))
    assert sharded == Chunks(384, ("zstd",), n_inner=2)
    old = Chunks.of(array_of(tmp_path / "c", zarr_format=2))
    assert old.n_bytes == 384
    assert len(old.compressors) == 1


@pytest.mark.parametrize("options", [{}, {"shards": (16, 6)}, {"zarr_format": 2}])
def test_arrays_are_read_through_it_also_in_other_processes(options, tmp_path):
    array = array_of(tmp_path / "a", **options)
    array.store_path.store.expect(array)
    np.testing.assert_array_equal(array[:], X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[3:9], X[3:9])


def test_a_chunk_that_is_longer_than_a_chunk_is_refused(tmp_path):
    array_of(tmp_path / "a.zarr", compressors=None)
    (tmp_path / "a.zarr" / "c" / "0" / "0").write_bytes(bytes(100_000))
    with pytest.raises(DataFileError, match=r"100,000 bytes in c/0/0, more than belong there"):
        ZARR.read(tmp_path / "a.zarr", Selection())


def test_a_description_that_is_too_long_is_refused(tmp_path):
    array_of(tmp_path / "a.zarr")
    described = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())
    described["attributes"] = {"long": "x" * (5 << 20)}
    (tmp_path / "a.zarr" / "zarr.json").write_text(json.dumps(described))
    with pytest.raises(DataFileError, match=r"in zarr\.json, more than belong there"):
        ZARR.look(tmp_path / "a.zarr", Selection())


def test_a_chunk_in_a_shard_that_holds_too_much_is_refused(tmp_path):
    path = tmp_path / "a.zarr"
    array_of(path, shards=(16, 6))
    shard = path / "c" / "0" / "0"
    content = shard.read_bytes()
    begin, length = struct.unpack("<QQ", content[-36:-20])
    assert content[begin : begin + 4] == b"\x28\xb5\x2f\xfd"
    bomb = Zstd().encode(bytes(10_000_000))[:length].ljust(length, b"\0")
    shard.write_bytes(content[:begin] + bomb + content[begin + length :])
    for read in (
        lambda: ZARR.read(path, Selection()),
        lambda: ZARR.open(path, Selection()).read(0, 3),
    ):
        with pytest.raises(DataFileError, match=r"holds more in the chunk c/0/0"):
            read()


def test_a_chunk_in_a_file_of_its_own_that_holds_too_much_is_refused(tmp_path):
    path = tmp_path / "a.zarr"
    array_of(path, compressors=zarr.codecs.ZstdCodec())
    (path / "c" / "0" / "0").write_bytes(Zstd().encode(bytes(10_000_000)))
    with pytest.raises(DataFileError, match="holds more in the chunk c/0/0 than the 384 bytes"):
        ZARR.read(path, Selection())


@pytest.mark.parametrize(
    ("index_first", "place", "is_checked"),
    [
        (False, RangeByteRequest(0, 300), True),
        (False, RangeByteRequest(100, 300), True),
        (False, SuffixByteRequest(36), False),
        (True, RangeByteRequest(0, 36), False),
        (True, RangeByteRequest(36, 300), True),
    ],
)
def test_of_a_shard_the_chunks_are_checked_and_not_the_index(index_first, place, is_checked):
    chunks = Chunks(384, ("zstd",), n_inner=2, index_first=index_first)
    bomb = Zstd().encode(bytes(10_000_000))
    with pytest.raises(DataFileError) if is_checked else nullcontext():
        chunks.check("c/0/0", bomb, place)
