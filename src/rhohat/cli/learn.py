"""``rhohat learn``: from data to figures and a model."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rhohat import __version__
from rhohat.cli.choices import RowOf
from rhohat.cli.config import config_option, reproducing_command
from rhohat.cli.data import described, read, tell_of_files
from rhohat.cli.diagnose import diagnosis_facts
from rhohat.cli.figures import draw_features, draw_training
from rhohat.cli.options import data_options, json_option, run_options, settings_options
from rhohat.cli.output import echo_json
from rhohat.cli.summary import Results, feature_facts, summary_text, training_facts
from rhohat.cli.text import count, duration, gibibytes, printable
from rhohat.common.interrupts import Interrupted, current_request
from rhohat.recipes.settings import Settings

#: Seconds after an interrupt for figures and page of the model that is kept.
SHOWN_WITHIN = 4.0

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from rhohat.inspection.report.subject import Subject
    from rhohat.recipes.choice import Choice
    from rhohat.recipes.data import Data, Request


@click.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("rhohat-out"),
    help="Folder to write figures and model into.",
)
@settings_options
@data_options("paths")
@run_options
@config_option
@click.option(
    "--auto", is_flag=True, help="Choose settings from the data, and say why; see also --aim."
)
@click.option(
    "--aim",
    type=RowOf("rhohat.recipes.choice", "AIMS"),
    default="features",
    help="What --auto chooses for: units to look at, or to give to a classifier.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be done, and what it takes.")
@json_option
def learn(
    out: Path,
    settings: Settings,
    request: Request,
    run: dict[str, Any],
    auto: bool,
    aim: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Learn features from PATHS: photographs, recordings, arrays, or folders of them.

    Without PATHS, learns edges from ten photographs that come with scikit-image and scikit-learn.

    \b
    Photographs  .png .jpg .tif .webp .bmp .gif .pgm .ppm
    Recordings   .wav .flac .ogg .aiff
    Arrays       .npy .npz .mat .h5 .zarr: images (n, height, width[, 3]), in .mat files
                 (height, width[, 3], n); or rows of numbers (n, columns)

    Rows of more than 1 GB in .npy, .h5 and .zarr are not loaded but read a run at a time.

    Images are whitened and cut into patches; then a sparse autoencoder learns to reconstruct the
    patches from hidden units that are mostly silent. Rows are whitened and learned from as they
    are. Recordings are cut into windows of log-mel spectrograms, or of the waveform itself.

    Writes report.html (every unit, to be looked at in a browser), features.png and features.svg
    (each unit: what it looks for in patches, and what it stands for in all other data),
    training.png (the loss and its terms) and model.safetensors.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted: in training, the first Ctrl-C
    writes the best model so far, and figures and page if a few seconds are enough; elsewhere it
    ends the command. SIGTERM (143) and SIGHUP (129) do the same. A second signal ends the process
    at once. Skipped files are not a failure; the summary and the JSON list them.

    \b
    Examples:
      rhohat learn
      rhohat learn measurements.npy --auto
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

    started = time.perf_counter()
    if out == Path("-"):
        raise click.BadParameter("learn writes several files, into a folder.", param_hint="--out")
    if auto:
        settings = starting_point(settings)
    elif click.get_current_context().get_parameter_source("aim") is not ParameterSource.DEFAULT:
        raise click.UsageError("--aim says what --auto chooses for: add --auto.")
    data, settings = find_to_learn(replace(request, stored="engine" in run), settings)
    if dry_run:
        tell_estimate(data, settings, out, as_json, auto)
        return
    files = Results(*(out / name for name in Results()))
    summary = learn_from(data, settings, run, files, started, aim if auto else None)
    if as_json:
        echo_json(summary)
    else:
        click.echo(summary_text(summary, data, files))
    if summary["training"]["interrupted"]:
        current_request().raise_unless_held()


#: Other options that do not go with ``--auto``.
ELSEWHERE = ("activation", "solver", "checkpoint", "resume", "dask", "validation", "patience")


def starting_point(settings: Settings) -> Settings:
    """Settings for ``--auto`` to begin with; raise if the user chose some of those it finds."""
    from rhohat.recipes.choice import FOUND, STARTING_POINT

    context = click.get_current_context()
    for name in (*FOUND, *ELSEWHERE):
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(
                f"--auto finds settings by itself: leave out {option}, or leave out --auto. The "
                "command that --auto prints can be changed."
            )
    return replace(settings, **STARTING_POINT)


def learn_from(
    data: Data,
    settings: Settings,
    run: dict[str, Any],
    files: Results,
    started: float,
    aim: str | None = None,
) -> dict[str, Any]:
    """Read, learn, write the results, and return the summary; with an aim, choose settings."""
    from rhohat.cli.progress import show_progress
    from rhohat.inspection.layers import layers_of
    from rhohat.recipes.finding import find_to_learn
    from rhohat.recipes.pipelines import fit_held_out, make_pipeline

    variance = read(data).variance()
    if variance == 0:
        click.echo("note: the data do not vary; there is nothing to learn from them", err=True)
    held_out = run.pop("validation")
    if isinstance(held_out, Path):
        request = replace(data.request, paths=[held_out])
        held_out = read(find_to_learn(request, settings)[0]).content
    make_writable(files.model.parent)
    begun = time.perf_counter()
    with warnings_as_notes():
        choice, interrupted = None, False
        if aim is not None:
            choice = chosen_for(data, settings, aim)
            pipeline, settings = choice.pipeline_, Settings(**choice.settings)
        else:
            with show_progress() as callback:
                pipeline = make_pipeline(
                    settings, data.kind, variance=variance, callback=callback, **run
                )
                try:
                    if held_out is None:
                        pipeline.fit(data.content)
                    else:
                        fit_held_out(pipeline, data.content, held_out, settings.seed)
                except Interrupted:
                    if not hasattr(pipeline[-1], "n_iter_"):  # nothing to keep
                        raise
                    interrupted = True
        fitted = time.perf_counter()
        command = None if choice is None else choice.command
        subject, written = write_results(pipeline, data, files, command)
    model, diagnosis = pipeline[-1], None if subject is None else subject.diagnosis
    return {
        "version": __version__,
        "data": data.summary(),
        "settings": asdict(settings),
        "choice": None if choice is None else choice_facts(choice),
        "diagnosis": None if diagnosis is None else diagnosis_facts(diagnosis),
        **training_facts(layers_of(pipeline)[-1] if subject is None else subject.layer),
        **feature_facts(None if subject is None else subject.portrait),
        "training": {
            "rows": int(model.stage_rows_[-1]),
            "iterations": model.n_iter_,
            "sweeps": model.n_evaluations_,
            "converged": model.converged_,
            "interrupted": interrupted,
            "stop_reason": model.stop_reason_,
        },
        "seconds": {
            "reading": round(begun - started, 3),
            "learning": round(fitted - begun, 3),
            "total": round(time.perf_counter() - started, 3),
        },
        "files": [str(file) for file in files if file in written],
    }


def make_writable(out: Path) -> None:
    """Make the folder, and check that it can be written to before any work is done."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print warnings when the work is done, one line each, on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for warning in caught:
                click.echo(f"note: {printable(warning.message)}", err=True)


