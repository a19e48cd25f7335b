"""``rhohat learn``: from photographs and arrays to figures and a model."""

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
from rhohat.training.checkpoints import FILE
from support.command import SMALL, run


def test_learn_writes_figures_and_model(learned):
    folder, _ = learned
    assert {file.name for file in folder.iterdir()} == {
        "report.html",
        "features.png",
        "features.svg",
        "training.png",
        "model.safetensors",
        "rhohat-run.json",
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


def test_outside_a_terminal_progress_is_a_line_for_each_phase(learned):
    _, result = learned
    assert result.stderr.splitlines() == [
        *("reading", "whitening", "learning"),
        *("examining the units", "writing the page"),
    ]


def test_model_file_holds_the_whole_pipeline(learned):
    folder, _ = learned
    pipeline = rhohat.load(folder / "model.safetensors")
    patches = pipeline[:-1].transform(rhohat.load_photographs().images)
    assert patches.shape == (1500, 36)
    assert pipeline[-1].score(patches) == pytest.approx(
        -pipeline[-1].loss_terms_.reconstruction, rel=1e-5
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to a process")
def test_interrupt_keeps_the_best_model_so_far_and_exits_130(tmp_path):
    command = [sys.executable, "-m", "rhohat", "learn"]
    process = subprocess.Popen(
        [*command, *SMALL, "--iterations", "100000", "--checkpoint", "run", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "run" / FILE).exists():  # into training
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert json.loads(out)["training"]["interrupted"] is True
    assert "interrupted" in err
    model = rhohat.load(tmp_path / "rhohat-out" / "model.safetensors")[-1]
    assert np.isfinite(model.encoder_weights_).all()
    assert model.n_iter_ < 100_000


def test_learned_weights_are_those_of_the_documented_pipeline(learned):
    folder, _ = learned
    pipeline = rhohat.load(folder / "model.safetensors")
    again = [step for _, step in pipeline.steps]
    X = rhohat.load_photographs().images
    for step in again[:-1]:
        X = step.fit_transform(X)
    saved = pipeline[-1].encoder_weights_.copy()
    assert_array_equal(pipeline[-1].fit(X).encoder_weights_, saved)


def test_learn_from_a_folder_is_the_documented_pipeline(messy, tmp_path):
    assert run("learn", str(messy), *SMALL, cwd=tmp_path).returncode == 0
    pipeline = rhohat.load(tmp_path / "rhohat-out" / "model.safetensors")
    images = [
        image
        for image in rhohat.load_images(messy, on_error="skip").images
        if min(image.shape) >= 6
    ]
    saved = pipeline[-1].encoder_weights_.copy()
    assert_array_equal(pipeline.fit(images)[-1].encoder_weights_, saved)


def test_dry_run_estimates_and_writes_nothing(messy, tmp_path):
    result = run("learn", str(messy), "--dry-run", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["rows"], told["features"]) == (30_000, 100)
    assert told["seconds"] > 0
    assert 2e8 < told["memory_bytes"] < 1e9
    assert list(tmp_path.iterdir()) == []
    larger = json.loads(
        run("learn", "--patches", "2000000", "--dry-run", "--json", cwd=tmp_path).stdout
    )
    assert larger["memory_bytes"] > told["memory_bytes"] + 2_000_000 * 100 * 4
    assert larger["seconds"] > 0  # tests/recipes/test_estimates.py has laws, on a clock of its own
    text = run("learn", "--dry-run", cwd=tmp_path).stdout
    assert "GiB" in text or "MiB" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["rows.npy", "--color"], "color is for images"),
        (["rows.npy", "--patch-size", "3"], "patch-size is for images"),
        (["rows.npy", "--shape", "4x5"], "64 columns"),
        (["rows.npy", "--shape", "8x8", "--color"], "must be given together"),
        (["images.npy", "--shape", "8x8"], "already holds images"),
        (["images.npy", "--patch-size", "50"], "too few: at least 50 x 50 are needed"),
        (["huge.npy"], "too large to be squared"),
    ],
    ids=" ".join,
)
def test_what_learn_refuses_so_does_a_dry_run(options, message, arrays, tmp_path):
    np.save(tmp_path / "huge.npy", np.full((9, 4), 1e200) * np.eye(9, 4))
    (name, *others) = options
    file = str(tmp_path / name if name == "huge.npy" else arrays / name)
    dry = [] if name == "huge.npy" else [["--dry-run"]]
    for more in ([], *dry):
        result = run("learn", file, *others, *more, cwd=tmp_path)
        assert result.returncode == 1, result.stdout
        assert message in result.stderr
    assert not (tmp_path / "rhohat-out").exists()


def test_whole_images_must_have_one_size(messy, tmp_path):
    for more in ([], ["--dry-run"]):
        result = run("learn", str(messy), "--patch-size", "whole", *more, cwd=tmp_path)
        assert result.returncode == 1
        assert "whole images must have one size" in result.stderr


def test_rows_as_images_can_be_cut_into_patches(arrays, tmp_path):
    file = str(arrays / "rows.npy")
    options = ["--shape", "8x8", "--patch-size", "4", "--patches", "300", "--iterations", "3"]
    result = run("learn", file, *options, "--json", cwd=tmp_path)
    assert json.loads(result.stdout)["settings"]["patch_size"] == 4
    model = rhohat.load(tmp_path / "rhohat-out" / "model.safetensors")
    assert model[-1].n_features_in_ == 16
