"""Recordings: sound as arrays, from files of any rate, channels and bit depth, a part at a time.

A recording is one series of numbers, (n_samples,), or one for each channel, (n_channels,
n_samples), at a known rate. Files are decoded by soundfile, which comes with ``rhohat[audio]``;
arrays need nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from math import gcd
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.common.validation import PRECISIONS, extra
from rhohat.files.images import ImageSequence

__all__ = [
    "FileRecordings",
    "Part",
    "Recordings",
    "SoundInfo",
    "check_rate",
    "each_recording",
    "look_at_sound",
    "read_sound",
    "resampled",
    "samples_of",
    "wav_bytes",
]

#: Recordings as arrays or files, one array with the recordings along its first axis, or a sequence
#: that reads them when they are asked for.
Recordings: TypeAlias = Sequence[FloatArray | str | os.PathLike[str]] | FloatArray

#: Channels from which a file is taken for damaged.
CHANNEL_LIMIT = 1024
#: Bytes that a header may announce in vain before the file is refused rather than noted as cut off.
MISSING_LIMIT = 1 << 30
#: Samples for each byte of a file beyond which its header is not believed: FLAC has some thousands
#: of silence.
PLAUSIBLE = 100_000
#: Seconds that are decoded, mixed down and resampled at a time.
BLOCK_SECONDS = 60


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
    rate : int
        That rate.
    """

    path: Path
    start: int
    stop: int
    rate: int


def _soundfile() -> Any:
    try:
        return extra("soundfile", "audio")
    except ImportError as error:
        raise DataFileError(f"needs a library to be read: {error}") from error


def _opened(path: str | os.PathLike[str]) -> Any:
    """A sound file, whatever bytes its name is made of."""
    name: str | bytes = os.fsencode(path) if os.name == "posix" else os.fspath(path)
    return _soundfile().SoundFile(name)


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
        with _opened(path) as sound:
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
    if found.n_samples > PLAUSIBLE * path.stat().st_size:
        raise DataFileError(
            "does not say how long it is, or says something impossible. It was written by a "
            "program that never knew its length: write it again, with sox for instance"
        )
    if missing > 0:
        lost = missing // sample_bytes if sample_bytes else 0
        return found._replace(note=_cut_off(lost, found.n_samples))
    return found


def _told(error: Exception) -> str:
    """A library's message without the path before it."""
    return str(getattr(error, "error_string", None) or error).rstrip(".")


def _cut_off(missing: int, present: int) -> str:
    which = f"{missing:,} of {missing + present:,}" if missing else "the last"
    return f"ends early: {which} samples are missing, the others are used"


