"""``rhohat learn``: from data to figures and a model."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

import rhohat
from rhohat.cli.choices import RowOf
from rhohat.cli.config import (
    config_option,
    paths_of,
    reproducing_command,
    run_of,
    typed_command,
    without_folders,
)
from rhohat.cli.data import described, read, targets_for, tell_of_files, variance_of
from rhohat.cli.diagnose import diagnosis_facts
from rhohat.cli.figures import draw_features, draw_training
from rhohat.cli.help import Command
from rhohat.cli.options import (
    data_options,
    force_option,
    json_option,
    open_option,
    out_option,
    run_options,
    settings_options,
    sources_option,
    transcode_option,
)
from rhohat.cli.output import echo_json, open_in_browser
from rhohat.cli.progress import show_training, show_work
from rhohat.cli.summary import feature_facts, making_of, summary_text, training_facts
from rhohat.cli.text import count, duration, gibibytes, printable, tell, warnings_as_notes
from rhohat.common.interrupts import Interrupted, current_request
from rhohat.files.runs import RESULTS, Results, Run
from rhohat.recipes.settings import Settings, option_of

#: Seconds after an interrupt for figures and page of the model that is kept.
SHOWN_WITHIN = 4.0

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from rhohat.inspection.diagnosis import Diagnosis
    from rhohat.inspection.report.subject import Subject
    from rhohat.recipes.choice import Choice
    from rhohat.recipes.data import Data, Request
    from rhohat.recipes.estimates import Estimate


@click.command(cls=Command)
@out_option
@force_option
@open_option
@sources_option
@settings_options
@transcode_option
@data_options("paths")
@run_options
@config_option
@click.option(
    "--auto", is_flag=True, help="Choose settings from the data, and explain them; see also --aim."
)
@click.option(
    "--aim",
    type=RowOf("rhohat.recipes.choice", "AIMS"),
    default="features",
    help="What --auto optimizes: features to look at, or to give to a classifier.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Estimate time and memory, without learning or writing anything.",
)
@json_option
def learn(
    out: Path,
    settings: Settings,
    request: Request,
    run: dict[str, Any],
    transcode: Path | None,
    auto: bool,
    aim: str,
    dry_run: bool,
    as_json: bool,
    force: bool,
    open_page: bool,
    sources: bool,
) -> None:
    """Learn features from PATHS: photographs, recordings, arrays, or folders of them.

    Without PATHS, it uses ten photographs that come with scikit-image and scikit-learn, and learns
    edges.

    \b
    Photographs  {endings of photographs}
    Recordings   {endings of recordings}
    Arrays       {endings of arrays}, MNIST's idx3-ubyte
                 Images (n, height, width[, 3]) or rows (n, columns); other orders with --axes
    Tables       {endings of tables}; text also as .gz
    Series       {endings of series}; with --series, any array or recording
    Cubes        {endings of cubes} of ENVI with its raw file, or any array with --axes HWC
    Genes        {endings of genes}
    Scans        {endings of scans}

    Images are whitened and cut into patches. A sparse autoencoder then learns to reconstruct the
    patches from hidden units that are mostly silent. Rows are whitened, too. Recordings are cut
    into windows of their log-mel spectrograms or waveforms. In .mat files, images are stacked along
    the last axis: (height, width[, 3], n). Rows over 1 GB are read block by block, not loaded,
    unless their file has to be read whole, as text files do.

    Columns of a table must hold numbers: --drop leaves others out, --one-hot turns them into
    numbers. In a folder, text files count as data only if there are no other data.

    The folder rhohat-out (see --out) then holds:

    \b
    report.html        a page about every unit, to open in a browser
    features.png .svg  the input that activates each unit most
    training.png       the loss and its terms
    model.safetensors  the model, for the other commands and for Python
    rhohat-run.json    the command that made them

    Running the same command again replaces them. A folder with the results of another run is left
    alone unless you add --force. Files that rhohat wrote are never learned from.

    \b
    Exit codes:
      0    success; files that could not be read are listed
      1    failure
      2    wrong usage
      130  interrupted by Ctrl-C (143 by SIGTERM, 129 by SIGHUP)

    During training, the first Ctrl-C keeps the best model so far, and still writes the figures and
    the page if that takes only a few seconds. A second one ends the process at once.

    \b
    Examples:
      rhohat learn
      rhohat learn measurements.npy --auto
      rhohat learn spectra.csv --labels species --drop date
      rhohat learn holidays/ --patch-size 14 --units 196 --out holidays-out
      rhohat learn holidays/ --color --patch-size 8
      rhohat learn IMAGES.mat --whitening none --patch-size 8 --units 25
      rhohat learn digits.npz --key x_train --patch-size whole --whitening none \\
                   --decoder sigmoid --target 0.1 --weight-decay 3e-3 --units 196
      rhohat learn signals.npy --whitening pca --units 64
      rhohat learn recordings/ --units 144
      rhohat learn recordings/ --sound waveform
      rhohat learn vibration.npz --series --rate 12000 --window 256
      rhohat learn sleep.edf --channels Fpz,Pz --form spectrum --window 2s
      rhohat learn before.npy --transcode after.npy --whitening none
      rhohat learn digits.npy --corruption masking --masked 0.3
      rhohat learn huge.zarr --checkpoint run/ --resume
      rhohat learn huge.zarr --dask tcp://scheduler:8786
      rhohat learn huge/ --dry-run
    """
    started = time.perf_counter()
    if out == Path("-"):
        raise click.BadParameter("learn writes several files: name a folder.", param_hint="--out")
    if auto:
        settings = starting_point(settings)
    elif click.get_current_context().get_parameter_source("aim") is not ParameterSource.DEFAULT:
        raise click.UsageError("--aim says what --auto optimizes: add --auto.")
    files = RESULTS.within(out)
    ours = run_of(click.get_current_context())
    held = None if force else another_run(ours, files)
    if held is not None and not dry_run:
        raise click.UsageError(held)
    with show_work("reading"):
        data, settings = found_and_read(request, settings, run, dry_run)
    tell_of_files(data)
    if transcode is not None and isinstance(run["validation"], Path):
        raise click.UsageError(
            "with --transcode, --validation must be a share, since rows of another file have no "
            "targets."
        )
    if dry_run:
        tell_estimate(data, settings, run.get("device", "cpu"), out, as_json, auto)
        if transcode is not None:
            tell("note: the estimate assumes targets with as many columns as the rows", err=True)
        if held is not None:
            tell(f"note: {printable(held)}", err=True)
        return
    target = None if transcode is None else targets_for(data, transcode)
    aim_ = aim if auto else None
    summary = learn_from(data, settings, run, files, started, aim_, ours, sources, target)
    if as_json:
        echo_json(summary)
    else:
        tell(summary_text(summary, data, files))
    if open_page and str(files.report) in summary["files"]:
        open_in_browser(files.report)
    if summary["training"]["interrupted"]:
        current_request().raise_unless_held()


def found_and_read(
    request: Request,
    settings: Settings,
    run: dict[str, Any],
    dry_run: bool = False,
    *,
    wholes: bool = False,
) -> tuple[Data, Settings]:
    """The data, read unless nothing is to be done with them, and complete settings."""
    from rhohat.common.devices import device_of
    from rhohat.recipes.finding import find_to_learn

    device_of(run.get("device", "cpu")).check()
    request = replace(request, stored="engine" in run)
    data, settings = find_to_learn(request, settings, wholes=wholes)
    if not dry_run:
        data.read()
    return data, settings


def another_run(ours: Run, files: Results) -> str | None:
    """Why a folder is not to be written to: it holds another run than ours; None if it does not.

    The same command again replaces what it has written: that is what it is typed again for. Another
    one would lose what took hours, perhaps; only its user knows.
    """
    out, held = files.model.parent, Run.within(files.model.parent)
    there = [file for file in files if file.exists()]
    if not there or (held is not None and held.identity == ours.identity):
        return None
    what = f"holds {there[0].name}, which this command would replace"
    if held is not None:
        what = f"holds the results of another run: {held.command}"
    return f"{out} {what}. Choose another folder with --out, or replace its files with --force."


#: Other options that do not go with ``--auto``.
ELSEWHERE = (
    *("activation", "corruption", "solver"),
    *("checkpoint", "resume", "dask", "validation", "patience", "transcode"),
)


def starting_point(settings: Settings) -> Settings:
    """Settings for ``--auto`` to begin with; raise if the user chose some of those it finds."""
    from rhohat.recipes.choice import FOUND, STARTING_POINT

    context = click.get_current_context()
    for name in (*FOUND, *ELSEWHERE):
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = option_of(name)
            raise click.UsageError(
                f"--auto chooses the settings itself: leave out {option} or --auto. You can edit "
                "the command that --auto prints."
            )
    return replace(settings, **STARTING_POINT)


def learn_from(
    data: Data,
    settings: Settings,
    run: dict[str, Any],
    files: Results,
    started: float,
    aim: str | None,
    ours: Run,
    sources: bool,
    target: Any = None,
) -> dict[str, Any]:
    """Learn, write the results, and return the summary; with an aim, choose settings.

    A target is what is to be reconstructed instead of the data.
    """
    from rhohat.inspection.layers import layers_of
    from rhohat.inspection.report.overview import learned_sentence
    from rhohat.recipes.finding import find_to_learn
    from rhohat.recipes.pipelines import fit_held_out, make_pipeline

    variance = variance_of(data)
    labels = labels_beside(data)
    held_out = run.pop("validation")
    if isinstance(held_out, Path):
        request = replace(data.request, paths=[held_out])
        held_out = read(find_to_learn(request, settings)[0]).content
    make_writable(files.model.parent)
    replaced = files.model.exists()
    begun = time.perf_counter()
    with warnings_as_notes():
        choice, interrupted = None, False
        if aim is not None:
            choice = chosen_for(data, settings, aim, run.get("device", "cpu"))
            pipeline, settings = choice.pipeline_, Settings(**choice.settings)
        else:
            with show_training("preparing" if settings.whitening == "none" else "whitening") as (
                callback
            ):
                pipeline = make_pipeline(
                    *(settings, data.kind),
                    variance=variance,
                    transcodes=target is not None,
                    callback=callback,
                    **run,
                )
                try:
                    if held_out is None:
                        pipeline.fit(data.content, target)
                    else:
                        fit_held_out(pipeline, data.content, held_out, settings.seed, target)
                except Interrupted:
                    if not hasattr(pipeline[-1], "n_iter_"):  # nothing to keep
                        raise
                    interrupted = True
        seconds = time.perf_counter() - begun
        command = None
        if choice is not None:
            command = without_folders(choice.command, paths_of(click.get_current_context()))
        ours.mark(files.model.parent)
        subject, written = write_results(
            pipeline, data, labels, files, command, seconds, sources, target
        )
    model, diagnosis = pipeline[-1], None if subject is None else subject.diagnosis
    return {
        "version": rhohat.__version__,
        "data": data.summary(),
        "settings": asdict(settings),
        "choice": None if choice is None else choice_facts(choice),
        "diagnosis": None if diagnosis is None else diagnosis_facts(diagnosis),
        "improve": [] if diagnosis is None else improved_commands(diagnosis, files.model.parent),
        "replaced": replaced,
        "learned": None if subject is None else learned_sentence(subject),
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
            "learning": round(seconds, 3),
            "total": round(time.perf_counter() - started, 3),
        },
        "files": [str(file) for file in files if file in written],
    }


@contextmanager
def told_if_interrupted(model: Path) -> Iterator[None]:
    """If an interrupt ends the block, say that the model is there all the same."""
    try:
        yield
    except KeyboardInterrupt:
        tell(f"note: the model was saved to {printable(model)}", err=True)
        raise


def improved_commands(diagnosis: Diagnosis, out: Path) -> list[str]:
    """The command once more, with each change that was found, into a folder of its own."""
    context = click.get_current_context()
    other = next(folder for n in count_from(2) if not (folder := Path(f"{out}-{n}")).exists())
    changes = [
        finding.change.option
        for finding in diagnosis.findings
        if finding.change is not None and finding.change.option and not finding.is_note
    ]
    commands = []
    for change in changes[:1]:
        command = typed_command(context, instead_of=change.split())
        commands.append(f"{command} {change} --out {shlex.quote(str(other))}")
    return commands


def make_writable(out: Path) -> None:
    """Make the folder, and check that it can be written to before any work is done."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass


