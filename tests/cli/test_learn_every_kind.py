"""Your data, the page of the docs: what it says to type runs on files of each kind."""

import re
import shlex
from datetime import date, timedelta
from pathlib import Path

import h5py
import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import scipy.io
import scipy.sparse
from PIL import Image
from skimage import data

import rhohat
from support.command import run
from support.pages import payload
from support.series import pulses, write_edf
from support.sounds import chirp, wav
from support.spectra import mixed_spectra
from support.written import CUBE, write_envi, write_h5ad, write_idx, write_nifti

PAGE = Path(__file__).parents[2] / "docs" / "your-data.md"
TEXT = PAGE.read_text(encoding="utf-8")
#: Command, Python and picture of each row of the table.
KINDS = re.findall(r"^\| .*? \| `(rhohat learn .*?)` \| `(.*?)` \| (.*?) \|$", TEXT, re.MULTILINE)
RNG = np.random.RandomState(0)
FEW = ["--units", "4", "--iterations", "3"]
#: What the page calls the kinds of pictures, by words of the table.
PICTURES = {"tile": "image", "spectrogram": "image", "curve": "trace", "bars": "bars"}


def photos(path):
    path.mkdir()
    for name in ("camera", "moon"):
        Image.fromarray(getattr(data, name)()[:60, :60]).save(path / f"{name}.png")


def spectra(path):
    wavelengths, _, rows = mixed_spectra(30, 50)
    lines = [["species", *(f"{w:.1f}" for w in wavelengths)]]
    lines += [["ab"[n % 2], *map(str, row)] for n, row in enumerate(rows.round(4))]
    path.write_text("\n".join(map(",".join, lines)))


def flows(path):
    lines = ["date,protocol,bytes,packets,seconds"]
    for n in range(40):
        size = "" if n == 7 and path.suffix == ".csv" else RNG.randint(1000)
        day = date(2026, 1, 1) + timedelta(n)
        lines.append(f"{day},{'tcp' if n % 3 else 'udp'},{size},{RNG.randint(9)},{RNG.rand():.3f}")
    table = path.with_suffix(".csv")
    table.write_text("\n".join(lines))
    if path != table:
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(table), path)


def genes(path):
    names = [f"gene {chr(97 + n % 26)}{n}" for n in range(90)]
    lines = [",".join(map("{:.3f}".format, row)) for row in RNG.rand(12, len(names))]
    path.write_text("\n".join([",".join(names), *lines]))


def runs(path):
    path.mkdir()
    for n in range(3):
        text = "\n".join(map("{:.4f}".format, pulses(400, 1, seed=n)[0]))
        (path / f"{n}.csv").write_text(f"acceleration\n{text}\n")


def annotated(path):
    write_h5ad(path, RNG.rand(40, 60), [f"g{n}x" for n in range(60)])
    with h5py.File(path, "a") as file:
        file["layers/counts"] = RNG.poisson(2, (40, 60))


def arrays(path):
    with h5py.File(path, "w") as file:
        for n in range(3):
            file[f"run{n}/signal"], file[f"run{n}/time"] = pulses(400 + n, 1)[0], np.arange(400)


def words(path):
    path.mkdir()
    for n in range(2):
        (path / f"{n}.wav").write_bytes(wav(chirp(1.0, 300 * (n + 1))))


#: What writes the files of the table.
FILES = {
    "photos": photos,
    "train-images-idx3-ubyte.gz": lambda path: write_idx(
        path, RNG.randint(0, 256, (30, 7, 7)).astype("u1")
    ),
    "cifar.npy": lambda path: np.save(path, RNG.randint(0, 256, (30, 192)).astype("u1")),
    "brain.nii.gz": lambda path: write_nifti(path, RNG.rand(16, 16, 12).astype("f4")),
    "spectra.csv": spectra,
    "flows.csv": flows,
    "flows.parquet": flows,
    "genes.csv": genes,
    "genes.h5ad": annotated,
    "counts.npz": lambda path: scipy.sparse.save_npz(path, scipy.sparse.random(60, 50, 0.1, "csr")),
    "study.mat": lambda path: scipy.io.savemat(path, {"S": {"X": RNG.rand(40, 6)}}),
    "scene.hdr": lambda path: write_envi(
        path, CUBE, more="wavelength = {400, 450, 500, 550, 600, 650}\n"
    ),
    "vibration.npz": lambda path: np.savez(path, DE=pulses(2000, 1).T),
    "sleep.edf": lambda path: write_edf(path, pulses(2000, 2), 100, ["Fpz", "Pz"]),
    "runs": runs,
    "runs.h5": arrays,
    "words": words,
}


@pytest.mark.slow
@pytest.mark.parametrize(("command", "code", "picture"), KINDS)
def test_each_line_of_the_table_of_kinds_runs(command, code, picture, tmp_path, monkeypatch):
    arguments = shlex.split(command)[1:]
    FILES[arguments[1].rstrip("/")](tmp_path / arguments[1])
    few = FEW if "series" in code else [*FEW, "--patches", "200"]
    result = run(*arguments, *few, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = payload(tmp_path / "rhohat-out" / "report.html")
    (kind,) = (PICTURES[word] for word in PICTURES if word in picture)
    assert found["views"][0]["kind"] == kind
    monkeypatch.chdir(tmp_path)
    model = rhohat.load("rhohat-out/model.safetensors")
    features = model.transform(eval(code, {"rhohat": rhohat}))
    assert features.shape == (found["activity"]["n_rows"], 4)
