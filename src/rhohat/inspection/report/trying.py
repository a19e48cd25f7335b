"""Trying: what a page needs to encode and rebuild what its reader brings, in the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.computation import Coder, computation_of_layers
from rhohat.inspection.report.subject import Subject
from rhohat.preprocessing.operations import AFFINE, NotComputedError
from rhohat.preprocessing.steps import Operation

#: Characters that all encoders, and all decoders, may take on a page.
LARGEST = 450_000
#: Activations that the script computes, by their names.
COMPUTED = ("sigmoid", "tanh", "relu", "identity", "topk", "batchtopk", "jumprelu")
CANNOT = "These units cannot be tried on this page"
INSTEAD = (
    "Use the command rhohat encode, or transform in Python, to get their activations on your data."
)


@dataclass(frozen=True)
class PageCoder:
    """f(W x + b), with W and b as base64 of float32, W row by row.

    Attributes
    ----------
    weights, bias : str
    activation : str
        Name of f.
    n_active : int or None
        Units that may be active at once, if f is "topk".
    thresholds : str or None
        Of each unit, or one for all, if it has any.
    tau : float or None
        Width of the step, if f is "jumprelu".
    """

    weights: str
    bias: str
    activation: str
    n_active: int | None
    thresholds: str | None
    tau: float | None


@dataclass(frozen=True)
class Trial:
    """A model as the page's script computes it.

    Attributes
    ----------
    refusal : str
        Why it cannot; then all that follows is empty.
    takes : {"rows", "images", "recordings"}
        What is tried.
    n_columns : int
        Numbers in a row that is given; of a patch, in all its channels.
    shape : tuple of int or None
        What the first encoder's input reshapes to, if it is a picture.
    steps : sequence of Operation
        Before the first encoder, which affine ones just before it are folded into.
    encoders : sequence of PageCoder
        Of each layer, from the input upwards.
    decoders : sequence of PageCoder
        The way back, from the last layer down; empty if there is none.
    missing : str
        Why there is none.
    """

    refusal: str
    takes: str = ""
    n_columns: int = 0
    shape: tuple[int, ...] | None = None
    steps: Sequence[Operation] = ()
    encoders: Sequence[PageCoder] = ()
    decoders: Sequence[PageCoder] = ()
    missing: str = ""


def trial_of(subjects: Sequence[Subject]) -> Trial:
    """Layers of a model, from the input upwards, as a page computes them; or why it does not."""
    try:
        return _computed(subjects)
    except NotComputedError as refusal:
        return Trial(f"{CANNOT}: {refusal}. {INSTEAD}")


def _computed(subjects: Sequence[Subject]) -> Trial:
    """As `trial_of`; raises NotComputedError if the page does not compute the model."""
    layer = subjects[0].layer
    computation = computation_of_layers(layer.anatomy, way_back=True)
    takes = computation.takes
    if takes not in ("rows", "images", "recordings"):
        raise NotComputedError(f"the page cannot read {takes}")
    steps = [_packed(operation) for operation in computation.before]
    coders = [_coder(encoder) for encoder in computation.encoders]
    if (size := _size([*steps, *coders])) > LARGEST:
        raise NotComputedError(f"their weights would add {size / 1e6:.1f} MB to it")
    found = Trial(
        "",
        takes=takes,
        n_columns=[*layer.anatomy.of_rows, *layer.anatomy.units][0].n_features_in_,
        shape=_shape(subjects[0], computation.encoders[0].weights.shape[1], steps),
        steps=steps,
        encoders=coders,
        missing=f"No reconstruction is shown: {_missing(subjects[-1])}.",
    )
    if not computation.decoders:
        return found
    back = [_coder(decoder) for decoder in computation.decoders]
    if (size := _size(back)) > LARGEST:
        missing = f"The reconstruction is left out: it would add {size / 1e6:.1f} MB to this page."
        return replace(found, missing=missing)
    return replace(found, decoders=back, missing="")


def _missing(subject: Subject) -> str:
    """Why there is no way back to the input, where there is none."""
    if isinstance(subject.layer.estimator, SparseAutoencoder):
        return "the units reconstruct targets, not their input"
    return "a classifier has no decoder"


def _packed(operation: Operation) -> Operation:
    """An operation whose arrays are packed."""
    parameters = {
        name: packed32(value) if isinstance(value, np.ndarray) else value
        for name, value in operation.parameters.items()
        if name != "center"  # which is for those who compute in single precision
    }
    return operation._replace(parameters=parameters)


def _coder(coder: Coder) -> PageCoder:
    name = coder.activation.name
    if name not in COMPUTED:
        raise NotComputedError(f"the page cannot compute {name} units")
    parameters = coder.activation.parameters_among(len(coder.bias))
    thresholds = parameters.get("thresholds")
    return PageCoder(
        packed32(coder.weights),
        packed32(coder.bias),
        name,
        parameters.get("n_active"),
        None if thresholds is None else packed32(thresholds),
        parameters.get("tau"),
    )


def _shape(subject: Subject, width: int, steps: Sequence[Operation]) -> tuple[int, ...] | None:
    """What the first encoder's input reshapes to; None if it is no picture."""
    extractor = subject.layer.anatomy.extractor
    shape = subject.portrait.shape if extractor is None else extractor.patch_shape_
    is_kept = shape is not None and prod(shape) == width
    is_kept &= subject.portrait.tiles.kind == "image"
    return shape if is_kept and all(step.name != AFFINE for step in steps) else None


def packed32(values: FloatArray) -> str:
    """Numbers as base64 of float32, little-endian, row by row."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _size(parts: Sequence[Operation | PageCoder]) -> int:
    """Characters that packed numbers take."""
    values = [
        value
        for part in parts
        for value in (part.parameters if isinstance(part, Operation) else vars(part)).values()
    ]
    return sum(len(value) for value in values if isinstance(value, str))
