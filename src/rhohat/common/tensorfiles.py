"""Files of named arrays and a description, read only if every byte is sound.

They are safetensors files: eight bytes with the header's length, the header (JSON), then the
arrays, little-endian and row-major. The header's ``__metadata__`` holds a description, again JSON,
and its SHA-256. The description holds the ``format``, the ``model`` (or whatever else is saved),
the ``versions`` that wrote it, and ``tensors``, a SHA-256 over dtype, shape and bytes of each
array. Nothing else goes in, so that the same content makes the same bytes, and nothing in a file
can be run.

``safetensors.numpy.save`` is not used, since it writes metadata in an order that changes from run
to run, and assumes that any array is row-major in memory. It can read what is written here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version
from math import isfinite, prod
from reprlib import repr as short
from typing import Any, BinaryIO, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import ModelFileError

#: Number of the format written; raised when older versions would misread what is new.
FORMAT = 1
#: Bytes and opening brackets that a header may have, so that the worst one takes half a second and
#: 100 MB to parse. A model has a few dozen brackets, and those in its feature names.
HEADER_LIMIT, BRACKET_LIMIT = 4_000_000, 100_000
#: Types of arrays, as safetensors calls them.
DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
}
#: Types of arrays in files of other programs.
PLAIN_DTYPES: dict[str, np.dtype[Any]] = DTYPES | {
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I32": np.dtype("<i4"),
}
#: First bytes of other files that users take for models.
LOOKALIKES = {
    b"\x80": "a pickle",
    b"PK": "a zip archive, as .npz and PyTorch files are",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a gzip file",
    b"\x78": "a compressed joblib file",
}

Arrays: TypeAlias = dict[str, NDArray[Any]]


def pack(described: Any, arrays: Arrays) -> bytes:
    """Make the bytes of a file.

    Parameters
    ----------
    described : JSON document
    arrays : dict of ndarray
        Little-endian and row-major.
    """
    packages = ("rhohat", "numpy", "scipy", "scikit-learn")
    description = {
        "format": FORMAT,
        "model": described,
        "versions": {name: version(name) for name in packages},
        "tensors": {name: _array_digest(array) for name, array in arrays.items()},
    }
    text = _dump(description, sort_keys=True)
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    metadata = {"rhohat": text, "sha256": _digest(text)}
    return pack_plain({name: arrays[name] for name in order}, metadata)


def unpack(stream: BinaryIO, size: int) -> tuple[Any, Arrays]:
    """Read description and arrays from a file of `size` bytes.

    Raises
    ------
    ModelFileError
        If it is not such a file, or is damaged.
    """
    header, left = _read_header(stream, size)
    description = _read_description(header.pop("__metadata__", None))
    return description["model"], _read_arrays(stream, header, description["tensors"], left)


def unpack_plain(stream: BinaryIO, size: int) -> Arrays:
    """Read all arrays of a safetensors file of `size` bytes that another program wrote.

    float16 and bfloat16 become float32, which holds their values exactly.

    Raises
    ------
    ModelFileError
        If it is not such a file, or is damaged.
    """
    header, left = _read_header(stream, size)
    header.pop("__metadata__", None)
    data = stream.read(left)
    arrays = {}
    for name, entry in header.items():
        label = f"the array {short(name)}"
        known = type(entry) is dict and {"dtype", "shape", "data_offsets"} <= entry.keys()
        sound = (
            known
            and entry["dtype"] in list(PLAIN_DTYPES)
            and is_list(entry["shape"], lambda n: is_count(n) and n <= size, 0, 1, 2)
            and is_list(entry["data_offsets"], is_count, 2)
        )
        expect(sound, f"dtype of {', '.join(PLAIN_DTYPES)}, shape and offsets of {label}", entry)
        dtype, shape = PLAIN_DTYPES[entry["dtype"]], entry["shape"]
        begin, end = entry["data_offsets"]
        expect(end - begin == dtype.itemsize * prod(shape), f"bytes for {shape} of {label}", entry)
        expect(end <= len(data), f"{end} bytes of arrays", len(data))
        array = np.frombuffer(data, dtype, prod(shape), begin).reshape(shape)
        arrays[name] = _in_full(array, entry["dtype"])
        finite = bool(np.isfinite(arrays[name]).all())
        expect(finite, f"finite numbers in {label}", words="NaN or infinity")
    return arrays


def _in_full(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Numbers of half precision in single precision; others as they are, in the machine's order."""
    if name == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    half = name == "F16"
    return array.astype(np.float32 if half else array.dtype.newbyteorder("="))


def pack_plain(arrays: Arrays, metadata: dict[str, str]) -> bytes:
    """Make the bytes of a safetensors file for other programs.

    Parameters
    ----------
    arrays : dict of ndarray
    metadata : dict of str
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        dtype, shape = dtype_name(array), array.shape
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (begin, end)}
    packed = _dump(header).encode()
    packed += b" " * (-len(packed) % 8)
    data = (
        np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        for array in arrays.values()
    )
    return b"".join((len(packed).to_bytes(8, "little"), packed, *data))


def parse_json(content: bytes) -> Any:
    """A JSON document without duplicate keys and without NaN.

    Raises
    ------
    ModelFileError
        If it is none.
    """
    expect(len(content) <= HEADER_LIMIT, f"JSON of at most {HEADER_LIMIT} bytes", len(content))
    return _parse(content)


def _read_header(stream: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Read the header; also return how many bytes follow it."""
    first = stream.read(8)
    length = int.from_bytes(first, "little")
    left = size - 8 - length
    kinds = [kind for beginning, kind in LOOKALIKES.items() if first.startswith(beginning)]
    kinds = kinds or [f"a header of {length} bytes"]
    expect(
        length <= HEADER_LIMIT and left >= 0,
        "a model that rhohat saved (pickles are never loaded, since they can run code), with a "
        f"header of at most {HEADER_LIMIT} bytes",
        words=f"{size} bytes that begin with {first!r}, {' or '.join(kinds)}",
    )
    header = _parse(stream.read(length))
    expect(type(header) is dict, "a header of named arrays", header)
    return header, left


