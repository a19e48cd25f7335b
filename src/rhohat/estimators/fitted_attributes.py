"""Fitted attributes that training sets: what each is made of, and what a model file holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rhohat.estimators.fields import COUNT, FLAG, NUMBER, TERMS, TEXT, Array, Value
from rhohat.training.fit import Fitted


class Attribute(NamedTuple):
    """A fitted attribute.

    Attributes
    ----------
    of : callable
        ``of(fitted)`` is its value, given the outcome of a fit.
    field : Array or Value
        What a model file holds of it.
    """

    of: Callable[[Fitted], Any]
    field: Array | Value


#: What every estimator that is trained on all rows has.
OUTCOME: dict[str, Attribute] = {
    "average_activation_": Attribute(lambda fit: fit.result.average_activation, Array(("k",))),
    "loss_curve_": Attribute(lambda fit: fit.result.loss_terms.sum(axis=1), Array(("t",))),
    "loss_terms_curve_": Attribute(lambda fit: fit.result.loss_terms, Array(("t", 3))),
    "loss_": Attribute(lambda fit: fit.result.loss.total, NUMBER),
    "loss_terms_": Attribute(lambda fit: fit.result.loss, TERMS),
    "n_iter_": Attribute(lambda fit: fit.result.n_iter, COUNT),
    "converged_": Attribute(lambda fit: fit.result.reason.is_convergence, FLAG),
    "stop_reason_": Attribute(lambda fit: fit.result.reason.value, TEXT),
    "data_fingerprint_": Attribute(lambda fit: fit.fingerprint, TEXT),
}


def values_of(fitted: Fitted, attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """The values of attributes, given the outcome of a fit."""
    return {name: attribute.of(fitted) for name, attribute in attributes.items()}


def fields_of(attributes: Mapping[str, Attribute]) -> dict[str, Array | Value]:
    """What a model file holds of attributes."""
    return {name: attribute.field for name, attribute in attributes.items()}
