"""Options that several commands share, and what a command is given for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.core import ParameterSource

from rhohat.cli.choices import RowOf
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
    """Height, width, and channels if there are any: 28x28, 8x8x3."""

    name = "HxW[x3]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split("x")
        if not all(part.isdecimal() and int(part) for part in parts) or not (
            len(parts) == 2 or parts[2:] == ["3"]
        ):
            self.fail(f"{value!r} is not like 28x28 or 8x8x3.", param, ctx)
        return tuple(map(int, parts))


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


class Finite(click.FloatRange):
    """A number that is neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", param, ctx)
        return number


PATH = click.Path(path_type=Path)
POSITIVE_INTEGER = click.IntRange(min=1)
NONNEGATIVE = Finite(min=0)
DURATION = Finite(min=0, min_open=True)

model_argument = click.argument("path", metavar="MODEL", type=PATH)
json_option = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


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


def _setting(
    switches: str, type_: click.ParamType | None, help_: str, metavar: str | None = None
) -> click.Option:
    """The option for the setting of its name, which has that setting's default."""
    option = click.Option([switches], type=type_, metavar=metavar, help=help_)
    option.default = getattr(Settings(), str(option.name))
    return option


#: Options by the names of the settings that they set, in the order of the help.
SETTINGS: dict[str, click.Option] = {
    str(option.name): option
    for option in (
        _setting("--units", POSITIVE_INTEGER, "Number of hidden units: features to learn.", "N"),
        _setting(
            "--patch-size",
            PatchSize(),
            "Side of the patches cut out of images; 'whole' takes each image as it is.  "
            "[default: 10; whole with --shape]",
            "N|whole",
        ),
        _setting(
            "--patches", click.IntRange(min=2), "Number of patches, or of windows of sound.", "N"
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
            "Sample rate that recordings are converted to.  [default: the lowest of the files' "
            "rates, at most 16000]",
            "HZ",
        ),
        _setting(
            "--length",
            DURATION,
            "Duration of sound that a unit sees.  [default: 0.1; 0.008 for waveforms]",
            "SECONDS",
        ),
        _setting("--mels", click.IntRange(min=2), "Number of mel bands.  [default: 40]", "N"),
        _setting(
            "--window", DURATION, "Duration of sound in each spectrum.  [default: 0.025]", "SECONDS"
        ),
        _setting(
            "--hop", DURATION, "Time from one spectrum to the next.  [default: 0.01]", "SECONDS"
        ),
        _setting("--color/--gray", None, "Read images in color, or as brightness."),
        _setting(
            "--scale",
            RowOf("rhohat.preprocessing.standardization", "SCALES"),
            "Standardize rows or patches: divide all columns by one number, or each by its own.  "
            "[default: not]",
        ),
        _setting(
            "--whitening",
            RowOf("rhohat.recipes.settings", "RECIPES"),
            "Whitening of whole images (1/f), or of patches and rows (zca, pca).  [default: 1/f "
            "for gray images, else zca]",
        ),
        _setting(
            "--epsilon",
            NONNEGATIVE,
            "For zca and pca, a share of the data's mean variance: directions that vary less count "
            "as noise.  [default: 0.5; 0.2 for spectrograms, 1 for waveforms]",
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
            "For topk: how many units may be active for each row.  [default: a tenth of them]",
            "K",
        ),
        _setting(
            "--decoder",
            RowOf("rhohat.objective.decoders", "DECODERS"),
            "What reconstructs the input.  [default: sigmoid after 1/f, and for patches without "
            "whitening; else linear]",
        ),
        _setting(
            "--penalty",
            RowOf("rhohat.objective.penalties", "PENALTIES"),
            "Sparsity penalty.  [default: kl; l1 for relu and identity, none for topk]",
        ),
        _setting(
            "--target",
            Finite(0, 1, min_open=True, max_open=True),
            "rho, the average activation to aim for.  [default: 0.01; 0.035 with zca, pca]",
            "X",
        ),
        _setting(
            "--sparsity-weight",
            Weight(),
            "beta, the weight of the penalty; 'auto' finds the one that the target takes.  "
            "[default: 3; 5 with zca, pca; 1 for l1]",
            "X|auto",
        ),
        _setting(
            "--weight-decay",
            NONNEGATIVE,
            "lambda, the strength of weight decay.  [default: 1e-4; 3e-3 with zca, pca]",
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
            click.IntRange(min=0, max=2**32 - 1),
            "Seed of patches and initial weights; the same seed gives the same files.",
            "N",
        ),
        _setting(
            "--threads",
            POSITIVE_INTEGER,
            "Number of threads; it does not change the result.  [default: one per core]",
            "N",
        ),
    )
}

#: Adds the options of `Settings`; the command gets them as ``settings``.
settings_options = _gathering("settings", Settings, *SETTINGS.values())


