"""Encoding: features that a model makes of data, as it is or applied at every position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

#: Number of rows that are computed and written at a time.
ROWS_WRITTEN = 1024


def encoder_of(model: BaseEstimator, convolution: Mapping[str, Any] | None, examples: Any) -> Any:
    """What makes features of data: the model, or what applies it at every position of examples.

    Parameters
    ----------
    model : estimator
        Fitted.
    convolution : mapping or None
        Parameters of the `ConvolutionalFeatures` that are to apply the model, if any.
    examples : images or recordings
        What these are fitted to.

    Raises
    ------
    ValueError
        If the model gives no features, or cannot be applied at every position.
    """
    from rhohat.estimators.anatomy import Anatomy
    from rhohat.estimators.convolution import ConvolutionalFeatures
    from rhohat.recipes.finding import kind_of

    if not hasattr(model, "transform"):
        raise ValueError(
            f"the model is a {type(model).__name__}, which gives classes, not features: take the "
            "autoencoders that it was made of."
        )
    if convolution is None:
        return model
    anatomy = Anatomy.of(model)
    if anatomy.autoencoder is None:
        last = type(anatomy.steps[-1]).__name__
        raise ValueError(f"--convolve applies models of one layer, but this ends in a {last}.")
    if not kind_of(model).pieces:
        raise ValueError("--convolve goes over images or recordings, but the model works on rows.")
    return ConvolutionalFeatures(model, **convolution).fit(examples)


def draws_pieces(model: BaseEstimator) -> bool:
    """Whether a model's rows are pieces of examples, not whole images or rows of the data."""
    from rhohat.estimators.anatomy import Anatomy

    extractor = Anatomy.of(model).extractor
    return extractor is not None and not extractor.takes_wholes


def write_features(stream: IO[bytes], features: Any) -> None:
    """Write features in the format of .npy files.

    Parameters
    ----------
    stream : binary stream
    features : ndarray or Source
        The rows of a source are computed and written a run at a time.
    """
    if isinstance(features, np.ndarray):
        np.lib.format.write_array(stream, np.ascontiguousarray(features), allow_pickle=False)
        return
    n_rows, n_columns = features.shape
    header = {"shape": (n_rows, n_columns), "fortran_order": False, "descr": features.dtype.str}
    np.lib.format.write_array_header_1_0(stream, header)
    for start in range(0, n_rows, ROWS_WRITTEN):
        stream.write(features.read(start, min(start + ROWS_WRITTEN, n_rows)).X.tobytes())
