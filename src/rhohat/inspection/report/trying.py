"""Trying: what a page needs to encode and rebuild what its reader brings, in the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.inspection.report.subject import Subject
from rhohat.objective.activations import Activation, TopK
from rhohat.objective.decoders import DECODERS, Decoder
from rhohat.preprocessing.steps import AffineMap, BrowserStep, folded, step_of

#: Characters that all encoders, and all decoders, may take on a page.
LARGEST = 450_000
#: Activations that the script computes, by their names.
COMPUTED = ("sigmoid", "tanh", "relu", "identity", "topk")
CANNOT = "These units cannot be tried on this page"
INSTEAD = "The command rhohat encode, or transform in Python, gives their activations on your data."


@dataclass(frozen=True)
class Coder:
    """f(W x + b), with W and b as base64 of float32, W row by row.

    Attributes
    ----------
    weights, bias : str
    activation : str
        Name of f.
    n_active : int or None
        Units that may be active at once, if f is "topk".
    """

    weights: str
    bias: str
    activation: str
    n_active: int | None


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
    steps : sequence of BrowserStep
        Before the first encoder, which affine ones just before it are folded into.
    encoders : sequence of Coder
        Of each layer, from the input upwards.
    decoders : sequence of Coder
        The way back, from the last layer down; empty if there is none.
    missing : str
        Why there is none.
    """

    refusal: str
    takes: str = ""
    n_columns: int = 0
    shape: tuple[int, ...] | None = None
    steps: Sequence[BrowserStep] = ()
    encoders: Sequence[Coder] = ()
    decoders: Sequence[Coder] = ()
    missing: str = ""


class _RefusedError(Exception):
    """Why a model is not computed by the script."""


def trial_of(subjects: Sequence[Subject]) -> Trial:
    """Layers of a model, from the input upwards, as a page computes them; or why it does not."""
    try:
        return _computed(subjects)
    except _RefusedError as refusal:
        return Trial(f"{refusal} {INSTEAD}")


def _computed(subjects: Sequence[Subject]) -> Trial:
    """As `trial_of`; raises _RefusedError if the page does not compute the model."""
    anatomy = subjects[0].layer.anatomy
    takes = _takes(anatomy)
    encoders = [subject.layer.encoders[-1] for subject in subjects]
    maps = [AffineMap(encoder.weights, encoder.bias) for encoder in encoders]
    of_rows, decoders = anatomy.of_rows, _decoders(subjects)
    left, first = folded(of_rows, maps[0])
    joined = of_rows[len(left) :]
    if decoders and not _is_undone(joined, decoders[-1][1]):
        left, first, joined = of_rows, maps[0], []
    cut = [*anatomy.filters, *([] if anatomy.extractor is None else [anatomy.extractor])]
    steps = [*_whole_steps(cut), *_row_steps(left, first.weights.shape[1])]
    coders = [
        _coder(own, encoder.activation)
        for own, encoder in zip([first, *maps[1:]], encoders, strict=True)
    ]
    size = _size([*steps, *coders])
    if size > LARGEST:
        raise _RefusedError(f"{CANNOT}: their weights would take {size / 1e6:.1f} MB of it.")
    found = Trial(
        "",
        takes=takes,
        n_columns=[*of_rows, *anatomy.units][0].n_features_in_,
        shape=_shape(subjects[0], first.weights.shape[1], steps),
        steps=steps,
        encoders=coders,
        missing="What units rebuild is not shown: a network that classifies has no decoder.",
    )
    if not decoders:
        return found
    ways = [*decoders[:-1], (_undone(joined, decoders[-1][0]), decoders[-1][1])]
    back = [_coder(own, output) for own, output in ways]
    if (size := _size(back)) > LARGEST:
        missing = f"What units rebuild is left out: it would take {size / 1e6:.1f} MB of this page."
        return replace(found, missing=missing)
    return replace(found, decoders=back, missing="")


