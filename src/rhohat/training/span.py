r"""Training in the span of the rows, where these are few and wide.

With a linear decoder, weights at a minimum of J lie in the span of the rows about their mean: what
points elsewhere does nothing but decay. With an orthonormal basis C of that span, (r, d), the rows
are :math:`X = Z C + \mu`, and J over Z, with

.. math::

    W_{enc} = V_{enc} C, \quad b_{enc} = c_{enc} - W_{enc}\,\mu, \quad W_{dec} = V_{dec} C, \quad
    b_{dec} = c_{dec} C + \mu,

is J over X: the same sums and the same minimum, of r columns instead of d.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.linalg

from rhohat.common.arrays import Float64Array, rounding_noise
from rhohat.objective.base import LossTerms
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.partition import CHUNK_ROWS
from rhohat.rows.sources import Source, column, in_memory, targets_of
from rhohat.training.evaluation import ProjectedEvaluation

#: Columns for each row from which the span is looked for, among at most so many rows, which are
#: read at once.
LEAST_WIDTH, MOST_ROWS = 4, CHUNK_ROWS


def is_spanned(n_rows: int, n_features: int) -> bool:
    """Whether rows are so few and wide that they are trained on in their span."""
    return n_rows <= MOST_ROWS and n_features >= LEAST_WIDTH * n_rows


@dataclass(frozen=True)
class Span:
    """Rows in coordinates of their span, and the way back.

    Attributes
    ----------
    whole, objective : SparseObjective
        Of all columns, and of the coordinates.
    source : Source
        The coordinates Z, in memory.
    basis : ndarray of shape (r, d)
        C.
    mean : ndarray of shape (d,)
        mu.
    """

    whole: SparseObjective
    objective: SparseObjective
    source: Source
    basis: Float64Array
    mean: Float64Array

    @classmethod
    def of(cls, objective: SparseObjective, source: Source, mean: Float64Array) -> Span | None:
        """The span of rows about their mean; None if that saves nothing, or cannot be done."""
        n_rows = source.shape[0]
        if not (is_spanned(*source.shape) and objective.is_solvable):
            return None
        if targets_of(source):  # whose decoder lies elsewhere
            return None
        rows = source.read(0, n_rows)
        D = rows.X - mean
        largest = float(np.abs(D).max())
        noise = rounding_noise(float(np.abs(rows.X).max()), D.dtype)
        if not noise < largest < float(np.finfo(source.dtype).max) ** 0.25:  # training will tell
            return None
        Q, R = scipy.linalg.qr(D.T, mode="economic", overwrite_a=True, check_finite=False)
        Z = np.ascontiguousarray(R.T, dtype=source.dtype)
        reduced = SparseObjective(
            n_rows,
            objective.n_components,
            activation=objective.activation,
            decoder=objective.decoder,
            penalty=objective.penalty,
            weight_decay=objective.weight_decay,
        )
        coordinates = in_memory(Z, column(source, "sample_weight"), column(source, "y"))
        return cls(objective, reduced, coordinates, np.ascontiguousarray(Q.T), mean)

    def lifted(self, theta: Float64Array) -> Float64Array:
        """The parameters of all columns, given those of the coordinates."""
        part = self.objective.unpack(theta)
        lifted = np.empty(self.whole.n_parameters)
        whole = self.whole.unpack(lifted)
        if "t_enc" in part:
            whole["t_enc"][:] = part["t_enc"]
        for name in ("W_enc", "W_dec"):
            np.matmul(part[name], self.basis, out=whole[name])
        whole["b_enc"][:] = part["b_enc"] - whole["W_enc"] @ self.mean
        whole["b_dec"][:] = part["b_dec"] @ self.basis + self.mean
        return lifted


@dataclass(eq=False, kw_only=True)
class SpanEvaluation(ProjectedEvaluation):
    """The evaluation over rows in coordinates of their span; it tells parameters of all columns.

    Attributes
    ----------
    span : Span
    """

    span: Span

    @classmethod
    def of(cls, evaluation: ProjectedEvaluation, span: Span) -> Self:
        """The same as an evaluation over the coordinates."""
        return cls(
            evaluation.objective,
            evaluation.variables,
            evaluation.engine,
            evaluation.partition,
            evaluation.source,
            evaluation.metric,
            span=span,
        )

    def loss_terms(self, theta: Float64Array) -> LossTerms:
        """J and its terms over all rows of the source, which has all columns."""
        whole = ProjectedEvaluation(
            self._whole, self.variables, self.engine, self.partition, self.source
        )
        return whole.loss_terms(theta)

    def at(self, q: Float64Array) -> tuple[Float64Array, LossTerms, Float64Array]:
        """All parameters, terms of the loss and averages at `q`, which was evaluated."""
        theta, terms, average = super().at(q)
        return self.span.lifted(theta), terms, average

    @property
    def _whole(self) -> SparseObjective:
        """The objective of all columns, with the weight of the penalty that is tried."""
        whole = copy(self.span.whole)
        whole.penalty = self.objective.penalty
        return whole
