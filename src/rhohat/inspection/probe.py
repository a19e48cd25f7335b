"""Linear probes: how well features tell classes apart, compared with the data they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray

#: Labels of each class that a classifier learns from, in the curve over their number.
LABELS_OF_A_CLASS = (1, 3, 10, 30, 100, 300, 1000)
#: Neighbors that are so much nearer than other rows of their class are windows of one recording,
#: or other copies of nearly the same thing: a share of the mean squared distance.
NEAR = 0.5
#: Pairs of rows whose distances are looked at.
PAIRS = 2000

Split = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class Score:
    """How well a linear classifier does.

    Attributes
    ----------
    columns : int
        Columns of its input.
    accuracy : list of float
        In each fold of cross-validation, like the following.
    balanced_accuracy : list of float
        The mean over classes of the share that is recognized.
    macro_f1 : list of float
        The mean over classes of F1, the harmonic mean of precision and recall.
    kappa : list of float
        Cohen's: how far accuracy goes beyond that of guessing with the same frequencies.
    roc_auc : list of float
        The mean over classes of the probability that an example of the class is ranked above
        another one.
    by_labels : dict of int to float
        Mean accuracy by the number of labels of each class that were learned from.
    """

    columns: int
    accuracy: list[float]
    balanced_accuracy: list[float] = field(default_factory=list)
    macro_f1: list[float] = field(default_factory=list)
    kappa: list[float] = field(default_factory=list)
    roc_auc: list[float] = field(default_factory=list)
    by_labels: dict[int, float] = field(default_factory=dict)


#: What features are compared with, in words.
OTHERS = {"raw": "raw values", "pca": "principal components"}


def reading_of(scores: Mapping[str, Score], y: NDArray[Any]) -> str:
    """What the scores say, in sentences.

    Parameters
    ----------
    scores : mapping of str to Score
        As `probe` gives them.
    y : ndarray of shape (m,)
        The classes.

    Returns
    -------
    reading : str
        Whether features help, hurt or make no difference beyond the standard deviation of the
        difference over the folds, which are the same for both; and how often the commonest class
        alone would be right.
    """
    features = np.array(scores["features"].accuracy)
    usual = np.unique(y, return_counts=True)[1].max() / len(y)
    told = [f"Always guessing the most common class would be right for {usual:.1%}."]
    others = {name: np.array(scores[name].accuracy) for name in OTHERS if name in scores}
    if others:
        best = max(others, key=lambda name: float(others[name].mean()))
        gains = features - others[best]
        gain, doubt = gains.mean(), gains.std(ddof=1) if len(gains) > 1 else np.inf
        points = f"{100 * abs(gain):.1f} points"
        if gain > doubt:
            told.append(f"The features help: they are {points} ahead of {OTHERS[best]}.")
        elif gain < -doubt:
            told.append(f"The features do not help here: {OTHERS[best]} do better by {points}.")
        else:
            told.append(
                f"The features do about as well as {OTHERS[best]}: the difference is within the "
                "spread of the folds."
            )
    return " ".join(told)


class Measures(NamedTuple):
    """Measures of a classifier's answers, by their names."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    kappa: float
    roc_auc: float


