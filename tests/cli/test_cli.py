"""The command line."""

import html
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest import mock

import numpy as np
import pytest
import scipy.io
from matplotlib import pyplot as plt
from numpy.testing import assert_array_equal
from PIL import Image
from skimage import data

import rhohat
from rhohat.cli.main import main
from rhohat.cli.options import SETTINGS
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from support.cases import bomb

SMALL = ["--patch-size", "6", "--patches", "1500", "--units", "9", "--iterations", "12"]


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments, cwd):
    """The command in this process, which spares its start."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        try:
            with mock.patch("sys.argv", ["rhohat", *map(str, arguments)]):
                main()
        except SystemExit as end:
            code = end.code
    return Result(code, out.getvalue(), err.getvalue())


def start(*arguments, cwd, **kwargs):
    """The command in a process of its own, as users start it."""
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
    result = start("learn", *SMALL, "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "rhohat-out", result


def test_learn_writes_figures_and_model(learned):
    folder, _ = learned
    assert {file.name for file in folder.iterdir()} == {
        "report.html",
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
    result = start("learn", *SMALL, "--out", "again", cwd=tmp_path, env=environment)
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
    advice = result.stdout.split("in Python:\n")[1].split("Or learn")[0]
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


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory):
    """What is no model and no data, one kind each."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "empty.npy").touch()
    (folder / "foreign.npy").write_text("not a model, not an array")
    (folder / "folder.npy").mkdir()
    rhohat.save(rhohat.Whitening().fit(np.eye(3)), folder / "whitening")
    return folder


