"""What training leaves behind: each fitted attribute is named once, with what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rhohat.estimators.fields import COUNT, FLAG, NUMBER, TERMS, TEXT, Array, Value
from rhohat.training.fit import Fitted
from rhohat.training.solvers import StopReason


class Attribute(NamedTuple):
    """A fitted attribute.

    Attributes
    ----------
    of : callable
        What it is, given what a fit has come to.
    field : Array or Value
        What a model file holds of it.
    """

    of: Callable[[Fitted], Any]
    field: Array | Value


#: Of everything that is trained on all rows.
OUTCOME: dict[str, Attribute] = {
    "average_activation_": Attribute(lambda fit: fit.result.average_activation, Array(("k",))),
    "loss_curve_": Attribute(lambda fit: fit.result.loss_terms.sum(axis=1), Array(("t",))),
    "loss_terms_curve_": Attribute(lambda fit: fit.result.loss_terms, Array(("t", 3))),
    "loss_": Attribute(lambda fit: fit.result.loss.total, NUMBER),
    "loss_terms_": Attribute(lambda fit: fit.result.loss, TERMS),
    "n_iter_": Attribute(lambda fit: fit.result.n_iter, COUNT),
    "converged_": Attribute(lambda fit: fit.result.reason is StopReason.CONVERGED, FLAG),
    "stop_reason_": Attribute(lambda fit: fit.result.reason.value, TEXT),
    "data_fingerprint_": Attribute(lambda fit: fit.fingerprint, TEXT),
}


def made_of(fitted: Fitted, attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """The values of attributes, given what a fit has come to."""
    return {name: attribute.of(fitted) for name, attribute in attributes.items()}


def fields_of(attributes: Mapping[str, Attribute]) -> dict[str, Array | Value]:
    """What a model file holds of attributes."""
    return {name: attribute.field for name, attribute in attributes.items()}


def publish(estimator: object, values: Mapping[str, Any], known: Iterable[str]) -> None:
    """Make these the fitted attributes, in place of whichever of those known it had."""
    for name in known:
        vars(estimator).pop(name, None)
    vars(estimator).update(values)
