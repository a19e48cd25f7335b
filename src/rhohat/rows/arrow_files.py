"""Tables in Parquet and in Arrow's own files (Feather), read a few groups of rows at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.rows.arrow_table import ArrowTable, arrow, as_numbers, held_in, numpy_dtype
from rhohat.rows.claims import Claims
from rhohat.rows.columns import Column, Plan
from rhohat.rows.file_format import Selection, told
from rhohat.rows.partition import CHUNK_ROWS
from rhohat.rows.sources import Source
from rhohat.rows.stores import ChunkedStore
from rhohat.rows.table_format import table_format


class ArrowRows(ChunkedStore):
    """Columns of numbers in a file of groups of rows.

    Parameters
    ----------
    path : str
    indices : sequence of int
        The columns, in this order.
    columns : sequence of str
        Their names.
    dtype : dtype
        That holds all of their numbers.
    lengths : sequence of int
        Rows of each group.
    """

    path: str

    def __init__(
        self,
        path: str,
        indices: Sequence[int],
        columns: Sequence[str],
        dtype: np.dtype[Any],
        lengths: Sequence[int],
    ) -> None:
        self.path = os.path.abspath(path)
        self.indices, self.columns = list(indices), tuple(columns)
        self.group_ends = np.cumsum(lengths)
        ends = [0]
        for end in self.group_ends.tolist():
            if end - ends[-1] >= CHUNK_ROWS or end == self.group_ends[-1]:
                ends.append(end)
        shape = int(self.group_ends[-1]), len(self.indices)
        super().__init__(path, shape, dtype, np.unique(ends)[1:])

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule, which is one or more groups."""
        X = np.empty((stop - start, self.shape[1]), self.stored_dtype)
        first = int(np.searchsorted(self.group_ends, start, side="right"))
        last = int(np.searchsorted(self.group_ends, stop, side="left"))
        try:
            done = 0
            for group in self._groups(range(first, last + 1)):
                n = group.num_rows
                for position, column in enumerate(group.columns):
                    X[done : done + n, position] = as_numbers(column)
                done += n
        except Exception as error:  # of whatever kind pyarrow has for it
            raise DataChangedError(f"{self.name} can no longer be read: {told(error)}") from error
        if done != len(X):
            raise DataChangedError(f"{self.name} was changed since it was opened.")
        return X

    def _groups(self, numbers: range) -> Any:
        """Tables or batches of the columns that are meant."""
        raise NotImplementedError


class ParquetRows(ArrowRows):
    """Rows of a Parquet file."""

    def _groups(self, numbers: range) -> Any:
        from pyarrow import parquet

        with parquet.ParquetFile(self.path, pre_buffer=False) as file:
            known = file.schema_arrow.names
            names = [known[index] for index in self.indices]
            for number in numbers:
                group = file.read_row_group(number, columns=names, use_threads=False)
                yield group.select(names)


class IpcRows(ArrowRows):
    """Rows of an Arrow file."""

    def _groups(self, numbers: range) -> Any:
        pa = arrow()
        options = pa.ipc.IpcReadOptions(use_threads=False)
        with pa.OSFile(self.path) as stream, pa.ipc.open_file(stream, options=options) as reader:
            for number in numbers:
                batch = reader.get_batch(number)
                batch.validate()
                yield batch.select(self.indices)


class _LazyTable:
    """A table of which the columns' types are known, and the rest is read when it is asked for."""

    rows: type[ArrowRows]

    def __init__(self, path: Path, schema: Any, lengths: Sequence[int]) -> None:
        self.path = path
        self.lengths = list(lengths)
        index = _pandas_index(schema)
        self.kept = [n for n, name in enumerate(schema.names) if name not in index]
        self.schema = schema
        self.notes: tuple[str, ...] = ()
        if index & set(schema.names):
            self.notes = (f"has pandas' index in column {min(index)!r:.60}, which is left out",)

    @property
    def n_rows(self) -> int:
        return sum(self.lengths)

    @cached_property
    def whole(self) -> ArrowTable:
        """All of it, in memory."""
        table = self._read()
        table.validate(full=True)
        return ArrowTable(table.select(self.kept))

    @cached_property
    def columns(self) -> list[Column]:
        fields = [self.schema.field(index) for index in self.kept]
        if all(held_in(field.type) != "text" for field in fields):
            return [Column(field.name, held_in(field.type)) for field in fields]
        return self.whole.columns

    def dtype(self, index: int) -> np.dtype[Any]:
        return numpy_dtype(self.schema.field(self.kept[index]).type)

    def numbers(self, index: int) -> NDArray[Any]:
        return self.whole.numbers(index)

    def values(self, index: int) -> NDArray[Any]:
        return self.whole.values(index)

    def store(self, plan: Plan, dtype: np.dtype[Any]) -> Source | None:
        indices = [self.kept[index] for index in plan.indices]
        unique = len(set(self.schema.names)) == len(self.schema.names)
        if not unique or self._lacks_values(indices):
            return None
        return self.rows(str(self.path), indices, plan.names, dtype, self.lengths)

    def _read(self) -> Any:
        raise NotImplementedError

    def _lacks_values(self, indices: Sequence[int]) -> bool:
        raise NotImplementedError


