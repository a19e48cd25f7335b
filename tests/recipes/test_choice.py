"""The choice of settings from the data: what is found, what it depends on, and that it is told."""

import shlex

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_array_equal
from sklearn.datasets import load_wine

import rhohat
from rhohat import LoadedImages, choose, pursuit_score, recovery
from rhohat.recipes.choice import AIMS, FOUND, STARTING_POINT, choose_for
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings
from support.command import run
from support.dictionaries import planted
from support.fits import WEIGHTS
from support.sounds import RATE


@pytest.fixture(scope="module")
def known():
    """Rows, and the 16 atoms that they are made of."""
    return planted(1200)


@pytest.fixture(scope="module")
def choice(known):
    return choose(known[0], 16, random_state=0)


@pytest.fixture
def few_pieces(monkeypatch):
    """Of images and recordings, few pieces are cut out, and learned from for a short time."""
    monkeypatch.setitem(STARTING_POINT, "patches", 400)
    monkeypatch.setitem(STARTING_POINT, "iterations", 20)


def weights(model):
    return [getattr(model[-1], name) for name in WEIGHTS]


def assert_same_weights(one, other):
    for a, b in zip(weights(one), weights(other), strict=True):
        assert_array_equal(a, b, strict=True)


# --- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_atoms", "n_features", "noise", "seed"),
    [
        (16, 16, 0.02, 0),
        *(
            pytest.param(*sizes, marks=pytest.mark.slow)
            for sizes in [(12, 12, 0.1, 1), (24, 16, 0.02, 0), (12, 30, 0.05, 2)]
        ),
    ],
)
def test_the_atoms_of_a_dictionary_are_found(n_atoms, n_features, noise, seed):
    X, atoms = planted(1500, n_features=n_features, n_atoms=n_atoms, noise=noise, seed=seed)
    found = choose(X, n_atoms, random_state=0)
    assert recovery(found.pipeline_, atoms) >= 0.98
    assert recovery(found.patterns_, atoms) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_the_datas_own_unit_does_not_matter(factor, known, choice):
    X, atoms = known
    found = choose(factor * X + 7 * factor, 16, random_state=0)
    assert recovery(found.pipeline_, atoms) >= 0.98
    usual = {"weight_decay", "sparsity_weight"}
    for name in choice.settings.keys() - usual - {"seed"}:
        assert found.settings[name] == choice.settings[name]


def test_the_best_that_was_tried_is_taken_and_judged_as_said(known, choice):
    scores = [row["score"] for row in choice.tried]
    assert scores == sorted(scores, reverse=True)
    best = choice.tried[0]
    taken = {name: choice.settings.get(name) for name in ("whitening", "target", "weight_decay")}
    (same,) = (
        row
        for row in choice.tried
        if all(row[name] == value for name, value in taken.items())
        and row["sparsity_weight"] == choice.settings["sparsity_weight"]
    )
    assert same["score"] >= best["score"] - 0.003
    assert choice.criterion == AIMS["features"].criterion
    # On all rows, what was learned is no worse than on a part in twenty iterations.
    assert pursuit_score(choice.pipeline_, known[0]) >= best["score"] - 0.01


def scored_by(monkeypatch, score):
    """Have features scored by a function of the rows held out."""
    aim = AIMS["features"]._replace(score=lambda model, whitening, rows: score(rows))
    monkeypatch.setitem(AIMS, "features", aim)


@pytest.mark.parametrize(("n_rows", "n_parts"), [(60, 5), (199, 5), (200, 1), (300, 1)])
def test_of_few_rows_each_part_is_held_out_in_its_turn(n_rows, n_parts, monkeypatch):
    sizes = []

    def score(rows):
        sizes.append(len(rows))
        return float(len(sizes))

    scored_by(monkeypatch, score)
    found = choose(planted(n_rows)[0], 4, random_state=0)
    parts = np.reshape(sizes, (-1, n_parts))
    held_out = n_rows if n_parts > 1 else n_rows // 5
    assert (parts.sum(axis=1) == held_out).all()
    assert np.ptp(parts) <= 1
    means = np.arange(1, len(sizes) + 1).reshape(parts.shape).mean(axis=1)
    assert [row["score"] for row in found.tried] == sorted(means, reverse=True)
    told = "each of 5 parts of" if n_parts > 1 else f"{held_out} rows held out of"
    assert told in found.reasons[-1]


