"""Recordings: in memory or in files, of any rate and channels, a part at a time.

A recording is one series of numbers, (n_samples,), or one for each channel, (n_channels,
n_samples), at a known rate.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from math import gcd
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rhohat.common.arrays import PRECISIONS, FloatArray, Recordings
from rhohat.common.errors import DataFileError
from rhohat.files.images import ImageSequence
from rhohat.files.sound import SOUND, read_sound

#: Seconds that are decoded, mixed down and resampled at a time.
BLOCK_SECONDS = 60


class Part(NamedTuple):
    """A part of a file.

    Attributes
    ----------
    path : Path
    start, stop : int
        Its samples, at the file's own rate.
    rate : int
        That rate.
    """

    path: Path
    start: int
    stop: int
    rate: int


def resampled(samples: FloatArray, rate: int, to: int) -> FloatArray:
    """Samples along the last axis at another rate, without what that cannot hold.

    Parameters
    ----------
    samples : ndarray of shape (..., n_samples)
    rate, to : int
        Samples per second.

    Returns
    -------
    resampled : ndarray of shape (..., ceil(n_samples * to / rate))
    """
    if rate == to:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, to)
    made: FloatArray = resample_poly(samples, to // common, rate // common, axis=-1)
    return made.astype(samples.dtype, copy=False)


class FileRecordings(ImageSequence):
    """Recordings in files, each decoded, mixed down and resampled when it is asked for.

    Parameters
    ----------
    parts : sequence of Part
    rate : int
        That all are brought to.
    """

    def __init__(self, parts: Sequence[Part], rate: int) -> None:
        self.parts = list(parts)
        self.rate = rate
        self.dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.parts)

    def _read(self, number: int) -> FloatArray:
        part = self.parts[number]
        try:
            return mixed_down(part, self.rate)
        except (DataFileError, OSError) as error:
            raise DataFileError(f"{part.path} {error}, though it could be read before.") from error


def mixed_down(part: Part, rate: int) -> FloatArray:
    """Samples (n_samples,) of part of a file, block by block: the mean of its channels, resampled.

    The filter that resamples is given what lies beyond the ends of blocks and parts, as far as it
    reaches.

    Raises
    ------
    DataFileError
        As `read_sound`; or if the file's rate has changed.
    """
    path, first, last, own = part
    step = own_step(own, rate)
    reach = 0 if own == rate else 10 * max(own, rate) // rate + 1  # of resample_poly's filter
    margin = -(-reach // step) * step
    blocks = []
    for start in range(first, last, samples_of(BLOCK_SECONDS, own, rate)):
        stop = min(start + samples_of(BLOCK_SECONDS, own, rate), last)
        begin = max(start - margin, 0)
        samples, found = read_sound(path, begin, stop + margin)
        if found != own:
            raise DataFileError(f"has {found} samples per second instead of {own}")
        made = resampled(samples.mean(axis=0), own, rate)
        skipped = (start - begin) * rate // own
        blocks.append(made[skipped : skipped - (-(stop - start) * rate // own)])
    return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]


def own_step(rate: int, to: int) -> int:
    """Samples at one rate that are a whole number of them at the other."""
    return rate // gcd(rate, to)


def samples_of(seconds: float, rate: int, to: int) -> int:
    """Samples at one rate that take about so long and are a whole number of them at the other."""
    step = own_step(rate, to)
    return max(round(seconds * rate / step), 1) * step


def check_rate(X: Any, rate: int | None) -> None:
    """Raise ValueError if recordings are known to have another rate."""
    own = getattr(X, "rate", None)
    if rate is not None and own is not None and own != rate:
        raise ValueError(
            f"the recordings have {own:,} samples per second, expected {rate:,}: read them by "
            f"rhohat.load_recordings(..., rate={rate}), or give the extractor rate={own}."
        )


def each_recording(X: Recordings, rate: int | None = None) -> Iterator[FloatArray]:
    """Recordings as finite float arrays (n_channels, n_samples), one after the other.

    Parameters
    ----------
    X : sequence of ndarray of shape (n_samples,) or (n_channels, n_samples), or of paths
        Or one array with the recordings along its first axis. Integers are divided by half the
        number of values of their type, as in WAV files, and unsigned ones lose 1 then.
    rate : int, default=None
        That files are resampled to; arrays have it. None: files are refused.

    Raises
    ------
    ValueError
        If there are none, or one is no finite recording; says which.
    DataFileError
        If a file cannot be read.
    """
    from sklearn.utils.validation import check_array  # here, so that readers need no sklearn

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
            "list, [recording], and read folders by rhohat.load_recordings(folder)."
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
        checked: FloatArray = check_array(
            array,
            dtype=PRECISIONS,
            allow_nd=True,
            ensure_2d=False,
            ensure_min_samples=0,
            ensure_min_features=0,
            input_name=f"recording {index}",
        )
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
    """All of a file, mixed down, at `rate`."""
    if rate is None:
        raise ValueError(f"{path}: read files by rhohat.load_recordings, which brings them here.")
    try:
        found = SOUND.look(Path(path), None)
        return mixed_down(Part(Path(path), 0, found.shape[2], found.rate), rate)
    except DataFileError as error:
        raise DataFileError(f"{path} {error}.") from error
