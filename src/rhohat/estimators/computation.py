"""What a fitted model computes: operations and layers that other programs compute, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.estimators.convolution import ConvolutionalFeatures
from rhohat.estimators.stack import StackedAutoencoder
from rhohat.objective.activations import Activation
from rhohat.objective.decoders import DECODERS, Decoder
from rhohat.preprocessing.operations import (
    NotComputedError,
    Told,
    affine,
    operation_of_step,
    operations_of_rows,
    unknown,
    width_after,
)
from rhohat.preprocessing.steps import AffineMap, Operation, folded, step_of


class Coder(NamedTuple):
    """f(x W' + b): what units of a layer, or a decoder, make of what they are given.

    Attributes
    ----------
    weights : ndarray of shape (k, d)
    bias : ndarray of shape (k,)
    activation : Activation
    center : ndarray of shape (d,) or None, default=None
        Of x, as in `AffineMap`.
    """

    weights: FloatArray
    bias: FloatArray
    activation: Activation
    center: FloatArray | None = None

    @classmethod
    def of(cls, own: AffineMap, activation: Activation) -> Coder:
        """An affine map, and f after it."""
        return cls(own.weights, own.bias, activation, own.center)

    @property
    def operations(self) -> Iterator[Operation]:
        """W x + b, and f unless it is the identity."""
        yield affine(AffineMap(self.weights, self.bias, self.center))
        if self.activation.name != "identity":
            yield operation_of(self.activation, len(self.bias))


@dataclass(frozen=True)
class Computation:
    """A fitted model, step by step.

    Attributes
    ----------
    takes : {"rows", "images", "series", "recordings"}
        What the model is given.
    shape : tuple of int or None
        Of an array of them, (n, ...); None for sizes that are free.
    before : sequence of Operation
        Steps before the first layer, the cut into pieces among them.
    encoders : sequence of Coder
        Of each layer, from the input upwards.
    decoders : sequence of Coder
        The way back, from the last layer down; empty if there is none, or none was asked for.
    after : sequence of Operation
        What follows the last layer: pooling, or a classifier's probabilities.
    classes : ndarray or None
        Of a classifier.
    names : tuple of str
        Of the columns of rows, if they have some.
    """

    takes: str
    shape: tuple[int | None, ...]
    before: Sequence[Operation]
    encoders: Sequence[Coder]
    decoders: Sequence[Coder] = ()
    after: Sequence[Operation] = ()
    classes: NDArray[Any] | None = None
    names: tuple[str, ...] = field(default=())

    @property
    def operations(self) -> list[Operation]:
        """All of them, from the input to the output."""
        coded = (operation for encoder in self.encoders for operation in encoder.operations)
        return [*self.before, *coded, *self.after]

    @property
    def told(self) -> Told:
        """The same, without a division into layers."""
        return Told(self.takes, self.shape, self.operations, self.classes)


def operation_of(activation: Activation, n_units: int) -> Operation:
    """An activation of so many units as an operation."""
    return Operation(activation.name, activation.parameters_among(n_units))


def computation_of(model: Any) -> Computation:
    """What a model's `transform` computes, or a classifier's `predict_proba`.

    Pieces that it draws at random are all computed instead, in order: image by image, row by
    row.

    Parameters
    ----------
    model : estimator
        Of this package, or a pipeline of such.

    Raises
    ------
    NotComputedError
        If there is a step in it whose operation is not known.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    anatomy = Anatomy.of(model)
    for step in anatomy.steps:
        check_is_fitted(step)
    last = anatomy.steps[-1]
    if isinstance(last, ConvolutionalFeatures) and len(anatomy.steps) == 1:
        return _of_convolution(last)
    if anatomy.after:
        raise NotComputedError(unknown(anatomy.after[0]))
    found = computation_of_layers(anatomy)
    if anatomy.takes is not None and anatomy.extractor is None:
        raise NotComputedError(f"it does not turn {found.takes} into rows")
    return found


def computation_of_layers(anatomy: Anatomy, *, way_back: bool = False) -> Computation:
    """What the layers compute, and all before them.

    Parameters
    ----------
    anatomy : Anatomy
    way_back : bool, default=False
        Whether the decoders are told, too. Steps are then folded into the first layer only if
        their inverses can be folded into the last decoder.
    """
    layers = [layer for units in anatomy.units for layer in encoders_of(units)]
    decoders = [coder for units in reversed(anatomy.units) for coder in _decoders_of(units)]
    of_rows = anatomy.of_rows
    if not layers:
        width = width_after(of_rows)
        before = operations_of_rows(of_rows, width) if of_rows else []
        return Computation(
            *_input_of(anatomy), [*_cut(anatomy), *before], [], names=anatomy.columns
        )
    has_way = way_back and len(decoders) == len(layers)
    left, first = folded(of_rows, AffineMap(layers[0].weights, layers[0].bias))
    joined = of_rows[len(left) :]
    if has_way and not _is_undone(joined, decoders[-1].activation):
        left, joined, first = of_rows, [], AffineMap(layers[0].weights, layers[0].bias)
    if has_way:
        decoders[-1] = Coder.of(_undone(joined, decoders[-1]), decoders[-1].activation)
    layers[0] = Coder.of(first, layers[0].activation)
    before = [*_cut(anatomy), *operations_of_rows(left, first.weights.shape[1])]
    found = Computation(
        *_input_of(anatomy), before, layers, decoders if has_way else (), names=anatomy.columns
    )
    last = anatomy.units[-1]
    return _classified(found, last) if isinstance(last, StackedAutoencoderClassifier) else found


def encoders_of(units: Any) -> list[Coder]:
    """The encoders of an autoencoder, a stack or the hidden layers of a classifier."""
    return next(ENCODERS[cls] for cls in ENCODERS if isinstance(units, cls))(units)


def _of_autoencoder(model: SparseAutoencoder) -> list[Coder]:
    return [Coder(model.encoder_weights_, model.encoder_bias_, model.fitted_activation)]


def _of_stack(stack: StackedAutoencoder) -> list[Coder]:
    return [coder for layer in stack.layers_ for coder in _of_autoencoder(layer)]


def _of_classifier(model: StackedAutoencoderClassifier) -> list[Coder]:
    objective = model.objective()
    layers = zip(objective.layers(model.theta_), objective.activations, strict=False)
    return [Coder(W, b, activation) for (W, b), activation in layers]


#: Encoders of each estimator of units.
ENCODERS: dict[type, Callable[[Any], list[Coder]]] = {
    SparseAutoencoder: _of_autoencoder,
    StackedAutoencoder: _of_stack,
    StackedAutoencoderClassifier: _of_classifier,
}


def _decoders_of(units: Any) -> list[Coder]:
    """The way back through the layers of an estimator, the last first; empty if there is none."""
    if isinstance(units, StackedAutoencoder):
        return [coder for layer in reversed(units.layers_) for coder in _decoders_of(layer)]
    if not isinstance(units, SparseAutoencoder) or not units.rebuilds_input:
        return []
    decoder = units.decoder
    known = decoder if isinstance(decoder, Decoder) else DECODERS[decoder]
    return [Coder(units.decoder_weights_.T, units.decoder_bias_, known.output)]


def _classified(found: Computation, model: StackedAutoencoderClassifier) -> Computation:
    """The computation of a network's hidden layers, and its probabilities of classes after them."""
    softmax = AffineMap(model.coef_, model.intercept_)
    after = [affine(softmax), Operation("softmax", {})]
    return Computation(
        found.takes,
        found.shape,
        found.before,
        found.encoders,
        after=after,
        classes=model.classes_,
        names=found.names,
    )


def _of_convolution(features: ConvolutionalFeatures) -> Computation:
    """Features of every patch, pooled."""
    anatomy = Anatomy.of(features.model_)
    last = features._encoding().affine
    below = [coder for lower in anatomy.units[:-1] for coder in encoders_of(lower)]
    left, first = folded(anatomy.of_rows, AffineMap(*below[0][:2]) if below else last)
    if below:
        below[0] = Coder.of(first, below[0].activation)
    cut = Operation("patch", {"shape": features.patch_shape_, "stride": features.stride})
    filters = [operation_of_step(step) for step in anatomy.filters]
    return Computation(
        *_input_of(anatomy, features.patch_shape_),
        [*filters, cut, *operations_of_rows(left, first.weights.shape[1])],
        below,
        after=[affine(last if below else first), *features.operations()],
    )


def _input_of(
    anatomy: Anatomy, piece: tuple[int, ...] | None = None
) -> tuple[str, tuple[int | None, ...]]:
    """What a model is given, and the shape of an array of them."""
    extractor = anatomy.extractor
    if piece is None and extractor is not None:
        piece = extractor.patch_shape_
    takes = "images" if anatomy.takes is None and piece is not None else "rows"
    takes = takes if anatomy.takes is None else anatomy.takes.kind
    if takes == "rows":
        first = anatomy.steps[0]
        return takes, (None, int(first.n_features_in_))
    if takes == "recordings":
        return takes, (None, None)
    if takes == "series":
        own = anatomy.series
        n_channels = len(own.mean_) if own is not None else (piece or (None,))[0]
        return takes, (None, n_channels, None)
    if extractor is not None and extractor.takes_wholes:
        return takes, (None, *extractor.patch_shape_)
    return takes, (None, None, None, *(piece or ())[2:])


def _cut(anatomy: Anatomy) -> list[Operation]:
    """Steps of whole images, and the cut into pieces, one by one."""
    cut = [] if anatomy.extractor is None else [anatomy.extractor]
    return [operation_of_step(step) for step in (*anatomy.filters, *cut)]


def _is_undone(steps: Sequence[Any], output: Activation) -> bool:
    """Whether a decoder with this output and the inverses of affine steps are one affine map."""
    invertible = all(hasattr(step, "inverse_transform") for step in steps)
    return not steps or (output.name == "identity" and invertible)


def _undone(steps: Sequence[Any], back: Coder) -> AffineMap:
    """A decoder, and after it the inverses of affine steps, as one map."""
    weights, bias = back.weights.T.astype(np.float64), back.bias.astype(np.float64)
    for step in reversed(steps):
        changes = step_of(step).as_change_of_input(weights)
        assert changes is not None
        weights, bias = changes, step.inverse_transform(bias[None])[0]
    return AffineMap(weights.T, bias)
