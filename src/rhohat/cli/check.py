"""``rhohat check``: whether the gradient is right, for given settings and data."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from rhohat.cli.config import config_option
from rhohat.cli.data import described, read
from rhohat.cli.help import Command
from rhohat.cli.options import POSITIVE_INTEGER, data_options, json_option, settings_options
from rhohat.cli.output import echo_json
from rhohat.cli.text import EXIT_FAILED, count, tell
from rhohat.recipes.settings import Settings

if TYPE_CHECKING:
    from rhohat.recipes.data import Request


@click.command(cls=Command)
@settings_options
@data_options("paths")
@config_option
@click.option(
    "--parameters",
    type=POSITIVE_INTEGER,
    default=300,
    help="Number of parameters to check, drawn at random by the seed; each takes two evaluations "
    "of the loss.",
)
@json_option
def check(settings: Settings, request: Request, parameters: int, as_json: bool) -> None:
    """Check the gradient against finite differences, with your settings on your data.

    It takes the options of learn, preprocesses up to 500 rows of the data and trains for a few
    iterations. It then compares (J(t + e) - J(t - e)) / 2e with the gradient: the ratio
    ||difference|| / ||sum|| must be below 1e-7 and is usually below 1e-9. The step e is 1e-4, or
    smaller if the activation or the penalty has a kink.

    The exit code is 1 if the gradient is wrong.

    \b
    Examples:
      rhohat check
      rhohat check signals.npy --activation tanh --units 64
    """
    from rhohat.recipes.finding import find_to_learn
    from rhohat.recipes.gradient_trial import LIMIT, try_gradient

    data, settings = find_to_learn(request, settings)
    trial = try_gradient(read(data), settings, n_parameters=parameters)
    if as_json:
        echo_json(
            {
                "right": trial.is_right,
                "limit": LIMIT,
                "rows": trial.n_rows,
                "parameters_checked": trial.n_checked,
                "parameters": trial.n_parameters,
                "settings": asdict(trial.settings),
                "points": [point._asdict() for point in trial.points],
            }
        )
    else:
        tell(
            f"gradient of {trial.n_features}-{settings.units}-{trial.n_features}, "
            f"{settings.activation} units, {settings.decoder} decoder, penalty {settings.penalty}\n"
            f"on {count(trial.n_rows, 'row')} of {described(data)}, {trial.n_checked:,} of "
            f"{trial.n_parameters:,} parameters\n"
        )
        for point in trial.points:
            tell(
                f"  after iteration {point.iteration:>3}   loss {point.loss:.6g}   "
                f"ratio {point.ratio:.1e}   (e = {point.step:g})"
            )
        tell(
            f"\nthe gradient is {'right' if trial.is_right else 'WRONG'} (limit of the ratio: "
            f"{LIMIT:g})"
        )
    if not trial.is_right:
        sys.exit(EXIT_FAILED)
