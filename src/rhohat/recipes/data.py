"""What every kind of data can do; the kinds themselves are in `rhohat.recipes.kinds`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.printable import count, listed
from rhohat.common.validation import look_up
from rhohat.files.finding import DataFiles, is_planar
from rhohat.files.formats import ANY, Content, file_of
from rhohat.files.formats import Selection as Selection
from rhohat.recipes.settings import RECIPES, STANDARDIZED, Recipe, Settings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.estimators.anatomy import Anatomy
    from rhohat.files.series import RowOrigins

#: The most paths that a text names; more are called FILES.
MOST_NAMED = 3


@dataclass(frozen=True)
class Request:
    """Which data to read, and how.

    Attributes
    ----------
    paths : sequence of Path
        Empty for the built-in photographs.
    selection : Selection
        What of each file is meant.
    shape : tuple of int or None
        (height, width), (height, width, 3) or (3, height, width) of the image that each row is.
    order : {"numpy", "matlab"}
        Which axis of that image runs fastest along the row: the last, as in NumPy, or the first, as
        in MATLAB.
    on_error : {"skip", "fail"}
        What to do if a file cannot be read.
    color : bool
        Whether to read images in color.
    smallest : tuple of int
        The least height and width of images.
    stored : bool
        Whether rows must be read from where they lie, not loaded into memory.
    rate : int, float or None
        Sample rate that recordings are converted to, or that series have whose files do not tell
        it; None follows the files.
    longest : float or None
        Seconds; longer recordings are taken in parts.
    shortest : float
        Seconds; shorter recordings cannot be used.
    window : int
        Samples; shorter series cannot be used.
    hop : int or None
        Samples between the windows of series that are taken in parts; None takes them whole.
    """

    paths: Sequence[Path] = ()
    selection: Selection = ANY
    shape: tuple[int, ...] | None = None
    order: str = "numpy"
    on_error: str = "skip"
    color: bool = False
    smallest: tuple[int, int] = (1, 1)
    stored: bool = False
    rate: Any = None
    longest: float | None = None
    shortest: float = 0.0
    window: int = 1
    hop: int | None = None

    @property
    def is_planar(self) -> bool:
        """Whether each row is an image whose colors come first, one after another."""
        return self.shape is not None and is_planar(self.shape)

    def options(self) -> list[str]:
        """What the user says about the files, as options of a command."""
        words = self.selection.options()
        if self.shape is not None:
            words += ["--shape", "x".join(map(str, self.shape))]
            words += [] if self.order == "numpy" else ["--order", self.order]
        return words

    def reshaping(self) -> str:
        """What makes rows images of the shape in Python, applied to an array."""
        assert self.shape is not None
        sizes = self.shape if self.order == "numpy" else self.shape[::-1]
        axes = tuple(range(1, len(sizes) + 1))
        lie = axes if self.order == "numpy" else axes[::-1]
        wanted = (*lie[1:], lie[0]) if self.is_planar else lie
        moved = "" if wanted == axes else f".transpose(0, {', '.join(map(str, wanted))})"
        return f".reshape(-1, {', '.join(map(str, sizes))}){moved}"

    @property
    def title(self) -> str:
        """What to call the data in a heading: the file or folder, without those around it."""
        if not self.paths:
            return "built-in photographs"
        name = self.paths[0].name or self.paths[0].resolve().name
        return name if len(self.paths) == 1 else f"{name} and {len(self.paths) - 1:,} more"

    @property
    def has_many_paths(self) -> bool:
        """Whether a text should not name every path."""
        return len(self.paths) > MOST_NAMED


class Size(NamedTuple):
    """Size of the rows that an autoencoder is given, judging by the files' headers.

    Attributes
    ----------
    n_rows, n_features : int
    itemsize : int
        Bytes per number.
    held : int
        Bytes of the data themselves, held while rows are made from them.
    """

    n_rows: int
    n_features: int
    itemsize: int
    held: int


@dataclass
class Data(ABC):
    """Data of one kind: found first, and read when asked to. Each kind is one class.

    Attributes
    ----------
    request : Request
    found : DataFiles
    content : sequence of ndarray, ndarray or Source
        What a pipeline is given; None until read. A Source if `is_stored`.
    names : list of str
        Names of the examples, once read; empty for rows.
    kind : str
        Key in `KINDS`; what `Content.kind` calls it.
    noun : str
        What one example is called.
    described : str
        What the data are called.
    pieces : str
        What is cut out of examples and learned from; empty if examples are learned from whole.
    takes_all_pieces : bool
        Whether pieces are all that examples have, in order, not drawn at random.
    own_settings : tuple of str
        Settings that no other kind has.
    encode_options : tuple of str
        Options with which ``rhohat encode`` gives one row per example.
    can_be_filtered : bool
        Whether 1/f whitening makes sense.
    has_keys : bool
        Whether a file may hold several arrays.
    is_built_in : bool
        Whether there are built-in data of this kind, used where no paths are given.
    selected : mapping
        What files are asked for if a model works on this kind, by attributes of `Selection`.
    takes_shape, can_be_shaped : bool
        Whether rows that are given a shape become this kind, and whether these are such rows.
    """

    request: Request
    found: DataFiles
    content: Any = None
    names: list[str] = field(default_factory=list)

    kind: ClassVar[str]
    noun: ClassVar[str]
    described: ClassVar[str]
    pieces: ClassVar[str] = ""
    takes_all_pieces: ClassVar[bool] = False
    own_settings: ClassVar[tuple[str, ...]] = ()
    encode_options: ClassVar[tuple[str, ...]] = ()
    can_be_filtered: ClassVar[bool] = False
    has_keys: ClassVar[bool] = True
    is_built_in: ClassVar[bool] = False
    takes_shape: ClassVar[bool] = False
    can_be_shaped: ClassVar[bool] = False
    selected: ClassVar[Mapping[str, Any]] = {}

    # Settings.

    @classmethod
    def usual_whitening(cls, settings: Settings) -> str:
        """The whitening to use if the user names none."""
        return "zca"

    @classmethod
    def fill_in(cls, settings: Settings, *, rows_are_images: bool) -> Settings:
        """Settings, with those filled in that are the kind's own."""
        return settings

    @classmethod
    def recipe(cls, settings: Settings) -> Recipe:
        """The recipe that goes with the whitening."""
        recipe = look_up("whitening", settings.whitening, RECIPES)
        is_scaled = settings.scale is not None and settings.whitening == "none"
        return STANDARDIZED if is_scaled else recipe

    @classmethod
    def normalizes(cls, settings: Settings) -> bool:
        """Whether each row loses its mean and is brought into [0.1, 0.9]."""
        return False

    @classmethod
    def steps(cls, settings: Settings) -> list[tuple[str, BaseEstimator]]:
        """Steps of a pipeline that make rows of the content."""
        return []

    def fill_in_from_files(self, settings: Settings) -> Settings:
        """Settings, with what follows from the files filled in.

        Raises
        ------
        ValueError
            If the files do not allow the settings.
        """
        return settings

    @classmethod
    def needs(cls, anatomy: Anatomy, convolution: Mapping[str, Any] | None) -> dict[str, Any]:
        """How data must be read for a model.

        Parameters
        ----------
        anatomy : Anatomy
            Of the model.
        convolution : mapping or None
            Parameters of the `ConvolutionalFeatures` that apply the model, if any.

        Returns
        -------
        needs : dict
            Attributes of `Request`; "whole" is the shape of images that are taken whole, or None.
        """
        return {}

    # Content.

    @abstractmethod
    def read(self) -> None:
        """Read everything; skip files that turn out to be unusable."""

    @abstractmethod
    def variance(self) -> float:
        """The mean variance, once read.

        Raises
        ------
        ValueError
            If the values are too large to compute it.
        """

    @property
    def loaded(self) -> Any:
        """What a report is given: the content, with names if examples have them."""
        return self.content

    @property
    @abstractmethod
    def expression(self) -> str:
        """Python code that reads the same content."""

    @abstractmethod
    def size(self, settings: Settings) -> Size:
        """Size of what the autoencoder would be given."""

    def few(self, n_rows: int) -> Any:
        """A part of the content that is enough for so many rows."""
        return self.content

    @abstractmethod
    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray | None:
        """What features are compared with, a row each: examples as they are; None if sizes differ.

        Parameters
        ----------
        model : BaseEstimator
            Whose features will be compared with them.
        convolution : mapping
            Parameters of the `ConvolutionalFeatures` that apply the model; empty if there are none.
        """

    def windows_of(self, model: BaseEstimator) -> RowOrigins | None:
        """Where the rows that a model makes lie in series; None if the content is no series."""
        return None

    @property
    def is_stored(self) -> bool:
        """Whether the content is read from where it lies, now or once it is read."""
        return False

    # Files.

    def origins(self) -> dict[str, list[Any]]:
        """Where each example comes from, once read: its file, and its place in that.

        Files that were skipped have no examples.
        """
        return {"file": list(self.names)}

    @property
    def contents(self) -> list[Content]:
        """What the files' headers say."""
        return list(self.found.contents.values())

    @property
    def n_examples(self) -> int:
        """Number of images, rows or recordings."""
        if self.content is None:
            return sum(content.shape[0] for content in self.contents)
        return len(self.content)

    @property
    def files(self) -> list[str]:
        """Names of the files that are used."""
        skipped = {file for file, _ in self.found.skipped}
        return [str(path) for path in self.found.contents if str(path) not in skipped]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of rows; empty if they have none, or files have others."""
        names = {content.columns for content in self.contents}
        return names.pop() if len(names) == 1 else ()

    @property
    def scene(self) -> tuple[int, ...]:
        """([scenes,] height, width) whose pixels are the rows, one after another, if they are."""
        scenes = [content.scene for content in self.contents]
        is_one = len(scenes) == 1 and prod(scenes[0]) == self.n_examples
        return scenes[0] if is_one else ()

    def told(self) -> list[str]:
        """What was read, from which array of which file; one line if there are many files."""
        used = set(self.files)
        contents = [(str(p), c) for p, c in self.found.contents.items() if str(p) in used]
        sizes = {(content.kind, content.shape[1:]) for _, content in contents}
        if not contents:
            return []
        if len(contents) <= MOST_NAMED:
            return [
                f"{_told(content, self.noun)} from {_place(path, content)}{_without(content)}"
                for path, content in contents
            ]
        total = sum(content.shape[0] for _, content in contents)
        largest = contents[0][1]._replace(shape=(total, *contents[0][1].shape[1:]))
        n_files = len({file_of(path) for path in self.found.contents if str(path) in used})
        where = count(n_files, "file")
        if n_files < len(contents):
            where = f"{len(contents):,} arrays of {where}"
        if len(sizes) == 1:
            return [f"{_told(largest, self.noun)} from {where}"]
        return [f"{total:,} {largest.kind} of {len(sizes):,} sizes from {where}"]

    def summary(self) -> dict[str, Any]:
        """What was read and what was not, ready for JSON."""
        return {
            "kind": self.kind,
            "files": self.files,
            "examples": self.n_examples,
            "skipped": [skipped._asdict() for skipped in self.found.skipped],
            "damaged": [note._asdict() for note in self.found.notes],
            "ignored": [str(path) for path in self.found.ignored],
        }

    def call(self, function: str, *options: str) -> str:
        """Python code that calls a function of rhohat on the same files."""
        request = self.request
        paths = "FILES" if request.has_many_paths else repr([str(path) for path in request.paths])
        arguments = [paths, *request.selection.keywords()]
        if self.found.skipped:
            arguments.append("on_error='skip'")
        return f"rhohat.{function}({', '.join([*arguments, *options])})"


def _without(content: Content) -> str:
    """Which columns of a table were left out."""
    return f", without {listed(content.left_out)}" if content.left_out else ""


def _told(content: Content, noun: str) -> str:
    """How many of what size a file holds."""
    n, *sizes = content.shape
    told = count(n, noun)
    if content.kind == "images":
        return f"{told} of {' x '.join(map(str, sizes))}"
    if content.kind == "series":
        return f"{told} of {sizes[1]:,} samples in {count(sizes[0], 'channel')}"
    if content.kind != "rows":
        return told
    pixels = " x ".join(map(str, content.scene))
    cube = f", the pixels of a cube of {pixels}," if pixels else ""
    return f"{told} of {count(sizes[0], 'column')}{cube}"


def _place(path: str, content: Content) -> str:
    """A file, and the array in it."""
    file = path.removesuffix(f"::{content.array}")
    return f"{content.array} of {file}" if content.array else path


def pooled_over_time(
    model: BaseEstimator, content: Any, convolution: Mapping[str, Any]
) -> FloatArray:
    """What a model's pieces are cut out of, pooled over time as its features are: a row for each.

    Parameters
    ----------
    model : BaseEstimator
    content : recordings or series
    convolution : mapping
        Parameters of the `ConvolutionalFeatures` that apply the model.
    """
    from rhohat.estimators.anatomy import Anatomy

    grid, poolings = convolution.get("grid", 1), convolution.get("pooling", ("mean",))
    rows = []
    for image in Anatomy.of(model).filtered(content):
        cells = np.array_split(image, grid, axis=1)
        # Poolings are named after NumPy's functions.
        pooled = [getattr(np, name)(cell, axis=1) for name in poolings for cell in cells]
        rows.append(np.concatenate(pooled))
    return np.stack(rows)
