"""Figures of rows: curves over their axis, and bars with names."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PolyCollection
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import SparseAutoencoder, StackedAutoencoder, plot_features, plot_top_examples
from rhohat.estimators.measures import patterns

FEW = SparseAutoencoder(4, max_iter=4, random_state=0)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(ax, kind):
    return [found for found in ax.collections if type(found) is kind]


def texts(labels):
    return [label.get_text() for label in labels]


def test_curves_are_patterns_over_their_wavelengths(rng):
    wavelengths = np.array([400.0, 410, 430, 500])
    X = pd.DataFrame(rng.rand(30, 4), columns=[f"{w:g} nm" for w in wavelengths])
    model = make_pipeline(StandardScaler(), FEW).fit(X)
    ax = plot_features(model)
    (curves,) = drawn(ax, LineCollection)[1:]
    for pattern, segment in zip(patterns(model), curves.get_segments(), strict=True):
        place = (segment[:, 0] - segment[0, 0]) / np.ptp(segment[:, 0])
        assert_allclose(place, (wavelengths - 400) / 100, atol=1e-9)
        assert np.corrcoef(pattern, -segment[:, 1])[0, 1] > 1 - 1e-9  # the axis goes down
    assert ax.get_xlabel() == "nm"
    assert {"400", "500"} <= set(texts(ax.get_xticklabels()))
    assert texts(ax.texts) == ["0", "1", "2", "3"]


def test_names_without_order_stand_at_bars_in_the_scale_of_each_column(rng):
    names = ["alcohol", "$ash$", "proline"]
    X = pd.DataFrame(rng.rand(30, 3) * [1, 1, 1000], columns=names)
    model = make_pipeline(StandardScaler(), FEW).fit(X)
    ax = plot_features(model, n_columns=2)
    (bars,) = drawn(ax, PolyCollection)
    assert len(bars.get_paths()) == 4 * 3
    assert texts(ax.get_xticklabels()) == names * 2
    heights = [-np.diff(path.vertices[:2, 1])[0] for path in bars.get_paths()]
    decoder = model[-1].decoder_weights_
    expected = decoder / np.abs(decoder).max(axis=1, keepdims=True)
    found = np.reshape(heights, (4, 3))
    assert_allclose(found / np.abs(found).max(), expected, atol=1e-6)
    assert "each column" in ax.get_title(loc="left")


@pytest.mark.parametrize("picture", ["looks-for", "stands-for", "encoder", "decoder"])
def test_deeper_layers_are_curves_too(rng, picture):
    X = rng.rand(40, 9)  # which is a square, but nobody said that it is a picture
    stack = StackedAutoencoder((6, 3), estimator=FEW, random_state=0).fit(X)
    ax = plot_features(stack, picture=picture)
    assert len(drawn(ax, LineCollection)[-1].get_segments()) == 3
    over = "column" if picture.endswith("for") else "unit of the layer below"
    assert ax.get_xlabel() == over


def test_top_examples_of_rows_are_curves_with_their_names(rng):
    X = pd.DataFrame(rng.rand(30, 50), index=[f"sample {n}" for n in range(30)])
    model = FEW.fit(X.to_numpy())
    best = np.argsort(-model.transform(X.to_numpy())[:, 2], kind="stable")[:3]
    ax = plot_top_examples(model, X, units=[2], n_examples=3)
    assert texts(ax.texts) == ["unit 2", *(f"sample {n}" for n in best)]
    segments = drawn(ax, LineCollection)[-1].get_segments()
    for row, segment in zip(best, segments[1:], strict=True):
        assert np.corrcoef(X.iloc[row], -segment[:, 1])[0, 1] > 1 - 1e-9


def test_what_cannot_be_drawn_is_refused(rng):
    model = FEW.fit(rng.rand(30, 6))
    with pytest.raises(ValueError, match="picture must be one of 'looks-for'"):
        plot_features(model, picture="nothing")
    with pytest.raises(ValueError, match="needs data"):
        plot_features(model, picture="examples")
    with pytest.raises(ValueError, match="are for models"):
        plot_features(rng.rand(3, 9), picture="encoder")


def test_mean_of_top_examples_is_less_the_mean_of_all(rng):
    X = rng.rand(60, 7)
    model = SparseAutoencoder(3, max_iter=4, random_state=0).fit(X)
    best = np.argsort(-model.transform(X), axis=0, kind="stable")[:16]
    ax = plot_features(model, picture="examples", data=X)
    for unit, segment in enumerate(drawn(ax, LineCollection)[-1].get_segments()):
        mean = X[best[:, unit]].mean(axis=0) - X.mean(axis=0)
        assert np.corrcoef(mean, -segment[:, 1])[0, 1] > 1 - 1e-6


def test_name_that_no_font_has_warns_of_nothing(rng, tmp_path):
    from rhohat.inspection.figures import save_figure

    X = pd.DataFrame(rng.rand(30, 3), columns=["波", "长", "c"])
    save_figure(plot_features(FEW.fit(X)), tmp_path / "features.png")