def test_a_setting_that_gains_nothing_leaves_the_simpler_one(known, monkeypatch):
    scored_by(monkeypatch, lambda rows: 0.5)
    found, aim = choose(known[0], 4, random_state=0), AIMS["features"]
    assert found.settings["target"] == aim.targets[0]
    assert "epsilon" not in found.settings
    (taken,) = {
        row["share_of_critical_decay"]
        for row in found.tried
        if row["weight_decay"] == found.settings["weight_decay"]
    }
    assert taken == aim.decays[0]


@pytest.mark.slow
def test_units_for_recognition_explain_more_and_those_for_features_are_sparser(digits):
    features, recognition = (choose(digits[:500], 40, aim=aim) for aim in AIMS)
    assert recognition.criterion == AIMS["recognition"].criterion
    assert recognition.pipeline_.score(digits[:500]) > features.pipeline_.score(digits[:500])
    activity = [found.pipeline_[-1].average_activation_.mean() for found in (features, recognition)]
    assert activity[0] < activity[1]
    assert all(row["whitening"] == "none" for row in recognition.tried)


def test_a_number_of_units_that_is_given_is_kept(known, choice):
    assert choice.settings["units"] == choice.pipeline_[-1].n_components == 16
    assert choice.patterns_.shape == (16, 16)
    assert "Units 16: the number you gave." in choice.reasons


@pytest.mark.slow
def test_the_number_of_units_follows_from_components_and_rows(rng):
    X = rng.randn(400, 5) @ rng.randn(5, 30)
    features, recognition = (aim.units for aim in AIMS.values())
    assert choose(X).settings["units"] == features.per_component * 5
    assert choose(X, aim="recognition").settings["units"] == recognition.fewest
    few = choose(X[:95])
    assert few.settings["units"] == 95 // features.rows_per_unit
    assert "5 principal components explain 99% of the variance" in few.reasons[-2]
    assert f"no more than one per {features.rows_per_unit} rows" in few.reasons[-2]
    assert choose(X[:40]).settings["units"] == features.fewest
    one = choose(X[:, :1])
    assert one.settings["units"] == features.fewest == 8
    assert one.patterns_.shape == (8, 1)


# --- one scale, or one for each column -----------------------------------------------------------


def test_columns_of_unlike_units_have_a_scale_each():
    found = choose(load_wine().data)
    assert found.settings["scale"] == "columns"
    assert found.reasons[0].startswith("Scale: one for each column, since their variances")
    assert found.pipeline_[0].scale == "columns"


def test_columns_that_are_alike_share_one(known, choice):
    assert choice.settings["scale"] == "all"
    X = known[0]
    ratio = X.var(axis=0).max() / X.var(axis=0).min()
    assert f"variances differ only by a factor of {ratio:.2g}"[:-1] in choice.reasons[0]


@pytest.mark.slow
def test_a_column_that_is_nearly_constant_is_not_blown_up(rng):
    X = rng.randn(300, 8)
    X[:, 0] = np.where(np.arange(300) % 50 == 0, 1e-3, 0)
    found = choose(X, 8)
    assert found.settings["scale"] == "all"
    assert (
        "some are nearly constant, and a scale of their own would amplify noise" in found.reasons[0]
    )
    X[:, 0] = 1e-3 * rng.randn(300)
    assert choose(X, 8).settings["scale"] == "columns"


def test_pixels_share_one(digits, photographs, few_pieces):
    assert choose(digits[:500], 8).settings["scale"] == "all"
    found = choose([image[:60, :60] for image in photographs.images[:3]], 8)
    assert found.settings["scale"] == "all"
    assert (
        found.reasons[0]
        == "Scale: one for all columns, since all values of images have the same unit."
    )


@pytest.mark.slow
def test_rows_that_vary_along_one_direction_are_whitened(rng):
    X = rng.randn(500, 10) + 9 * rng.randn(500, 1)
    found = choose(X, 10)
    assert found.settings["whitening"] == "zca"
    assert "since one direction holds 9" in found.reasons[1]
    assert all(row["whitening"] == "zca" for row in found.tried)


# --- the result ----------------------------------------------------------------------------------


