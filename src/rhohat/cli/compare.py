"""``rhohat compare``: which units of one model return in others, and what else differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.data import drawing, load_on, read_for
from rhohat.cli.help import Command
from rhohat.cli.options import ModelPath, data_options, device_option, json_option
from rhohat.cli.output import (
    STANDARD_OUTPUT,
    check_page,
    echo_json,
    output_option,
    page_options,
    write_page,
)
from rhohat.cli.progress import show_work
from rhohat.cli.text import printable, printable_lines, tell, warnings_as_notes

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.inspection.comparison import Comparison
    from rhohat.recipes.data import Request

#: What a model's file ends in.
ENDING = ".safetensors"
MODELS = "MODEL MODEL... [DATA]..."


@click.command(cls=Command)
@output_option("compare.html", "File to write; - is standard output.")
@page_options("Models side by side")
@json_option
@device_option
@data_options("paths", required=True, metavar=MODELS)
def compare(
    out: Path, title: str, open_page: bool, as_json: bool, device: str, request: Request
) -> None:
    """Compare models: find the units that recur in all of them, and what differs.

    Give two or more MODELs of the same input, trained with different seeds, settings or numbers of
    layers, each as a file or as the folder of a run. Each unit of the first model is matched with a
    partner in every other model; it recurs if the cosine between them, up to sign, is above 0.9.
    The page shows units beside their partners, the results of training, and the settings that
    differ. With DATA, which are read as learn reads them, it also shows how strongly the
    activations of partners correlate, and how much of the variance each model explains.

    \b
    Examples:
      rhohat compare rhohat-out rhohat-out-2
      rhohat compare seed0.safetensors seed1.safetensors spectra.csv -o seeds.html
    """
    from rhohat.inspection.report.comparison import compare as comparison_of
    from rhohat.recipes.finding import kind_of

    check_page(out, open_page, as_json)
    paths, inputs = split(request.paths)
    loaded = [load_on(path, device) for path in paths]
    models = dict(zip(names_of(paths), loaded, strict=True))
    request, shape = drawing(request, kind_of(next(iter(models.values()))))
    data = None
    if inputs:
        refuse_other_needs(models)
        own = replace(request, paths=inputs)
        data = read_for(paths[0], next(iter(models.values())), own).loaded
    with warnings_as_notes(), show_work("comparing the models"):
        report = comparison_of(models, data, shape=shape, title=title)
    if as_json:
        echo_json(comparison_facts(report.comparison))
    else:
        tell(printable_lines(report), err=out == STANDARD_OUTPUT)
    write_page(report, out, open_page, is_told=not as_json)


def split(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Paths of models and paths of data: from the third one on, data is what is no model."""
    found = [ModelPath(path_type=Path).convert(path, None, None) for path in paths]
    n_models = next(
        (n for n, path in enumerate(found) if n > 1 and path.suffix != ENDING), len(found)
    )
    if n_models < 2:
        raise click.UsageError("compare needs at least two models: name another one.")
    return found[:n_models], list(paths[n_models:])


def names_of(paths: Sequence[Path]) -> list[str]:
    """Short names of models: a run's is that of its folder; numbered where they are the same."""
    from rhohat.files.runs import RESULTS

    runs = [
        path.absolute().parent.name if path.name == str(RESULTS.model) else "" for path in paths
    ]
    names = [printable(run or path.stem) for run, path in zip(runs, paths, strict=True)]
    return [
        name if names.count(name) == 1 else f"{name} ({number})"
        for number, name in enumerate(names, start=1)
    ]


def refuse_other_needs(models: dict[str, BaseEstimator]) -> None:
    """Raise ValueError if models need to have data read in different ways."""
    from rhohat.recipes.finding import needs_of

    needs = {name: needs_of(model) for name, model in models.items()}
    first = next(iter(needs))
    for name, need in needs.items():
        for key in dict.fromkeys([*needs[first], *need]):
            asked, got = needs[first].get(key), need.get(key)
            if asked != got:
                raise ValueError(
                    f"DATA must be read in the same way for all models, but {first} needs {key} "
                    f"{asked} and {name} needs {got}. Leave out DATA to compare only the weights."
                )


def comparison_facts(found: Comparison) -> dict[str, Any]:
    """A comparison, ready for JSON."""
    correlations = found.correlations
    return {
        "summary": str(found),
        "same_rows": found.learned_from_same_rows,
        "examples": found.n_rows,
        "settings": {name: list(values) for name, values in found.settings.items()},
        "models": [
            {"name": model.name, **{k.replace(" ", "_"): v for k, v in model.facts.items()}}
            for model in found.models
        ],
        "units": [
            {
                "unit": unit,
                "returns": bool(found.returns[unit]),
                "partners": found.partners[unit].tolist(),
                "cosines": found.cosines[unit].tolist(),
                "correlations": None if correlations is None else correlations[unit].tolist(),
            }
            for unit in range(len(found.partners))
        ],
        "new_units": [units.tolist() for units in found.new],
    }
