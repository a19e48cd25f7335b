"""The table of formats, by which files are found, looked at, read and opened.

A row that is added makes a format like all others. `rhohat.files.formats` adds photographs and
sound.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.arrow_files import ARROW, PARQUET
from rhohat.rows.edf import EDF
from rhohat.rows.envi import ENVI
from rhohat.rows.file_format import Content, FileFormat, Selection
from rhohat.rows.h5ad import H5AD
from rhohat.rows.hdf5 import HDF5
from rhohat.rows.idx import IDX
from rhohat.rows.mat import MAT
from rhohat.rows.netcdf import NETCDF
from rhohat.rows.npy import NPY, NPZ
from rhohat.rows.refusals import way_round
from rhohat.rows.sources import Source
from rhohat.rows.text_tables import ARFF, PLAIN_TEXT, TEXT_TABLE
from rhohat.rows.zarr import ZARR

#: Formats by their names.
FORMATS: dict[str, FileFormat] = {
    "npy": NPY,
    "npz": NPZ,
    "mat": MAT,
    "zarr": ZARR,
    "hdf5": HDF5,
    "h5ad": H5AD,
    "netcdf": NETCDF,
    "idx": IDX,
    "envi": ENVI,
    "parquet": PARQUET,
    "arrow": ARROW,
    "arff": ARFF,
    "text table": TEXT_TABLE,
    "plain text": PLAIN_TEXT,
    "edf": EDF,
}


def endings(group: str | None = None, *, opened: bool = False) -> list[str]:
    """Endings of names that are recognized, without those of several parts.

    Parameters
    ----------
    group : str, default=None
        Only of formats of this group.
    opened : bool, default=False
        Only of files whose rows can be read a run at a time.
    """
    rows = [
        row
        for row in FORMATS.values()
        if group in (None, row.group) and (row.open is not None or not opened)
    ]
    return [suffix for row in rows for suffix in row.suffixes if suffix.rfind(".") == 0]


def format_named(path: Path) -> FileFormat | None:
    """The format whose ending the name has, the longest if several; None if there is none.

    A folder inside a folder of a format is of this format, too: ``store.zarr/group``.
    """
    best = max(FORMATS.values(), key=lambda row: row.matches(path.name))
    if best.matches(path.name):
        return best
    for outer in path.parents if path.is_dir() else ():
        for row in FORMATS.values():
            if row.is_folder and row.matches(outer.name):
                return row
    return None


def is_folder_format(path: Path) -> bool:
    """Whether a folder of this name is data itself."""
    row = format_named(path)
    return row is not None and row.is_folder


class Place(NamedTuple):
    """Where data lie: in which file, by which format, and what is meant of it.

    Attributes
    ----------
    format : FileFormat
    file : Path
    selection : Selection
    """

    format: FileFormat
    file: Path
    selection: Selection

    def look(self) -> Content:
        """What lies there."""
        return self.format.look(self.file, self.selection)

    def read(self) -> NDArray[Any]:
        """All of it."""
        return self.format.read(self.file, self.selection)

    def open(self) -> Source:
        """Its rows, or moments of series, to be read a run at a time."""
        assert self.format.open is not None  # who asks has looked
        return self.format.open(self.file, self.selection)


def file_of(path: Path) -> Path:
    """The file of a path that may name an array in it, ``file.h5::name``."""
    return path if path.exists() else Path(str(path).partition("::")[0])


def place_of(path: Path, selection: Selection) -> Place:
    """Where a path, which may name an array in a file, leads.

    Raises
    ------
    DataFileError
        As `format_of`.
    """
    file = file_of(path)
    if file != path:
        selection = replace(selection, key=str(path).removeprefix(f"{file}::"))
    return Place(format_of(file), file, selection)


def format_of(path: Path) -> FileFormat:
    """The format of a file.

    Raises
    ------
    DataFileError
        If its ending belongs to none, or there is no such file; says how to convert it.
    """
    row = format_named(path)
    if row is None:
        raise DataFileError(way_round(path) or f"must end in one of {', '.join(endings())}")
    if not (path.is_dir() if row.is_folder else path.is_file()):
        raise DataFileError(
            "is not a file"
            if path.exists()
            else "does not exist, or is a link to a file that does not"
        )
    return row
