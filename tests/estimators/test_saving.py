"""Saving: what is saved comes back, and what cannot come back is not saved."""

import copy
import os
import subprocess
import sys
import threading
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from rhohat import (
    KLSparsity,
    Whitening,
)
from rhohat.common.errors import ModelFileError
from rhohat.common.tensorfiles import pack, unpack
from rhohat.estimators.saving import _describe, _restore, load, save
from rhohat.objective.decoders import DECODERS
from support.models import (
    CASES,
    IMAGES,
    TABLE,
    X,
    assert_same,
    autoencoder,
    every_case,
    fitted_attributes,
    pipeline,
)

DATA = Path(__file__).parents[1] / "data"


# --- what comes back -----------------------------------------------------------------------------


@every_case
def test_what_is_loaded_is_what_was_saved(case, file):
    model, X = CASES[case]
    save(model, file)
    loaded = load(file)
    assert_same(model, loaded)
    results = ("predict_proba", "predict", "transform", "score_samples")
    result = next(name for name in results if hasattr(model, name))
    assert_array_equal(getattr(loaded, result)(X), getattr(model, result)(X), strict=True)


@every_case
def test_a_loaded_model_is_saved_as_the_same_bytes(case, contents, file):
    content = contents(case)
    save(load(file), file)
    assert file.read_bytes() == content


def test_inverse_and_score_work_after_load(file):
    model, X = CASES["autoencoder"]
    save(model, file)
    loaded = load(file)
    assert loaded.score(X) == model.score(X)
    A = model.transform(X)
    assert_array_equal(loaded.inverse_transform(A), model.inverse_transform(A))


def test_a_loaded_model_can_be_fitted_again(file):
    model, X = CASES["kl"]
    save(model, file)
    assert_same(load(file).fit(X), model)


def test_a_weight_that_was_found_is_kept_beside_the_wish_to_find_one(file):
    model, X = CASES["weight found"]
    save(model, file)
    loaded = load(file)
    assert type(loaded.sparsity_weight_) is float
    assert loaded.sparsity_weight_ == model.sparsity_weight_
    assert loaded.sparsity_penalty.get_params() == model.sparsity_penalty.get_params()
    assert loaded.sparsity_penalty.weight == "auto"
    assert_same(loaded.fit(X), model)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(plain)
@example('\ud800 \x00 " \\ μ')
@example(-0.0)
@example(5e-324)
@example(10**40)
@example([(), [()], {"tuple": []}.keys().__len__()])
def test_parameters_come_back(value):
    """Whatever they are; whether `fit` takes them is looked at later."""
    content = pack(_describe(value, "epsilon", "", {}), {})
    described, arrays = unpack(BytesIO(content), len(content))
    assert_same(_restore(described, "", arrays), value)


@every_case
def test_loaded_arrays_belong_to_the_model(case, contents, file):
    content = contents(case)
    model = load(file)
    for step in [model, *(model.steps[-1][1].named_steps.values() if case == "pipeline" else ())]:
        for array in fitted_attributes(step).values():
            if isinstance(array, np.ndarray) and array.dtype != object:
                assert array.flags.c_contiguous
                assert array.flags.writeable
                assert array.dtype.isnative
                array[...] = 0
    assert file.read_bytes() == content


def test_named_columns_are_remembered(contents, file):
    contents("named columns")
    model = load(file)
    assert model.feature_names_in_.dtype == object
    with pytest.raises(ValueError, match="feature names"):
        model.transform(TABLE.rename(columns={"μ0": "a"}))


def test_a_callback_is_not_part_of_a_model(file):
    model = autoencoder(callback=lambda progress: False).fit(X)
    save(model, file)
    assert load(file).callback is None
    assert_same(load(file), model.set_params(callback=None))


def test_a_pipelines_memory_is_not_part_of_a_model(file, tmp_path):
    model = Pipeline([("whiten", Whitening())], memory=str(tmp_path)).fit(X)
    save(model, file)
    assert load(file).memory is None
    assert str(tmp_path).encode() not in file.read_bytes()


# --- the file ------------------------------------------------------------------------------------


TRAIN_AND_SAVE = """
import numpy as np
from rhohat import PatchNormalizer, SparseAutoencoder
from rhohat.estimators.saving import save
from sklearn.pipeline import Pipeline
X = np.random.RandomState(0).uniform(size=(50, 6))
units = SparseAutoencoder(4, max_iter=5, random_state=0)
save(Pipeline([("normalise", PatchNormalizer()), ("units", units)]).fit(X), path)
"""


