"""``rhohat explore``: what rho, beta and lambda do, on one page with sliders."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.config import config_option, reproducing_command
from rhohat.cli.data import described, read, tell_of_files, variance_of
from rhohat.cli.help import Command
from rhohat.cli.options import (
    OF_THE_GRID,
    Whole,
    data_options,
    device_option,
    grid_options,
    json_option,
    settings_options_without,
)
from rhohat.cli.output import (
    STANDARD_OUTPUT,
    check_page,
    echo_json,
    output_option,
    page_options,
    write_page,
)
from rhohat.cli.progress import show_fits
from rhohat.cli.text import (
    count,
    duration,
    gibibytes,
    printable,
    printable_lines,
    tell,
    warnings_as_notes,
)
from rhohat.common.interrupts import current_request
from rhohat.inspection.report.defaults import ROWS, TITLE

if TYPE_CHECKING:
    from rhohat.inspection.exploration import Exploration
    from rhohat.recipes.data import Data, Request
    from rhohat.recipes.settings import Settings

#: Options that learn lacks.
OF_ITS_OWN = ("rows", "title", *OF_THE_GRID.values())


@click.command(cls=Command)
@output_option("explore.html", "File to write; - is standard output.")
@page_options(TITLE)
@grid_options
@click.option(
    "--rows",
    type=Whole(min=2),
    default=ROWS,
    metavar="N",
    help="Number of rows, patches or windows that each fit learns from.",
)
@settings_options_without("patches", *OF_THE_GRID.values())
@device_option
@data_options("paths")
@config_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Estimate time and memory, without learning or writing anything.",
)
@json_option
def explore(
    out: Path,
    title: str,
    open_page: bool,
    grid: dict[str, tuple[float, ...]],
    rows: int,
    settings: Settings,
    device: str,
    request: Request,
    dry_run: bool,
    as_json: bool,
) -> None:
    """See what rho, beta and lambda do, on one page with sliders.

    It learns from PATHS or the built-in photographs as learn does, once for each combination of
    values: three of each, unless you give others. All fits use the same rows, fewer than learn
    uses, and start from the same weights. For each fit, the page shows its units, the terms of its
    loss, its average activation and a one-sentence verdict.

    Ctrl-C keeps the fits that are done; the page says which are missing.

    \b
    Examples:
      rhohat explore
      rhohat explore holidays/ --rho .005,.01,.05 --beta 3 --lambda 1e-5,1e-4,1e-3
      rhohat explore spectra.csv --drop species --units 16 --iterations 200
      rhohat explore recordings/ --rows 2000 --dry-run
    """
    from rhohat.common.devices import device_of
    from rhohat.inspection.exploration import grid_of
    from rhohat.inspection.report.exploration import explore as exploration_of
    from rhohat.recipes.finding import find_to_learn
    from rhohat.recipes.pipelines import make_autoencoder, make_pipeline

    check_page(out, open_page, as_json)
    device_of(device).check()
    given: dict[str, Any] = {OF_THE_GRID[name]: values[0] for name, values in grid.items()}
    data, settings = find_to_learn(request, replace(settings, **given))
    settings = replace(settings, patches=rows)
    full = grid_of(make_autoencoder(settings), grid)  # which refuses what makes no sense
    if dry_run:
        tell_estimate(data, settings, full, rows, out, as_json)
        return
    read(data)
    model = make_pipeline(settings, data.kind, variance=variance_of(data), device=device)
    command = reproducing_command(click.get_current_context(), "learn", OF_ITS_OWN)
    with warnings_as_notes(), show_fits() as callback:
        report = exploration_of(
            data.content,
            grid,
            model=model,
            n_rows=rows,
            max_iter=settings.iterations,
            title=title,
            command=command,
            callback=callback,
        )
    if as_json:
        echo_json(exploration_facts(report.exploration, data, settings))
    else:
        tell(printable_lines(report), err=out == STANDARD_OUTPUT)
    write_page(report, out, open_page, is_told=not as_json)
    current_request().raise_unless_held()


def exploration_facts(found: Exploration, data: Data, settings: Settings) -> dict[str, Any]:
    """An exploration, ready for JSON."""
    known = {tuple(cell.values.values()): cell for cell in found.cells}
    cells = []
    for point in found.points:
        cell = known.get(tuple(point.values()))
        facts = cell and {
            "loss": {"total": cell.case.autoencoder.loss_, **cell.loss._asdict()},
            "average_activation": cell.average_activation,
            "score": cell.score,
            "explained_variance": cell.case.explained,
            "dead_units": int(cell.case.dead.sum()),
            "verdict": cell.verdict,
        }
        cells.append({"settings": point, "found": facts})
    return {
        "summary": str(found),
        "data": data.summary(),
        "settings": asdict(settings),
        "grid": {name: list(values) for name, values in found.grid.items()},
        "rows": found.n_rows,
        "best": None if found.best is None else dict(found.best.values),
        "cells": cells,
    }


def tell_estimate(
    data: Data,
    settings: Settings,
    grid: dict[str, tuple[Any, ...]],
    rows: int,
    out: Path,
    as_json: bool,
) -> None:
    """Print what exploring would take."""
    from rhohat.inspection.exploration import points_of, text_of
    from rhohat.recipes.estimates import estimate

    needed = estimate(data, settings, most_rows=rows)
    n_fits = len(points_of(grid))
    tell_of_files(data)
    if as_json:
        echo_json(
            {
                "data": data.summary(),
                "settings": asdict(settings),
                "grid": {name: list(values) for name, values in grid.items()},
                "fits": n_fits,
                "rows": needed.n_rows,
                "features": needed.n_features,
                "memory_bytes": needed.memory,
                "seconds": round(n_fits * needed.seconds, 1),
                "out": str(out),
            }
        )
        return
    cuts = bool(data.pieces) and settings.patch_size != "whole"
    pieces = data.pieces if cuts else "rows"
    told = "".join(f"\n  {name:<9} {', '.join(map(text_of, v))}" for name, v in grid.items())
    tell(f"""\
would fit {count(settings.units, "unit")}, {count(n_fits, "time")}, to \
{needed.n_rows:,} {pieces} of {described(data)}
{told}
  memory    about {gibibytes(needed.memory)}
  time      about {duration(n_fits * needed.seconds)}, if all {settings.iterations} iterations \
are used

Nothing was written; {printable(out)} is where it would go.""")
