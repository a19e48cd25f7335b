"""Models as files: one safetensors file per model, and nothing in it that could run.

Eight bytes with the header's length, the header (JSON), then the fitted arrays, little-endian and
row-major. The header's ``__metadata__`` holds the model's description, again JSON, and its SHA-256.
The description has the ``format``, the ``model`` (class names, parameters and fitted values, nested
as the model is), the ``versions`` that wrote it, and ``tensors``, a SHA-256 over dtype, shape and
bytes of each array. Nothing else goes in, so that the same model makes the same bytes. An array is
named by its attribute, within a pipeline by the way to it: ``steps.0.1.mean_``.

Each class that a file may hold is one row of `ROWS`; no name in a file is looked up anywhere else.
Every format that was released stays readable; a parameter that a file lacks has its default.

``safetensors.numpy.save`` is not used: it writes metadata in an order that changes from run to run,
and takes the memory of any array for row-major. What is written here, it reads.
"""

from __future__ import annotations

import errno
import hashlib
import inspect
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from io import BytesIO
from math import isfinite, prod
from pathlib import Path
from reprlib import repr as short
from typing import Any, BinaryIO, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from rhohat.autoencoder import SparseAutoencoder
from rhohat.objective import LossTerms
from rhohat.patches import PatchExtractor, PatchNormalizer
from rhohat.penalties import KLSparsity, L1Sparsity, NoSparsity
from rhohat.solvers import LBFGS, GradientDescent
from rhohat.whitening import OneOverFWhitening, Whitening

__all__ = ["ModelFileError", "load", "save"]

#: Number of the format written; one more when older versions would misread what is new.
FORMAT = 1
#: Bytes and opening brackets that a header may have, so that the worst takes half a second and
#: 100 MB to parse. A model has a few dozen brackets, and those in the names of its features.
HEADER_LIMIT, BRACKET_LIMIT = 4_000_000, 100_000
#: Types of arrays, as safetensors calls them.
DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
}
#: Beginnings of files that are taken for models.
LOOKALIKES = {
    b"\x80": "a pickle",
    b"PK": "a zip archive, as .npz and PyTorch files are",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a gzip file",
    b"\x78": "a compressed joblib file",
}

Arrays: TypeAlias = dict[str, NDArray[Any]]


class ModelFileError(ValueError):
    """The file is not a model, is damaged, or was written by a newer version."""


class Array(NamedTuple):
    """A fitted array. A symbol stands for the same size wherever it comes within a class."""

    shape: tuple[str | int, ...]
    dtypes: tuple[str, ...] = ("F32", "F64")


class Value(NamedTuple):
    """What the description says of a fitted attribute, or of a parameter.

    Attributes
    ----------
    expected : str
    is_valid : callable
        Whether a value is as expected.
    from_json : callable
        Makes the attribute of a valid value.
    size : str, default=""
        Symbol of the size that it tells: itself if it is a number, else its length.
    """

    expected: str
    is_valid: Callable[[Any], bool]
    from_json: Callable[[Any], Any] = lambda value: value
    size: str = ""


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) is float and isfinite(value)


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_list(value: Any, is_valid: Callable[[Any], bool], *lengths: int) -> bool:
    fits = type(value) is list and (not lengths or len(value) in lengths)
    return fits and all(map(is_valid, value))


def _is_step(step: Any) -> bool:
    pair = type(step) in (list, tuple) and len(step) == 2 and _is_text(step[0])
    return pair and (step[1] is None or step[1] == "passthrough" or _is_model(step[1]))


COUNT = Value("a whole number, at least 0", _is_count)
NUMBER = Value("a finite number", _is_number)
FLAG = Value("true or false", lambda value: type(value) is bool)
TEXT = Value("a text", _is_text)
TERMS = Value(
    "a list of three numbers",
    lambda terms: _is_list(terms, _is_number, 3),
    lambda terms: LossTerms(*terms),
)
SHAPE = Value("two or three whole numbers", lambda sizes: _is_list(sizes, _is_count, 2, 3), tuple)
NAMES = Value(
    "a list of texts",
    lambda names: _is_list(names, _is_text),
    lambda names: np.array(names, dtype=object),
    size="d",
)
STEPS = Value(
    "a list of (name, model) pairs", lambda steps: bool(steps) and _is_list(steps, _is_step)
)

