"""SparseAutoencoder: the scikit-learn transformer."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.devices import Device, device_of
from rhohat.common.interrupts import interrupts_as_requests
from rhohat.common.libraries import Sent, back_to_device, empty, library_of, sent
from rhohat.common.pictures import image_of_units
from rhohat.common.validation import check_flag, check_integer, check_real, check_rows
from rhohat.estimators.callbacks import WRAPPERS, CallbackSupportMixin, FitTasks, with_callbacks
from rhohat.estimators.conversion import ConvertibleEstimator
from rhohat.estimators.failures import warn_of_failure
from rhohat.estimators.fields import COUNT, NUMBER, Array, Value
from rhohat.estimators.fitted_attributes import OUTCOME, Attribute, values_of
from rhohat.estimators.named_penalty import NamedPenalty
from rhohat.objective.activations import Activation, activation_of
from rhohat.objective.corruption import Corruption, corruption_of
from rhohat.objective.decoders import Decoder
from rhohat.objective.penalties import penalty_of
from rhohat.objective.penalty import SparsityPenalty
from rhohat.objective.sparse import SparseObjective, Terms
from rhohat.preprocessing.inputs import RowData, check_input, rows_of
from rhohat.rows.blas import BLAS
from rhohat.rows.corrupted import Corrupted, corrupted
from rhohat.rows.derived import Mapped
from rhohat.rows.engine_choice import EngineHolder, engine_of
from rhohat.rows.engines import Engine, ThreadEngine, check_n_jobs
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import CHUNK_ROWS, NARROW_CHUNK_ROWS, Partition, check_sizes
from rhohat.rows.placed import placed
from rhohat.rows.sources import ArraySource, Holders, Paired, Rows, Source, check_finite, targets_of
from rhohat.rows.sparse_rows import SparseRows
from rhohat.rows.stores import is_stored
from rhohat.training.adam import Adam, StreamState
from rhohat.training.checkpoints import Checkpoint
from rhohat.training.fit import Fit, refuse_beyond_memory
from rhohat.training.run import IterationCallback, TrainingProgress
from rhohat.training.sample_weights import validated_weight, weighted
from rhohat.training.solvers import Solver, check_solver, solver_of
from rhohat.training.stages import growth_stages
from rhohat.training.start import Start, sparse_start
from rhohat.training.validation import Validation
from rhohat.training.weight_search import most_iterations

#: The objective's parameters, each with its fitted attribute and what a model file holds of that.
PARAMETERS = {
    "W_enc": ("encoder_weights_", Array(("k", "d"))),
    "b_enc": ("encoder_bias_", Array(("k",))),
    "t_enc": ("thresholds_", Array(("h",), least=0)),
    "W_dec": ("decoder_weights_", Array(("k", "d"))),
    "b_dec": ("decoder_bias_", Array(("d",))),
}
WEIGHTS = dict(PARAMETERS.values())
#: What `fit` finds on all rows, and `partial_fit` cannot.
EXACT = OUTCOME | {
    "stage_rows_": Attribute(lambda fit: fit.result.stage_rows, Array(("t",), ("I64",))),
    "n_evaluations_": Attribute(lambda fit: fit.result.n_evaluations, NUMBER),
    "n_dead_": Attribute(lambda fit: fit.n_dead, COUNT),
}
PARTITION = {
    "block_size_": Attribute(lambda fit: fit.partition.block_size, COUNT),
    "chunk_size_": Attribute(lambda fit: fit.partition.chunk_size, COUNT),
}
#: What `fit` finds besides, if the penalty has a weight.
FOUND: dict[str, Array | Value] = {"sparsity_weight_": NUMBER}
#: What `fit` finds besides, if rows are held out.
HELD_OUT = {
    "validation_iterations_": Attribute(
        lambda fit: np.array(fit.result.validated.iterations, dtype=np.int64),
        Array(("v",), ("I64",)),
    ),
    "validation_terms_curve_": Attribute(
        lambda fit: np.array(fit.result.validated.losses), Array(("v", 3))
    ),
}
#: What `partial_fit` has instead.
RUNNING: dict[str, Array | Value] = {
    "running_average_activation_": Array(("k",)),
    "running_loss_": NUMBER,
    "n_rows_seen_": NUMBER,
}


class SparseAutoencoder(
    ConvertibleEstimator,
    EngineHolder,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    NamedPenalty,
):
    r"""Sparse autoencoder with the exact average activation.

    Learns weights that reconstruct the input from hidden units that are mostly silent, by
    minimizing, over the whole training set,

    .. math::

        J = \frac1m \sum_i \tfrac12 \|\hat x_i - x_i\|^2
            + \tfrac\lambda2 (\|W_{enc}\|^2 + \|W_{dec}\|^2)
            + \beta \sum_j KL(\rho \,\|\, \hat\rho_j),

    with :math:`A = f(X W_{enc}^T + b_{enc})`, :math:`\hat X = g(A W_{dec} + b_{dec})` and
    :math:`\hat\rho_j` the average activation of unit j over all rows.

    Parameters
    ----------
    n_components : int, default=100
        Hidden units, k.
    activation : str or Activation, default="sigmoid"
        f: "sigmoid", "tanh", "relu", "identity", "topk", "batchtopk" or "jumprelu". "topk" keeps a
        tenth of the units active for each row, ``TopK(5)`` five of them, and ``BatchTopK(5)`` five
        on average; in grid search, the number is ``activation__n_active``. Units with "jumprelu"
        learn the threshold above which they are active.
    decoder : {"linear", "sigmoid", "tied", "matryoshka"} or Decoder, default="linear"
        g, and whether the decoder has weights of its own. "linear" reconstructs any real data;
        "sigmoid" data in (0, 1), as in the lecture notes; "tied" is linear with the encoder's
        weights; "matryoshka", or ``Matryoshka((10, 100))``, is linear and adds up the errors of
        nested prefixes of the units.
    sparsity_penalty : str or SparsityPenalty, default="kl"
        "kl", "l1", "smooth-l1", "log", "group", "topographic", "l1-decoder-norm", "contractive",
        "l0" or "none". A name stands for the penalty with its default parameters. To set them, pass
        for instance ``KLSparsity(target=0.01, weight=3.0)``; in grid search, they are
        ``sparsity_penalty__target`` and so on, also if the penalty is given by its name. With
        ``KLSparsity(target=0.01, weight="auto")``, `fit` finds the weight at which units meet the
        target.
    corruption : {"gaussian", "masking"} or Corruption, default=None
        How rows are corrupted before `fit` encodes them, to reconstruct the original rows (a
        denoising autoencoder). A name stands for ``GaussianNoise()`` or ``Masking()``; in grid
        search, their parameters are ``corruption__scale`` and ``corruption__share``. A row is
        corrupted in the same way in every sweep; `transform` and all other methods do not corrupt
        rows.
    weight_decay : float, default=1e-4
        lambda. The right value depends on the scale of the data: 1e-4 suits patches in [0.1, 0.9],
        3e-3 suits whitened data. Biases do not decay.
    solver : {"lbfgs", "gradient-descent"}, Solver or Adam, default="lbfgs"
        How `fit` minimizes the objective. `partial_fit` uses it if it is an `Adam`, otherwise
        `Adam()`.
    max_iter : int, default=100
        Maximum number of iterations over all stages, plus up to half as many more if a search for
        the penalty's weight needs them. It is a budget: a run that ends here can be a good model
        with little left to improve; `converged_` and `stop_reason_` say that it could continue.
    tol : float, default=1e-4
        A stage ends when the relative decrease of the loss over ten iterations is below this.
    growth : bool, default=True
        Above 20,000 rows, start on a random part of the data that grows; the last stage always runs
        on all rows and the objective is the same. False runs every iteration on all rows.
    block_size : int, default=None
        Rows computed at a time. None: 1,024, or fewer if they would take too much memory.
    chunk_size : int, default=None
        Rows read, handed to a thread and summed at a time, a multiple of `block_size`. None: about
        1,024. Both sizes determine the order of summation, and therefore the last bits of the
        result.
    n_jobs : int, default=None
        Number of threads. None uses as many as NumPy's BLAS would, -1 every core. The result has
        the same bits for any number.
    engine : {"threads", "dask"}, str, dask.distributed.Client or Engine, default="threads"
        Where to compute: in threads of this process, or on the workers of a Dask cluster, given by
        its client, its address (``"tcp://..."``, ``"tls://..."``), or "dask", which means the
        active client or, if there is none, `n_jobs` workers on this machine. Workers read their
        rows themselves: pass `fit` a path, or an array that is stored in files. The result has the
        same bits with all engines.
    device : {"cpu", "cuda", "mps", "torch"}, str or TorchDevice, default="cpu"
        Where rows are computed: on the processor with NumPy ("cpu"), or with torch on an NVIDIA GPU
        ("cuda", or "cuda:1" for the second), an Apple GPU ("mps", float32 only) or the processor
        ("torch"). The rest of training stays in NumPy's float64. Results differ between devices in
        the last digits.
    checkpoint : path-like, default=None
        Folder in which the state of training is saved as it runs, so that a run that stops can be
        resumed.
    resume : bool, default=False
        Continue from the checkpoint, if there is one, to the same bits as if training had not
        stopped. If False, the checkpoint of an unfinished run is an error. A run that was ended by
        its callback continues unless the callback ends it again; a run that has reached `max_iter`
        continues if that was raised. Above 20,000 rows, where training is divided into stages of
        iterations, a raised `max_iter` is an error.
    verify : bool, default=True
        Whether to verify rows outside memory, each time they are read, against checksums from the
        first pass, so that edited or damaged files are detected.
    warm_start : bool, default=False
        Start from the weights of the last fit, on all rows at once, instead of random weights.
    patience : int, default=None
        Number of validations in the last stage after which training ends if J over the held-out
        rows, `X_val` in `fit`, has not fallen; the weights at its minimum are kept. None:
        validation does not end training.
    callback : callable, default=None
        Called with a `TrainingProgress` after every iteration; training stops if it returns True.
        From scikit-learn 1.9 on, ``set_callbacks`` takes scikit-learn's own callbacks as well.
    random_state : int, RandomState or None, default=None
        Determines the initial weights and the growing part of the data.

    Attributes
    ----------
    encoder_weights_, components_ : ndarray of shape (n_components, n_features)
        W_enc; the notes' W1.
    encoder_bias_ : ndarray of shape (n_components,)
        b_enc; the notes' b1.
    thresholds_ : ndarray of shape (n_components,) or (1,)
        If units have thresholds: one for each unit with "jumprelu", one for all with "batchtopk",
        which `transform` applies to any rows.
    decoder_weights_ : ndarray of shape (n_components, n_features)
        W_dec; the transpose of the notes' W2. The encoder's weights if the decoder is tied.
    decoder_bias_ : ndarray of shape (n_features,)
        b_dec; the notes' b2.
    sparsity_weight_ : float
        beta, the weight of the penalty; with "auto", the one that was found.
    average_activation_ : ndarray of shape (n_components,)
        rho_hat over all rows as `fit` encodes them, on which the sparsity penalty acts (with L1,
        the average absolute activation).
    loss_ : float
        J over all rows.
    loss_terms_ : LossTerms
        Its three terms: reconstruction, weight_decay, sparsity.
    loss_curve_ : ndarray of shape (n_iter + 1,)
        J at the start and after every iteration, over the rows of its stage.
    loss_terms_curve_ : ndarray of shape (n_iter + 1, 3)
        The same by term: reconstruction, weight decay, sparsity.
    validation_iterations_ : ndarray of shape (v,)
        With `X_val`: iterations after which J over the held-out rows was computed.
    validation_terms_curve_ : ndarray of shape (v, 3)
        With `X_val`: the reconstruction, weight decay and sparsity terms of that J, which is their
        sum.
    stage_rows_ : ndarray of shape (n_iter + 1,)
        Number of rows that each entry of the curves was computed on.
    n_iter_ : int
        Iterations done.
    n_evaluations_ : float
        Number of sweeps over all rows, or their equivalent.
    converged_ : bool
        Whether the last stage ended because the loss had stopped falling.
    stop_reason_ : str
        Why training ended.
    n_dead_ : int
        Number of units with the same activation for every row: it varies by less than a thousandth
        of the activation's range or, if that is unbounded, of the largest range of any unit.
    block_size_, chunk_size_ : int
        The sizes used.
    data_fingerprint_ : str
        SHA-256 over the training data, to recognize them by.
    running_average_activation_ : ndarray of shape (n_components,)
        After `partial_fit`, which sets none of the averages and losses above: an estimate of the
        average activation; see `activation_gap`.
    running_loss_ : float
        After `partial_fit`: J of the last batch, with the penalty of the running average.
    n_rows_seen_ : float
        Number of rows that `partial_fit` has seen, weighted by `sample_weight`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        If X has column names.

    References
    ----------
    A. Ng, CS294A lecture notes "Sparse autoencoder"; UFLDL tutorial, "Autoencoders and Sparsity".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import KLSparsity, SparseAutoencoder
    >>> X = load_digits().data / 16
    >>> model = SparseAutoencoder(25, sparsity_penalty=KLSparsity(target=0.1), random_state=0)
    >>> model.fit_transform(X).shape
    (1797, 25)
    """

    #: Whether what is reconstructed is the input.
    rebuilds_input: ClassVar[bool] = True

    def __init__(
        self,
        n_components: int = 100,
        *,
        activation: str | Activation = "sigmoid",
        decoder: str | Decoder = "linear",
        sparsity_penalty: str | SparsityPenalty = "kl",
        corruption: str | Corruption | None = None,
        weight_decay: float = 1e-4,
        solver: str | Solver | Adam = "lbfgs",
        max_iter: int = 100,
        tol: float = 1e-4,
        growth: bool = True,
        block_size: int | None = None,
        chunk_size: int | None = None,
        n_jobs: int | None = None,
        engine: str | Engine | Any = "threads",
        device: str | Device = "cpu",
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        verify: bool = True,
        warm_start: bool = False,
        patience: int | None = None,
        callback: IterationCallback | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.activation = activation
        self.decoder = decoder
        self.sparsity_penalty = sparsity_penalty
        self.corruption = corruption
        self.weight_decay = weight_decay
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.growth = growth
        self.block_size = block_size
        self.chunk_size = chunk_size
        self.n_jobs = n_jobs
        self.engine = engine
        self.device = device
        self.checkpoint = checkpoint
        self.resume = resume
        self.verify = verify
        self.warm_start = warm_start
        self.patience = patience
        self.callback = callback
        self.random_state = random_state

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        self._objective(n_features=1)
        self._corruption()
        check_solver(self.solver)
        check_integer("max_iter", self.max_iter, low=1)
        check_real("tol", self.tol, low=0)
        for name in ("growth", "resume", "verify", "warm_start"):
            check_flag(name, getattr(self, name))
        check_sizes(self.block_size, self.chunk_size)
        check_n_jobs(self.n_jobs)
        device_of(self.device)
        if self.patience is not None:
            check_integer("patience", self.patience, low=1)
        check_random_state(self.random_state)

    def refuse_targets(self, why: str) -> None:
        """Raise ValueError, with the reason, if it reconstructs other rows than its input."""
        if not self.rebuilds_input:
            raise ValueError(
                f"{why}, but {type(self).__name__} reconstructs other rows: use SparseAutoencoder "
                "instead."
            )

    @with_callbacks
    def fit(
        self,
        X: RowData,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        X_val: RowData | None = None,
    ) -> Self:
        """Learn weights from the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            Training computes in its precision, float32 or float64. Rows outside memory are given as
            the path of a file, such as ``"rows.npy"`` (``"file.h5::name"`` if it holds several
            arrays), a `numpy.memmap`, a zarr or Dask array, an HDF5 dataset, a list of arrays or
            paths, or a function that returns a new iterable of blocks of rows each time it is
            called; also as what another transformer made from one of these. A sparse SciPy matrix
            or array is made dense block by block, with the same bits as the dense array.
        y : Ignored
        sample_weight : array-like of shape (m,), default=None
            How often each row counts, both in the reconstruction and in the average activation.
        X_val : array-like of shape (n, n_features), or rows outside memory, default=None
            Held-out rows. J over them, with their own averages, is computed every five iterations
            and at the end of each stage. With `patience`, training ends when it no longer falls.

        Returns
        -------
        self : SparseAutoencoder

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not as described.
        FloatingPointError
            If the loss or gradient becomes NaN during training; the last finite weights are kept.
        DataChangedError
            If rows outside memory have changed since the first pass.
        CheckpointError
            If the checkpoint is damaged, of another run, or would be overwritten.
        WorkerError
            If no Dask worker is left.
        MemoryError
            If the weights alone would need more memory than the machine has.
        KeyboardInterrupt
            After Ctrl-C; the best model so far is kept in the fitted attributes, unless no
            iteration had been completed. If there is no time for another pass over all rows, losses
            and averages are those of the rows of the stage, and `n_dead_` is counted on the first
            rows. SIGTERM and SIGHUP do the same and end the process. A second signal ends it at
            once.

        Warns
        -----
        UserWarning
            If the decoder cannot reach the data's values.
        ConvergenceWarning
            If training ends early, by Ctrl-C or because no step lowers the loss; if no weight was
            found that meets the target; if nothing was learned, since all units respond alike to
            all rows; or if units are more than four times as active as the target, as on unscaled
            data.
        """
        return self._fit(X, None, sample_weight, X_val, None)

    def _fit(
        self,
        X: RowData,
        target: Source | None,
        sample_weight: ArrayLike | None,
        X_val: RowData | None,
        target_val: Source | None,
    ) -> Self:
        """`fit`, with the rows to be reconstructed if these are not X itself."""
        self.check_settings()
        solver_of(self.solver)  # raises if it learns from streams only
        max_iter, tol = int(self.max_iter), float(self.tol)
        engine = engine_of(self.engine, self.n_jobs, self.device)
        goes_on = self.warm_start and hasattr(self, "encoder_weights_")
        source = rows_of(self, X, reset=not goes_on)
        engine.check(source)
        if target is not None:
            engine.check(target)
            source = Paired(source, target)
        corruption, n_targets = self._corruption(), targets_of(source)
        objective = self._objective(source.shape[1], n_targets)
        objective.activation.check_learnable()
        refuse_beyond_memory(objective)
        validation = self._validation(objective, X_val, target_val)
        theta = self._fitted_theta(objective) if goes_on else None
        checkpoint = None
        if self.checkpoint is not None:
            checkpoint = Checkpoint.open(self.checkpoint, self.resume)
        if sample_weight is not None:
            source = weighted(source, sample_weight)
        n_rows, n_features = source.shape
        n_numbers = n_features + (n_targets or (0 if corruption is None else n_features))
        row_bytes = n_numbers * source.dtype.itemsize
        growth = self.growth and not goes_on
        random_state = check_random_state(self.random_state)
        stages = growth_stages(n_rows, max_iter, growth, row_bytes=row_bytes)
        most = most_iterations(stages) if objective.penalty.weight_is_sought else max_iter
        tasks = FitTasks(self, most, X=X, metadata={"sample_weight": sample_weight})

        variance = 0.0

        def begin(source: Source, engine: Engine, partition: Partition, seed: int | None) -> Start:
            nonlocal variance
            sums = FeatureSums.over(source, engine, partition)
            variance = sums.standard_deviation**2
            _warn_beyond_output_range(objective, sums.of_targets, "X" if target is None else "y")
            return sparse_start(
                objective, sums, source, engine, partition, random_state, theta, seed
            )

        def after_iteration(progress: TrainingProgress) -> bool:
            stop = self.callback is not None and bool(self.callback(progress))
            return stop | tasks.end_iteration(
                lambda: (
                    _weights(objective, progress.theta.astype(source.dtype))
                    | {"average_activation_": progress.average_activation}
                )
            )

        fit = Fit(
            objective,
            source,
            stages,
            engine,
            _partition(
                objective, source.dtype, self.block_size, self.chunk_size, NARROW_CHUNK_ROWS
            ),
            self.solver,
            tol,
            settings=self._identity(objective),
            checkpoint=checkpoint,
            verify=self.verify,
            callback=after_iteration,
            validation=validation,
            corruption=corruption,
        )
        self._stream: StreamState | None
        with interrupts_as_requests():  # raised when all is kept
            fitted = fit.run(begin, objective.encode)
            self._stream = None
            if fitted.result.weight is not None:
                objective = objective.weighed(fitted.result.weight)
            self._publish(
                _weights(objective, fitted.theta)
                | values_of(fitted, EXACT | PARTITION)
                | _weight_of(objective)
                | ({} if validation is None else values_of(fitted, HELD_OUT))
            )
            tasks.end()
            fitted.result.refuse_failure()
            fitted.result.warn_of_early_end(stacklevel=3 + WRAPPERS)
            warn_of_failure(objective, fitted, variance)
        return self

    @BLAS.single_threaded()
    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from some rows of a stream, each of which is needed only once.

        This is an approximation: the average activation is a running estimate, and `Adam` takes the
        steps, whatever `solver` is. It continues from an earlier `fit` or `partial_fit`.

        Parameters
        ----------
        X : array-like of shape (m, n_features)
            The first call needs enough rows for their mean and variance to be typical.
        y : Ignored
        sample_weight : array-like of shape (m,), default=None
            How often each row counts.

        Returns
        -------
        self : SparseAutoencoder
            With its weights, ``running_average_activation_``, ``running_loss_`` and
            ``n_rows_seen_``.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not as described.
        FloatingPointError
            If the loss or gradient is no longer finite; the weights are those before that batch.
        KeyboardInterrupt
            After Ctrl-C; the weights are those after the current batch.
        """
        return self._partial_fit(X, None, sample_weight)

    def _partial_fit(
        self, X: ArrayLike, target: Source | None, sample_weight: ArrayLike | None
    ) -> Self:
        """`partial_fit`, with the rows to be reconstructed if these are not X itself."""
        adam: Any = self.solver if hasattr(self.solver, "learn") else Adam()
        adam.check()
        begun = hasattr(self, "encoder_weights_")
        if issparse(X):  # a block, which is small
            X = SparseRows(X).matrix.toarray()
        X = check_input(self, X, reset=not begun)
        source: Source = ArraySource(X) if target is None else Paired(ArraySource(X), target)
        objective = self._streamed_objective(X.shape[1], targets_of(source))
        objective.activation.check_learnable()
        refuse_beyond_memory(objective)
        if sample_weight is not None:
            source = weighted(source, sample_weight)
        state: StreamState | None = getattr(self, "_stream", None)
        corruption = self._corruption()
        if corruption is not None:
            source = Corrupted(source, corruption, 0 if state is None else state.n_passed)
        if state is None or state.variables.objective.shapes != objective.shapes:
            state = self._begin_stream(objective, source, begun)
        threads = self._threads()
        threads.check(source)
        rows = placed(source, threads.device).read(0, source.shape[0])
        with interrupts_as_requests(), threads.device.running():  # looked at between batches
            try:
                adam.learn(objective, state, rows)
            finally:
                self._stream = state
                theta = state.variables.to_theta(state.q)
                running = {
                    "running_average_activation_": state.average,
                    "n_rows_seen_": state.n_rows,
                }
                if state.loss is not None:
                    running["running_loss_"] = state.loss.total
                weights = _weights(objective, theta.astype(X.dtype))
                self._publish(weights | running | _weight_of(objective))
        return self

    def _corruption(self) -> Corruption | None:
        """What is done to rows before they are encoded, checked."""
        corruption = corruption_of(self.corruption)
        if corruption is not None:
            corruption.check()
        return corruption

    def _validation(
        self, objective: SparseObjective, X_val: RowData | None, target: Source | None
    ) -> Validation | None:
        """Rows held out, and the patience with the loss over them."""
        patience = self.patience
        if X_val is None:
            if patience is not None:
                raise ValueError("patience watches the loss on held-out rows: pass X_val to fit.")
            return None
        source = rows_of(self, X_val, reset=False)
        source = source if target is None else Paired(source, target)
        source = corrupted(source, self._corruption())
        partition = _partition(objective, source.dtype, self.block_size, self.chunk_size)
        return Validation(source, partition, self._threads(), patience)

    def _streamed_objective(self, n_features: int, n_targets: int) -> SparseObjective:
        """The objective, with the weight that an earlier `fit` has found if one is sought."""
        objective = self._objective(n_features, n_targets)
        if objective.finds_thresholds:
            raise ValueError(
                f"partial_fit cannot find the threshold of {objective.activation.name} units, "
                "which depends on all rows at once: use fit, or activation='topk'."
            )
        if not objective.penalty.weight_is_sought:
            return objective
        if not hasattr(self, "sparsity_weight_"):
            raise ValueError(
                "partial_fit cannot find the penalty's weight: give a number instead of 'auto', or "
                "first call fit on some rows."
            )
        return objective.weighed(self.sparsity_weight_)

    def _publish(self, values: dict[str, Any]) -> None:
        """Make these the fitted attributes, in place of those that any training set before."""
        for name in (*WEIGHTS, *EXACT, *FOUND, *HELD_OUT, *RUNNING):
            self.__dict__.pop(name, None)
        self.__dict__.update(values)

    def _begin_stream(self, objective: SparseObjective, source: Source, begun: bool) -> StreamState:
        """Start from random weights, or from those of an earlier fit."""
        with ThreadEngine(self.n_jobs).running() as engine:
            sums = FeatureSums.over(source, engine, _partition(objective, source.dtype))
            if not begun:
                return StreamState.new(
                    objective, sums, source, check_random_state(self.random_state)
                )
        theta, n_rows = self._fitted_theta(objective), getattr(self, "n_rows_seen_", np.inf)
        return StreamState.at(objective, sums, theta, self._fitted_average(), n_rows)

    def activation_gap(self, X: RowData) -> Float64Array:
        """Compute how far the running average activation is from the exact one over the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        gap : ndarray of shape (n_components,)
            Running minus exact, unit by unit; zero after `fit` on the same rows.
        """
        objective = self._fitted_objective()
        source = corrupted(rows_of(self, X, reset=False), self._corruption())
        theta = self._fitted_theta(objective).astype(source.dtype)

        holders, threads = Holders.of(source), self._threads()
        threads.check(source)
        there = cast(FloatArray, Sent(theta))

        def activities(rows: Rows) -> Terms:
            check_finite(rows, holders)
            X = threads.device.place(rows.X)
            out = empty((len(X), objective.n_components), X)
            return objective.activities(X, there, rows.sample_weight, out=out)

        with threads.running() as engine:
            total = engine.map_sum(activities, source, _partition(objective, source.dtype))
        return self._fitted_average() - objective.average_activity(total)

    def transform(self, X: RowData) -> FloatArray:
        """Activation of every hidden unit: f(X W_enc' + b_enc).

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        A : ndarray of shape (m, n_components), in the precision of X
            If X is a tensor or CuPy array, so is A, on the same device. For rows outside memory, A
            is a `Mapped` source, computed whenever it is read: later steps of a pipeline take it,
            and `numpy.asarray` turns it into an array.
        """
        objective = self._fitted_objective()
        source = rows_of(self, X, reset=False)
        if is_stored(source):
            return cast(FloatArray, self.encoded(source))
        parameters = sent(self._parameters(source.dtype))

        def encode(rows: Rows, out: FloatArray) -> None:
            objective.encode(rows.X, parameters, out)

        A = self._map_rows(encode, source, objective, objective.n_components)
        return cast(FloatArray, back_to_device(A, X))

    def encoded(self, source: Source) -> Mapped:
        """Activations of a source's rows, computed whenever they are read.

        Parameters
        ----------
        source : Source

        Returns
        -------
        activations : Mapped
        """
        objective = self._fitted_objective()
        encode = partial(objective.encode, parameters=sent(self._parameters(source.dtype)))
        return Mapped(source, encode, objective.n_components, device_of(self.device))

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Reconstruction of the input from activations: g(A W_dec + b_dec).

        Parameters
        ----------
        X : array-like of shape (m, n_components)
            Activations, as `transform` returns them.

        Returns
        -------
        X_hat : ndarray of shape (m, n_features), in the precision of the activations
            It has as many columns as the decoder.
        """
        objective = self._fitted_objective()
        A: Source = SparseRows(X) if issparse(X) else ArraySource(check_rows(X))
        if A.shape[1] != objective.n_components:
            raise ValueError(
                f"X has {A.shape[1]} columns, but inverse_transform expects the activations of "
                f"{objective.n_components} hidden units, as transform returns them."
            )
        parameters = sent(self._parameters(A.dtype))

        def decode(rows: Rows, out: FloatArray) -> None:
            objective.decode(rows.X, parameters, out)

        X_hat = self._map_rows(decode, A, objective, objective.n_outputs)
        return cast(FloatArray, back_to_device(X_hat, X))

    def score_samples(self, X: RowData) -> FloatArray:
        """Minus the reconstruction error of each row: -1/2 ||x_hat - x||^2.

        Its mean over the training set is minus the objective's first term,
        ``loss_terms_.reconstruction``, except with `corruption`, since rows are scored uncorrupted.
        Rows with a low score are unlike the training set.

        Parameters
        ----------
        X : array-like of shape (m, n_features)

        Returns
        -------
        scores : ndarray of shape (m,)
        """
        return self._scores(rows_of(self, X, reset=False))

    def _scores(self, source: Source) -> FloatArray:
        """-1/2 ||x_hat - t||^2 for each row, t being its target or the row itself."""
        objective = self._fitted_objective()
        parameters = sent(self._parameters(source.dtype))

        def score(rows: Rows, out: FloatArray) -> None:
            error = objective.decode(objective.encode(rows.X, parameters), parameters)
            error -= rows.X if rows.target is None else rows.target
            out[...] = library_of(error).einsum("ij,ij->i", error, error)
            out *= -0.5

        return self._map_rows(score, source, objective)

    def score(self, X: RowData, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean of `score_samples`, weighted if the rows are; higher is better.

        Parameters
        ----------
        X : array-like of shape (m, n_features)
        y : Ignored
        sample_weight : array-like of shape (m,), default=None

        Returns
        -------
        score : float
        """
        return mean_score(self.score_samples(X), sample_weight)

    @property
    def fitted_activation(self) -> Activation:
        """The units' activation, at the thresholds that `fit` has left, if it has any."""
        return self._fitted_objective().activation.at(self._parameters(self.encoder_bias_.dtype))

    @property
    def components_(self) -> FloatArray:
        """The encoder's weights, one row per unit."""
        weights: FloatArray = self.encoder_weights_
        return weights

    @property
    def _n_features_out(self) -> int:
        return int(self.encoder_weights_.shape[0])

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        """What a notebook shows: scikit-learn's diagram, and what the units look for."""
        bundle: dict[str, str] = super()._repr_mimebundle_(**options)
        if "text/html" in bundle and hasattr(self, "encoder_weights_"):
            bundle["text/html"] += image_of_units(self.encoder_weights_)
        return bundle

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = True
        return tags

    def _objective(self, n_features: int, n_targets: int = 0) -> SparseObjective:
        """Check the parameters and make the objective that they describe.

        What is reconstructed has `n_targets` columns, or those of the input if that is 0.
        """
        return SparseObjective(
            n_features,
            self.n_components,
            activation=self.activation,
            decoder=self.decoder,
            penalty=penalty_of(self.sparsity_penalty, "sparsity_penalty"),
            weight_decay=self.weight_decay,
            n_outputs=n_targets or None,
        )

    def _fitted_theta(self, objective: SparseObjective) -> Float64Array:
        """Theta of the last fit, if it suits the objective."""
        parameters = self._parameters(np.dtype(np.float64))
        for name in ("W_enc", objective.decoder_weights):
            fitted, wanted = parameters[name].shape, objective.shapes[name]
            if fitted != wanted:
                raise ValueError(
                    f"warm_start continues from weights of shape {fitted} (units, features), but "
                    f"the new fit needs {wanted}. Keep n_components and the number of columns, or "
                    "set warm_start=False."
                )
        if not has_thresholds_of(self):
            raise ValueError(
                "warm_start cannot continue: the earlier fit has no thresholds for "
                f"{objective.activation.name} units. Set warm_start=False."
            )
        return objective.pack({name: parameters[name] for name in objective.shapes})

    def _fitted_average(self) -> Float64Array:
        """The average activation, exact after `fit` and running after `partial_fit`."""
        is_exact = hasattr(self, "average_activation_")
        name = "average_activation_" if is_exact else "running_average_activation_"
        average: Float64Array = getattr(self, name)
        return average

    def _identity(self, objective: SparseObjective) -> dict[str, str]:
        """What decides the result besides data and solver, in words."""
        seed = self.random_state
        return {
            "n_components (--units)": str(objective.n_components),
            "activation": objective.activation.words,
            "decoder": objective.decoder.words,
            "sparsity_penalty": f"{type(objective.penalty).__name__} {vars(objective.penalty)}",
            "weight_decay": repr(objective.weight_decay),
            "random_state (--seed)": str(seed) if isinstance(seed, Integral) else "not fixed",
        }

    def _fitted_objective(self) -> SparseObjective:
        check_is_fitted(self)
        return self._objective(self.n_features_in_, self.decoder_weights_.shape[1])

    def _parameters(self, dtype: np.dtype[Any]) -> dict[str, FloatArray]:
        """Fitted weights by the objective's names, in the precision asked for."""
        return {
            name: getattr(self, attribute).astype(dtype, copy=False)
            for name, (attribute, _) in PARAMETERS.items()
            if hasattr(self, attribute)
        }

    def _threads(self) -> ThreadEngine:
        """Threads of this process, and the device."""
        return ThreadEngine(self.n_jobs, device_of(self.device))

    def _map_rows(
        self,
        function: Callable[[Rows, FloatArray], object],
        source: Source,
        objective: SparseObjective,
        *columns: int,
    ) -> FloatArray:
        """An array of so many columns, or of one axis, that `function` fills chunk by chunk."""
        out = np.empty((source.shape[0], *columns), source.dtype)
        threads = self._threads()
        threads.check(source)
        with threads.running() as engine:
            engine.map_into(function, source, _partition(objective, source.dtype), out)
        return out


