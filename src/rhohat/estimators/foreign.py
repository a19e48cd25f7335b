"""Autoencoders whose weights come from elsewhere."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray
from rhohat.common.tensorfiles import expect
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.computation import computation_of_layers
from rhohat.objective.activations import Activation
from rhohat.objective.decoders import DECODERS
from rhohat.preprocessing.operations import NotComputedError


class Weights(NamedTuple):
    """A sparse autoencoder from elsewhere: A = f(X W_enc' + b_enc), X_hat = g(A W_dec + b_dec).

    Attributes
    ----------
    encoder, decoder : ndarray of shape (k, d)
    encoder_bias : ndarray of shape (k,)
    decoder_bias : ndarray of shape (d,)
    activation : str or Activation
    output : str, default="linear"
        The decoder, a row of `DECODERS`.
    """

    encoder: FloatArray
    encoder_bias: FloatArray
    decoder: FloatArray
    decoder_bias: FloatArray
    activation: str | Activation
    output: str = "linear"

    def made(self) -> SparseAutoencoder:
        """The fitted estimator, which knows nothing of its training.

        Raises
        ------
        ModelFileError
            If the shapes do not go together.
        """
        k, d = np.shape(self.encoder) if np.ndim(self.encoder) == 2 else (0, 0)
        expect(k * d > 0, "weights of an encoder, units x columns", np.shape(self.encoder))
        arrays = {
            "encoder_weights_": (self.encoder, (k, d)),
            "encoder_bias_": (self.encoder_bias, (k,)),
            "decoder_weights_": (self.decoder, (k, d)),
            "decoder_bias_": (self.decoder_bias, (d,)),
        }
        dtype = np.result_type(np.float32, *(array for array, _ in arrays.values()))
        model = SparseAutoencoder(
            k,
            activation=self.activation,
            decoder=self.output,
            sparsity_penalty="none",
            weight_decay=0.0,
        )
        for name, (array, shape) in arrays.items():
            expect(np.shape(array) == shape, f"{name} of shape {shape}", np.shape(array))
            setattr(model, name, np.ascontiguousarray(array, dtype=dtype))
        model.n_features_in_ = d
        try:
            model.check_settings()
            fitted: Any = model
            fitted._fitted_objective()
        except ValueError as error:
            expect(False, "weights that go with the activation", words=str(error))
        return model


def weights_of(model: Any) -> Weights:
    """The weights of a fitted autoencoder, with affine steps before it folded in on both ways.

    Parameters
    ----------
    model : SparseAutoencoder or Pipeline

    Raises
    ------
    NotComputedError
        If it is more than one layer, or if there are other steps.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    anatomy = Anatomy.of(model)
    units = anatomy.autoencoder
    if units is None or len(anatomy.units) > 1:
        names = ", ".join(type(step).__name__ for step in anatomy.steps)
        raise NotComputedError(f"it holds the weights of one SparseAutoencoder, not of {names}")
    for step in anatomy.steps:
        check_is_fitted(step)
    computation = computation_of_layers(anatomy, way_back=True)
    if computation.before:
        names = ", ".join(type(step).__name__ for step in anatomy.before)
        raise NotComputedError(
            f"it holds weights alone, and what comes before the units, {names}, cannot be folded "
            "into encoder and decoder"
        )
    (encoder,), (decoder,) = computation.encoders, computation.decoders
    dtype = units.encoder_weights_.dtype
    output = units.decoder if isinstance(units.decoder, str) else units.decoder.name
    tied = DECODERS[output].tied and not anatomy.before
    is_linear = decoder.activation.name == "identity"
    return Weights(
        encoder.weights.astype(dtype),
        encoder.bias.astype(dtype),
        np.ascontiguousarray(decoder.weights.T, dtype=dtype),
        decoder.bias.astype(dtype),
        encoder.activation,
        "linear" if is_linear and not tied else output,
    )
