"""Recordings: sound as arrays, from files of any rate, channels and bit depth, a part at a time.

A recording is one series of numbers, (n_samples,), or one for each channel, (n_channels,
n_samples), at a known rate. Files are decoded by soundfile, which comes with ``rhohat[audio]``;
arrays need nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from math import gcd
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat._typing import FloatArray
from rhohat._validation import PRECISIONS, extra
from rhohat.images import ImageSequence
from rhohat.sources import DataFileError

__all__ = [
    "FileRecordings",
    "Part",
    "Recordings",
    "SoundInfo",
    "each_recording",
    "look_at_sound",
    "read_sound",
    "resampled",
    "wav_bytes",
]

#: Recordings as arrays or files, one array with the recordings along its first axis, or a sequence
#: that reads them when they are asked for.
Recordings: TypeAlias = Sequence[FloatArray | str | os.PathLike[str]] | FloatArray

#: Channels from which a file is taken for damaged.
CHANNEL_LIMIT = 1024
#: Bytes that a header may announce in vain before the file is refused rather than noted as cut off.
MISSING_LIMIT = 1 << 30
#: Seconds read beyond both ends of a part, for the filter that resamples.
MARGIN = 0.05


class SoundInfo(NamedTuple):
    """What a sound file's header says.

    Attributes
    ----------
    rate : int
        Samples per second.
    n_samples, n_channels : int
    note : str
        What is wrong with it although it can be read; empty if nothing is.
    """

    rate: int
    n_samples: int
    n_channels: int
    note: str = ""


class Part(NamedTuple):
    """A part of a file.

    Attributes
    ----------
    path : Path
    start, stop : int
        Its samples, at the file's own rate.
    """

    path: Path
    start: int
    stop: int


def _soundfile() -> Any:
    try:
        return extra("soundfile", "audio")
    except ImportError as error:
        raise DataFileError(f"needs a library to be read: {error}") from error


def look_at_sound(path: str | os.PathLike[str]) -> SoundInfo:
    """Read the header of a sound file.

    Raises
    ------
    DataFileError
        If it is no sound file that can be read; says why, without the file's name.
    """
    soundfile = _soundfile()
    path = Path(path)
    if path.stat().st_size == 0:
        raise DataFileError("is empty")
    try:
        with soundfile.SoundFile(str(path)) as sound:
            found = SoundInfo(sound.samplerate, sound.frames, sound.channels)
            sample_bytes = _bytes_of(sound.subtype) * sound.channels
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise DataFileError(f"is not a sound file that can be read: {_told(error)}") from error
    if found.rate <= 0:
        raise DataFileError(f"has a rate of {found.rate} samples per second")
    if not 0 < found.n_channels <= CHANNEL_LIMIT:
        raise DataFileError(f"has {found.n_channels:,} channels, expected 1 to {CHANNEL_LIMIT:,}")
    missing = _missing_bytes(path)
    if missing > MISSING_LIMIT:
        raise DataFileError(
            f"announces {missing:,} bytes of sound more than it holds. It is damaged, or was "
            "written by a program that never knew its length: write it again, with sox for instance"
        )
    if found.n_samples <= 0:
        raise DataFileError("holds no sound")
    if missing > 0:
        lost = missing // sample_bytes if sample_bytes else 0
        return found._replace(note=_cut_off(lost, found.n_samples + lost))
    return found


def _told(error: Exception) -> str:
    """A library's message without the path before it."""
    return str(getattr(error, "error_string", None) or error).rstrip(".")


def _cut_off(missing: int, whole: int) -> str:
    return f"ends early: {missing:,} of {whole:,} samples are missing, the others are used"