def probe(
    features: FloatArray,
    raw: FloatArray | None,
    y: NDArray[Any],
    *,
    folds: int = 5,
    groups: NDArray[Any] | None = None,
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
    groups : ndarray of shape (m,), default=None
        What examples belong to, such as a recording or a patient: none is on both sides.

    Returns
    -------
    scores : dict of str to Score
        Of "features", of "raw", and of "pca": as many principal components of the raw input as
        there are features, but at most as many as vary among the rows that are learned from.

    Raises
    ------
    ValueError
        If the labels are not classes, are all the same, or give a class fewer examples than folds;
        or if there are fewer groups than folds.
    """
    y = np.asarray(y)
    _check_classes(y, folds)
    split = _split(y, folds, groups)
    scores = {"features": _score(features, y, split)}
    if raw is not None:
        in_training = min(len(train) for train, _ in split)
        scores["raw"] = _score(raw, y, split)
        scores["pca"] = _score(raw, y, split, min(features.shape[1], raw.shape[1], in_training - 1))
    return scores


def _split(y: NDArray[Any], folds: int, groups: NDArray[Any] | None) -> Split:
    """Rows to learn from and to be tested on, for every fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if groups is None:
        return list(StratifiedKFold(folds, shuffle=True, random_state=0).split(y, y))
    names = np.unique(groups)
    if len(names) < folds:
        raise ValueError(
            f"there are only {len(names)} groups, fewer than {folds} folds: use --folds "
            f"{len(names)}"
            if len(names) > 1
            else f"all examples are in one group, {names[0]}, so there is no other group to hold "
            "out."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    split = [(train, test) for train, test in splitter.split(y, y, groups) if len(test)]
    if any(len(np.unique(y[train])) < 2 for train, _ in split):
        raise ValueError(
            "without the groups that are held out, all labels are the same: each class must occur "
            "in several groups."
        )
    return split


def _score(X: FloatArray, y: NDArray[Any], split: Split, components: int | None = None) -> Score:
    """The scores of one input, or of its principal components."""
    from sklearn.linear_model import LogisticRegression

    found: list[Measures] = []
    curves: dict[int, list[float]] = {}
    columns = X.shape[1]
    for train, test in split:
        inner, outer = X[train], X[test]
        if components is not None:
            inner, outer = _components(inner, outer, components)
            columns = min(columns, inner.shape[1])
        inner, outer = _standardized(inner, outer)
        for n_labels, chosen in _fewer(y[train]):
            few = LogisticRegression(max_iter=2000).fit(inner[chosen], y[train][chosen])
            curves.setdefault(n_labels, []).append(float(few.score(outer, y[test])))
        classifier = LogisticRegression(max_iter=2000).fit(inner, y[train])
        answers = classifier.predict(outer)
        found.append(
            measured(y[test], answers, classifier.predict_proba(outer), classifier.classes_)
        )
    measures = {name: [getattr(m, name) for m in found] for name in Measures._fields}
    curve = {n: float(np.mean(c)) for n, c in curves.items() if len(c) == len(split)}
    return Score(columns, **measures, by_labels=curve)


def _components(
    inner: FloatArray, outer: FloatArray, components: int
) -> tuple[FloatArray, FloatArray]:
    """Principal components of the rows to learn from, without those that do not vary."""
    from sklearn.decomposition import PCA

    pca = PCA(components, random_state=0).fit(inner)
    variance = pca.explained_variance_
    noise = max(inner.shape) * float(np.finfo(inner.dtype).eps)
    varies = variance > noise * variance.max()
    return pca.transform(inner)[:, varies], pca.transform(outer)[:, varies]


def _standardized(inner: FloatArray, outer: FloatArray) -> tuple[FloatArray, FloatArray]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(inner)
    return scaler.transform(inner), scaler.transform(outer)


def _fewer(y: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Fewer and fewer rows drawn at random, so many of each class."""
    order = np.random.RandomState(0).permutation(len(y))
    classes, sizes = np.unique(y, return_counts=True)
    for n_labels in LABELS_OF_A_CLASS:
        if n_labels >= sizes.max():
            return
        chosen = [order[y[order] == name][:n_labels] for name in classes]
        yield n_labels, np.sort(np.concatenate(chosen))


def measured(
    y: NDArray[Any], answers: NDArray[Any], chances: FloatArray, classes: NDArray[Any]
) -> Measures:
    """Measures of answers, over the classes that are there.

    Parameters
    ----------
    y, answers : ndarray of shape (m,)
        The classes, and what they were taken for.
    chances : ndarray of shape (m, c)
        Probability of each class.
    classes : ndarray of shape (c,)
    """
    from sklearn.metrics import roc_auc_score

    accuracy = float(np.mean(y == answers))
    recalls, f1s, areas = [], [], []
    by_chance = 0.0
    for name in np.union1d(y, answers):
        is_it, is_said = y == name, answers == name
        hits = float((is_it & is_said).sum())
        by_chance += float(is_it.mean() * is_said.mean())
        f1s.append(2 * hits / float(is_it.sum() + is_said.sum()))
        if is_it.any():
            recalls.append(hits / float(is_it.sum()))
    for number, name in enumerate(classes):
        is_it = y == name
        if is_it.any() and not is_it.all():
            areas.append(float(roc_auc_score(is_it, chances[:, number])))
    kappa = (accuracy - by_chance) / (1 - by_chance) if by_chance < 1 else 1.0
    area = float(np.mean(areas)) if areas else float("nan")
    return Measures(accuracy, float(np.mean(recalls)), float(np.mean(f1s)), kappa, area)


def neighbors_are_alike(X: FloatArray, y: NDArray[Any]) -> bool:
    """Whether rows that follow each other are much nearer than other rows of the same class.

    So are windows of one recording: by a split among them, a classifier is tested on what it has
    learned by heart.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    y : ndarray of shape (m,)
        Their classes.
    """
    random = np.random.RandomState(0)
    first = np.flatnonzero(y[1:] == y[:-1])
    first = first[random.permutation(len(first))[:PAIRS]]
    one, other = random.randint(len(y), size=(2, 20 * PAIRS))
    same = np.flatnonzero((y[one] == y[other]) & (abs(one - other) > 1))[:PAIRS]
    if len(first) < 20 or len(same) < 20:
        return False
    scale = X.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1

    def distance(a: NDArray[np.intp], b: NDArray[np.intp]) -> float:
        return float(np.mean(np.square((X[a] - X[b]) / scale)))

    return distance(first, first + 1) < NEAR * distance(one[same], other[same])


def _check_classes(y: NDArray[Any], folds: int) -> None:
    """Raise ValueError if labels cannot be cross-validated on."""
    classes, sizes = np.unique(y, return_counts=True)
    if y.dtype.kind == "f" and (y != np.rint(y)).any():
        raise ValueError("labels must be classes (whole numbers or text), but there are fractions.")
    if len(classes) < 2:
        raise ValueError(f"all labels are {classes[0]}: expected at least two classes.")
    rarest = int(sizes.argmin())
    if sizes[rarest] < folds:
        examples = "1 example" if sizes[rarest] == 1 else f"{sizes[rarest]:,} examples"
        raise ValueError(
            f"class {classes[rarest]} has {examples}, fewer than {folds} folds: use fewer folds "
            "(--folds), or check whether that label is right."
        )
