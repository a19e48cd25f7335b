"""Classifiers: stacked autoencoders with a softmax layer above, fine-tuned as one network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags, assert_all_finite, check_random_state, column_or_1d
from sklearn.utils.extmath import softmax
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.devices import Device, device_of
from rhohat.common.interrupts import interrupts_as_requests
from rhohat.common.libraries import Sent, from_device
from rhohat.common.validation import check_flag, check_integer, check_real
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.conversion import ConvertibleEstimator
from rhohat.estimators.fitted_attributes import OUTCOME, values_of
from rhohat.estimators.layerwise import (
    as_parts,
    for_run,
    holding_checkpoint,
    of_unfitted,
    refuse_interrupted,
    seeds_of,
)
from rhohat.estimators.named_penalty import NamedPenalty
from rhohat.estimators.stack import StackedAutoencoder
from rhohat.objective.activations import Activation
from rhohat.objective.network import NetworkObjective
from rhohat.objective.penalties import penalty_of
from rhohat.objective.penalty import SparsityPenalty
from rhohat.preprocessing.inputs import RowData, rows_of
from rhohat.rows.derived import Mapped
from rhohat.rows.engine_choice import EngineHolder, engine_of
from rhohat.rows.engines import Engine, ThreadEngine, check_n_jobs
from rhohat.rows.partition import CHUNK_ROWS, NARROW_CHUNK_ROWS, Partition, check_sizes
from rhohat.rows.sources import ArraySource, Labeled, Rows, Source
from rhohat.training.checkpoints import Checkpoint
from rhohat.training.fit import Fit, Fitted, refuse_beyond_memory
from rhohat.training.run import IterationCallback
from rhohat.training.sample_weights import weighted
from rhohat.training.solvers import Solver, StopReason, check_solver, solver_of
from rhohat.training.stages import Stage
from rhohat.training.start import Start, network_start


class StackedAutoencoderClassifier(
    ConvertibleEstimator, EngineHolder, ClassifierMixin, NamedPenalty
):
    r"""Classifier: stacked autoencoders with a softmax layer on top, fine-tuned as one network.

    First, the autoencoders are trained without labels, then a softmax layer on the activations of
    the top one, and finally all layers together, by minimizing, over the whole training set,

    .. math::

        J = \frac1m \sum_i -\log p(y_i \mid x_i) + \tfrac\lambda2 \sum_l \|W_l\|^2
            + \sum_l \text{penalty}(\hat\rho_l),

    where the second sum is over all layers, and the third over the hidden ones.

    Parameters
    ----------
    estimator : StackedAutoencoder, SparseAutoencoder or FrozenEstimator, default=None
        Layers from which the network starts; ``StackedAutoencoder()`` if None. To start from fitted
        ones, for instance fitted on more rows than are labeled, wrap them in scikit-learn's
        ``FrozenEstimator``.
    weight_decay : float, default=1e-4
        lambda, for the softmax layer at first, and for all layers during fine-tuning.
    sparsity_penalty : str or SparsityPenalty, default="none"
        Penalty on every hidden layer during fine-tuning.
    solver : {"lbfgs", "gradient-descent"} or Solver, default="lbfgs"
        How the softmax layer is trained and the network is fine-tuned.
    max_iter : int, default=200
        Maximum number of iterations of fine-tuning. Fewer can keep the network from overfitting; 0
        leaves the layers as they are, with the softmax layer on top.
    softmax_max_iter : int, default=200
        Maximum number of iterations for the softmax layer before that.
    tol : float, default=1e-4
        Training ends when the relative decrease of the loss over ten iterations is below this.
    block_size, chunk_size, n_jobs, engine, device : as in `SparseAutoencoder`
        n_jobs, engine and device override those of the layers.
    checkpoint, resume : path-like and bool, default=None, False
        Folder for the state of training, with folders ``layers``, ``softmax`` and ``network`` in
        it. If None, the layers use their own settings of both.
    verify : as in `SparseAutoencoder`
    callback : callable, default=None
        Called with a `TrainingProgress` after every iteration of fine-tuning, which stops if it
        returns True. Its ``loss.reconstruction`` is the cross-entropy.
    random_state : int, RandomState or None, default=None
        Determines the random_state of the layers below. If None, they use their own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    theta_ : ndarray of shape (p,)
        All parameters: weights and biases, layer by layer.
    weights_, biases_ : list of ndarray
        Those of every layer, from the input to the softmax layer: (units, inputs) and (units,).
    coef_, intercept_ : ndarray of shape (n_classes, k) and (n_classes,)
        The last of these: the softmax layer.
    layer_sizes_ : list of int
        Features, units of every hidden layer, classes.
    activations_ : list of str or Activation
        Activation function of every hidden layer.
    average_activation_ : ndarray of shape (units of all hidden layers,)
        rho_hat of all hidden units over all rows, layer by layer.
    loss_ : float
        J over all rows.
    loss_terms_ : LossTerms
        Cross-entropy (named ``reconstruction``, since the network reproduces the labels), weight
        decay and sparsity.
    loss_curve_ : ndarray of shape (n_iter + 1,)
        J before fine-tuning and after each of its iterations.
    loss_terms_curve_ : ndarray of shape (n_iter + 1, 3)
        The same by term.
    n_iter_ : int
        Iterations of fine-tuning.
    converged_ : bool
        Whether fine-tuning ended because the loss had stopped falling.
    stop_reason_ : str
        Why fine-tuning ended.
    data_fingerprint_ : str
        SHA-256 over the rows of X.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        If X has column names.

    References
    ----------
    UFLDL tutorial, "Fine-tuning Stacked AEs".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import StackedAutoencoder, StackedAutoencoderClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = StackedAutoencoderClassifier(StackedAutoencoder((40, 20)), random_state=0)
    >>> model.fit(X / 16, y).score(X / 16, y) > 0.98
    True
    """

    def __init__(
        self,
        estimator: StackedAutoencoder | SparseAutoencoder | FrozenEstimator | None = None,
        *,
        weight_decay: float = 1e-4,
        sparsity_penalty: str | SparsityPenalty = "none",
        solver: str | Solver = "lbfgs",
        max_iter: int = 200,
        softmax_max_iter: int = 200,
        tol: float = 1e-4,
        block_size: int | None = None,
        chunk_size: int | None = None,
        n_jobs: int | None = None,
        engine: str | Engine | Any = "threads",
        device: str | Device = "cpu",
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        verify: bool = True,
        callback: IterationCallback | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.weight_decay = weight_decay
        self.sparsity_penalty = sparsity_penalty
        self.solver = solver
        self.max_iter = max_iter
        self.softmax_max_iter = softmax_max_iter
        self.tol = tol
        self.block_size = block_size
        self.chunk_size = chunk_size
        self.n_jobs = n_jobs
        self.engine = engine
        self.device = device
        self.checkpoint = checkpoint
        self.resume = resume
        self.verify = verify
        self.callback = callback
        self.random_state = random_state

    @holding_checkpoint
    def fit(self, X: RowData, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the layers, the softmax layer, and then the whole network.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            As in `SparseAutoencoder.fit`.
        y : array-like of shape (m,)
            Labels, integers or strings, at least two different ones.
        sample_weight : array-like of shape (m,), default=None
            How often each row counts, in all three steps.

        Returns
        -------
        self : StackedAutoencoderClassifier

        Raises
        ------
        KeyboardInterrupt
            If training was interrupted. Once fine-tuning has begun, the best network so far is kept
            in the fitted attributes; before that, nothing is, but training can be resumed if there
            is a checkpoint. SIGTERM and SIGHUP do the same and end the process.
        FloatingPointError
            If loss or gradient becomes NaN during training; the last finite network is kept, unless
            that was in the layers, before there was one.
        ValueError, TypeError, CheckpointError and others
            As `SparseAutoencoder.fit`.

        Warns
        -----
        ConvergenceWarning
            If fine-tuning ends early: by Ctrl-C, or because no step lowers the loss.
        """
        self.check_settings()
        solver_of(self.solver)  # raises if it learns from streams only
        max_iter, softmax_max_iter = int(self.max_iter), int(self.softmax_max_iter)
        checkpoints = self._checkpoints()
        source = rows_of(self, X, reset=True)
        classes, labels = _encoded(y, source.shape[0])
        engine_of(self.engine, self.n_jobs, self.device).check(source)
        with interrupts_as_requests():  # raised when all is kept
            layers = self._pretrained(source, sample_weight)
            rows: Any = source
            with as_parts():
                for layer in layers:
                    rows = layer.transform(rows)
            top: Source = rows if isinstance(rows, Mapped) else ArraySource(rows)

            sizes = [source.shape[1], *(len(layer.components_) for layer in layers), len(classes)]
            activations = [layer.activation for layer in layers]
            softmax = NetworkObjective(sizes[-2:], (), weight_decay=self.weight_decay)
            network = self._network(sizes, activations)
            refuse_beyond_memory(network)
            last = self._fit(
                softmax,
                _labeled(top, labels, sample_weight),
                np.zeros(softmax.n_parameters),
                softmax_max_iter,
                checkpoints["softmax"],
            ).result
            refuse_interrupted(last.reason.value, "the softmax layer", self.checkpoint)
            encoders = [np.append(layer.encoder_weights_, layer.encoder_bias_) for layer in layers]
            start = np.concatenate([*encoders, last.theta], dtype=np.float64)
            bottom = _labeled(source, labels, sample_weight)
            is_sound = last.reason is not StopReason.NOT_A_NUMBER
            tuning = (max_iter, checkpoints["network"], self.callback) if is_sound else (0, None)
            fitted = self._fit(network, bottom, start, *tuning)

            self.classes_, self.theta_ = classes, fitted.theta
            self.layer_sizes_, self.activations_ = sizes, activations
            self.__dict__.update(values_of(fitted, OUTCOME))
            last.refuse_failure()
            fitted.result.refuse_failure()
            fitted.result.warn_of_early_end(stacklevel=3)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        check_solver(self.solver)
        check_integer("max_iter", self.max_iter, low=0)
        check_integer("softmax_max_iter", self.softmax_max_iter, low=1)
        check_real("weight_decay", self.weight_decay, low=0)
        check_real("tol", self.tol, low=0)
        penalty_of(self.sparsity_penalty, "sparsity_penalty")
        for name in ("resume", "verify"):
            check_flag(name, getattr(self, name))
        check_sizes(self.block_size, self.chunk_size)
        check_n_jobs(self.n_jobs)
        device_of(self.device)
        check_random_state(self.random_state)
        self._estimator().check_settings()

    def decision_function(self, X: RowData) -> FloatArray:
        """Inputs of the softmax, A W' + b of the last layer.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        scores : ndarray of shape (m, n_classes), in the precision of X
            With two classes, their difference, (m,): positive for the second.
        """
        Z = self._scores(X)
        return Z[:, 1] - Z[:, 0] if Z.shape[1] == 2 else Z

    def predict_proba(self, X: RowData) -> FloatArray:
        """Probability of every class.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        P : ndarray of shape (m, n_classes), in the precision of X
        """
        P: FloatArray = softmax(self._scores(X), copy=False)
        return P

    def predict(self, X: RowData) -> NDArray[Any]:
        """The most probable class of every row.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        y : ndarray of shape (m,)
        """
        numbers = self._scores(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[numbers]
        return labels

    def score(self, X: RowData, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of rows whose class is predicted, weighted if the rows are.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`
        y : array-like of shape (m,)
        sample_weight : array-like of shape (m,), default=None

        Returns
        -------
        accuracy : float
        """
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    @property
    def weights_(self) -> list[FloatArray]:
        """Weights of every layer, from the input to the softmax layer."""
        return [W for W, _ in self.objective().layers(self.theta_)]

    @property
    def biases_(self) -> list[FloatArray]:
        """Biases of every layer, from the input to the softmax layer."""
        return [b for _, b in self.objective().layers(self.theta_)]

    @property
    def coef_(self) -> FloatArray:
        """Weights of the softmax layer."""
        return self.weights_[-1]

    @property
    def intercept_(self) -> FloatArray:
        """Biases of the softmax layer."""
        return self.biases_[-1]

    def objective(self) -> NetworkObjective:
        """The objective that fine-tuning minimized, which takes `theta_` apart.

        Returns
        -------
        objective : NetworkObjective
        """
        check_is_fitted(self)
        return self._network(self.layer_sizes_, self.activations_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "theta_")

    def _network(
        self, sizes: Sequence[int], activations: Sequence[str | Activation]
    ) -> NetworkObjective:
        return NetworkObjective(
            sizes,
            activations,
            penalty=penalty_of(self.sparsity_penalty, "sparsity_penalty"),
            weight_decay=self.weight_decay,
        )

    def _scores(self, X: RowData) -> FloatArray:
        objective = self.objective()
        source = rows_of(self, X, reset=False)
        theta = cast(FloatArray, Sent(self.theta_.astype(source.dtype, copy=False)))
        out = np.empty((source.shape[0], len(self.classes_)), source.dtype)

        def score(rows: Rows, out: FloatArray) -> None:
            out[:] = objective.scores(objective.activate(rows.X, theta)[-1], theta)

        threads = ThreadEngine(self.n_jobs, device_of(self.device))
        threads.check(source)
        with threads.running() as engine:
            engine.map_into(score, source, _partition(objective, source), out)
        return out

    def _checkpoints(self) -> dict[str, Checkpoint | None]:
        """The checkpoints of the softmax layer and of fine-tuning."""
        names = ("softmax", "network")
        if self.checkpoint is None:
            return dict.fromkeys(names)
        return {name: Checkpoint.open(Path(self.checkpoint) / name, self.resume) for name in names}

    def _estimator(self) -> StackedAutoencoder | SparseAutoencoder:
        """What the layers are trained by, thawed if it is frozen."""
        estimator = StackedAutoencoder() if self.estimator is None else self.estimator
        model = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
        if not isinstance(model, StackedAutoencoder | SparseAutoencoder):
            raise TypeError(
                "estimator must be a StackedAutoencoder, a SparseAutoencoder, or a FrozenEstimator "
                f"of one, got {self.estimator!r}."
            )
        if model is estimator and isinstance(model, SparseAutoencoder):
            model.refuse_targets("Layers that are not frozen are trained on their input alone")
        return model

    def _pretrained(
        self, source: Source, sample_weight: ArrayLike | None
    ) -> list[SparseAutoencoder]:
        """The fitted autoencoders that the network starts from."""
        is_frozen = isinstance(self.estimator, FrozenEstimator)
        model = self._estimator()
        if is_frozen:
            check_is_fitted(model)
        else:
            model = for_run(model, self, "layers", seeds_of(self.random_state))
            with as_parts(), of_unfitted("the layers"):
                model.fit(source, sample_weight=sample_weight)
        layers = model.layers_ if isinstance(model, StackedAutoencoder) else [model]
        if not is_frozen:
            refuse_interrupted(layers[-1].stop_reason_, "the layers", model.checkpoint)
        return layers

    def _fit(
        self,
        objective: NetworkObjective,
        source: Source,
        theta: Float64Array,
        max_iter: int,
        checkpoint: Checkpoint | None,
        callback: IterationCallback | None = None,
    ) -> Fitted:
        """Minimize `objective` from `theta` over labeled rows."""

        def begin(source: Source, engine: Engine, partition: Partition, seed: int | None) -> Start:
            return network_start(objective, source, engine, partition, theta)

        fit = Fit(
            objective,
            source,
            [Stage(source.shape[0], max_iter)],
            engine_of(self.engine, self.n_jobs, self.device),
            _partition(objective, source, self.block_size, self.chunk_size, NARROW_CHUNK_ROWS),
            self.solver,
            float(self.tol),
            settings={
                "layer sizes": str(objective.layer_sizes),
                "activations": str([f.words for f in objective.activations]),
                "sparsity_penalty": f"{type(objective.penalty).__name__} {vars(objective.penalty)}",
                "weight_decay": repr(objective.weight_decay),
                "start": hashlib.sha256(theta.tobytes()).hexdigest(),
            },
            checkpoint=checkpoint,
            verify=self.verify,
            callback=callback,
        )
        return fit.run(begin)


def _labeled(source: Source, labels: NDArray[np.intp], sample_weight: ArrayLike | None) -> Source:
    """Rows with the numbers of their classes, and with their weights if there are any."""
    source = Labeled(source, labels)
    return source if sample_weight is None else weighted(source, sample_weight)


def _encoded(y: ArrayLike, n_rows: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The classes, and the class number of every row."""
    labels = column_or_1d(from_device(y), warn=True)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    if len(labels) != n_rows:
        raise ValueError(
            f"y has {len(labels)} labels, but X has {n_rows} rows: each row needs one."
        )
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must hold at least two classes, got only {classes[0]}, which is one class."
        )
    return classes, numbers


def _partition(
    objective: NetworkObjective,
    source: Source,
    block_size: int | None = None,
    chunk_size: int | None = None,
    most_rows: int = CHUNK_ROWS,
) -> Partition:
    n_features, *units = objective.layer_sizes
    sizes = n_features, sum(units)
    return Partition.for_shape(*sizes, source.dtype, block_size, chunk_size, most_rows=most_rows)
