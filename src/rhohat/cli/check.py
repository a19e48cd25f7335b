"""``rhohat check``: whether the gradient is right, on these settings and data."""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import click
import numpy as np

from rhohat.cli.data import look
from rhohat.cli.options import config_option, data_options, settings_options
from rhohat.cli.text import EXIT_FAILED, count
from rhohat.recipes.settings import Settings, make_pipeline

__all__ = ["check"]

#: Rows that the objective is evaluated on.
N_ROWS = 500
#: Iterations after which the gradient is checked.
POINTS = (1, 20)
#: Steps of the differences: the first that will do. Shorter ones are for functions with kinks,
#: where a long step now and then crosses one.
STEPS = (1e-4, 1e-5, 1e-6, 1e-7)
#: Ratio from which the gradient counts as wrong.
LIMIT = 1e-7


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@settings_options
@data_options
@config_option
@click.option(
    "--parameters",
    type=click.IntRange(min=1),
    default=300,
    show_default=True,
    help="How many, drawn by the seed, to check; each takes two evaluations.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(
    paths: tuple[Path, ...],
    settings: Settings,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
    parameters: int,
    as_json: bool,
) -> None:
    """Check the gradient against finite differences, with your settings on your data.

    Takes the options of learn. Up to 500 rows of the data go through preprocessing and a few
    iterations; then (J(t + e) - J(t - e)) / 2e is compared with the gradient: ||difference|| /
    ||sum|| must be below 1e-7 and usually is below 1e-9. e is 1e-4, or shorter where the activation
    or the penalty has a kink.

    Exit code 1 if it is not.

    \b
    Examples:
      rhohat check
      rhohat check signals.npy --activation tanh --units 64
    """
    from rhohat.objective.gradient_check import check_gradient
    from rhohat.objective.sparse import SparseObjective
    from rhohat.training.run import TrainingProgress

    data, settings = look(paths, settings, on_error, shape, key)
    data.read()
    data.report()
    settings = replace(settings, iterations=POINTS[-1], patches=min(settings.patches, N_ROWS))
    visited: dict[int, np.ndarray] = {}

    def remember(progress: TrainingProgress) -> None:
        visited[progress.n_iter] = progress.theta

    pipeline = make_pipeline(settings, data.kind, variance=data.variance, callback=remember)
    *before, model = (step for _, step in pipeline.steps)
    X = data.content[:N_ROWS] if data.kind == "rows" else data.content
    for step in before:
        X = step.fit_transform(X)
    X = np.asarray(X[:N_ROWS], dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about training, which is not the matter here
        model.set_params(tol=0).fit(X)
    objective = SparseObjective(
        X.shape[1],
        settings.units,
        activation=model.activation,
        decoder=model.decoder,
        penalty=model.sparsity_penalty,
        weight_decay=model.weight_decay,
    )
    points = []
    for n_iter in sorted({min(point, model.n_iter_) for point in POINTS} & visited.keys()):
        theta = visited[n_iter]
        for step in STEPS:
            found = check_gradient(
                objective,
                theta,
                X,
                step=step,
                n_parameters=parameters,
                random_state=settings.seed,
            )
            if found.ratio < LIMIT:
                break
        loss = objective.loss_grad(theta, X)[0]
        points.append({"iteration": n_iter, "loss": loss, "step": step, "ratio": found.ratio})
    right = bool(points) and all(point["ratio"] < LIMIT for point in points)
    checked = min(parameters, objective.n_parameters)
    if as_json:
        result = {
            "right": right,
            "limit": LIMIT,
            "rows": len(X),
            "parameters_checked": checked,
            "parameters": objective.n_parameters,
            "settings": asdict(settings),
            "points": points,
        }
        click.echo(json.dumps(result, indent=2))
    else:
        click.echo(
            f"gradient of {objective.n_features}-{settings.units}-{objective.n_features}, "
            f"{settings.activation} units, {settings.decoder} decoder, penalty {settings.penalty}\n"
            f"on {count(len(X), 'row')} of {data.described}, {checked:,} of "
            f"{objective.n_parameters:,} parameters\n"
        )
        for point in points:
            click.echo(
                f"  after iteration {point['iteration']:>3}   loss {point['loss']:.6g}   "
                f"ratio {point['ratio']:.1e}   (e = {point['step']:g})"
            )
        click.echo(f"\nthe gradient is {'right' if right else 'WRONG'} (limit {LIMIT:g})")
    if not right:
        sys.exit(EXIT_FAILED)
