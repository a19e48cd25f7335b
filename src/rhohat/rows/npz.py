"""The .npz files of NumPy: several .npy in a zip archive."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.file_format import Content, FileFormat, choose, refuse_bomb
from rhohat.rows.npy import read_npy_array, read_npy_header

__all__ = ["NPZ"]


@contextmanager
def _chosen(path: Path, key: str | None) -> Iterator[tuple[IO[bytes], zipfile.ZipInfo]]:
    """The member that is meant."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename[:-4]: m for m in archive.infolist() if m.filename[-4:] == ".npy"}

            def shape_of(name: str) -> tuple[int, ...]:
                with archive.open(members[name]) as stream:
                    return read_npy_header(stream, members[name].file_size).shape

            member = members[choose(members, key, shape_of)]
            refuse_bomb(member.file_size, member.compress_size)
            with archive.open(member) as stream:
                yield stream, member
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataFileError(f"is not a sound .npz archive: {error}") from error


def _look(path: Path, key: str | None) -> Content:
    with _chosen(path, key) as (stream, member):
        return read_npy_header(stream, member.file_size).content


def _read(path: Path, key: str | None) -> NDArray[Any]:
    with _chosen(path, key) as (stream, _):
        array = read_npy_array(stream)
        stream.read()  # to its end, where the checksum is compared
        return array


NPZ = FileFormat((".npz",), _look, _read)
