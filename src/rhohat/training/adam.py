r"""Learning from a stream that cannot be read twice: minibatches, and a running average activation.

The exact :math:`\hat\rho` needs all rows at once. Here it is estimated as the rows pass by: with b
rows in a batch and a window of n rows,

.. math:: \tilde\rho \leftarrow (1 - \alpha) \tilde\rho + \alpha \frac1b \sum_i h(a_i),
          \quad \alpha = \min(1, b / \min(n, \text{rows seen}))

and the penalty's slope at :math:`\tilde\rho` takes the place of that at :math:`\hat\rho`. That is
an approximation; `SparseAutoencoder.activation_gap` tells how far off it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator

from rhohat.common.arrays import Float64Array, overflow_as_infinity
from rhohat.common.interrupts import current_request
from rhohat.common.libraries import like
from rhohat.common.validation import check_integer, check_real
from rhohat.objective.base import LossTerms, Workspace
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.sources import Rows, Source
from rhohat.training.change_of_variables import StandardizedVariables
from rhohat.training.start import initial, standardized_sample


@dataclass(frozen=True)
class ScaledVariables(StandardizedVariables):
    """Standardized variables in which weights of encoder and decoder are of one size.

    Adam's steps are equally long in all variables: W_dec = V_dec decoder_scale.

    Attributes
    ----------
    decoder_scale : float
    """

    decoder_scale: float = field(default=1.0, kw_only=True)

    @classmethod
    def fitting(
        cls, objective: SparseObjective, sums: FeatureSums, theta: Float64Array
    ) -> ScaledVariables:
        """The variables in which the weights of `theta` are of one size."""
        plain = StandardizedVariables.for_sums(objective, sums)
        views = objective.unpack(plain.from_theta(theta))
        encoder, decoder = (
            float(np.linalg.norm(views[name])) for name in ("W_enc", objective.decoder_weights)
        )
        ratio = decoder / encoder if encoder > 0 and decoder > 0 else plain.scale
        own = {name: value for name, value in vars(plain).items() if name != "objective"}
        return cls(objective, **own, decoder_scale=ratio)

    def to_theta(self, q: Float64Array) -> Float64Array:
        """Theta = M q."""
        return self._scaled(super().to_theta(q), self.decoder_scale)

    def from_theta(self, theta: Float64Array) -> Float64Array:
        """Q = M^-1 theta."""
        return self._scaled(super().from_theta(theta), 1 / self.decoder_scale)

    def gradient(self, grad: Float64Array) -> Float64Array:
        """Gradient in q, M' grad, of a function whose gradient in theta is `grad`."""
        return self._scaled(super().gradient(grad), self.decoder_scale)

    def _scaled(self, vector: Float64Array, factor: float) -> Float64Array:
        if not self.objective.decoder.tied:
            self.objective.unpack(vector)["W_dec"][...] *= factor
        return vector


@dataclass
class StreamState:
    """What is known of a stream so far.

    Attributes
    ----------
    variables : StandardizedVariables
        The variables that steps are taken in.
    q : ndarray of shape (p,)
        The parameters, in these variables.
    average : ndarray of shape (k,)
        The running average activity.
    n_rows : float
        Rows seen, each counted as often as it weighs.
    n_steps : int
    mean, square : ndarray of shape (p,)
        Adam's averages of the gradient and of its square.
    loss : LossTerms or None
        Of the last batch; the sparsity is that of the running average.
    n_passed : int
        Rows that have passed, each counted once.
    """

    variables: StandardizedVariables
    q: Float64Array
    average: Float64Array
    n_rows: float = 0.0
    n_steps: int = 0
    mean: Float64Array = field(init=False)
    square: Float64Array = field(init=False)
    loss: LossTerms | None = None
    n_passed: int = 0

    @classmethod
    def new(
        cls,
        objective: SparseObjective,
        sums: FeatureSums,
        source: Source,
        random_state: np.random.RandomState,
    ) -> StreamState:
        """Start at random, as `fit` does; `sums` and `source` are the rows of the first call."""
        variables = StandardizedVariables.for_sums(objective, sums)
        seed = int(random_state.randint(2**31))
        sample = standardized_sample(source, variables, seed)
        theta = variables.to_theta(initial(variables, sample, random_state))
        return cls.at(objective, sums, theta, np.zeros(objective.n_components), 0.0)

    @classmethod
    def at(
        cls,
        objective: SparseObjective,
        sums: FeatureSums,
        theta: Float64Array,
        average: Float64Array,
        n_rows: float,
    ) -> StreamState:
        """Go on from `theta`, with what is known of the average."""
        variables = ScaledVariables.fitting(objective, sums, theta)
        return cls(variables, variables.from_theta(theta), average, n_rows)

    def __post_init__(self) -> None:
        self.mean = np.zeros_like(self.q)
        self.square = np.zeros_like(self.q)


