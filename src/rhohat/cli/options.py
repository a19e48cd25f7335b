"""Options that commands share, and the configuration file that sets them."""

from __future__ import annotations

import difflib
import math
import shlex
import tomllib
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from rhohat.cli.choices import RowOf
from rhohat.recipes.settings import Settings


class PatchSize(click.ParamType):
    """A side in pixels, or the word "whole"."""

    name = "PIXELS|whole"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Parse."""
        if value == "whole":
            return "whole"
        try:
            size = int(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is neither a number of pixels nor 'whole'.", param, ctx)
        if size < 2:
            self.fail(f"{size} is not at least 2.", param, ctx)
        return size


class Shape(click.ParamType):
    """Height, width, and channels if there are any: 28x28, 8x8x3."""

    name = "HxW[x3]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Parse."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split("x")
        if not all(part.isdecimal() and int(part) for part in parts) or not (
            len(parts) == 2 or parts[2:] == ["3"]
        ):
            self.fail(f"{value!r} is not like 28x28 or 8x8x3.", param, ctx)
        return tuple(map(int, parts))


class Finite(click.FloatRange):
    """Numbers without NaN and infinity."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", param, ctx)
        return number


#: Options by the names of the settings that they set, in the order of the help.
SETTINGS: dict[str, click.Option] = {
    option.name: option
    for option in (
        click.Option(
            ["--units"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Hidden units: features to learn.",
        ),
        click.Option(
            ["--patch-size"],
            type=PatchSize(),
            metavar="N|whole",
            help="Side of the patches that are cut out of images; 'whole' takes each image as it "
            "is.  [default: 10; whole with --shape]",
        ),
        click.Option(
            ["--patches"],
            type=click.IntRange(min=2),
            metavar="N",
            help="Number of patches, or of windows of recordings.",
        ),
        click.Option(
            ["--sound"],
            type=RowOf("rhohat.recipes.settings", "SOUNDS"),
            help="Take recordings as log-mel spectrograms, or as they are.  [default: spectrogram]",
        ),
        click.Option(
            ["--rate"],
            type=click.IntRange(min=1),
            metavar="HZ",
            help="Samples per second that recordings are brought to.  [default: the lowest of the "
            "files' rates, at most 16000]",
        ),
        click.Option(
            ["--length"],
            type=Finite(min=0, min_open=True),
            metavar="SECONDS",
            help="Of sound that a unit sees.  [default: 0.1; 0.008 of waveforms]",
        ),
        click.Option(
            ["--mels"],
            type=click.IntRange(min=2),
            metavar="N",
            help="Bands of spectrograms.  [default: 40]",
        ),
        click.Option(
            ["--window"],
            type=Finite(min=0, min_open=True),
            metavar="SECONDS",
            help="Of sound that a spectrum is taken of.  [default: 0.025]",
        ),
        click.Option(
            ["--hop"],
            type=Finite(min=0, min_open=True),
            metavar="SECONDS",
            help="From one spectrum to the next.  [default: 0.01]",
        ),
        click.Option(
            ["--color/--gray", "color"],
            is_flag=True,
            help="Read images in color, or as brightness.  [default: gray]",
        ),
        click.Option(
            ["--whitening"],
            type=RowOf("rhohat.recipes.settings", "RECIPES"),
            help="Of whole images (1/f), or of patches and rows (zca, pca).  "
            "[default: 1/f for gray images, else zca]",
        ),
        click.Option(
            ["--epsilon"],
            type=Finite(min=0),
            metavar="X",
            help="Of zca and pca: a share of the data's mean variance, below which directions "
            "are taken for noise.  [default: 0.5]",
        ),
        click.Option(
            ["--activation"],
            type=RowOf("rhohat.objective.activations", "ACTIVATIONS"),
            help="Of the hidden units.",
        ),
        click.Option(
            ["--decoder"],
            type=RowOf("rhohat.objective.decoders", "DECODERS"),
            help="Of the reconstruction.  [default: sigmoid after 1/f, and for patches without "
            "whitening; else linear]",
        ),
        click.Option(
            ["--penalty"],
            type=RowOf("rhohat.objective.penalties", "PENALTIES"),
            help="On activity.  [default: kl; l1 for relu and identity]",
        ),
        click.Option(
            ["--target"],
            type=Finite(0, 1, min_open=True, max_open=True),
            metavar="X",
            help="rho, the average activation asked for.  [default: 0.01; 0.035 with zca, pca]",
        ),
        click.Option(
            ["--sparsity-weight"],
            type=Finite(min=0),
            metavar="X",
            help="beta, of the penalty.  [default: 3; 5 with zca, pca; 1 for l1]",
        ),
        click.Option(
            ["--weight-decay"],
            type=Finite(min=0),
            metavar="X",
            help="lambda.  [default: 1e-4; 3e-3 with zca, pca]",
        ),
        click.Option(
            ["--solver"],
            type=RowOf("rhohat.training.solvers", "SOLVERS"),
            help="What minimizes the loss.",
        ),
        click.Option(
            ["--iterations"], type=click.IntRange(min=1), metavar="N", help="Iterations at most."
        ),
        click.Option(
            ["--seed"],
            type=click.IntRange(min=0, max=2**32 - 1),
            metavar="N",
            help="Draws patches and initial weights; the same seed gives the same files.",
        ),
        click.Option(
            ["--threads"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Threads to compute with; their number does not change the result.  "
            "[default: one per core]",
        ),
    )
    if option.name is not None
}


def _declare(command: Callable[..., Any], option: click.Option) -> None:
    """Attach an option as click's decorators do."""
    known: list[click.Parameter] = getattr(command, "__click_params__", [])
    command.__click_params__ = [*known, option]  # type: ignore[attr-defined]


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Settings`; the command gets them as ``settings``."""
    defaults = Settings()

    @wraps(command)
    def with_settings(**options: Any) -> Any:
        chosen = {field.name: options.pop(field.name) for field in fields(Settings)}
        return command(settings=Settings(**chosen), **options)

    for name, option in reversed(SETTINGS.items()):
        option.default = getattr(defaults, name)
        option.show_default = option.default is not None and not option.is_flag
        _declare(with_settings, option)
    return with_settings


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of reading data."""
    for option in (
        click.Option(
            ["--on-error"],
            type=RowOf("rhohat.files.finding", "ON_ERROR"),
            default="skip",
            show_default=True,
            help="Where a file cannot be read: leave it out and say so, or end with exit code 1.",
        ),
        click.Option(
            ["--shape"],
            type=Shape(),
            metavar="HxW[x3]",
            help="Each row of the arrays is an image of this shape, taken whole unless "
            "--patch-size says otherwise.",
        ),
        click.Option(["--key"], help="Name of the array in files that hold several."),
    ):
        _declare(command, option)
    return command


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how training runs; the command gets them as ``run``."""

    @wraps(command)
    def with_run(
        checkpoint: Path | None, resume: bool, dask: str | None, verify: bool, **options: Any
    ) -> Any:
        if resume and checkpoint is None:
            raise click.UsageError("--resume goes on from a checkpoint: name it by --checkpoint.")
        run: dict[str, Any] = {"checkpoint": checkpoint, "resume": resume, "verify": verify}
        if dask is not None:
            run["engine"] = "dask" if dask == "local" else dask
        return command(run=run, **options)

    for option in (
        click.Option(
            ["--verify/--no-verify"],
            default=True,
            help="Compare files that are too large for memory with checksums taken in the first "
            "pass, whenever they are read.  [default: verify]",
        ),
        click.Option(
            ["--dask"],
            metavar="ADDRESS|local",
            help="Train on a Dask cluster, tcp://... or tls://..., or on worker processes of this "
            "machine. Workers read their rows themselves, from .npy, .zarr or .h5 files.",
        ),
        click.Option(
            ["--resume"],
            is_flag=True,
            help="Go on from the checkpoint, to the same result as without a stop.",
        ),
        click.Option(
            ["--checkpoint"],
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Keep the state of training in this folder, so that nothing is lost when the "
            "machine stops.",
        ),
    ):
        _declare(with_run, option)
    return with_run


def convolution_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of convolution; the command gets them as ``convolution``, None without."""

    @wraps(command)
    def with_convolution(
        convolve: bool,
        stride: int,
        pooling: tuple[str, ...],
        grid: int,
        encoding: str,
        **options: Any,
    ) -> Any:
        chosen = {"stride": stride, "pooling": pooling, "grid": grid, "encoding": encoding}
        source = click.get_current_context().get_parameter_source
        given = [name for name in chosen if source(name) == ParameterSource.COMMANDLINE]
        if given and not convolve:
            raise click.UsageError(f"--{given[0]} says how --convolve pools: add --convolve.")
        return command(convolution=chosen if convolve else None, **options)

    for option in (
        click.Option(
            ["--encoding"],
            type=RowOf("rhohat.estimators.convolution", "ENCODINGS"),
            default="activation",
            show_default=True,
            help="With --convolve: units' activations, or their linear responses beyond a "
            "threshold, split by sign.",
        ),
        click.Option(
            ["--grid"],
            type=click.IntRange(min=1),
            default=2,
            show_default=True,
            metavar="N",
            help="With --convolve: pool over N x N cells of each image, or N of each recording.",
        ),
        click.Option(
            ["--pooling"],
            type=RowOf("rhohat.estimators.convolution", "POOLINGS"),
            multiple=True,
            default=["mean"],
            show_default=True,
            help="With --convolve: what a cell gives. Several times for several.",
        ),
        click.Option(
            ["--stride"],
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            metavar="N",
            help="With --convolve: pixels from one position to the next.",
        ),
        click.Option(
            ["--convolve"],
            is_flag=True,
            help="Apply a model of patches at every position of every image, or of windows at "
            "every moment of every recording, and pool: one row for each.",
        ),
    ):
        _declare(with_convolution, option)
    return with_convolution


#: Options that do not change what is learned.
WITHOUT_EFFECT = ("out", "as_json", "dry_run", "checkpoint", "resume", "dask", "verify", "threads")


def command_again(context: click.Context) -> str:
    """The command line that gives the same result, with options of a configuration file in it."""
    words: list[str] = []
    paths: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        chosen = context.get_parameter_source(name) in (
            ParameterSource.COMMANDLINE,
            ParameterSource.DEFAULT_MAP,
        )
        value = context.params.get(name)
        if not chosen or name not in context.params or name in WITHOUT_EFFECT:
            continue
        if isinstance(option, click.Argument):
            paths = [str(path) for path in value or ()]
        elif isinstance(option, click.Option) and option.is_flag:
            words.append(option.opts[0] if value else option.secondary_opts[0])
        else:
            shown = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [option.opts[0], shown]
    return shlex.join(["rhohat", context.info_name or "", *paths, *words])


def read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Take the options in a TOML file as defaults; those on the command line win."""
    if path is None:
        return
    try:
        if not path.is_file():
            _refuse(f"{path} is not a file.")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        _refuse(f"{path}: {error.strerror}.")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _refuse(f"{path} is not TOML: {error}.")
    switches = {
        switch.removeprefix("--"): (option, switch not in option.secondary_opts)
        for option in context.command.params
        if isinstance(option, click.Option) and option is not parameter
        for switch in (*option.opts, *option.secondary_opts)
        if switch.startswith("--")
    }
    defaults = {}
    for key, value in values.items():
        name = key.replace("_", "-")
        if name not in switches:
            like = difflib.get_close_matches(name, sorted(switches), n=1)
            hint = f"; did you mean {like[0]}?" if like else "."
            _refuse(f"{path} sets {key!r}, which is no option of {context.info_name}{hint}")
        option, is_on = switches[name]
        if option.name in defaults:
            _refuse(f"{path} sets --{name} twice.")
        if option.is_flag != isinstance(value, bool) or isinstance(value, (list, dict)):
            expected = "true or false" if option.is_flag else "a text or a number"
            _refuse(f"{path} sets {key} to {value!r}, expected {expected}.")
        # As text, so that 3.7 is no whole number, as on the command line.
        defaults[option.name] = value == is_on if option.is_flag else str(value)
    context.default_map = {**(context.default_map or {}), **defaults}


def _refuse(message: str) -> NoReturn:
    raise click.BadParameter(message, param_hint="--config")


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    help="TOML file of options, for instance 'units = 196'; options given here win over it.",
)
