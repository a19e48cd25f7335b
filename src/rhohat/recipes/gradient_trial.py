"""A trial of the gradient on a user's data and settings, at points that training passes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rhohat.common.arrays import Float64Array
from rhohat.objective.gradient_check import check_gradient
from rhohat.objective.sparse import SparseObjective
from rhohat.recipes.data import Data
from rhohat.recipes.pipelines import make_pipeline
from rhohat.recipes.settings import Settings
from rhohat.training.run import TrainingProgress

#: Number of rows that the objective is evaluated on.
N_ROWS = 500
#: Iterations after which the gradient is checked.
ITERATIONS = (1, 20)
#: Share of its first length below which a gradient is too short for differences to find it.
SHORTEST = 1e-2
#: Steps of the differences, tried until one passes. The shorter ones are for functions with kinks,
#: which a long step sometimes crosses.
STEPS = (1e-4, 1e-5, 1e-6, 1e-7)
#: The gradient counts as wrong from this ratio on.
LIMIT = 1e-7


class TrialPoint(NamedTuple):
    """The gradient at one point.

    Attributes
    ----------
    iteration : int
        After which training reached the point.
    loss : float
    step : float
        Step of the differences.
    ratio : float
        ``||difference|| / ||sum||`` of the gradient and its approximation by differences.
    """

    iteration: int
    loss: float
    step: float
    ratio: float


@dataclass(frozen=True)
class GradientTrial:
    """The gradient at several points.

    Attributes
    ----------
    points : list of TrialPoint
    settings : Settings
        As tried: for few rows and iterations.
    n_rows, n_features : int
    n_parameters, n_checked : int
        Number of the objective's parameters, and of those that were checked.
    """

    points: list[TrialPoint]
    settings: Settings
    n_rows: int
    n_features: int
    n_parameters: int
    n_checked: int

    @property
    def is_right(self) -> bool:
        """Whether the ratio is below the limit everywhere."""
        return bool(self.points) and all(point.ratio < LIMIT for point in self.points)


def try_gradient(data: Data, settings: Settings, *, n_parameters: int = 300) -> GradientTrial:
    """Train for a few iterations on a few rows, and check the gradient on the way.

    Parameters
    ----------
    data : Data
        Already read.
    settings : Settings
        Complete.
    n_parameters : int, default=300
        How many parameters, drawn at random by the seed, to check at each point.
    """
    settings = replace(settings, iterations=ITERATIONS[-1], patches=min(settings.patches, N_ROWS))
    visited: dict[int, Float64Array] = {}

    def remember(progress: TrainingProgress) -> None:
        visited[progress.n_iter] = progress.theta

    pipeline = make_pipeline(settings, data.kind, variance=data.variance(), callback=remember)
    *before, model = (step for _, step in pipeline.steps)
    X = data.few(N_ROWS)
    for step in before:
        X = step.fit_transform(X)
    X = np.asarray(X[:N_ROWS], dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that so short a training does not converge
        model.set_params(tol=0).fit(X)
    objective = SparseObjective(
        X.shape[1],
        settings.units,
        activation=model.activation,
        decoder=model.decoder,
        penalty=model.sparsity_penalty,
        weight_decay=model.weight_decay,
    )

    target = X
    if model.corruption is not None:
        X = model.corruption.of(X, np.arange(len(X)))

    def length(n_iter: int) -> float:
        return float(np.linalg.norm(objective.loss_grad(visited[n_iter], X, None, target)[1]))

    def tried(n_iter: int) -> TrialPoint:
        theta = visited[n_iter]
        for step in STEPS:
            ratio = check_gradient(
                objective,
                theta,
                X,
                target=target,
                step=step,
                n_parameters=n_parameters,
                random_state=settings.seed,
            ).ratio
            if ratio < LIMIT:
                break
        loss, _ = objective.loss_grad(theta, X, None, target)
        return TrialPoint(n_iter, loss, step, ratio)

    def tried_until(iteration: int) -> TrialPoint:
        """The point after so many iterations or, where it tells nothing, half as many, and so on.

        It tells nothing at a minimum, and fails where units lie on a kink, as relu units under L1
        do in the end. A gradient that is wrong fails at the earlier points as well.
        """
        last = min(iteration, model.n_iter_)
        halves = [last // 2**halving for halving in range(5) if last // 2**halving > 1]
        for n_iter in [n for n in halves if length(n) >= SHORTEST * length(1)] or [1]:
            point = tried(n_iter)
            if point.ratio < LIMIT:
                break
        return point

    points = [tried_until(iteration) for iteration in ITERATIONS] if visited else []
    return GradientTrial(
        list({point.iteration: point for point in points}.values()),
        settings,
        len(X),
        objective.n_features,
        objective.n_parameters,
        min(n_parameters, objective.n_parameters),
    )
