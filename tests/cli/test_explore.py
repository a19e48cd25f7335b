"""``rhohat explore``: a page of fits like those of ``rhohat learn``, estimated, and interrupted."""

import json
import re
import signal

import numpy as np
import pytest
from PIL import Image
from skimage import data

import rhohat
from support.command import run

pytestmark = pytest.mark.usefixtures("without_figures")

ROWS = ["rows.npy", "--units", "6", "--iterations", "8"]
PATCHES = ["pictures", "--patch-size", "6", "--units", "6", "--iterations", "8"]
VALUES = ["--rho", ".05,.2", "--beta", "1", "--lambda", "1e-4,1e-2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Rows, and photographs."""
    path = tmp_path_factory.mktemp("explore")
    np.save(path / "rows.npy", digits[:200])
    (path / "pictures").mkdir()
    for name in ("camera", "moon"):
        image = getattr(data, name)()[:90, :120]
        Image.fromarray(image).save(path / "pictures" / f"{name}.png")
    return path


def cells_on(path):
    text = path.read_text()
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))["cells"]


@pytest.mark.parametrize(
    ("words", "of_learn"), [([*ROWS], []), ([*PATCHES, "--rows", "150"], ["--patches", "150"])]
)
def test_each_fit_is_that_of_learn(words, of_learn, folder, tmp_path):
    out = tmp_path / "page.html"
    result = run("explore", *words, *VALUES, "--json", "-o", out, cwd=folder)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert [list(cell["settings"].values()) for cell in told["cells"]] == [
        [rho, 1.0, decay] for rho in (0.05, 0.2) for decay in (1e-4, 1e-2)
    ]
    assert len(cells_on(out)) == 4
    learn = [*words[: words.index("--rows")], *of_learn] if of_learn else words
    options = ["--rho", "0.2", "--beta", "1", "--lambda", "0.0001"]
    learned = run("learn", *learn, *options, "--json", "-o", tmp_path / "run", cwd=folder)
    assert learned.returncode == 0, learned.stderr
    expected = json.loads(learned.stdout)
    assert told["cells"][2]["found"]["loss"] == expected["loss"]  # to the bit
    assert told["rows"] == expected["training"]["rows"]
    again = cells_on(out)[2]["again"]
    assert again.startswith(f"rhohat learn {words[0]} ")
    assert again.endswith(" ".join(options))
    assert "--rows" not in again


def test_sentence_and_page_are_those_of_python(folder, tmp_path):
    out = tmp_path / "page.html"
    grid = ["--rho", "0.1,0.3", "--beta", "3"]
    result = run("explore", *ROWS, "--whitening", "none", *grid, "-o", out, cwd=folder)
    assert result.returncode == 0, result.stderr
    model = rhohat.SparseAutoencoder(
        6, sparsity_penalty=rhohat.KLSparsity(0.1, 3.0), weight_decay=1e-4, random_state=0
    )
    report = rhohat.explore(
        np.load(folder / "rows.npy"), {"rho": [0.1, 0.3], "beta": [3]}, model=model, max_iter=8
    )
    assert result.stdout.startswith(f"{report}\n")
    assert len(cells_on(out)) == 6


def test_a_dry_run_estimates_and_writes_nothing(folder, tmp_path):
    out = tmp_path / "page.html"
    words = ["explore", *PATCHES, "--rows", "150", "--dry-run", "-o", out]
    result = run(*words, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "would fit 6 units, 27 times, to 150 patches of 2 images" in result.stdout
    assert "rho       0.002, 0.01, 0.05" in result.stdout
    told = json.loads(run(*words, "--json", cwd=folder).stdout)
    assert (told["fits"], told["rows"], told["features"]) == (27, 150, 36)
    rows = ["explore", "rows.npy", "--rows", "50", "--dry-run", "--json"]
    assert json.loads(run(*rows, cwd=folder).stdout)["rows"] == 50
    assert not out.exists()


def test_windows_of_series_are_explored_too(tmp_path, rng):
    np.save(tmp_path / "series.npy", rng.randn(2, 2000).cumsum(axis=1))
    words = ["series.npy", "--series", "--window", "16", "--time", "columns", "--units", "4"]
    result = run("explore", *words, "--iterations", "2", "--rows", "90", *VALUES, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "4 fits on 90 rows" in result.stdout
    assert len(cells_on(tmp_path / "explore.html")) == 4


def test_ctrl_c_keeps_the_fits_that_are_done(folder, tmp_path, monkeypatch):
    fit, fitted = rhohat.SparseAutoencoder.fit, []

    def interrupted(self, *arguments, **options):
        fitted.append(self)
        if len(fitted) == 4:
            signal.raise_signal(signal.SIGINT)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(rhohat.SparseAutoencoder, "fit", interrupted)
    out = tmp_path / "page.html"
    result = run("explore", *ROWS, "-o", out, cwd=folder)
    assert result.returncode == 130
    assert "note: Interrupted: 3 of 27 fits were completed and are kept." in result.stderr
    assert "24 of 27 are missing, because the run was interrupted." in result.stdout
    cells = cells_on(out)
    assert [cell is None for cell in cells] == [False] * 3 + [True] * 24
    assert len(fitted) == 4


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--rho", "0.1,2"], 2, "0<x<1"),
        (["--beta", "3,many"], 2, "'many' is not a number"),
        (["--lambda", "-1"], 2, "x>=0"),
        (["--rho", "0.1", "--penalty", "l1"], 1, "--target does not apply to the penalty 'l1'"),
        (["--open", "-o", "-"], 2, "--open"),
        (["--rows", "0"], 2, "--rows"),
        (["missing.npy"], 1, "missing.npy"),
    ],
)
def test_wrong_values_are_refused_before_any_work(words, code, message, folder, tmp_path):
    result = run("explore", *ROWS, "-o", tmp_path / "page.html", *words, cwd=folder)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "page.html").exists()


def test_values_may_stand_in_a_file(folder, tmp_path):
    (tmp_path / "my.toml").write_text('rho = "0.1,0.2"\nbeta = 3\n')
    words = ["explore", *ROWS, "--config", tmp_path / "my.toml", "--dry-run", "--json"]
    told = json.loads(run(*words, cwd=folder).stdout)
    assert (told["grid"]["rho"], told["grid"]["beta"]) == ([0.1, 0.2], [3])
