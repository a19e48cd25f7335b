"""``rhohat report``: the page that shows what units have learned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rhohat.cli.data import beside, drawing, load_on, read_for, targets_for, with_columns
from rhohat.cli.help import Command
from rhohat.cli.options import (
    POSITIVE_INTEGER,
    Whole,
    data_options,
    device_option,
    model_argument,
    sources_option,
    transcode_option,
)
from rhohat.cli.output import check_page, output_option, page_options, write_page
from rhohat.cli.progress import show_work
from rhohat.cli.summary import making_of

if TYPE_CHECKING:
    from rhohat.recipes.data import Request


@click.command("report", cls=Command)
@model_argument
@output_option("report.html", "File to write; - is standard output.")
@click.option(
    "--examples",
    type=POSITIVE_INTEGER,
    default=16,
    metavar="N",
    help="Number of examples to show that activate each unit most; random ones are added.",
)
@click.option(
    "--seeds",
    type=Whole(min=2),
    metavar="N",
    help="Fit the model from other random starts, N fits in all, and show which units recur.",
)
@click.option(
    "--labels",
    metavar="COLUMN|FILE|KEY|folders",
    help="Show how units respond to each class, and how well a classifier does; labels are given "
    "as for evaluate.",
)
@page_options(told="the number of features and the data")
@sources_option
@transcode_option
@device_option
@data_options("inputs", without=("labels",))
def make_report(
    path: Path,
    out: Path,
    examples: int,
    seeds: int | None,
    labels: str | None,
    title: str | None,
    open_page: bool,
    sources: bool,
    transcode: Path | None,
    device: str,
    request: Request,
) -> None:
    """Write a web page that shows what each unit of MODEL has learned.

    The page is a single HTML file that you can open in a browser, send or host anywhere; it needs
    no server. With INPUTS, which are read as learn reads them, it shows for each unit the examples
    that activate it most, a histogram, and the units that fire together with it. Without INPUTS, a
    model of patches is shown on the built-in photographs, any other model without examples.

    \b
    Examples:
      rhohat report rhohat-out/model.safetensors
      rhohat report own/model.safetensors holidays/ -o holidays.html
      rhohat report digits.safetensors digits.npz --key x_train --shape 28x28 --labels y_train
      rhohat report model.safetensors words/ --labels folders
    """
    from rhohat.inspection.report.page import report_on
    from rhohat.recipes.encoding import draws_pieces
    from rhohat.recipes.finding import kind_of

    check_page(out, open_page)
    model, data, y, target = load_on(path, device), None, None, None
    kind = kind_of(model)
    request, shape = drawing(request, kind)
    if request.paths or (kind.is_built_in and draws_pieces(model)):
        data = read_for(path, model, with_columns(request, labels))
        y = None if labels is None else beside(data, labels, "--labels")
        target = None if transcode is None else targets_for(data, transcode)
    elif transcode is not None:
        raise click.UsageError("--transcode gives the targets of INPUTS: name INPUTS, too.")
    elif labels is not None:
        raise click.UsageError("--labels gives the labels of INPUTS: name INPUTS, too.")
    with show_work("examining the units"):
        page = report_on(
            *(model, None if data is None else data.loaded),
            shape=shape,
            scene=None if data is None else data.scene,
            n_examples=examples,
            title=title,
            labels=y,
            target=target,
            n_seeds=seeds,
            sources=sources,
            making=making_of(path, data),
        )
    write_page(page, out, open_page)
