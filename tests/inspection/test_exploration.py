"""Every cell of a grid is the fit with its settings, on the same rows, and judged by itself."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    L1Sparsity,
    PatchExtractor,
    SparseAutoencoder,
    Standardization,
    TopK,
    Whitening,
)
from rhohat.estimators.measures import pursuit_score
from rhohat.inspection.exploration import Exploration, explored, grid_of, points_of
from support.dictionaries import planted

GRID = {"rho": (0.05, 0.2), "beta": (1.0,), "lambda": (1e-4, 1e-2)}


def autoencoder(n_components=9, **parameters):
    parameters = {"max_iter": 15, "random_state": 0} | parameters
    return SparseAutoencoder(n_components, **parameters)


def exploration(model, X, grid=None, n_rows=10**6, max_iter=15):
    grid = GRID if grid is None else grid
    cells = list(explored(model, X, grid, n_rows=n_rows, max_iter=max_iter))
    return Exploration(grid, cells, len(cells[0].case.rows), max_iter)


def with_settings(model, point):
    model = clone(model)
    units = model[-1] if hasattr(model, "steps") else model
    penalty = KLSparsity(point["rho"], point["beta"])
    units.set_params(sparsity_penalty=penalty, weight_decay=point["lambda"])
    return model


def assert_same_bits(a, b):
    for name in ("encoder_weights_", "encoder_bias_", "decoder_weights_", "decoder_bias_"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


@pytest.mark.parametrize("kind", ["rows", "table", "whitened", "patches"])
def test_a_cell_is_the_fit_with_its_settings_to_the_bit(kind, digits, rng):
    X, model = digits[:300], autoencoder(sparsity_penalty=KLSparsity())
    if kind == "table":
        X = pd.DataFrame(X, columns=[f"x{n}" for n in range(64)])
    if kind == "whitened":
        model = make_pipeline(Whitening(epsilon=0.1), model)
    if kind == "patches":
        X = [rng.rand(20, 20) for _ in range(3)]
        model = make_pipeline(PatchExtractor(5, n_patches=200, random_state=1), Whitening(), model)
    found = exploration(model, X)
    assert [cell.values for cell in found.cells] == points_of(GRID) == found.points
    for cell in found.cells:
        alone = with_settings(model, cell.values).fit(X)
        units = alone[-1] if hasattr(alone, "steps") else alone
        assert_same_bits(cell.case.autoencoder, units)
        assert cell.loss == units.loss_terms_
        assert cell.average_activation == units.average_activation_.mean()
        assert_array_equal(cell.model.transform(X), alone.transform(X))
    assert not hasattr(model[-1] if hasattr(model, "steps") else model, "loss_")


def test_of_more_rows_all_fits_learn_from_the_same_part(digits):
    found = exploration(autoencoder(), digits, n_rows=100)
    rows = [cell.case.rows for cell in found.cells]
    assert found.n_rows == 100
    assert all(np.array_equal(one, rows[0]) for one in rows)
    assert {row.tobytes() for row in rows[0]} <= {row.tobytes() for row in digits}
    assert_same_bits(
        found.cells[1].case.autoencoder,
        with_settings(autoencoder(), found.cells[1].values).fit(rows[0]),
    )


def test_the_score_is_that_of_few_units(digits):
    X = digits[:300]
    cell = exploration(autoencoder(), X).cells[0]
    assert cell.score == pytest.approx(pursuit_score(cell.model, X))


@pytest.mark.parametrize(
    ("model", "given", "full"),
    [
        (
            autoencoder(sparsity_penalty=KLSparsity(0.01, 3.0), weight_decay=1e-4),
            None,
            {"rho": (0.002, 0.01, 0.05), "beta": (0.3, 3, 30), "lambda": (1e-5, 1e-4, 1e-3)},
        ),
        (
            autoencoder(sparsity_penalty=KLSparsity(0.5, "auto"), weight_decay=0),
            None,
            {"rho": (0.1, 0.5), "beta": ("auto",), "lambda": (0,)},
        ),
        (
            autoencoder(sparsity_penalty=L1Sparsity(0.2), weight_decay=1.0),
            {"lambda": [2, 1, 2]},
            {"beta": (0.02, 0.2, 2), "lambda": (1, 2)},
        ),
        (
            autoencoder(activation=TopK(2), sparsity_penalty="none"),
            {"lambda": 0.5},
            {"lambda": (0.5,)},
        ),
    ],
)
def test_what_is_not_given_lies_around_the_models_own(model, given, full):
    assert grid_of(model, given) == full


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"rho": [0.1]}, "rho does not apply to the penalty L1Sparsity"),
        ({"gamma": [0.1]}, "gamma"),
        ({"beta": []}, "one or more numbers, at least 0"),
        ({"beta": [-1]}, r"at least 0, got \[-1\]"),
        ({"lambda": [np.nan]}, "lambda must be"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(grid, message):
    with pytest.raises(ValueError, match=message):
        grid_of(autoencoder(sparsity_penalty=L1Sparsity()), grid)


def test_a_target_must_lie_below_one():
    with pytest.raises(ValueError, match="at least 0 and below 1, got"):
        grid_of(autoencoder(), {"rho": [1.5]})


@pytest.fixture(scope="module")
def known():
    """Rows that are made of 16 atoms."""
    return Standardization().fit_transform(planted(600)[0])


@pytest.mark.parametrize(
    ("point", "verdict"),
    [
        ((0.1, 5, 2e-3), "Units are sparse, all are alive."),
        ((0.04, 1.6, 2e-3), "Units are sparse, all are alive, units are 1.9 times as active"),
        ((0.04, 1.6, 10), "Weight decay is too strong: 16 of 16 units are dead."),
        (
            (0.02, 1e-3, 2e-3),
            "The penalty is too weak: units are 14.3 times as active as the target.",
        ),
        ((0.5, 1.6, 2e-3), "Units are not sparse: many are active at once."),
    ],
)
def test_the_verdict_says_what_settings_have_led_to(point, verdict, known):
    grid = {name: (value,) for name, value in zip(GRID, point, strict=True)}
    (cell,) = exploration(autoencoder(16), known, grid, max_iter=60).cells
    assert cell.verdict.startswith(verdict)


def test_units_that_never_fire_are_told(digits):
    grid = {"rho": (0.1,), "beta": (3.0,), "lambda": (3e-4,)}
    (cell,) = exploration(autoencoder(), digits[:600], grid, max_iter=60).cells
    assert cell.verdict.startswith("Units never fire")


def test_the_best_is_sparse_and_told(known):
    grid = {"rho": (0.04, 0.5), "beta": (1.6,), "lambda": (2e-3, 10.0)}
    found = exploration(autoencoder(16), known, grid, max_iter=60)
    assert found.best.values == {"rho": 0.04, "beta": 1.6, "lambda": 2e-3}
    assert found.best is found.cell(rho=0.04, **{"lambda": 2e-3})
    assert "4 fits on 600 rows, at most 60 iterations each. Units are sparse in 1;" in str(found)
    assert "rho 0.04, beta 1.6, lambda 0.002 is best" in str(found)
    assert "For rho and lambda, the best value is at the edge of the grid" in str(found)
    none = Exploration(found.grid, found.cells[1:2], 600, 60)
    assert none.best is None
    assert "3 of 4 are missing" in str(none)
    assert "Units are sparse in none of them." in str(none)
    with pytest.raises(KeyError, match="no fit at"):
        none.cell(rho=0.04, **{"lambda": 2e-3})
