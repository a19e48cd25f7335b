"""What every kind of data answers; the kinds are in `rhohat.recipes.kinds`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from rhohat.common.arrays import FloatArray
from rhohat.common.validation import look_up
from rhohat.files.finding import DataFiles
from rhohat.files.formats import Content
from rhohat.recipes.settings import RECIPES, Recipe, Settings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

#: Paths from which a text that repeats the command names them no more.
MANY = 3


@dataclass(frozen=True)
class Request:
    """Which data to read and how.

    Attributes
    ----------
    paths : sequence of Path
        None for the photographs that come along.
    color : bool
    smallest : tuple of int
        Height and width that images must have.
    shape : tuple of int or None
        Of the image that each row is.
    key : str or None
    on_error : {"skip", "fail"}
    stored : bool
        Whether rows must be read where they lie, and not into memory.
    rate : int or None
        Samples per second that recordings are brought to; None goes by the files.
    longest : float or None
        Seconds from which a recording is taken in parts.
    shortest : float
        Seconds; shorter recordings cannot be used.
    """

    paths: Sequence[Path] = ()
    color: bool = False
    smallest: tuple[int, int] = (1, 1)
    shape: tuple[int, ...] | None = None
    key: str | None = None
    on_error: str = "skip"
    stored: bool = False
    rate: int | None = None
    longest: float | None = None
    shortest: float = 0.0

    @property
    def names_many(self) -> bool:
        """Whether a text had better not repeat all paths."""
        return len(self.paths) > MANY


class Size(NamedTuple):
    """What an autoencoder is given of data, by the files' headers.

    Attributes
    ----------
    n_rows, n_features : int
    itemsize : int
        Bytes of a number.
    held : int
        Bytes of the data themselves, while the rows are made of them.
    """

    n_rows: int
    n_features: int
    itemsize: int
    held: int


@dataclass
class Data(ABC):
    """Data of one kind, found, and read when asked. Each kind is one class.

    Attributes
    ----------
    request : Request
    found : DataFiles
    content : sequence of ndarray, ndarray, or Source
        What a pipeline is given, once read; rows too many to hold, where they lie.
    names : list of str
        Of the examples, once read; empty for rows.
    kind : str
        What files of it hold: the key in `KINDS`.
    noun : str
        What one example is called.
    described : str
        What the data are called.
    pieces : str
        What is cut out of examples and learned from; empty where examples are.
    own_settings : tuple of str
        Settings that no other kind has.
    encode_options : tuple of str
        With these, ``rhohat encode`` gives a row for each example.
    can_be_filtered : bool
        Whether 1/f whitening makes sense.
    has_keys : bool
        Whether a file may hold several arrays.
    takes_shape, can_be_shaped : bool
        Whether rows become this kind by being given a shape, and whether these are such rows.
    """

    request: Request
    found: DataFiles
    content: Any = None
    names: list[str] = field(default_factory=list)

    kind: ClassVar[str]
    noun: ClassVar[str]
    described: ClassVar[str]
    pieces: ClassVar[str] = ""
    own_settings: ClassVar[tuple[str, ...]] = ()
    encode_options: ClassVar[tuple[str, ...]] = ()
    can_be_filtered: ClassVar[bool] = False
    has_keys: ClassVar[bool] = True
    takes_shape: ClassVar[bool] = False
    can_be_shaped: ClassVar[bool] = False

    # Settings.

    @classmethod
    def usual_whitening(cls, settings: Settings) -> str:
        """The whitening, where the user names none."""
        return "zca"

    @classmethod
    def fill_in(cls, settings: Settings, *, rows_are_images: bool) -> Settings:
        """Settings with those filled in that are the kind's own."""
        return settings

    @classmethod
    def recipe(cls, settings: Settings) -> Recipe:
        """What goes with the whitening."""
        return look_up("whitening", settings.whitening, RECIPES)

    @classmethod
    def normalizes(cls, settings: Settings) -> bool:
        """Whether rows lose their mean and are brought into [0.1, 0.9]."""
        return False

    @classmethod
    def steps(cls, settings: Settings) -> list[tuple[str, BaseEstimator]]:
        """What makes rows of the content."""
        return []

    def suit(self, settings: Settings) -> Settings:
        """Settings with what follows from the files filled in.

        Raises
        ------
        ValueError
            If the files do not allow for the settings.
        """
        return settings

    # Content.

    @abstractmethod
    def read(self) -> None:
        """Read everything; files that turn out unusable are skipped."""

    @abstractmethod
    def variance(self) -> float:
        """Mean variance, once read.

        Raises
        ------
        ValueError
            If the values are too large to compute it.
        """

    @property
    @abstractmethod
    def loaded(self) -> Any:
        """The content, with names where examples have them: what a report is given."""

    @property
    @abstractmethod
    def expression(self) -> str:
        """What reads the same content in Python."""

    @abstractmethod
    def size(self, settings: Settings) -> Size:
        """What an autoencoder would be given."""

    def few(self, n_rows: int) -> Any:
        """As much of the content as so many rows need."""
        return self.content

    @abstractmethod
    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray | None:
        """The examples as they are, a row each; None if they have different sizes.

        Parameters
        ----------
        model : BaseEstimator
            What will be compared with them.
        convolution : mapping
            Parameters of `ConvolutionalFeatures` that applies the model; empty without.
        """

    @property
    def is_stored(self) -> bool:
        """Whether the content is read where it lies."""
        return False

    @property
    def stays_where_it_is(self) -> bool:
        """Whether the content will be read where it lies."""
        return False

    # Files.

    @property
    def contents(self) -> list[Content]:
        """What the files' headers say."""
        return list(self.found.contents.values())

    @property
    def n_examples(self) -> int:
        """Images, rows or recordings."""
        if self.content is None:
            return sum(content.shape[0] for content in self.contents)
        return len(self.content)

    @property
    def files(self) -> list[str]:
        """Names of those that are used."""
        skipped = {file for file, _ in self.found.skipped}
        return [str(path) for path in self.found.contents if str(path) not in skipped]

    def summary(self) -> dict[str, Any]:
        """What was read and what was not, for JSON."""
        return {
            "kind": self.kind,
            "files": self.files,
            "examples": self.n_examples,
            "skipped": [skipped._asdict() for skipped in self.found.skipped],
            "damaged": [note._asdict() for note in self.found.notes],
            "ignored": [str(path) for path in self.found.ignored],
        }

    def call(self, function: str, *options: str) -> str:
        """A call of a function of rhohat on the same files, as text."""
        request = self.request
        paths = "FILES" if request.names_many else repr([str(path) for path in request.paths])
        arguments = [paths]
        if request.key is not None:
            arguments.append(f"key={request.key!r}")
        if self.found.skipped:
            arguments.append("on_error='skip'")
        return f"rhohat.{function}({', '.join([*arguments, *options])})"