def chosen_for(data: Data, settings: Settings, aim: str, device: str) -> Choice:
    """Choose settings; the number of units if the user has not."""
    from rhohat.recipes.choice import choose_for

    given = click.get_current_context().get_parameter_source("units")
    units = None if given is ParameterSource.DEFAULT else settings.units
    paths = [*map(str, data.request.paths), *data.request.options()]
    with show_work("choosing settings"):
        return choose_for(
            data.content, data.kind, settings, units, aim=aim, paths=paths, device=device
        )


def choice_facts(choice: Choice) -> dict[str, Any]:
    """A choice, ready for JSON."""
    names = ("criterion", "reasons", "tried", "command")
    return {name: getattr(choice, name) for name in names}


def write_results(
    pipeline: Pipeline,
    data: Data,
    labels: NDArray[Any] | None,
    files: Results,
    command: str | None,
    seconds: float,
    sources: bool,
    target: Any,
) -> tuple[Subject | None, set[Path]]:
    """Write model, figures and report; return what they show, and the files written.

    After an interrupt, figures and report are left out if they take long. What is left of an
    earlier run, and would show another model, is removed.
    """
    from rhohat.estimators.saving import save
    from rhohat.inspection.report.page import report_of
    from rhohat.inspection.report.subject import subjects_of
    from rhohat.recipes.encoding import predicts

    save(pipeline, files.model)
    subject, written = None, {files.model}
    with told_if_interrupted(files.model), current_request().limited(SHOWN_WITHIN):
        with show_work("examining the units"):
            draw_training(getattr(pipeline[-1], "layers_", pipeline)[-1], files.training)
            written.add(files.training)
            command = command or reproducing_command(click.get_current_context())
            making = making_of(files.model, data, command, seconds, predicts=predicts(pipeline))
            subjects = subjects_of(
                *(pipeline, data.loaded),
                making=making,
                scene=data.scene,
                labels=labels,
                target=target,
            )
            for path in (files.features, files.features_svg):
                draw_features(subjects[-1].portrait, path)
                written.add(path)
        with show_work("writing the page"):
            report_of(subjects, sources=sources).save(files.report)
            written.add(files.report)
        subject = subjects[-1]
    for file in set(files) - written:
        file.unlink(missing_ok=True)
    return subject, written


