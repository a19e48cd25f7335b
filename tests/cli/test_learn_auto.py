"""``rhohat learn --auto``: settings that are found; and what ``learn`` says of its features."""

import json
import shlex
from contextlib import chdir

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_array_equal

import rhohat
from rhohat.cli.learn import ELSEWHERE
from rhohat.recipes.choice import AIMS, FOUND
from rhohat.recipes.settings import Settings
from support.command import run
from support.dictionaries import planted
from support.fits import WEIGHTS
from support.pages import lines_to_copy

pytestmark = pytest.mark.usefixtures("without_figures")

#: Text by which each option is given on the command line.
GIVEN = {
    "decoder": ["linear"],
    "penalty": ["kl"],
    "target": ["0.02"],
    "sparsity_weight": ["auto"],
    "weight_decay": ["0.001"],
    "scale": ["all"],
    "whitening": ["none"],
    "epsilon": ["0.1"],
    "iterations": ["100"],
    "activation": ["tanh"],
    "solver": ["lbfgs"],
    "checkpoint": ["run"],
    "resume": [],
    "dask": ["local"],
    "validation": ["0.2"],
    "patience": ["3"],
    "corruption": ["masking"],
    "transcode": ["rows.npy"],
}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A folder with rows, and the atoms that they are made of."""
    folder = tmp_path_factory.mktemp("auto")
    X, atoms = planted(800)
    np.save(folder / "rows.npy", X)
    return folder, atoms


@pytest.fixture(scope="module")
def chosen(known):
    """The summary of ``learn --auto``."""
    result = run("learn", "rows.npy", "--auto", "--units", "16", "--json", cwd=known[0])
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def model_in(folder, out="rhohat-out"):
    return rhohat.load(folder / out / "model.safetensors")


def assert_same_weights(one, other):
    for name in WEIGHTS:
        assert_array_equal(getattr(one[-1], name), getattr(other[-1], name), strict=True)


def test_it_is_choose_on_the_command_line(known, chosen):
    folder, atoms = known
    with chdir(folder):
        choice = rhohat.choose("rows.npy", 16)
    assert_same_weights(model_in(folder), choice.pipeline_)
    assert rhohat.recovery(model_in(folder), atoms) >= 0.98
    told = chosen["choice"]
    assert told == {
        "criterion": choice.criterion,
        "reasons": choice.reasons,
        "tried": choice.tried,
        "command": choice.command,
    }
    assert Settings(**chosen["settings"]) == Settings(**choice.settings)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["rows.npy", "--units", "16"], ["rows.npy"]),
        pytest.param(
            ["rows.npy", "--units", "16", "--seed", "5"], ["rows.npy"], marks=pytest.mark.slow
        ),
        pytest.param(
            ["rows.npy", "--units", "9", "--aim", "recognition"],
            ["rows.npy"],
            marks=pytest.mark.slow,
        ),
        (["several.npz", "--key", "x", "--units", "9"], ["several.npz", "--key", "x"]),
        pytest.param(
            ["rows.npy", "--shape", "4x4", "--units", "9"],
            ["rows.npy", "--shape", "4x4"],
            marks=pytest.mark.slow,
        ),
        (
            ["rows.npy", "--shape", "4x4", "--patch-size", "3", "--patches", "200", "--units", "6"],
            ["rows.npy", "--shape", "4x4"],
        ),
        pytest.param(
            ["a.npy", "b.npy", "c.npy", "d.npy", "--units", "9"],
            [f"{n}.npy" for n in "abcd"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_the_command_that_it_prints_gives_the_same_model(options, words, known, tmp_path):
    X = np.load(known[0] / "rows.npy")
    np.save(tmp_path / "rows.npy", X)
    np.savez(tmp_path / "several.npz", x=X, y=np.arange(3))
    for number, name in enumerate("abcd"):
        np.save(tmp_path / f"{name}.npy", X[200 * number : 200 * (number + 1)])
    result = run("learn", *options, "--auto", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    command = shlex.split(json.loads(result.stdout)["choice"]["command"])
    assert command[: 2 + len(words)] == ["rhohat", "learn", *words]
    page = (tmp_path / "rhohat-out" / "report.html").read_text()
    shown = lines_to_copy(page, "Command")
    assert shlex.split(shown) == command
    again = run(*command[1:], "--out", "again", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert_same_weights(model_in(tmp_path), model_in(tmp_path, "again"))
    summary = json.loads(again.stdout)
    assert summary["choice"] is None
    assert summary["settings"] == json.loads(result.stdout)["settings"]


def test_recordings_have_settings_chosen_too(tmp_path, recordings):
    for number, recording in enumerate(recordings):
        soundfile.write(tmp_path / f"{number}.wav", recording / 2, 8000)
    few = ["--units", "6", "--patches", "400", "--mels", "12"]
    result = run("learn", ".", *few, "--auto", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    command = shlex.split(told["choice"]["command"])
    assert (told["settings"]["mels"], told["settings"]["rate"]) == (12, 8000)
    assert run(*command[1:], "--out", "again", cwd=tmp_path).returncode == 0
    assert_same_weights(model_in(tmp_path), model_in(tmp_path, "again"))


@pytest.mark.slow
def test_the_number_of_units_is_found_if_it_is_not_given(known, tmp_path):
    data = str(known[0] / "rows.npy")
    found = rhohat.choose(np.load(data)).settings["units"]
    for units, expected in (([], found), (["--units", "100"], 100)):
        result = run("learn", data, "--auto", *units, "--json", "--force", cwd=tmp_path)
        assert json.loads(result.stdout)["settings"].get("units") == expected


def test_an_aim_has_its_criterion(known, tmp_path):
    options = ["--auto", "--aim", "recognition", "--units", "20", "--json"]
    result = run("learn", str(known[0] / "rows.npy"), *options, cwd=tmp_path)
    assert json.loads(result.stdout)["choice"]["criterion"] == AIMS["recognition"].criterion


def test_an_aim_is_for_auto(known, tmp_path):
    data = str(known[0] / "rows.npy")
    result = run("learn", data, "--aim", "recognition", cwd=tmp_path)
    assert result.returncode == 2
    assert "--aim says what --auto optimizes: add --auto." in result.stderr
    assert run("learn", data, "--auto", "--aim", "beauty", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("name", GIVEN)
def test_what_it_finds_by_itself_is_refused(name, known, tmp_path):
    option = "--" + name.replace("_", "-")
    words = [option, *GIVEN[name]]
    needed = {"resume": ["--checkpoint", "run"], "patience": ["--validation", "0.2"]}
    words += needed.get(name, [])
    for more in ([], ["--dry-run"]):
        result = run("learn", str(known[0] / "rows.npy"), "--auto", *words, *more, cwd=tmp_path)
        assert result.returncode == 2
        assert "--auto chooses the settings itself: leave out" in result.stderr
        assert any(word in result.stderr for word in words if word.startswith("--"))
    assert list(tmp_path.iterdir()) == []


def test_every_option_that_it_refuses_was_tried():
    assert GIVEN.keys() == {*FOUND, *ELSEWHERE}


def test_what_a_configuration_file_chooses_is_refused_too(known, tmp_path):
    (tmp_path / "c.toml").write_text("target = 0.1\n")
    data = str(known[0] / "rows.npy")
    result = run("learn", data, "--auto", "--config", "c.toml", cwd=tmp_path)
    assert result.returncode == 2
    assert "leave out --target" in result.stderr
    (tmp_path / "c.toml").write_text("auto = true\nunits = 7\n")
    result = run("learn", data, "--config", "c.toml", "--json", cwd=tmp_path)
    assert json.loads(result.stdout)["settings"]["units"] == 7
    assert json.loads(result.stdout)["choice"] is not None


@pytest.mark.parametrize(
    ("X", "message"),
    [(np.eye(19, 4), "needs at least 20 rows, got 19"), (np.ones((40, 3)), "the rows do not vary")],
)
def test_what_nothing_can_be_chosen_for_is_said(X, message, tmp_path):
    np.save(tmp_path / "x.npy", X)
    result = run("learn", "x.npy", "--auto", cwd=tmp_path)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


# --- the summary ---------------------------------------------------------------------------------


def test_the_summary_says_why_and_whether_the_features_are_good(known, chosen):
    result = run("learn", "rows.npy", "--auto", "--units", "16", cwd=known[0])
    lines = result.stdout.splitlines()
    at = lines.index("Settings were chosen from the data:")
    told = [*chosen["choice"]["reasons"], chosen["choice"]["command"]]
    assert lines[at + 1 : at + 1 + len(told)] == [f"  {line}" for line in told]
    assert "The features look good: no problem was found." in lines
    assert chosen["diagnosis"]["good"] is True


def test_without_auto_there_is_no_choice_but_a_diagnosis(known, tmp_path):
    data = str(known[0] / "rows.npy")
    options = ["--scale", "all", "--whitening", "none", "--units", "12", "--penalty", "none"]
    summary = json.loads(run("learn", data, *options, "--json", cwd=tmp_path).stdout)
    assert summary["choice"] is None
    model, X = model_in(tmp_path), np.load(data)
    diagnosis = rhohat.diagnose(model, X)
    assert summary["diagnosis"]["facts"] == diagnosis.facts
    finding = summary["diagnosis"]["findings"][0]
    assert finding["kind"] == "penalty"
    text = run("learn", data, *options, cwd=tmp_path).stdout
    assert "Settings were chosen" not in text
    assert diagnosis.verdict in text.splitlines()
    for number, found in enumerate(diagnosis.findings, start=1):
        assert f"  {number}. {found}" in text.splitlines()
    assert finding["change"]["option"] in text.split("Improve:")[1].split("Encode:")[0]


def test_advice_that_is_no_change_is_in_the_summary_and_so_are_notes(tmp_path, rng):
    X, y = np.repeat(rng.randn(3, 8), 60, axis=0) + 0.3 * rng.randn(180, 8), np.arange(180) // 60
    np.save(tmp_path / "x.npy", np.column_stack([X, y, np.ones(180)]))
    text = run("learn", "x.npy", "--auto", "--units", "6", cwd=tmp_path).stdout
    assert "Column 8 looks like labels" in text
    assert "leave it out: numpy.delete(X, 8, axis=1)." in text
    assert "constant" in text.split("The features can be better.")[1]


# --- scale, and a weight that is found -----------------------------------------------------------


@pytest.mark.parametrize("scale", ["all", "columns"])
def test_scale_standardizes_rows_as_python_does(scale, known, tmp_path):
    data = str(known[0] / "rows.npy")
    options = ["--scale", scale, "--whitening", "none", "--units", "5", "--iterations", "9"]
    result = run("learn", data, *options, "--json", cwd=tmp_path)
    settings = json.loads(result.stdout)["settings"]
    assert (settings["decoder"], settings["scale"]) == ("linear", scale)
    model = model_in(tmp_path)
    assert [type(step).__name__ for step in model] == ["Standardization", "SparseAutoencoder"]
    assert model[0].scale == scale
    again = rhohat.load(tmp_path / "rhohat-out" / "model.safetensors").fit(np.load(data))
    assert_same_weights(again, model)


def test_a_weight_that_is_found_is_told_and_kept(known, tmp_path):
    data = str(known[0] / "rows.npy")
    options = ["--scale", "all", "--whitening", "none", "--units", "12", "--target", "0.05"]
    result = run("learn", data, *options, "--sparsity-weight", "auto", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["settings"]["sparsity_weight"] == "auto"
    assert told["average_activation"]["mean"] == pytest.approx(0.05, rel=0.1)
    model = model_in(tmp_path)[-1]
    assert model.sparsity_penalty.weight == "auto"
    assert model.sparsity_weight_ > 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--sparsity-weight", "heavy"], 2, "'heavy' is neither a number nor 'auto'"),
        (["--sparsity-weight", "-1"], 2, "-1"),
        (["--sparsity-weight", "nan"], 2, "--sparsity-weight"),
        (["--penalty", "l1", "--sparsity-weight", "auto"], 1, "must be a number for the penalty"),
        (["--penalty", "none", "--sparsity-weight", "auto"], 1, "sparsity-weight does not apply"),
        (["--scale", "rows"], 2, "--scale"),
    ],
)
def test_weights_and_scales_that_there_are_not_are_refused(options, code, message, known, tmp_path):
    result = run("learn", str(known[0] / "rows.npy"), *options, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_scale_and_whitening_of_whole_images_exclude_each_other(tmp_path):
    result = run("learn", "--scale", "all", "--dry-run", cwd=tmp_path)
    assert result.returncode == 1
    assert (
        "scale standardizes rows, but 1/f whitening already sets the scale: use one or the other."
        in result.stderr
    )
    options = ["--whitening", "none", "--patches", "100", "--dry-run", "--json"]
    told = json.loads(run("learn", "--scale", "all", *options, cwd=tmp_path).stdout)
    assert told["settings"]["decoder"] == "linear"
