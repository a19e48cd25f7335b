"""EDF and BDF: recordings of several channels, as of EEG.

A header is followed by data records of equal duration, each with some samples of every channel. The
library edfio, which comes with ``rhohat[signals]``, is given the header and those records that are
asked for, and never more.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array
from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.common.extras import import_extra
from rhohat.common.printable import first_of
from rhohat.rows.channels import chosen_channels
from rhohat.rows.claims import Claims
from rhohat.rows.file_format import Content, FileFormat, Selection, decoding
from rhohat.rows.stores import ChunkedStore

#: How the formats begin, with the bytes of a sample.
SAMPLE_BYTES = {b"0       ": 2, b"\xffBIOSEMI": 3}
#: Bytes of the header for the file, and for each channel; where the latter says how many samples of
#: the channel a record holds, counted from the beginning of all channels' fields, per channel.
HEAD, PER_CHANNEL, SAMPLES_AT = 256, 256, 216
#: Where the header says how many records there are.
RECORDS = slice(236, 244)
#: Channels that events are written in, and that are none.
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
#: Moments that are decoded at a time, or a few more, so that records are decoded once.
GRANULE_MOMENTS = 1 << 15
#: Channels that an error lists of each rate.
LISTED = 8


class Header(NamedTuple):
    """What the header of a file says of its records.

    Attributes
    ----------
    head : bytes
        All of it.
    n_records, record_bytes : int
    names : tuple of str
        Of the channels, without annotations.
    rates : tuple of float
        Samples per second of each channel.
    is_gapless : bool
    """

    head: bytes
    n_records: int
    record_bytes: int
    names: tuple[str, ...]
    rates: tuple[float, ...]
    is_gapless: bool


def read_header(path: Path) -> Header:
    """The header of a file, checked against its size.

    Raises
    ------
    DataFileError
        If it is damaged, or the file does not hold what it announces.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(HEAD)
        if len(head) < HEAD or head[:8] not in SAMPLE_BYTES:
            raise DataFileError("does not begin as EDF or BDF files do")
        n_channels = _number(head[252:256], "channels")
        Claims((), np.dtype(np.int16), size, channels=n_channels).check()
        n_bytes = HEAD + PER_CHANNEL * n_channels
        if _number(head[184:192], "bytes of header") != n_bytes:
            raise DataFileError(
                f"claims a header of another length than the {n_bytes:,} bytes that it must have"
            )
        head += stream.read(n_bytes - HEAD)
    if len(head) < n_bytes:
        raise DataFileError(f"ends after {len(head):,} bytes, within its header of {n_bytes:,}")
    begin = HEAD + SAMPLES_AT * n_channels
    fields = [head[begin + 8 * n : begin + 8 * n + 8] for n in range(n_channels)]
    samples = [_number(field, "samples in a record") for field in fields]
    record_bytes = SAMPLE_BYTES[head[:8]] * sum(samples)
    n_records = _number(head[RECORDS], "data records")
    held, more = divmod(size - n_bytes, record_bytes) if record_bytes else (0, 0)
    if n_records == -1:  # as it is while a file is being written
        n_records = held
    if n_records != held or more:
        raise DataFileError(
            f"claims {n_records:,} data records of {record_bytes:,} bytes, but "
            f"{size - n_bytes:,} bytes follow its header: it is cut off or damaged. Copy it again"
        )
    if n_records < 1:
        raise DataFileError("holds no data records")
    signals = [s for s in _decoded(head, b"", 0).signals if s.label not in ANNOTATIONS]
    for signal in signals:
        if signal.digital_min >= signal.digital_max or signal.physical_min == signal.physical_max:
            raise DataFileError(
                f"maps the digital range {signal.digital_min} to {signal.digital_max} of channel "
                f"{signal.label!r} to {signal.physical_min:g} to {signal.physical_max:g}, which "
                "defines no values"
            )
    names = tuple(signal.label for signal in signals)
    rates = tuple(float(signal.sampling_frequency) for signal in signals)
    is_gapless = head[192:197] not in (b"EDF+D", b"BDF+D")
    return Header(head, n_records, record_bytes, names, rates, is_gapless)


def _number(field: bytes, what: str) -> int:
    try:
        return int(field)
    except ValueError:
        raise DataFileError(f"claims {field!r} {what}, expected a number") from None


