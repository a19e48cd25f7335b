"""``rhohat show``: figures of a model's features."""

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


def test_show_refuses_a_kind_of_file_that_it_cannot_write(learned, tmp_path):
    folder, _ = learned
    result = run("show", str(folder / "model.safetensors"), "-o", "x.bmp", cwd=tmp_path)
    assert result.returncode == 2
    assert ".png or .svg" in result.stderr
