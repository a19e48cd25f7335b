"""Export: a model in a format of others, which the name of the file or the user chooses."""

import pytest

from rhohat import export
from rhohat.estimators.exporting import TARGETS, target_of
from support.exported import fitted


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.suffix])
def test_the_ending_of_a_name_stands_for_a_format(name):
    assert target_of(f"MODEL{TARGETS[name].suffix.upper()}") == name


def test_a_name_without_such_an_ending_is_refused():
    with pytest.raises(ValueError, match=r"model.xyz ends in none of .onnx \(onnx\)"):
        target_of("model.xyz")


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="to must be one of"):
        export(fitted("autoencoder")[0], tmp_path / "model.onnx", to="pickle")
