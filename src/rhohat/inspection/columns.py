"""Columns of rows that are no pictures: what is along the axis that they are drawn over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rhohat.common.arrays import Float64Array
from rhohat.common.printable import printable

#: Columns without an order, at most, that are drawn as bars with their names.
MOST_BARS = 40
#: What a number in a column's name may look like, with what stands before and after it.
NUMBERED = re.compile(r"([^\d+-]*?)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)")


@dataclass(frozen=True)
class Columns:
    """The columns of rows, in their order.

    Attributes
    ----------
    label : str
        What is along the axis: "column", "nm", "component".
    places : ndarray of shape (d,)
        Where each column lies on the axis: the numbers that they are called by, or their own.
    names : tuple of str
        Names that are not numbers; empty if there are none.
    """

    label: str
    places: Float64Array
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, n_columns: int, names: Sequence[Any] | None = None) -> Columns:
        """Columns of these names; they are counted from 0 if they have none.

        Names that are numbers, as wavelengths are, are places on an axis. What all of them have
        before or after the number is its label: "400 nm", "401 nm" lie along an axis "nm". Columns
        that are merely numbered, as "x1" and "x2", lie on an axis if they are too many for bars.
        """
        if names is None or len(names) != n_columns:
            return cls.counted(n_columns, "column")
        texts = tuple(printable(str(name)) for name in names)
        parts = [NUMBERED.fullmatch(text) for text in texts]
        found = [part.groups() for part in parts if part is not None]
        around = {(before, after) for before, _, after in found}
        if len(found) == n_columns and len(around) == 1:
            (before, after), numbers = around.pop(), [float(number) for _, number, _ in found]
            rises = all(a < b for a, b in pairwise(numbers))
            falls = all(a > b for a, b in pairwise(numbers))
            if (rises or falls) and (not before or n_columns > MOST_BARS):
                label = ", ".join(part for part in (before.strip(" _.:-"), after.strip()) if part)
                return cls(label.strip("()[] ") or "column", np.array(numbers))
        return cls("column", np.arange(n_columns, dtype=np.float64), texts)

    @classmethod
    def counted(cls, n_columns: int, label: str) -> Columns:
        """Columns that are numbered from 0."""
        return cls(label, np.arange(n_columns, dtype=np.float64))

    @property
    def are_bars(self) -> bool:
        """Whether they have no order, and are few enough for bars with names."""
        return 0 < len(self.names) <= MOST_BARS


def feature_names(model: Any) -> tuple[str, ...]:
    """Names of the columns that a model was fitted on; empty if they had none."""
    return tuple(map(str, getattr(model, "feature_names_in_", ())))