def _decoded(head: bytes, records: bytes, n_records: int) -> Any:
    """Some records of a file, decoded by edfio."""
    edfio = import_extra("edfio", "signals")
    patched = head[: RECORDS.start] + f"{n_records:<8}".encode() + head[RECORDS.stop :]
    read = edfio.read_edf if SAMPLE_BYTES[head[:8]] == 2 else edfio.read_bdf
    with decoding():
        return read(io.BytesIO(patched + records), header_encoding="latin-1")


def _chosen(path: Path, selection: Selection) -> tuple[Header, list[int]]:
    """The header, and the numbers of the channels that are meant, which have one rate."""
    header = read_header(path)
    chosen = chosen_channels(header.names, selection.channels)
    rates = {header.rates[number] for number in chosen}
    if not all(np.isfinite(rate) and rate > 0 for rate in rates):
        raise DataFileError("does not state its sample rate")
    if len(rates) > 1:
        listed = "; ".join(_of_rate(header, chosen, rate) for rate in sorted(rates, reverse=True))
        first = next(header.names[n] for n in chosen if header.rates[n] == max(rates))
        raise DataFileError(
            f"has channels with {len(rates)} sample rates: {listed}. Choose channels with one "
            f"rate: --channels {first!r} (in Python channels=[{first!r}])"
        )
    return header, chosen


def _of_rate(header: Header, chosen: list[int], rate: float) -> str:
    names = [header.names[n] for n in chosen if header.rates[n] == rate]
    return f"{rate:g} Hz {first_of(names, LISTED)}"


class EdfFile(ChunkedStore):
    """Moments of an EDF or BDF file as rows, channels as columns, in physical units.

    Parameters
    ----------
    path : path-like
    header : Header
    channels : list of int
        Of equal rates.
    """

    def __init__(self, path: str | os.PathLike[str], header: Header, channels: list[int]) -> None:
        self.path: str = os.path.abspath(path)
        self.header = header
        self.channels = channels
        signal = _decoded(header.head, b"", 0).signals[channels[0]]
        self.per_record = int(signal.samples_per_data_record)
        n_moments = header.n_records * self.per_record
        step = -(-GRANULE_MOMENTS // self.per_record) * self.per_record
        ends = np.append(np.arange(step, n_moments, step), n_moments)
        super().__init__(str(path), (n_moments, len(channels)), np.dtype(np.float64), ends)

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """Moments start to stop, from the records that hold them."""
        header = self.header
        first, last = start // self.per_record, -(-stop // self.per_record)
        try:
            with open(self.path, "rb") as stream:
                stream.seek(len(header.head) + first * header.record_bytes)
                records = stream.read((last - first) * header.record_bytes)
        except FileNotFoundError as error:
            raise DataChangedError(f"{self.name} has disappeared since it was opened.") from error
        if len(records) < (last - first) * header.record_bytes:
            raise DataChangedError(f"{self.name} was shortened since it was opened.")
        signals = _decoded(header.head, records, last - first).signals
        begin = first * self.per_record
        rows: Float64Array = np.empty((stop - start, len(self.channels)))
        for column, number in enumerate(self.channels):
            rows[:, column] = signals[number].data[start - begin : stop - begin]
        return rows


def _look(path: Path, selection: Selection) -> Content:
    header, chosen = _chosen(path, selection)
    n_samples = EdfFile(path, header, chosen).shape[0]
    shape, rate = (1, len(chosen), n_samples), header.rates[chosen[0]]
    Claims(shape, np.dtype(np.int16), path.stat().st_size).check()
    note = (
        ""
        if header.is_gapless
        else "has gaps in time (EDF+D), which are read as if there were none"
    )
    names = tuple(header.names[number] for number in chosen)
    return Content("series", shape, np.dtype(np.float64), rate, note, channels=names)


def _open(path: Path, selection: Selection) -> EdfFile:
    return EdfFile(path, *_chosen(path, selection))


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    rows = _open(path, selection)
    return np.ascontiguousarray(rows.load(0, rows.shape[0]).T)[None]


EDF = FileFormat((".edf", ".bdf"), _look, _read, _open, axes=None, group="series")