def has_thresholds_of(model: SparseAutoencoder) -> bool:
    """Whether a fitted model has as many thresholds as its activation takes."""
    n_thresholds = activation_of(model.activation).n_thresholds(model.n_components)
    return np.size(getattr(model, "thresholds_", ())) == n_thresholds


def _weights(objective: SparseObjective, theta: FloatArray) -> dict[str, FloatArray]:
    """Theta as fitted attributes."""
    parameters = objective.unpack(theta)
    parameters["W_dec"] = parameters[objective.decoder_weights]
    if "t_enc" in parameters:
        parameters["t_enc"] = np.abs(parameters["t_enc"])
    return {PARAMETERS[name][0]: values for name, values in parameters.items()}


def _weight_of(objective: SparseObjective) -> dict[str, float]:
    """The penalty's weight as a fitted attribute, if it has one."""
    weight = getattr(objective.penalty, "weight", None)
    return {} if weight is None else {"sparsity_weight_": float(weight)}


def mean_score(scores: FloatArray, sample_weight: ArrayLike | None) -> float:
    """Mean of the scores of rows, weighted if these are."""
    scores = scores.astype(np.float64, copy=False)
    if sample_weight is None:
        return float(scores.mean())
    return float(np.average(scores, weights=validated_weight(sample_weight, len(scores))))


def _partition(
    objective: SparseObjective,
    dtype: np.dtype[Any],
    block_size: int | None = None,
    chunk_size: int | None = None,
    most_rows: int = CHUNK_ROWS,
) -> Partition:
    sizes = max(objective.n_features, objective.n_outputs), objective.n_components
    return Partition.for_shape(*sizes, dtype, block_size, chunk_size, most_rows=most_rows)


def _warn_beyond_output_range(objective: SparseObjective, sums: FeatureSums, name: str) -> None:
    """Warn if the data, of this name, hold values that the decoder cannot reconstruct."""
    low, high = objective.decoder.output.range
    if objective.decoder.output.is_bounded and (sums.low < low or sums.high > high):
        warnings.warn(
            f"decoder={objective.decoder.name!r} can only produce values in ({low:g}, {high:g}), "
            f"but {name} has values from {sums.low:.4g} to {sums.high:.4g}. Use decoder='linear', "
            "or scale the data into that range: PatchNormalizer for patches, MinMaxScaler for "
            "other data.",
            UserWarning,
            stacklevel=6 + WRAPPERS,  # whoever calls the estimator's fit, through _fit and Fit.run
        )
