"""rhohat score: rows, ranks and columns to blame, as CSV or arrays."""

import csv

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat import AnomalyDetector, SparseAutoencoder, save
from rhohat.estimators.anomalies import scored
from support.command import run


@pytest.fixture
def X(rng):
    X = rng.randn(300, 2) @ rng.randn(2, 5) + 0.1 * rng.randn(300, 5)
    X[7, 3] += 9
    return X


@pytest.fixture
def folder(tmp_path, X):
    """A folder with data, and with a model and a detector of them."""
    np.save(tmp_path / "x.npy", X)
    save(SparseAutoencoder(2, max_iter=10, random_state=0).fit(X), tmp_path / "m.safetensors")
    save(AnomalyDetector(random_state=0).fit(X), tmp_path / "d.safetensors")
    return tmp_path


def read_csv(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", ["m", "d"])
def test_every_row_has_score_rank_and_columns(name, folder):
    told = run("score", f"{name}.safetensors", "x.npy", "-o", "s.csv", "--top", 2, cwd=folder)
    assert told.returncode == 0, told.stderr
    lines = read_csv(folder / "s.csv")
    assert [int(line["row"]) for line in lines] == list(range(300))
    assert sorted(int(line["rank"]) for line in lines) == list(range(1, 301))
    assert lines[7]["rank"] == "1"
    assert set(lines[0]) - {"outlier"} == {
        *("row", "score", "rank", "column_1", "share_1", "column_2", "share_2")
    }
    assert "row 7 " in told.stdout


def test_a_detector_says_who_is_an_outlier_and_blames_the_column(folder):
    told = run("score", "d.safetensors", "x.npy", "-o", "s.csv", cwd=folder)
    line = read_csv(folder / "s.csv")[7]
    assert (line["outlier"], line["column_1"]) == ("1", "3")
    assert "found" in told.stdout


def test_npz_has_the_part_of_every_column(folder, X):
    from rhohat import load

    assert run("score", "d.safetensors", "x.npy", "-o", "s.npz", cwd=folder).returncode == 0
    expected = scored(load(folder / "d.safetensors"), X)
    with np.load(folder / "s.npz") as found:
        assert_allclose(found["columns"], expected.columns)
        assert_allclose(found["score"], expected.score)
        assert found["rank"][7] == 1
        assert found["outlier"][7]


def test_other_endings_are_refused_before_work(folder):
    told = run("score", "m.safetensors", "x.npy", "-o", "s.txt", cwd=folder)
    assert told.returncode == 2
    assert "must end in .csv or .npz" in told.stderr


def test_windows_of_series_are_scored_with_file_time_and_channel(tmp_path, rng):
    usual = np.sin(np.arange(4000) / [[5], [9]]) + 0.1 * rng.randn(2, 4000)
    np.savez(tmp_path / "usual.npz", x=usual)
    unusual = usual[:, :2000].copy()
    unusual[1, 1000:1020] += 3 * rng.randn(20)
    np.savez(tmp_path / "new.npz", x=unusual)
    few = ["--series", "--rate", "100", "--window", "20", "--units", "8", "--iterations", "20"]
    assert run("learn", "usual.npz", *few, "-o", "m", cwd=tmp_path).returncode == 0
    told = run("score", "m", "new.npz", "--series", "-o", "s.csv", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    lines = read_csv(tmp_path / "s.csv")
    first = min(lines, key=lambda line: int(line["rank"]))
    assert first["file"] == "new.npz"
    assert abs(float(first["begin"]) - 10) < 0.25
    assert first["channel_1"] == "1"
    assert f"new.npz, begin {float(first['begin']):g} s" in told.stdout
    assert run("score", "m", "new.npz", "--series", "-o", "s.npz", cwd=tmp_path).returncode == 0
    with np.load(tmp_path / "s.npz") as arrays:
        assert arrays["columns"].shape == (len(lines), 2)
        assert_allclose(arrays["columns"].sum(axis=1), arrays["score"])
        assert_allclose(arrays["begin"], [float(line["begin"]) for line in lines])


def test_patches_of_images_are_scored_with_their_places(tmp_path, rng, without_figures):
    images = np.tile(np.sin(np.arange(40) / 2), (6, 40, 1)) + 0.05 * rng.randn(6, 40, 40)
    np.save(tmp_path / "usual.npy", images)
    images[4, 10:20, 25:35] += rng.randn(10, 10)
    np.save(tmp_path / "new.npy", images)
    few = ["--patch-size", "6", "--patches", "500", "--units", "8", "--iterations", "20"]
    assert run("learn", "usual.npy", *few, "-o", "m", cwd=tmp_path).returncode == 0
    told = run("score", "m", "new.npy", "-o", "s.csv", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "drew 500 random patches" in told.stderr
    lines = read_csv(tmp_path / "s.csv")
    first = min(lines, key=lambda line: int(line["rank"]))
    assert first["image"] == "4"
    assert 4 < int(first["row"]) < 20
    assert 19 < int(first["column"]) < 35
    assert set(first) == {"file", "image", "row", "column", "score", "rank"}
