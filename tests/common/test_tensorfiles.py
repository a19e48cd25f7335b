"""Files of tensors: refused where they are damaged, whatever they claim."""

import json
import os
import time
import tracemalloc

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from numpy.testing import assert_array_equal

from rhohat.common.errors import ModelFileError
from rhohat.common.tensorfiles import BRACKET_LIMIT, HEADER_LIMIT
from rhohat.estimators.saving import load
from support.forgeries import assemble, refused
from support.models import CASES, assert_same, every_case, fitted_attributes, load_bytes

# --- what comes back -----------------------------------------------------------------------------


@every_case
def test_arrays_are_aligned(case, contents):
    assert int.from_bytes(contents(case)[:8], "little") % 8 == 0


# --- the file ------------------------------------------------------------------------------------


def test_any_reader_of_safetensors_reads_the_arrays(contents, file):
    contents("autoencoder")
    model = CASES["autoencoder"][0]
    arrays = safetensors.numpy.load_file(file)
    for name, array in arrays.items():
        assert_array_equal(array, getattr(model, name), strict=True)
    assert set(arrays) == {
        n for n, v in fitted_attributes(model).items() if isinstance(v, np.ndarray)
    }
    with safetensors.safe_open(file, "np") as opened:
        description = json.loads(opened.metadata()["rhohat"])
        assert opened.metadata()["rhohat"] == json.dumps(
            description, sort_keys=True, separators=(",", ":")
        )
    assert description["model"]["class"] == "SparseAutoencoder"
    assert description["versions"].keys() == {"rhohat", "numpy", "scipy", "scikit-learn"}


def test_a_file_rewritten_by_safetensors_loads(contents, file):
    content = contents("pipeline")
    with safetensors.safe_open(file, "np") as opened:
        metadata = opened.metadata()
    rewritten = safetensors.numpy.save(safetensors.numpy.load(content), metadata)
    assert_same(load_bytes(rewritten, file), CASES["pipeline"][0])


# --- damage --------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused(contents):
    content = contents("pca")
    assert all(refused(content[:length]) for length in range(len(content)))


def test_a_file_with_bytes_added_is_refused(contents):
    content = contents("autoencoder")
    assert refused(content + b"\0")
    assert refused(content + content)
    assert refused(b"\0" + content)


@pytest.mark.parametrize("case", ["pca", "pipeline"])
def test_every_flipped_bit_is_refused(case, contents):
    content = contents(case)
    generator = np.random.RandomState(0)
    header = int.from_bytes(content[:8], "little")
    places = np.concatenate(
        [
            np.arange(64),  # the length
            8 * header + np.arange(64),  # the padding
            generator.randint(8 * len(content), size=1000),
        ]
    )
    for place in places:
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        assert refused(flipped), place


def test_mutated_headers_are_refused(contents):
    content = contents("pca")
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    meaning = json.loads(header)
    generator = np.random.RandomState(0)
    alphabet = b'{}[]",:0123456789abcdefEF.-+ \t\n\\u\x00\xff' + header[:64]
    passed = 0
    for _ in range(10_000):
        mutated = bytearray(header)
        for _ in range(generator.randint(1, 4)):
            a, b = sorted(generator.randint(len(mutated) + 1, size=2))
            b = min(b, a + generator.randint(1, 20))
            kind = generator.randint(5)
            if kind == 0:
                mutated[a : a + 1] = [alphabet[generator.randint(len(alphabet))]]
            elif kind == 1:
                mutated[a:a] = [alphabet[generator.randint(len(alphabet))]]
            elif kind == 2:
                del mutated[a:b]
            elif kind == 3:
                mutated[b:b] = mutated[a:b]
            else:
                mutated[a:b] = mutated[a:b][::-1]
        fixed = generator.rand() < 0.8
        first = len(mutated).to_bytes(8, "little") if fixed else content[:8]
        if not refused(first + mutated + data):
            passed += 1
            assert json.loads(mutated) == meaning  # white space
    assert passed < 500


