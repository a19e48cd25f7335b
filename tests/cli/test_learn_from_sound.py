"""Recordings on the command line."""

import contextlib
import json
import sys

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_array_equal

import rhohat
from support.command import run
from support.sounds import BAD, wav

RATE = 8000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two folders of words: rising and falling tones, some of them in stereo at another rate."""
    path = tmp_path_factory.mktemp("words")
    rng = np.random.RandomState(0)
    for label, sign in (("falling", -1), ("rising", 1)):
        (path / "words" / label).mkdir(parents=True)
        for number in range(15):
            rate = (RATE, 16_000)[number % 2]
            t = np.arange(round(rate * rng.uniform(0.3, 0.5))) / rate
            hertz = rng.uniform(900, 1500) + sign * rng.uniform(900, 1500) * t
            x = 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / rate) + 0.003 * rng.randn(len(t))
            name = path / "words" / label / f"{number}.wav"
            soundfile.write(name, np.stack([x, 0.5 * x], axis=1), rate)
    few = ["--units", "16", "--iterations", "25", "--patches", "1500"]
    for sound in ("spectrogram", "waveform"):
        result = run("learn", "words", "--sound", sound, *few, "-o", sound, "--json", cwd=path)
        assert result.returncode == 0, result.stderr
        (path / f"{sound}.json").write_text(result.stdout)
    return path


@pytest.mark.parametrize("sound", ["spectrogram", "waveform"])
def test_learning_from_a_folder_of_recordings(folder, sound):
    summary = json.loads((folder / f"{sound}.json").read_text())
    assert summary["data"]["kind"] == "recordings"
    assert summary["data"]["examples"] == 30
    assert summary["settings"]["rate"] == RATE
    names = ("report.html", "features.png", "features.svg", "training.png", "model.safetensors")
    for name in names:
        assert (folder / sound / name).stat().st_size > 1000
    assert (summary["bands"] is not None) == (sound == "waveform")
    assert summary["edges"] is None
    model = rhohat.load(folder / sound / "model.safetensors")
    shape = model[1].patch_shape_
    assert shape == {"spectrogram": (40, 10), "waveform": (1, 64)}[sound]


@pytest.mark.parametrize("sound", ["spectrogram", "waveform"])
def test_encode_pools_over_time_as_python_does(folder, sound):
    options = ["--convolve", "--grid", "3", "--pooling", "mean", "--pooling", "max"]
    model = f"{sound}/model.safetensors"
    result = run("encode", model, "words", *options, "-o", f"{sound}.npy", cwd=folder)
    assert result.returncode == 0, result.stderr
    found = np.load(folder / f"{sound}.npy")
    loaded = rhohat.load_recordings(folder / "words", rate=RATE).recordings
    features = rhohat.ConvolutionalFeatures(
        rhohat.load(folder / model), grid=3, pooling=("mean", "max")
    )
    assert_array_equal(found, features.fit(loaded).transform(loaded))
    assert found.shape == (30, 2 * 3 * 16)


def test_features_of_folders_are_evaluated_beside_their_input(folder):
    options = ["--convolve", "--grid", "3", "--labels", "folders", "--folds", "3", "--json"]
    result = run("evaluate", "spectrogram/model.safetensors", "words", *options, cwd=folder)
    assert result.returncode == 0, result.stderr
    scores = json.loads(result.stdout)["scores"]
    assert [scores[name]["columns"] for name in ("features", "raw")] == [48, 120]
    assert np.mean(scores["features"]["accuracy"]) > 0.8


@pytest.mark.slow
def test_report_and_show_and_inspect(folder):
    model = "spectrogram/model.safetensors"
    for command in (
        ["report", model, "words", "-o", "again.html"],
        ["show", model, "-o", "again.png"],
        ["inspect", model],
        ["check", "words", "--units", "5", "--parameters", "40"],
        ["learn", "words", "--dry-run"],
    ):
        result = run(*command, cwd=folder)
        assert result.returncode == 0, result.stderr
    assert "data:audio/wav" in (folder / "again.html").read_text()
    assert (folder / "again.png").read_bytes() == (folder / "spectrogram/features.png").read_bytes()


def test_damaged_recordings_are_named_and_counted(folder, tmp_path):
    for name, (content, _) in BAD.items():
        (tmp_path / f"{name}.wav").write_bytes(content)
    (tmp_path / "short.wav").write_bytes(wav(np.zeros(100)))
    for number in range(3):
        samples = np.random.RandomState(number).uniform(-0.5, 0.5, 3000)
        (tmp_path / f"good{number}.wav").write_bytes(wav(samples))
    (tmp_path / "cut.wav").write_bytes(wav(np.random.RandomState(9).uniform(-1, 1, 3000))[:-1000])
    few = ["--units", "4", "--iterations", "5", "--patches", "300"]
    result = run("learn", tmp_path, *few, "-o", "out", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)["data"]
    assert {f.rsplit("/")[-1] for f in data["files"]} == {
        "cut.wav",
        *(f"good{number}.wav" for number in range(3)),
    }
    assert len(data["skipped"]) == len(BAD) + 1
    assert [note["file"].rsplit("/")[-1] for note in data["damaged"]] == ["cut.wav"]
    assert "500 of 3,000 samples are missing" in data["damaged"][0]["reason"]
    for name in BAD:
        assert f"skipped: {tmp_path / name}.wav" in result.stderr
    assert "short.wav lasts 0.013 s, too short: at least 0.1 s are needed" in result.stderr
    assert f"note: {tmp_path}/cut.wav ends early" in result.stderr
    strict = run("learn", tmp_path, *few, "--on-error", "fail", cwd=tmp_path)
    assert strict.returncode == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--color"], "color is for images"),
        (["--whitening", "1/f"], "filters images, but the data are recordings"),
        (["--dask", "local"], "--dask needs rows"),
        (["--length", "9"], "too short: at least 9 s are needed"),
        (["--mels", "900"], "narrower than windows"),
    ],
)
def test_what_does_not_go_together_is_said(folder, options, message):
    result = run("learn", "words", *options, cwd=folder)
    assert result.returncode == 1
    assert message in result.stderr


def test_settings_of_recordings_are_no_settings_of_images(folder):
    result = run("learn", "--mels", "20", cwd=folder)
    assert result.returncode == 1
    assert "mels is for recordings" in result.stderr


def test_without_the_library_files_are_refused_with_the_line_to_type(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    result = run("learn", "words", cwd=folder)
    assert result.returncode == 1
    assert "pip install 'rhohat[audio]'" in result.stderr
    arrays = [np.random.RandomState(0).randn(2000) for _ in range(3)]
    extractor = rhohat.SpectrogramExtractor(RATE)
    assert extractor.fit_transform(arrays)[0].shape == (40, 26)


def test_long_recordings_are_learned_from_in_parts(tmp_path):
    rng = np.random.RandomState(0)
    soundfile.write(tmp_path / "long.flac", rng.uniform(-0.5, 0.5, 150 * 4000), 4000)
    few = ["--units", "4", "--iterations", "5", "--patches", "500", "--json"]
    result = run("learn", "long.flac", *few, "-o", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["data"]["examples"] == 3
    encoded = run(
        "encode", "out/model.safetensors", "long.flac", "--convolve", "-o", "f.npy", cwd=tmp_path
    )
    assert encoded.returncode == 0, encoded.stderr
    assert np.load(tmp_path / "f.npy").shape == (1, 8)


def test_what_learning_prints_does_the_same_in_python(tmp_path):
    """Also where some files are too short, and others longer than a part."""
    rng = np.random.RandomState(0)
    for name, seconds in (("long", 130), ("word", 0.5), ("blip", 0.05)):
        soundfile.write(
            tmp_path / f"{name}.wav", rng.uniform(-0.5, 0.5, round(seconds * 4000)), 4000
        )
    few = ["--units", "4", "--iterations", "5", "--patches", "500"]
    result = run("learn", ".", *few, "-o", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "blip.wav lasts 0.050 s, too short" in result.stderr
    (line,) = (text for text in result.stdout.splitlines() if "load_recordings" in text)
    read = line.split("data = ")[1]
    with contextlib.chdir(tmp_path):
        recordings = eval(read, {"rhohat": rhohat})
        assert [len(recording) for recording in recordings] == [240_000, 240_000, 40_000, 2000]
        assert rhohat.load("out/model.safetensors").transform(recordings).shape == (500, 4)
    page = (tmp_path / "out/report.html").read_text()
    assert '"begins":60' in page.replace(" ", "")


def test_recordings_too_short_for_the_cells_are_named(folder, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.random.RandomState(0).uniform(-1, 1, 850), RATE)
    soundfile.write(tmp_path / "word.wav", np.random.RandomState(0).uniform(-1, 1, 4000), RATE)
    for sound, needed in (("spectrogram", "0.11 s"), ("waveform", "0.108")):
        model = folder / sound / "model.safetensors"
        grid = {"spectrogram": "3", "waveform": "802"}[sound]
        options = ["--convolve", "--grid", grid, "-o", f"{sound}.npy"]
        result = run("encode", model, tmp_path, *options, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert f"short.wav lasts 0.106 s, too short: at least {needed}" in result.stderr
        assert len(np.load(tmp_path / f"{sound}.npy")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--key", "x"], "--key names an array in a file, but the data are recordings"),
        (["--sound", "waveform", "--mels", "40"], "mels is for spectrograms"),
        (["--sound", "waveform", "--length", "0.0001"], "length must span at least two samples"),
        (["--window", "3", "--hop", "2"], "length must span at least one hop"),
        (["--hop", "0.03"], "a hop of at least one sample"),
        (["--rate", "100"], "low must be below high"),
        (["--mels", "500", "--dry-run"], "narrower than windows"),
    ],
)
def test_settings_that_cannot_be_are_refused(folder, options, message):
    result = run("learn", "words", *options, cwd=folder)
    assert result.returncode == 1
    assert message in result.stderr


def test_low_rates_and_silence_are_remarked_on(tmp_path):
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(3000), 2000)
    few = ["--units", "4", "--iterations", "5", "--patches", "300", "--mels", "8"]
    result = run("learn", tmp_path, *few, cwd=tmp_path)
    assert (
        "0.wav has 2,000 samples per second: without --rate, all recordings are converted"
        in result.stderr
    )
    assert "1.wav holds only silence" in result.stderr
    assert "the data do not vary" in result.stderr


def test_model_of_recordings_needs_some(folder):
    result = run("encode", "spectrogram/model.safetensors", "-o", "none.npy", cwd=folder)
    assert result.returncode == 1
    assert "works on recordings, and there are no built-in ones" in result.stderr
