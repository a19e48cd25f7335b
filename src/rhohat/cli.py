"""The command ``rhohat``. Only this module prints."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat import __version__

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from rhohat.autoencoder import SparseAutoencoder
    from rhohat.training import IterationCallback, TrainingProgress

__all__ = ["main"]

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="rhohat")
def cli() -> None:
    """Learn features from unlabelled data with sparse autoencoders.

    Start with: rhohat learn
    """


@cli.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("rhohat-out"),
    show_default=True,
    help="Folder to write figures and model into.",
)
@click.option(
    "--patch-size",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="Side of a patch in pixels.",
)
@click.option(
    "--patches",
    type=click.IntRange(min=2),
    default=20_000,
    show_default=True,
    help="Number of patches.",
)
@click.option(
    "--units",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Hidden units: features to learn.",
)
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    default=260,
    show_default=True,
    help="Iterations at most.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    show_default=True,
    help="Draws patches and initial weights; the same seed gives the same files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def learn(
    out: Path, patch_size: int, patches: int, units: int, iterations: int, seed: int, as_json: bool
) -> None:
    r"""Learn edge features from ten photographs.

    The photographs come with scikit-image and scikit-learn. They are whitened (1/f), cut into
    patches, normalised, and a sparse autoencoder learns to reconstruct the patches from hidden
    units that are mostly silent (sigmoid, rho 0.01, lambda 1e-4, beta 3).

    Writes features.png and features.svg (the input that activates each unit most), training.png
    (the loss and its terms) and model.safetensors.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted: the first Ctrl-C writes the best
    model so far, a second one ends at once.

    \b
    Examples:
      rhohat learn
      rhohat learn --units 196 --patch-size 14 --out fourteen
      rhohat learn --seed 1 --json
    """
    from rhohat.datasets import load_photographs
    from rhohat.edges import edge_score
    from rhohat.interrupts import interrupts_as_requests
    from rhohat.solvers import StopReason

    keep_matplotlib_cache_in_venv()
    out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    photographs = load_photographs()
    with interrupts_as_requests() as interrupt, training_progress() as callback:
        pipeline = photograph_pipeline(
            patch_size=patch_size,
            n_patches=patches,
            n_components=units,
            max_iter=iterations,
            random_state=seed,
            callback=callback,
        )
        pipeline.fit(photographs.images)
        model = pipeline[-1]
        fitted = time.perf_counter()
        files = write_results(pipeline, out)
    interrupted = interrupt.requested or model.stop_reason_ == StopReason.INTERRUPTED.value
    edges = edge_score(model.components_, (patch_size, patch_size))
    results = results_of(model)
    results["average_activation"]["target"] = model.sparsity_penalty.target
    summary = {
        "version": __version__,
        "photographs": photographs.names,
        "settings": {
            "patch_size": patch_size,
            "patches": patches,
            "units": units,
            "iterations": iterations,
            "seed": seed,
        },
        **results,
        "edges": {
            "share": edges.edge_share,
            "median_r2": edges.median_r2,
            "orientation_coverage": edges.orientation_coverage,
            "pairs_alike": edges.n_alike,
        },
        "training": {
            "iterations": model.n_iter_,
            "sweeps": model.n_evaluations_,
            "converged": model.converged_,
            "interrupted": interrupted,
            "stop_reason": model.stop_reason_,
        },
        "seconds": {
            "learning": round(fitted - started, 3),
            "total": round(time.perf_counter() - started, 3),
        },
        "files": [str(file) for file in files],
    }
    click.echo(json.dumps(summary, indent=2) if as_json else summary_text(summary))
    if interrupted:
        sys.exit(EXIT_INTERRUPTED)


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("features.png"),
    show_default=True,
    help="File to write; its ending, .png or .svg, decides the kind.",
)
@click.option(
    "--sort",
    type=click.Choice(["unit", "activation"]),
    default="unit",
    show_default=True,
    help="Order of the tiles: as the units are numbered, or most active on average first.",
)
def show(model: Path, out: Path, sort: str) -> None:
    r"""Draw the input that activates each unit of MODEL most.

    \b
    Examples:
      rhohat show rhohat-out/model.safetensors
      rhohat show rhohat-out/model.safetensors --sort activation -o sorted.svg
    """
    from rhohat.persistence import load

    keep_matplotlib_cache_in_venv()
    if out.suffix.lower() not in (".png", ".svg"):
        raise click.BadParameter(f"{out} must end in .png or .svg.", param_hint="--out")
    draw_features(load(model), out, order=sort)
    click.echo(f"written to {out}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def inspect(model: Path, as_json: bool) -> None:
    r"""Tell what MODEL holds: its settings and how training ended.

    \b
    Examples:
      rhohat inspect rhohat-out/model.safetensors
      rhohat inspect rhohat-out/model.safetensors --json
    """
    from sklearn import config_context

    from rhohat.persistence import load

    content = load(model)
    autoencoder, patch_shape = autoencoder_of(content)
    with config_context(print_changed_only=False):
        penalty = repr(autoencoder.sparsity_penalty)
    k, d = autoencoder.encoder_weights_.shape
    facts = {
        "model": str(model),
        "steps": [type(step).__name__ for step in steps_of(content)],
        "units": k,
        "features": d,
        "patch_shape": list(patch_shape) if patch_shape else None,
        "activation": autoencoder.activation,
        "decoder": autoencoder.decoder,
        "sparsity_penalty": penalty,
        "weight_decay": autoencoder.weight_decay,
        "precision": autoencoder.encoder_weights_.dtype.name,
        **results_of(autoencoder),
        "iterations": autoencoder.n_iter_,
        "stop_reason": autoencoder.stop_reason_,
        "seed": autoencoder.random_state,
        "data_fingerprint": autoencoder.data_fingerprint_,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {number:.4f}" for key, number in value.items())
        elif isinstance(value, list):
            value = (" x " if name == "patch_shape" else ", ").join(map(str, value))
        click.echo(f"{name.replace('_', ' '):<19} {'none' if value is None else value}")


def photograph_pipeline(
    *,
    patch_size: int,
    n_patches: int,
    n_components: int,
    max_iter: int,
    random_state: int,
    callback: IterationCallback | None,
) -> Pipeline:
    """Whole photographs to activations of the chapter's sparse autoencoder."""
    from sklearn.pipeline import Pipeline

    from rhohat.autoencoder import SparseAutoencoder
    from rhohat.patches import PatchExtractor, PatchNormalizer
    from rhohat.penalties import KLSparsity
    from rhohat.whitening import OneOverFWhitening

    autoencoder = SparseAutoencoder(
        n_components,
        decoder="sigmoid",
        sparsity_penalty=KLSparsity(target=0.01, weight=3.0),
        weight_decay=1e-4,
        max_iter=max_iter,
        callback=callback,
        random_state=random_state,
    )
    return Pipeline(
        [
            ("whitening", OneOverFWhitening()),
            (
                "patches",
                PatchExtractor(patch_size, n_patches=n_patches, random_state=random_state),
            ),
            ("normalization", PatchNormalizer()),
            ("autoencoder", autoencoder),
        ]
    )


