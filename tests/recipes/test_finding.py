"""Data that a model works on."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

import rhohat
from rhohat.recipes.data import Request
from rhohat.recipes.finding import find_to_encode, needs_of


@pytest.fixture(scope="module")
def models():
    """One of each kind of data, fitted."""
    rng = np.random.RandomState(0)
    unit = rhohat.SparseAutoencoder(3, max_iter=2, growth=False)
    images, recordings = rng.rand(6, 9, 9), [rng.randn(4000) for _ in range(3)]
    patches = rhohat.PatchExtractor(4, n_patches=50, random_state=0)
    sound = rhohat.WaveformExtractor(8000)
    windows = rhohat.WindowExtractor(20, n_windows=50, random_state=0)
    return {
        "rows": make_pipeline(rhohat.Whitening(), unit).fit(rng.rand(50, 16)),
        "patches": make_pipeline(patches, rhohat.Whitening(), unit).fit(images),
        "whole": make_pipeline(rhohat.PatchExtractor(None), unit).fit(images),
        "sound": make_pipeline(sound, windows, rhohat.Whitening(), unit).fit(recordings),
        "series": make_pipeline(windows, rhohat.Whitening(), unit).fit(recordings),
    }


CONVOLUTION = {"grid": 3, "stride": 2}


@pytest.mark.parametrize(
    ("name", "convolution", "needs"),
    [
        ("rows", None, {"kind": "rows"}),
        (
            "patches",
            None,
            {"kind": "images", "color": False, "smallest": (4, 4), "whole": None},
        ),
        (
            "patches",
            CONVOLUTION,
            {"kind": "images", "color": False, "smallest": (8, 8), "whole": None},
        ),
        ("whole", None, {"kind": "images", "color": False, "smallest": (9, 9), "whole": (9, 9)}),
        (
            "sound",
            None,
            {"kind": "recordings", "rate": 8000, "shortest": 20 / 8000, "longest": 60.0},
        ),
        (
            "sound",
            CONVOLUTION,
            {"kind": "recordings", "rate": 8000, "shortest": 24 / 8000, "longest": None},
        ),
    ],
)
def test_a_model_needs_data_like_those_that_it_learned_from(name, convolution, needs, models):
    assert needs_of(models[name], convolution) == needs


def test_series_are_read_as_series(models):
    assert needs_of(models["series"])["kind"] == "series"


def test_rows_become_the_images_that_a_model_takes_whole(models, tmp_path):
    np.save(tmp_path / "x.npy", np.random.RandomState(0).rand(5, 81))
    request = Request([tmp_path / "x.npy"])
    data = find_to_encode("it", models["whole"], request)
    data.read()
    assert (data.kind, data.content[0].shape) == ("images", (9, 9))
    with pytest.raises(ValueError, match=r"it works on images, but .*x\.npy holds rows\. Give"):
        find_to_encode("it", models["patches"], request)


def test_other_data_are_refused_by_name(models, tmp_path):
    np.save(tmp_path / "x.npy", np.random.RandomState(0).rand(5, 16))
    with pytest.raises(ValueError, match=r"it works on recordings, and there are no built-in ones"):
        find_to_encode("it", models["sound"], Request())
    shaped = Request([tmp_path / "x.npy"], shape=(4, 4))
    with pytest.raises(ValueError, match="holds images, because of --shape"):
        find_to_encode("it", models["rows"], shaped)
