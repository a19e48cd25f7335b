"""``rhohat show``: figures of a model's features."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_array_equal

import rhohat
from support.command import run


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


@pytest.mark.parametrize(
    ("shape", "message"), [("4x9", "have shape 6x6: leave out --shape"), ("5x5", "have shape 6x6")]
)
def test_show_refuses_another_shape_than_patches_have(learned, tmp_path, shape, message):
    file = str(learned[0] / "model.safetensors")
    result = run("show", file, "--shape", shape, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert run("show", file, "--shape", "6x6", cwd=tmp_path).returncode == 0


@pytest.fixture(scope="module")
def of_rows(tmp_path_factory):
    """A model of rows, and the rows."""
    folder = tmp_path_factory.mktemp("rows")
    X = np.random.RandomState(0).rand(60, 900)
    np.save(folder / "rows.npy", X)
    rhohat.save(rhohat.SparseAutoencoder(16, max_iter=3, random_state=0).fit(X), folder / "model")
    return folder


@pytest.mark.parametrize("picture", ["looks-for", "stands-for", "examples", "encoder", "decoder"])
def test_show_draws_every_picture_of_rows_so_that_one_can_look_at_it(of_rows, tmp_path, picture):
    file, rows = str(of_rows / "model"), str(of_rows / "rows.npy")
    data = [rows] if picture == "examples" else []
    result = run("show", file, *data, "--picture", picture, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    height, width = plt.imread(tmp_path / "features.png").shape[:2]
    assert height > 16 * 10
    assert width < 10 * height


def test_show_asks_for_data_where_it_needs_them(of_rows, tmp_path):
    file = str(of_rows / "model")
    result = run("show", file, "--picture", "examples", cwd=tmp_path)
    assert result.returncode == 2
    assert "means over INPUTS: name INPUTS" in result.stderr
    result = run("show", file, "--shape", "7x7", cwd=tmp_path)
    assert "see 900 numbers" in result.stderr


def test_show_refuses_a_kind_of_file_that_it_cannot_write(learned, tmp_path):
    folder, _ = learned
    result = run("show", str(folder / "model.safetensors"), "-o", "x.bmp", cwd=tmp_path)
    assert result.returncode == 2
    assert ".png or .svg" in result.stderr
