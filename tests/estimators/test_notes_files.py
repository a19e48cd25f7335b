"""W1, b1, W2, b2 in .mat files, and theta, in the layout of the lecture notes."""

import numpy as np
import pytest
import scipy.io
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from rhohat import (
    ModelFileError,
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    TopK,
    Whitening,
    export,
    from_theta,
    load,
    save,
)
from rhohat.preprocessing.operations import NotComputedError
from support.exported import DIGITS, units

X = DIGITS.astype(np.float64)
SIGMOID = {"decoder": "sigmoid"}


@pytest.mark.parametrize(
    "parameters",
    [
        SIGMOID,
        {},
        {"activation": "tanh"},
        {"decoder": "tied"},
        {"activation": "relu", "sparsity_penalty": "l1"},
    ],
)
def test_what_is_written_is_read_as_it_was(parameters, tmp_path):
    model = units(**parameters).fit(X)
    export(model, tmp_path / "model.mat")
    again = load(tmp_path / "model.mat")
    assert_array_equal(again.transform(X), model.transform(X))
    A = model.transform(X)
    assert_allclose(again.inverse_transform(A), model.inverse_transform(A), atol=1e-12)


def test_arrays_are_laid_out_as_in_the_notes(tmp_path):
    model = units(**SIGMOID).fit(X)
    export(model, tmp_path / "model.mat")
    file = scipy.io.loadmat(tmp_path / "model.mat")
    x = X[3][:, None]
    a2 = 1 / (1 + np.exp(-(file["W1"] @ x + file["b1"])))
    h = 1 / (1 + np.exp(-(file["W2"] @ a2 + file["b2"])))
    assert_allclose(a2.ravel(), model.transform(X)[3])
    assert_allclose(h.ravel(), model.inverse_transform(model.transform(X))[3])


def test_whitening_is_folded_into_both_ways(tmp_path):
    model = make_pipeline(Whitening(epsilon=0.1), units()).fit(X)
    export(model, tmp_path / "model.mat")
    again = load(tmp_path / "model.mat")
    A = model.transform(X)
    assert_allclose(again.transform(X), A, atol=1e-9)
    back = model[0].inverse_transform(model[1].inverse_transform(A))
    assert_allclose(again.inverse_transform(A), back, atol=1e-9)


def test_an_exercise_s_own_file_holds_sigmoid_units(tmp_path):
    rng = np.random.RandomState(0)
    W1, W2, b1, b2 = rng.randn(5, 8), rng.randn(8, 5), rng.randn(5, 1), rng.randn(8, 1)
    scipy.io.savemat(tmp_path / "a.mat", {"W1": W1, "W2": W2, "b1": b1, "b2": b2})
    theta = np.concatenate([m.ravel(order="F") for m in (W1, W2, b1, b2)])
    sizes = {"visibleSize": 8, "hiddenSize": 5}
    scipy.io.savemat(tmp_path / "b.mat", {"opttheta": theta[:, None], **sizes})
    rows = rng.rand(6, 8)
    expected = 1 / (1 + np.exp(-(rows @ W1.T + b1.T)))
    for model in (load(tmp_path / "a.mat"), load(tmp_path / "b.mat"), from_theta(theta, 8, 5)):
        assert (model.activation, model.decoder) == ("sigmoid", "sigmoid")
        assert_allclose(model.transform(rows), expected)
    by_rows = np.concatenate([m.ravel() for m in (W1, W2, b1, b2)])
    assert_allclose(from_theta(by_rows, 8, 5, order="C").transform(rows), expected)


def test_a_model_that_was_read_is_saved_and_goes_on_training(tmp_path):
    export(units().fit(X), tmp_path / "model.mat")
    model = load(tmp_path / "model.mat")
    save(model, tmp_path / "model.safetensors")
    assert_array_equal(load(tmp_path / "model.safetensors").transform(X), model.transform(X))
    assert not hasattr(model, "loss_")
    model.set_params(warm_start=True, max_iter=3).fit(X)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            make_pipeline(PatchNormalizer(), units(**SIGMOID)),
            "the steps before the units, PatchNorm",
        ),
        (StackedAutoencoder((4, 3), estimator=units()), "not of StackedAutoencoder"),
        (Whitening(), "not of Whitening"),
        (units(activation=TopK(3), sparsity_penalty="none"), "the parameters of topk units"),
    ],
)
def test_what_the_arrays_cannot_hold_is_refused(model, told, tmp_path):
    with pytest.raises(NotComputedError, match=told):
        export(model.fit(X), tmp_path / "model.mat")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"W1": np.ones((3, 4))}, "expected W1, b1, W2 and b2, or theta"),
        ({"theta": np.ones(43)}, "rhohat.from_theta, and pass it the sizes"),
        (
            {"W1": np.ones((3, 4)), "W2": np.ones((3, 4)), "b1": np.ones(3), "b2": np.ones(4)},
            "decoder_weights_ of shape",
        ),
        (
            {
                "W1": np.full((3, 4), np.nan),
                "W2": np.ones((4, 3)),
                "b1": [1.0] * 3,
                "b2": [1.0] * 4,
            },
            "finite numbers in W1",
        ),
    ],
)
def test_a_file_of_something_else_is_refused(variables, told, tmp_path):
    scipy.io.savemat(tmp_path / "model.mat", variables)
    with pytest.raises(ModelFileError, match=f"model.mat: .*{told}"):
        load(tmp_path / "model.mat")


def test_theta_of_another_length_is_refused():
    with pytest.raises(ValueError, match="theta must hold 93 finite numbers, for 8 columns and 5"):
        from_theta(np.zeros(92), 8, 5)
    assert isinstance(from_theta(np.zeros(93), 8, 5), SparseAutoencoder)
