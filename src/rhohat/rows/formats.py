"""The table of formats, by which files are found, looked at, read and opened.

A row that is added makes a format like all others. `rhohat.files.formats` adds photographs and
sound.
"""

from __future__ import annotations

from pathlib import Path

from rhohat.common.errors import DataFileError
from rhohat.rows.edf import EDF
from rhohat.rows.file_format import FileFormat
from rhohat.rows.hdf5 import HDF5
from rhohat.rows.mat import MAT
from rhohat.rows.npy import NPY, NPZ
from rhohat.rows.zarr import ZARR

#: Formats by their names.
FORMATS: dict[str, FileFormat] = {
    "npy": NPY,
    "npz": NPZ,
    "mat": MAT,
    "zarr": ZARR,
    "hdf5": HDF5,
    "edf": EDF,
}


def by_suffix() -> dict[str, FileFormat]:
    """The format of each suffix."""
    return {suffix: row for row in FORMATS.values() for suffix in row.suffixes}


def is_folder_format(path: Path) -> bool:
    """Whether a folder of this name is data itself."""
    row = by_suffix().get(path.suffix.lower())
    return row is not None and row.is_folder


def format_of(path: Path) -> FileFormat:
    """The format of a file.

    Raises
    ------
    DataFileError
        If its suffix belongs to none, or there is no such file.
    """
    rows = by_suffix()
    row = rows.get(path.suffix.lower())
    if row is None:
        raise DataFileError(f"ends in none of {', '.join(rows)}")
    if not (path.is_dir() if row.is_folder else path.is_file()):
        raise DataFileError("is not a file" if path.exists() else "is gone, or a link to nothing")
    return row
