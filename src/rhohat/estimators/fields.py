"""What a model file holds of an attribute (an array, a value or models), and when it is valid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.tensorfiles import is_count, is_list, is_number, is_text
from rhohat.objective.base import LossTerms


class Array(NamedTuple):
    """A fitted array. A symbol stands for the same size wherever it comes within a class.

    Attributes
    ----------
    shape : tuple of str or int
    dtypes : tuple of str, default=("F32", "F64")
    least : float, default=-np.inf
        What no value is below; `TINY` for those above 0.
    """

    shape: tuple[str | int, ...]
    dtypes: tuple[str, ...] = ("F32", "F64")
    least: float = -np.inf


class Value(NamedTuple):
    """A fitted attribute, or a parameter, that the file's description holds as JSON.

    Attributes
    ----------
    expected : str
        What errors say is expected.
    is_valid : callable
        Whether a value is as expected.
    from_json : callable
        Makes the attribute from a valid value.
    size : str, default=""
        Symbol of the size that it tells: the attribute itself if it is a number, else its length.
    to_json : callable
        Makes a value from the attribute.
    """

    expected: str
    is_valid: Callable[[Any], bool]
    from_json: Callable[[Any], Any] = lambda value: value
    size: str = ""
    to_json: Callable[[Any], Any] = lambda value: np.asarray(value).tolist()


class Model(NamedTuple):
    """A fitted model of one class."""

    cls: type[Any]

    @property
    def expected(self) -> str:
        """What errors say is expected."""
        return f"a {self.cls.__name__}"

    def is_valid(self, model: Any) -> bool:
        """Whether it is as expected."""
        return type(model) is self.cls


class Models(NamedTuple):
    """A fitted list of models, all of one class, at least one."""

    cls: type[Any]

    @property
    def expected(self) -> str:
        """What errors say is expected."""
        return f"a list of {self.cls.__name__}"

    def is_valid(self, models: Any) -> bool:
        """Whether they are as expected."""
        return type(models) is list and set(map(type, models)) == {self.cls}


def is_plain(value: Any) -> bool:
    """Whether JSON can hold a value as it is."""
    return value is None or type(value) in (bool, int, str) or is_number(value)


#: The least number above 0.
TINY = 5e-324
#: Characters of all labels in an array, in which each takes as much room as the longest.
MOST_CHARACTERS = 10_000_000
#: Types that labels may have, by their names in NumPy; object is for strings.
LABEL_TYPES = (
    *("bool", "str", "object", "float16", "float32", "float64"),
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
)


def _describe_labels(labels: NDArray[Any]) -> dict[str, Any]:
    """The type of labels, and their values."""
    dtype = "str" if labels.dtype.kind == "U" else labels.dtype.name
    if dtype not in LABEL_TYPES:
        raise TypeError(
            f"labels of type {dtype} cannot be saved; a file can hold labels of type "
            f"{', '.join(LABEL_TYPES)}."
        )
    return {"dtype": dtype, "values": labels.tolist()}


def _restore_labels(described: dict[str, Any]) -> NDArray[Any]:
    return np.array(described["values"]).astype(described["dtype"])


def _are_labels(described: Any) -> bool:
    """Whether described labels are all of the type that the description names."""
    if type(described) is not dict or described.keys() != {"dtype", "values"}:
        return False
    dtype, values = described["dtype"], described["values"]
    if dtype not in list(LABEL_TYPES) or not is_list(values, is_plain):
        return False
    types = set(map(type, values))
    if types == {str} and len(values) * max(map(len, values)) > MOST_CHARACTERS:
        return False
    if len(types) != 1 or types == {type(None)}:
        return False
    try:
        with np.errstate(all="ignore"):
            found = _restore_labels(described).tolist()
    except (OverflowError, TypeError, ValueError):
        return False
    return found == values and set(map(type, found)) == types


COUNT = Value("a whole number, at least 0", is_count)
SIZE = Value("a whole number, at least 1", lambda value: is_count(value) and value > 0)
NUMBER = Value("a finite number", is_number)
POSITIVE = Value("a finite number above 0", lambda value: is_number(value) and value > 0)
NOT_NEGATIVE = Value("a finite number, at least 0", lambda value: is_number(value) and value >= 0)
FLAG = Value("true or false", lambda value: type(value) is bool)
TEXT = Value("a text", is_text)
TERMS = Value(
    "a list of three numbers",
    lambda terms: is_list(terms, is_number, 3),
    lambda terms: LossTerms(*terms),
)
SHAPE = Value(
    "two or three whole numbers, at least 1",
    lambda sizes: is_list(sizes, SIZE.is_valid, 2, 3),
    tuple,
)
PAIR = Value("two whole numbers, at least 1", lambda sizes: is_list(sizes, SIZE.is_valid, 2), tuple)
NAMES = Value(
    "a list of texts",
    lambda names: is_list(names, is_text),
    lambda names: np.array(names, dtype=object),
    size="d",
)
SIZES = Value("a list of whole numbers", lambda sizes: is_list(sizes, is_count))
LABELS = Value(
    "a dtype and values, labels of one type",
    _are_labels,
    _restore_labels,
    size="c",
    to_json=_describe_labels,
)

#: What estimators of rows remember of their columns.
COLUMNS = {"n_features_in_": SIZE._replace(size="d"), "feature_names_in_": NAMES}
