r"""The sparse autoencoder's objective and its gradient, both made of sums over rows.

.. math::

    Z_2 = X W_{enc}^T + b_{enc}, \quad A = f(Z_2), \quad
    Z_3 = A W_{dec} + b_{dec}, \quad \hat X = g(Z_3)

    J = \frac1m \sum_i \tfrac12 \|\hat x_i - t_i\|^2
        + \tfrac\lambda2 (\|W_{enc}\|^2 + \|W_{dec}\|^2)
        + \text{penalty}(\hat\rho), \quad \hat\rho_j = \frac1m \sum_i h(a_{ij})

The target :math:`t_i` is :math:`x_i` itself, unless rows come with another.

The penalty's slope :math:`s_j` depends on the average over *all* rows, yet one sweep over the data
is enough: :math:`s_j` is one number per unit, so that

.. math::

    \nabla J = \frac1m \sum_i (\text{reconstruction part})_i
               + s_j \, \frac1m \sum_i h'(a_{ij}) f'(z_{ij}) \, x_i + \text{weight decay},

where both sums add up over blocks of rows and :math:`s_j` is applied at the end. `terms` computes
the sums of one block, `Terms` can be added, and `finish` turns the total into loss and gradient.

Conventions
-----------
m rows (examples), d features, k units (components), p parameters.

    X, X_hat      (m, d)     b_enc  (k,)
    Z, A          (m, k)     b_dec  (d,)
    W_enc, W_dec  (k, d)     theta  (p,) = W_enc, b_enc, W_dec, b_dec, each row-major

Where targets have another number of columns, it takes the place of d in X_hat, W_dec and b_dec.

Where units have thresholds, t_enc comes after b_enc: of each unit, if they are learned; else one
number, which does not vary, but is found from all rows for whatever the rest of theta is: `settled`
puts it there.

theta, gradients and sums are float64; products are computed in the precision of X. In terms of the
lecture notes W_enc is W1 and W_dec is the transpose of W2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from rhohat.common.arrays import Float64Array, FloatArray, as_floats
from rhohat.common.libraries import as_number, dot, empty, is_zero, library_of, like, ones
from rhohat.common.validation import check_integer, look_up
from rhohat.objective.activations import ACTIVATIONS, Activation, activation_of
from rhohat.objective.base import LossTerms, Objective, Sums, Workspace, counted, row_weights
from rhohat.objective.decoders import DECODERS, Decoder
from rhohat.objective.largest import BitCounts, bit_counts
from rhohat.objective.penalties import penalty_of
from rhohat.objective.penalty import SparsityPenalty
from rhohat.objective.units import Units


@dataclass
class Terms(Sums):
    """The sums that make the sparse autoencoder's loss and gradient.

    Attributes
    ----------
    squared_error : float
        sum_i w_i 1/2 ||x_hat_i - t_i||^2.
    weight, activity : float and ndarray of shape (k,), float64
        sum_i w_i and sum_i w_i h(a_i).
    gradient : ndarray of shape (p,)
        Gradient of `squared_error`, in the layout of theta. Where the penalty's slope is known in
        advance, it includes the penalty's gradient. In the precision of the rows, or float64 once
        `widened`. Empty where only activities were summed.
    direction : ndarray of shape (k * d + k,), or more where there are thresholds
        sum_i w_i h'(a_ij) f'(z_ij) (x_i, 1): what the penalty's slope multiplies, in the layout of
        the encoder's parameters, and in the precision of `gradient`. Empty where the slope is known
        in advance.
    """

    weight: float
    squared_error: float
    activity: Float64Array
    gradient: FloatArray
    direction: FloatArray


class SparseObjective(Objective[Terms]):
    """The objective of a sparse autoencoder: its settings and shapes, without data or parameters.

    Parameters
    ----------
    n_features : int
        d, columns of X.
    n_components : int
        k, hidden units.
    activation : str or Activation, default="sigmoid"
        f, a row of `rhohat.objective.activations.ACTIVATIONS`.
    decoder : str or Decoder, default="linear"
        g, a row of `rhohat.objective.decoders.DECODERS`.
    penalty : str or SparsityPenalty, default="kl"
        A penalty, or the name of one with its default parameters, a row of
        `rhohat.objective.penalties.PENALTIES`.
    weight_decay : float, default=1e-4
        lambda, at least 0. Biases do not decay.
    n_outputs : int, default=None
        Columns of X_hat and of the targets; d if None.

    Raises
    ------
    ValueError, TypeError
        If a setting is out of range or the combination makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import KLSparsity, SparseObjective
    >>> objective = SparseObjective(6, 4, penalty=KLSparsity(target=0.1))
    >>> loss, grad = objective.loss_grad(np.zeros(objective.n_parameters), np.ones((5, 6)))
    >>> grad.shape
    (58,)
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        *,
        activation: str | Activation = "sigmoid",
        decoder: str | Decoder = "linear",
        penalty: str | SparsityPenalty = "kl",
        weight_decay: float = 1e-4,
        n_outputs: int | None = None,
    ) -> None:
        self.n_features = check_integer("n_features", n_features, low=1)
        self.n_components = check_integer("n_components", n_components, low=1)
        self.activation = activation_of(activation)
        self.decoder = (
            decoder if isinstance(decoder, Decoder) else look_up("decoder", decoder, DECODERS)
        )
        self.penalty = penalty_of(penalty)
        self.penalty.check(self.activation)
        k, d = self.n_components, self.n_features
        self.n_outputs = d if n_outputs is None else check_integer("n_outputs", n_outputs, low=1)
        self.penalty.check_units(k)
        self.activation.check_units(k)
        self.decoder.check_units(k)
        shapes: dict[str, tuple[int, ...]] = {"W_enc": (k, d), "b_enc": (k,)}
        if self.activation.n_thresholds(k):
            shapes["t_enc"] = (self.activation.n_thresholds(k),)
        if not self.decoder.tied:
            shapes["W_dec"] = (k, self.n_outputs)
        elif self.n_outputs != d:
            raise ValueError(
                f"decoder={self.decoder.name!r} decodes with the encoder's weights, so its output "
                f"has the input's {d} columns, but the target has {self.n_outputs}: use "
                "decoder='linear'."
            )
        super().__init__(shapes | {"b_dec": (self.n_outputs,)}, weight_decay)

    @property
    def is_continuous(self) -> bool:
        """Whether the loss has no jumps, as the activation has none."""
        return self.activation.is_continuous

    @property
    def is_solvable(self) -> bool:
        """Whether the best W_dec and b_dec for given A solve a linear system.

        They do where J is quadratic in both: the decoder is linear, with weights of its own, and
        the penalty does not see them.
        """
        return self.decoder.is_solvable and "W_dec" not in self.penalty.sees

    def weighed(self, weight: float) -> SparseObjective:
        """The same objective with this weight of the penalty."""
        other = copy(self)
        other.penalty = self.penalty.weighed(weight)
        return other

    @property
    def n_encoder_parameters(self) -> int:
        """Length of the part of theta that belongs to the encoder, which comes first."""
        k = self.n_components
        return k * (self.n_features + 1) + self.activation.n_thresholds(k)

    def encoder(self, theta: FloatArray) -> dict[str, FloatArray]:
        """Views of W_enc, b_enc, t_enc in a vector that is, or begins with, the encoder's part."""
        return {
            name: theta[part].reshape(self.shapes[name])
            for name, part in self.parts.items()
            if part.stop <= self.n_encoder_parameters
        }

    @property
    def finds_thresholds(self) -> bool:
        """Whether a threshold is found, which takes sweeps over all rows before all others."""
        return "t_enc" in self.shapes and not self.activation.learns_thresholds

    def settled(
        self,
        theta: Float64Array,
        counts: BitCounts,
    ) -> Float64Array:
        """Theta, or its encoder's part, with the threshold that all rows ask for.

        Parameters
        ----------
        theta : ndarray of shape (p,), or of the encoder's part of it
        counts : callable
            ``counts(upper)``: what `input_counts` gives at theta, summed over all rows.
        """
        settled = theta.copy()
        t_enc = self.encoder(settled)["t_enc"]
        t_enc[:] = self.activation.sought(counts, self.n_components)
        return settled

    def settled_on(
        self, X: FloatArray, theta: Float64Array, sample_weight: FloatArray | None = None
    ) -> Float64Array:
        """Theta, or its encoder's part, settled with the rows of X as all rows, if need be."""
        if not self.finds_thresholds:
            return theta
        return self.settled(theta, partial(self.input_counts, X, theta, sample_weight))

    def input_counts(
        self,
        X: FloatArray,
        theta: FloatArray,
        sample_weight: FloatArray | None,
        upper: int | None,
    ) -> tuple[float, Float64Array]:
        """Weights of rows, and of their units' inputs by the bits of these: see `bit_counts`."""
        Z = self._inputs(X, self.encoder(like(theta, X)))
        return bit_counts(Z, sample_weight, upper)

    def _inputs(
        self, X: FloatArray, parameters: Mapping[str, FloatArray], out: FloatArray | None = None
    ) -> FloatArray:
        """Z = X W_enc' + b_enc, (m, k)."""
        W_enc, b_enc = like(parameters["W_enc"], X), like(parameters["b_enc"], X)
        Z: FloatArray = library_of(X).matmul(X, W_enc.T, out=out)
        Z += b_enc
        return Z

    def encode(
        self, X: FloatArray, parameters: Mapping[str, FloatArray], out: FloatArray | None = None
    ) -> FloatArray:
        """Hidden activations A = f(X W_enc' + b_enc), (m, k)."""
        return self.activation.at(parameters).function(self._inputs(X, parameters, out))

    def units(
        self,
        X: FloatArray,
        parameters: Mapping[str, FloatArray],
        out: FloatArray | None = None,
        *,
        is_held: bool = False,
    ) -> Units:
        """The hidden units on the rows of X.

        Parameters
        ----------
        X : ndarray of shape (m, d)
        parameters : mapping
            Those of the encoder, at least.
        out : ndarray of shape (m, k), default=None
            Where to write what their derivatives are computed from.
        is_held : bool, default=False
            Whether that has been written there already.
        """
        f = self.activation.at(parameters)
        if is_held and out is not None:
            return Units.of(f, out) if f.sees_input else Units(f, out, out)
        return Units.of(f, self._inputs(X, parameters, out))

    def decode(
        self, A: FloatArray, parameters: Mapping[str, FloatArray], out: FloatArray | None = None
    ) -> FloatArray:
        """Reconstruction X_hat = g(A W_dec + b_dec), (m, d)."""
        W_dec, b_dec = like(parameters[self.decoder_weights], A), like(parameters["b_dec"], A)
        Z: FloatArray = library_of(A).matmul(A, W_dec, out=out)
        Z += b_dec
        return self.decoder.output.function(Z)

    def _reconstructions(
        self,
        A: FloatArray,
        parameters: Mapping[str, FloatArray],
        outs: Sequence[FloatArray | None],
    ) -> list[FloatArray]:
        """X_hat of every prefix of the units; the last is that of all."""
        parts = self.decoder.parts(self.n_components)
        if len(parts) == 1:
            return [self.decode(A, parameters, outs[0])]
        W_dec, b_dec = parameters["W_dec"], parameters["b_dec"]
        found: list[FloatArray] = []
        for part, out in zip(parts, outs, strict=True):
            X_hat = library_of(A).matmul(A[:, part], W_dec[part], out=out)
            X_hat += found[-1] if found else b_dec
            found.append(X_hat)
        return found

    @property
    def decoder_weights(self) -> str:
        """Name of the parameter that decodes: "W_dec", or "W_enc" where the decoder is tied."""
        return "W_enc" if self.decoder.tied else "W_dec"

    def terms(
        self,
        X: FloatArray,
        theta: FloatArray,
        sample_weight: FloatArray | None = None,
        workspace: Workspace | None = None,
        *,
        target: FloatArray | None = None,
        held: FloatArray | None = None,
        slope: Float64Array | None = None,
        encoder_only: bool = False,
    ) -> Terms:
        """Sums over the rows of X; see `Terms`.

        Parameters
        ----------
        X : ndarray of shape (m, d)
            A block of rows, float32 or float64.
        theta : ndarray of shape (p,)
            Parameters, converted to X's precision.
        sample_weight : ndarray of shape (m,), default=None
            How often each row counts; once if None.
        workspace : Workspace, default=None
            Where intermediate results go; a new one if None.
        target : ndarray of shape (m, n_outputs), default=None
            What is to be reconstructed, in X's precision; X itself if None.
        held : ndarray of shape (m, k), default=None
            What `activities` has written for these rows. Weight and activity are then left out.
        slope : ndarray of shape (k,), default=None
            The penalty's slope, if it is known already, which saves a matrix product.
        encoder_only : bool, default=False
            Whether the gradient is that of W_enc and b_enc alone: where the decoder is the best
            one for these activations, its gradient is zero. Not for tied decoders.

        Returns
        -------
        terms : Terms
        """
        xp, (b, d), k = library_of(X), (len(X), self.n_outputs), self.n_components
        workspace = workspace or Workspace()
        array = workspace.array
        parameters = self.unpack(like(theta, X))
        W_dec = parameters[self.decoder_weights]
        w = None if sample_weight is None else like(sample_weight, X)
        each = ones(b, X)
        size = self.n_encoder_parameters if encoder_only else self.n_parameters
        gradient = empty((size,), X)
        grad = self.encoder(gradient) if encoder_only else self.unpack(gradient)

        # A = f(X W_enc' + b_enc),  X_hat = g(A W_dec + b_dec)
        is_held = held is not None
        room = array("A", (b, k), X) if held is None else held
        units = self.units(X, parameters, room, is_held=is_held)
        A = units.A
        parts = self.decoder.parts(k)
        names = [f"X_hat{number}" for number in range(len(parts))]
        X_hats = self._reconstructions(A, parameters, [array(name, (b, d), X) for name in names])

        squared_error, deltas = self._errors(X_hats, X if target is None else target, w, workspace)

        # delta2 = (delta3 W_dec' + s h'(a)) f'(z2); where s is not known yet, it is left out here
        # and its factor, h'(a) f'(z2), summed into `direction`.
        f_slope = units.derivative(array("f'", (b, k), X))
        h, h_slope = units.averaged(self.penalty)
        delta2 = array("delta2", (b, k), X)
        for part, delta3 in zip(parts, deltas, strict=True):
            xp.matmul(delta3, W_dec[part].T, out=delta2[:, part])
        s = self._penalty(parameters).fixed_slope if slope is None else like(slope, X)
        push: float | FloatArray = 0.0
        if s is not None and not is_zero(s):
            push = self.penalty.pull(s, A, h, h_slope)
            push = push if w is None else push * w[:, None]
            if not self.penalty.sees_gates:
                delta2 += push
        if "t_enc" in grad:
            grad["t_enc"][...] = self._by_thresholds(units, delta2, s, w)
        delta2 *= f_slope
        if self.penalty.sees_gates:
            delta2 += push
        direction = empty((0,), X)
        if s is None:
            f_slope = units.slope_of_average(self.penalty, f_slope, h_slope)
            if w is not None:
                f_slope *= w[:, None]
            direction = empty((self.n_encoder_parameters,), X)
            views = self.encoder(direction)
            xp.matmul(f_slope.T, X, out=views["W_enc"])
            views["b_enc"][...] = each @ f_slope
            if "t_enc" in views:
                change = xp.ones_like(A) if h_slope is None else h_slope
                change = change if w is None else change * w[:, None]
                views["t_enc"][...] = self._by_thresholds(units, change, None, w)
        xp.matmul(delta2.T, X, out=grad["W_enc"])
        grad["b_enc"][...] = each @ delta2
        for part, delta3 in zip(parts, deltas, strict=True):
            if self.decoder.tied:
                grad["W_enc"][part] += A[:, part].T @ delta3
            elif not encoder_only:
                xp.matmul(A[:, part].T, delta3, out=grad["W_dec"][part])
        if not encoder_only:
            grad["b_dec"][...] = each @ deltas[0]
        weight, activity = (0.0, np.zeros(k)) if is_held else counted(h, each if w is None else w)
        return Terms(weight, squared_error, activity, gradient, direction)

    def _errors(
        self,
        X_hats: list[FloatArray],
        target: FloatArray,
        w: FloatArray | None,
        workspace: Workspace,
    ) -> tuple[float, list[FloatArray]]:
        """Half the squared error, and delta3 = (x_hat - t) g'(z3) of every reconstruction.

        For the units that each has more than the one before, it is the sum of its own and all that
        follow. Reconstructions are overwritten.
        """
        squared_error = 0.0
        for X_hat in X_hats:
            g_slope = None
            if self.decoder.output != ACTIVATIONS["identity"]:  # a copy, in another process
                g_slope = self.decoder.output.derivative(
                    X_hat, workspace.array("g'", (len(X_hat), self.n_outputs), X_hat)
                )
            delta3 = library_of(X_hat).subtract(X_hat, target, out=X_hat)
            if w is None:
                squared_error += 0.5 * as_number(dot(delta3, delta3))
            else:
                squares = library_of(X_hat).einsum("ij,ij->i", delta3, delta3)
                squared_error += 0.5 * as_number(dot(squares, w))
                delta3 *= w[:, None]
            if g_slope is not None:
                delta3 *= g_slope
        for larger, smaller in pairwise(reversed(X_hats)):
            smaller += larger
        return squared_error, X_hats

    def _by_thresholds(
        self,
        units: Units,
        delta: FloatArray,
        slope: float | FloatArray | None,
        w: FloatArray | None,
    ) -> float | FloatArray:
        """Derivative by thresholds, given that by activations and the penalty's by averages.

        It is 0 for thresholds that are found.
        """
        if not units.f.learns_thresholds:
            return 0.0
        by_output, by_gate = units.f.by_threshold(units.held)
        gradient: FloatArray = library_of(delta).einsum("ij,ij->j", delta, by_output)
        if self.penalty.sees_gates and slope is not None:
            gradient += slope * (by_gate.sum(0) if w is None else w @ by_gate)
        return gradient

    def losses(
        self,
        X: FloatArray,
        theta: FloatArray,
        sample_weight: FloatArray | None = None,
        *,
        target: FloatArray | None = None,
    ) -> Terms:
        """Sums over the rows of X that tell the loss, without those of its gradient.

        Parameters
        ----------
        X, theta, sample_weight, target : as in `terms`

        Returns
        -------
        terms : Terms
            Whose gradient and direction are empty.
        """
        parameters, nothing = self.unpack(like(theta, X)), empty((0,), X)
        w = row_weights(X, sample_weight)
        units = self.units(X, parameters)
        weight, activity = counted(units.averaged(self.penalty)[0], w)
        squared_error, outs = 0.0, [None] * len(self.decoder.prefixes(self.n_components))
        for error in self._reconstructions(units.A, parameters, outs):
            error -= X if target is None else target
            squares = library_of(X).einsum("ij,ij->i", error, error)
            squared_error += 0.5 * as_number(dot(squares, w))
        return Terms(weight, squared_error, activity, nothing, nothing)

    def activities(
        self,
        X: FloatArray,
        theta: FloatArray,
        sample_weight: FloatArray | None = None,
        *,
        out: FloatArray,
    ) -> Terms:
        """Sum the activities of the rows of X only, and write into `out` what `terms` goes on from.

        That is their activations, or their inputs where derivatives see these. The sums over all
        rows tell the `penalty_slope`. Given the slope and what is held, `terms` then sums the rest
        with one matrix product less.

        Parameters
        ----------
        X, theta, sample_weight : as in `terms`
        out : ndarray of shape (m, k)

        Returns
        -------
        terms : Terms
            With only their weight and activity.
        """
        parameters = self.unpack(like(theta, X))
        h, _ = self.units(X, parameters, out).averaged(self.penalty)
        weight, activity = counted(h, row_weights(X, sample_weight))
        nothing = empty((0,), X)
        return Terms(weight, 0.0, activity, nothing, nothing)

    def penalty_at(self, theta: Float64Array) -> SparsityPenalty:
        """The penalty as a function of averages alone, at theta."""
        return self._penalty(self.unpack(theta))

    def _penalty(self, parameters: Mapping[str, FloatArray]) -> SparsityPenalty:
        return self.penalty.at(self._seen(parameters))

    def _seen(self, parameters: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """What penalties may see: the decoder's weights, too, where they are the encoder's."""
        return {**parameters, "W_dec": parameters[self.decoder_weights]}

    def penalty_slope(self, terms: Sums, theta: Float64Array) -> Float64Array:
        """Derivative of the penalty by each unit's average over all rows in `terms`, (k,)."""
        average = self.average_activity(terms)
        return self.penalty_at(theta).on_average(average, self.activation)[1]

    def loss_terms(self, terms: Terms, theta: Float64Array) -> LossTerms:
        """The three terms of the exact loss over all rows summed in `terms`."""
        average = self.average_activity(terms)
        penalty, _ = self.penalty_at(theta).on_average(average, self.activation)
        return LossTerms(
            reconstruction=terms.squared_error / terms.weight,
            weight_decay=self._decay(theta),
            sparsity=penalty,
        )

    def gradient(self, terms: Terms, theta: Float64Array) -> Float64Array:
        """Exact gradient over all rows summed in `terms`, (p,), or of as much as they hold."""
        gradient = np.divide(terms.gradient, terms.weight, dtype=np.float64)
        if terms.direction.size:
            scale = self.penalty_slope(terms, theta) / terms.weight
            own, directions = self.encoder(gradient), self.encoder(terms.direction)
            own["W_enc"] += scale[:, None] * directions["W_enc"]
            own["b_enc"] += scale * directions["b_enc"]
            if self.activation.learns_thresholds:
                own["t_enc"] += scale * directions["t_enc"]
        if self.penalty.sees:
            self._add_by_parameters(gradient, self.average_activity(terms), theta)
        return self._add_decay(gradient, theta)

    def _add_by_parameters(
        self, gradient: Float64Array, average: Float64Array, theta: Float64Array
    ) -> None:
        """Add the penalty's gradient by the parameters that it sees, averages held fixed."""
        seen = self._seen(self.unpack(theta))
        for name, change in self.penalty.by_parameters(average, seen).items():
            part = self.parts[self.decoder_weights if name == "W_dec" else name]
            if part.stop <= gradient.size:
                gradient[part] += change.ravel()

    def loss_grad(
        self,
        theta: ArrayLike,
        X: ArrayLike,
        sample_weight: ArrayLike | None = None,
        target: ArrayLike | None = None,
    ) -> tuple[float, Float64Array]:
        """Loss and gradient on rows in memory, computed as one block.

        Parameters
        ----------
        theta : array-like of shape (p,)
        X : array-like of shape (m, d)
        sample_weight : array-like of shape (m,), default=None
            How often each row counts; once if None.
        target : array-like of shape (m, n_outputs), default=None
            What is to be reconstructed from each row; the row itself if None.

        Returns
        -------
        loss : float
        grad : ndarray of shape (p,)

        Raises
        ------
        ValueError
            If a shape is not as described, or a weight is negative, or all are zero.
        """
        theta = np.asarray(theta, dtype=np.float64)
        X = as_floats(X)
        if X.ndim != 2 or X.shape[1] != self.n_features or X.shape[0] == 0:
            raise ValueError(f"X must have shape (m >= 1, {self.n_features}), got {X.shape}.")
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight, dtype=np.float64)
            if sample_weight.shape != X.shape[:1]:
                raise ValueError(
                    f"sample_weight must have shape {X.shape[:1]}, got {sample_weight.shape}."
                )
            if not (np.all(sample_weight >= 0) and sample_weight.any()):
                raise ValueError("sample_weight must have no negative values, and not only zeros.")
        target = X if target is None else np.asarray(target, dtype=X.dtype)
        if target.shape != (len(X), self.n_outputs):
            raise ValueError(
                f"target must have shape {(len(X), self.n_outputs)}, got {target.shape}."
            )
        theta = self.settled_on(X, theta, sample_weight)
        return self.finish(self.terms(X, theta, sample_weight, target=target), theta)
