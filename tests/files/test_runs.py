"""Runs: folders that the command has written are known, and not taken for data."""

import json

import numpy as np
import pytest
from PIL import Image

from rhohat import DataFileError, load_images
from rhohat.files.runs import MARK, RESULTS, Run, holds_run, is_result


def photographs(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.arange(64, dtype="u1").reshape(8, 8)).save(folder / name)


def results(folder, *, marked=True):
    photographs(folder, "features.png", "training.png")
    for name in ("report.html", "model.safetensors"):
        (folder / name).touch()
    if marked:
        Run.of([], [], "rhohat learn").mark(folder)


def test_results_have_their_names_in_any_folder(tmp_path):
    inside = RESULTS.within(tmp_path)
    assert inside.model == tmp_path / "model.safetensors"
    assert [path.name for path in inside] == [path.name for path in RESULTS]
    assert all(path.parent == tmp_path for path in inside)


def test_a_run_is_its_settings_and_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    one = Run.of(["--units", "9"], [tmp_path / "a"], "rhohat learn a")
    monkeypatch.chdir("sub")
    assert Run.of(["--units", "9"], [tmp_path / "a"], "").identity == one.identity
    assert Run.of(["--units", "8"], [tmp_path / "a"], "").identity != one.identity
    assert Run.of(["--units", "9"], [tmp_path / "b"], "").identity != one.identity
    one.mark(tmp_path)
    assert Run.within(tmp_path) == one
    assert str(tmp_path) not in (tmp_path / MARK).read_text()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff", b"3", b'{"run": 1}', b"[" * 90_000]
)
def test_a_mark_that_is_none_tells_of_no_run(content, tmp_path):
    assert Run.within(tmp_path) is None
    (tmp_path / MARK).write_bytes(content)
    assert Run.within(tmp_path) is None
    assert holds_run(tmp_path)


@pytest.mark.parametrize("marked", [True, False])
def test_what_was_written_is_left_out_and_named(marked, tmp_path):
    photographs(tmp_path, "a.png", "b.png")
    photographs(tmp_path / "more", "features.png")  # somebody's own
    results(tmp_path / "more" / "rhohat-out", marked=marked)
    found = load_images(tmp_path)
    assert len(found.images) == 3
    assert [(file, reason) for file, reason in found.skipped] == [
        (str(tmp_path / "more" / "rhohat-out"), "was written by rhohat")
    ]


def test_photographs_beside_results_are_learned_from(tmp_path):
    photographs(tmp_path, "a.png")
    results(tmp_path)
    for paths in (tmp_path, sorted(tmp_path.glob("*.png"))):
        found = load_images(paths)
        assert found.names == [str(tmp_path / "a.png")]
        assert len(found.skipped) == 2
    assert is_result(tmp_path / RESULTS.features)
    assert not is_result(tmp_path / "a.png")


def test_results_alone_are_no_data(tmp_path):
    results(tmp_path / "out")
    with pytest.raises(DataFileError, match="was written by rhohat"):
        load_images(tmp_path / "out")
    assert json.loads((tmp_path / "out" / MARK).read_text())["command"] == "rhohat learn"
