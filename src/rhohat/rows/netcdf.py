"""Variables of netCDF files: version 3 through SciPy, and version 4, which is HDF5."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import float_dtype, is_real
from rhohat.common.errors import DataFileError
from rhohat.rows.claims import Claims, check_search
from rhohat.rows.file_format import Opened, Selection, array_format, decoding
from rhohat.rows.hdf5 import Hdf5Dataset, find_dataset, found_apart, opened_file
from rhohat.rows.inventory import Entry, choose

#: How files of version 3 begin; the next byte is a version.
_CLASSIC = b"CDF"
#: Bytes of a header that are read beside the numbers.
_HEADER_BYTES = 1 << 20
#: Attributes that say how numbers are packed, and which of them stand for none.
_SCALE, _OFFSET, _MISSING = "scale_factor", "add_offset", ("_FillValue", "missing_value")


@dataclass(frozen=True)
class _Variable:
    """A variable of an open file.

    Attributes
    ----------
    array : object
        Read by slices, in the file's own byte order.
    attributes : mapping
    """

    array: Any
    attributes: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As it is unpacked: floats where numbers are scaled, or where some are missing."""
        stored: np.dtype[Any] = np.dtype(self.array.dtype).newbyteorder("=")
        if not is_real(stored):
            return stored
        if _SCALE in self.attributes or _OFFSET in self.attributes:
            return np.dtype(np.float64)
        return float_dtype(stored) if self._missing and stored.kind in "iu" else stored

    @property
    def is_packed(self) -> bool:
        """Whether numbers must be unpacked."""
        return bool(self._missing) or _SCALE in self.attributes or _OFFSET in self.attributes

    @property
    def _missing(self) -> list[Any]:
        return [self.attributes[name] for name in _MISSING if name in self.attributes]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """The numbers, unpacked; those that are missing are NaN."""
        stored = np.asarray(self.array[key])
        values = np.array(stored, self.dtype)
        if not self.is_packed:
            return values
        scale, offset = (
            float(np.ravel(self.attributes.get(name, usual))[0])
            for name, usual in ((_SCALE, 1.0), (_OFFSET, 0.0))
        )
        if (scale, offset) != (1.0, 0.0):
            values = (values * scale + offset).astype(self.dtype)
        for missing in self._missing:
            values[np.isin(stored, np.ravel(missing))] = np.nan
        return values


class _Bounded(io.FileIO):
    """A file of which SciPy reads little more than it holds, whatever its header says."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._size = path.stat().st_size
        self._left = 2 * self._size + _HEADER_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes from here on."""
        wanted = self._size if size is None else int(size)
        self._left -= wanted
        if not 0 <= wanted <= self._size or self._left < 0:
            raise DataFileError(f"claims more than the {self._size:,} bytes that it holds")
        return super().read(wanted) or b""


def _is_classic(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(3) == _CLASSIC


@contextmanager
def _opened(path: Path, selection: Selection) -> Iterator[Opened]:
    """The variable that is meant, with its file open inside the block."""
    with _found(path, selection) as (variable, facts):
        Claims(variable.shape, variable.dtype, path.stat().st_size).check()
        yield Opened(variable, {"is_whole": variable.is_packed or _is_classic(path), **facts})


@contextmanager
def _found(path: Path, selection: Selection) -> Iterator[tuple[_Variable, dict[str, Any]]]:
    """The variable, and attributes of its `Content`."""
    if not _is_classic(path):
        name, facts = found_apart(find_dataset, path, selection.key)
        with opened_file(path) as file, decoding():
            dataset = file[name]
            attributes = {
                name: dataset.attrs[name]
                for name in (_SCALE, _OFFSET, *_MISSING)
                if name in dataset.attrs
            }
            yield _Variable(dataset, attributes), facts
        return
    from scipy.io import netcdf_file

    with decoding(), _Bounded(path) as stream, netcdf_file(stream, mmap=False) as file:
        variables = file.variables
        check_search(0, len(variables))

        def describe(name: str) -> Entry:
            variable = variables[name]
            dtype = np.dtype(variable.data.dtype)
            reason = "" if is_real(dtype) else "text"
            return Entry(name, variable.shape, dtype, reason, may_be_data=False)

        entry, facts = choose(variables, describe, selection.key)
        variable = variables[entry.name]
        yield _Variable(variable.data, vars(variable).get("_attributes", {})), facts


NETCDF = array_format(
    (".nc", ".nc4", ".cdf", ".netcdf"),
    _opened,
    lambda variable: Hdf5Dataset(variable.array, hold=False),
)
