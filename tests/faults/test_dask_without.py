"""F44: Dask is missing, broken or too old: Python and the command tell the line to type."""

import os
import subprocess
import sys

import numpy as np
import pytest

FAKES = {
    "missing": None,
    "incomplete": "from dask import no_such_name",
    "too old": "__version__ = '2024.1.0'",
}


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "x.npy", np.random.RandomState(0).uniform(0.1, 0.9, (200, 5)))
    return tmp_path


def python(folder, fake, *arguments):
    """Python in which `distributed` is what the fake says."""
    (folder / "fakes").mkdir()
    hide = "import sys; sys.modules['distributed'] = None"
    if fake is not None:
        (folder / "fakes" / "distributed.py").write_text(fake)
        hide = f"import sys; sys.path.insert(0, {str(folder / 'fakes')!r})"
    code = f"{hide}; {arguments[0]}"
    environment = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments[1:]],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["missing", "incomplete"])
def test_f44_python_says_how_to_install_dask(name, folder):
    ended = python(
        folder,
        FAKES[name],
        "from rhohat import SparseAutoencoder; SparseAutoencoder(3, engine='dask').fit('x.npy')",
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: distributed ")
    assert last.endswith("'rhohat[dask]'")
    assert "pip install " in last


@pytest.mark.parametrize("name", ["too old"])
def test_f44_the_command_says_it_in_one_line(name, folder):
    learn = ["learn", "x.npy", "--units", "3", "--whitening", "none", "--dask", "local"]
    ended = python(folder, FAKES[name], "from rhohat.cli.main import main; main()", *learn)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("rhohat: distributed ")
    assert last.endswith("'rhohat[dask]'")
