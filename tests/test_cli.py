"""The command line, run as users run it."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_array_equal

import rhohat

SMALL = ["--patch-size", "6", "--patches", "1500", "--units", "9", "--iterations", "12"]


def run(*arguments, cwd, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "rhohat", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **kwargs,
    )


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """One small run of ``rhohat learn --json`` and its folder."""
    folder = tmp_path_factory.mktemp("learned")
    result = run("learn", *SMALL, "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "rhohat-out", result


def test_learn_writes_figures_and_model(learned):
    folder, _ = learned
    assert {file.name for file in folder.iterdir()} == {
        "features.png",
        "features.svg",
        "training.png",
        "model.safetensors",
    }
    for name in ("features.png", "training.png"):
        assert np.ptp(plt.imread(folder / name)) > 0


def test_json_is_all_that_standard_output_holds(learned):
    folder, result = learned
    summary = json.loads(result.stdout)
    model = rhohat.load(folder / "model.safetensors")[-1]
    assert summary["loss"]["total"] == model.loss_
    assert summary["dead_units"] == model.n_dead_
    assert summary["average_activation"]["mean"] == model.average_activation_.mean()
    assert summary["edges"]["share"] == rhohat.edge_score(model.components_).edge_share
    assert summary["training"]["interrupted"] is False
    assert summary["settings"]["units"] == 9


def test_outside_a_terminal_progress_is_one_line_at_the_end(learned):
    _, result = learned
    assert len(result.stderr.splitlines()) == 1
    assert "trained in" in result.stderr
    assert "iteration 12/12" in result.stderr
    assert "\x1b" not in result.stderr


def test_model_file_holds_the_whole_pipeline(learned):
    folder, _ = learned
    pipeline = rhohat.load(folder / "model.safetensors")
    patches = pipeline[:-1].transform(rhohat.load_photographs().images)
    assert patches.shape == (1500, 36)
    assert pipeline[-1].score(patches) == pytest.approx(
        -pipeline[-1].loss_terms_.reconstruction, rel=1e-5
    )


def test_same_seed_writes_the_same_bytes_and_text_summary_tells(learned, tmp_path):
    folder, _ = learned
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    result = run("learn", *SMALL, "--out", "again", cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr
    for file in folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name
    for phrase in ("9 features learned", "loss", "average activation", "dead units", "edges"):
        assert phrase in result.stdout
    model_file = os.path.join("again", "model.safetensors")
    assert model_file in result.stdout


def test_advice_of_the_summary_runs(learned):
    folder, _ = learned
    result = run("learn", *SMALL, "--out", str(folder), cwd=folder)
    advice = result.stdout.split("in Python:\n")[1].split("Or vary")[0]
    code = "\n".join(line.strip() for line in advice.splitlines())
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=300)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to a process")
def test_interrupt_keeps_the_best_model_so_far_and_exits_130(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "rhohat", "learn", "--iterations", "100000", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(8)  # into training, on any machine that can learn in a minute
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert json.loads(out)["training"]["interrupted"] is True
    assert "interrupted" in err
    model = rhohat.load(tmp_path / "rhohat-out" / "model.safetensors")[-1]
    assert np.isfinite(model.encoder_weights_).all()
    assert model.n_iter_ < 100_000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["learn", "--units", "0"], 2, "--units"),
        (["learn", "--patch-size", "many"], 2, "--patch-size"),
        (["lern"], 2, "lern"),
        (["learn", "--patch-size", "4000"], 1, "too few"),
        (["learn", "--out", "taken"], 2, "taken"),
    ],
)
def test_wrong_usage_and_failure_have_codes_and_one_clear_message(
    arguments, code, message, tmp_path
):
    (tmp_path / "taken").write_text("a file")
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_help_and_version(tmp_path):
    assert "rhohat learn" in run("--help", cwd=tmp_path).stdout
    assert "Exit codes" in run("learn", "--help", cwd=tmp_path).stdout
    assert rhohat.__version__ in run("--version", cwd=tmp_path).stdout


def test_learned_weights_are_those_of_the_documented_pipeline(learned):
    folder, _ = learned
    pipeline = rhohat.load(folder / "model.safetensors")
    again = [step for _, step in pipeline.steps]
    X = rhohat.load_photographs().images
    for step in again[:-1]:
        X = step.fit_transform(X)
    saved = pipeline[-1].encoder_weights_.copy()
    assert_array_equal(pipeline[-1].fit(X).encoder_weights_, saved)


@pytest.mark.parametrize("name", ["features.png", "features.svg"])
def test_show_draws_the_picture_of_learn_to_the_byte(learned, tmp_path, name):
    folder, _ = learned
    result = run("show", str(folder / "model.safetensors"), "-o", name, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_show_sorts_by_average_activation(learned, tmp_path):
    folder, _ = learned
    model = rhohat.load(folder / "model.safetensors")[-1]
    file = str(folder / "model.safetensors")
    assert run("show", file, "--sort", "activation", cwd=tmp_path).returncode == 0
    shown = plt.imread(tmp_path / "features.png")
    plain = plt.imread(folder / "features.png")
    size = len(shown) // 22  # 3 tiles of 6 pixels and 4 borders
    tile = slice(size, 7 * size)
    row, column = divmod(int(model.average_activation_.argmax()), 3)
    y, x = (slice((7 * n + 1) * size, (7 * n + 7) * size) for n in (row, column))
    assert_array_equal(shown[tile, tile], plain[y, x])


def test_inspect_tells_what_the_model_holds(learned, tmp_path):
    folder, _ = learned
    file = str(folder / "model.safetensors")
    facts = json.loads(run("inspect", file, "--json", cwd=tmp_path).stdout)
    model = rhohat.load(file)[-1]
    assert facts["loss"]["total"] == model.loss_
    assert (facts["units"], facts["features"], facts["patch_shape"]) == (9, 36, [6, 6])
    text = run("inspect", file, cwd=tmp_path).stdout
    assert "KLSparsity(target=0.01, weight=3.0)" in text
    assert "6 x 6" in text


@pytest.mark.parametrize("command", ["show", "inspect"])
def test_missing_empty_and_foreign_files_are_named_and_fail(command, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "foreign").write_text("not a model")
    rhohat.save(rhohat.Whitening().fit(np.eye(3)), tmp_path / "whitening")
    for name in ("missing", "empty", "foreign", "whitening"):
        result = run(command, name, cwd=tmp_path)
        assert result.returncode == 1, name
        assert "Traceback" not in result.stderr
        assert name in result.stderr or "Whitening" in result.stderr


def test_show_refuses_a_kind_of_file_that_it_cannot_write(learned, tmp_path):
    folder, _ = learned
    result = run("show", str(folder / "model.safetensors"), "-o", "x.bmp", cwd=tmp_path)
    assert result.returncode == 2
    assert ".png or .svg" in result.stderr
