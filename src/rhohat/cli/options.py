"""Options that several commands share, and what a command is given for them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.core import ParameterSource

from rhohat.cli.choices import RowOf
from rhohat.files.runs import RESULTS
from rhohat.recipes.settings import Settings

if TYPE_CHECKING:
    from rhohat.recipes.data import Request

Command: TypeAlias = Callable[..., Any]


class PatchSize(click.ParamType):
    """A side in pixels, or the word "whole"."""

    name = "PIXELS|whole"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        if value == "whole":
            return value
        try:
            size = int(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is neither a number of pixels nor 'whole'.", param, ctx)
        if size < 2:
            self.fail(f"{size} is not at least 2.", param, ctx)
        return size


class Shape(click.ParamType):
    """Height, width, and channels if there are any: 28x28, 8x8x3.

    Parameters
    ----------
    may_be_planar : bool, default=False
        Whether channels may come first: 3x8x8.
    """

    name = "HxW[x3]"

    def __init__(self, *, may_be_planar: bool = False) -> None:
        self._places = (0, 2) if may_be_planar else (2,)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split("x")
        if not all(part.isdecimal() and int(part) for part in parts) or not (
            len(parts) == 2 or (len(parts) == 3 and "3" in [parts[place] for place in self._places])
        ):
            self.fail(f"{value!r} is not a shape such as 28x28 or 8x8x3.", param, ctx)
        return tuple(map(int, parts))


class Axes(click.ParamType):
    """A letter for each axis of an array: NCHW, HWC."""

    name = "LETTERS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        from rhohat.recipes.data import Selection

        try:
            return Selection(axes=str(value)).axes
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Span(click.ParamType):
    """A number above 0, which may be followed by an s for seconds: 256, 0.025, 0.5s."""

    name = "N|SECONDSs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        text = str(value)
        try:
            number = float(text.removesuffix("s"))
        except ValueError:
            self.fail(
                f"{value!r} is neither a number of samples nor of seconds, as in 0.5s.", param, ctx
            )
        DURATION.convert(number, param, ctx)
        return text if text.endswith("s") else number


class Names(click.ParamType):
    """Names, separated by commas."""

    name = "NAME,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        return value if isinstance(value, tuple) else tuple(str(value).split(","))


class Numbers(click.ParamType):
    """Numbers, separated by commas.

    Parameters
    ----------
    of : click.ParamType
        Of each.
    """

    name = "X,..."

    def __init__(self, of: click.ParamType) -> None:
        self._of = of

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        if isinstance(value, tuple):
            return value
        return tuple(self._of.convert(word, param, ctx) for word in str(value).split(","))


class HeldOut(click.ParamType):
    """A share between 0 and 1, or a path."""

    name = "SHARE|PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        try:
            share = float(value)
        except (TypeError, ValueError):
            return PATH.convert(value, param, ctx)
        if not 0 < share < 1:
            self.fail(f"a share must lie between 0 and 1, got {value}.", param, ctx)
        return share


class DeviceName(click.ParamType):
    """The name of a device, which need not be here."""

    name = "cpu|cuda|cuda:N|mps|torch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check it."""
        from rhohat.common.devices import device_of

        try:
            device_of(value)
        except ValueError as error:
            self.fail(f"{error}", param, ctx)
        return value


class Weight(click.ParamType):
    """A number of at least 0, or the word "auto"."""

    name = "X|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        if value == "auto":
            return value
        try:
            float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is neither a number nor 'auto'.", param, ctx)
        return NONNEGATIVE.convert(value, param, ctx)


class Whole(click.IntRange):
    """A whole number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        try:
            int(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return super().convert(value, param, ctx)


class Finite(click.FloatRange):
    """A number that is neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        try:
            float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a number.", param, ctx)
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", param, ctx)
        return number


class InputPath(click.Path):
    """A path of what a command reads, which must be able to go back and forth in it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        if os.fspath(value) in STANDARD_INPUT:
            raise click.UsageError(
                f"standard input ({value}) cannot be read; save it to a file first.", ctx
            )
        return super().convert(value, param, ctx)


class ModelPath(InputPath):
    """A model file, or the folder of a run, which stands for the model in it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        path = Path(super().convert(value, param, ctx))
        inside = path / RESULTS.model
        return inside if path.is_dir() and inside.is_file() else path


#: What users call standard input.
STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0")
PATH = InputPath(path_type=Path)
POSITIVE_INTEGER = Whole(min=1)
NONNEGATIVE = Finite(min=0)
DURATION = Finite(min=0, min_open=True)

