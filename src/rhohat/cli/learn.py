"""``rhohat learn``: from data to figures and a model."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from rhohat import __version__
from rhohat.cli.data import described, tell, words_of
from rhohat.cli.figures import draw_features, draw_training, keep_matplotlib_cache_in_venv
from rhohat.cli.options import (
    command_again,
    config_option,
    data_options,
    run_options,
    settings_options,
)
from rhohat.cli.text import EXIT_INTERRUPTED, count, duration, gibibytes, printable
from rhohat.recipes.settings import Settings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from rhohat.common.arrays import FloatArray
    from rhohat.inspection.portrait import Portrait
    from rhohat.recipes.data import Data


class Results(NamedTuple):
    """Files that learning writes, in order of interest."""

    report: Path
    features: Path
    features_svg: Path
    training: Path
    model: Path

    @classmethod
    def within(cls, out: Path) -> Results:
        """Those in a folder."""
        return cls(
            out / "report.html",
            out / "features.png",
            out / "features.svg",
            out / "training.png",
            out / "model.safetensors",
        )


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("rhohat-out"),
    show_default=True,
    help="Folder to write figures and model into.",
)
@settings_options
@data_options
@run_options
@config_option
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and what it would take.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def learn(
    paths: tuple[Path, ...],
    out: Path,
    settings: Settings,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
    run: dict[str, Any],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Learn features from PATHS: photographs, recordings, arrays, or folders of them.

    Without PATHS, from ten photographs that come with scikit-image and scikit-learn: edges.

    \b
    Photographs  .png .jpg .tif .webp .bmp .gif .pgm .ppm
    Recordings   .wav .flac .ogg .aiff
    Arrays       .npy .npz .mat .h5 .zarr: images (n, height, width[, 3]), in .mat files
                 (height, width[, 3], n); or rows of numbers (n, columns)

    Rows of more than 1 GB in .npy, .h5 and .zarr stay where they are and are read a run at a time.

    Images are whitened and cut into patches, a sparse autoencoder learns to reconstruct the patches
    from hidden units that are mostly silent. Rows are whitened and learned from as they are. Of
    recordings windows of log-mel spectrograms are learned from, or of the sound itself.

    Writes report.html (every unit, to be looked at in a browser), features.png and features.svg
    (the input that activates each unit most), training.png (the loss and its terms) and
    model.safetensors.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted: the first Ctrl-C writes the best
    model so far, a second one ends at once. Skipped files do not make it fail; the summary and the
    JSON list them.

    \b
    Examples:
      rhohat learn
      rhohat learn holidays/ --patch-size 14 --units 196 --out holidays-out
      rhohat learn holidays/ --color --patch-size 8
      rhohat learn IMAGES.mat --whitening none --patch-size 8 --units 25
      rhohat learn digits.npz --key x_train --patch-size whole --whitening none \\
                   --decoder sigmoid --target 0.1 --weight-decay 3e-3 --units 196
      rhohat learn signals.npy --whitening pca --units 64
      rhohat learn recordings/ --units 144
      rhohat learn recordings/ --sound waveform
      rhohat learn huge.zarr --checkpoint run/ --resume
      rhohat learn huge.zarr --dask tcp://scheduler:8786
      rhohat learn huge/ --dry-run
    """
    from rhohat.recipes.finding import find_to_learn

    keep_matplotlib_cache_in_venv()
    started = time.perf_counter()
    if out == Path("-"):
        raise click.BadParameter("learn writes several files, into a folder.", param_hint="--out")
    data, settings = find_to_learn(paths, settings, on_error, shape, key, stored="engine" in run)
    if dry_run:
        tell_estimate(data, settings, out, as_json)
        return
    files = Results.within(out)
    summary = fit(data, settings, run, files, started)
    click.echo(json.dumps(summary, indent=2) if as_json else summary_text(summary, data, files))
    if summary["training"]["interrupted"]:
        sys.exit(EXIT_INTERRUPTED)


