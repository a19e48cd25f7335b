"""Series as data: what the settings mean for files, and where every row comes from."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import rhohat
from rhohat import load_series
from rhohat.recipes.data import Request
from rhohat.recipes.finding import find_to_encode, find_to_learn
from rhohat.recipes.pipelines import make_pipeline
from rhohat.recipes.settings import Settings, samples_in, seconds_in
from rhohat.rows.file_format import Selection
from support.series import pulses, write_edf


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("series")
    for number in range(2):
        np.save(path / f"{number}.npy", pulses(1000 + 100 * number, 3, number).T)
    write_edf(path / "x.edf", pulses(1000, 2), 100)
    return path


def found(path, selection=None, **settings):
    request = Request([path], selection or Selection(series=True))
    return find_to_learn(request, Settings(units=4, iterations=3, **settings))


def folder_of_arrays(folder):
    return [folder / "0.npy", folder / "1.npy"]


def size_found(path, **settings):
    data, complete = found(path, **settings)
    return data.size(complete)


#: Settings, samples of a window and a hop, and columns of a row of three channels.
CASES = {
    "defaults": ({}, 128, 64, 3 * 128),
    "window": ({"window": 50}, 50, 25, 150),
    "hop": ({"window": 50, "hop": 60}, 50, 60, 150),
    "seconds": ({"window": "0.5s", "hop": "0.1s", "rate": 100}, 50, 10, 150),
    "spectra": ({"form": "spectrum", "window": 64}, 64, 32, 24),
    "spectrograms": ({"form": "spectrogram", "window": 64, "hop": 16}, 64, 16, 3 * 8 * 7),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_are_the_windows_that_the_settings_say(case, folder):
    settings, window, hop, n_columns = CASES[case]
    request = Request(folder_of_arrays(folder), Selection(series=True))
    data, complete = find_to_learn(request, Settings(units=4, iterations=3, **settings))
    assert (complete.window, complete.hop) == (window, hop)
    data.read()
    pipeline = make_pipeline(complete, "series", variance=data.variance()).fit(data.content)
    n_rows = sum((n - window) // hop + 1 for n in (1000, 1100))
    assert pipeline[:2].transform(data.content).shape == (n_rows, n_columns)
    origins = data.windows_of(pipeline)
    assert_array_equal(np.bincount(origins.series), [(n - window) // hop + 1 for n in (1000, 1100)])
    assert_array_equal(origins.stop - origins.start, window)
    assert_array_equal(np.diff(origins.start[origins.series == 0]), hop)


def test_many_channels_make_shorter_windows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.RandomState(0).randn(40, 4000))
    _, settings = found(tmp_path / "x.npy")
    assert settings.window == 16


def test_a_model_reads_new_files_as_it_learned(folder):
    data, settings = found(folder / "x.edf", Selection(), window=40)
    data.read()
    pipeline = make_pipeline(settings, "series").fit(data.content)
    again = find_to_encode("model", pipeline, Request([folder / "x.edf"]))
    again.read()
    assert (again.request.rate, again.request.window, again.request.hop) == (100, 40, 20)
    assert_array_equal(pipeline.transform(again.content), pipeline.transform(data.content))
    assert again.windows_of(pipeline).described(1) == f"{folder / 'x.edf'}, 0.2 to 0.6 s"


def test_a_model_made_in_python_reads_files_too(folder):
    model = rhohat.WindowExtractor(30, n_windows=None, stride=10)
    series = load_series(folder / "0.npy").series
    model = make_pipeline_of(model).fit(series)
    data = find_to_encode("model", model, Request([folder / "0.npy"]))
    data.read()
    assert len(data.windows_of(model)) == (1000 - 30) // 10 + 1


def make_pipeline_of(extractor):
    from sklearn.pipeline import make_pipeline as plain

    return plain(extractor, rhohat.SparseAutoencoder(2, max_iter=2, random_state=0))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"window": "0.5s"}, "files do not state their rate"),
        ({"window": 0.5}, "which must be a whole number; for seconds, add an s: 0.5s"),
        ({"window": 2000}, "all series are shorter|too few"),
        ({"window": 60, "form": "spectrum"}, "multiple of 8 samples, got 60"),
        ({"window": 64, "hop": 9, "form": "spectrogram"}, "multiple of an eighth of the window"),
        ({"patches": 500}, "whose windows lie one hop apart"),
        ({"form": "sonar"}, "form"),
        ({"sound": "waveform"}, "--sound is for recordings"),
        ({"patch_size": 8}, "--patch-size is for images"),
    ],
)
def test_settings_that_do_not_go_together_are_told(settings, said, folder):
    with pytest.raises(ValueError, match=said):
        size_found(folder / "0.npy", **settings)


@pytest.mark.parametrize(
    ("span", "rate", "samples"), [(256, None, 256), (256.0, 50, 256), ("0.5s", 250, 125)]
)
def test_spans_are_samples_or_seconds(span, rate, samples):
    assert samples_in("window", span, rate) == samples


def test_spans_of_less_than_a_sample_are_told():
    with pytest.raises(ValueError, match=r"at least one sample, got 0\.001s"):
        samples_in("hop", "0.001s", 100)
    assert (seconds_in("0.5s"), seconds_in(0.25)) == (0.5, 0.25)


def test_the_expression_reads_the_same_series(folder):
    data, _ = found(folder / "x.edf", Selection(channels=("EEG 1",)))
    data.read()
    series = eval(data.expression, {"rhohat": rhohat})
    assert_array_equal(series[0], data.content[0])
    assert "channels=['EEG 1']" in data.expression
    data, _ = found(folder / "0.npy", rate=50)
    data.read()
    assert data.expression.endswith("0.npy'], rate=50).series")
    assert Path(data.files[0]).name == "0.npy"
