"""``rhohat exercise``: the exercises of the UFLDL tutorial, with the published results beside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.choices import RowOf
from rhohat.cli.data import read
from rhohat.cli.figures import draw_features
from rhohat.cli.help import Command
from rhohat.cli.options import Names, Whole, data_options, json_option
from rhohat.cli.output import binary_output, echo_json
from rhohat.cli.progress import show_training
from rhohat.cli.text import count, printable, tell

if TYPE_CHECKING:
    from rhohat.inspection.portrait import Portrait
    from rhohat.recipes.data import Request
    from rhohat.recipes.exercises import Measure


@click.command(cls=Command)
@click.argument("name", metavar="NAME", type=RowOf("rhohat.recipes.exercises", "EXERCISES"))
@click.option(
    "--small",
    is_flag=True,
    help="Run a small trial that takes seconds; without FILES, it uses scikit-learn's digits "
    "instead of MNIST.",
)
@click.option(
    "--classes",
    type=Names(),
    default=(),
    help="Keep only images with these labels, such as 0,1,3,5.  [default: all]",
)
@click.option(
    "--whitened",
    is_flag=True,
    help="FILES are already whitened, like Olshausen's IMAGES.mat.",
)
@click.option(
    "--seed", type=Whole(min=0, max=2**32 - 1), default=0, help="Seed of the random numbers."
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a picture of the units to this .png or .svg file.",
)
@click.option(
    "--model",
    "model_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the model to this file, for report, encode and the other commands.",
)
@json_option
@data_options("files")
def exercise(
    name: str,
    small: bool,
    classes: tuple[str, ...],
    whitened: bool,
    seed: int,
    out: Path | None,
    model_file: Path | None,
    as_json: bool,
    request: Request,
) -> None:
    """Do an exercise of the UFLDL tutorial, and see the published result beside yours.

    \b
    NAME is one of
      sparse-autoencoder  edges in photographs: the built-in ones, or FILES
      vectorized          pen strokes in MNIST's digits
      color               edges and opponent colors in the built-in photographs, or FILES
      self-taught         features learned from MNIST's digits 5 to 9 classify 0 to 4
      stacked             two layers for MNIST, trained one by one, then fine-tuned
      convolution         pooled features of patches classify images

    All but the first and third take labeled images: one .npz with x_train, y_train, x_test and
    y_test, or the four IDX files of MNIST.

    \b
    Examples:
      rhohat exercise sparse-autoencoder -o edges.png
      rhohat exercise sparse-autoencoder IMAGES.mat --whitened
      rhohat exercise self-taught mnist.npz
      rhohat exercise stacked train-images-idx3-ubyte train-labels-idx1-ubyte t10k-*
      rhohat exercise convolution cifar10.npz --classes 0,1,3,5
      rhohat exercise stacked --small
    """
    from rhohat.estimators.saving import save
    from rhohat.inspection.portrait import portraits_of
    from rhohat.recipes.exercises import EXERCISES, Measure, Wanted

    kind = None if out is None else out.suffix.lower().removeprefix(".")
    if out is not None and kind not in ("png", "svg"):
        raise click.BadParameter(f"{printable(out)} must end in .png or .svg.", param_hint="--out")
    chosen = EXERCISES[name]
    task = chosen.task(request, Wanted(small, seed, classes, whitened))
    if task.data is not None:
        read(task.data)
    with show_training("preparing") as callback:
        outcome = task.run(callback)
    portrait = portraits_of(outcome.model, None, outcome.shape)[0]
    measures = list(outcome.measures)
    if "units" in chosen.published:
        measures.append(
            Measure(
                "units", chosen.published["units"], units_text(portrait, chosen.published["units"])
            )
        )
    if as_json:
        echo_json(
            {
                "exercise": name,
                "settings": chosen.title,
                "source": chosen.source,
                "data": task.words,
                "small": small,
                "results": [measure._asdict() for measure in measures],
            }
        )
    else:
        tell(text_of(name, chosen.title, chosen.source, task.words, measures, small=small))
        if out is None:
            tell("to see the units, run it again with -o units.png")
    if out is not None:
        with binary_output(out, "units", is_told=not as_json) as stream:
            draw_features(portrait, stream, kind=kind)
    if model_file is not None:
        save(outcome.model, model_file)
        if not as_json:
            tell(f"model written to {printable(model_file)}")


def units_text(portrait: Portrait, published: str) -> str:
    """What units look for, where a number says it."""
    n_units = len(portrait.tiles.values)
    if published == "edges" and portrait.edges is not None:
        return f"{round(portrait.edges.edge_share * n_units)} of {count(n_units, 'edge')}"
    if portrait.chromatic is not None:
        return f"{int(portrait.chromatic.sum())} of {n_units} look for color"
    return "see the picture (-o FILE)"


def text_of(
    name: str, title: str, source: str, words: str, measures: list[Measure], *, small: bool
) -> str:
    """The results, in columns."""
    rows: list[Any] = [("", "published", "here"), *measures]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    table = [f"  {what:<{widths[0]}}  {there:<{widths[1]}}  {here}" for what, there, here in rows]
    caution = "This was a small trial; for the whole exercise, leave out --small."
    return "\n".join(
        [
            f"{name}: {title}",
            f"on {printable(words)}",
            "",
            *(line.rstrip() for line in table),
            "",
            f"published: {source}",
            *(["", caution] if small else []),
        ]
    )
