"""Stacked autoencoders: one above the other, trained layer by layer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, Self, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray
from rhohat.common.devices import Device, device_of
from rhohat.common.interrupts import interrupts_as_requests
from rhohat.common.libraries import back_to_device
from rhohat.common.validation import check_integer
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.conversion import ConvertibleEstimator
from rhohat.estimators.layerwise import (
    as_parts,
    for_run,
    holding_checkpoint,
    refuse_interrupted,
    seeds_of,
)
from rhohat.preprocessing.inputs import RowData, rows_of
from rhohat.rows.engine_choice import EngineHolder
from rhohat.rows.engines import Engine, check_n_jobs
from rhohat.training.checkpoints import Checkpoint

#: How a layer is specified: by its size, or by its settings.
LayerSpec: TypeAlias = int | SparseAutoencoder


class StackedAutoencoder(
    ConvertibleEstimator,
    EngineHolder,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Sparse autoencoders one above the other, trained layer by layer.

    The first learns to reconstruct X, and each of the others the activations of the layer below,
    with the exact objective of `SparseAutoencoder` over all rows. Rows outside memory stay where
    they are: activations are computed whenever they are needed, and never stored.

    Parameters
    ----------
    layers : sequence of int or SparseAutoencoder, default=(100, 100)
        From the input up. A number stands for `estimator` with that many hidden units.
    estimator : SparseAutoencoder, default=None
        Settings of the layers that are given as numbers; ``SparseAutoencoder()`` if None. In grid
        search, they are ``estimator__weight_decay`` and so on.
    n_jobs, engine, device : as in `SparseAutoencoder`
        Override those of the layers.
    checkpoint, resume : path-like and bool, default=None, False
        Folder for the state of training, with a subfolder for each layer, ``layer1`` and so on. If
        None, the layers use their own settings of both; the checkpoint of `estimator` also gets a
        subfolder for each layer.
    random_state : int, RandomState or None, default=None
        Determines the random_state of every layer. If None, the layers use their own.

    Attributes
    ----------
    layers_ : list of SparseAutoencoder
        The fitted layers, from the input up.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        If X has column names.

    References
    ----------
    Y. Bengio et al. (2007), Greedy layer-wise training of deep networks, NIPS 19; UFLDL tutorial,
    "Stacked Autoencoders".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import StackedAutoencoder
    >>> X = load_digits().data / 16
    >>> StackedAutoencoder((30, 10), random_state=0).fit_transform(X).shape
    (1797, 10)
    """

    def __init__(
        self,
        layers: Sequence[LayerSpec] = (100, 100),
        *,
        estimator: SparseAutoencoder | None = None,
        n_jobs: int | None = None,
        engine: str | Engine | Any = "threads",
        device: str | Device = "cpu",
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.layers = layers
        self.estimator = estimator
        self.n_jobs = n_jobs
        self.engine = engine
        self.device = device
        self.checkpoint = checkpoint
        self.resume = resume
        self.random_state = random_state

    @holding_checkpoint
    def fit(self, X: RowData, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Train the layers one after the other, each on the activations of the one below.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            As in `SparseAutoencoder.fit`.
        y : Ignored
        sample_weight : array-like of shape (m,), default=None
            How often each row counts, in every layer.

        Returns
        -------
        self : StackedAutoencoder

        Raises
        ------
        KeyboardInterrupt
            If training was interrupted; it can be resumed if there is a checkpoint. SIGTERM and
            SIGHUP end the process.
        FloatingPointError
            If loss or gradient becomes NaN in a layer: `layers_` ends with it, at its last finite
            weights.
        ValueError, TypeError, CheckpointError and others
            As `SparseAutoencoder.fit`.
        """
        self.check_settings()
        layers = self._unfitted_layers()
        for layer in layers:
            if layer.checkpoint is not None:
                Checkpoint.open(layer.checkpoint, layer.resume)  # raises now what would fail later
        rows: Any = rows_of(self, X, reset=True)
        with interrupts_as_requests():
            for number, layer in enumerate(layers):
                where = f"layer {number + 1} of {len(layers)}"
                try:
                    with as_parts():
                        if number:
                            rows = layers[number - 1].transform(rows)
                        layer.fit(rows, sample_weight=sample_weight)
                except FloatingPointError as error:
                    if hasattr(layer, "encoder_weights_"):
                        self.layers_ = layers[: number + 1]
                    raise FloatingPointError(f"{where}: {error}") from error
                refuse_interrupted(layer.stop_reason_, where, layer.checkpoint)
        self.layers_ = layers
        return self

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        check_random_state(self.random_state)
        check_n_jobs(self.n_jobs)
        device_of(self.device)
        if self.estimator is not None:
            _check_autoencoder(self.estimator, "estimator must be a SparseAutoencoder or None")
        for number, layer in enumerate(self._specified_layers(), start=1):
            if isinstance(layer, Integral):
                check_integer(f"layer {number}", layer, low=1)
            else:
                expected = f"layer {number} must be a number of units or a SparseAutoencoder"
                _check_autoencoder(layer, expected)

    def transform(self, X: RowData) -> FloatArray:
        """Activations of the top layer's hidden units.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        A : ndarray of shape (m, units of the top layer), in the precision of X
            For rows outside memory, a `Mapped` source; see `SparseAutoencoder.transform`.
        """
        check_is_fitted(self)
        rows: Any = rows_of(self, X, reset=False)
        with as_parts():
            for layer in self.layers_:
                rows = layer.transform(rows)
        return cast(FloatArray, back_to_device(rows, X))

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Reconstruction of the input from activations of the top layer, decoded layer by layer.

        Parameters
        ----------
        X : array-like of shape (m, units of the top layer)

        Returns
        -------
        X_hat : ndarray of shape (m, n_features), in the precision of the activations
        """
        check_is_fitted(self)
        rows = X
        for layer in reversed(self.layers_):
            rows = layer.inverse_transform(rows)
        return cast(FloatArray, rows)

    @property
    def _n_features_out(self) -> int:
        return int(self.layers_[-1].components_.shape[0])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "layers_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = True
        return tags

    def _specified_layers(self) -> Sequence[LayerSpec]:
        """`layers`, if it is a sequence of at least one."""
        is_sequence = isinstance(self.layers, (Sequence, np.ndarray))
        if isinstance(self.layers, str) or not is_sequence or not len(self.layers):
            raise ValueError(
                "layers must be a sequence of at least one number of units or SparseAutoencoder, "
                f"got {self.layers!r}."
            )
        return self.layers

    def _unfitted_layers(self) -> list[SparseAutoencoder]:
        """The layers with the settings that they are fitted with."""
        prototype = SparseAutoencoder() if self.estimator is None else self.estimator
        seeds = seeds_of(self.random_state)
        layers = []
        for number, layer in enumerate(self._specified_layers(), start=1):
            if isinstance(layer, Integral):
                layer = clone(prototype).set_params(n_components=int(layer))
                if layer.checkpoint is not None:
                    layer.set_params(checkpoint=Path(layer.checkpoint) / f"layer{number}")
            layers.append(for_run(layer, self, f"layer{number}", seeds))
        folders = [os.path.abspath(layer.checkpoint) for layer in layers if layer.checkpoint]
        if len(set(folders)) < len(folders):
            raise ValueError(
                f"layers share the checkpoint folder {folders}: give each layer its own "
                "checkpoint, or only the stack one for all."
            )
        return layers


def _check_autoencoder(layer: Any, expected: str) -> None:
    """Raise unless this is an autoencoder whose parameters are as described."""
    if not isinstance(layer, SparseAutoencoder):
        raise TypeError(f"{expected}, got {layer!r}.")
    layer.refuse_targets("Layers of a stack reconstruct what the layer below gives")
    layer.check_settings()
