"""Measures of features: what units stand for, how much few of them rebuild, what comes back."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA, sparse_encode
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    ContrastNormalizer,
    KLSparsity,
    NoSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    Standardization,
    Whitening,
    matched_cosines,
    patterns,
    pursuit_score,
    recovery,
    stability,
)
from rhohat.estimators.measures import (
    PURSUED_ROWS,
    explained_variance,
    matching,
    pursuit,
    some_rows,
    sparseness,
)
from support.cases import laws
from support.dictionaries import planted


def units(n_components=5, **options):
    settings = {"max_iter": 10, "random_state": 0, "sparsity_penalty": KLSparsity(0.1, 0.5)}
    return SparseAutoencoder(n_components, **(settings | options))


@pytest.fixture(scope="module")
def known():
    """Rows, the atoms that they are made of, and a model that found these."""
    X, atoms = planted(1000)
    penalty = KLSparsity(0.04, 1.6)
    model = SparseAutoencoder(
        16, sparsity_penalty=penalty, weight_decay=2e-3, max_iter=200, random_state=0
    )
    return X, atoms, make_pipeline(Standardization(), model).fit(X)


# --- patterns ------------------------------------------------------------------------------------

STEPS = {
    "none": [],
    "one scale": [Standardization()],
    "a scale each": [Standardization("columns")],
    "ZCA": [Whitening(epsilon=0.1)],
    "PCA": [Whitening("pca", n_components=4)],
    "scaler, ZCA": [StandardScaler(), Whitening()],
    "scikit-learn's PCA": [PCA(5)],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_unit_that_fires_more_adds_its_pattern_to_what_is_rebuilt(steps, rng):
    X = rng.randn(200, 6) @ rng.randn(6, 6) + 3
    model = make_pipeline(*steps, units()).fit(X)
    D, a = patterns(model), rng.rand(1, 5)
    assert (D.shape, D.dtype) == ((5, 6), np.float64)
    more = model.inverse_transform(a + np.eye(5)) - model.inverse_transform(a)
    assert_allclose(more, D, atol=1e-10)


def test_patterns_of_patches_are_in_their_pixels(rng):
    images = list(rng.rand(6, 12, 12))
    cut = PatchExtractor(4, n_patches=200, random_state=0)
    model = make_pipeline(OneOverFWhitening(), cut, Standardization(), units()).fit(images)
    assert_allclose(patterns(model), model[-1].decoder_weights_ * model[2].scale_)
    bare = SparseAutoencoder(5, max_iter=5, random_state=0).fit(rng.rand(50, 6))
    assert_array_equal(patterns(bare), bare.decoder_weights_)


def test_patterns_of_normalized_patches_leave_the_patches_own_mean_alone(rng):
    X = rng.rand(300, 9)
    normalized = make_pipeline(PatchNormalizer(n_deviations=50), units()).fit(X)
    D = patterns(normalized)
    assert_allclose(D.sum(axis=1), 0, atol=1e-12)
    moved = normalized[0].transform(X[:1] + D) - normalized[0].transform(X[:1])
    W = normalized[-1].decoder_weights_
    assert_allclose(moved, W - W.mean(axis=1, keepdims=True), atol=1e-10)
    contrast = make_pipeline(ContrastNormalizer(), units()).fit(X)
    assert_array_equal(patterns(contrast), contrast[-1].decoder_weights_)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (StandardScaler(), "StandardScaler does not end in a SparseAutoencoder"),
        (make_pipeline(units(), Whitening()), "Pipeline does not end in a SparseAutoencoder"),
        (StackedAutoencoder((4, 3), estimator=units()), "StackedAutoencoder does not end"),
    ],
)
def test_models_without_an_autoencoder_at_the_end_are_refused(model, message, rng):
    X = rng.rand(40, 6)
    model.fit(X)
    for measure in (patterns, lambda model: pursuit_score(model, X)):
        with pytest.raises(ValueError, match=message):
            measure(model)


def test_a_step_without_an_inverse_leaves_no_patterns(rng):
    model = make_pipeline(OnlyForward(), units()).fit(rng.rand(40, 6))
    with pytest.raises(ValueError, match="OnlyForward has no inverse, so there are no patterns"):
        patterns(model)


class OnlyForward(Whitening):
    """Whitening that nobody can undo."""

    @property
    def inverse_transform(self):
        raise AttributeError("inverse_transform")


@pytest.mark.parametrize("measure", [patterns, lambda model: pursuit_score(model, np.eye(6))])
def test_models_that_are_not_fitted_are_told_so(measure):
    with pytest.raises(NotFittedError, match="not fitted"):
        measure(units())


# --- pursuit -------------------------------------------------------------------------------------


def by_scikit_learn(D, X, n_atoms):
    """The same share, from codes that scikit-learn finds."""
    D = D / np.linalg.norm(D, axis=1, keepdims=True)
    shares = []
    for s in n_atoms:
        codes = sparse_encode(X, D, algorithm="omp", n_nonzero_coefs=s)
        shares.append(1 - np.square(X - codes @ D).sum() / np.square(X).sum())
    return np.mean(shares)


@given(seed=st.integers(0, 10**6), k=st.integers(4, 12), d=st.integers(4, 9))
@laws(30)
def test_pursuit_is_what_scikit_learn_finds(seed, k, d):
    random = np.random.RandomState(seed)
    D, X = random.normal(size=(k, d)), random.normal(size=(15, d))
    for n_atoms in ((1,), (1, 2), (1, 2, 4)):
        assert pursuit(D, X, n_atoms) == pytest.approx(by_scikit_learn(D, X, n_atoms), abs=1e-6)


@given(seed=st.integers(0, 10**6))
@laws(15)
def test_pursuit_depends_neither_on_length_sign_and_order_of_atoms_nor_on_the_rows_scale(seed):
    random = np.random.RandomState(seed)
    D, X = random.normal(size=(7, 5)), random.normal(size=(20, 5))
    order, factor = random.permutation(7), random.choice([-3, -0.01, 0.2, 100], (7, 1))
    found = pursuit(D, X)
    assert pursuit((factor * D)[order], 1e-3 * X[random.permutation(20)]) == pytest.approx(found)
    assert 0 < found < 1


def test_rows_that_are_multiples_of_atoms_are_rebuilt_by_one(rng):
    D = rng.randn(9, 6)
    X = rng.uniform(-3, 3, (40, 1)) * D[rng.randint(9, size=40)]
    assert pursuit(D, X, (1,)) == pytest.approx(1, abs=1e-6)
    assert pursuit(D, X) == pytest.approx(1, abs=1e-6)


def test_pursuit_of_an_orthogonal_basis_keeps_the_largest_coordinates(rng):
    X = rng.randn(30, 6)
    squares = np.sort(np.square(X), axis=1)[:, ::-1]
    for s in (1, 2, 3):
        expected = squares[:, :s].sum() / squares.sum()
        assert pursuit(np.eye(6), X, (s,)) == pytest.approx(expected, abs=1e-6)


def test_atoms_of_length_0_and_repeated_ones_change_nothing(rng):
    D, X = rng.randn(6, 5), rng.randn(20, 5)
    found = pursuit(D, X)
    assert pursuit(np.vstack([D, np.zeros((2, 5))]), X) == found
    assert pursuit(np.vstack([D, D[:2]]), X) == pytest.approx(found, abs=1e-6)


def test_fewer_atoms_than_asked_for_are_averaged_as_far_as_they_go(rng):
    D, X = rng.randn(2, 5), rng.randn(20, 5)
    assert pursuit(D, X) == pytest.approx(pursuit(D, X, (1, 2)))
    one = np.square(X @ D[0]).sum() / np.square(D[0]).sum() / np.square(X).sum()
    assert pursuit(D[:1], X) == pytest.approx(one)


def test_nothing_is_rebuilt_of_nothing_or_by_nothing(rng):
    assert pursuit(rng.randn(3, 4), np.zeros((5, 4))) == 0
    assert pursuit(np.zeros((3, 4)), rng.randn(5, 4)) == 0


def test_pursuit_score_is_of_the_rows_that_units_see(known):
    X, _, model = known
    rows = model[0].transform(X)
    expected = pursuit(model[-1].decoder_weights_, rows - rows.mean(axis=0))
    assert pursuit_score(model, X) == pytest.approx(expected)
    assert pursuit_score(model[-1], rows) == pytest.approx(expected)
    assert pursuit_score(model, X + 0) == pursuit_score(model, X)


def test_pursuit_score_takes_images_and_a_part_of_many_rows(rng):
    images = list(rng.rand(6, 12, 12))
    cut = PatchExtractor(4, n_patches=PURSUED_ROWS + 500, random_state=0)
    model = make_pipeline(OneOverFWhitening(), cut, Standardization(), units()).fit(images)
    score = pursuit_score(model, images)
    assert score == pursuit_score(model, images)
    rows = model[:-1].transform(images)
    everything = pursuit(model[-1].decoder_weights_, rows - rows.mean(axis=0))
    assert score != everything
    assert score == pytest.approx(everything, abs=0.02)


def test_pursuit_score_takes_tables_with_named_columns(rng):
    table = pd.DataFrame(rng.randn(60, 6), columns=list("abcdef"))
    named = make_pipeline(Standardization(), units()).fit(table)
    plain = clone(named).fit(table.to_numpy())
    assert pursuit_score(named, table) == pursuit_score(plain, table.to_numpy())


def test_a_search_by_pursuit_prefers_the_sparse_model_and_one_by_the_error_the_dense(known):
    X, atoms, model = known
    penalties = {"sparse": KLSparsity(0.04, 1.6), "dense": NoSparsity()}
    base = clone(model).set_params(sparseautoencoder__max_iter=60)
    grid = {"sparseautoencoder__sparsity_penalty": list(penalties.values())}
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for scoring in (pursuit_score, None):
            search = GridSearchCV(base, grid, scoring=scoring, cv=3).fit(X[:600])
            best = search.best_params_["sparseautoencoder__sparsity_penalty"]
            found[scoring] = type(best), recovery(search.best_estimator_, atoms)
    assert found[pursuit_score][0] is KLSparsity
    assert found[None][0] is NoSparsity
    assert found[pursuit_score][1] > 0.9 > 0.3 > found[None][1]


# --- explained variance and sparseness -----------------------------------------------------------


def test_explained_variance_is_0_for_the_mean_and_1_for_the_rows_themselves(rng):
    X = rng.randn(30, 4) + 5
    mean = np.broadcast_to(X.mean(axis=0), X.shape)
    assert explained_variance(X, X) == 1
    assert explained_variance(X, mean) == pytest.approx(0)
    assert explained_variance(X, mean + 1) < 0
    half = (X + mean) / 2
    assert explained_variance(X, half) == pytest.approx(0.75)
    assert explained_variance(np.ones((3, 2)), np.zeros((3, 2))) == 0


@pytest.mark.parametrize("k", [2, 5, 30])
def test_hoyer_is_0_for_equal_units_and_1_for_a_single_active_one(k):
    assert sparseness(np.full((4, k), 0.3)).hoyer == pytest.approx(0, abs=1e-12)
    assert sparseness(0.7 * np.eye(k)).hoyer == pytest.approx(1)


@given(seed=st.integers(0, 10**6))
@laws(15)
def test_hoyer_depends_on_no_rows_scale_and_lies_between_0_and_1(seed):
    random = np.random.RandomState(seed)
    A = random.uniform(size=(20, 6)) ** 4
    found = sparseness(A).hoyer
    assert 0 < found < 1
    assert sparseness(A * random.uniform(0.01, 1, (20, 1))).hoyer == pytest.approx(found)


def test_activity_is_counted_from_half_of_each_units_own_largest(rng):
    A = np.array([[0.1, 0.9, 0.0], [0.04, 0.2, 0.0], [0.06, 0.5, 0.0], [0.0, 0.4, 0.0]])
    found = sparseness(A)
    assert found.active == (2 + 0 + 2 + 0) / 4
    assert found.largest == 0.1
    shifted = sparseness(2 * A - 1, low=-1, high=1)
    assert_allclose(shifted, found, rtol=1e-12)


def test_kurtosis_is_0_for_gaussian_units_and_large_for_rare_ones(rng):
    assert sparseness(rng.randn(50_000, 3), -np.inf, np.inf).kurtosis == pytest.approx(0, abs=0.1)
    assert sparseness(rng.uniform(size=(5000, 3)) < 0.02).kurtosis > 20


def test_what_is_silent_or_alone_has_a_sparseness_too():
    assert sparseness(np.zeros((4, 3))) == (0, 0, 0, 0)
    assert sparseness(np.full((4, 1), 0.5)).hoyer == 1


def test_some_rows_are_in_order_with_names_and_always_the_same(tmp_path):
    table = pd.DataFrame(np.arange(20.0).reshape(10, 2), columns=["a", "b"])
    drawn = some_rows(table, 4)
    assert len(drawn) == 4
    assert list(drawn.columns) == ["a", "b"]
    assert drawn.index.is_monotonic_increasing
    assert drawn.equals(some_rows(table, 4))
    assert some_rows(table, 10) is table
    np.save(tmp_path / "rows.npy", table.to_numpy())
    stored = some_rows(str(tmp_path / "rows.npy"), 4)
    assert {tuple(row) for row in stored} < {tuple(row) for row in table.to_numpy()}


# --- recovery and stability ----------------------------------------------------------------------


def test_partners_are_those_whose_cosines_have_the_greatest_sum():
    A = np.array([[1, 0.0], [0.8, 0.6]])
    B = np.array([[5, 0.0], [1, 1.0]])
    cosines = np.array([1, 1.4 / np.sqrt(2)])
    assert_allclose(matched_cosines(A, B), cosines)
    # The first of A is nearer to the only one of B; the second has no partner.
    assert_allclose(matched_cosines(A, -B[:1]), [1, 0])
    assert_allclose(matched_cosines(A[:1], B), [1])
    assert_allclose(matched_cosines(np.zeros((1, 2)), B), [0])
    found = matching(A, -B[:1])
    assert found.partners.tolist() == [0, -1]
    assert_allclose(found.cosines, [-1, 0])


@given(seed=st.integers(0, 10**6))
@laws(15)
def test_a_dictionary_in_another_order_with_other_signs_and_lengths_is_recovered(seed):
    random = np.random.RandomState(seed)
    D = random.normal(size=(6, 20))
    other = D[random.permutation(6)] * random.choice([-2, -1, 0.5, 3], (6, 1))
    assert recovery(other, D) == 1
    assert_allclose(matched_cosines(other, D), 1)
    assert recovery(other[:3], D) == 0.5


def test_recovery_counts_atoms_from_the_threshold_on(known):
    _, atoms, model = known
    assert recovery(model, atoms) == recovery(patterns(model), atoms) == 1
    cosines = matched_cosines(atoms, patterns(model))
    for threshold in (0, np.median(cosines), 1):
        assert recovery(model, atoms, threshold=threshold) == np.mean(cosines >= threshold)
    assert recovery(model, np.random.RandomState(5).randn(16, 16)) == 0


@pytest.mark.parametrize(
    ("D", "options", "message"),
    [
        (np.ones(16), {}, r"rows of 16 numbers.* got shape \(16,\)"),
        (np.ones((3, 4)), {}, r"rows of 16 numbers.* got shape \(3, 4\)"),
        (np.ones((3, 16)), {"threshold": 2}, "threshold must lie in"),
    ],
)
def test_atoms_that_are_no_patterns_are_refused(D, options, message, known):
    with pytest.raises(ValueError, match=message):
        recovery(known[2], D, **options)


def test_a_dictionary_that_there_is_comes_back_from_every_start(known):
    X, _, model = known
    found = stability(model, X)
    assert found.models[0] is model
    assert len(found.models) == 3
    assert found.mean > 0.98
    assert found.replicates.all()
    seeds = {fitted[-1].random_state for fitted in found.models}
    assert len(seeds) == 3


def test_models_of_one_seed_are_the_same_to_the_end(known, monkeypatch):
    X, _, model = known
    fresh = clone(model).set_params(sparseautoencoder__max_iter=5)
    monkeypatch.setattr(SparseAutoencoder, "set_params", lambda self, **parameters: self)
    found = stability(fresh, X, n_seeds=2)
    assert fresh not in found.models
    assert found.mean == pytest.approx(1)
    assert_allclose(found.per_unit, 1)


def test_stability_is_that_of_the_first_models_units_with_the_others(rng):
    X = rng.randn(200, 6)
    first, again = (stability(units(max_iter=5), X, random_state=3) for _ in range(2))
    a, b, c = (patterns(model) for model in first.models)
    assert_allclose(first.per_unit, (matched_cosines(a, b) + matched_cosines(a, c)) / 2)
    pairs = [matched_cosines(*pair).mean() for pair in ((a, b), (a, c), (b, c))]
    assert first.mean == pytest.approx(np.mean(pairs))
    assert_array_equal(first.replicates, first.per_unit >= 0.95)
    assert_array_equal(again.per_unit, first.per_unit)
    assert stability(units(max_iter=5), X, random_state=4).mean != first.mean


def test_all_models_learn_from_the_same_pieces(rng):
    images = list(rng.rand(6, 12, 12))
    cut = PatchExtractor(4, n_patches=100, random_state=0)
    found = stability(make_pipeline(cut, Standardization(), units(max_iter=3)), images, n_seeds=2)
    one, other = (model[:-1].transform(images) for model in found.models)
    assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("model", "n_seeds", "message"),
    [
        (units(), 1, "n_seeds must be at least 2"),
        (StandardScaler(), 3, "StandardScaler does not end in a SparseAutoencoder"),
    ],
)
def test_what_has_no_stability_is_refused(model, n_seeds, message, rng):
    with pytest.raises(ValueError, match=message):
        stability(model, rng.rand(30, 6), n_seeds=n_seeds)