# --- what is no model ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes"),
        (b"\0" * 7, "7 bytes"),
        (b"\0" * 8, "JSON"),
        (b"\0" * 100, "JSON"),
        (b"\xff" * 100, "a header of 18446744073709551615"),
        (b"PK\x03\x04" + b"\0" * 100, "zip archive"),
        (b"# a text that is no model", "that begin with b'# a text'"),
        ((1000).to_bytes(8, "little") + b"{}", "a header of 1000"),
        ((2**63).to_bytes(8, "little") + b"{}", "a header of 9223372036854775808"),
        (assemble({}), "found a safetensors file without a description"),
        (assemble([]), "a header of named arrays"),
        (assemble({"__metadata__": None}), "without a description"),
        (assemble({"__metadata__": {"format": "pt"}}), "without a description"),
        (assemble({"__metadata__": {"rhohat": {}}}), "without a description"),
        (assemble({"__metadata__": {"rhohat": "{}"}}), "SHA-256"),
        (assemble({"__metadata__": {"rhohat": "\ud800", "sha256": 1}}), "SHA-256"),
        (assemble(b'{"a":1,"a":1}'), "same key twice"),
        (assemble(b'{"__metadata__":{"rhohat":"{}","rhohat":"{}"}}'), "same key twice"),
        (assemble('{"a":1}'.encode("utf-16")), "JSON"),
        (assemble("\ufeff{}".encode()), "JSON"),
        (assemble(b"[" * 90_000), "nested without end"),
        (assemble(b'{"a":' * 90_000), "nested without end"),
        (safetensors.numpy.save({"weights": np.ones(3)}), "without a description"),
    ],
)
def test_other_files_are_refused(content, message, file):
    with pytest.raises(ModelFileError, match=message) as caught:
        load_bytes(content, file)
    assert str(file) in str(caught.value)


def test_offsets_that_overlap_or_leave_gaps_are_refused(contents, file):
    content = contents("autoencoder")
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    name = list(header)[2]
    begin, end = header[name]["data_offsets"]
    for offsets in (
        [0, end - begin],
        [begin, end + 8],
        [begin + 8, end + 8],
        [end, begin],
        [-8, end],
        [begin],
        [begin, end, end],
        [float(begin), end],
        [0, 2**64],
        None,
        "0",
    ):
        header[name]["data_offsets"] = offsets
        with pytest.raises(ModelFileError, match=name):
            load_bytes(assemble(header, [data]), file)


@pytest.mark.parametrize("entry", [None, 0, "F64", [], ["dtype", "shape", "data_offsets"], {}])
def test_entries_that_describe_no_array_are_refused(entry, contents, file):
    content = contents("autoencoder")
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header["encoder_bias_"] = entry
    with pytest.raises(ModelFileError, match="of the array 'encoder_bias_'"):
        load_bytes(assemble(header, [data]), file)


def bombs():
    """Headers as large as allowed that take much more memory to parse."""
    words = (f'"{n:x}":0' for n in range(10**6))
    keys, size = [], 2
    while size < HEADER_LIMIT - 20:
        keys.append(next(words))
        size += len(keys[-1]) + 1
    lists = BRACKET_LIMIT - 10
    return {
        "keys": "{" + ",".join(keys) + "}",
        "numbers": "[" + ",".join(["999"] * (HEADER_LIMIT // 4 - 1)) + "]",
        "lists": "[" + ",".join(["[0]"] * lists) + "]",
        "objects": "[" + ",".join(['{"":0}'] * lists) + "]",
        "brackets": "[" + ",".join(["[]"] * (HEADER_LIMIT // 3 - 1)) + "]",
        "nested": "[" * HEADER_LIMIT,
    }


@pytest.mark.parametrize("bomb", ["keys", "numbers", "lists", "objects", "brackets", "nested"])
def test_no_header_takes_much_time_or_memory(bomb, file):
    content = bombs()[bomb].encode()
    file.write_bytes(assemble(content))
    assert len(content) <= HEADER_LIMIT
    start = time.process_time()
    with pytest.raises(ModelFileError):
        load(file)
    assert time.process_time() - start < 2
    if bomb in ("lists", "objects"):  # the others take long to trace
        tracemalloc.start()
        with pytest.raises(ModelFileError):
            load(file)
        assert tracemalloc.get_traced_memory()[1] < 200e6
        tracemalloc.stop()


def test_a_huge_file_is_refused_without_being_read(file):
    for first in (b"\xff" * 8, assemble(b"{}"), assemble({"a": {"dtype": "F64"}})):
        file.write_bytes(first)
        os.truncate(file, 2**40)
        start = time.process_time()
        with pytest.raises(ModelFileError):
            load(file)
        assert time.process_time() - start < 1
        os.truncate(file, 0)