#: What transformers of columns remember of them.
COLUMNS = {"n_features_in_": COUNT._replace(size="d"), "feature_names_in_": NAMES}
#: Attributes that a fitted model may lack, by its data or because an older version wrote it.
OPTIONAL = {"feature_names_in_", "block_size_", "chunk_size_"}


class Row(NamedTuple):
    """A class that files may hold.

    Attributes
    ----------
    cls : type
    fitted : mapping, default=None
        Fitted attributes. None for what is a parameter of models, but no model.
    left_out : tuple of str, default=()
        Parameters that are no part of a model, at their defaults after `load`.
    checked : mapping, default={}
        Parameters that must be as described for the model to make sense.
    """

    cls: type[Any]
    fitted: Mapping[str, Array | Value] | None = None
    left_out: tuple[str, ...] = ()
    checked: Mapping[str, Value] = {}

    @property
    def parameters(self) -> set[str]:
        """Names of the constructor's parameters that are saved."""
        return set(inspect.signature(self.cls).parameters) - set(self.left_out)


ROWS: dict[str, Row] = {
    row.cls.__name__: row
    for row in (
        Row(
            SparseAutoencoder,
            {
                **COLUMNS,
                "encoder_weights_": Array(("k", "d")),
                "encoder_bias_": Array(("k",)),
                "decoder_weights_": Array(("k", "d")),
                "decoder_bias_": Array(("d",)),
                "average_activation_": Array(("k",)),
                "loss_curve_": Array(("t",)),
                "loss_terms_curve_": Array(("t", 3)),
                "stage_rows_": Array(("t",), ("I64",)),
                "loss_": NUMBER,
                "loss_terms_": TERMS,
                "n_iter_": COUNT,
                "n_evaluations_": NUMBER,
                "converged_": FLAG,
                "stop_reason_": TEXT,
                "n_dead_": COUNT,
                "block_size_": COUNT,
                "chunk_size_": COUNT,
                "data_fingerprint_": TEXT,
            },
            left_out=("callback",),
        ),
        Row(
            Whitening,
            {
                **COLUMNS,
                "n_components_": COUNT._replace(size="k"),
                "mean_": Array(("d",)),
                "components_": Array(("k", "d")),
                "explained_variance_": Array(("k",)),
                "explained_variance_ratio_": Array(("k",)),
            },
        ),
        Row(OneOverFWhitening, {"scale_": NUMBER}),
        Row(PatchExtractor, {"patch_shape_": SHAPE}),
        Row(PatchNormalizer, {**COLUMNS, "scale_": NUMBER}),
        Row(Pipeline, {}, left_out=("memory",), checked={"steps": STEPS}),
        Row(KLSparsity),
        Row(L1Sparsity),
        Row(NoSparsity),
        Row(LBFGS),
        Row(GradientDescent),
    )
}


def _row_of(value: object) -> Row | None:
    """Find the row of the value's class; a subclass is a class of its own."""
    row = ROWS.get(type(value).__name__)
    return row if row is not None and row.cls is type(value) else None


