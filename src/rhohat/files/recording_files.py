"""Recordings in files, in parts, all at one rate."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import NamedTuple

from rhohat.common.errors import DataFileError
from rhohat.common.validation import check_integer, check_real
from rhohat.files.finding import DataFiles, PathLike, Skipped
from rhohat.files.recordings import BLOCK_SECONDS, FileRecordings, Part, samples_of
from rhohat.files.sound import read_sound

#: Samples per second that recordings are brought to at most, unless a rate is given.
RATE = 16_000
#: What is said of a file whose samples are all zero.
SILENT = "holds nothing but silence"


class LoadedRecordings(NamedTuple):
    """Recordings and what they are called.

    Attributes
    ----------
    recordings : sequence of ndarray of float32 of shape (n_samples,)
        Each is decoded, mixed down and resampled when it is asked for.
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

    What cannot be read is found in a pass over the files.
    """
    rate = rate or lowest_rate(files, shortest)
    parts: list[Part] = []
    names: list[str] = []
    silent: list[Skipped] = []
    for path, content in files.contents.items():
        with files.reading(path):
            own, n_samples = content.rate, content.shape[2]
            if n_samples < _samples_in(shortest, own):
                raise DataFileError(
                    f"lasts {n_samples / own:.3f} s, too short: {shortest:g} s are needed"
                )
            step = n_samples if longest is None else samples_of(longest, own, rate)
            mine = [
                Part(path, start, min(start + step, n_samples), own)
                for start in range(0, n_samples, step)
            ]
            if len(mine) > 1 and mine[-1].stop - mine[-1].start < _samples_in(shortest, own):
                mine[-2:] = [mine[-1]._replace(start=mine[-2].start)]
            if _peak(path, n_samples, own) == 0:
                silent.append(Skipped(str(path), SILENT))
            parts += mine
            names += [_name_of(part) if len(mine) > 1 else str(path) for part in mine]
    files.need_some(names)
    skipped = {file for file, _ in files.skipped}
    files.notes = [note for note in files.notes if note.file not in skipped] + silent
    return LoadedRecordings(FileRecordings(parts, rate), names, list(files.skipped), rate)


def lowest_rate(files: DataFiles, shortest: float = 0.0) -> int:
    """The lowest rate of the files that are long enough, and at most 16,000 samples per second."""
    rates = {
        content.rate
        for content in files.contents.values()
        if content.shape[2] >= _samples_in(shortest, content.rate)
    }
    return min({RATE, *rates})


def _peak(path: Path, n_samples: int, rate: int) -> float:
    """The greatest sample of a file, which shows that all of them can be decoded."""
    peak = 0.0
    for start in range(0, n_samples, BLOCK_SECONDS * rate):
        stop = min(start + BLOCK_SECONDS * rate, n_samples)
        samples, _ = read_sound(path, start, stop)
        missing = stop - start - samples.shape[1]
        if missing:
            raise DataFileError(f"ends early: {missing:,} samples cannot be decoded")
        peak = max(peak, float(samples.max()), -float(samples.min()))
    return peak


def _samples_in(seconds: float, rate: int) -> int:
    """Samples that last so long at least, but for rounding errors in the seconds."""
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
    """Find recordings (WAV, FLAC, OGG, AIFF), to be decoded when they are asked for.

    Each is mixed down to one channel and resampled. All files are decoded once before, a part at a
    time, so that what cannot be read is found now. A WAV that ends before its header says is used
    as far as it goes, with a warning.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to the bottom, without hidden files.
    rate : int, default=None
        Samples per second to bring all to. None: the lowest of the files' own rates, and 16,000 at
        most.
    longest : float, default=None
        Seconds from which a recording is cut into parts of this length, each a recording of its
        own: memory then does not grow with the length of files. None leaves them whole.
    shortest : float, default=0.0
        Seconds that windows need; shorter recordings are taken for ones that cannot be read.
    on_error : {"fail", "skip"}, default="fail"
        What to do where a file cannot be read: raise, or leave it out and list it in `skipped`.

    Returns
    -------
    recordings : LoadedRecordings

    Raises
    ------
    DataFileError
        If a file cannot be read and `on_error` is "fail", or if none can. Names the file.
    FileNotFoundError
        If a path does not exist.

    Warns
    -----
    UserWarning
        Of files that end early, or are silent.
    """
    if rate is not None:
        check_integer("rate", rate, low=1)
    if longest is not None:
        check_real("longest", longest, low=0, open_ends=True)
    check_real("shortest", shortest, low=0)
    files = DataFiles.find(paths, on_error=on_error)
    if files.kind != "recordings":
        raise DataFileError(f"{next(iter(files.contents))} holds {files.kind}, no recording.")
    loaded = read_recordings(files, rate, longest=longest, shortest=shortest)
    for file, note in files.notes:
        warnings.warn(f"{file} {note}.", UserWarning, stacklevel=2)
    return loaded
