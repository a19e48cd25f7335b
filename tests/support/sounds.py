"""Tones, and files of sound whose headers say what they are told to."""

import struct
from io import BytesIO

import numpy as np
import soundfile

RATE = 8000


def tone(hertz=440.0, seconds=0.5, rate=RATE):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def chirp(seconds=0.6, low=200.0, high=3000.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * (low * t + (high - low) * t**2 / (2 * seconds)))


def wav(samples=None, *, rate=RATE, channels=1, bits=16, kind=1, data=None, claimed=None):
    """Bytes of a WAV file, whose header says what it is told to."""
    if data is None:
        data = np.rint(32767 * (tone() if samples is None else samples)).astype("<i2").tobytes()
    claimed = len(data) if claimed is None else claimed
    frame = channels * bits // 8
    fmt = struct.pack(
        "<HHIIHH", kind, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits
    )
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", claimed)
    return b"RIFF" + struct.pack("<I", min(len(body) + claimed, 2**32 - 1)) + body + data


def float_wav(samples):
    stream = BytesIO()
    soundfile.write(stream, samples, RATE, format="WAV", subtype="FLOAT")
    return stream.getvalue()


NOT_FINITE = tone()
NOT_FINITE[1234] = np.nan

#: Files that cannot be used, and what is said of them.
BAD = {
    "empty": (b"", "is empty"),
    "no_samples": (wav(data=b""), "holds no sound"),
    "text": (b"this is no sound\n" * 20, "is not a sound file"),
    "junk": (np.random.RandomState(0).bytes(3000), "is not a sound file"),
    "rate_0": (wav(rate=0), "rate|is not a sound file"),
    "channels_0": (wav(channels=0), "channels|is not a sound file"),
    "channels_65535": (wav(channels=65_535), "channels|is not a sound file"),
    "claims_4_gb": (wav(claimed=2**32 - 1), "claims [0-9,]+ bytes of sound more than it holds"),
    "nan": (float_wav(NOT_FINITE), "holds NaN or infinity, first in sample 1,234"),
    "infinity": (float_wav(np.where(np.arange(4000) == 7, np.inf, 0)), "first in sample 7"),
}
