"""``rhohat exercise``: published results beside those found, a picture and a model."""

import json

import rhohat
from rhohat.recipes.exercises import EXERCISES
from support.command import run


def test_results_stand_beside_the_published_ones_in_text_and_json(tmp_path):
    told = run("exercise", "self-taught", "--small", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    as_json = json.loads(run("exercise", "self-taught", "--small", "--json", cwd=tmp_path).stdout)
    published = EXERCISES["self-taught"].published
    results = {row["what"]: row for row in as_json["results"]}
    for what, text in published.items():
        assert results[what]["published"] == text
        (line,) = [line for line in told.stdout.splitlines() if line.strip().startswith(what)]
        assert text in line
        assert what == "time" or line.endswith(results[what]["found"])
    assert "a small trial" in told.stdout
    assert "-o units.png" in told.stdout
    assert not list(tmp_path.iterdir())


def test_picture_and_model_are_written(tmp_path):
    options = ["--small", "-o", "edges.png", "--model", "model.safetensors"]
    told = run("exercise", "sparse-autoencoder", *options, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "of 25 edges" in told.stdout
    assert (tmp_path / "edges.png").read_bytes().startswith(b"\x89PNG")
    assert rhohat.load(tmp_path / "model.safetensors")[-1].n_components == 25


def test_help_names_every_exercise(tmp_path):
    told = run("exercise", "--help", cwd=tmp_path).stdout
    assert all(f"\n  {name} " in told or f" {name} " in told for name in EXERCISES)


def test_what_is_wrong_is_told_before_anything_is_learned(tmp_path):
    other = run("exercise", "stacked", "--small", "-o", "edges.gif", cwd=tmp_path)
    assert other.returncode == 2
    assert "must end in .png or .svg" in other.stderr
    lacking = run("exercise", "stacked", cwd=tmp_path)
    assert lacking.returncode == 1
    assert "needs labeled images" in lacking.stderr
