"""Sound files: what their headers say, and their samples.

They are decoded by soundfile, which comes with ``rhohat[audio]``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.claims import Claims
from rhohat.rows.file_format import Content, FileFormat, Selection

#: How files begin that are given to libsndfile, which knows many more kinds: WAV in its variants,
#: NIST's among them, AIFF, AU, FLAC and MP3 (also after an ID3 tag), and OGG.
MAGIC = re.compile(
    rb"RIFF|RIFX|RF64|riff|NIST|FORM|\.snd|dns\.|fLaC|OggS|ID3[\2-\4]|\xff[\xe2-\xff]"
)
#: Samples before those that are asked for, from which an MP3 is decoded: its frames depend on those
#: before them.
MP3_RUN_UP = 1 << 15
#: Samples that are decoded at a time in files where one cannot go straight to a sample.
SKIPPED_SAMPLES = 1 << 20
#: How to write a file again whose header never got its length.
WRITE_AGAIN = "write it again, for instance with 'sox --ignore-length OLD.wav NEW.wav'"
#: Bytes that may be missing from a file that is used, and noted as cut off.
MISSING_LIMIT = 1 << 30
#: Samples per byte that are plausible in a header; in FLAC, silence has some thousands.
PLAUSIBLE = 100_000
#: Bytes of a sample, in the encodings (by soundfile's names) where all samples are equally long.
SAMPLE_BYTES = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3}
SAMPLE_BYTES |= {"PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
#: What most samples are before they become floats.
_DECODED = np.dtype(np.int16)


def _soundfile() -> Any:
    try:
        return import_extra("soundfile", "audio")
    except ImportError as error:
        raise DataFileError(f"cannot be read yet: {error}") from error


def _opened(path: str | os.PathLike[str]) -> Any:
    """The file, opened with soundfile, whatever bytes its name is made of."""
    name: str | bytes = os.fsencode(path) if os.name == "posix" else os.fspath(path)
    return _soundfile().SoundFile(name)


def _look(path: Path, selection: Selection) -> Content:
    soundfile = _soundfile()
    size = path.stat().st_size
    if size == 0:
        raise DataFileError("is empty")
    with path.open("rb") as stream:
        if not MAGIC.match(stream.read(4)):
            raise DataFileError(
                "is not a sound file that can be read: it begins like no known format"
            )
    try:
        with _opened(path) as sound:
            rate, n_samples, n_channels = sound.samplerate, sound.frames, sound.channels
            sample_bytes = SAMPLE_BYTES.get(sound.subtype, 0) * n_channels
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise DataFileError(f"is not a sound file that can be read: {_told(error)}") from error
    Claims((), _DECODED, size, rate=rate, channels=n_channels).check()
    missing = _missing_bytes(path)
    if missing > MISSING_LIMIT:
        raise DataFileError(
            f"claims {missing:,} bytes of sound more than it holds. It is damaged, or was written "
            f"by a program that did not know its length: {WRITE_AGAIN}"
        )
    if n_samples <= 0 and missing < 0:
        raise DataFileError(
            f"claims 0 bytes of sound, but {-missing:,} bytes follow, as when a program writes to "
            f"a pipe and does not know the length: {WRITE_AGAIN}"
        )
    if n_samples <= 0:
        raise DataFileError("holds no sound")
    if n_samples > PLAUSIBLE * size:
        raise DataFileError(
            "does not state how long it is, or states something impossible. It was written by a "
            "program that did not know its length: write it again, for instance with sox"
        )
    shape = 1, n_channels, n_samples
    Claims(shape, _DECODED, size).check()
    lost = missing // sample_bytes if sample_bytes else 0
    note = _cut_off(lost, n_samples) if missing > 0 else ""
    return Content("recordings", shape, np.dtype(np.float32), rate, note)


def _told(error: Exception) -> str:
    """The message of an error of soundfile, without the path in it."""
    return str(getattr(error, "error_string", None) or error).rstrip(".")


def _cut_off(missing: int, present: int) -> str:
    which = f"{missing:,} of {missing + present:,}" if missing else "the last"
    return f"ends early: {which} samples are missing, the others are used"


def _missing_bytes(path: Path) -> int:
    """Bytes of sound that a WAV (RIFF or RF64) or AIFF announces and does not hold.

    If it announces none, less than 0: minus the bytes that follow.
    """
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
                missing = stream.tell() + whole - size
                return max(missing, 0) if whole else min(missing, 0)
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
        Range of samples, at the file's own rate; to the end if `stop` is None.

    Returns
    -------
    samples : ndarray of float32 of shape (n_channels, n_samples)
        In [-1, 1]; if the file ends early, those that there are.
    rate : int
        Samples per second.

    Raises
    ------
    DataFileError
        If it cannot be decoded, or holds NaN or infinity.
    """
    soundfile = _soundfile()
    try:
        with _opened(path) as sound:
            rate = sound.samplerate
            skipped = start - _go_to(sound, start)
            wanted = (sound.frames if stop is None else stop) - start + skipped
            samples = sound.read(max(wanted, 0), dtype="float32", always_2d=True)[skipped:]
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise DataFileError(f"cannot be decoded: {_told(error)}") from error
    bad = ~np.isfinite(samples)
    if bad.any():
        first = start + int(np.argwhere(bad)[0, 0])
        raise DataFileError(f"holds NaN or infinity, first in sample {first:,}")
    return np.ascontiguousarray(samples.T), rate


def _go_to(sound: Any, start: int) -> int:
    """Go to a sample, or to one before it, from where it can be decoded; return which that is."""
    if sound.seekable():
        begin = max(start - MP3_RUN_UP, 0) if sound.subtype.startswith("MPEG") else start
        sound.seek(begin)
        return begin
    begin = 0
    while begin < start:
        n_read = len(sound.read(min(SKIPPED_SAMPLES, start - begin), dtype="float32"))
        if n_read == 0:
            break
        begin += n_read
    return begin


def wav_bytes(samples: FloatArray, rate: int) -> bytes:
    """A WAV file of 16 bits and one channel, as loud as it can be.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,)
    rate : int
    """
    import wave
    from io import BytesIO

    peak = float(np.abs(samples).max(initial=0.0))
    levels: NDArray[np.int16] = np.rint(samples * (32000 / peak if peak else 0)).astype("<i2")
    stream = BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(levels.tobytes())
    return stream.getvalue()


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    samples, _ = read_sound(path)
    return samples[None]


#: Endings of recordings' names.
_ENDINGS = (
    *(".wav", ".wave", ".w64", ".rf64", ".sph", ".aiff", ".aif", ".aifc", ".au", ".snd"),
    *(".flac", ".ogg", ".oga", ".opus", ".mp3"),
)
SOUND = FileFormat(_ENDINGS, _look, _read, axes=None, group="recordings")
