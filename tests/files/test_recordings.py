"""Recordings: files of all kinds, sound and damaged, and arrays."""

import os
import struct
import warnings
import wave
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import wavfile

from rhohat import (
    DataFileError,
    SpectrogramExtractor,
    WaveformExtractor,
    load_images,
    load_recordings,
    load_rows,
)
from rhohat.files.recordings import each_recording
from rhohat.files.resampling import resampled
from rhohat.files.sound import SOUND, wav_bytes
from rhohat.rows.file_format import Content

RATE = 8000


def tone(hertz=440.0, seconds=0.5, rate=RATE):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


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
    "claims_4_gb": (wav(claimed=2**32 - 1), "announces [0-9,]+ bytes of sound more than it holds"),
    "nan": (float_wav(NOT_FINITE), "holds NaN or infinity, first in sample 1,234"),
    "infinity": (float_wav(np.where(np.arange(4000) == 7, np.inf, 0)), "first in sample 7"),
}


@pytest.mark.parametrize("name", BAD)
def test_file_that_cannot_be_used_is_named_and_says_why(tmp_path, name):
    content, reason = BAD[name]
    path = tmp_path / f"{name}.wav"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=reason) as caught:
        load_recordings(path)
    assert str(path) in str(caught.value)


def test_bad_files_are_left_out_and_listed(tmp_path):
    for name, (content, _) in BAD.items():
        (tmp_path / f"{name}.wav").write_bytes(content)
    (tmp_path / "good.wav").write_bytes(wav())
    loaded = load_recordings(tmp_path, on_error="skip")
    assert loaded.names == [str(tmp_path / "good.wav")]
    assert len(loaded.skipped) == len(BAD)


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


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff"])
def test_formats_are_the_same_sound(tmp_path, suffix):
    path = tmp_path / f"sound.{suffix}"
    soundfile.write(path, tone(), RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_allclose(load_recordings(path).recordings[0], tone(), atol=0.05)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_are_mixed_down(tmp_path, channels):
    parts = np.stack([tone(300 + 100 * c) for c in range(channels)], axis=1)
    soundfile.write(tmp_path / "sound.wav", parts, RATE, subtype="FLOAT")
    loaded = load_recordings(tmp_path / "sound.wav")
    assert_allclose(loaded.recordings[0], parts.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("own", [4000, 8000, 11_025, 16_000, 44_100, 48_000])
def test_rates_are_brought_to_one(tmp_path, own):
    soundfile.write(tmp_path / "sound.wav", tone(rate=own), own, subtype="FLOAT")
    found = load_recordings(tmp_path / "sound.wav", rate=RATE).recordings[0]
    assert found.shape == (4000,)
    assert_allclose(found[200:-200], tone()[200:-200], atol=0.01)


def test_rate_is_the_lowest_of_the_files_and_16000_at_most(tmp_path):
    for own in (48_000, 44_100):
        soundfile.write(tmp_path / f"{own}.wav", tone(rate=own), own)
    assert load_recordings(tmp_path).rate == 16_000
    soundfile.write(tmp_path / "8000.wav", tone(), 8000)
    assert load_recordings(tmp_path).rate == 8000


@pytest.mark.parametrize("own", [8000, 11_025, 16_000])
def test_parts_together_are_the_whole(tmp_path, own):
    sound = np.random.RandomState(0).randn(5 * own) / 5
    soundfile.write(tmp_path / "long.wav", sound, own, subtype="FLOAT")
    whole = load_recordings(tmp_path / "long.wav", rate=RATE)
    parts = load_recordings(tmp_path / "long.wav", rate=RATE, longest=1.5)
    joined = np.concatenate([parts.recordings[i] for i in range(len(parts.recordings))])
    assert len(parts.recordings) == 4
    if own != 11_025:  # of which 1.5 seconds are no whole number of samples at the other rate
        assert parts.names[1].endswith("long.wav, 1.5 to 3 s")
    assert_allclose(joined, whole.recordings[0], atol=1e-5)


def test_file_that_changes_meanwhile_is_named(tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(wav())
    loaded = load_recordings(path)
    path.write_bytes(b"gone")
    with pytest.raises(DataFileError, match=r"sound\.wav .* though it could be read before"):
        loaded.recordings[0]


def test_recordings_are_not_images_and_not_rows(tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(wav())
    with pytest.raises(DataFileError, match="load_recordings"):
        load_images(path)
    with pytest.raises(DataFileError, match="load_recordings"):
        load_rows(path)
    np.save(tmp_path / "rows.npy", np.ones((3, 4)))
    with pytest.raises(DataFileError, match="no recording"):
        load_recordings(tmp_path / "rows.npy")


def test_header_is_read_without_the_sound(tmp_path):
    soundfile.write(tmp_path / "sound.flac", np.zeros((3000, 2)), 22_050)
    assert SOUND.look(tmp_path / "sound.flac", None) == Content(
        "recordings", (1, 2, 3000), np.dtype(np.float32), rate=22_050
    )


@pytest.mark.parametrize(
    ("X", "shapes"),
    [
        ([np.zeros(5), np.zeros((2, 7))], [(1, 5), (2, 7)]),
        (np.zeros((3, 8)), [(1, 8)] * 3),
        (np.zeros((3, 2, 8)), [(2, 8)] * 3),
    ],
)
def test_arrays_are_series_of_channels(X, shapes):
    assert [x.shape for x in each_recording(X)] == shapes


@pytest.mark.parametrize(
    ("subtype", "dtype"), [("PCM_U8", np.uint8), ("PCM_16", np.int16), ("PCM_32", np.int32)]
)
def test_integers_are_what_a_file_of_them_holds(subtype, dtype, tmp_path):
    samples = np.sin(np.arange(500) / 7) / 3
    soundfile.write(tmp_path / "tone.wav", samples, RATE, subtype=subtype)
    _, integers = wavfile.read(tmp_path / "tone.wav")
    assert integers.dtype == dtype
    (from_array,) = each_recording([integers])
    (from_file,) = each_recording([tmp_path / "tone.wav"], RATE)
    assert_allclose(from_array, from_file, atol=1e-7)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "at least one recording"),
        (np.zeros(8), "Put a single recording in a list"),
        ([np.zeros((2, 2, 2))], "recording 0 must have shape"),
        ([np.zeros(4), np.array([1.0, np.nan])], "recording 1 contains NaN"),
        ("folder", "load_recordings"),
    ],
)
def test_wrong_arrays_are_said(X, message):
    with pytest.raises(ValueError, match=message):
        list(each_recording(X))


def test_wav_bytes_are_a_wav_file():
    with wave.open(BytesIO(wav_bytes(tone(), RATE))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (RATE, 1, 4000)
        samples = np.frombuffer(file.readframes(4000), "<i2")
    assert_allclose(samples / 32000, tone() / np.abs(tone()).max(), atol=1e-4)
    assert len(wav_bytes(np.zeros(10), RATE)) == 44 + 20


def test_resampling_leaves_the_same_rate_alone(rng):
    samples = rng.randn(100)
    assert resampled(samples, RATE, RATE) is samples


def forged(path, n_samples):
    """A FLAC file whose header says that it has so many samples; 0 is "unknown"."""
    soundfile.write(path, tone(), RATE)
    content = bytearray(path.read_bytes())
    content[21:26] = ((content[21] & 0xF0) << 32 | n_samples).to_bytes(5, "big")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("n_samples", [0, 2**36 - 1])
def test_length_that_a_file_cannot_have_is_not_believed(tmp_path, n_samples):
    forged(tmp_path / "stream.flac", n_samples)
    with pytest.raises(DataFileError, match=r"stream\.flac does not say how long it is"):
        load_recordings(tmp_path / "stream.flac")


@pytest.mark.parametrize("n_samples", [RATE * 3600])
def test_length_that_a_file_has_not_is_found_block_by_block(tmp_path, n_samples):
    forged(tmp_path / "short.flac", n_samples)
    with pytest.raises(DataFileError, match=r"short\.flac"):
        load_recordings(tmp_path / "short.flac")


@pytest.mark.parametrize(
    ("own", "rate"), [(8000, 8000), (44_101, 16_000), (44_100, 16_001), (8000, 100), (100, 8000)]
)
def test_blocks_join_without_a_seam(tmp_path, monkeypatch, own, rate):
    sound = np.random.RandomState(0).uniform(-0.3, 0.3, (round(4.7 * own), 2))
    soundfile.write(tmp_path / "long.wav", sound, own, subtype="FLOAT")
    whole = load_recordings(tmp_path / "long.wav", rate=rate).recordings[0]
    expected = resampled(sound.mean(axis=1), own, rate)
    assert_allclose(whole, expected, atol=1e-6)
    monkeypatch.setattr("rhohat.files.resampling.BLOCK_SECONDS", 1)
    assert_allclose(
        load_recordings(tmp_path / "long.wav", rate=rate).recordings[0], whole, atol=1e-6
    )


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_need_not_be_text(tmp_path):
    name = os.fsencode(tmp_path) + b"/sound-\xff.wav"
    with open(name, "wb") as stream:
        stream.write(wav())
    assert load_recordings(tmp_path).recordings[0].shape == (4000,)


@pytest.mark.parametrize("format_", ["RF64", "AIFF", "WAV"])
def test_every_format_that_ends_early_is_noted(tmp_path, format_):
    path = tmp_path / f"cut.{'aiff' if format_ == 'AIFF' else 'wav'}"
    soundfile.write(path, tone() + 0.1, RATE, format=format_, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.warns(UserWarning, match="1,000 of 4,000 samples are missing"):
        loaded = load_recordings(path)
    assert loaded.recordings[0].shape == (3000,)


def test_silence_is_remarked_on(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(4000), RATE)
    with pytest.warns(UserWarning, match=r"silent\.wav holds nothing but silence"):
        load_recordings(tmp_path)


def test_short_recordings_are_left_out_and_decide_nothing(tmp_path):
    soundfile.write(tmp_path / "blip.wav", tone(seconds=0.05, rate=2000), 2000)
    soundfile.write(tmp_path / "word.wav", tone(), RATE)
    loaded = load_recordings(tmp_path, shortest=0.1, on_error="skip")
    assert loaded.rate == RATE
    assert loaded.names == [str(tmp_path / "word.wav")]
    assert "lasts 0.050 s, too short: 0.1 s are needed" in loaded.skipped[0].reason


def test_a_slice_of_recordings_is_recordings(tmp_path):
    for number in range(4):
        soundfile.write(tmp_path / f"{number}.wav", tone(200 + 100 * number), RATE)
    recordings = load_recordings(tmp_path).recordings
    some = recordings[1:][::2]
    assert (len(some), some.rate) == (2, RATE)
    assert_array_equal(some[-1], recordings[3])
    spectrograms = SpectrogramExtractor(RATE).fit(some).transform(recordings)[1::2]
    assert_array_equal(spectrograms[1], SpectrogramExtractor(RATE).fit_transform(some)[1])
    with pytest.raises(IndexError):
        some[2]
    with pytest.raises(TypeError):
        some[[0, 1]]


@pytest.mark.parametrize("extractor", [SpectrogramExtractor, WaveformExtractor])
def test_recordings_of_another_rate_are_refused(tmp_path, extractor):
    soundfile.write(tmp_path / "sound.wav", tone(rate=16_000), 16_000)
    recordings = load_recordings(tmp_path).recordings
    fitted = extractor(RATE).fit([tone()])
    for use in (fitted.fit, fitted.transform):
        with pytest.raises(ValueError, match=r"have 16,000 samples per second, expected 8,000"):
            use(recordings)


def test_paths_may_be_an_array(tmp_path):
    soundfile.write(tmp_path / "sound.wav", tone(), RATE)
    path = str(tmp_path / "sound.wav")
    for X in ([path], np.array([path]), np.array([tmp_path / "sound.wav"], dtype=object)):
        (found,) = SpectrogramExtractor(RATE).fit_transform(X)
        assert found.shape == (40, 51)


@pytest.mark.parametrize("X", [{"a": tone()}, pd.DataFrame({"a": tone()})])
def test_tables_are_no_recordings(X):
    with pytest.raises(ValueError, match="expected a sequence of recordings"):
        list(each_recording(X))


def test_channels_come_before_samples():
    with pytest.raises(ValueError, match=r"4,000 channels of 2 samples.* Transpose it"):
        list(each_recording([np.zeros((4000, 2))], RATE))


def test_unsigned_samples_are_silent_in_the_middle():
    (x,) = each_recording([np.array([0, 128, 192], dtype=np.uint8)])
    assert_array_equal(x, [[-1, 0, 0.5]])


@pytest.mark.parametrize("n_samples", [2800, 2799])
def test_recordings_that_just_hold_a_window_are_long_enough(n_samples, tmp_path):
    soundfile.write(tmp_path / "clip.wav", np.sin(np.arange(n_samples)), RATE)
    shortest = SpectrogramExtractor(RATE).seconds_of(36)
    assert shortest > 2800 / RATE  # by a rounding error
    if n_samples == 2800:
        assert len(load_recordings(tmp_path, shortest=shortest).recordings) == 1
        assert load_recordings(tmp_path, shortest=shortest).rate == RATE
    else:
        with pytest.raises(DataFileError, match="too short"):
            load_recordings(tmp_path, shortest=shortest)
