"""Labeled images in a training and a test part: an archive of four arrays, or MNIST's IDX files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.rows.idx import read_idx
from rhohat.rows.npy import array_names, read_any_array

#: Names of the arrays in an archive, and beginnings of the names of MNIST's files, by part.
ARRAYS = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}
FILES = {"train": ("train-images", "train-labels"), "test": ("t10k-images", "t10k-labels")}
EXPECTED = (
    "expected one .npz with x_train, y_train, x_test and y_test, MNIST's four IDX files, or their "
    "folder (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
    "t10k-labels-idx1-ubyte, also .gz)"
)


class Split(NamedTuple):
    """Labeled images, those for training first.

    Attributes
    ----------
    images : ndarray of shape (n, height, width) or (n, height, width, 3)
        float32; unsigned integers were divided by the largest of their type.
    labels : ndarray of shape (n,)
    n_train : int
    """

    images: FloatArray
    labels: NDArray[Any]
    n_train: int

    def of_classes(self, classes: Sequence[str]) -> Split:
        """Only the images whose labels, as text, are in `classes`.

        Raises
        ------
        ValueError
            If a class has no image.
        """
        texts = self.labels.astype(str)
        lacking = sorted(set(classes) - set(texts))
        if lacking:
            known = ", ".join(np.unique(texts)[:20])
            raise ValueError(f"no image has the label {lacking[0]}; the labels are {known}.")
        kept = np.isin(texts, list(classes))
        return Split(self.images[kept], self.labels[kept], int(kept[: self.n_train].sum()))


def load_split(paths: Sequence[Path]) -> Split:
    """Read labeled images in two parts.

    Parameters
    ----------
    paths : sequence of Path
        One ``.npz`` with ``x_train``, ``y_train``, ``x_test`` and ``y_test``; or MNIST's four
        files, or a folder of them.

    Raises
    ------
    DataFileError
        If a file cannot be read, or there are not as many labels as images.
    ValueError
        If these are other files.
    """
    files = [
        file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])
    ]
    read = _reader(files)
    images, labels = [], []
    for part in ARRAYS:
        X, y = read(part, 0), read(part, 1).ravel()
        if X.ndim not in (3, 4) or len(X) != len(y):
            raise DataFileError(
                f"{files[0]}: the {part} part has images of shape {X.shape} and {len(y):,} labels: "
                "each image needs one."
            )
        largest = np.iinfo(X.dtype).max if X.dtype.kind in "bu" else 1
        images.append(X.astype(np.float32) / np.float32(largest))
        labels.append(y)
    if images[0].shape[1:] != images[1].shape[1:]:
        raise DataFileError(f"{files[0]}: images of both parts must have the same shape.")
    return Split(np.concatenate(images), np.concatenate(labels), len(images[0]))


def _reader(files: Sequence[Path]) -> Any:
    """What reads an array of a part: its images, 0, or its labels, 1."""
    if len(files) == 1 and files[0].suffix.lower() == ".npz":
        lacking = {name for pair in ARRAYS.values() for name in pair} - set(array_names(files[0]))
        if lacking:
            raise ValueError(f"{files[0]} holds no {min(lacking)}: {EXPECTED}.")
        return lambda part, which: read_any_array(files[0], ARRAYS[part][which])
    named = {
        name: file
        for pair in FILES.values()
        for name in pair
        for file in files
        if file.name.startswith(name)
    }
    lacking = {name for pair in FILES.values() for name in pair} - set(named)
    if lacking:
        raise ValueError(f"found no {min(lacking)}: {EXPECTED}.")
    return lambda part, which: read_idx(named[FILES[part][which]])