def _is_model(value: object) -> bool:
    row = _row_of(value)
    return row is not None and row.fitted is not None


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file, for `load`.

    The file changes all at once: whatever goes wrong, be it a crash, it holds what it held before
    or the whole new model.

    Parameters
    ----------
    model : estimator
        Any transformer of this package, or a Pipeline of them. Not saved are an autoencoder's
        ``callback``, a pipeline's ``memory``, and what ``set_output`` set.
    path : str or path-like
        Overwritten if it exists. Usually ends in ``.safetensors``.

    Raises
    ------
    TypeError
        If the model is of another class, or a parameter holds what no file can, for instance a
        RandomState; says which.
    sklearn.exceptions.NotFittedError
        If the model, or a step of the pipeline, is not fitted.
    ValueError
        If a fitted attribute is not as `fit` makes it, for instance NaN.
    OSError
        If the file cannot be written.
    """
    if not _is_model(model):
        models = ", ".join(row.cls.__name__ for row in ROWS.values() if row.fitted is not None)
        raise TypeError(f"save takes one of {models}, got {type(model).__name__}.")
    content = _pack(model)
    try:
        _unpack(BytesIO(content), len(content))
    except ModelFileError as error:
        raise ValueError(f"{type(model).__name__} cannot be saved: {error}.") from error

    write_whole(path, content)


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file all at once: whatever goes wrong, it holds what it held before, or all.

    Raises
    ------
    OSError
        If the file cannot be written. Names it.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not (target.is_file() or target.is_dir()):  # a device, or a pipe
        target.write_bytes(content)
        return
    temporary = target.parent / f".rhohat-{secrets.token_hex(8)}.tmp"
    try:
        if not target.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "The folder does not exist")
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if temporary.read_bytes() != content:
            raise OSError(errno.EIO, "What was written reads back differently")
        os.replace(temporary, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, os.fspath(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    with suppress(OSError):  # not every platform opens folders
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save` wrote.

    Nothing in the file is ever run, so that files from anywhere can be loaded. Pickles are refused.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    model : estimator
        Equal to the one saved, to the last bit.

    Raises
    ------
    ModelFileError
        If the file is not a model, is damaged, or needs a newer version of rhohat.
    OSError
        If the file does not exist or cannot be read.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(errno.ENOENT, "No such model file", os.fspath(path))
    try:
        _expect(file.is_file(), "a file", words="a folder" if file.is_dir() else "a device")
        with file.open("rb") as stream:
            return _unpack(stream, os.fstat(stream.fileno()).st_size)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}.") from None


def _pack(model: Any) -> bytes:
    """Make the bytes of a file."""
    arrays: Arrays = {}
    described = _describe(model, "", "", arrays)
    packages = ("rhohat", "numpy", "scipy", "scikit-learn")
    description = {
        "format": FORMAT,
        "model": described,
        "versions": {name: version(name) for name in packages},
        "tensors": {name: _array_digest(array) for name, array in arrays.items()},
    }
    text = _dump(description, sort_keys=True)
    header: dict[str, Any] = {"__metadata__": {"rhohat": text, "sha256": _digest(text)}}
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    end = 0
    for name in order:
        begin, end = end, end + arrays[name].nbytes
        dtype, shape = _dtype_name(arrays[name]), arrays[name].shape
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (begin, end)}
    packed = _dump(header).encode()
    packed += b" " * (-len(packed) % 8)
    data = (arrays[name].tobytes() for name in order)
    return b"".join((len(packed).to_bytes(8, "little"), packed, *data))


def _describe(value: Any, label: str, prefix: str, arrays: Arrays) -> Any:
    """Say in JSON's terms what a model or a parameter is; its arrays go to `arrays`.

    `label` is what set_params calls the value, `prefix` begins the names of its arrays.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if _is_plain(value):
        return value
    if type(value) in (list, tuple):
        if label.endswith("steps") and len(value) == 2 and _is_text(value[0]):
            label = label.removesuffix("steps") + value[0]
        items = [_describe(item, label, f"{prefix}{i}.", arrays) for i, item in enumerate(value)]
        return items if type(value) is list else {"tuple": items}
    row = _row_of(value)
    if row is None:
        example = "None" if label.endswith("random_state") else "..."
        raise TypeError(
            f"The parameter {label} is {value!r}, which cannot be saved: a file holds None, bool, "
            "int, finite float, str, lists and tuples of these, and rhohat's own classes. Change "
            f"it before saving: set_params({label}={example})."
        )
    name = row.cls.__name__
    inner = f"{label}__" if label else ""
    params = {
        p: _describe(getattr(value, p), inner + p, f"{prefix}{p}.", arrays)
        for p in sorted(row.parameters)
    }
    if row.fitted is None:
        return {"class": name, "params": params}
    if row.fitted:
        check_is_fitted(value, sorted(row.fitted.keys() - OPTIONAL))
    fitted = {}
    for attribute, spec in row.fitted.items():
        if not hasattr(value, attribute):
            continue
        if isinstance(spec, Array):
            array = _little_endian(getattr(value, attribute), spec, f"{name}'s {attribute}")
            arrays[prefix + attribute] = array
        else:
            fitted[attribute] = np.asarray(getattr(value, attribute)).tolist()
    return {"class": name, "params": params, "fitted": fitted}


def _little_endian(value: Any, spec: Array, label: str) -> NDArray[Any]:
    """Lay an array out row by row in the first type of `spec` that holds its values."""
    array = np.asarray(value)
    for dtype in map(DTYPES.__getitem__, spec.dtypes):
        if array.dtype.kind == dtype.kind and np.can_cast(array.dtype, dtype, "safe"):
            return np.asarray(array, dtype=dtype, order="C")
    raise TypeError(f"{label} must be an array of {' or '.join(spec.dtypes)}, got {array.dtype}.")


