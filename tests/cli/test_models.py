"""Commands that work with a model file."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib import pyplot as plt
from numpy.testing import assert_array_equal

import rhohat
from rhohat.cli.main import cli
from support.command import run, start


def test_show_sorts_by_average_activation(learned, tmp_path):
    folder, _ = learned
    model = rhohat.load(folder / "model.safetensors")[-1]
    file = str(folder / "model.safetensors")
    assert run("show", file, "--sort", "activation", cwd=tmp_path).returncode == 0
    shown = plt.imread(tmp_path / "features.png")
    plain = plt.imread(folder / "features.png")
    shown, plain = (picture[len(picture) // 44 :: len(picture) // 22] for picture in (shown, plain))
    shown, plain = (rows[:, rows.shape[1] // 44 :: rows.shape[1] // 22] for rows in (shown, plain))
    row, column = divmod(int(model.average_activation_.argmax()), 3)
    y, x = (slice(7 * n + 1, 7 * n + 7) for n in (row, column))  # 6 pixels, and a border before
    assert_array_equal(shown[1:7, 1:7], plain[y, x])


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


@pytest.mark.parametrize("command", [["show"], ["inspect"]])
def test_a_model_without_units_is_told_so(command, odd_files, tmp_path):
    result = run(*command, str(odd_files / "whitening"), cwd=tmp_path)
    assert result.returncode == 1
    assert "made of Whitening, without a SparseAutoencoder" in result.stderr


def test_show_refuses_a_kind_of_file_that_it_cannot_write(learned, tmp_path):
    folder, _ = learned
    result = run("show", str(folder / "model.safetensors"), "-o", "x.bmp", cwd=tmp_path)
    assert result.returncode == 2
    assert ".png or .svg" in result.stderr


KINDS = {
    "whitened images": (["--whitening", "none"], "images.npy"),
    "zca": (["--whitening", "zca"], "images.npy"),
    "pca, tanh": (["--whitening", "pca", "--activation", "tanh"], "images.npy"),
    "relu": (["--activation", "relu", "--weight-decay", "1e-2"], "images.npy"),
    "color": (["--color"], "images.npy"),
    "color, 1/f": (["--color", "--whitening", "1/f"], "images.npy"),
    "whole": (["--patch-size", "whole", "--whitening", "none", "--target", "0.1"], "images.npy"),
    "matlab": (["--whitening", "none"], "IMAGES.mat"),
    "rows": ([], "rows.npy"),
    "rows as images": (["--shape", "8x8"], "rows.npy"),
    "one of several": (["--key", "x"], "several.npz"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_learn_encode_and_show_agree_with_python_for_every_kind(kind, arrays, tmp_path):
    options, name = KINDS[kind]
    small = ["--patches", "600", "--units", "9", "--iterations", "8"]
    file = str(arrays / name)
    result = run("learn", file, *small, *options, "-o", "out", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    model = str(tmp_path / "out" / "model.safetensors")
    pipeline = rhohat.load(model)

    key = ["--key", "x"] if "--key" in options else []
    assert run("encode", model, file, "-o", "f.npy", *key, cwd=tmp_path).returncode == 0
    if name in ("rows.npy", "several.npz"):
        X = rhohat.load_rows(file, key="x" if key else None)
        X = X.reshape(-1, 8, 8) if "--shape" in options else X
    else:
        X = rhohat.load_images(file, color="--color" in options).images
    features = np.load(tmp_path / "f.npy")
    assert_array_equal(features, pipeline.transform(X))
    assert features.shape[1] == 9
    assert np.ptp(features) > 0

    assert run("show", model, "-o", "features.png", cwd=tmp_path).returncode == 0
    shown = (tmp_path / "features.png").read_bytes()
    assert shown == (tmp_path / "out" / "features.png").read_bytes()


def test_encode_without_inputs_takes_the_photographs_that_come_along(learned, tmp_path):
    model = str(learned[0] / "model.safetensors")
    assert run("encode", model, "-o", "f.npy", cwd=tmp_path).returncode == 0
    expected = rhohat.load(model).transform(rhohat.load_photographs().images)
    assert_array_equal(np.load(tmp_path / "f.npy"), expected)


def test_encode_refuses_data_of_another_kind(learned, arrays, tmp_path):
    model = str(learned[0] / "model.safetensors")
    result = run("encode", model, str(arrays / "rows.npy"), "-o", "f.npy", cwd=tmp_path)
    assert result.returncode == 1
    assert "works on images" in result.stderr
    assert "rows.npy holds rows" in result.stderr
    assert run("encode", model, "-o", "f.csv", cwd=tmp_path).returncode == 2


def test_dash_is_standard_output(learned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = str(learned[0] / "model.safetensors")
    run("encode", model, "-o", "f.npy", cwd=tmp_path)
    for arguments, expected in (
        (["encode", model], tmp_path / "f.npy"),
        (["show", model], learned[0] / "features.png"),
        (["show", model, "--format", "svg"], learned[0] / "features.svg"),
    ):
        result = CliRunner().invoke(cli, [*arguments, "-o", "-"], catch_exceptions=False)
        assert result.stdout_bytes == expected.read_bytes()
    assert not (tmp_path / "-").exists()


@pytest.mark.skipif(os.name == "nt", reason="a limit that Windows lacks")
def test_a_full_disk_leaves_the_old_file_and_is_named(learned, tmp_path):
    model = str(learned[0] / "model.safetensors")
    (tmp_path / "features.png").write_text("old")
    limited = ["bash", "-c", f"ulimit -f 2; exec {sys.executable} -m rhohat show '{model}'"]
    result = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "features.png: File too large" in result.stderr
    assert (tmp_path / "features.png").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["features.png"]


def test_report_is_the_page_that_learn_writes(learned, tmp_path):
    folder, _ = learned
    model = str(folder / "model.safetensors")
    result = run("report", model, "-o", "page.html", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    size = (tmp_path / "page.html").stat().st_size
    assert result.stdout == f"report of {size / 1e6:.1f} MB written to page.html\n"
    written = (folder / "report.html").read_text()
    command = re.search(r"<p>On the command line:</p>\s*<pre[^>]*>.*?</pre>\s*", written, re.DOTALL)
    options = "--units 9 --patch-size 6 --patches 1500 --iterations 12"
    assert f">rhohat learn {options}</pre>" in command.group()
    page = (tmp_path / "page.html").read_text()
    assert page == written.replace(command.group(), "")
    piped = start("report", model, "-o", "-", cwd=tmp_path)
    assert piped.stdout == page


def test_report_of_rows_draws_them_as_the_shape_says(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.RandomState(0).rand(200, 12))
    few = ("--units", "3", "--iterations", "5")
    assert run("learn", "rows.npy", *few, "-o", "out", cwd=tmp_path).returncode == 0
    model = "out/model.safetensors"
    for arguments, kind in (
        (["rows.npy", "--shape", "3x4"], "image"),
        (["rows.npy"], "trace"),
        ([], "trace"),
    ):
        result = run("report", model, *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        page = (tmp_path / "report.html").read_text()
        assert f'"kind":"{kind}"' in page
        assert ('"examples":null' in page) != bool(arguments)
    wrong = run("report", model, "rows.npy", "--shape", "5x5", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "do not have shape (5, 5)" in wrong.stderr