class ParquetTable(_LazyTable):
    """The table of a Parquet file."""

    rows = ParquetRows

    def __init__(self, path: Path) -> None:
        arrow()
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            self.metadata = file.metadata
            schema = file.schema_arrow
        groups = range(self.metadata.num_row_groups)
        lengths = [self.metadata.row_group(number).num_rows for number in groups]
        if min(lengths, default=0) < 0 or sum(lengths) != self.metadata.num_rows:
            raise DataFileError(
                "is a Parquet file whose row groups do not add up to its number of rows"
            )
        shape = self.metadata.num_rows, len(schema.names)
        size = path.stat().st_size
        Claims(shape, np.dtype(np.uint8), size).check()
        unpacked = sum(self.metadata.row_group(number).total_byte_size for number in groups)
        Claims((unpacked,), np.dtype(np.uint8), size).check()
        super().__init__(path, schema, lengths)

    def _read(self) -> Any:
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            return file.read(use_threads=False)

    def _lacks_values(self, indices: Sequence[int]) -> bool:
        """Whether the file's statistics count missing values in these columns."""
        leaves = {
            self.metadata.row_group(0).column(leaf).path_in_schema: leaf
            for leaf in range(self.metadata.num_columns if self.metadata.num_row_groups else 0)
        }
        for index in indices:
            leaf = leaves[self.schema.names[index]]
            for number in range(self.metadata.num_row_groups):
                statistics = self.metadata.row_group(number).column(leaf).statistics
                if statistics is not None and statistics.has_null_count and statistics.null_count:
                    return True
        return False


class IpcTable(_LazyTable):
    """The table of an Arrow file."""

    rows = IpcRows

    def __init__(self, path: Path) -> None:
        pa = arrow()
        with pa.OSFile(os.fspath(path)) as stream:
            with pa.ipc.open_file(stream) as reader:
                schema = reader.schema
                batches = range(reader.num_record_batches)
            lengths, self.nulls = [], np.zeros(len(schema.names), dtype=np.intp)
            with pa.ipc.open_file(stream) as reader:
                for number in batches:
                    batch = reader.get_batch(number)
                    batch.validate()
                    lengths.append(batch.num_rows)
                    self.nulls += [column.null_count for column in batch.columns]
        shape = sum(lengths), len(schema.names)
        Claims(shape, np.dtype(np.uint8), path.stat().st_size).check()
        super().__init__(path, schema, lengths)

    def _read(self) -> Any:
        pa = arrow()
        with pa.OSFile(os.fspath(self.path)) as stream, pa.ipc.open_file(stream) as reader:
            return reader.read_all()

    def _lacks_values(self, indices: Sequence[int]) -> bool:
        return bool(self.nulls[list(indices)].any())


def _pandas_index(schema: Any) -> set[str]:
    """Names of the columns that pandas kept its index in, if the file says so."""
    about = schema.pandas_metadata or {}
    return {name for name in about.get("index_columns", ()) if isinstance(name, str)}


def _open_arrow(path: Path, selection: Selection) -> Any:
    pa = arrow()
    with path.open("rb") as stream:
        magic = stream.read(8)
    if magic[:6] == b"ARROW1":
        return IpcTable(path)
    if magic[:4] == b"FEA1":
        from pyarrow import feather

        return ArrowTable(feather.read_table(path, memory_map=False))
    with pa.OSFile(os.fspath(path)) as stream, pa.ipc.open_stream(stream) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return ArrowTable(table)


def _open_parquet(path: Path, selection: Selection) -> ParquetTable:
    return ParquetTable(path)


PARQUET = table_format((".parquet", ".pq"), _open_parquet, streams=True)
ARROW = table_format((".feather", ".arrow"), _open_arrow, streams=True)
