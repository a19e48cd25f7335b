"""Figures that commands draw."""

import pytest

from support.command import run


@pytest.mark.parametrize("name", ["features.png", "features.svg"])
def test_show_draws_the_picture_of_learn_to_the_byte(learned, tmp_path, name):
    folder, _ = learned
    result = run("show", str(folder / "model.safetensors"), "-o", name, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
