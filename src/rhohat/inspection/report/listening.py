"""Sounds on a page, as WAV files in it: the examples of units, and what units stand for."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.files.sound import wav_bytes
from rhohat.inspection.activation_statistics import ActivationStatistics
from rhohat.inspection.examples import SoundExamples
from rhohat.inspection.portrait import Portrait
from rhohat.preprocessing.sounds import SoundExtractor
from rhohat.rows.sampling import sample_rows

#: Bytes that the sounds of all examples, and of all units, may take on a page before encoding.
EXAMPLE_BYTES, UNIT_BYTES = 4_500_000, 1_200_000
#: Least duration of an example's sound, in seconds: some of what is around its window helps.
EXCERPT = 0.4
#: What a unit stands for is repeated after GAP seconds of silence, until it lasts LEAST seconds.
GAP, LEAST = 0.06, 0.5


def excerpts(
    examples: SoundExamples, rows: NDArray[np.intp], ranked: NDArray[np.int64]
) -> list[str | None]:
    """The sound around each example; if there are too many for a page, those ranked highest.

    Parameters
    ----------
    examples : SoundExamples
    rows : ndarray of int of shape (n,)
        Numbers of the examples.
    ranked : ndarray of int
        The same numbers, each once or more often, by how much they are worth hearing.

    Returns
    -------
    sounds : list of str or None
        One for each row, as base64.
    """
    sound, places = examples.sound, examples.places(rows)
    length = round(examples.shape[1] * sound.seconds_per_moment * sound.rate)
    around = max(round(EXCERPT * sound.rate), length)
    _, first = np.unique(ranked, return_index=True)
    kept = ranked[np.sort(first)][: max(EXAMPLE_BYTES // (2 * around), 1)]
    found: list[str | None] = [None] * len(rows)
    wanted = np.flatnonzero(np.isin(rows, kept))
    for number in np.unique(places.image[wanted]):
        samples = examples.samples(int(number))
        for index in wanted[places.image[wanted] == number]:
            begin = round(int(places.left[index]) * sound.seconds_per_moment * sound.rate)
            last = max(len(samples) - around, 0)
            start = min(max(begin - (around - length) // 2, 0), last)
            found[index] = _encoded(samples[start : start + around], sound.rate)
    return found


def sought_sounds(
    portrait: Portrait, examples: SoundExamples, statistics: ActivationStatistics
) -> list[str | None]:
    """The sound of each unit's usual picture, for as many units as a page can hold.

    That is what the unit stands for, if it rebuilds its input. It is as strong as examples are. A
    unit that sees only some of the frequencies is heard at those of the example that activates it
    most.
    """
    sound = examples.sound
    rows = sample_rows(len(examples), 1000, seed=0)
    given = examples.given(rows).reshape(len(rows), -1)
    middle = given.mean(axis=0, dtype=np.float64)
    strength = float(np.sqrt(np.square(given - middle).sum(axis=1).mean()))
    values = portrait.views[0].tiles.values
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    values = middle + values * (strength / np.where(norms > 0, norms, 1))
    tops = examples.places(statistics.rows[:, 0]).top
    found: list[str | None] = []
    left = UNIT_BYTES
    for window, top in zip(values.reshape(-1, *examples.shape), tops, strict=True):
        if left <= 0:
            found.append(None)
            continue
        samples = _sounding(sound, window, int(top))
        left -= 2 * len(samples)
        found.append(_encoded(samples, sound.rate))
    return found


def _sounding(sound: SoundExtractor, window: FloatArray, top: int) -> FloatArray:
    """Samples of a window's sound, repeated if it is short."""
    samples = sound.sound_of(window, top)
    samples /= np.abs(samples).max() or 1.0
    gap = np.zeros(round(GAP * sound.rate))
    times = max(-(-round(LEAST * sound.rate) // (len(samples) + len(gap))), 1)
    return np.concatenate([samples, gap] * times)


def _encoded(samples: FloatArray, rate: int) -> str:
    return base64.b64encode(wav_bytes(samples, rate)).decode()
