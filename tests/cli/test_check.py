"""``rhohat check``."""

import json

import numpy as np
import pytest

from support.cases import sparse_data
from support.command import run


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [[], ["--activation", "relu"], ["--color"], ["--whitening", "zca", "--activation", "tanh"]],
    ids=" ".join,
)
def test_check_finds_the_gradient_right(options, tmp_path):
    few = ["--units", "16", "--patch-size", "6", "--patches", "2000", "--parameters", "40"]
    is_plain, options = not options, [*options, *few]
    result = run("check", *options, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["right"] is True
    iterations = [point["iteration"] for point in found["points"]]
    # Relu units under L1 soon lie on their kinks, or are all silent.
    assert iterations == [1, 20] or ("relu" in options and 1 < iterations[1] < 20)
    assert all(point["ratio"] < 1e-7 for point in found["points"])
    if is_plain:
        assert "the gradient is right" in run("check", *options, cwd=tmp_path).stdout


def test_check_finds_a_wrong_gradient(monkeypatch, tmp_path):
    from click.testing import CliRunner

    from rhohat.cli.check import check
    from rhohat.objective.penalties import KLSparsity

    right = KLSparsity.on_average

    def wrong(self, average, activation):
        value, slope = right(self, average, activation)
        return value, 0.5 * slope

    np.save(tmp_path / "rows.npy", sparse_data(200, 6))
    options = ["--units", "4", "--parameters", "20", "--json"]
    assert CliRunner().invoke(check, [str(tmp_path / "rows.npy"), *options]).exit_code == 0
    monkeypatch.setattr(KLSparsity, "on_average", wrong)
    result = CliRunner().invoke(check, [str(tmp_path / "rows.npy"), *options])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["right"] is False
