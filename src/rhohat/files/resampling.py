"""Sound from files, mixed down to one channel and resampled, a part at a time."""

from __future__ import annotations

from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.files.sound import read_sound

#: Seconds that are decoded, mixed down and resampled at a time.
BLOCK_SECONDS = 60
#: Greatest term of the ratio of two rates, for a filter of some ten megabytes.
TERM_LIMIT = 200_000


class Part(NamedTuple):
    """A part of a file.

    Attributes
    ----------
    path : Path
    start, stop : int
        Its range of samples, at the file's own rate.
    rate : int
        That rate, in samples per second.
    """

    path: Path
    start: int
    stop: int
    rate: int


def resampled(samples: FloatArray, rate: int, to: int) -> FloatArray:
    """Samples along the last axis at another rate, without frequencies that are too high for it.

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


def check_resampling(rate: int, to: int) -> None:
    """Raise DataFileError if the filter from one rate to the other is too long.

    Its length grows with the rates' terms once they have no common divisor left.
    """
    if max(rate, to) // gcd(rate, to) > TERM_LIMIT:
        raise DataFileError(
            f"has {rate:,} samples per second, which cannot be resampled to {to:,}, since their "
            "common divisor is too small: it may be damaged. If not, resample it first, for "
            "instance with sox"
        )


def mixed_down(part: Part, rate: int) -> FloatArray:
    """Samples (n_samples,) of a part of a file: the mean of its channels, resampled, in blocks.

    The filter that resamples also sees what is beyond the ends of blocks and parts, as far as it
    reaches.

    Raises
    ------
    DataFileError
        As `read_sound`; or if the file's rate has changed.
    """
    path, first, last, own = part
    check_resampling(own, rate)
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
    """The fewest samples at one rate that are a whole number of samples at the other."""
    return rate // gcd(rate, to)


def samples_of(seconds: float, rate: int, to: int) -> int:
    """Samples at one rate that last about so long, and are a whole number of them at the other."""
    step = own_step(rate, to)
    return max(round(seconds * rate / step), 1) * step
