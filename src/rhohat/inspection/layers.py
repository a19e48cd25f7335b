"""Layers: the units of a fitted model, in one layer or several, one above the other.

Whatever looks into a model (figures, reports) sees layers: what comes before them, what their
units compute, and how they were trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray
from rhohat.common.devices import device_of
from rhohat.common.libraries import Sent
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.estimators.computation import Coder, encoders_of
from rhohat.estimators.stack import StackedAutoencoder
from rhohat.objective.activations import Activation
from rhohat.rows.blas import BLAS
from rhohat.rows.derived import Mapped
from rhohat.rows.sources import ArraySource, Source


@dataclass(frozen=True)
class Layer:
    """The units of one layer, and all that data go through on their way to them.

    Attributes
    ----------
    name : str
        "layer 2", for instance; empty for a model's only layer.
    anatomy : Anatomy
        Of the model.
    encoders : list of Coder
        Of all layers from the lowest up to this one.
    estimator : SparseAutoencoder or StackedAutoencoderClassifier
        The estimator that trained the layer.
    average : ndarray of shape (k,) or None
        rho_hat over the training set; None after `partial_fit`.
    encoded : callable
        ``encoded(source)``: activations on rows that have gone through `before`.
    decoder_weights : ndarray of shape (k, d) or None
        None if the layer does not reconstruct.
    decoded : callable or None
        ``decoded(A)``: the first layer's input, reconstructed from activations.
    predicted : callable or None
        ``predicted(A)``: the targets, where these are what the layer reconstructs.
    """

    name: str
    anatomy: Anatomy
    encoders: Sequence[Coder]
    estimator: BaseEstimator
    average: FloatArray | None
    encoded: Callable[[Source], Source]
    decoder_weights: FloatArray | None = None
    decoded: Callable[[FloatArray], FloatArray] | None = None
    predicted: Callable[[FloatArray], FloatArray] | None = None

    @BLAS.single_threaded()
    def reconstructed(self, X: FloatArray) -> FloatArray:
        """What this layer, and those below, make of rows as the first layer gets them."""
        back = self.decoded or self.predicted
        assert back is not None
        return np.asarray(back(self.encoded(ArraySource(X)).read(0, len(X)).X))

    @property
    def before(self) -> list[BaseEstimator]:
        """Steps of preprocessing, before the first layer."""
        return self.anatomy.before

    @property
    def activation(self) -> Activation:
        """The activation function of this layer's units."""
        return self.encoders[-1].activation

    @property
    def n_units(self) -> int:
        """Number of units in this layer."""
        return len(self.encoders[-1].weights)

    @property
    def decoder_norms(self) -> FloatArray | None:
        """Norms of the units' decoder weights; None if the layer does not reconstruct."""
        weights = self.decoder_weights
        return None if weights is None else np.linalg.norm(weights, axis=1)

    @property
    def n_features(self) -> int:
        """Values in a row of the first layer's input."""
        return int(self.encoders[0].weights.shape[1])

    @property
    def is_deep(self) -> bool:
        """Whether there are layers below."""
        return len(self.encoders) > 1


def refuse_convolution(steps: Sequence[BaseEstimator]) -> None:
    """Raise ValueError if there are `ConvolutionalFeatures` among them, saying what to use."""
    from rhohat.estimators.convolution import ConvolutionalFeatures

    if any(isinstance(step, ConvolutionalFeatures) for step in steps):
        raise ValueError(
            "the model is ConvolutionalFeatures, which applies another model at every position of "
            "images: use that one, its attribute model_."
        )


def layers_of(model: BaseEstimator) -> list[Layer]:
    """The layers of units in a fitted model, from the input upwards.

    Parameters
    ----------
    model : estimator
        `SparseAutoencoder`, `StackedAutoencoder`, `StackedAutoencoderClassifier` (its hidden
        layers, as fine-tuning left them), or a pipeline with some of them one after the other.

    Raises
    ------
    ValueError
        If the model has none.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    anatomy = Anatomy.of(model)
    if not anatomy.units:
        refuse_convolution(anatomy.steps)
        names = " and ".join(type(step).__name__ for step in anatomy.steps)
        raise ValueError(
            "expected a SparseAutoencoder, a stack, or a pipeline with one, whose units can be "
            f"shown; got {names}."
        )
    layers: list[Layer] = []
    for units in anatomy.units:
        check_is_fitted(units)
        take_apart = next(LAYERS[cls] for cls in LAYERS if isinstance(units, cls))
        layers += take_apart(units, anatomy, layers)
    if len(layers) == 1:
        return layers
    return [replace(layer, name=f"layer {n}") for n, layer in enumerate(layers, start=1)]


def top_layer(model: BaseEstimator | Layer) -> Layer:
    """The last layer of a model; a layer is returned as it is."""
    return model if isinstance(model, Layer) else layers_of(model)[-1]


def _of_autoencoder(
    autoencoder: SparseAutoencoder, anatomy: Anatomy, lower: Sequence[Layer]
) -> list[Layer]:
    own = encoders_of(autoencoder)
    average = getattr(autoencoder, "average_activation_", None)
    decoder_weights = autoencoder.decoder_weights_
    under = lower[-1] if lower else None
    below = None if under is None else under.decoded
    encoders = own if under is None else [*under.encoders, *own]

    def encoded(source: Source) -> Source:
        return autoencoder.encoded(source if under is None else under.encoded(source))

    def decoded(A: FloatArray) -> FloatArray:
        X_hat = autoencoder.inverse_transform(A)
        return X_hat if below is None else below(X_hat)

    found = Layer("", anatomy, encoders, autoencoder, average, encoded)
    if not autoencoder.rebuilds_input:
        return [replace(found, predicted=autoencoder.inverse_transform)]
    if under is not None and below is None:
        return [found]
    return [replace(found, decoder_weights=decoder_weights, decoded=decoded)]


def _of_stack(stack: StackedAutoencoder, anatomy: Anatomy, below: Sequence[Layer]) -> list[Layer]:
    layers = list(below)
    for autoencoder in stack.layers_:
        layers += _of_autoencoder(autoencoder, anatomy, layers)
    return layers[len(below) :]


def _of_classifier(
    classifier: StackedAutoencoderClassifier, anatomy: Anatomy, below: Sequence[Layer]
) -> list[Layer]:
    objective = classifier.objective()
    encoders = encoders_of(classifier)
    averages = objective.by_layer(classifier.average_activation_)

    def layer(number: int) -> Layer:
        def encoded(source: Source) -> Source:
            theta = cast(FloatArray, Sent(classifier.theta_.astype(source.dtype, copy=False)))

            def activate(X: FloatArray) -> FloatArray:
                return objective.activate(X, theta)[number]

            device = device_of(classifier.device)
            return Mapped(source, activate, len(encoders[number - 1].bias), device)

        below = encoders[:number]
        return Layer("", anatomy, below, classifier, averages[number - 1], encoded)

    return [layer(number) for number in range(1, len(encoders) + 1)]


#: Layers of each estimator of units, from (estimator, the model's anatomy, layers below).
LAYERS: dict[type, Callable[[Any, Anatomy, Sequence[Layer]], list[Layer]]] = {
    SparseAutoencoder: _of_autoencoder,
    StackedAutoencoder: _of_stack,
    StackedAutoencoderClassifier: _of_classifier,
}