@pytest.mark.parametrize("name", ["missing.npy", "empty.npy", "foreign.npy", "folder.npy"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["learn", "{}"],
        ["learn", "{}", "--dry-run"],
        ["check", "{}"],
        ["show", "{}"],
        ["inspect", "{}"],
        ["encode", "{}", "-o", "x.npy"],
        ["encode", "model", "{}", "-o", "x.npy"],
        ["learn", "--config", "{}"],
    ],
    ids=" ".join,
)
def test_every_command_names_a_file_that_is_missing_empty_or_foreign(
    arguments, name, odd_files, learned, tmp_path
):
    if "--config" in arguments and name == "empty.npy":
        name = "foreign.npy"  # an empty configuration is a sound one
    file = str(odd_files / name)
    model = str(learned[0] / "model.safetensors")
    words = [
        word.format(file).replace("model", model) if word == "model" else word.format(file)
        for word in arguments
    ]
    result = run(*words, cwd=tmp_path)
    assert result.returncode == (2 if "--config" in arguments else 1), result.stderr
    assert "Traceback" not in result.stderr
    assert name in result.stderr or "found no data" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "x.npy").exists()


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


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    """A folder of good photographs, and of what folders hold besides."""
    folder = tmp_path_factory.mktemp("messy")
    gray, color = data.camera()[::2, ::2], data.coffee()[::2, ::2]
    Image.fromarray(gray).save(folder / "gray.png")
    Image.fromarray(color).save(folder / "color.jpg")
    Image.fromarray(gray.astype("u2") * 257).save(folder / "sixteen.tif")
    Image.fromarray(color).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(gray[:1, :1]).save(folder / "one-pixel.png")
    whole = (folder / "gray.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("not a picture")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "notes.txt").write_text("not data")
    return folder


BAD_NAMES = {"one-pixel.png", "truncated.png", "text.jpg", "bomb.png"}


def test_learn_skips_what_it_cannot_read_and_says_so(messy, tmp_path):
    result = run("learn", str(messy), *SMALL, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)["data"]
    assert {os.path.basename(entry["file"]) for entry in found["skipped"]} == BAD_NAMES
    assert all(entry["reason"] for entry in found["skipped"])
    assert [os.path.basename(file) for file in found["ignored"]] == ["notes.txt"]
    assert len(found["files"]) == found["examples"] == 4
    for name in BAD_NAMES:
        assert name in result.stderr
    text = run("learn", str(messy), *SMALL, cwd=tmp_path).stdout
    assert "4 files that could not be used" in text
    assert "1500 patches of 4 images" in text.replace(",", "")


def test_learn_fails_on_the_first_bad_file_if_asked_to(messy, tmp_path):
    result = run("learn", str(messy), *SMALL, "--on-error", "fail", cwd=tmp_path)
    assert result.returncode == 1
    assert "bomb.png" in result.stderr
    assert not (tmp_path / "rhohat-out" / "model.safetensors").exists()


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


@pytest.fixture(scope="module")
def arrays(tmp_path_factory, digits, whitened):
    """Arrays of images and of rows."""
    folder = tmp_path_factory.mktemp("arrays")
    np.save(folder / "images.npy", np.stack([image[:40, :50] for image in whitened[:5]]))
    scipy.io.savemat(
        folder / "IMAGES.mat", {"IMAGES": np.dstack([image[:40, :50] for image in whitened[:5]])}
    )
    np.save(folder / "rows.npy", digits)
    np.savez(folder / "several.npz", x=digits, y=np.arange(3))
    return folder


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


def test_dash_is_standard_output(learned, tmp_path):
    model = str(learned[0] / "model.safetensors")
    run("encode", model, "-o", "f.npy", cwd=tmp_path)
    for arguments, expected in (
        (["encode", model], tmp_path / "f.npy"),
        (["show", model], learned[0] / "features.png"),
        (["show", model, "--format", "svg"], learned[0] / "features.svg"),
    ):
        result = subprocess.run(
            [sys.executable, "-m", "rhohat", *arguments, "-o", "-"],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            timeout=300,
        )
        assert result.stdout == expected.read_bytes()
    assert not (tmp_path / "-").exists()


def test_config_sets_defaults_and_the_command_line_wins(tmp_path):
    (tmp_path / "c.toml").write_text(
        'units = 16\niterations = 3\n"patch-size" = 6\npatches = 300\nwhitening = "pca"\n'
    )
    result = run("learn", "--config", "c.toml", "--units", "4", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    settings = json.loads(result.stdout)["settings"]
    assert settings["units"] == 4
    assert (settings["patch_size"], settings["patches"], settings["whitening"]) == (6, 300, "pca")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unitz = 3", "did you mean units"),
        ("paths = ['a']", "no option of learn"),
        ("color = 3", "expected true or false"),
        ("units = true", "expected a text or a number"),
        ("units = 3.7", "--units"),
        ("seed = 2024-01-01", "--seed"),
        ("epsilon = nan", "--epsilon"),
        ("patch-size = 8\npatch_size = 9", "twice"),
        ("units = ", "not TOML"),
        ("units = -3", "--units"),
        ('target = "low"', "--target"),
        ('whitening = "soap"', "--whitening"),
    ],
)
def test_mistakes_in_a_config_are_wrong_usage(content, message, tmp_path):
    (tmp_path / "c.toml").write_text(content)
    result = run("learn", "--config", "c.toml", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr


def test_both_names_of_a_switch_work_in_a_config(tmp_path):
    for content in ("gray = true", "color = false", "json = true"):
        (tmp_path / "c.toml").write_text(content)
        result = run("learn", "--dry-run", "--config", "c.toml", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        if "json" in content:
            assert json.loads(result.stdout)["settings"]["color"] is False


def test_settings_of_a_summary_are_a_config(learned, tmp_path):
    settings = json.loads(learned[1].stdout)["settings"]
    lines = [
        f"{name} = {json.dumps(value)}" for name, value in settings.items() if value is not None
    ]
    (tmp_path / "again.toml").write_text("\n".join(lines))
    result = run("learn", "--config", "again.toml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    again = tmp_path / "rhohat-out" / "model.safetensors"
    assert again.read_bytes() == (learned[0] / "model.safetensors").read_bytes()


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
    assert larger["seconds"] > 5 * told["seconds"]
    text = run("learn", "--dry-run", cwd=tmp_path).stdout
    assert "GiB" in text or "MiB" in text


@pytest.mark.parametrize(
    "options",
    [[], ["--activation", "relu"], ["--color"], ["--whitening", "zca", "--activation", "tanh"]],
    ids=" ".join,
)
def test_check_finds_the_gradient_right(options, tmp_path):
    options = [*options, "--units", "16", "--patch-size", "6", "--parameters", "40"]
    result = run("check", *options, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["right"] is True
    assert [point["iteration"] for point in found["points"]] == [1, 20]
    assert all(point["ratio"] < 1e-7 for point in found["points"])
    assert "the gradient is right" in run("check", *options, cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["rows.npy", "--color"], "color belongs to images"),
        (["rows.npy", "--patch-size", "3"], "patch_size belongs to images"),
        (["rows.npy", "--shape", "4x5"], "64 columns"),
        (["rows.npy", "--shape", "8x8", "--color"], "go together"),
        (["images.npy", "--shape", "8x8"], "holds images already"),
        (["images.npy", "--patch-size", "50"], "too few: 50 x 50 are needed"),
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


def test_ctrl_c_while_reading_ends_at_once(messy, tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.files.images._as_images", mock.Mock(side_effect=KeyboardInterrupt))
    result = run("learn", str(messy), *SMALL, cwd=tmp_path)
    assert result.returncode == 130
    assert not (tmp_path / "rhohat-out").exists()


def test_advice_survives_a_shell(arrays, tmp_path):
    folder = tmp_path / "it's $x"
    folder.mkdir()
    shutil.copy(arrays / "rows.npy", folder)
    out = "my out"
    text = run("learn", str(folder), "--units", "4", "--iterations", "3", "-o", out, cwd=tmp_path)
    advice = re.search("Go on with rhohat (.*)", text.stdout).group(1)
    assert run(*shlex.split(advice), cwd=tmp_path).returncode == 0
    assert (tmp_path / "features.npy").exists()


def test_check_finds_a_wrong_gradient(monkeypatch):
    from click.testing import CliRunner

    from rhohat.cli.check import check
    from rhohat.objective.penalties import KLSparsity

    right = KLSparsity.on_average

    def wrong(self, average, activation):
        value, slope = right(self, average, activation)
        return value, 0.5 * slope

    monkeypatch.setattr(KLSparsity, "on_average", wrong)
    result = CliRunner().invoke(check, ["--units", "9", "--patch-size", "6", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["right"] is False


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_calls_back(shell, tmp_path):
    assert "_RHOHAT_COMPLETE" in run("completion", shell, cwd=tmp_path).stdout


def test_completion_knows_commands_and_options(tmp_path):
    program = shutil.which("rhohat", path=os.path.dirname(sys.executable))
    environment = {**os.environ, "_RHOHAT_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for words, expected in (("rhohat learn --whi", "--whitening"), ("rhohat learn --u", "--units")):
        environment["COMP_WORDS"] = words
        result = subprocess.run(
            [program], capture_output=True, text=True, env=environment, check=True, timeout=60
        )
        assert expected in result.stdout


def test_a_reader_that_leaves_early_is_no_error(learned):
    process = subprocess.Popen(
        [sys.executable, "-m", "rhohat", "inspect", str(learned[0] / "model.safetensors")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_names_that_command_the_terminal_are_escaped(tmp_path):
    (tmp_path / "\x1b[31mred.png").write_text("not a picture")
    os.symlink("x", os.fsencode(tmp_path) + b"/\xff.png")
    Image.fromarray(data.camera()[:40, :40]).save(tmp_path / "good.png")
    result = run("learn", ".", *SMALL, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stderr + result.stdout
    assert "\\x1b[31mred.png" in result.stderr
    assert "\\udcff.png" in result.stderr


def test_help_does_not_wait_for_scikit_learn():
    code = "import sys, rhohat.cli.main; print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_choices_are_the_rows_of_the_tables():
    tables = {"penalty": PENALTIES, "activation": ACTIVATIONS, "decoder": DECODERS}
    for name, table in tables.items():
        assert list(SETTINGS[name].type.choices) == list(table)


def test_help_of_every_command_has_an_example(tmp_path):
    commands = re.findall(r"^  (\w+)  ", run("--help", cwd=tmp_path).stdout, flags=re.MULTILINE)
    assert set(commands) >= {"learn", "show", "encode", "inspect", "check", "completion"}
    for command in commands:
        text = run(command, "--help", cwd=tmp_path).stdout
        assert f"rhohat {command}" in text.split("Usage:")[1][20:]
        assert "\\b" not in text


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


def test_command_on_the_page_gives_the_same_model(tmp_path):
    image = np.random.RandomState(0).rand(40, 40, 3)
    Image.fromarray((255 * image).astype(np.uint8)).save(tmp_path / "a photograph.png")
    (tmp_path / "my.toml").write_text("units = 5\ncolor = true\n")
    options = ["--config", "my.toml", "--patches", "200", "--iterations", "6"]
    result = run("learn", "a photograph.png", *options, "--patch-size", "6", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.search(r"colors +\d of 5 units chromatic", result.stdout)
    page = (tmp_path / "rhohat-out" / "report.html").read_text()
    command = html.unescape(re.search(r'aria-label="Command">(.*?)</pre>', page).group(1))
    words = shlex.split(command)
    assert words[:3] == ["rhohat", "learn", "a photograph.png"]
    assert "--config" not in words
    assert run(*words[1:], "-o", "again", cwd=tmp_path).returncode == 0
    for name in ("model.safetensors", "report.html"):
        first, second = (tmp_path / out / name for out in ("rhohat-out", "again"))
        assert first.read_bytes() == second.read_bytes()
