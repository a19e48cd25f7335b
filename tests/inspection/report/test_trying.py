"""What a reader brings goes through the model in the browser as it does in Python."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    ContrastNormalizer,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    SpectrogramExtractor,
    StackedAutoencoder,
    Standardization,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    load_images,
    load_recordings,
    report,
)
from rhohat.inspection.report.subject import subjects_of
from rhohat.inspection.report.trying import COMPUTED, LARGEST, trial_of
from rhohat.objective.activations import ACTIVATIONS, BatchTopK, TopK
from support.pages import in_browser
from support.sounds import RATE, chirp, wav

AUTOENCODER = {"max_iter": 5, "random_state": 0}

#: Models of rows of 12 numbers.
ROW_MODELS = {
    "alone": lambda: SparseAutoencoder(5, **AUTOENCODER),
    "relu": lambda: SparseAutoencoder(5, activation="relu", sparsity_penalty="l1", **AUTOENCODER),
    "tanh, tied": lambda: SparseAutoencoder(5, activation="tanh", decoder="tied", **AUTOENCODER),
    "topk": lambda: SparseAutoencoder(
        9, activation=TopK(3), sparsity_penalty="none", **AUTOENCODER
    ),
    "batchtopk": lambda: SparseAutoencoder(
        9, activation=BatchTopK(3), sparsity_penalty="none", **AUTOENCODER
    ),
    "jumprelu": lambda: SparseAutoencoder(
        9, activation="jumprelu", sparsity_penalty="l0", **AUTOENCODER
    ),
    "folded": lambda: make_pipeline(
        Standardization("columns"), Whitening(), SparseAutoencoder(5, **AUTOENCODER)
    ),
    "not folded": lambda: make_pipeline(
        Whitening(method="pca", n_components=6),
        SparseAutoencoder(5, decoder="sigmoid", **AUTOENCODER),
    ),
    "affine, then not": lambda: make_pipeline(
        Standardization(), ContrastNormalizer(), SparseAutoencoder(5, **AUTOENCODER)
    ),
    "normalized": lambda: make_pipeline(
        PatchNormalizer(), SparseAutoencoder(5, decoder="sigmoid", **AUTOENCODER)
    ),
    "stack": lambda: StackedAutoencoder((6, 4), estimator=SparseAutoencoder(max_iter=5)),
}


def rows():
    return np.random.RandomState(0).standard_normal((60, 12)) * np.arange(1, 13) + 3


def rebuilt_by(model, X):
    """What units rebuild of rows, before the affine steps that are folded into them."""
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    A = model.transform(X)
    X_hat = steps[-1].inverse_transform(A)
    if isinstance(steps[-1], SparseAutoencoder) and steps[-1].decoder != "sigmoid":
        for step in reversed(steps[:-1]):
            if not isinstance(step, Standardization | Whitening):
                break
            X_hat = step.inverse_transform(X_hat)
    return A, X_hat


def assert_shown(seen, A, X_hat):
    """Activations and what is rebuilt, on the page as in Python, to 0.0001 of the greatest."""
    for selector, expected in ((".activations", A), (".rebuilt", X_hat)):
        shown = json.loads(f"[{seen.page.locator(selector).last.text_content()}]")
        assert_allclose(shown, expected[0], atol=1e-4 * max(1, np.abs(expected).max()))
    assert seen.errors == []


@in_browser
@pytest.mark.filterwarnings("ignore:decoder='sigmoid' can only produce")
@pytest.mark.parametrize("name", ROW_MODELS)
def test_a_row_does_on_the_page_what_it_does_in_python(name, tmp_path, opened):
    X = rows()
    model = ROW_MODELS[name]().fit(X)
    report(model, X).save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    seen.page.goto(seen.url + "#try")
    seen.page.fill("#row", ", ".join(map(repr, X[7].tolist())))
    A, X_hat = rebuilt_by(model, X[7:8])
    assert_shown(seen, A, X_hat)
    best = seen.page.locator("#tried .tile").last
    assert best.get_attribute("href").endswith(f"unit-{np.argsort(-A[0], kind='stable')[:12][-1]}")


#: Models of patches of images, in gray or color.
PICTURE_MODELS = {
    "gray, filtered": (
        False,
        lambda: make_pipeline(
            OneOverFWhitening(),
            PatchExtractor(6, n_patches=80, random_state=0),
            PatchNormalizer(),
            SparseAutoencoder(5, decoder="sigmoid", **AUTOENCODER),
        ),
    ),
    "color, whitened": (
        True,
        lambda: make_pipeline(
            PatchExtractor((4, 5), n_patches=80, random_state=0),
            ContrastNormalizer(),
            Whitening(),
            SparseAutoencoder(5, **AUTOENCODER),
        ),
    ),
}


@in_browser
@pytest.mark.parametrize("name", PICTURE_MODELS)
def test_a_picture_does_on_the_page_what_it_does_in_python(name, tmp_path, opened, rng):
    color, make = PICTURE_MODELS[name]
    path = tmp_path / "own.png"
    Image.fromarray(rng.randint(0, 256, (20, 27, 3)).astype(np.uint8)).save(path)
    images = load_images(path, color=color).images
    model = make().fit(images)
    report(model, images).save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    seen.page.goto(seen.url + "#try")
    seen.page.set_input_files("#own", path)
    seen.expect("#try-told").to_contain_text("own.png. The patch begins at")
    for name, value in (("Row", 9), ("Column", 13)):
        seen.page.locator(f'[aria-label="{name} of the patch"]').fill(str(value))
    seen.expect("#try-told").to_contain_text("row 9, column 13")
    steps = [step for _, step in model.steps]
    image = images[0] if isinstance(steps[0], PatchExtractor) else steps[0].transform(images)[0]
    patch, *of_rows = steps[steps.index(model["patchextractor"]) :]
    height, width = patch.patch_shape_[:2]
    row = image[9 : 9 + height, 13 : 13 + width].reshape(1, -1)
    assert_shown(seen, *rebuilt_by(make_pipeline(*of_rows), row))


#: Steps of models of windows of recordings, and the length of a window.
SOUND_MODELS = {
    "spectrogram": lambda: (SpectrogramExtractor(RATE, n_mels=12), 5),
    "by band": lambda: (SpectrogramExtractor(RATE, n_mels=9, normalize="band"), 4),
    "not normalized": lambda: (SpectrogramExtractor(RATE, n_mels=9, normalize="none"), 4),
    "waveform": lambda: (WaveformExtractor(RATE), 40),
}


@in_browser
@pytest.mark.parametrize("name", SOUND_MODELS)
def test_a_sound_does_on_the_page_what_it_does_in_python(name, tmp_path, opened, rng):
    sound, length = SOUND_MODELS[name]()
    path = tmp_path / "own.wav"
    path.write_bytes(wav(0.6 * chirp() + 0.05 * rng.standard_normal(len(chirp()))))
    recordings = load_recordings(path, rate=RATE)
    windows = WindowExtractor(length, n_windows=50, random_state=0)
    model = make_pipeline(sound, windows, Whitening(), SparseAutoencoder(5, **AUTOENCODER))
    model.fit(recordings.recordings)
    report(model, recordings).save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    seen.page.goto(seen.url + "#try")
    seen.page.set_input_files("#own", path)
    seen.expect("#try-told").to_contain_text("own.wav. The window begins at")
    seen.page.locator('[aria-label="Column of the window"]').fill("17")
    (whole,) = sound.transform(recordings.recordings)
    row = whole[:, 17 : 17 + length].reshape(1, -1)
    assert_shown(seen, *rebuilt_by(model[2:], row))


@pytest.fixture
def plain(tmp_path, opened):
    X = rows()
    report(SparseAutoencoder(5, **AUTOENCODER).fit(X), X).save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    seen.page.goto(seen.url + "#try")
    return seen


@in_browser
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 2 3", "Expected 12 numbers, one for each column, got 3."),
        ("1, 2, apples", "Entry 3, “apples”, is not a number"),
        (" ".join(["1"] * 24), "This is the first of 2 rows."),
    ],
)
def test_what_is_wrong_with_a_row_is_told(plain, text, told):
    plain.page.fill("#row", text)
    plain.expect("#try-told").to_contain_text(told)
    assert plain.page.locator(".activations").count() == ("first" in told)


@in_browser
def test_a_file_of_rows_is_read(plain, tmp_path):
    (tmp_path / "own.csv").write_text(",".join(map(str, range(12))))
    plain.page.set_input_files("#own", tmp_path / "own.csv")
    plain.expect(".activations").to_be_attached()


@in_browser
def test_script_and_python_agree_on_what_is_computed(plain):
    assert set(plain.page.evaluate("() => Object.keys(FUNCTIONS)")) == set(COMPUTED)
    steps = [OneOverFWhitening(), PatchExtractor(), PatchNormalizer(), ContrastNormalizer()]
    steps += [SpectrogramExtractor(), WaveformExtractor()]
    for step in steps:
        step.scale_, step.patch_shape_ = 1.0, (2, 2)
    names = {step.operation().name for step in steps} | {"affine"}
    assert set(plain.page.evaluate("() => Object.keys(STEPS)")) == names


def test_all_activations_are_computed():
    assert set(COMPUTED) == set(ACTIVATIONS)


def test_a_step_that_is_not_computed_is_named():
    model = make_pipeline(StandardScaler(), SparseAutoencoder(5, **AUTOENCODER)).fit(rows())
    trial = trial_of(subjects_of(model))
    assert (
        "operation of StandardScaler is not known. Use the command rhohat encode" in trial.refusal
    )
    assert trial.encoders == ()
    assert trial.refusal in report(model).html


def test_models_of_series_say_that_they_are_not_tried(rng):
    series = [rng.rand(2, 60)]
    model = make_pipeline(
        WindowExtractor(5, n_windows=40, random_state=0), SparseAutoencoder(5, **AUTOENCODER)
    ).fit(series)
    assert "cannot read series" in trial_of(subjects_of(model)).refusal


def test_wide_models_are_left_out_and_say_so(rng):
    model = SparseAutoencoder(60, max_iter=1, random_state=0).fit(rng.rand(8, 1500))
    assert "would add 0.5 MB" in trial_of(subjects_of(model)).refusal
    assert len(report(model).html) < len(report(SparseAutoencoder(50).fit(rng.rand(8, 4))).html) * 9
    assert LARGEST < 500_000


def test_a_network_that_classifies_rebuilds_nothing(classifier):
    trial = trial_of(subjects_of(classifier))
    assert len(trial.encoders) == 2
    assert trial.decoders == ()
    assert "no decoder" in trial.missing
