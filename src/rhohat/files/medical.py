"""Slices of NIfTI volumes and pictures of DICOM files, as images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.common.extras import import_extra
from rhohat.files.photographs import without_log
from rhohat.rows.claims import RATIO_LIMIT, Claims
from rhohat.rows.file_format import Content, FileFormat, Selection, decoding

#: The way of storing DICOM in which all of a file is compressed, before anything is checked.
_DEFLATED = "1.2.840.10008.1.2.1.99"


@contextmanager
def _volume(path: Path) -> Iterator[tuple[Any, tuple[int, ...], np.dtype[Any]]]:
    """A volume, its shape and the type of its numbers."""
    nibabel = import_extra("nibabel", "medical")
    with decoding(), without_log("nibabel.global"):
        size = path.stat().st_size
        image = nibabel.Nifti1Image if _is_nifti1(path) else nibabel.Nifti2Image
        volume = image.from_filename(path)
        shape = tuple(int(n) for n in volume.shape)
        stored = volume.header.get_data_dtype().newbyteorder("=")
        if stored.kind not in "iuf" or stored.itemsize > 8:
            raise DataFileError(f"holds values of type {stored}, expected real numbers")
        if len(shape) < 2 or 0 in shape or min(shape) < 0:
            raise DataFileError(f"holds an array of shape {shape}, expected a volume")
        if volume.dataobj.offset > RATIO_LIMIT * size:
            raise DataFileError("states that its numbers begin far beyond its end")
        slope, intercept = volume.dataobj.slope, volume.dataobj.inter
        is_plain = (slope, intercept) == (1, 0)
        dtype = stored if is_plain else np.dtype(np.float64)
        Claims(shape, stored, size).check()
        yield volume, shape, dtype


def _is_nifti1(path: Path) -> bool:
    """Whether a header says 348 bytes, in either order, and not 540."""
    import gzip

    with path.open("rb") as stream:
        begin = stream.read(4)
    if begin[:2] == b"\x1f\x8b":
        with gzip.open(path) as unpacked:
            begin = unpacked.read(4)
    return bytes((540).to_bytes(4, "little")) != begin != bytes((540).to_bytes(4, "big"))


def _slices(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(slices, height, width) of a volume (width, height, depth[, time])."""
    return (prod(shape[2:]), shape[1], shape[0])


def _look_at_nifti(path: Path, selection: Selection) -> Content:
    with _volume(path) as (_, shape, dtype):
        return Content("images", _slices(shape), dtype)


def _read_nifti(path: Path, selection: Selection) -> NDArray[Any]:
    with _volume(path) as (volume, shape, dtype):
        values = np.asanyarray(volume.dataobj).astype(dtype, copy=False)
    return np.ascontiguousarray(values.T.reshape(_slices(shape)))


@contextmanager
def _picture(path: Path, *, whole: bool) -> Iterator[tuple[Any, Content]]:
    """What a DICOM file says, with the picture if it is asked for."""
    pydicom = import_extra("pydicom", "medical")
    with decoding():
        size = path.stat().st_size
        about = pydicom.filereader.read_file_meta_info(path)
        if about.get("TransferSyntaxUID") == _DEFLATED:
            raise DataFileError(
                "is deflated as a whole, which is not supported: save it uncompressed"
            )
        picture = pydicom.dcmread(path, stop_before_pixels=not whole)
        if picture.get("Rows") is None or picture.get("Columns") is None:
            raise DataFileError("holds no image")
        frames, channels = int(picture.get("NumberOfFrames") or 1), int(picture.SamplesPerPixel)
        bits, is_signed = int(picture.BitsAllocated), bool(picture.get("PixelRepresentation", 0))
        if picture.get("PhotometricInterpretation") == "PALETTE COLOR":
            raise DataFileError("holds numbers of a palette's colors: save it as PNG")
        if bits not in (8, 16, 32) or channels not in (1, 3):
            raise DataFileError(f"holds pixels of {bits} bits and {channels} channels")
        stored = np.dtype(f"{'i' if is_signed else 'u'}{bits // 8}")
        shape = (frames, int(picture.Rows), int(picture.Columns), *([channels] * (channels > 1)))
        Claims(shape, stored, size, pixels=prod(shape[1:3])).check()
        is_scaled = _scale(picture) != (1.0, 0.0) and channels == 1
        yield picture, Content("images", shape, np.dtype(np.float64) if is_scaled else stored)


def _scale(picture: Any) -> tuple[float, float]:
    """What pixels are multiplied by, and what is added: Hounsfield units of CT, for instance."""
    slope, intercept = picture.get("RescaleSlope"), picture.get("RescaleIntercept")
    return float(1 if slope is None else slope), float(intercept or 0)


def _look_at_dicom(path: Path, selection: Selection) -> Content:
    with _picture(path, whole=False) as (_, content):
        return content


def _read_dicom(path: Path, selection: Selection) -> NDArray[Any]:
    with _picture(path, whole=True) as (picture, content):
        try:
            pixels = np.asarray(picture.pixel_array)
        except (RuntimeError, NotImplementedError) as error:
            raise DataFileError(
                "is compressed in a way that pydicom alone cannot decode: pip install pylibjpeg "
                "pylibjpeg-libjpeg, or save it uncompressed"
            ) from error
        if content.dtype == np.float64:
            slope, intercept = _scale(picture)
            pixels = pixels * slope + intercept
        return pixels.astype(content.dtype, copy=False).reshape(content.shape)


NIFTI = FileFormat((".nii", ".nii.gz"), _look_at_nifti, _read_nifti, axes=None, group="scans")
DICOM = FileFormat((".dcm", ".dicom"), _look_at_dicom, _read_dicom, axes=None, group="scans")
