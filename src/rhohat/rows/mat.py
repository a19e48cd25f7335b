"""MATLAB's .mat files before version 7.3, in which images are stacked along the last axis."""

from __future__ import annotations

from math import prod
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.file_format import (
    Content,
    FileFormat,
    array_content,
    as_content,
    choose,
    decoding,
    refuse_bomb,
)

#: Types whose names in MATLAB differ from NumPy's.
_CLASSES = {"double": "f8", "single": "f4", "logical": "u1"}


def _find(path: Path, key: str | None) -> tuple[str, Content]:
    """Name and content of the variable that is meant."""
    from scipy.io import whosmat

    with decoding():
        try:
            variables = whosmat(path)
        except NotImplementedError:
            raise DataFileError(
                "is a MATLAB 7.3 file. Save it with save(..., '-v7'), or as .npy"
            ) from None
    arrays = {
        name: (name, shape, np.dtype(_CLASSES.get(kind, kind)))
        for name, shape, kind in variables
        if kind in _CLASSES or kind.startswith(("int", "uint"))
    }
    name, shape, dtype = choose(arrays, key, itemgetter(1))
    refuse_bomb(prod(shape) * dtype.itemsize, path.stat().st_size)
    if len(shape) in (3, 4):
        shape = (shape[-1], *shape[:-1])
    return name, array_content(shape, dtype)


def _look(path: Path, key: str | None) -> Content:
    return _find(path, key)[1]


def _read(path: Path, key: str | None) -> NDArray[Any]:
    from scipy.io import loadmat

    name, _ = _find(path, key)
    with decoding():
        array = np.asarray(loadmat(path, variable_names=[name])[name])
    if array.ndim > 2:
        array = np.moveaxis(array, -1, 0)
    return np.ascontiguousarray(as_content(array))


MAT = FileFormat((".mat",), _look, _read)
