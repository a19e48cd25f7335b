"""Recordings: in memory or in files, of any rate and any number of channels.

A recording is one series of numbers, (n_samples,), or one for each channel, (n_channels,
n_samples), at a known rate.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from statistics import median_high
from typing import Any, NamedTuple

import numpy as np

from rhohat.common.arrays import FloatArray, Recordings
from rhohat.common.errors import DataFileError
from rhohat.common.validation import check_floats, check_integer, check_real
from rhohat.files.finding import DataFiles, Noted, PathLike, Skipped, read_again
from rhohat.files.lazy_sequence import LazySequence
from rhohat.files.resampling import Part, check_resampling, mixed_down, samples_of
from rhohat.files.sound import SOUND, read_sound
from rhohat.rows.file_format import ANY

#: Samples per second that recordings are resampled to at most, unless a rate is given.
RATE = 16_000
#: A file that has so many times fewer samples per second than is usual may be damaged.
SLOWER = 10
#: Values that are decoded at a time to look for silence.
PEAK_VALUES = 1 << 20
#: What is said of a file whose samples are all zero.
SILENT = "holds only silence"


class FileRecordings(LazySequence):
    """Recordings in files, each decoded, mixed down and resampled when it is asked for.

    Parameters
    ----------
    items : sequence of Part
    rate : int
        Samples per second of all of them.
    """

    items: Sequence[Part]

    def __init__(self, items: Sequence[Part], rate: int) -> None:
        super().__init__(items, np.dtype(np.float32))
        self.rate = rate

    def _read(self, item: Part) -> FloatArray:
        with read_again(item.path):
            return mixed_down(item, self.rate)


class LoadedRecordings(NamedTuple):
    """Recordings and their names.

    Attributes
    ----------
    recordings : sequence of ndarray of float32 of shape (n_samples,)
        Each is decoded, mixed down and resampled when it is needed.
    names : list of str
    skipped : list of Skipped
        Files that were left out.
    rate : int
        Samples per second.
    """

    recordings: FileRecordings
    names: list[str]
    skipped: list[Skipped]
    rate: int


def read_recordings(
    files: DataFiles,
    rate: int | None = None,
    *,
    longest: float | None = None,
    shortest: float = 0.0,
) -> LoadedRecordings:
    """Recordings that are decoded when they are asked for; see `load_recordings`.

    What cannot be read is found now, in a pass over the files.
    """
    rate = rate or lowest_rate(files, shortest)
    parts: list[Part] = []
    names: list[str] = []
    silent: list[Noted] = []
    for path, content in files.contents.items():
        with files.reading(path):
            own, n_samples = int(content.rate), content.shape[2]
            if n_samples < _samples_in(shortest, own):
                raise DataFileError(
                    f"lasts {n_samples / own:.3f} s, too short: at least {shortest:g} s are needed"
                )
            check_resampling(own, rate)
            peak = _peak(path, content.shape[1], n_samples)
            step = n_samples if longest is None else samples_of(longest, own, rate)
            mine = [
                Part(path, start, min(start + step, n_samples), own)
                for start in range(0, n_samples, step)
            ]
            if len(mine) > 1 and mine[-1].stop - mine[-1].start < _samples_in(shortest, own):
                mine[-2:] = [mine[-1]._replace(start=mine[-2].start)]
            if peak == 0:
                silent.append(Noted(str(path), SILENT))
            parts += mine
            names += [str(path) if len(mine) == 1 else _name_of(part) for part in mine]
    files.need_some(names)
    skipped = {file for file, _ in files.skipped}
    files.notes = [note for note in files.notes if note.file not in skipped] + silent
    return LoadedRecordings(FileRecordings(parts, rate), names, list(files.skipped), rate)


def lowest_rate(files: DataFiles, shortest: float = 0.0) -> int:
    """The lowest rate of the files that are long enough, but at most 16,000 samples per second.

    A file whose rate is so low that all others would lose by it is treated as one that cannot be
    read.
    """
    rates = {
        path: int(content.rate)
        for path, content in files.contents.items()
        if content.shape[2] >= _samples_in(shortest, int(content.rate))
    }
    usual = median_high(rates.values()) if rates else RATE
    for path in [path for path, rate in rates.items() if rate * SLOWER < min(usual, RATE)]:
        with files.reading(path):
            del files.contents[path]
            raise DataFileError(
                f"has {rates.pop(path):,} samples per second, most others {usual:,} or more: it "
                "may be damaged. If not, give a rate to convert all files to"
            )
    return min({RATE, *rates.values()})


def _peak(path: Path, n_channels: int, n_samples: int) -> float:
    """The greatest absolute sample of a file, for which all of them are decoded."""
    peak = 0.0
    step = max(PEAK_VALUES // n_channels, 1)
    for start in range(0, n_samples, step):
        stop = min(start + step, n_samples)
        samples, _ = read_sound(path, start, stop)
        missing = stop - start - samples.shape[1]
        if missing:
            raise DataFileError(f"ends early: {missing:,} samples cannot be decoded")
        peak = max(peak, float(samples.max()), -float(samples.min()))
    return peak


def _samples_in(seconds: float, rate: int) -> int:
    """Samples that last at least so long, up to rounding errors in `seconds`."""
    return ceil(seconds * rate - 1e-6)


def _name_of(part: Part) -> str:
    return f"{part.path}, {part.start / part.rate:g} to {part.stop / part.rate:g} s"


def load_recordings(
    paths: PathLike | Iterable[PathLike],
    *,
    rate: int | None = None,
    longest: float | None = None,
    shortest: float = 0.0,
    on_error: str = "fail",
) -> LoadedRecordings:
    """Find recordings (WAV, FLAC, MP3, OGG, Opus, AIFF, AU), which are decoded when needed.

    Each is mixed down to one channel and resampled. All files are decoded once at the start, part
    by part, to find those that cannot be read. A WAV file that ends earlier than its header says is
    used as far as it goes, with a warning.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to any depth; hidden files are ignored.
    rate : int, default=None
        Samples per second to resample all files to. None: the lowest of the files' own rates, but
        at most 16,000.
    longest : float, default=None
        Recordings longer than this many seconds are cut into parts of that length, each a recording
        of its own, so that memory does not grow with the length of files. None leaves them whole.
    shortest : float, default=0.0
        Seconds that windows need; shorter recordings count as unreadable.
    on_error : {"fail", "skip"}, default="fail"
        What to do if a file cannot be read: raise an error, or skip the file and list it in
        `skipped`.

    Returns
    -------
    recordings : LoadedRecordings

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
        About files that end early, or are silent.
    """
    if rate is not None:
        check_integer("rate", rate, low=1)
    if longest is not None:
        check_real("longest", longest, low=0, open_ends=True)
    check_real("shortest", shortest, low=0)
    files = DataFiles.find(paths, on_error=on_error)
    if files.kind != "recordings":
        raise DataFileError(f"{next(iter(files.contents))} holds {files.kind}, not a recording.")
    loaded = read_recordings(files, rate, longest=longest, shortest=shortest)
    for file, note in files.notes:
        warnings.warn(f"{file} {note}.", UserWarning, stacklevel=2)
    return loaded


def check_rate(X: Any, rate: int | None) -> None:
    """Raise ValueError if the recordings are known to have another rate."""
    own = getattr(X, "rate", None)
    if rate is not None and own is not None and own != rate:
        raise ValueError(
            f"the recordings have {own:,} samples per second, expected {rate:,}: read them with "
            f"rhohat.load_recordings(..., rate={rate}), or create the extractor with rate={own}."
        )


def each_recording(X: Recordings, rate: int | None = None) -> Iterator[FloatArray]:
    """Recordings as finite float arrays (n_channels, n_samples), one after another.

    Parameters
    ----------
    X : sequence of ndarray of shape (n_samples,) or (n_channels, n_samples), or of paths
        Or one array with the recordings along its first axis. Integers become -1 to 1, as in WAV
        files: they are divided by half the number of values of their type, and 1 is subtracted from
        unsigned ones.
    rate : int, default=None
        Samples per second, which arrays have and files are resampled to. None: files are refused.

    Raises
    ------
    ValueError
        If there are none, or if one, which it names, is not a finite recording.
    DataFileError
        If a file cannot be read.
    """
    named = isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "OU"
    if isinstance(X, np.ndarray) and X.ndim not in (2, 3) and not named:
        raise ValueError(
            "expected a sequence of recordings, or an array (recordings, channels, samples); got "
            f"an array of shape {X.shape}. Put a single recording in a list: [recording]."
        )
    is_table = isinstance(X, Mapping) or hasattr(X, "columns")
    if isinstance(X, (str, os.PathLike)) or is_table or not hasattr(X, "__len__"):
        raise ValueError(
            f"expected a sequence of recordings, got {type(X).__name__}. Put a single one in a "
            "list, [recording], and read folders with rhohat.load_recordings(folder)."
        )
    if len(X) == 0:
        raise ValueError("expected at least one recording, got an empty sequence.")
    check_rate(X, rate)
    for index, item in enumerate(X):
        if isinstance(item, (str, os.PathLike)):
            item = _file(item, rate)
        array = np.asarray(item)
        if array.dtype.kind in "iu":
            half = np.float32(2.0 ** (8 * array.itemsize - 1))
            array = array / half - np.float32(array.dtype.kind == "u")
        checked = check_floats(f"recording {index}", array)
        if checked.ndim not in (1, 2) or 0 in checked.shape:
            raise ValueError(
                f"recording {index} must have shape (n_samples,) or (n_channels, n_samples), got "
                f"{checked.shape}."
            )
        if rate is not None and checked.ndim == 2 and checked.shape[0] > checked.shape[1]:
            raise ValueError(
                f"recording {index} has {checked.shape[0]:,} channels of {checked.shape[1]:,} "
                "samples: expected (n_channels, n_samples). Transpose it."
            )
        yield np.atleast_2d(checked)


def _file(path: str | os.PathLike[str], rate: int | None) -> FloatArray:
    """All of a file, mixed down and resampled."""
    if rate is None:
        raise ValueError(
            f"{path}: read files with rhohat.load_recordings first, and pass what it returns."
        )
    try:
        found = SOUND.look(Path(path), ANY)
        return mixed_down(Part(Path(path), 0, found.shape[2], int(found.rate)), rate)
    except DataFileError as error:
        raise DataFileError(f"{path} {error}.") from error
