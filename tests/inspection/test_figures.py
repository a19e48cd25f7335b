"""Figures."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from rhohat import (
    KLSparsity,
    L1Sparsity,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    plot_features,
    plot_penalty,
    plot_top_examples,
    plot_training,
)
from rhohat.inspection.figures import save_figure
from rhohat.objective.penalties import PENALTIES


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model(digits):
    return SparseAutoencoder(5, max_iter=6, random_state=0).fit(digits)


def test_features_are_drawn_symmetric_about_zero(model):
    ax = plot_features(model, picture="looks-for", patch_shape=(8, 8))
    image = ax.images[0]
    assert image.get_clim() == (-1, 1)
    first = image.get_array()[1:9, 1:9]
    weights = model.components_[0].reshape(8, 8)
    assert_allclose(first, weights / np.abs(weights).max())


def test_pixels_of_the_grid_are_whole_pixels_of_the_picture(model, tmp_path):
    ax = plot_features(model, patch_shape=(8, 8))
    grid = ax.images[0].get_array().shape
    save_figure(ax, tmp_path / "features.png")
    height, width = plt.imread(tmp_path / "features.png").shape[:2]
    assert height % grid[0] == 0
    assert width % grid[1] == 0


@pytest.mark.parametrize("plot", [plot_features, plot_training])
def test_existing_axes_are_drawn_into(model, plot):
    ax = plt.figure().add_subplot()
    assert plot(model, ax=ax) is ax
    assert ax.has_data()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_same_picture_is_the_same_bytes(model, tmp_path, suffix):
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for file in files:
        save_figure(plot_features(model), file, title="features")
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"features" in files[0].read_bytes()


def test_shape_that_does_not_fit_is_refused(model):
    with pytest.raises(ValueError, match="patch_shape"):
        plot_features(model, patch_shape=(3, 3))


def test_training_shows_the_loss_and_its_terms(model):
    lines = plot_training(model).lines
    assert_array_equal(lines[0].get_ydata(), model.loss_curve_)
    for column in range(3):
        assert_array_equal(lines[column + 1].get_ydata(), model.loss_terms_curve_[:, column])


def test_training_marks_the_stages_of_growing_data(rng):
    model = SparseAutoencoder(2, max_iter=16).fit(rng.rand(21_000, 3))
    texts = [text.get_text() for text in plot_training(model).texts]
    assert {"5,000 rows", "21,000 rows"} <= set(texts)


def test_file_that_cannot_be_written_is_named(model, tmp_path):
    with pytest.raises(OSError, match="missing"):
        save_figure(plot_features(model), tmp_path / "missing" / "features.png")
    with pytest.raises(ValueError, match=r"\.png or \.svg"):
        save_figure(plot_features(model), tmp_path / "features.jpg")


def test_top_examples_are_drawn_beside_what_the_unit_looks_for(model, digits):
    ax = plot_top_examples(
        model, digits, units=[4, 1], n_examples=3, shape=(8, 8), picture="looks-for"
    )
    image = ax.images[0].get_array()
    best = np.argsort(-model.transform(digits), axis=0, kind="stable")[:3]
    for row, unit in enumerate([4, 1]):
        tiles = [model.components_[unit], *digits[best[:, unit]]]
        for column, tile in enumerate(tiles):
            top, left = 9 * row + 1, 9 * column + 1
            drawn = image[top : top + 8, left : left + 8]
            span = np.ptp(tile)
            assert_allclose(drawn, (tile.reshape(8, 8) - tile.min()) / span * 2 - 1, atol=1e-6)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["4", "1"]
    other = plt.figure().add_subplot()
    assert plot_top_examples(model, digits, ax=other) is other


def test_units_that_are_not_there_cannot_be_drawn(model, digits):
    for units in ([5], [-1], [], [0.5]):
        with pytest.raises(ValueError, match="units must be numbers from 0 to 4"):
            plot_top_examples(model, digits, units=units)


def test_training_of_a_classifier_is_its_fine_tuning():
    X, y = load_digits(return_X_y=True)
    layer = SparseAutoencoder(4, max_iter=3, random_state=0)
    model = StackedAutoencoderClassifier(layer, max_iter=5).fit(X / 16, y)
    labels = [line.get_label() for line in plot_training(model).lines]
    assert labels[1].startswith("cross-entropy")
    stack = StackedAutoencoder((4, 3), estimator=layer).fit(X / 16)
    with pytest.raises(TypeError, match="one of a stack's layers_"):
        plot_training(stack)


def kl(rho, share):
    return rho * np.log(rho / share) + (1 - rho) * np.log((1 - rho) / (1 - share))


@pytest.mark.parametrize(
    ("penalty", "activation", "cost"),
    [
        (KLSparsity(0.2, 3), "sigmoid", lambda a: 3 * kl(0.2, a)),
        (KLSparsity(0.1, 2), "tanh", lambda a: 2 * kl(0.1, (1 + a) / 2)),
        (L1Sparsity(0.5), "identity", lambda a: 0.5 * np.abs(a)),
        ("none", "relu", lambda a: 0 * a),
    ],
)
def test_a_penalty_is_drawn_as_what_a_unit_costs(penalty, activation, cost):
    ax = plot_penalty(penalty, activation=activation)
    activations, drawn = ax.lines[0].get_data()
    assert_allclose(drawn, cost(activations), atol=1e-12)


@pytest.mark.parametrize(("activation", "place"), [("sigmoid", 0.2), ("tanh", -0.6)], ids=str)
def test_the_target_is_marked_where_the_unit_costs_least(activation, place):
    ax = plot_penalty(KLSparsity(0.2, 1), activation=activation)
    curve, mark = ax.lines
    activations, cost = curve.get_data()
    assert activations[cost.argmin()] == pytest.approx(place, abs=0.005)
    assert mark.get_xdata()[0] == pytest.approx(place)


def test_penalties_are_compared_in_the_same_axes():
    ax = plot_penalty("kl")
    assert plot_penalty("l1", ax=ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "KLSparsity()",
        "L1Sparsity()",
    ]


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_that_see_more_than_a_unit_s_activation_are_no_curve(name):
    activation = {"kl": "sigmoid", "contractive": "sigmoid", "l0": "jumprelu"}.get(name, "relu")
    if name in ("group", "topographic", "l1-decoder-norm", "contractive", "l0"):
        with pytest.raises(ValueError, match="it depends on other units, gates or weights, too"):
            plot_penalty(name, activation=activation)
    else:
        assert plot_penalty(name, activation=activation).lines


def test_a_penalty_that_suits_no_curve_of_the_activation_is_refused():
    with pytest.raises(ValueError, match="KLSparsity needs an activation with a bounded range"):
        plot_penalty("kl", activation="relu")
    with pytest.raises(ValueError, match="give a number here"):
        plot_penalty(KLSparsity(0.1, "auto"))