def _takes(anatomy: Anatomy) -> str:
    """What a model is given: rows, images or recordings."""
    wholes = anatomy.takes
    takes = "rows" if wholes is None else wholes.kind
    if takes not in ("rows", "images", "recordings"):
        raise _RefusedError(f"{CANNOT}, which takes no {takes}.")
    return takes


def _decoders(subjects: Sequence[Subject]) -> list[tuple[AffineMap, Activation]]:
    """The way back from the last layer down to the first's input; empty if there is none."""
    found = []
    for subject in reversed(subjects):
        estimator = subject.layer.estimator
        if not isinstance(estimator, SparseAutoencoder):
            return []
        back = AffineMap(estimator.decoder_weights_.T, estimator.decoder_bias_)
        decoder = estimator.decoder
        known = decoder if isinstance(decoder, Decoder) else DECODERS[decoder]
        found.append((back, known.output))
    return found


def _is_undone(steps: Sequence[Any], output: Activation) -> bool:
    """Whether a decoder with this output and the inverses of affine steps are one affine map."""
    invertible = all(hasattr(step, "inverse_transform") for step in steps)
    return not steps or (output.name == "identity" and invertible)


def _undone(steps: Sequence[Any], back: AffineMap) -> AffineMap:
    """A decoder, and after it the inverses of affine steps, as one map."""
    weights, bias = back.weights.T.astype(np.float64), back.bias.astype(np.float64)
    for step in reversed(steps):
        changes = step_of(step).as_change_of_input(weights)
        assert changes is not None
        weights, bias = changes, step.inverse_transform(bias[None])[0]
    return AffineMap(weights.T, bias)


def _whole_steps(steps: Sequence[Any]) -> list[BrowserStep]:
    """Steps of whole images, and the cut into patches, one by one."""
    return [_in_browser(step) for step in steps]


def _row_steps(steps: Sequence[Any], width: int) -> list[BrowserStep]:
    """Steps of rows, after which there are `width` values, each run of affine ones as one."""
    found: list[BrowserStep] = []
    while steps:
        left, own = folded(steps, AffineMap(np.eye(width), np.zeros(width)))
        if len(left) == len(steps):
            found.append(_in_browser(left.pop()))
        else:
            packed = {"weights": packed32(own.weights), "bias": packed32(own.bias)}
            found.append(BrowserStep("affine", packed))
        width, steps = steps[len(left)].n_features_in_, left
    return found[::-1]


def _in_browser(step: Any) -> BrowserStep:
    computed = step_of(step).in_browser()
    if computed is None:
        name = type(step).__name__
        raise _RefusedError(f"{CANNOT}, which computes no {name}.")
    parameters = {
        name: packed32(value) if isinstance(value, np.ndarray) else value
        for name, value in computed.parameters.items()
    }
    return computed._replace(parameters=parameters)


def _coder(own: AffineMap, activation: Activation) -> Coder:
    if activation.name not in COMPUTED:
        raise _RefusedError(f"{CANNOT}, which computes no {activation.name} units.")
    n_units = len(own.bias)
    n_active = activation.n_active_among(n_units) if isinstance(activation, TopK) else None
    return Coder(packed32(own.weights), packed32(own.bias), activation.name, n_active)


def _shape(subject: Subject, width: int, steps: Sequence[BrowserStep]) -> tuple[int, ...] | None:
    """What the first encoder's input reshapes to; None if it is no picture."""
    extractor = subject.layer.anatomy.extractor
    shape = subject.portrait.shape if extractor is None else extractor.patch_shape_
    is_kept = shape is not None and prod(shape) == width
    is_kept &= subject.portrait.tiles.kind == "image"
    return shape if is_kept and all(step.name != "affine" for step in steps) else None


def packed32(values: FloatArray) -> str:
    """Numbers as base64 of float32, little-endian, row by row."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _size(parts: Sequence[BrowserStep | Coder]) -> int:
    """Characters that packed numbers take."""
    values = [
        value
        for part in parts
        for value in (part.parameters if isinstance(part, BrowserStep) else vars(part)).values()
    ]
    return sum(len(value) for value in values if isinstance(value, str))
