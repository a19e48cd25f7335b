"""The command on pairs: rows with noise, and rows with targets in a file of their own."""

import csv
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from rhohat import (
    GaussianNoise,
    Masking,
    SparseAutoencoder,
    SparseTranscoder,
    Whitening,
    load,
)
from support.cases import sparse_data
from support.command import run

X = sparse_data(300, 6)
Y = np.column_stack([X[:, :3] ** 2, X[:, 3] * X[:, 4]])
QUICK = ["--units", "4", "--iterations", "4", "--threads", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows, their targets, images, and what ``learn`` makes of the pairs."""
    folder = tmp_path_factory.mktemp("pairs")
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", Y)
    np.savez(folder / "more.npz", y=Y, z=X)
    np.save(folder / "images.npy", np.random.RandomState(0).rand(5, 20, 20))
    told = run("learn", "x.npy", "--transcode", "y.npy", *QUICK, "--json", cwd=folder)
    assert told.returncode == 0, told.stderr
    (folder / "told.json").write_text(told.stdout)
    return folder


@pytest.mark.parametrize(
    ("options", "corruption"),
    [
        (["--corruption", "gaussian"], GaussianNoise()),
        (["--corruption", "gaussian", "--noise", "0.1"], GaussianNoise(0.1)),
        (["--corruption", "masking", "--masked", "0.5"], Masking(0.5)),
        ([], None),
    ],
)
def test_rows_are_denoised_as_options_say(options, corruption, folder, tmp_path):
    told = run("learn", folder / "x.npy", *QUICK, *options, "--json", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["diagnosis"] is not None
    model = load(tmp_path / "rhohat-out" / "model.safetensors")[-1]
    assert type(model) is SparseAutoencoder
    assert repr(model.corruption) == repr(corruption)


def test_a_transcoder_is_what_python_makes_of_the_same_files(folder):
    pipeline = load(folder / "rhohat-out" / "model.safetensors")
    model = pipeline[-1]
    assert type(model) is SparseTranscoder
    rows = Whitening(epsilon=pipeline[0].epsilon).fit_transform(X)
    same = clone(model).set_params(n_jobs=1).fit(rows, Y)
    assert_array_equal(same.encoder_weights_, model.encoder_weights_)
    assert_array_equal(same.decoder_weights_, model.decoder_weights_)
    told = json.loads((folder / "told.json").read_text())
    assert told["learned"] == "4 units have learned to predict the targets of 300 rows."
    assert told["diagnosis"] is None


def test_its_page_compares_with_the_targets(folder):
    page = (folder / "rhohat-out" / "report.html").read_text()
    assert "Targets and reconstructions" in page
    assert "over all 300\ntargets." in page
    assert "--transcode y.npy" in page


def test_a_report_is_made_with_targets_or_without(folder):
    for options, compares in ((["--transcode", "y.npy"], True), ([], False)):
        told = run("report", "rhohat-out", "x.npy", *options, "-o", "r.html", cwd=folder)
        assert told.returncode == 0, told.stderr
        assert ("Targets and reconstructions" in (folder / "r.html").read_text()) == compares


def test_scores_are_errors_of_the_targets(folder):
    options = ("x.npy", "--transcode", "more.npz::y", "-o", "s.csv")
    told = run("score", "rhohat-out", *options, cwd=folder)
    assert told.returncode == 0, told.stderr
    with (folder / "s.csv").open(newline="") as stream:
        scores = [float(line["score"]) for line in csv.DictReader(stream)]
    pipeline = load(folder / "rhohat-out" / "model.safetensors")
    expected = -pipeline[-1].score_samples(pipeline[:-1].transform(X), Y)
    assert_allclose(scores, expected, rtol=1e-6)


def test_a_share_held_out_has_its_targets(folder, tmp_path):
    pairs = (folder / "x.npy", "--transcode", folder / "y.npy")
    told = run("learn", *pairs, *QUICK, "--validation", "0.2", "--patience", "2", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert len(load(tmp_path / "rhohat-out" / "model.safetensors")[-1].validation_iterations_)


def test_the_gradient_is_checked_with_the_noise(folder):
    told = run("check", "x.npy", *QUICK, "--corruption", "masking", "--json", cwd=folder)
    found = json.loads(told.stdout)
    assert found["right"]
    plain = json.loads(run("check", "x.npy", *QUICK, "--json", cwd=folder).stdout)
    assert found["points"][0]["loss"] != plain["points"][0]["loss"]


def test_a_dry_run_counts_the_rows_with_noise_and_says_what_it_does_not_know(folder):
    memory = {}
    for options in ((), ("--corruption", "gaussian")):
        told = run("learn", "x.npy", *QUICK, *options, "--dry-run", "--json", cwd=folder)
        memory[options] = json.loads(told.stdout)["memory_bytes"]
    assert memory["--corruption", "gaussian"] - memory[()] == X.nbytes
    told = run("learn", "x.npy", "--transcode", "y.npy", *QUICK, "--dry-run", cwd=folder)
    assert "the estimate assumes targets with as many columns as the rows" in told.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["learn", "x.npy", "--noise", "0.2"], "--noise needs --corruption gaussian: add it"),
        (
            ["learn", "x.npy", "--corruption", "gaussian", "--masked", "0.2"],
            "--masked needs --corruption masking: add it",
        ),
        (["learn", "x.npy", "--corruption", "salt"], "'gaussian', 'masking'"),
        (["learn", "images.npy", "--transcode", "y.npy"], "but the data are images"),
        (["learn", "x.npy", "--transcode", "images.npy"], "but --transcode needs rows"),
        (["learn", "x.npy", "--auto", "--transcode", "y.npy"], "leave out --transcode or --auto"),
        (
            ["learn", "x.npy", "--auto", "--corruption", "masking"],
            "leave out --corruption or --auto",
        ),
        (
            ["learn", "x.npy", "--transcode", "y.npy", "--validation", "x.npy"],
            "--validation must be a share",
        ),
        (["report", "rhohat-out", "--transcode", "y.npy", "-o", "r.html"], "name INPUTS, too"),
        (["score", "rhohat-out", "x.npy", "-o", "s.csv"], "scored on its targets"),
        (
            ["report", "rhohat-out", "x.npy", "--transcode", "x.npy", "-o", "r.html"],
            "has 6 columns, but SparseTranscoder was fitted to 4",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(words, message, folder):
    told = run(*words, *(["--out", "z"] if words[0] == "learn" else []), cwd=folder)
    assert told.returncode != 0
    assert message in " ".join(told.stderr.split())
    assert not (folder / "z").exists()