def fit(
    data: Data, settings: Settings, run: dict[str, Any], files: Results, started: float
) -> dict[str, Any]:
    """Read, learn and write; the summary."""
    from rhohat.cli.progress import show_progress
    from rhohat.common.interrupts import interrupts_as_requests
    from rhohat.recipes.pipelines import make_pipeline
    from rhohat.training.solvers import StopReason

    data.read()
    tell(data)
    variance = data.variance()
    if variance == 0:
        click.echo("note: the data do not vary; there is nothing to learn from them", err=True)
    make_writable(files.model.parent)
    read = time.perf_counter()
    with interrupts_as_requests() as interrupt, warnings_as_notes():
        with show_progress() as callback:
            pipeline = make_pipeline(
                settings, data.kind, variance=variance, callback=callback, run=run
            )
            pipeline.fit(data.content)
        fitted = time.perf_counter()
        portrait = write_results(pipeline, data, files)
    model = pipeline[-1]
    interrupted = interrupt.requested or model.stop_reason_ == StopReason.INTERRUPTED.value
    return {
        "version": __version__,
        "data": data.summary(),
        "settings": asdict(settings),
        **results_of(model, model.average_activation_),
        **looks_of(portrait),
        "training": {
            "rows": int(model.stage_rows_[-1]),
            "iterations": model.n_iter_,
            "sweeps": model.n_evaluations_,
            "converged": model.converged_,
            "interrupted": interrupted,
            "stop_reason": model.stop_reason_,
        },
        "seconds": {
            "reading": round(read - started, 3),
            "learning": round(fitted - read, 3),
            "total": round(time.perf_counter() - started, 3),
        },
        "files": [str(file) for file in files],
    }


def make_writable(out: Path) -> None:
    """Make the folder, and try it before work is put in that could not be saved."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Tell warnings in a line each, on standard error, when the work is done."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        click.echo(f"note: {printable(warning.message)}", err=True)


def write_results(pipeline: Pipeline, data: Data, files: Results) -> Portrait:
    """Write model, figures and report; what they show."""
    from rhohat.cli.progress import show_work
    from rhohat.estimators.saving import save
    from rhohat.inspection.report.page import report_of
    from rhohat.inspection.report.subject import subjects_of

    save(pipeline, files.model)
    draw_training(pipeline, files.training)
    with show_work("looking at what the units do"):
        command = command_again(click.get_current_context())
        subjects = subjects_of(pipeline, data.loaded, command=command)
        portrait = subjects[-1].portrait
        for path in (files.features, files.features_svg):
            draw_features(portrait, path)
        report_of(subjects).save(files.report)
    return portrait


def results_of(estimator: Any, average: FloatArray | None) -> dict[str, Any]:
    """What training came to: loss terms, average activation, dead units; None if unknown."""
    terms = getattr(estimator, "loss_terms_", None)
    return {
        "loss": None if terms is None else {"total": estimator.loss_, **terms._asdict()},
        "average_activation": None
        if average is None
        else {
            "mean": float(average.mean()),
            "min": float(average.min()),
            "max": float(average.max()),
        },
        "dead_units": getattr(estimator, "n_dead_", None),
    }


def looks_of(portrait: Portrait) -> dict[str, Any]:
    """What units look for, as the summary counts it: edges, colors, bands; None if they cannot."""
    edges, chromatic, bands = portrait.edges, portrait.chromatic, portrait.bands
    colorful = 0.0 if chromatic is None else float(chromatic.mean())
    return {
        "edges": edges
        and {
            "share": edges.edge_share,
            "median_r2": edges.median_r2,
            "orientation_coverage": edges.orientation_coverage,
            "pairs_alike": edges.n_alike,
        },
        "colors": None
        if chromatic is None
        else {"chromatic_share": colorful, "achromatic_share": 1 - colorful},
        "bands": bands
        and {
            "clear_share": float(bands.is_clear.mean()),
            "centre_hz": bands.centre.tolist(),
            "bandwidth_hz": bands.bandwidth.tolist(),
        },
    }


def tell_estimate(data: Data, settings: Settings, out: Path, as_json: bool) -> None:
    """Tell what learning would take."""
    from rhohat.recipes.estimates import estimate

    needed = estimate(data, settings)
    tell(data)
    shown = {
        "data": data.summary(),
        "settings": asdict(settings),
        "rows": needed.n_rows,
        "features": needed.n_features,
        "memory_bytes": needed.memory,
        "seconds": round(needed.seconds, 1),
        "out": str(out),
    }
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(f"""\
would learn {count(settings.units, "feature")} from {needed.n_rows:,} rows of \
{needed.n_features} numbers, out of {described(data)}

  whitening {settings.whitening}, {settings.activation} units, {settings.decoder} decoder, \
