"""Models as files: one safetensors file per model, and nothing in it that could run.

The file format is that of `rhohat.common.tensorfiles`. The model is described by class names,
parameters and fitted values, nested as the model is. An array is named after its attribute, within
a pipeline by the path to it: ``steps.0.1.mean_``.

Each class that a file may hold is one row of the registry; names in a file are looked up nowhere
else. Every released format stays readable; a parameter that a file lacks has its default.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from reprlib import repr as short
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from rhohat.common.errors import ModelFileError
from rhohat.common.tensorfiles import (
    DTYPES,
    Arrays,
    dtype_name,
    expect,
    is_count,
    is_text,
    pack,
    unpack,
)
from rhohat.common.writing import write_whole
from rhohat.estimators.fields import TINY, Array, Model, Models, is_plain
from rhohat.estimators.notes_files import read_notes
from rhohat.estimators.registry import NEEDED, OPTIONAL, ROWS, Row, is_model, row_of, rows
from rhohat.estimators.sae_folders import read_arrays, read_folder

#: Estimators, penalties and solvers in a model, and parameters and items of these in all: so many
#: are made in half a second. A pipeline has a few dozen.
PART_LIMIT, VALUE_LIMIT = 1_000, 20_000
#: Characters of an error's text that are told again.
TOLD = 500


#: Readers of files of others, by their endings.
OTHERS = {".mat": read_notes, ".npz": read_arrays}


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file, for `load`.

    The file is replaced as a whole: whatever goes wrong, even a crash, it holds either its earlier
    content or the complete new model.

    Parameters
    ----------
    model : estimator
        Any transformer or classifier of this package, or a Pipeline of them. An autoencoder's
        ``callback`` and ``n_jobs``, a pipeline's ``memory`` and the setting of ``set_output`` are
        not saved, nor what the prototypes of a stack's or classifier's layers have learned, unless
        they are frozen.
    path : str or path-like
        Overwritten if it exists. Usually ends in ``.safetensors``.

    Raises
    ------
    TypeError
        If the model is of another class, or if a parameter holds what a file cannot, for instance
        a RandomState.
    sklearn.exceptions.NotFittedError
        If the model, or a step of the pipeline, is not fitted.
    ValueError
        If a fitted attribute is not as `fit` makes it, for instance if it is NaN.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseAutoencoder, load, save
    >>> X = np.random.RandomState(0).rand(50, 4)
    >>> model = SparseAutoencoder(3, max_iter=5, random_state=0).fit(X)
    >>> save(model, "model.safetensors")
    >>> bool((load("model.safetensors").transform(X) == model.transform(X)).all())
    True
    """
    if not is_model(model):
        models = ", ".join(row.cls.__name__ for row in ROWS.values() if row.fitted is not None)
        raise TypeError(f"save expects one of {models}, got {type(model).__name__}.")
    arrays: Arrays = {}
    content = pack(_describe(model, "", "", arrays), arrays)
    try:
        _unpack(BytesIO(content), len(content))
    except ModelFileError as error:
        raise ValueError(f"{type(model).__name__} cannot be saved: {error}.") from error
    write_whole(path, content)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save` or another program wrote.

    Nothing in the file is ever executed, so files from any source can be loaded. Pickles are
    refused.

    From other programs, it reads .mat files with W1, b1, W2 and b2 as in the lecture notes, or with
    theta (or opttheta), visibleSize and hiddenSize; units and decoder are sigmoid unless the file
    says otherwise, as files of `export` do. It also reads sparse autoencoders of language models:
    folders of SAELens (cfg.json and sae_weights.safetensors), sparsify (cfg.json and
    sae.safetensors) and dictionary_learning (config.json, and its ae.pt converted to
    ae.safetensors), and .npz files like Gemma Scope's. What they subtract from the input is folded
    into the bias; units that rhohat does not have are refused.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    model : estimator
        Equal to the saved model, to the last bit. Parameters that are not saved have their
        defaults.

    Raises
    ------
    ModelFileError
        If the file is not a model, is damaged, holds what `fit` refuses or cannot have found, or
        needs a newer version of rhohat.
    OSError
        If the file does not exist or cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseAutoencoder, load, save
    >>> X = np.random.RandomState(0).rand(50, 4)
    >>> save(SparseAutoencoder(3, max_iter=5, random_state=0).fit(X), "model.safetensors")
    >>> load("model.safetensors").n_components
    3
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(errno.ENOENT, "No such model file", os.fspath(path))
    try:
        if file.is_dir():
            return read_folder(file)
        expect(file.is_file(), "a file", words="a device")
        if file.suffix.lower() in OTHERS:
            return OTHERS[file.suffix.lower()](file)
        with file.open("rb") as stream:
            return _unpack(stream, os.fstat(stream.fileno()).st_size)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}.") from None


def _describe(value: Any, label: str, prefix: str, arrays: Arrays, is_fitted: bool = True) -> Any:
    """Describe a model or a parameter as JSON; its arrays go to `arrays`.

    `label` is what set_params calls the value, and `prefix` begins the names of its arrays. What a
    model has learned is left out unless `is_fitted`.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if is_plain(value):
        return value
    if type(value) in (list, tuple):
        if label.endswith("steps") and len(value) == 2 and is_text(value[0]):
            label = label.removesuffix("steps") + value[0]
        items = [
            _describe(item, label, f"{prefix}{i}.", arrays, is_fitted)
            for i, item in enumerate(value)
        ]
        return items if type(value) is list else {"tuple": items}
    row = row_of(value)
    if row is None:
        example = "None" if label.endswith("random_state") else "..."
        raise TypeError(
            f"The parameter {label} is {value!r}, which cannot be saved: a file can hold None, "
            "bool, int, finite float, str, lists and tuples of these, and rhohat's own classes. "
            f"Change it before saving, as in set_params({label}={example})."
        )
    name = row.cls.__name__
    inner = f"{label}__" if label else ""
    if row.fitted and is_fitted:
        check_is_fitted(value, sorted(row.fitted.keys() - OPTIONAL))
    params = {
        p: _describe(
            getattr(value, row.learned.get(p, p) if is_fitted else p),
            inner + p,
            f"{prefix}{p}.",
            arrays,
            row.keeps_learned(p, is_fitted),
        )
        for p in sorted(row.parameters)
    }
    if row.fitted is None or not is_fitted:
        return {"class": name, "params": params}
    fitted = {}
    for attribute, spec in row.fitted.items():
        if not hasattr(value, attribute):
            continue
        if isinstance(spec, Array):
            array = _little_endian(getattr(value, attribute), spec, f"{name}'s {attribute}")
            arrays[prefix + attribute] = array
        elif isinstance(spec, Model | Models):
            models = getattr(value, attribute)
            models = list(models) if isinstance(spec, Models) else models
            fitted[attribute] = _describe(models, attribute, f"{prefix}{attribute}.", arrays)
        else:
            fitted[attribute] = spec.to_json(getattr(value, attribute))
    return {"class": name, "params": params, "fitted": fitted}


def _little_endian(value: Any, spec: Array, label: str) -> NDArray[Any]:
    """The array, row-major, in the first type of `spec` that holds its values."""
    array = np.asarray(value)
    for dtype in map(DTYPES.__getitem__, spec.dtypes):
        if array.dtype.kind == dtype.kind and np.can_cast(array.dtype, dtype, "safe"):
            return np.asarray(array, dtype=dtype, order="C")
    raise TypeError(f"{label} must be an array of {' or '.join(spec.dtypes)}, got {array.dtype}.")


def _unpack(stream: BinaryIO, size: int) -> Any:
    """The model that a file of `size` bytes describes."""
    described, arrays = unpack(stream, size)
    _refuse_too_many(described)
    try:
        model = _restore(described, "", arrays)
    except RecursionError:
        raise ModelFileError("expected a model, found one that is nested without end") from None
    expect(is_model(model), "a model", model)
    expect(not arrays, "the model's arrays only", sorted(arrays))
    return model


def _refuse_too_many(described: Any) -> None:
    """Raise ModelFileError, before any is made, if there are more parts or values than allowed."""
    n_parts, n_values = 0, 1
    left = [(described, True)]  # and whether it is or holds parameters, or what was fitted
    while left:
        node, is_parameter = left.pop()
        if type(node) is dict:
            n_parts += "class" in node
            for key, value in node.items():
                within = key == "params" or (is_parameter and key != "fitted")
                n_values += within
                if type(value) in (dict, list):
                    left.append((value, within))
        elif type(node) is list:
            n_values += is_parameter * len(node)
            left += [(item, is_parameter) for item in node if type(item) in (dict, list)]
    limits = f"a model of at most {PART_LIMIT:,} parts and {VALUE_LIMIT:,} parameters"
    found = f"{n_parts:,} parts and {n_values:,} parameters"
    expect(n_parts <= PART_LIMIT and n_values <= VALUE_LIMIT, limits, words=found)


def _restore(node: Any, prefix: str, arrays: Arrays, is_fitted: bool = True) -> Any:
    """The model or parameter that `_describe` described; its arrays are taken out of `arrays`."""
    if is_plain(node):
        return node
    if type(node) is list:
        return [_restore(item, f"{prefix}{i}.", arrays, is_fitted) for i, item in enumerate(node)]
    expect(type(node) is dict, "a finite number", node)
    if node.keys() == {"tuple"} and type(node["tuple"]) is list:
        return tuple(_restore(node["tuple"], prefix, arrays, is_fitted))
    name = node.get("class")
    more = "(a newer rhohat may have more)"
    known = rows()
    expect(name in list(known), f"a class among {', '.join(known)} {more}", name)
    row = known[name]
    has_fitted = row.fitted is not None and is_fitted
    keys = {"class", "params", "fitted"} if has_fitted else {"class", "params"}
    params = node.get("params")
    expect(node.keys() == keys and type(params) is dict, f"{sorted(keys)} of {name}", node)
    unknown = sorted(params.keys() - row.parameters - set(row.unused))
    taken = f"parameters of {name} among {', '.join(sorted(row.parameters))}"
    expect(not unknown, f"{taken} {more}", unknown)
    params = {
        p: _restore(params[p], f"{prefix}{p}.", arrays, row.keeps_learned(p, is_fitted))
        for p in params
    }
    missing = sorted(p for p in row.parameters if row.defaults[p] is NEEDED and p not in params)
    expect(not missing, f"{name}'s {', '.join(missing)}", words="none")
    for p in row.checked.keys() & params.keys():
        value = row.checked[p]
        expect(value.is_valid(params[p]), f"{value.expected} as {name}'s {p}", params[p])
    model = row.cls(**{p: params[p] for p in params if p not in row.unused})
    with _as_model_file_error(f"{name} with parameters that fit takes {more}"):
        for p in row.unused:  # looked at, and left
            vars(model)[p] = params.get(p, row.defaults[p])
        row.check_settings(model)
    vars(model).update({p: row.defaults[p] for p in row.unused})
    if has_fitted:
        vars(model).update(_restore_fitted(row, node["fitted"], prefix, arrays))
        vars(model).update({fitted: params[p] for p, fitted in row.learned.items()})
        together = f"attributes of {name} that fit together"
        with _as_model_file_error(together):
            expect(row.fits_together(model), together, words="others")
    return model


@contextmanager
def _as_model_file_error(expected: str) -> Iterator[None]:
    """Tell what goes wrong with values that a file holds as a fault of the file."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {str(error)[:TOLD].rstrip('.')}"
        raise ModelFileError(f"expected {expected}, found {words}") from error


def _restore_fitted(row: Row, values: Any, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """The fitted attributes of one model, each checked by itself, and their sizes together."""
    name = row.cls.__name__
    specs = row.fitted or {}
    allowed = {attribute for attribute, spec in specs.items() if not isinstance(spec, Array)}
    known = type(values) is dict and allowed - OPTIONAL <= values.keys() <= allowed
    expect(known, f"{name}'s {', '.join(sorted(allowed))}", values)
    sizes: dict[str, int] = {}
    fitted = {}
    for attribute, spec in specs.items():
        label = f"{name}'s {attribute}"
        if isinstance(spec, Array):
            key = prefix + attribute
            if attribute in OPTIONAL and key not in arrays:
                continue
            expect(key in arrays, f"{label} as the array {short(key)}", words="none of this name")
            array = arrays.pop(key)
            expect(dtype_name(array) in spec.dtypes, f"{label} in {spec.dtypes}", array.dtype)
            least = "above 0" if spec.least == TINY else f"of at least {spec.least:g}"
            expect(bool((array >= spec.least).all()), f"{label} {least}", array.min())
            fitted[attribute] = array
            symbols, found = spec.shape, array.shape
        elif isinstance(spec, Model | Models):
            models = _restore(values[attribute], f"{prefix}{attribute}.", arrays)
            expect(spec.is_valid(models), f"{spec.expected} as {label}", models)
            fitted[attribute] = models
            continue
        elif attribute in values:
            value = values[attribute]
            expect(spec.is_valid(value), f"{spec.expected} as {label}", value)
            fitted[attribute] = made = spec.from_json(value)
            symbols = (spec.size,) if spec.size else ()
            found = (made if is_count(made) else len(made),) if spec.size else ()
        else:
            continue
        for symbol, size in zip(symbols, found, strict=False):
            if isinstance(symbol, str):
                sizes.setdefault(symbol, size)
        expected = tuple(sizes.get(s, s) if isinstance(s, str) else s for s in symbols)
        expect(found == expected, f"{label} of size {expected}", found)
    expect(row.is_whole(fitted), f"{name}'s {' or '.join(map(str, row.either))}", sorted(fitted))
    return fitted
