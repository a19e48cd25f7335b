"""Autoencoders whose weights come from elsewhere."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray
from rhohat.common.tensorfiles import expect
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder, has_thresholds_of
from rhohat.estimators.computation import computation_of_layers
from rhohat.estimators.transcoder import SparseTranscoder
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
    rebuilds_input : bool, default=True
        False for a transcoder; the decoder's are then (k, o) and (o,).
    thresholds : ndarray of shape (k,) or (1,), default=None
        Of units that have thresholds, at least 0.
    """

    encoder: FloatArray
    encoder_bias: FloatArray
    decoder: FloatArray
    decoder_bias: FloatArray
    activation: str | Activation
    output: str = "linear"
    rebuilds_input: bool = True
    thresholds: FloatArray | None = None

    def made(self) -> SparseAutoencoder:
        """The fitted estimator, which knows nothing of its training.

        Raises
        ------
        ModelFileError
            If the shapes do not go together.
        """
        k, d = np.shape(self.encoder) if np.ndim(self.encoder) == 2 else (0, 0)
        expect(k * d > 0, "weights of an encoder, units x columns", np.shape(self.encoder))
        o = d if self.rebuilds_input else int(np.size(self.decoder_bias))
        arrays = {
            "encoder_weights_": (self.encoder, (k, d)),
            "encoder_bias_": (self.encoder_bias, (k,)),
            "decoder_weights_": (self.decoder, (k, o)),
            "decoder_bias_": (self.decoder_bias, (o,)),
        }
        dtype = self.encoder.dtype if self.encoder.dtype == np.float32 else np.float64
        made = SparseAutoencoder if self.rebuilds_input else SparseTranscoder
        model = made(
            k,
            activation=self.activation,
            decoder=self.output,
            sparsity_penalty="none",
            weight_decay=0.0,
        )
        for name, (array, shape) in arrays.items():
            expect(np.shape(array) == shape, f"{name} of shape {shape}", np.shape(array))
            setattr(model, name, np.ascontiguousarray(array, dtype=dtype))
        if self.thresholds is not None:
            model.thresholds_ = np.maximum(self.thresholds, 0).astype(dtype)
        model.n_features_in_ = d
        try:
            model.check_settings()
            fitted: Any = model
            fitted._fitted_objective()
        except ValueError as error:
            expect(False, "weights that go with the activation", words=str(error))
        expect(has_thresholds_of(model), "a threshold for each unit", words="others")
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
    units = anatomy.units[-1] if anatomy.units else None
    if not isinstance(units, SparseAutoencoder) or len(anatomy.units) > 1 or anatomy.after:
        names = ", ".join(type(step).__name__ for step in anatomy.steps)
        raise NotComputedError(
            f"this format holds the weights of a single SparseAutoencoder, not of {names}"
        )
    for step in anatomy.steps:
        check_is_fitted(step)
    computation = computation_of_layers(anatomy, way_back=True)
    if computation.before:
        names = ", ".join(type(step).__name__ for step in anatomy.before)
        raise NotComputedError(
            f"this format holds only weights, and the steps before the units, {names}, cannot be "
            "folded into encoder and decoder"
        )
    (encoder,) = computation.encoders
    own = DECODERS[units.decoder] if isinstance(units.decoder, str) else units.decoder
    back: FloatArray = units.decoder_weights_
    bias: FloatArray = units.decoder_bias_
    if units.rebuilds_input:
        (decoder,) = computation.decoders
        back, bias = decoder.weights.T, decoder.bias
    is_folded = own.tied and bool(anatomy.before)  # into weights that are no longer each other's
    dtype = units.encoder_weights_.dtype
    return Weights(
        encoder.weights.astype(dtype),
        encoder.bias.astype(dtype),
        np.ascontiguousarray(back, dtype=dtype),
        bias.astype(dtype),
        encoder.activation,
        "linear" if is_folded else own.name,
        units.rebuilds_input,
        getattr(units, "thresholds_", None),
    )