class Adam(BaseEstimator):
    """Minibatch gradient descent with a separate step size for every parameter.

    For `SparseAutoencoder.partial_fit`; `SparseAutoencoder.fit` minimizes the exact objective.

    Parameters
    ----------
    learning_rate : float, default=0.01
        Size of the first steps, in standardized variables. Step t is smaller by a factor of
        sqrt(1 + t / cooling).
    batch_size : int, default=500
        Rows per step.
    window : int, default=2000
        Number of rows, roughly, that the running average activation covers. A longer window is
        steadier, but lags behind the weights, so that units oscillate around their target.
    cooling : int, default=50
        Number of steps after which the step size begins to shrink.
    decay_mean, decay_square : float, default=0.9, 0.999
        Decay rates of the running averages of the gradient and of its square, each in [0, 1].

    References
    ----------
    D. Kingma and J. Ba (2015), Adam: a method for stochastic optimization, ICLR: algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import Adam, SparseAutoencoder
    >>> model = SparseAutoencoder(4, solver=Adam(), random_state=0)
    >>> for _ in range(10):
    ...     model = model.partial_fit(np.random.RandomState(0).rand(64, 8))
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        batch_size: int = 500,
        window: int = 2000,
        cooling: int = 50,
        decay_mean: float = 0.9,
        decay_square: float = 0.999,
    ) -> None:
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.window = window
        self.cooling = cooling
        self.decay_mean = decay_mean
        self.decay_square = decay_square

    def check(self) -> None:
        """Raise unless all parameters are in range."""
        check_real("Adam learning_rate", self.learning_rate, low=0, open_ends=True)
        check_integer("Adam batch_size", self.batch_size, low=1)
        check_integer("Adam window", self.window, low=1)
        check_integer("Adam cooling", self.cooling, low=1)
        check_real("Adam decay_mean", self.decay_mean, low=0, high=1)
        check_real("Adam decay_square", self.decay_square, low=0, high=1)

    def learn(self, objective: SparseObjective, state: StreamState, rows: Rows) -> None:
        """Take a step for every batch of `rows`, in order; this changes `state`.

        Raises
        ------
        FloatingPointError
            If the loss or gradient becomes infinite or NaN; `state` stays as it was before that
            step.
        Interrupted
            If an interrupt was requested; `state` is the one after the last step.
        """
        workspace, request = Workspace(), current_request()
        for batch in rows.blocks(self.batch_size):
            request.check()
            self._step(objective, state, batch, workspace)

    def _step(
        self, objective: SparseObjective, state: StreamState, batch: Rows, workspace: Workspace
    ) -> None:
        X, weight, target = batch.X, batch.sample_weight, batch.target
        theta = state.variables.to_theta(state.q)
        computed = like(theta, X)
        A = workspace.array("A", (len(X), objective.n_components), X)
        with overflow_as_infinity():
            total = objective.activities(X, computed, weight, out=A).widened()
            n_rows = state.n_rows + total.weight
            share = min(1.0, total.weight / min(self.window, n_rows))
            average = state.average + share * (objective.average_activity(total) - state.average)
            value, slope = objective.penalty_at(theta).on_average(average, objective.activation)
            total += objective.terms(
                X, computed, weight, workspace, target=target, held=A, slope=slope
            ).widened()
            gradient = state.variables.gradient(objective.gradient(total, theta))
            loss = objective.loss_terms(total, theta)._replace(sparsity=value)
        if not (np.isfinite(loss.total) and np.isfinite(gradient).all()):
            raise FloatingPointError(
                f"the loss after {state.n_steps} batches is {loss.total}: the values or Adam's "
                "learning_rate are too large. Scale the data, or lower learning_rate."
            )
        step = self.learning_rate / np.sqrt(1 + state.n_steps / self.cooling)
        state.n_steps += 1
        for mean, new, decay in (
            (state.mean, gradient, self.decay_mean),
            (state.square, gradient * gradient, self.decay_square),
        ):
            mean *= decay
            mean += (1 - decay) * new
        mean = state.mean / (1 - self.decay_mean**state.n_steps)
        square = state.square / (1 - self.decay_square**state.n_steps)
        state.q = state.q - step * mean / (np.sqrt(square) + 1e-8)
        state.average, state.n_rows, state.loss = average, n_rows, loss
        state.n_passed += len(X)
