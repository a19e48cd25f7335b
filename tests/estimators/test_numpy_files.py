"""Files of NumPy code: with NumPy alone, they compute what the model computes."""

import ast
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import StackedAutoencoderClassifier, export
from rhohat.objective.activations import ACTIVATIONS
from rhohat.preprocessing.numpy_operations import NUMPY_OPERATIONS
from rhohat.preprocessing.onnx_operations import ONNX_OPERATIONS
from rhohat.preprocessing.operations import NotComputedError
from support.exported import DIGITS, MODELS, fitted, made_by, units


def written(model, tmp_path):
    export(model, tmp_path / "model.py")
    return (tmp_path / "model.py").read_text(encoding="utf-8")


def names_in(source):
    names = {}
    exec(source, names)
    return names


@pytest.mark.parametrize("name", MODELS)
def test_the_code_makes_of_data_what_the_model_does(name, tmp_path):
    model, X = fitted(name)
    names = names_in(written(model, tmp_path))
    expected = made_by(model, X.astype(np.float64))
    assert np.median(expected.std(axis=0)) > 0.01 * np.abs(expected).max()  # data make a difference
    found = names.get("predict_proba", names.get("transform"))(X)
    assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())
    if "predict" in names:
        assert_array_equal(names["predict"](X), model.predict(X.astype(np.float64)))


@pytest.mark.parametrize("gain", [2.0**-30, 2.0**10])
def test_how_loud_a_recording_is_makes_no_difference(gain, tmp_path):
    model, X = fitted("spectrogram as it is")
    transform = names_in(written(model, tmp_path))["transform"]
    assert_allclose(transform(gain * X), transform(X), rtol=1e-9)
    assert np.isfinite(transform(0 * X)).all()


def test_the_file_imports_numpy_alone_and_runs_as_a_program(tmp_path):
    model, X = fitted("patches")
    tree = ast.parse(written(model, tmp_path))
    imported = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert imported == ["base64", "sys", "numpy"]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    np.save(tmp_path / "images.npy", X)
    command = [sys.executable, "model.py", "images.npy", "features.npy"]
    subprocess.run(command, cwd=tmp_path, check=True)
    expected = made_by(model, X.astype(np.float64))
    assert_allclose(np.load(tmp_path / "features.npy"), expected, atol=1e-9)


def test_a_reader_meets_the_computation_before_the_weights(tmp_path):
    source = written(fitted("whitened")[0], tmp_path)
    assert source.index("def transform(rows)") < source.index("WEIGHTS = {") < 1200
    assert max(map(len, source.splitlines())) <= 100


def test_names_from_anywhere_are_text_and_nothing_else(tmp_path):
    names = ['"""', "\nraise SystemExit", "\\", 'a"', "{x}", "μ\0", '"""\nimport os\n"""']
    X = pd.DataFrame(DIGITS[:, : len(names)], columns=names)
    y = np.array(['"]; raise SystemExit', "'", "μ"])[np.arange(len(X)) % 3]
    model = StackedAutoencoderClassifier(units(3, max_iter=2), max_iter=2).fit(X, y)
    path = tmp_path / "'; raise SystemExit.py"
    export(model, path)
    found = names_in(path.read_text(encoding="utf-8"))
    assert found["CLASSES"] == sorted(set(y))
    assert_array_equal(found["predict"](X.to_numpy()), model.predict(X))


def test_weights_in_single_precision_stay_so(tmp_path):
    model = units().fit(DIGITS)
    source = written(model, tmp_path)
    assert '"<f4"' in source
    found = names_in(source)["transform"](DIGITS.astype(np.float64))
    assert_allclose(found, model.transform(DIGITS.astype(np.float64)), atol=1e-12)


def test_what_there_is_no_code_for_is_refused(tmp_path):
    model = make_pipeline(StandardScaler(), units()).fit(DIGITS)
    with pytest.raises(NotComputedError, match="to numpy: the operation of StandardScaler is not"):
        export(model, tmp_path / "model.py")


def test_numpy_and_onnx_know_the_same_operations():
    assert set(NUMPY_OPERATIONS) == set(ONNX_OPERATIONS)
    assert set(ACTIVATIONS) <= set(NUMPY_OPERATIONS)