def chosen_for(data: Data, settings: Settings, aim: str) -> Choice:
    """Choose settings; the number of units if the user has not."""
    from rhohat.cli.progress import show_work
    from rhohat.recipes.choice import choose_for

    given = click.get_current_context().get_parameter_source("units")
    units = None if given is ParameterSource.DEFAULT else settings.units
    request = data.request
    paths = [str(path) for path in request.paths]
    paths += request.selection.options()
    paths += [] if request.shape is None else ["--shape", "x".join(map(str, request.shape))]
    with show_work("choosing settings"):
        return choose_for(data.content, data.kind, settings, units, aim=aim, paths=paths)


def choice_facts(choice: Choice) -> dict[str, Any]:
    """A choice, ready for JSON."""
    names = ("criterion", "reasons", "tried", "command")
    return {name: getattr(choice, name) for name in names}


def write_results(
    pipeline: Pipeline, data: Data, files: Results, command: str | None = None
) -> tuple[Subject | None, set[Path]]:
    """Write model, figures and report; return what they show, and the files written.

    After an interrupt, figures and report are left out if they take long.
    """
    from rhohat.cli.progress import show_work
    from rhohat.estimators.saving import save
    from rhohat.inspection.report.page import report_of
    from rhohat.inspection.report.subject import subjects_of

    save(pipeline, files.model)
    subject, written = None, {files.model}
    work = show_work("looking at what the units do")
    with current_request().limited(SHOWN_WITHIN), work:
        draw_training(pipeline[-1], files.training)
        written.add(files.training)
        command = command or reproducing_command(click.get_current_context())
        subjects = subjects_of(pipeline, data.loaded, command=command)
        for path in (files.features, files.features_svg):
            draw_features(subjects[-1].portrait, path)
            written.add(path)
        report_of(subjects).save(files.report)
        written.add(files.report)
        subject = subjects[-1]
    return subject, written


def tell_estimate(data: Data, settings: Settings, out: Path, as_json: bool, auto: bool) -> None:
    """Print what learning would take."""
    from rhohat.recipes.choice import FITS
    from rhohat.recipes.estimates import estimate

    needed = estimate(data, settings)
    seconds = FITS * needed.seconds if auto else needed.seconds
    tell_of_files(data)
    shown = {
        "data": data.summary(),
        "settings": asdict(settings),
        "rows": needed.n_rows,
        "features": needed.n_features,
        "memory_bytes": needed.memory,
        "seconds": round(seconds, 1),
        "out": str(out),
    }
    if as_json:
        echo_json(shown)
        return
    click.echo(f"""\
would learn {count(settings.units, "feature")} from {needed.n_rows:,} rows of \
{needed.n_features} numbers, out of {described(data)}

  whitening {settings.whitening}, {settings.activation} units, {settings.decoder} decoder, \
penalty {settings.penalty}
  memory    about {gibibytes(needed.memory)}
  time      about {duration(seconds)} of training, if all {settings.iterations} iterations \
are used

Only the files' headers were looked at: damage further inside is found when they are read.
Nothing was written; {printable(out)} is where it would go.""")
