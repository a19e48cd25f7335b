"""Linear probes: how well features tell classes apart, compared with the data they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.rows.inventory import LISTED
from rhohat.rows.npy import array_names, read_any_array


class Score(NamedTuple):
    """How well a linear classifier does.

    Attributes
    ----------
    columns : int
        Columns of its input.
    accuracy : list of float
        In each fold of cross-validation.
    """

    columns: int
    accuracy: list[float]


def probe(
    features: FloatArray, raw: FloatArray | None, y: NDArray[Any], *, folds: int = 5
) -> dict[str, Score]:
    """Cross-validate a linear classifier on features, and on what they compete with.

    Parameters
    ----------
    features : ndarray of shape (m, k)
    raw : ndarray of shape (m, d) or None
        The input itself; None scores the features alone.
    y : ndarray of shape (m,)
        Classes.
    folds : int, default=5

    Returns
    -------
    scores : dict of str to Score
        Of "features", of "raw", and of "pca": as many principal components of the raw input as
        there are features.

    Raises
    ------
    ValueError
        If the labels are not classes, are all the same, or give a class fewer examples than folds.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _check_classes(y, folds)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    competitors: dict[str, tuple[FloatArray, Any, int]] = {}
    competitors["features"] = features, linear, features.shape[1]
    if raw is not None:
        in_training = len(raw) - -(-len(raw) // folds)
        k = min(features.shape[1], raw.shape[1], in_training)
        competitors["raw"] = raw, linear, raw.shape[1]
        competitors["pca"] = raw, make_pipeline(PCA(k, random_state=0), *linear), k
    split = StratifiedKFold(folds, shuffle=True, random_state=0)
    return {
        name: Score(columns, cross_val_score(classifier, X, y, cv=split).tolist())
        for name, (X, classifier, columns) in competitors.items()
    }


def _check_classes(y: NDArray[Any], folds: int) -> None:
    """Raise ValueError if labels cannot be cross-validated on."""
    classes, sizes = np.unique(y, return_counts=True)
    if y.dtype.kind == "f" and (y != np.rint(y)).any():
        raise ValueError("labels must be classes, whole numbers or texts, but there are fractions.")
    if len(classes) < 2:
        raise ValueError(f"all labels are alike, {classes[0]}: nothing to recognize.")
    rarest = int(sizes.argmin())
    if sizes[rarest] < folds:
        examples = "1 example" if sizes[rarest] == 1 else f"{sizes[rarest]:,} examples"
        raise ValueError(
            f"class {classes[rarest]} has {examples}, fewer than {folds} folds: use --folds, or "
            "see whether that label is right."
        )


def read_labels(labels: str, inputs: Sequence[Path], names: Sequence[str]) -> NDArray[Any]:
    """Read labels from a file, another array of the data's file, or the names of folders.

    Parameters
    ----------
    labels : str
        A .npy file, a text file with one label per line, the name of an array in the .npz file that
        is the only input, or "folders".
    inputs : sequence of Path
        Files of the data.
    names : sequence of str
        Files of the examples; empty if they have none.

    Raises
    ------
    ValueError
        If there are no such labels, or they cannot be read.
    """
    path = Path(labels)
    if labels == "folders":
        if not names:
            raise ValueError(f"--labels folders goes by files, but {inputs[0]} holds all rows.")
        return np.array([Path(name).parent.name for name in names])
    if path.is_file():
        if path.suffix.lower() == ".npy":
            return _labels_in(path, None, f"--labels {labels}: expected an array of labels, but it")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (ValueError, OSError) as error:
            raise ValueError(
                f"--labels {labels}: expected a text file in UTF-8: {error}"
            ) from error
        lines = [line.strip() for line in text.rstrip().splitlines()]
        if "" in lines:
            raise ValueError(f"--labels {labels}: line {lines.index('') + 1} is empty.")
        return np.array(lines)
    if len(inputs) == 1 and inputs[0].suffix.lower() == ".npz":
        return _labels_in(inputs[0], labels, str(inputs[0]))
    raise ValueError(f"--labels {labels}: no such file.")


def _labels_in(path: Path, key: str | None, called: str) -> NDArray[Any]:
    """Labels in an array of NumPy's, of any type but objects."""
    try:
        names = array_names(path) if key is not None else []
        if key is not None and key not in names:
            raise DataFileError(f"holds no array {key!r}, only {', '.join(names[:LISTED])}")
        held = read_any_array(path, key)
    except (DataFileError, OSError) as error:
        raise ValueError(f"{called} {error}.") from error
    return held.squeeze() if held.ndim > 1 else held
