"""``rhohat report``: the page that shows what units have learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rhohat.cli.data import beside, read_for, with_columns
from rhohat.cli.help import Command
from rhohat.cli.options import (
    POSITIVE_INTEGER,
    Whole,
    data_options,
    model_argument,
    sources_option,
)
from rhohat.cli.output import STANDARD_OUTPUT, binary_output, open_in_browser, output_option
from rhohat.cli.progress import show_work

if TYPE_CHECKING:
    from rhohat.recipes.data import Request


@click.command("report", cls=Command)
@model_argument
@output_option("report.html", "File to write. - is standard output.")
@click.option(
    "--examples",
    type=POSITIVE_INTEGER,
    default=16,
    metavar="N",
    help="Number of examples to show that activate each unit most; random ones come besides.",
)
@click.option(
    "--seeds",
    type=Whole(min=2),
    metavar="N",
    help="Fit the model again from other starts, to N in all, and show which units come back.",
)
@click.option(
    "--labels",
    metavar="COLUMN|FILE|KEY|folders",
    help="Show how units respond to each class, and how well a classifier does; labels as evaluate "
    "takes them.",
)
@click.option("--title", default="What the units have learned", help="Heading of the page.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
@sources_option
@data_options("inputs", without=("labels",))
def make_report(
    path: Path,
    out: Path,
    examples: int,
    seeds: int | None,
    labels: str | None,
    title: str,
    open_page: bool,
    sources: bool,
    request: Request,
) -> None:
    """Write a web page that shows what each unit of MODEL has learned.

    The page is one HTML file, to be opened in a browser, sent or put anywhere; it needs no server.
    With INPUTS, every unit comes with the examples that activate it most, a histogram and the units
    that fire together with it. INPUTS are read as learn reads them. Without INPUTS, a model of
    patches is shown on the built-in photographs, others without examples.

    \b
    Examples:
      rhohat report rhohat-out/model.safetensors
      rhohat report own/model.safetensors holidays/ -o holidays.html
      rhohat report digits.safetensors digits.npz --key x_train --shape 28x28 --labels y_train
      rhohat report model.safetensors words/ --labels folders
    """
    from rhohat.estimators.saving import load
    from rhohat.inspection.report.page import report
    from rhohat.recipes.encoding import draws_pieces
    from rhohat.recipes.finding import kind_of

    if open_page and out == STANDARD_OUTPUT:
        raise click.UsageError("--open opens a file, and standard output is none: leave out one.")
    model, loaded, y = load(path), None, None
    kind = kind_of(model)
    if request.is_planar and not kind.takes_shape:
        raise click.BadParameter(
            "the model works on rows, which are drawn as images whose colors come last.",
            param_hint="--shape",
        )
    if request.paths or (kind.is_built_in and draws_pieces(model)):
        shape = request.shape if kind.takes_shape else None
        data = read_for(path, model, with_columns(replace(request, shape=shape), labels))
        loaded, y = data.loaded, None if labels is None else beside(data, labels, "--labels")
    elif labels is not None:
        raise click.UsageError("--labels are those of INPUTS: name the data, too.")
    with show_work("looking at what the units do"):
        page = report(
            *(model, loaded),
            shape=request.shape,
            n_examples=examples,
            title=title,
            labels=y,
            n_seeds=seeds,
            sources=sources,
        )
    with binary_output(out, f"report of {len(page.html) / 1e6:.1f} MB") as stream:
        stream.write(page.html.encode())
    if open_page:
        open_in_browser(out)