def test_same_seed_gives_same_bytes(tmp_path):
    """In another process with other hashes, in another folder, under another name."""
    (tmp_path / "folder").mkdir()
    script = f"path = 'other'\n{TRAIN_AND_SAVE}"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "UTC-7"}
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path / "folder", env=environment
    )
    exec(TRAIN_AND_SAVE, {"path": tmp_path / "model"})
    assert process.wait() == 0
    assert (tmp_path / "folder" / "other").read_bytes() == (tmp_path / "model").read_bytes()


def test_format_1_stays_readable():
    """Never write this file anew: a new format gets a file and a test of its own."""
    model = load(DATA / "model-format-1.safetensors")
    assert [name for name, _ in model.steps] == ["normalise", "whiten", "units"]
    assert model["normalise"].feature_range == (0.1, 0.9)
    assert model["whiten"].components_.shape == (5, 6)
    assert model["units"].sparsity_penalty.target == 0.1
    assert model["units"].solver.memory == 5
    assert model["units"].loss_terms_.total == model["units"].loss_
    X = [[0.1, 0.9, 0.4, 0.3, 0.7, 0.5], [0.8, 0.2, 0.6, 0.5, 0.1, 0.3]]
    expected = [
        [0.06880152590364169, 0.033095161235935824, 0.27193597187759133, 0.10869018642821786],
        [0.10974012778075605, 0.2169963728391949, 0.06920014717756585, 0.11309978963844916],
    ]
    assert_allclose(model.transform(X), expected, rtol=1e-9)


def test_load_leaves_the_process_as_it_was(contents, file):
    contents("pipeline")

    def state():
        kind, keys, *rest = np.random.get_state()
        return (
            sorted(sys.modules),
            list(warnings.filters),
            dict(os.environ),
            os.getcwd(),
            np.geterr(),
            (kind, keys.tolist(), rest),
            sys.getrecursionlimit(),
            threading.active_count(),
        )

    before = state()
    load(file)
    assert state() == before


# --- what save refuses ---------------------------------------------------------------------------


class CustomPenalty(KLSparsity):
    pass


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("random_state", np.random.RandomState(0)),
        ("sparsity_penalty", CustomPenalty()),
        ("solver", object()),
        ("decoder", DECODERS["linear"]),
        ("tol", float("inf")),
        ("tol", np.float64("nan")),
        ("n_components", {4}),
        ("n_components", ("a", {4})),
        ("n_components", ("a", "b", {4})),
        ("n_components", [4, {"a": 1}]),
        ("activation", b"sigmoid"),
        ("weight_decay", 1j),
        ("max_iter", np.arange(3)),
    ],
)
def test_save_refuses_parameters_that_are_no_data(parameter, value, file):
    model = copy.copy(CASES["autoencoder"][0]).set_params(**{parameter: value})
    remedy = "None" if parameter == "random_state" else "..."
    with pytest.raises(TypeError, match=f"{parameter} is .*set_params\\({parameter}={remedy}\\)"):
        save(model, file)


def test_save_names_parameters_as_set_params_does(file):
    model = pipeline().fit(IMAGES)
    model.set_params(inner__units__random_state=np.random.RandomState(0))
    with pytest.raises(TypeError, match=r"set_params\(inner__units__random_state=None\)"):
        save(model, file)
    model.set_params(inner__units__random_state=0)
    model.set_params(inner__units__sparsity_penalty=KLSparsity({0.1}))
    with pytest.raises(TypeError, match=r"inner__units__sparsity_penalty__target is \{0\.1\}"):
        save(model, file)


@pytest.mark.parametrize("case", [case for case in CASES if case != "pipeline"])
def test_save_refuses_what_is_not_fitted(case, file):
    unfitted = clone(CASES[case][0])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        save(unfitted, file)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        save(Pipeline([("first", unfitted), ("second", CASES["zca"][0])]), file)


# --- what is no model ----------------------------------------------------------------------------


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match="expected a model, found a folder without"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="No such model file") as caught:
        load(tmp_path / "missing")
    assert caught.value.filename == str(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        load("nul\0byte")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="expected a file"):
        load(tmp_path / "pipe")