def _unpack(stream: BinaryIO, size: int) -> Any:
    """Make the model that a file of `size` bytes describes."""
    header, left = _read_header(stream, size)
    description = _read_description(header.pop("__metadata__", None))
    arrays = _read_arrays(stream, header, description["tensors"], left)
    try:
        model = _restore(description["model"], "", arrays)
    except RecursionError:
        raise ModelFileError("expected a model, found one nested without end") from None
    _expect(_is_model(model), "a model", model)
    _expect(not arrays, "the model's arrays only", sorted(arrays))
    return model


def _read_header(stream: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Read the header; also return how many bytes follow it."""
    first = stream.read(8)
    length = int.from_bytes(first, "little")
    left = size - 8 - length
    kinds = [kind for beginning, kind in LOOKALIKES.items() if first.startswith(beginning)]
    kinds = kinds or [f"a header of {length} bytes"]
    _expect(
        length <= HEADER_LIMIT and left >= 0,
        "a model that rhohat saved (pickles are never loaded, since they can run code), with a "
        f"header of at most {HEADER_LIMIT} bytes",
        words=f"{size} bytes that begin with {first!r}, {' or '.join(kinds)}",
    )
    header = _parse(stream.read(length))
    _expect(type(header) is dict, "a header of named arrays", header)
    return header, left


def _read_description(metadata: Any) -> dict[str, Any]:
    """Read the description, and check what all formats have in common."""
    text: Any = metadata.get("rhohat") if type(metadata) is dict else None
    _expect(_is_text(text), "a rhohat model", words="a safetensors file without a description")
    expected = {"rhohat": text, "sha256": _digest(text)}
    _expect(metadata == expected, f"a description and its SHA-256 {expected['sha256']}", metadata)
    description = _parse(text)
    _expect(type(description) is dict, "a description of a model", description)
    keys = sorted(description)
    _expect({"format", "versions"} <= set(keys), "a format and versions", keys)
    number, versions = description["format"], description["versions"]
    _expect(_is_count(number) and number > 0, "the number of a format", number)
    known = type(versions) is dict and all(map(_is_text, versions.values()))
    _expect(known and "rhohat" in versions, "the versions that wrote the file", versions)
    if number > FORMAT:
        raise ModelFileError(
            f"expected format {FORMAT} or older, found format {short(number)}, which rhohat "
            f"{short(versions['rhohat'])} wrote. Upgrade rhohat to that version or newer"
        )
    whole = ["format", "model", "tensors", "versions"]
    _expect(keys == whole, f"a description of {', '.join(whole)}", keys)
    return dict(description)


def _read_arrays(stream: BinaryIO, entries: dict[str, Any], digests: Any, size: int) -> Arrays:
    """Read the `size` bytes after the header as the arrays that it announces."""
    known = type(digests) is dict and digests.keys() == entries.keys()
    _expect(known, f"the arrays {short(digests)}", sorted(entries))
    arrays = {}
    end = 0
    for name, entry in entries.items():
        label = f"the array {short(name)}"
        sound = (
            type(entry) is dict
            and entry.keys() == {"dtype", "shape", "data_offsets"}
            and entry["dtype"] in list(DTYPES)
            and _is_list(entry["shape"], lambda n: _is_count(n) and 0 < n <= size, 1, 2)
            and _is_list(entry["data_offsets"], _is_count, 2)
        )
        _expect(sound, f"dtype, shape and offsets of {label}", entry)
        dtype, shape = DTYPES[entry["dtype"]], entry["shape"]
        begin, end = end, end + dtype.itemsize * prod(shape)
        _expect(entry["data_offsets"] == [begin, end], f"{label} at {begin} to {end}", entry)
        data = stream.read(min(end, size) - begin)
        _expect(len(data) == end - begin, f"{end - begin} bytes for {label}", len(data))
        array = np.frombuffer(data, dtype).reshape(shape)
        digest = _array_digest(array)
        _expect(digest == digests[name], f"{label} of SHA-256 {digest}", digests[name])
        finite = bool(np.isfinite(array).all())
        _expect(finite, f"finite numbers in {label}", words="NaN or infinity")
        arrays[name] = array.astype(dtype.newbyteorder("="))
    _expect(end == size, f"{end} bytes of arrays", size)
    return arrays


def _restore(node: Any, prefix: str, arrays: Arrays) -> Any:
    """Make what `_describe` described; takes its arrays out of `arrays`."""
    if _is_plain(node):
        return node
    if type(node) is list:
        return [_restore(item, f"{prefix}{i}.", arrays) for i, item in enumerate(node)]
    _expect(type(node) is dict, "a finite number", node)
    if node.keys() == {"tuple"} and type(node["tuple"]) is list:
        return tuple(_restore(node["tuple"], prefix, arrays))
    name = node.get("class")
    more = "(a newer rhohat may have more)"
    _expect(name in list(ROWS), f"a class among {', '.join(ROWS)} {more}", name)
    row = ROWS[name]
    keys = {"class", "params"} if row.fitted is None else {"class", "params", "fitted"}
    params = node.get("params")
    _expect(node.keys() == keys and type(params) is dict, f"{sorted(keys)} of {name}", node)
    known = f"parameters of {name} among {', '.join(sorted(row.parameters))}"
    unknown = sorted(params.keys() - row.parameters)
    _expect(not unknown, f"{known} {more}", unknown)
    params = {p: _restore(params[p], f"{prefix}{p}.", arrays) for p in params}
    for p, value in row.checked.items():
        _expect(value.is_valid(params.get(p)), f"{value.expected} as {name}'s {p}", params.get(p))
    model = row.cls(**params)
    if row.fitted is not None:
        vars(model).update(_restore_fitted(row, node["fitted"], prefix, arrays))
    return model


def _restore_fitted(row: Row, values: Any, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Check the fitted attributes of one model, each by itself and their sizes together."""
    name = row.cls.__name__
    specs = row.fitted or {}
    allowed = {attribute for attribute, spec in specs.items() if isinstance(spec, Value)}
    known = type(values) is dict and allowed - OPTIONAL <= values.keys() <= allowed
    _expect(known, f"{name}'s {', '.join(sorted(allowed))}", values)
    sizes: dict[str, int] = {}
    fitted = {}
    for attribute, spec in specs.items():
        label = f"{name}'s {attribute}"
        if isinstance(spec, Array):
            key = prefix + attribute
            _expect(key in arrays, f"{label} as the array {short(key)}", words="none of this name")
            array = arrays.pop(key)
            _expect(_dtype_name(array) in spec.dtypes, f"{label} in {spec.dtypes}", array.dtype)
            fitted[attribute] = array
            symbols, found = spec.shape, array.shape
        elif attribute in values:
            value = values[attribute]
            _expect(spec.is_valid(value), f"{spec.expected} as {label}", value)
            fitted[attribute] = spec.from_json(value)
            symbols = (spec.size,) if spec.size else ()
            found = (value if _is_count(value) else len(value),) if spec.size else ()
        else:
            continue
        for symbol, size in zip(symbols, found, strict=False):
            if isinstance(symbol, str):
                sizes.setdefault(symbol, size)
        expected = tuple(sizes.get(s, s) if isinstance(s, str) else s for s in symbols)
        _expect(found == expected, f"{label} of size {expected}", found)
    return fitted


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (bool, int, str) or _is_number(value)


def _expect(condition: bool, expected: str, found: Any = None, *, words: str = "") -> None:
    """Raise ModelFileError unless the condition holds; show what was found, or say it in words."""
    if not condition:
        raise ModelFileError(f"expected {expected}, found {words or short(found)}")


def _dump(document: Any, sort_keys: bool = False) -> str:
    """Write compact JSON in ASCII, floats as `repr` has them, so that they read back exactly."""
    return json.dumps(document, sort_keys=sort_keys, separators=(",", ":"), allow_nan=False)


def _parse(text: str | bytes) -> Any:
    """Read JSON that has no key twice and no NaN."""

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
    digest = hashlib.sha256(_dump([_dtype_name(array), array.shape]).encode())
    digest.update(array.data)
    return digest.hexdigest()


def _dtype_name(array: NDArray[Any]) -> str:
    return next(name for name, dtype in DTYPES.items() if dtype == array.dtype.newbyteorder("<"))
