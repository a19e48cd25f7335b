"""Series in files: signals of one or more channels, in memory or read a part at a time.

EDF and BDF files hold series. Arrays and sound do if they are said to.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, float_dtype
from rhohat.common.errors import DataFileError
from rhohat.common.validation import check_real, look_up
from rhohat.files.finding import HELD_BYTES, DataFiles, PathLike, Skipped, read_again
from rhohat.files.layout import TIMES, arranged, picked, runs_down
from rhohat.files.lazy_sequence import LazySequence
from rhohat.files.sound import read_sound
from rhohat.rows.file_format import Content, Selection, finite_floats

#: Samples of the parts, of all channels, in which long series are read.
PART_VALUES = 1 << 23


class Part(NamedTuple):
    """A part of a series in a file.

    Attributes
    ----------
    path : Path
    number : int
        Of the series in the file.
    start, stop : int
        Its range of samples.
    """

    path: Path
    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class RowOrigins:
    """Where rows that are windows of series come from.

    Attributes
    ----------
    names : sequence of str
        Names of the series: their files.
    series : ndarray of int of shape (n,)
        Which of them each row comes from.
    start, stop : ndarray of int of shape (n,)
        First sample of each row, and the one after its last, counted from the start of its file.
    rate : float or None
        Samples per second; None if unknown.
    """

    names: Sequence[str]
    series: NDArray[np.intp]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    rate: float | None

    def __len__(self) -> int:
        return len(self.series)

    def columns(self) -> dict[str, NDArray[Any]]:
        """File of each row, with its first and last sample, or its begin and end in seconds.

        Returns
        -------
        columns : dict of str to array of shape (n_rows,)
        """
        found: dict[str, NDArray[Any]] = {"file": np.array(self.names)[self.series]}
        if self.rate is None:
            return found | {"first": self.start, "last": self.stop - 1}
        return found | {"begin": self.start / self.rate, "end": self.stop / self.rate}

    def described(self, row: int) -> str:
        """One row's origin in words.

        Parameters
        ----------
        row : int

        Returns
        -------
        origin : str
        """
        start, stop = int(self.start[row]), int(self.stop[row])
        name = self.names[self.series[row]]
        if self.rate is None:
            return f"{name}, samples {start:,} to {stop - 1:,}"
        return f"{name}, {start / self.rate:g} to {stop / self.rate:g} s"


class FileSeries(LazySequence):
    """Series in files, or parts of them, each read when it is asked for; or held.

    Parameters
    ----------
    files : DataFiles
    items : sequence of Part
    dtype : dtype
    rate : float or None
        Samples per second; None if unknown.
    """

    items: Sequence[Part]

    def __init__(
        self, files: DataFiles, items: Sequence[Part], dtype: np.dtype[Any], rate: float | None
    ) -> None:
        super().__init__(items, dtype)
        self.rate = rate
        self._files = files
        self._held: tuple[Path, Any] | None = None

    def _read(self, item: Part) -> FloatArray:
        with read_again(item.path):
            return self.read_part(item).astype(self.dtype, copy=False)

    def read_part(self, item: Part) -> FloatArray:
        """The samples of a part, (channels, samples).

        Raises
        ------
        DataFileError
            If they cannot be read, or are not finite.
        """
        path, number, start, stop = item
        place = self._files.place(path)
        content, selection = place.look(), place.selection
        if content.kind == "recordings":
            samples = picked(read_sound(place.file, start, stop)[0].T, content, selection)
        elif content.kind == "series":
            samples = place.open().read(start, stop).X.T
        elif place.format.open is not None and _is_table(content) and runs_down(content, selection):
            moments = place.open().read(start, stop).X
            samples = picked(moments, content, selection)
        else:
            samples = self._whole(path, content)[number, :, start:stop]
        if samples.shape[1] < stop - start:
            raise DataFileError(
                f"ends early: {stop - start - samples.shape[1]:,} samples are missing"
            )
        return np.ascontiguousarray(finite_floats(samples))

    def _whole(self, path: Path, content: Content) -> NDArray[Any]:
        """All series of a file that cannot be read in parts; those read last are held."""
        held = self._held  # a reference of its own, since threads may ask at once
        if held is None or held[0] != path:
            array = arranged(self._files.read(path), content, self._files.selection)
            held = self._held = path, array
        whole: NDArray[Any] = held[1]
        return whole


class HeldSeries(LazySequence):
    """Series in memory.

    Parameters
    ----------
    arrays : sequence of ndarray
    dtype : dtype
    rate : float or None
        Samples per second; None if unknown.
    """

    items: Sequence[FloatArray]

    def __init__(
        self, arrays: Sequence[FloatArray], dtype: np.dtype[Any], rate: float | None
    ) -> None:
        super().__init__(arrays, dtype)
        self.rate = rate

    def _read(self, item: FloatArray) -> FloatArray:
        return item


class LoadedSeries(NamedTuple):
    """Series and their names.

    Attributes
    ----------
    series : sequence of ndarray of shape (n_channels, n_samples)
        In memory, or read when they are needed.
    names : list of str
    skipped : list of Skipped
        Files that were left out.
    rate : float or None
        Samples per second; None if unknown.
    begins : list of int
        The sample of its file at which each begins.
    channels : tuple of str
        Names of the channels; empty if they have none.
    """

    series: FileSeries | HeldSeries
    names: list[str]
    skipped: list[Skipped]
    rate: float | None
    begins: list[int]
    channels: tuple[str, ...]


def read_series(
    files: DataFiles, rate: float | None = None, *, window: int = 1, hop: int | None = None
) -> LoadedSeries:
    """Series that are held, or read when they are asked for if they are too large.

    What cannot be read is found now, in a pass over the files.

    Parameters
    ----------
    files : DataFiles
    rate : float, default=None
        Samples per second of files that do not state it.
    window : int, default=1
        Samples; files with shorter series are treated as ones that cannot be read.
    hop : int, default=None
        Samples from one window to the next: long series may then be read in parts, which overlap so
        that their windows are those of the whole. None reads them whole.
    """
    rate = one_rate(files, rate)
    channels = _alike(files, lambda content: content.channels, "channels")
    _alike(files, lambda content: content.shape[1], "channels")
    is_held = files.n_bytes <= HELD_BYTES
    parts: list[Part] = []
    names: list[str] = []
    found: list[FloatArray] = []
    dtype = np.result_type(*(float_dtype(content.dtype) for content in files.contents.values()))
    reader = FileSeries(files, parts, dtype, rate)
    for path, content in files.contents.items():
        with files.reading(path):
            n_series, n_channels, n_samples = content.shape
            if n_samples < window:
                raise DataFileError(
                    f"has {n_samples:,} samples, too few: at least {window:,} are needed"
                )
            step, more = n_samples, 0
            if hop is not None and not is_held:
                step, more = max(PART_VALUES // n_channels // hop, 1) * hop, max(window - hop, 0)
            mine = [
                Part(path, number, start, min(start + step + more, n_samples))
                for number in range(n_series)
                for start in range(0, n_samples - window + 1, step)
            ]
            arrays = map(reader.read_part, mine)
            if is_held:
                found += [array.astype(dtype, copy=False) for array in list(arrays)]
            else:
                for _ in arrays:  # to find what cannot be read
                    pass
            parts += mine
            names += [str(path) if n_series == 1 else f"{path}[{part.number}]" for part in mine]
    files.need_some(names)
    skipped = {file for file, _ in files.skipped}
    files.notes = [note for note in files.notes if note.file not in skipped]
    series = HeldSeries(found, dtype, rate) if is_held else reader
    begins = [part.start for part in parts]
    return LoadedSeries(series, names, list(files.skipped), rate, begins, channels)


def _is_table(content: Content) -> bool:
    """Whether a file holds rows of several columns, a run of which can be read at a time."""
    return content.kind == "rows" and content.shape[1] > 1


def one_rate(files: DataFiles, rate: float | None) -> float | None:
    """Samples per second of all files: their own, or what is said of those that do not tell.

    Raises
    ------
    DataFileError
        If a file tells another one than is said, or than most.
    """
    own = [content.rate for content in files.contents.values() if content.rate]
    usual = rate if rate is not None else (Counter(own).most_common(1)[0][0] if own else None)
    for path in [p for p, c in files.contents.items() if c.rate and c.rate != usual]:
        with files.reading(path):
            found = files.contents.pop(path).rate
            whose = "most others have" if rate is None else "was given"
            raise DataFileError(
                f"has {found:g} samples per second, but {whose} {usual:g}: all must have the same "
                "rate. Use files of one rate, or resample them first"
            )
    files.need_some(list(files.contents))
    return usual


def _alike(files: DataFiles, ask: Any, what: str) -> Any:
    """What all files answer; those that answer otherwise than most cannot be used."""
    answers = {path: ask(content) for path, content in files.contents.items()}
    usual = Counter(answers.values()).most_common(1)[0][0]
    for path in [path for path, answer in answers.items() if answer != usual]:
        with files.reading(path):
            del files.contents[path]
            mine, theirs = _told(answers[path]), _told(usual)
            raise DataFileError(
                f"has {what} {mine}, most others {theirs}. Choose some that all files have: "
                "--channels NAME,... (in Python channels=[...])"
            )
    return usual


def _told(answer: Any) -> str:
    if not isinstance(answer, tuple):
        return f"{answer:,}"
    return ", ".join(answer) or "without names"


def load_series(
    paths: PathLike | Iterable[PathLike],
    *,
    rate: float | None = None,
    channels: Sequence[str] | None = None,
    key: str | None = None,
    time: str | None = None,
    on_error: str = "fail",
) -> LoadedSeries:
    """Read series: signals of one or more channels, in EDF, BDF, arrays, or sound files.

    All files form one data set, and must have the same channels and sample rate. Series of more
    than 1 GiB are read in parts when they are needed.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to any depth; hidden files are ignored.
    rate : float, default=None
        Samples per second of files that do not state it.
    channels : sequence of str, default=None
        Names of channels, or their numbers counted from 0. None takes all.
    key : str, default=None
        Name of the array in files that hold several, or a pattern such as ``"run*/x"`` for all that
        match.
    time : {"rows", "columns"}, default=None
        Whether each row of an array is a moment, or each column. None takes the axis that is at
        least eight times longer than the other.
    on_error : {"fail", "skip"}, default="fail"
        What to do if a file cannot be read: raise an error, or skip the file and list it in
        `skipped`.

    Returns
    -------
    series : LoadedSeries

    Raises
    ------
    DataFileError
        If a file cannot be read and `on_error` is "fail", or if none can be read; the message names
        the file.
    FileNotFoundError
        If a path does not exist.

    Warns
    -----
    UserWarning
        About files that end early, or have gaps.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import load_series
    >>> np.save("sensors.npy", np.random.RandomState(0).rand(3, 1000))
    >>> load_series("sensors.npy", rate=100).series[0].shape
    (3, 1000)
    """
    if rate is not None:
        check_real("rate", rate, low=0, open_ends=True)
    if time is not None:
        look_up("time", time, TIMES)
    chosen = None if channels is None else tuple(map(str, channels))
    selection = Selection(key=key, series=True, channels=chosen, time=time)
    files = DataFiles.find(paths, selection=selection, on_error=on_error)
    loaded = read_series(files, rate)
    for file, note in files.notes:
        if not note.startswith("holds"):
            warnings.warn(f"{file} {note}.", UserWarning, stacklevel=2)
    return loaded
