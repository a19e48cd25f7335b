"""Maps: where in a scene each unit is active, as a page holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.pictures import as_bytes, data_uri
from rhohat.inspection.scene import SceneSums

#: Characters that the maps may take on the page for each unit, and their longest sides to try.
MAP_CHARACTERS, SIDES = 2000, (128, 96, 64, 48, 32)
#: Share of a map's pixels that are brighter than its scale.
BRIGHTEST = 0.002


@dataclass(frozen=True)
class SceneMaps:
    """Mean activation of each unit at each place of a scene of `height` lines of `width` samples.

    The pictures go from black to white, from `low` to `high`, which few pixels exceed; both (k,).
    """

    height: int
    width: int
    low: FloatArray
    high: FloatArray
    pictures: Sequence[str]

    @classmethod
    def of(cls, sums: SceneSums) -> SceneMaps:
        """As large as they may be on a page."""
        means = sums.means
        low = means.min(axis=(1, 2))
        high = np.quantile(means, 1 - BRIGHTEST, axis=(1, 2))
        high = np.where(high > low, high, means.max(axis=(1, 2)))
        levels = [as_bytes(np.clip(m, a, b) - a) for m, a, b in zip(means, low, high, strict=True)]
        for side in SIDES:
            pictures = [data_uri(level, "jpeg", longest=side) for level in levels]
            if sum(map(len, pictures)) <= MAP_CHARACTERS * len(pictures):
                break
        return cls(*sums.scene, low, high, pictures)