def labels_beside(data: Data) -> NDArray[Any] | None:
    """Labels of rows in memory, if one column was named that is kept beside them."""
    from rhohat.files.row_files import read_beside

    names = data.request.selection.labels
    if not names or data.kind != "rows" or data.is_stored:
        return None
    columns = list(read_beside(data.found, names).values())
    return columns[0] if len(columns) == 1 and len(columns[0]) == data.n_examples else None


def tell_estimate(
    data: Data, settings: Settings, device: str, out: Path, as_json: bool, auto: bool
) -> None:
    """Print what learning would take."""
    from rhohat.common.devices import device_of
    from rhohat.recipes.choice import FITS
    from rhohat.recipes.estimates import estimate

    needed = estimate(data, settings, device=device_of(device))
    seconds = FITS * needed.seconds if auto else needed.seconds
    shown = {
        "data": data.summary(),
        "settings": asdict(settings),
        "rows": needed.n_rows,
        "features": needed.n_features,
        "memory_bytes": needed.memory,
        "seconds": round(seconds, 1),
        "device": None if needed.device is None else needed.device._asdict(),
        "out": str(out),
    }
    if as_json:
        echo_json(shown)
        return
    told = "".join(f"\nread {printable(line)}" for line in data.told())
    task = f"learn {count(settings.units, 'feature')} from {described(data)}"
    if data.pieces and settings.patch_size != "whole":
        task = (
            f"cut {needed.n_rows:,} {data.pieces} of {needed.n_features} numbers from "
            f"{described(data)} and learn {count(settings.units, 'feature')}"
        )
    tell(f"""\
would {task}{told}

  whitening {settings.whitening}, {settings.activation} units, {settings.decoder} decoder, \
penalty {settings.penalty}
  memory    about {gibibytes(needed.memory)}{device_line(needed)}
  time      about {duration(seconds)} of training, if all {settings.iterations} iterations \
are used

Only the headers of the files were read, so damage further in was not looked for.
Nothing was written; results would go to {printable(out)}.""")


def device_line(estimated: Estimate) -> str:
    """What training would take of a device's memory, in a line of its own."""
    there = estimated.device
    if there is None:
        return ""
    if not there.streamed:
        stay = "all are kept there"
    else:
        n_rows = there.resident + there.streamed
        stay = (
            f"{there.resident:,} of {n_rows:,} are kept there, {there.streamed:,} are sent in "
            "every sweep"
        )
    needed = f"about {gibibytes(there.rows)} for the rows, {gibibytes(there.model)} for the model"
    return f"\n  {there.name:<9} {needed}; {stay}"
