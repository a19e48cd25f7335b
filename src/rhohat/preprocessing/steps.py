"""What steps of preprocessing tell of themselves, so that nothing else need know their classes.

A new step is a transformer that is a `Step`, and a row of the registry of model files. Figures,
reports, pixel space and convolution ask it what they need; what it need not say has a default.
Steps of scikit-learn and of other people are asked through `step_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.preprocessing.spectra import Spectrum


class Wholes(NamedTuple):
    """Data that are more than rows: images, series or recordings.

    Attributes
    ----------
    noun : str
        What errors call one of them.
    each : callable
        ``each(X)``: those that X holds as finite float arrays, checked, one after the other.
    """

    noun: str
    each: Callable[[Any], Iterator[FloatArray]]

    @property
    def kind(self) -> str:
        """What several are called."""
        return f"{self.noun.removesuffix('s')}s"


class Directions(NamedTuple):
    """What linear functions of a step's output look along, in its input.

    Attributes
    ----------
    values : ndarray of shape (k, ...)
    title : str, default=""
        What part of the input that is, if not all of it.
    """

    values: FloatArray
    title: str = ""


class AffineMap(NamedTuple):
    """W x + b.

    Attributes
    ----------
    weights : ndarray of shape (k, d)
    bias : ndarray of shape (k,)
    """

    weights: FloatArray
    bias: FloatArray


class Step:
    """A step of preprocessing, and what it may answer."""

    #: What its input is called, if units after it are better looked at there.
    shown_before: ClassVar[str] = ""

    @property
    def takes(self) -> Wholes | None:
        """What it is given, if not rows."""
        return None

    @property
    def turns_axes(self) -> bool:
        """Whether a row that was a picture is none after it."""
        return False

    @property
    def middle(self) -> Float64Array | None:
        """The middle of the data after it; None if that is what it makes of the one before."""
        return None

    def carried_back(self, weights: FloatArray) -> Directions | None:
        """Weights on its output as directions in its input; None if there is no way back."""
        adjoint = getattr(self, "adjoint", None)
        return None if adjoint is None else Directions(adjoint(weights))

    def joined(self, after: AffineMap) -> AffineMap | None:
        """It and an affine map after it as one; None if it is not affine itself."""
        return None

    def spectrum(self, images: Sequence[FloatArray] | None) -> Spectrum | None:
        """How large data are before and after it, by component or frequency.

        Parameters
        ----------
        images : sequence of ndarray or None
            Some of what the model is given, if there are any.
        """
        return None


class _OtherStep(Step):
    """A step that tells nothing of itself, but perhaps has an ``adjoint``."""

    def __init__(self, step: Any) -> None:
        if hasattr(step, "adjoint"):
            self.adjoint = step.adjoint


def step_of(estimator: Any) -> Step:
    """The estimator itself, where it answers; else what is known of any."""
    return estimator if isinstance(estimator, Step) else _OtherStep(estimator)