def _bytes_of(subtype: str) -> int:
    """Bytes of a sample, where all are as long as each other; else 0."""
    sizes = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3}
    return (sizes | {"PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}).get(subtype, 0)


def _missing_bytes(path: Path) -> int:
    """How much of the sound that a RIFF file announces lies beyond its end."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(4) != b"RIFF":
            return 0
        stream.seek(12)
        while len(header := stream.read(8)) == 8:
            length = int.from_bytes(header[4:], "little")
            if header[:4] == b"data":
                return max(stream.tell() + length - size, 0)
            stream.seek(length + length % 2, os.SEEK_CUR)
    return 0


def read_sound(
    path: str | os.PathLike[str], start: int = 0, stop: int | None = None
) -> tuple[FloatArray, int]:
    """Decode samples of a sound file.

    Parameters
    ----------
    path : path-like
    start, stop : int, default=0, None
        Which samples, at the file's own rate.

    Returns
    -------
    samples : ndarray of float32 of shape (n_channels, n_samples)
        In [-1, 1]; of a file that ends early, as many as there are.
    rate : int

    Raises
    ------
    DataFileError
        If it cannot be decoded, or holds NaN or infinity.
    """
    soundfile = _soundfile()
    try:
        with soundfile.SoundFile(str(path)) as sound:
            rate = sound.samplerate
            sound.seek(start)
            samples = sound.read(
                -1 if stop is None else stop - start, dtype="float32", always_2d=True
            )
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise DataFileError(f"cannot be decoded: {_told(error)}") from error
    bad = ~np.isfinite(samples)
    if bad.any():
        first = start + int(np.argwhere(bad)[0, 0])
        raise DataFileError(f"holds NaN or infinity, first in sample {first:,}")
    return np.ascontiguousarray(samples.T), rate


def resampled(samples: FloatArray, rate: int, to: int) -> FloatArray:
    """Samples along the last axis at another rate, without what that cannot hold.

    Parameters
    ----------
    samples : ndarray of shape (..., n_samples)
    rate, to : int
        Samples per second.

    Returns
    -------
    resampled : ndarray of shape (..., ceil(n_samples * to / rate))
    """
    if rate == to:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, to)
    made: FloatArray = resample_poly(samples, to // common, rate // common, axis=-1)
    return made.astype(samples.dtype, copy=False)


class FileRecordings(ImageSequence):
    """Recordings in files, each decoded, mixed down and resampled when it is asked for.

    Parameters
    ----------
    parts : sequence of Part
    rate : int
        That all are brought to.
    """

    def __init__(self, parts: Sequence[Part], rate: int) -> None:
        self.parts = list(parts)
        self.rate = rate
        self.dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        path, start, stop = self.parts[index]
        try:
            return self._read(path, start, stop)
        except (DataFileError, OSError) as error:
            raise DataFileError(f"{path} {error}, though it could be read before.") from error

    def _read(self, path: Path, start: int, stop: int) -> FloatArray:
        own = look_at_sound(path).rate
        margin = 0 if own == self.rate else int(MARGIN * own) // own_step(own, self.rate)
        margin *= own_step(own, self.rate)  # whole samples at both rates
        first = max(start - margin, 0)
        samples, _ = read_sound(path, first, stop + margin)
        made = resampled(samples.mean(axis=0), own, self.rate)
        begin = (start - first) * self.rate // own
        length = -(-(stop - start) * self.rate // own)
        return made[begin : begin + length]


def own_step(rate: int, to: int) -> int:
    """Samples at one rate that are a whole number of them at the other."""
    return rate // gcd(rate, to)


def each_recording(X: Recordings, rate: int | None = None) -> Iterator[FloatArray]:
    """Recordings as finite float arrays (n_channels, n_samples), one after the other.

    Parameters
    ----------
    X : sequence of ndarray of shape (n_samples,) or (n_channels, n_samples), or of paths
        Or one array with the recordings along its first axis. Integers are divided by the largest
        of their type.
    rate : int, default=None
        That files are resampled to; arrays have it. None: files are refused.

    Raises
    ------
    ValueError
        If there are none, or one is no finite recording; says which.
    DataFileError
        If a file cannot be read.
    """
    from sklearn.utils.validation import check_array  # here, so that readers need no sklearn

    if isinstance(X, np.ndarray) and X.ndim not in (2, 3):
        raise ValueError(
            "expected a sequence of recordings, or an array (recordings, channels, samples); got "
            f"an array of shape {X.shape}. Put a single recording in a list: [recording]."
        )
    if isinstance(X, (str, os.PathLike)) or not hasattr(X, "__len__"):
        raise ValueError(
            f"expected a sequence of recordings, got {type(X).__name__}. Put a single one in a "
            "list, [recording], and read folders by rhohat.load_recordings(folder)."
        )
    if len(X) == 0:
        raise ValueError("expected at least one recording, got an empty sequence.")
    for index, item in enumerate(X):
        if isinstance(item, (str, os.PathLike)):
            item = _file(item, rate)
        array = np.asarray(item)
        if array.dtype.kind in "iu":
            array = array / np.float32(np.iinfo(array.dtype).max)
        checked: FloatArray = check_array(
            array,
            dtype=PRECISIONS,
            allow_nd=True,
            ensure_2d=False,
            ensure_min_samples=0,
            ensure_min_features=0,
            input_name=f"recording {index}",
        )
        if checked.ndim not in (1, 2) or 0 in checked.shape:
            raise ValueError(
                f"recording {index} must have shape (n_samples,) or (n_channels, n_samples), got "
                f"{checked.shape}."
            )
        yield np.atleast_2d(checked)


def _file(path: str | os.PathLike[str], rate: int | None) -> FloatArray:
    """All of a file, mixed down, at `rate`."""
    if rate is None:
        raise ValueError(f"{path}: read files by rhohat.load_recordings, which brings them here.")
    try:
        info = look_at_sound(path)
        return FileRecordings([Part(Path(path), 0, info.n_samples)], rate)._read(
            Path(path), 0, info.n_samples
        )
    except DataFileError as error:
        raise DataFileError(f"{path} {error}.") from error


def wav_bytes(samples: FloatArray, rate: int) -> bytes:
    """A WAV file of 16 bits, one channel, as loud as it can be.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
    rate : int
    """
    import wave
    from io import BytesIO

    peak = float(np.abs(samples).max(initial=0.0))
    levels: NDArray[np.int16] = np.rint(samples * (32000 / peak if peak else 0)).astype("<i2")
    stream: IO[bytes] = BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(levels.tobytes())
    stream.seek(0)
    return stream.read()