@contextmanager
def training_progress() -> Iterator[IterationCallback]:
    """Show loss terms, average activation and remaining time while training, on standard error.

    A live line on a terminal; elsewhere one line at the end. Warnings are told in a line of theirs.
    """
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    console = Console(stderr=True)
    last: list[TrainingProgress] = []
    started = time.perf_counter()

    class TwoLines(Progress):
        """Bar and remaining time, and below them the loss: both fit 80 columns."""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            yield Text(loss_text(last[0]) if last else "")

    display = TwoLines(
        TextColumn("training"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with warnings.catch_warnings(record=True) as caught, display:
        warnings.simplefilter("always")
        task = display.add_task("whitening photographs, cutting patches", total=1.0)

        def callback(progress: TrainingProgress) -> None:
            last[:] = [progress]
            display.update(task, completed=progress.work_done, description=iteration_text(progress))

        yield callback
    if last:
        seconds = time.perf_counter() - started
        console.print(
            f"trained in {seconds:.1f} s: {iteration_text(last[0])}, {loss_text(last[0])}",
            highlight=False,
            soft_wrap=True,
        )
    for warning in caught:
        console.print(f"note: {warning.message}", highlight=False, markup=False, soft_wrap=True)


def iteration_text(progress: TrainingProgress) -> str:
    """Where training stands."""
    return f"iteration {progress.n_iter}/{progress.max_iter} on {progress.n_rows:,} rows"


def loss_text(progress: TrainingProgress) -> str:
    """The loss and its terms, and the average activation."""
    loss = progress.loss
    return (
        f"loss {loss.total:.4f} = {loss.reconstruction:.4f} error + {loss.weight_decay:.4f} decay "
        f"+ {loss.sparsity:.4f} sparsity, rho_hat {progress.average_activation.mean():.4f}"
    )


def write_results(pipeline: Pipeline, out: Path) -> list[Path]:
    """Write figures and model into `out`; the files, in order of interest."""
    from rhohat.persistence import save
    from rhohat.visualize import plot_training, save_figure

    names = ("features.png", "features.svg", "training.png", "model.safetensors")
    features_png, features_svg, training_png, model_file = (out / name for name in names)
    save(pipeline, model_file)
    for path in (features_png, features_svg):
        draw_features(pipeline, path)
    with default_style():
        save_figure(plot_training(pipeline[-1]), training_png, title="Loss over the iterations")
    return [features_png, features_svg, training_png, model_file]


def draw_features(model: BaseEstimator, path: Path, *, order: str = "unit") -> None:
    """Write the grid of maximally activating inputs of the autoencoder in `model`."""
    from rhohat.diagnostics import maximal_inputs
    from rhohat.visualize import plot_features, save_figure

    autoencoder, patch_shape = autoencoder_of(model)
    tiles = maximal_inputs(autoencoder)
    if order == "activation":
        tiles = tiles[(-autoencoder.average_activation_).argsort(kind="stable")]
    with default_style():
        ax = plot_features(tiles, patch_shape=patch_shape)
        save_figure(ax, path, title="Inputs that activate each hidden unit most")


@contextmanager
def default_style() -> Iterator[None]:
    """Draw without a display, and the same picture whatever the user's own style."""
    import matplotlib as mpl

    mpl.use("Agg")
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


def autoencoder_of(model: BaseEstimator) -> tuple[SparseAutoencoder, tuple[int, ...] | None]:
    """The autoencoder in a model, and the shape of its patches where the model knows it.

    Raises
    ------
    ValueError
        If there is none.
    """
    from rhohat.autoencoder import SparseAutoencoder

    steps = steps_of(model)
    autoencoders = [step for step in steps if isinstance(step, SparseAutoencoder)]
    if not autoencoders:
        raise ValueError(
            f"the file holds {' and '.join(type(step).__name__ for step in steps)}, but no "
            "SparseAutoencoder, whose units could be shown."
        )
    shapes = [step.patch_shape_ for step in steps if hasattr(step, "patch_shape_")]
    return autoencoders[-1], shapes[-1] if shapes else None


def steps_of(model: BaseEstimator) -> list[BaseEstimator]:
    """The estimators of a pipeline in order, or the model itself."""
    return [step for _, step in getattr(model, "steps", [("", model)])]


def results_of(model: SparseAutoencoder) -> dict[str, Any]:
    """What training came to: loss terms, average activation, dead units."""
    average = model.average_activation_
    return {
        "loss": {"total": model.loss_, **model.loss_terms_._asdict()},
        "average_activation": {
            "mean": float(average.mean()),
            "min": float(average.min()),
            "max": float(average.max()),
        },
        "dead_units": model.n_dead_,
    }


def summary_text(summary: dict[str, Any]) -> str:
    """The summary for people."""
    settings, loss, rho = summary["settings"], summary["loss"], summary["average_activation"]
    edges, training, files = summary["edges"], summary["training"], summary["files"]
    units = settings["units"]
    return f"""\
{units} features learned from {settings["patches"]:,} patches of \
{len(summary["photographs"])} photographs in {summary["seconds"]["learning"]:.1f} s

  loss                {loss["total"]:.4f} = {loss["reconstruction"]:.4f} reconstruction \
+ {loss["weight_decay"]:.4f} weight decay + {loss["sparsity"]:.4f} sparsity
  average activation  mean {rho["mean"]:.4f}, min {rho["min"]:.4f}, max {rho["max"]:.4f} \
(target {rho["target"]:g})
  dead units          {summary["dead_units"]} of {units}
  edges               {round(edges["share"] * units)} of {units} (Gabor fit R2 >= 0.7), median R2 \
{edges["median_r2"]:.2f}, orientation coverage {edges["orientation_coverage"]:.2f}, \
{edges["pairs_alike"]} pairs alike
  training            {training["iterations"]} iterations, worth {training["sweeps"]:.0f} sweeps \
over all patches; {training["stop_reason"]}

Look at    {files[0]}  (the input that activates each unit most)
           {files[2]}  (the loss and its terms)
Go on with {files[3]}, in Python:
           import rhohat
           pipeline = rhohat.load({files[3]!r})
           patches = pipeline[:-1].transform(rhohat.load_photographs().images)
           activations = pipeline[-1].transform(patches)
Or vary    rhohat learn --units 196 --patch-size 14 --out fourteen"""


def keep_matplotlib_cache_in_venv() -> None:
    """In a virtual environment, have matplotlib cache its list of fonts there, not in the home."""
    if sys.prefix != sys.base_prefix:
        os.environ.setdefault("MPLCONFIGDIR", str(Path(sys.prefix) / "var" / "matplotlib"))


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except (OSError, ValueError, MemoryError, FloatingPointError) as error:
        click.echo(f"rhohat: {error}", err=True)
        sys.exit(EXIT_FAILED)