#: Options of what in a file is meant, by attributes of `Selection`.
SELECTION = {
    "key": click.Option(["--key"], help="Name of the array in files that hold several."),
}


def data_options(paths: str, *, required: bool = False) -> Callable[[Command], Command]:
    """Add an argument for paths of data, and options of how to read them.

    The command gets a `Request` as ``request``.

    Parameters
    ----------
    paths : str
        Name of the argument.
    required : bool, default=False
        Whether there must be at least one path.
    """

    def gather(**values: Any) -> Request:
        from rhohat.files.formats import Selection
        from rhohat.recipes.data import Request

        selection = Selection(**{name: values.pop(name) for name in SELECTION})
        return Request(values.pop(paths), selection, **values)

    return _gathering(
        "request",
        gather,
        click.Argument([paths], nargs=-1, required=required, type=PATH),
        *SELECTION.values(),
        click.Option(
            ["--shape"],
            type=Shape(),
            metavar="HxW[x3]",
            help="Each row of the arrays is an image of this shape, taken whole unless "
            "--patch-size says otherwise.",
        ),
        click.Option(
            ["--on-error"],
            type=RowOf("rhohat.files.finding", "ON_ERROR"),
            default="skip",
            help="If a file cannot be read: leave it out and say so, or end with exit code 1.",
        ),
    )


def _run(*, dask: str | None, **run: Any) -> dict[str, Any]:
    """Parameters of `SparseAutoencoder` that say how it is trained."""
    if run["resume"] and run["checkpoint"] is None:
        raise click.UsageError("--resume goes on from a checkpoint: name it by --checkpoint.")
    if run["patience"] is not None and run["validation"] is None:
        raise click.UsageError("--patience watches the loss of --validation: add that.")
    return run if dask is None else run | {"engine": "dask" if dask == "local" else dask}


#: Adds the options of how training runs; the command gets them as ``run``.
run_options = _gathering(
    "run",
    _run,
    click.Option(
        ["--checkpoint"],
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Keep the state of training in this folder, so that nothing is lost when the machine "
        "stops.",
    ),
    click.Option(
        ["--resume"],
        is_flag=True,
        help="Continue from the checkpoint, to the same result as without a stop.",
    ),
    click.Option(
        ["--dask"],
        metavar="ADDRESS|local",
        help="Train on a Dask cluster, tcp://... or tls://..., or on worker processes of this "
        "machine. Workers read their rows themselves, from .npy, .zarr or .h5 files.",
    ),
    click.Option(
        ["--validation"],
        type=HeldOut(),
        metavar="SHARE|PATH",
        help="Hold out a share of the rows or pieces, or take other data, and compute the loss on "
        "them every five iterations.",
    ),
    click.Option(
        ["--patience"],
        type=POSITIVE_INTEGER,
        metavar="N",
        help="With --validation: end when that loss has not fallen N times, and keep the best "
        "model.",
    ),
    click.Option(
        ["--verify/--no-verify"],
        default=True,
        help="Whenever files too large for memory are read, compare them with checksums taken in "
        "the first pass.",
    ),
)


def _convolution(*, convolve: bool, **chosen: Any) -> dict[str, Any] | None:
    """Parameters of `ConvolutionalFeatures`; None without ``--convolve``."""
    source = click.get_current_context().get_parameter_source
    given = [name for name in chosen if source(name) == ParameterSource.COMMANDLINE]
    if given and not convolve:
        raise click.UsageError(f"--{given[0]} says how --convolve pools: add --convolve.")
    return chosen if convolve else None


#: Adds the options of convolution; the command gets them as ``convolution``.
convolution_options = _gathering(
    "convolution",
    _convolution,
    click.Option(
        ["--convolve"],
        is_flag=True,
        help="Apply a model of patches at every position of every image, or of windows at every "
        "moment of every recording, and pool: one row for each.",
    ),
    click.Option(
        ["--stride"],
        type=POSITIVE_INTEGER,
        default=1,
        metavar="N",
        help="With --convolve: pixels from one position to the next.",
    ),
    click.Option(
        ["--pooling"],
        type=RowOf("rhohat.estimators.convolution", "POOLINGS"),
        multiple=True,
        default=["mean"],
        help="With --convolve: what is kept of each cell. May be given several times.",
    ),
    click.Option(
        ["--grid"],
        type=POSITIVE_INTEGER,
        default=2,
        metavar="N",
        help="With --convolve: pool over N x N cells of each image, or N of each recording.",
    ),
    click.Option(
        ["--encoding"],
        type=RowOf("rhohat.estimators.convolution", "ENCODINGS"),
        default="activation",
        help="With --convolve: units' activations, or their linear responses beyond a threshold, "
        "split by sign.",
    ),
)