penalty {settings.penalty}
  memory    about {gibibytes(needed.memory)}
  time      about {duration(needed.seconds)} of training, if all {settings.iterations} iterations \
are used

Looked at the files' headers only: those damaged further inside are found when they are read.
Nothing was written; {printable(out)} is where it would go.""")


def summary_text(summary: dict[str, Any], data: Data, files: Results) -> str:
    """The summary for people."""
    settings, loss, rho = summary["settings"], summary["loss"], summary["average_activation"]
    edges, training = summary["edges"], summary["training"]
    units, rows = settings["units"], training["rows"]
    source = described(data)
    if data.pieces and settings["patch_size"] != "whole":
        source = f"{rows:,} {data.pieces} of {source}"
    target = f" (target {settings['target']:g})" if settings["target"] is not None else ""
    lines = [
        f"{count(units, 'feature')} learned from {source} in "
        f"{summary['seconds']['learning']:.1f} s",
        "",
        f"  loss                {loss['total']:.4f} = {loss['reconstruction']:.4f} reconstruction "
        f"+ {loss['weight_decay']:.4f} weight decay + {loss['sparsity']:.4f} sparsity",
        f"  average activation  mean {rho['mean']:.4f}, min {rho['min']:.4f}, max {rho['max']:.4f}"
        + target,
        f"  dead units          {summary['dead_units']} of {units}",
    ]
    if edges is not None:
        lines.append(
            f"  edges               {round(edges['share'] * units)} of {units} (Gabor fit "
            f"R2 >= 0.7), median R2 {edges['median_r2']:.2f}, orientation coverage "
            f"{edges['orientation_coverage']:.2f}, {edges['pairs_alike']} pairs alike"
        )
    colors = summary["colors"]
    if colors is not None:
        chromatic = round(colors["chromatic_share"] * units)
        lines.append(
            f"  colors              {chromatic} of {units} units chromatic (most of the tile off "
            f"the gray axis), {units - chromatic} achromatic"
        )
    bands = summary["bands"]
    if bands is not None:
        clear = round(bands["clear_share"] * units)
        lines.append(
            f"  frequencies         {clear} of {units} units with a clear center frequency (70 % "
            "of their power in one band)"
        )
    lines.append(
        f"  training            {training['iterations']} iterations, worth "
        f"{training['sweeps']:.0f} sweeps over all rows; {training['stop_reason']}"
    )
    if data.found.skipped:
        skipped = count(len(data.found.skipped), "file")
        lines.append(f"  skipped             {skipped} that could not be used, named above")
    inputs = [*words_of(data.request), *data.encode_options]
    encode = ["rhohat", "encode", str(files.model), *inputs, "-o", "features.npy"]
    lines += [
        "",
        f"Look at    {files.report}  (every unit, in a browser)",
        f"           {files.features}  (the input that activates each unit most)",
        f"           {files.training}  (the loss and its terms)",
        f"Go on with {shlex.join(encode)}",
        "or, in Python:",
        "           import rhohat",
        f"           pipeline = rhohat.load({str(files.model)!r})",
        f"           activations = pipeline.transform({data.expression})",
    ]
    if not data.request.paths:
        lines.append("Or learn from your own: rhohat learn FOLDER")
    return printable("\n".join(lines))
