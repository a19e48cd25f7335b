"""The edge score."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from rhohat import KLSparsity, SparseAutoencoder, edge_score
from rhohat.inspection.edges import PARAMETERS, gabor


def tile(parameters, side=10):
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:side, :side])
    return gabor(parameters, x, y)[0]


GABORS = [
    (1, 4.5, 4.5, 0.3, 0.12, 0.4, 2.0, 3.0),
    (-2, 3.0, 6.0, 1.2, 0.20, 1.5, 1.5, 2.5),
    (1, 6.2, 5.1, 2.0, 0.08, -1.0, 2.5, 4.0),
    (5, 2.0, 2.5, 2.9, 0.25, 0.0, 1.8, 1.2),
]


@pytest.mark.parametrize("parameters", GABORS)
def test_gabor_functions_are_found_again(parameters):
    score = edge_score([tile(parameters)])
    assert score.fit.r2[0] == pytest.approx(1, abs=1e-6)
    found = dict(zip(PARAMETERS, score.fit.parameters[0], strict=True))
    turn = abs(found["orientation"] - parameters[3]) % np.pi
    assert min(turn, np.pi - turn) == pytest.approx(0, abs=1e-3)
    assert found["frequency"] == pytest.approx(parameters[4], abs=1e-3)


def test_derivatives_agree_with_differences():
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:6, :6])
    p = np.array(GABORS[0])
    _, jacobian = gabor(p, x, y)
    for index in range(8):
        e = np.zeros(8)
        e[index] = 1e-6
        difference = (gabor(p + e, x, y)[0] - gabor(p - e, x, y)[0]) / 2e-6
        assert_allclose(jacobian[:, index], difference, atol=1e-8)


def test_r2_is_the_share_of_variance_about_the_mean(rng):
    noisy = tile(GABORS[0]) + 0.05 * rng.randn(100)
    fit = edge_score([noisy]).fit
    unit = noisy / np.linalg.norm(noisy)
    residual = unit - tile(fit.parameters[0])
    expected = 1 - np.sum(residual**2) / np.sum((unit - unit.mean()) ** 2)
    assert fit.r2[0] == pytest.approx(expected)


def test_score_is_that_of_scaled_and_flipped_tiles():
    tiles = np.array([tile(p) for p in GABORS])
    first, second = edge_score(tiles), edge_score(tiles * np.array([[3], [-1], [0.01], [-50]]))
    assert_allclose(first.fit.r2, second.fit.r2, atol=1e-6)
    assert first.n_alike == second.n_alike == 0


def test_opposite_units_are_partners_and_not_alike():
    a, b = tile(GABORS[0]), tile(GABORS[1])
    score = edge_score([a, a * 2, -a, b])
    assert (score.n_alike, score.n_opposite) == (1, 2)


def test_orientation_coverage_is_one_when_all_are_there_and_zero_for_one():
    turned = [tile((1, 4.5, 4.5, (bin_ + 0.5) * np.pi / 8, 0.15, 0, 2, 3)) for bin_ in range(8)]
    assert edge_score(turned).orientation_coverage == pytest.approx(1)
    assert edge_score([turned[2]] * 3).orientation_coverage == 0


@pytest.mark.slow
def test_noise_scores_nothing(rng):
    assert edge_score(rng.randn(40, 100)).edge_share == 0


def test_dead_and_constant_units_are_no_edges():
    score = edge_score([np.zeros(100), np.ones(100)])
    assert score.edge_share == 0
    assert score.n_alike == 0


@pytest.mark.slow
def test_principal_components_are_seldom_edges(patches):
    """About a quarter; benchmarks/edge_scores.py compares more methods."""
    assert 0.1 < edge_score(PCA(99).fit(patches(10, 10_000)).components_).edge_share < 0.35


@pytest.mark.parametrize(
    "weights", [np.ones((3, 7)), np.ones(9), np.ones((0, 9)), np.full((1, 9), np.nan)]
)
def test_what_is_no_tile_is_refused(weights):
    with pytest.raises(ValueError, match="edge_score expects"):
        edge_score(weights)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_default_model_learns_edges_from_the_photographs(seed, patches):
    """The headline figure, at the strength that is promised for it."""
    model = SparseAutoencoder(
        100, decoder="sigmoid", sparsity_penalty=KLSparsity(0.01), random_state=seed
    ).fit(patches(10, 30_000, seed))
    score = edge_score(model.components_)
    assert score.edge_share >= 0.97
    assert score.median_r2 >= 0.93
    assert score.orientation_coverage >= 0.85
    assert score.n_alike <= 10  # minima of lower J have some more pairs than those of before