def test_the_settings_make_the_same_model(known, choice):
    settings = Settings(**choice.settings)
    assert complete(settings, "rows") == settings
    again = make_pipeline(settings, "rows")
    told = {name: repr(value) for name, value in choice.pipeline_.get_params().items()}
    assert {name: repr(value) for name, value in again.get_params().items()} == told
    assert_same_weights(again.fit(known[0]), choice.pipeline_)


def test_only_what_differs_from_the_defaults_is_told(choice):
    usual = Settings()
    assert choice.settings
    for name, value in choice.settings.items():
        assert value != getattr(usual, name)
    assert set(choice.settings) - {"units", "seed"} <= set(FOUND)
    assert choice.settings["iterations"] == STARTING_POINT["iterations"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_choice_and_none_is_seed_0(known, choice):
    X, _ = known
    for random_state in (0, None):
        again = choose(X, 16, random_state=random_state)
        assert (again.settings, again.tried) == (choice.settings, choice.tried)
        assert (again.reasons, again.command) == (choice.reasons, choice.command)
        assert_same_weights(again.pipeline_, choice.pipeline_)
    other = choose(X, 16, random_state=7)
    assert other.settings["seed"] in (7, 8)
    assert other.tried != choice.tried


@pytest.mark.slow
def test_the_start_of_least_loss_is_kept(known, choice):
    settings = Settings(**choice.settings)
    losses = {
        seed: make_pipeline(Settings(**{**choice.settings, "seed": seed}), "rows")
        .fit(known[0])[-1]
        .loss_
        for seed in (0, 1)
    }
    assert settings.seed == min(losses, key=losses.get)
    assert choice.pipeline_[-1].loss_ == min(losses.values())


def test_as_text_it_tells_reasons_a_table_and_the_command(choice):
    text = str(choice)
    for reason in choice.reasons:
        assert reason in text
    lines = text.splitlines()
    assert f"score: {choice.criterion}" in lines
    header = lines.index(f"score: {choice.criterion}") + 1
    assert lines[header].split() == list(choice.tried[0])
    table = lines[header + 1 : header + 1 + len(choice.tried)]
    assert [float(line.split()[0]) for line in table] == pytest.approx(
        [row["score"] for row in choice.tried], rel=1e-3
    )
    assert len({len(line) for line in (lines[header], *table)}) == 1
    assert lines[-1] == choice.command


def test_every_setting_that_is_searched_has_a_reason(choice):
    told = "\n".join(choice.reasons)
    for name in ("target", "sparsity_weight", "weight_decay", "units"):
        label = name.replace("_", " ").capitalize()
        assert f"{label} {choice.settings[name]:g}" in told
    for label in ("Scale", "Whitening", "Decoder"):
        assert f"{label}: " in told
    assert "on 240 rows held out of 1,200" in choice.reasons[-1]


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("aim", AIMS)
def test_the_command_gives_a_model_of_the_same_bits(aim, known, tmp_path):
    path = tmp_path / "it's rows.npy"
    np.save(path, known[0][:400])
    found = choose(path, 16, aim=aim)
    words = shlex.split(found.command)
    assert words[:3] == ["rhohat", "learn", str(path)]
    assert "DATA" not in words
    result = run(*words[1:], cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert_same_weights(rhohat.load(tmp_path / "rhohat-out/model.safetensors"), found.pipeline_)


def test_without_a_path_the_command_has_a_place_for_one(known, choice, tmp_path):
    np.save(tmp_path / "x.npy", known[0])
    words = shlex.split(choice.command.replace("DATA", "x.npy"))
    assert run(*words[1:], cwd=tmp_path).returncode == 0
    assert_same_weights(rhohat.load(tmp_path / "rhohat-out/model.safetensors"), choice.pipeline_)


# --- data ----------------------------------------------------------------------------------------


def test_rows_are_taken_from_where_they_lie(known, choice, tmp_path):
    np.save(tmp_path / "x.npy", known[0])
    stored, listed = choose(str(tmp_path / "x.npy"), 16), choose([tmp_path / "x.npy"], 16)
    for found in (stored, listed, choose(np.load(tmp_path / "x.npy", mmap_mode="r"), 16)):
        assert found.settings == choice.settings
        assert found.tried == choice.tried


def small(images):
    return [image[:40, :50] for image in images[:4]]


def test_images_are_cut_into_patches_however_they_come(photographs, tmp_path, few_pieces):
    images = small(photographs.images)
    np.save(tmp_path / "stack.npy", np.stack(images))
    found = choose(images, 9)
    assert found.patterns_.shape == (9, 100)
    assert [type(step).__name__ for step in found.pipeline_][:2] == [
        "PatchExtractor",
        "Standardization",
    ]
    others = [
        LoadedImages(images, ["a", "b", "c", "d"], []),
        np.stack(images),
        tmp_path / "stack.npy",
    ]
    for other in others:
        again = choose(other, 9)
        assert again.settings == found.settings
        assert_same_weights(again.pipeline_, found.pipeline_)


def test_color_is_seen_in_the_images(rng, few_pieces):
    images = list(rng.rand(4, 14, 14, 3) + rng.rand(4, 1, 1, 3))
    found = choose(images, 6)
    assert found.settings["color"] is True
    assert "--color" in found.command.split()
    assert found.patterns_.shape == (6, 300)


def test_recordings_are_taken_as_spectrograms(recordings, tmp_path, few_pieces):
    loaded = rhohat.LoadedRecordings(recordings, list("abcde"), [], RATE)
    found = choose(loaded, 7)
    assert found.settings["rate"] == RATE
    assert type(found.pipeline_[0]).__name__ == "SpectrogramExtractor"
    assert found.patterns_.shape[0] == 7
    for number, recording in enumerate(recordings):
        soundfile.write(tmp_path / f"{number}.wav", recording / 2, RATE)
    from_files = choose(tmp_path, 7)
    assert from_files.settings["rate"] == RATE
    words = shlex.split(from_files.command)
    assert words[2] == str(tmp_path)
    assert run(*words[1:], "-o", "out", cwd=tmp_path).returncode == 0
    again = rhohat.load(tmp_path / "out" / "model.safetensors")
    assert_same_weights(again, from_files.pipeline_)


def test_series_are_taken_as_windows_and_the_command_makes_the_same_model(tmp_path):
    moments = np.arange(6000) / 1000
    sweep = np.sin(2 * np.pi * (20 + 5 * np.sin(moments)) * moments)
    noise = np.random.RandomState(0).normal(size=moments.shape)
    np.save(tmp_path / "sensors.npy", np.stack([sweep, noise]))
    found = choose(rhohat.load_series(tmp_path / "sensors.npy", rate=1000), 6, random_state=0)
    assert found.settings["rate"] == 1000
    assert type(found.pipeline_[0]).__name__ == "ChannelScaling"
    assert found.patterns_.shape == (6, 2 * found.settings["window"])
    words = ["sensors.npy" if word == "DATA" else word for word in shlex.split(found.command)]
    assert run(*words[1:], "-o", "out", cwd=tmp_path).returncode == 0
    again = rhohat.load(tmp_path / "out" / "model.safetensors")
    assert_same_weights(again, found.pipeline_)


@pytest.mark.slow
def test_how_data_are_cut_is_kept_if_it_was_said(photographs):
    start = Settings(patch_size=5, patches=300, seed=4, **STARTING_POINT)
    content = small(photographs.images)
    found = choose_for(content, "images", complete(start, "images"), 6, paths=["my images"])
    assert found.patterns_.shape == (6, 25)
    assert (found.settings["patch_size"], found.settings["patches"]) == (5, 300)
    assert found.settings["seed"] in (4, 5)
    assert found.command.startswith("rhohat learn 'my images' ")
    assert "on 60 rows held out of 300" in found.reasons[-1]


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        (np.eye(19), {}, ValueError, "needs at least 20 rows, got 19"),
        (np.ones((40, 3)), {}, ValueError, "the rows do not vary"),
        (np.eye(30), {"aim": "beauty"}, ValueError, "aim must be one of 'features', 'recog"),
        (np.eye(30), {"n_components": 0}, ValueError, "n_components must be at least 1"),
        (np.eye(30), {"n_components": 2.5}, TypeError, "n_components must be an integer"),
        (np.eye(30), {"random_state": -1}, ValueError, "random_state must be at least 0"),
        (np.where(np.eye(30), np.nan, 0), {}, ValueError, "NaN"),
        (np.ones(30), {}, ValueError, "2D array"),
        ("nowhere.npy", {}, FileNotFoundError, "nowhere.npy"),
    ],
)
def test_what_nothing_can_be_chosen_for_is_refused(X, options, error, message):
    with pytest.raises(error, match=message):
        choose(X, **options)