def _read_description(metadata: Any) -> dict[str, Any]:
    """Read the description, and check what all formats have in common."""
    text: Any = metadata.get("rhohat") if type(metadata) is dict else None
    expect(is_text(text), "a rhohat model", words="a safetensors file without a description")
    expected = {"rhohat": text, "sha256": _digest(text)}
    expect(metadata == expected, f"a description and its SHA-256 {expected['sha256']}", metadata)
    description = _parse(text)
    expect(type(description) is dict, "a description of a model", description)
    keys = sorted(description)
    expect({"format", "versions"} <= set(keys), "a format and versions", keys)
    number, versions = description["format"], description["versions"]
    expect(is_count(number) and number > 0, "the number of a format", number)
    known = type(versions) is dict and all(map(is_text, versions.values()))
    expect(known and "rhohat" in versions, "the versions that wrote the file", versions)
    if number > FORMAT:
        raise ModelFileError(
            f"expected format {FORMAT} or older, found format {short(number)}, which rhohat "
            f"{short(versions['rhohat'])} wrote. Upgrade rhohat to that version or newer"
        )
    whole = ["format", "model", "tensors", "versions"]
    expect(keys == whole, f"a description of {', '.join(whole)}", keys)
    return dict(description)


def _read_arrays(stream: BinaryIO, entries: dict[str, Any], digests: Any, size: int) -> Arrays:
    """Read the `size` bytes after the header as the arrays that it announces."""
    known = type(digests) is dict and digests.keys() == entries.keys()
    expect(known, f"the arrays {short(digests)}", sorted(entries))
    arrays = {}
    end = 0
    for name, entry in entries.items():
        label = f"the array {short(name)}"
        sound = (
            type(entry) is dict
            and entry.keys() == {"dtype", "shape", "data_offsets"}
            and entry["dtype"] in list(DTYPES)
            and is_list(entry["shape"], lambda n: is_count(n) and 0 < n <= size, 1, 2)
            and is_list(entry["data_offsets"], is_count, 2)
        )
        expect(sound, f"dtype, shape and offsets of {label}", entry)
        dtype, shape = DTYPES[entry["dtype"]], entry["shape"]
        begin, end = end, end + dtype.itemsize * prod(shape)
        expect(entry["data_offsets"] == [begin, end], f"{label} at {begin} to {end}", entry)
        data = stream.read(min(end, size) - begin)
        expect(len(data) == end - begin, f"{end - begin} bytes for {label}", len(data))
        array = np.frombuffer(data, dtype).reshape(shape)
        digest = _array_digest(array)
        expect(digest == digests[name], f"{label} of SHA-256 {digest}", digests[name])
        finite = bool(np.isfinite(array).all())
        expect(finite, f"finite numbers in {label}", words="NaN or infinity")
        arrays[name] = array.astype(dtype.newbyteorder("="))
    expect(end == size, f"{end} bytes of arrays", size)
    return arrays


def is_count(value: Any) -> bool:
    """Whether it is a whole number, at least 0."""
    return type(value) is int and value >= 0


def is_number(value: Any) -> bool:
    """Whether it is a finite float."""
    return type(value) is float and isfinite(value)


def is_text(value: Any) -> bool:
    """Whether it is a string."""
    return type(value) is str


def is_list(value: Any, is_valid: Callable[[Any], bool], *lengths: int) -> bool:
    """Whether it is a list of valid values, and of one of `lengths` if any are given."""
    fits = type(value) is list and (not lengths or len(value) in lengths)
    return fits and all(map(is_valid, value))


def expect(condition: bool, expected: str, found: Any = None, *, words: str = "") -> None:
    """Raise ModelFileError unless the condition holds, with what was found, or `words` for it."""
    if not condition:
        raise ModelFileError(f"expected {expected}, found {words or short(found)}")


def _dump(document: Any, sort_keys: bool = False) -> str:
    """Write compact ASCII JSON; floats are written as by `repr`, so that they read back exactly."""
    return json.dumps(document, sort_keys=sort_keys, separators=(",", ":"), allow_nan=False)


def _parse(text: str | bytes) -> Any:
    """Read JSON without duplicate keys and without NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("the same key twice")
        return dict(pairs)

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        text = text if isinstance(text, str) else text.decode()
        if text.count("[") + text.count("{") > BRACKET_LIMIT:
            raise ValueError(f"more than {BRACKET_LIMIT} brackets")
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise ModelFileError("expected JSON, found brackets nested without end") from None
    except ValueError as error:
        raise ModelFileError(f"expected JSON, found an error: {error}") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _array_digest(array: NDArray[Any]) -> str:
    digest = hashlib.sha256(_dump([dtype_name(array), array.shape]).encode())
    digest.update(array.data)
    return digest.hexdigest()


def dtype_name(array: NDArray[Any]) -> str:
    """The name of the array's type in the file."""
    return next(name for name, dtype in DTYPES.items() if dtype == array.dtype.newbyteorder("<"))