model_argument = click.argument("path", metavar="MODEL", type=ModelPath(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
out_option = click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("rhohat-out"),
    help="Folder for the page, the figures and the model.",
)
force_option = click.option(
    "--force",
    is_flag=True,
    help="Replace another run's results, or your own files, in that folder.",
)
open_option = click.option(
    "--open", "open_page", is_flag=True, help="Open the page in a browser when done."
)
transcode_option = click.option(
    "--transcode",
    type=PATH,
    metavar="FILE",
    help="Reconstruct the rows of this file instead of those of PATHS. It must have as many rows, "
    "in the same order; the number of columns may differ.",
)
sources_option = click.option(
    "--sources/--no-sources",
    default=True,
    help="Show parts of your photographs, recordings or rows on the page, or leave them out, for a "
    "page that you will share.",
)


def _gathering(
    name: str, gather: Callable[..., Any], *parameters: click.Parameter
) -> Callable[[Command], Command]:
    """A decorator that adds parameters to a command.

    Parameters
    ----------
    name : str
        The keyword argument that the command gets for all of them.
    gather : callable
        Makes it of their values, which it gets by their names.
    *parameters : click.Parameter
        In the order of the help.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def gathered(**values: Any) -> Any:
            own = {str(parameter.name): values.pop(str(parameter.name)) for parameter in parameters}
            return command(**values, **{name: gather(**own)})

        # Where click's own decorators put parameters, the last one first.
        known: list[click.Parameter] = getattr(gathered, "__click_params__", [])
        gathered.__click_params__ = [*known, *reversed(parameters)]  # type: ignore[attr-defined]
        return gathered

    return decorate


#: What the notes call settings, by their options: other names for the same.
OF_THE_NOTES = {
    "--units": "--hidden",
    "--target": "--rho",
    "--sparsity-weight": "--beta",
    "--weight-decay": "--lambda",
}


def _setting(
    switches: str, type_: click.ParamType | None, help_: str, metavar: str | None = None
) -> click.Option:
    """The option for the setting of its name, which has that setting's default."""
    names = [name for name in (switches, OF_THE_NOTES.get(switches)) if name]
    option = click.Option(names, type=type_, metavar=metavar, help=help_)
    option.default = getattr(Settings(), str(option.name))
    return option


#: Options by the names of the settings that they set, in the order of the help.
SETTINGS: dict[str, click.Option] = {
    str(option.name): option
    for option in (
        _setting(
            "--units",
            POSITIVE_INTEGER,
            "Number of hidden units, that is, of features to learn.",
            "N",
        ),
        _setting(
            "--patch-size",
            PatchSize(),
            "Side of the square patches cut from images, in pixels; 'whole' uses each image as it "
            "is.  [default: 10; whole with --shape]",
            "N|whole",
        ),
        _setting(
            "--patches", Whole(min=2), "Number of patches, or of windows of sound, to draw.", "N"
        ),
        _setting(
            "--sound",
            RowOf("rhohat.recipes.settings", "SOUNDS"),
            "Learn from log-mel spectrograms of recordings, or from their waveforms.  "
            "[default: spectrogram]",
        ),
        _setting(
            "--rate",
            POSITIVE_INTEGER,
            "Sample rate to convert recordings to, or the rate of series whose files do not state "
            "it.  [default: the lowest of the files' rates, at most 16000]",
            "HZ",
        ),
        _setting(
            "--length",
            DURATION,
            "Duration of the sound that each unit sees.  [default: 0.1; 0.008 for waveforms]",
            "SECONDS",
        ),
        _setting("--mels", Whole(min=2), "Number of mel bands.  [default: 40]", "N"),
        _setting(
            "--window",
            Span(),
            "For series, what each unit sees: a number of samples, or seconds, as in 0.5s. For "
            "sound, the seconds covered by each spectrum.  [default: 128 samples, 512 for spectra "
            "and spectrograms; 0.025 for sound]",
            "N|SECONDSs",
        ),
        _setting(
            "--hop",
            Span(),
            "Step from one window of a series, or one spectrum of sound, to the next.  [default: "
            "half a window; 0.01 for sound]",
            "N|SECONDSs",
        ),
        _setting(
            "--form",
            RowOf("rhohat.recipes.settings", "FORMS"),
            "Learn from the windows of series themselves, from their spectra or from their "
            "spectrograms.  [default: raw]",
        ),
        _setting("--color/--gray", None, "Read images in color, or in shades of gray."),
        _setting(
            "--scale",
            RowOf("rhohat.preprocessing.standardization", "SCALES"),
            "Standardize rows or patches: divide all columns by one standard deviation, or each "
            "column by its own.  [default: no scaling]",
        ),
        _setting(
            "--whitening",
            RowOf("rhohat.recipes.settings", "RECIPES"),
            "Whiten whole images (1/f), or patches and rows (zca, pca).  [default: 1/f for gray "
            "images, else zca]",
        ),
        _setting(
            "--epsilon",
            NONNEGATIVE,
            "With zca and pca: treat directions as noise whose variance is below this fraction of "
            "the mean variance.  [default: 0.5; 0.2 for spectrograms, 1 for waveforms]",
            "X",
        ),
        _setting(
            "--activation",
            RowOf("rhohat.objective.activations", "ACTIVATIONS", "REFUSED"),
            "Activation function of the hidden units.",
        ),
        _setting(
            "--active",
            POSITIVE_INTEGER,
            "Number of units that may be active for each row (topk), or on average (batchtopk).  "
            "[default: a tenth of the units]",
            "K",
        ),
        _setting(
            "--decoder",
            RowOf("rhohat.objective.decoders", "DECODERS"),
            "Decoder that reconstructs the input.  [default: sigmoid after 1/f, and for patches "
            "without whitening; else linear]",
        ),
        _setting(
            "--penalty",
            RowOf("rhohat.objective.penalties", "PENALTIES"),
            "Sparsity penalty.  [default: kl; l1 for relu and identity, l0 for jumprelu, none for "
            "topk and batchtopk]",
        ),
        _setting(
            "--target",
            Finite(0, 1, min_open=True, max_open=True),
            "rho, the target for the average activation of each unit.  [default: 0.01; 0.035 with "
            "zca, pca]",
            "X",
        ),
        _setting(
            "--sparsity-weight",
            Weight(),
            "beta, the weight of the sparsity penalty; 'auto' finds the weight at which units meet "
            "the target.  [default: 3; 5 with zca, pca; 1 for l1]",
            "X|auto",
        ),
        _setting(
            "--weight-decay",
            NONNEGATIVE,
            "lambda, the strength of weight decay.  [default: 1e-4; 3e-3 with zca, pca]",
            "X",
        ),
        _setting(
            "--corruption",
            RowOf("rhohat.objective.corruption", "CORRUPTIONS"),
            "Train a denoising autoencoder: encode rows with noise added, or with values masked, "
            "and reconstruct the clean rows.",
        ),
        _setting(
            "--noise",
            DURATION,
            "With --corruption gaussian: standard deviation of the noise, on the scale of the "
            "preprocessed rows.  [default: 0.3]",
            "X",
        ),
        _setting(
            "--masked",
            Finite(0, 1, min_open=True, max_open=True),
            "With --corruption masking: fraction of the values to set to 0.  [default: 0.25]",
            "X",
        ),
        _setting(
            "--solver",
            RowOf("rhohat.training.solvers", "SOLVERS"),
            "Method that minimizes the loss.",
        ),
        _setting("--iterations", POSITIVE_INTEGER, "Maximum number of iterations.", "N"),
        _setting(
            "--seed",
            Whole(min=0, max=2**32 - 1),
            "Random seed for patches and initial weights; the same seed gives the same files.",
            "N",
        ),
        _setting(
            "--threads",
            POSITIVE_INTEGER,
            "Number of threads; the result does not depend on it.  [default: one per core]",
            "N",
        ),
    )
}

#: Adds the options of `Settings`; the command gets them as ``settings``.
settings_options = _gathering("settings", Settings, *SETTINGS.values())


def settings_options_without(*names: str) -> Callable[[Command], Command]:
    """`settings_options` without those that a command has in a sense of its own."""
    return _gathering("settings", Settings, *(o for n, o in SETTINGS.items() if n not in names))


#: Settings that a grid varies, by the names that it has for them.
OF_THE_GRID = {"rho": "target", "beta": "sparsity_weight", "lambda": "weight_decay"}


def _grid(**values: tuple[float, ...] | None) -> dict[str, tuple[float, ...]]:
    """Those values of a grid that are given."""
    found = {name: values[setting] for name, setting in OF_THE_GRID.items()}
    return {name: given for name, given in found.items() if given is not None}


def _values_of(name: str, type_: click.FloatRange, help_: str) -> click.Option:
    setting = OF_THE_GRID[name]
    names = [setting, f"--{name}", f"--{setting.replace('_', '-')}"]
    return click.Option(names, type=Numbers(type_), metavar="X,...", help=help_)


#: Adds the options of a grid; the command gets those values that are given as ``grid``.
grid_options = _gathering(
    "grid",
    _grid,
    _values_of(
        "rho",
        Finite(0, 1, min_open=True, max_open=True),
        "Targets for the average activation.  [default: learn's target, a fifth of it and five "
        "times it]",
    ),
    _values_of(
        "beta",
        NONNEGATIVE,
        "Weights of the sparsity penalty.  [default: learn's weight, a tenth of it and ten times "
        "it]",
    ),
    _values_of(
        "lambda",
        NONNEGATIVE,
        "Strengths of weight decay.  [default: learn's strength, a tenth of it and ten times it]",
    ),
)


def _columns(switch: str, help_: str) -> click.Option:
    return click.Option([switch], multiple=True, metavar="COLUMN", help=help_)


#: Options of what in a file is meant, by attributes of `Selection`.
SELECTION = {
    "key": click.Option(
        ["--key"],
        help="Name of the array in files that hold several; S.X for field X of structure S; a "
        "pattern such as 'run*/signal' for all arrays that match, as one data set.",
    ),
    "transpose": click.Option(
        ["--transpose"],
        is_flag=True,
        help="Take the columns of an array as the examples, not its rows.",
    ),
    "axes": click.Option(
        ["--axes"],
        type=Axes(),
        metavar="LETTERS",
        help="What each axis of an array is: N rows or images, H height, W width, C columns, "
        "channels or bands. NCHW means images with channels first; HWC with many bands means "
        "a cube, in which each pixel is a row.  [default: inferred from the shape]",
    ),
    "columns": _columns(
        "--columns",
        "Columns of a table to learn from: a name, a pattern such as 'wl_*', a number counted from "
        "0, a range such as 2:10, or a type: numbers, text, dates. May be given several times.  "
        "[default: all]",
    ),
    "drop": _columns("--drop", "Columns to leave out, named as for --columns."),
    "labels": _columns(
        "--labels", "Columns to keep with the rows, such as classes, but not to learn from."
    ),
    "one_hot": _columns(
        "--one-hot",
        "Columns to one-hot encode: each of their values becomes a column of 0 and 1.",
    ),
    "missing": click.Option(
        ["--missing"],
        type=RowOf("rhohat.rows.table", "MISSING"),
        default="error",
        help="What to do if a table has missing values: stop with an error, drop those rows, or "
        "fill in the column's median in this file.",
    ),
    "heading": click.Option(
        ["--heading/--no-heading"],
        default=None,
        help="Whether the first line of a text file names the columns.  [default: inferred from "
        "the lines]",
    ),
    "series": click.Option(
        ["--series"],
        is_flag=True,
        help="Treat the arrays or sound files as series, and cut them into windows.",
    ),
    "channels": click.Option(
        ["--channels"],
        type=Names(),
        metavar="NAME,...",
        help="Channels of series to use, by name or by number counted from 0.  [default: all]",
    ),
    "time": click.Option(
        ["--time"],
        type=RowOf("rhohat.files.layout", "TIMES"),
        help="Whether time runs down the rows of an array of series or along its columns.  "
        "[default: along the axis that is much longer]",
    ),
    "max_pixels": click.Option(
        ["--max-pixels"],
        type=POSITIVE_INTEGER,
        metavar="N",
        help="Largest number of pixels that an image may have; raise it for images you trust.  "
        "[default: 89478485]",
    ),
}


def data_options(
    paths: str,
    *,
    required: bool = False,
    without: tuple[str, ...] = (),
    metavar: str | None = None,
) -> Callable[[Command], Command]:
    """Add an argument for paths of data, and options of how to read them.

    The command gets a `Request` as ``request``.

    Parameters
    ----------
    paths : str
        Name of the argument.
    required : bool, default=False
        Whether there must be at least one path.
    without : tuple of str, default=()
        Options of `SELECTION` that the command has in a sense of its own.
    metavar : str, default=None
        What the help calls the argument, if it is not only data.
    """
    offered = {name: option for name, option in SELECTION.items() if name not in without}

    def gather(**values: Any) -> Request:
        from rhohat.recipes.data import Request, Selection

        selection = Selection(**{name: values.pop(name) for name in offered})
        return Request(values.pop(paths), selection, **values)

    return _gathering(
        "request",
        gather,
        click.Argument([paths], nargs=-1, required=required, type=PATH, metavar=metavar),
        *offered.values(),
        click.Option(
            ["--shape"],
            type=Shape(may_be_planar=True),
            metavar="HxW[x3]",
            help="Read each row of the arrays as an image of this shape, used whole unless "
            "--patch-size says otherwise; 3xHxW if all of red comes first, then green, then "
            "blue.",
        ),
        click.Option(
            ["--order"],
            type=click.Choice(["numpy", "matlab"]),
            default="numpy",
            help="How the images of --shape were flattened into rows: row by row (numpy), or "
            "column by column and one color plane after another (matlab).",
        ),
        click.Option(
            ["--on-error"],
            type=RowOf("rhohat.files.finding", "ON_ERROR"),
            default="skip",
            help="What to do if a file cannot be read: skip it and say so, or stop with exit code "
            "1.",
        ),
    )


DEVICE = click.Option(
    ["--device"],
    type=DeviceName(),
    metavar="NAME",
    default="cpu",
    help="Where to compute: cpu, or, with PyTorch, an NVIDIA GPU (cuda, cuda:1), an Apple GPU "
    "(mps) or the processor (torch).",
)
#: Adds the option of where a model's units compute.
device_option = _gathering("device", lambda *, device: device, DEVICE)


def _run(*, dask: str | None, device: str, **run: Any) -> dict[str, Any]:
    """Parameters of `SparseAutoencoder` that say how it is trained."""
    if run["resume"] and run["checkpoint"] is None:
        raise click.UsageError("--resume continues from a checkpoint: add --checkpoint DIR.")
    if run.get("patience") is not None and run["validation"] is None:
        raise click.UsageError("--patience watches the validation loss: add --validation.")
    if device != "cpu":
        run["device"] = device
    return run if dask is None else run | {"engine": "dask" if dask == "local" else dask}


RUN: tuple[click.Option, ...] = (
    click.Option(
        ["--checkpoint"],
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Save the state of training in this folder, so that a run that stops can be resumed.",
    ),
    click.Option(
        ["--resume"],
        is_flag=True,
        help="Continue from the checkpoint; the result is the same as without the stop.",
    ),
    click.Option(
        ["--dask"],
        metavar="ADDRESS|local",
        help="Train on a Dask cluster (tcp://... or tls://...), or on worker processes on this "
        "machine (local). Workers read the rows themselves, from files such as .npy, .zarr or .h5.",
    ),
    DEVICE,
    click.Option(
        ["--validation"],
        type=HeldOut(),
        metavar="SHARE|PATH",
        help="Hold out this share of the rows or pieces, or use other data, and compute the loss "
        "on them every five iterations.",
    ),
    click.Option(
        ["--patience"],
        type=POSITIVE_INTEGER,
        metavar="N",
        help="With --validation: stop when that loss has not fallen N times in a row, and keep the "
        "best model.",
    ),
    click.Option(
        ["--verify/--no-verify"],
        default=True,
        help="Verify files too large for memory against checksums from the first pass each time "
        "they are read.",
    ),
)

#: Adds the options of how training runs; the command gets them as ``run``.
run_options = _gathering("run", _run, *RUN)


def run_options_without(*names: str) -> Callable[[Command], Command]:
    """`run_options` without those that a command has no use for."""
    return _gathering("run", _run, *(option for option in RUN if option.name not in names))


def _convolution(*, convolve: bool, **chosen: Any) -> dict[str, Any] | None:
    """Parameters of `ConvolutionalFeatures`; None without ``--convolve``."""
    source = click.get_current_context().get_parameter_source
    given = [name for name in chosen if source(name) == ParameterSource.COMMANDLINE]
    if given and not convolve:
        raise click.UsageError(f"--{given[0]} needs --convolve: add it.")
    return chosen if convolve else None


#: Adds the options of convolution; the command gets them as ``convolution``.
convolution_options = _gathering(
    "convolution",
    _convolution,
    click.Option(
        ["--convolve"],
        is_flag=True,
        help="Apply a model of patches at every position of each image, or a model of windows at "
        "every moment of each recording, and pool the activations: one row for each image or "
        "recording.",
    ),
    click.Option(
        ["--stride"],
        type=POSITIVE_INTEGER,
        default=1,
        metavar="N",
        help="With --convolve: step from one position to the next, in pixels.",
    ),
    click.Option(
        ["--pooling"],
        type=RowOf("rhohat.estimators.convolution", "POOLINGS"),
        multiple=True,
        default=["mean"],
        help="With --convolve: how to pool the activations in each cell. May be given several "
        "times.",
    ),
    click.Option(
        ["--grid"],
        type=POSITIVE_INTEGER,
        default=2,
        metavar="N",
        help="With --convolve: divide each image into N x N cells, or each recording into N, and "
        "pool over each cell.",
    ),
    click.Option(
        ["--encoding"],
        type=RowOf("rhohat.estimators.convolution", "ENCODINGS"),
        default="activation",
        help="With --convolve: pool the units' activations, or how far their linear responses "
        "exceed a threshold, split by sign.",
    ),
)
