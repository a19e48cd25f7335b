"""Files of sound: every format and depth, and headers that are not believed."""

import warnings
import wave
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

from rhohat import (
    DataFileError,
    load_recordings,
)
from rhohat.files import sound
from rhohat.files.sound import SOUND, read_sound, wav_bytes
from rhohat.rows.file_format import Content, Selection
from support.sounds import RATE, tone, wav


@pytest.mark.parametrize("missing", [2, 1000, 7996])
def test_file_that_ends_early_is_used_with_a_warning(tmp_path, missing):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav()[:-missing])
    with pytest.warns(UserWarning, match=f"{missing // 2:,} of 4,000 samples are missing"):
        loaded = load_recordings(path)
    assert loaded.recordings[0].shape == (4000 - missing // 2,)
    assert_allclose(loaded.recordings[0], tone()[: 4000 - missing // 2], atol=1e-4)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_depths_are_the_same_sound(tmp_path, subtype):
    path = tmp_path / "sound.wav"
    soundfile.write(path, tone(), RATE, subtype=subtype)
    assert_allclose(load_recordings(path).recordings[0], tone(), atol=0.01)


#: Format and encoding, by soundfile's names, of files whose ending tells neither.
ENCODINGS = {
    "wav": {},
    "flac": {},
    "ogg": {},
    "mp3": {},
    "aiff": {},
    "au": {},
    "w64": {},
    "rf64": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "sph": {"format": "NIST"},
    "snd": {"format": "AU"},
}


@pytest.mark.parametrize("suffix", ENCODINGS)
def test_formats_are_the_same_sound(tmp_path, suffix):
    path = tmp_path / f"sound.{suffix}"
    soundfile.write(path, tone(), RATE, **ENCODINGS[suffix])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load_recordings(path).recordings[0]
    inside = slice(500, -500) if suffix == "opus" else slice(None)  # whose ends are faded
    assert found.shape == tone().shape
    assert_allclose(found[inside], tone()[inside], atol=0.1)


@pytest.mark.parametrize("suffix", ["mp3", "opus", "gsm.wav", "g721.wav", "flac"])
def test_a_part_is_the_same_as_in_the_whole(tmp_path, suffix):
    path = tmp_path / f"sound.{suffix}"
    encoding = {"gsm.wav": {"subtype": "GSM610"}, "g721.wav": {"subtype": "G721_32"}}
    soundfile.write(path, tone(seconds=5), RATE, **(ENCODINGS | encoding)[suffix])
    whole, _ = read_sound(path)
    for start, stop in ((0, 900), (5000, 5300), (20_011, None)):
        part, rate = read_sound(path, start, stop)
        assert rate == RATE
        assert_array_equal(part, whole[:, start:stop])


def test_sound_written_into_a_pipe_is_refused_with_the_way_round(tmp_path):
    (tmp_path / "piped.wav").write_bytes(wav(claimed=0))
    with pytest.raises(DataFileError, match=r"but 8,000 bytes follow.*sox --ignore-length"):
        load_recordings(tmp_path / "piped.wav")


@pytest.mark.parametrize("suffix", ["mp3", "opus", "au", "w64", "rf64", "sph"])
@pytest.mark.parametrize("share", np.linspace(0, 0.95, 20))
def test_a_file_that_was_cut_is_refused_or_read_as_far_as_it_goes(tmp_path, suffix, share):
    path = tmp_path / f"sound.{suffix}"
    soundfile.write(path, tone(), RATE, **ENCODINGS[suffix])
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it ends early
        with suppress(DataFileError):  # nothing else
            assert load_recordings(path).recordings[0].size <= 1.05 * tone().size


def test_header_is_read_without_the_sound(tmp_path):
    soundfile.write(tmp_path / "sound.flac", np.zeros((3000, 2)), 22_050)
    assert SOUND.look(tmp_path / "sound.flac", Selection()) == Content(
        "recordings", (1, 2, 3000), np.dtype(np.float32), rate=22_050
    )


def test_wav_bytes_are_a_wav_file():
    with wave.open(BytesIO(wav_bytes(tone(), RATE))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (RATE, 1, 4000)
        samples = np.frombuffer(file.readframes(4000), "<i2")
    assert_allclose(samples / 32000, tone() / np.abs(tone()).max(), atol=1e-4)
    assert len(wav_bytes(np.zeros(10), RATE)) == 44 + 20


def forged(path, n_samples):
    """A FLAC file whose header says that it has so many samples; 0 is "unknown"."""
    soundfile.write(path, tone(), RATE)
    content = bytearray(path.read_bytes())
    content[21:26] = ((content[21] & 0xF0) << 32 | n_samples).to_bytes(5, "big")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("n_samples", [0, 2**36 - 1])
def test_length_that_a_file_cannot_have_is_not_believed(tmp_path, n_samples):
    forged(tmp_path / "stream.flac", n_samples)
    with pytest.raises(DataFileError, match=r"stream\.flac does not state how long it is"):
        load_recordings(tmp_path / "stream.flac")


@pytest.mark.parametrize("n_samples", [RATE * 3600])
def test_length_that_a_file_has_not_is_found_block_by_block(tmp_path, n_samples):
    forged(tmp_path / "short.flac", n_samples)
    with pytest.raises(DataFileError, match=r"short\.flac"):
        load_recordings(tmp_path / "short.flac")


def test_a_length_that_an_rf64_file_does_not_say_is_unknown(tmp_path):
    header = b"RF64\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff"
    (tmp_path / "x.wav").write_bytes(header + bytes(100))
    assert sound._missing_bytes(tmp_path / "x.wav") == -100


@pytest.mark.parametrize("n_bytes", range(5))
def test_what_a_wav_says_before_its_sound_may_have_any_length(n_bytes, tmp_path):
    """A chunk of an odd length is followed by a byte that its length does not count."""
    note = b"note" + n_bytes.to_bytes(4, "little") + b"data"[:n_bytes] + b"\0" * (n_bytes % 2)
    content = wav_bytes(tone(), RATE)
    begin = content.index(b"data")
    whole = content[:begin] + note + content[begin:]
    (tmp_path / "x.wav").write_bytes(whole)
    assert sound._missing_bytes(tmp_path / "x.wav") == 0
    (tmp_path / "x.wav").write_bytes(whole[:-7])
    assert sound._missing_bytes(tmp_path / "x.wav") == 7


#: Formats and encodings, and the bytes of a sample.
SAMPLES = [
    *[("RF64", "PCM_16", 2), ("AIFF", "PCM_16", 2), ("AIFF", "PCM_S8", 1), ("WAV", "PCM_U8", 1)],
    *[("WAV", "ULAW", 1), ("WAV", "ALAW", 1), ("WAV", "PCM_16", 2), ("WAV", "PCM_24", 3)],
    *[("WAV", "PCM_32", 4), ("WAV", "FLOAT", 4), ("WAV", "DOUBLE", 8)],
]


@pytest.mark.parametrize(("format_", "subtype", "n_bytes"), SAMPLES)
def test_every_format_that_ends_early_is_noted(format_, subtype, n_bytes, tmp_path):
    path = tmp_path / f"cut.{'aiff' if format_ == 'AIFF' else 'wav'}"
    soundfile.write(path, tone() + 0.1, RATE, format=format_, subtype=subtype)
    path.write_bytes(path.read_bytes()[: -1000 * n_bytes])
    with pytest.warns(UserWarning, match="1,000 of 4,000 samples are missing"):
        loaded = load_recordings(path)
    assert loaded.recordings[0].shape == (3000,)


def test_of_a_file_that_was_cut_nothing_is_read_after_its_end(tmp_path):
    """Also where one cannot go straight to a sample, but reads on until it is there."""
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(seconds=5), RATE, subtype="G721_32")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert read_sound(path)[0].shape[1] < 0.6 * 5 * RATE
    assert read_sound(path, 4 * RATE, 4 * RATE + 100)[0].shape == (1, 0)
