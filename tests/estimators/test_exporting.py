"""Export: a model in a format of others, which the name of the file or the user chooses."""

import pytest

from rhohat import export, save
from rhohat.estimators.exporting import TARGETS, Target, target_of
from support.command import run
from support.exported import fitted


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.suffix])
def test_the_ending_of_a_name_stands_for_a_format(name):
    assert target_of(f"MODEL{TARGETS[name].suffix.upper()}") == name


def test_a_name_without_such_an_ending_is_refused():
    with pytest.raises(ValueError, match=r"model.xyz must end in one of .onnx \(onnx\)"):
        target_of("model.xyz")


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="to must be one of"):
        export(fitted("autoencoder")[0], tmp_path / "model.onnx", to="pickle")


def test_a_new_target_is_a_format_of_export_and_of_the_command(tmp_path, monkeypatch):
    target = Target(".toy", lambda model, name: f"{name}: {model}".encode(), "Play on.")
    monkeypatch.setitem(TARGETS, "toy", target)
    model, _ = fitted("autoencoder")
    export(model, tmp_path / "a.toy")
    assert (tmp_path / "a.toy").read_text().startswith("a: SparseAutoencoder(")
    save(model, tmp_path / "model.safetensors")
    assert (
        run("export", "model.safetensors", "-o", "b", "--to", "toy", cwd=tmp_path).returncode == 0
    )
    assert (tmp_path / "b").read_text().startswith("b: SparseAutoencoder(")
