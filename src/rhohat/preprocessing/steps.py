"""Steps of preprocessing: what they tell of themselves, so that nothing else knows their classes.

A new step is a class derived from `Step`, and a row of the registry of model files. Figures,
reports, pixel space and convolution ask it what they need; whatever it leaves out has a default.
Steps of scikit-learn and of other packages are asked through `step_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.preprocessing.onnx_conversion import Convertible
from rhohat.preprocessing.spectra import Spectrum

if TYPE_CHECKING:
    from rhohat.preprocessing.operations import Told


class Wholes(NamedTuple):
    """Data that are more than rows: images, series or recordings.

    Attributes
    ----------
    noun : str
        What errors call one of them.
    each : callable
        ``each(X)``: all that X holds, checked, as finite float arrays, one after the other.
    values : str, default="values"
        What errors call the values that one of them holds.
    """

    noun: str
    each: Callable[[Any], Iterator[FloatArray]]
    values: str = "values"

    @property
    def kind(self) -> str:
        """What several are called."""
        return f"{self.noun.removesuffix('s')}s"


class Directions(NamedTuple):
    """Directions in a step's input along which linear functions of its output change.

    Attributes
    ----------
    values : ndarray of shape (k, ...)
    title : str, default=""
        Which part of the input they cover, if not all of it.
    """

    values: FloatArray
    title: str = ""


class AffineMap(NamedTuple):
    """W x + b.

    Attributes
    ----------
    weights : ndarray of shape (k, d)
    bias : ndarray of shape (k,)
    center : ndarray of shape (d,) or None, default=None
        Where rows x are on average, if known. In single precision, W (x - c) + (b + W c) rounds
        less.
    """

    weights: FloatArray
    bias: FloatArray
    center: FloatArray | None = None


class Operation(NamedTuple):
    """What a step computes, told so that others can compute it: a page, ONNX, plain NumPy.

    Attributes
    ----------
    name : str
        Its row in ``STEPS`` of ``inspection/report/computing.js``, in `ONNX_OPERATIONS`, and its
        function in `preprocessing/numpy_operations.py`. Where there is none, that target refuses
        the model.
    parameters : mapping from str to str, numbers or ndarray
        What these take.
    """

    name: str
    parameters: Mapping[str, Any]


class Step(Convertible, TransformerMixin, BaseEstimator):
    """A transformer of preprocessing, and the questions that it may answer."""

    #: What its input is called, if units after it are better shown there.
    shown_before: ClassVar[str] = ""
    #: What `undone` takes from the rows that went in: "mean", for instance.
    keeps: ClassVar[str] = ""

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described; `fit` asks, and `load`.

        The default is for steps without parameters.
        """

    @property
    def takes(self) -> Wholes | None:
        """What it works on, if not rows."""
        return None

    @property
    def turns_axes(self) -> bool:
        """Whether rows that were pictures no longer are after it."""
        return False

    @property
    def middle(self) -> Float64Array | None:
        """The middle of its output; None if it is the transform of the middle of its input."""
        return None

    def carried_back(self, weights: FloatArray) -> Directions | None:
        """Weights on its output, as directions in its input; None if there is no way back."""
        adjoint = getattr(self, "adjoint", None)
        return None if adjoint is None else Directions(adjoint(weights))

    def as_change_of_input(self, changes: Float64Array) -> Float64Array | None:
        """Changes of its output, (k, d), as changes of its input; None if it has no inverse."""
        return _change_by(self, changes)

    def undone(self, rows: FloatArray, given: FloatArray) -> FloatArray | None:
        """Rows of its output, (n, d), as rows of its input; None if it has no inverse.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
        given : ndarray of shape (n, d)
            The rows of its input that `rows` rebuild. What the step removes from each by itself,
            such as its mean, is taken from these.
        """
        return _undone_by(self, rows)

    def joined(self, after: AffineMap) -> AffineMap | None:
        """The step and an affine map after it, as one map; None if the step is not affine."""
        return None

    def operation(self) -> Operation | None:
        """What the step computes; None if it cannot be told, or if it is `joined` to others."""
        return None

    def _told(self) -> Told:
        from rhohat.preprocessing.operations import told_of_rows

        return told_of_rows(self)

    def spectrum(self, images: Sequence[FloatArray] | None) -> Spectrum | None:
        """How large the data are before and after it, by component or frequency; None if unknown.

        Parameters
        ----------
        images : sequence of ndarray or None
            Images that the model is given, if there are any.
        """
        return None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.two_d_array = self.takes is None
        tags.input_tags.three_d_array = self.takes is not None
        tags.input_tags.sparse = self.takes is None  # made dense by blocks, when they are read
        return tags


class _OtherStep(Step):
    """A step that answers none of the questions, but may have an ``adjoint``."""

    def __init__(self, step: Any) -> None:
        self._step = step
        if hasattr(step, "adjoint"):
            self.adjoint = step.adjoint

    def as_change_of_input(self, changes: Float64Array) -> Float64Array | None:
        return _change_by(self._step, changes)

    def undone(self, rows: FloatArray, given: FloatArray) -> FloatArray | None:
        try:
            undone = _undone_by(self._step, rows)
            again = None if undone is None else self._step.transform(undone)
        except ValueError:  # it has an inverse for other settings, or other rows
            return None
        # what some call their inverse is none
        return undone if again is not None and np.allclose(again, rows, 1e-3, 1e-3) else None


def _change_by(step: Any, changes: Float64Array) -> Float64Array | None:
    """T^-1(w) - T^-1(0), for a step whose inverse is affine; None if it has none."""
    if not hasattr(step, "inverse_transform"):
        return None
    both = np.vstack([changes, np.zeros((1, changes.shape[1]))])
    back = np.asarray(step.inverse_transform(both), dtype=np.float64)
    changed: Float64Array = back[:-1] - back[-1]
    return changed


def _undone_by(step: Any, rows: FloatArray) -> FloatArray | None:
    """Rows by a step's inverse; None if it has none."""
    return np.asarray(step.inverse_transform(rows)) if hasattr(step, "inverse_transform") else None


def folded(steps: Sequence[Any], affine: AffineMap) -> tuple[list[Any], AffineMap]:
    """The steps left before an affine map once it has absorbed those that are affine too."""
    left, affine = list(steps), affine._replace(weights=affine.weights.astype(np.float64))
    while left and (joined := step_of(left[-1]).joined(affine)) is not None:
        left, affine = left[:-1], joined
    return left, affine


def step_of(estimator: Any) -> Step:
    """The estimator itself if it is a `Step`; otherwise one that answers for it."""
    return estimator if isinstance(estimator, Step) else _OtherStep(estimator)