def _bytes_of(subtype: str) -> int:
    """Bytes of a sample, where all are as long as each other; else 0."""
    sizes = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3}
    return (sizes | {"PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}).get(subtype, 0)


def _missing_bytes(path: Path) -> int:
    """How much of the sound that a WAV (RIFF, or RF64) or AIFF announces lies beyond its end."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        magic, _, _ = (stream.read(4) for _ in range(3))
        if magic not in (b"RIFF", b"RF64", b"FORM"):
            return 0
        order: Literal["big", "little"] = "big" if magic == b"FORM" else "little"
        long_length = 0
        while len(header := stream.read(8)) == 8:
            name, length = header[:4], int.from_bytes(header[4:], order)
            if name in (b"data", b"SSND"):
                whole = long_length if magic == b"RF64" and length == 0xFFFFFFFF else length
                return max(stream.tell() + whole - size, 0)
            begin = stream.tell()
            if name == b"ds64":
                long_length = int.from_bytes(stream.read(16)[8:], "little")
            stream.seek(begin + length + length % 2)
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
        with _opened(path) as sound:
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

    def _read(self, number: int) -> FloatArray:
        part = self.parts[number]
        try:
            return mixed_down(part, self.rate)
        except (DataFileError, OSError) as error:
            raise DataFileError(f"{part.path} {error}, though it could be read before.") from error


def mixed_down(part: Part, rate: int) -> FloatArray:
    """Samples (n_samples,) of part of a file, block by block: the mean of its channels, resampled.

    The filter that resamples is given what lies beyond the ends of blocks and parts, as far as it
    reaches.

    Raises
    ------
    DataFileError
        As `read_sound`; or if the file's rate has changed.
    """
    path, first, last, own = part
    step = own_step(own, rate)
    reach = 0 if own == rate else 10 * max(own, rate) // rate + 1  # of resample_poly's filter
    margin = -(-reach // step) * step
    blocks = []
    for start in range(first, last, samples_of(BLOCK_SECONDS, own, rate)):
        stop = min(start + samples_of(BLOCK_SECONDS, own, rate), last)
        begin = max(start - margin, 0)
        samples, found = read_sound(path, begin, stop + margin)
        if found != own:
            raise DataFileError(f"has {found} samples per second instead of {own}")
        made = resampled(samples.mean(axis=0), own, rate)
        skipped = (start - begin) * rate // own
        blocks.append(made[skipped : skipped - (-(stop - start) * rate // own)])
    return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]


def own_step(rate: int, to: int) -> int:
    """Samples at one rate that are a whole number of them at the other."""
    return rate // gcd(rate, to)


def samples_of(seconds: float, rate: int, to: int) -> int:
    """Samples at one rate that take about so long and are a whole number of them at the other."""
    step = own_step(rate, to)
    return max(round(seconds * rate / step), 1) * step


def check_rate(X: Any, rate: int | None) -> None:
    """Raise ValueError if recordings are known to have another rate."""
    own = getattr(X, "rate", None)
    if rate is not None and own is not None and own != rate:
        raise ValueError(
            f"the recordings have {own:,} samples per second, expected {rate:,}: read them by "
            f"rhohat.load_recordings(..., rate={rate}), or give the extractor rate={own}."
        )


def each_recording(X: Recordings, rate: int | None = None) -> Iterator[FloatArray]:
    """Recordings as finite float arrays (n_channels, n_samples), one after the other.

    Parameters
    ----------
    X : sequence of ndarray of shape (n_samples,) or (n_channels, n_samples), or of paths
        Or one array with the recordings along its first axis. Integers are divided by half the
        number of values of their type, as in WAV files, and unsigned ones lose 1 then.
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

    named = isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "OU"
    if isinstance(X, np.ndarray) and X.ndim not in (2, 3) and not named:
        raise ValueError(
            "expected a sequence of recordings, or an array (recordings, channels, samples); got "
            f"an array of shape {X.shape}. Put a single recording in a list: [recording]."
        )
    is_table = isinstance(X, Mapping) or hasattr(X, "columns")
    if isinstance(X, (str, os.PathLike)) or is_table or not hasattr(X, "__len__"):
        raise ValueError(
            f"expected a sequence of recordings, got {type(X).__name__}. Put a single one in a "
            "list, [recording], and read folders by rhohat.load_recordings(folder)."
        )
    if len(X) == 0:
        raise ValueError("expected at least one recording, got an empty sequence.")
    check_rate(X, rate)
    for index, item in enumerate(X):
        if isinstance(item, (str, os.PathLike)):
            item = _file(item, rate)
        array = np.asarray(item)
        if array.dtype.kind in "iu":
            half = np.float32(2.0 ** (8 * array.itemsize - 1))
            array = array / half - np.float32(array.dtype.kind == "u")
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
        if rate is not None and checked.ndim == 2 and checked.shape[0] > checked.shape[1]:
            raise ValueError(
                f"recording {index} has {checked.shape[0]:,} channels of {checked.shape[1]:,} "
                "samples: expected (n_channels, n_samples). Transpose it."
            )
        yield np.atleast_2d(checked)


def _file(path: str | os.PathLike[str], rate: int | None) -> FloatArray:
    """All of a file, mixed down, at `rate`."""
    if rate is None:
        raise ValueError(f"{path}: read files by rhohat.load_recordings, which brings them here.")
    try:
        info = look_at_sound(path)
        return mixed_down(Part(Path(path), 0, info.n_samples, info.rate), rate)
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
