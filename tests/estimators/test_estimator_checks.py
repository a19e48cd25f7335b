"""scikit-learn's own checks, and those that they leave out."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    SpectrogramExtractor,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
)

VECTOR_ESTIMATORS = [
    SparseAutoencoder(5, max_iter=5),
    SparseAutoencoder(3, max_iter=5, activation="tanh", decoder="tied"),
    SparseAutoencoder(3, max_iter=5, sparsity_penalty=KLSparsity(0.2), solver="gradient-descent"),
    Whitening(),
    Whitening("pca", n_components=0.9),
    PatchNormalizer(),
    StackedAutoencoder((5, 3), estimator=SparseAutoencoder(max_iter=5)),
]
CLASSIFIERS = [
    StackedAutoencoderClassifier(SparseAutoencoder(5, max_iter=5), max_iter=5, softmax_max_iter=10),
    StackedAutoencoderClassifier(
        StackedAutoencoder(
            [5, SparseAutoencoder(4, activation="tanh", max_iter=5)],
            estimator=SparseAutoencoder(max_iter=5),
        ),
        sparsity_penalty=KLSparsity(0.2, 0.01),
        max_iter=10,
        softmax_max_iter=10,
    ),
]
IMAGE_ESTIMATORS = [OneOverFWhitening(), PatchExtractor(4, n_patches=50, random_state=0)]
SERIES_ESTIMATORS = [
    WindowExtractor(4, n_windows=50, random_state=0),
    SpectrogramExtractor(100, n_mels=3, window=0.1, hop=0.02, low=5),
    WaveformExtractor(100),
]


def ids(estimator):
    return repr(estimator).replace("\n", "")


@parametrize_with_checks(VECTOR_ESTIMATORS + CLASSIFIERS)
def test_scikit_learn_check_passes(estimator, check):
    check(estimator)


# scikit-learn's checks feed two-dimensional data; of estimators of images and of series they can
# check the rest.
@pytest.mark.parametrize("estimator", IMAGE_ESTIMATORS + SERIES_ESTIMATORS, ids=ids)
@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_valid_tag_types",
        "check_estimator_repr",
        "check_no_attributes_set_in_init",
        "check_do_not_raise_errors_in_init_or_set_params",
        "check_mixin_order",
        "check_parameters_default_constructible",
        "check_get_params_invariance",
        "check_set_params",
    ],
)
def test_scikit_learn_check_passes_for_image_estimators(estimator, check):
    getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


@pytest.fixture
def images(rng, estimator):
    """Images; for estimators of series, two of two channels."""
    shapes = ((12, 15), (20, 9)) if estimator in IMAGE_ESTIMATORS else ((2, 40), (2, 33))
    return [rng.rand(*shape) for shape in shapes]


@pytest.mark.parametrize("estimator", IMAGE_ESTIMATORS + SERIES_ESTIMATORS, ids=ids)
class TestImageEstimators:
    def test_refuse_to_transform_before_fit(self, estimator, images):
        with pytest.raises(NotFittedError):
            clone(estimator).transform(images)

    def test_fit_returns_self_and_leaves_parameters(self, estimator, images):
        model = clone(estimator)
        before = model.get_params()
        assert model.fit(images) is model
        assert model.get_params() == before

    def test_fitting_twice_changes_nothing(self, estimator, images):
        model = clone(estimator).fit(images)
        first = model.transform(images)
        second = model.fit(images).transform(images)
        for a, b in zip(first, second, strict=True):
            assert_array_equal(a, b)

    def test_fit_transform_equals_fit_then_transform(self, estimator, images):
        first = clone(estimator).fit_transform(images)
        second = clone(estimator).fit(images).transform(images)
        for a, b in zip(first, second, strict=True):
            assert_array_equal(a, b)

    def test_pickle_keeps_results(self, estimator, images):
        model = clone(estimator).fit(images)
        for a, b in zip(
            model.transform(images),
            pickle.loads(pickle.dumps(model)).transform(images),
            strict=True,
        ):
            assert_array_equal(a, b)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_precision_is_kept(self, estimator, images, dtype):
        result = clone(estimator).fit_transform([image.astype(dtype) for image in images])
        assert all(part.dtype == dtype for part in result)

    def test_input_is_left_as_it_was(self, estimator, images):
        before = [image.copy() for image in images]
        for image in images:
            image.setflags(write=False)
        clone(estimator).fit_transform(images)
        for a, b in zip(images, before, strict=True):
            assert_array_equal(a, b)

    def test_nan_is_named_with_its_image(self, estimator, images):
        images[1][1, 4] = np.nan
        with pytest.raises(ValueError, match=r"(image|recording) 1.*NaN"):
            clone(estimator).fit(images)


@pytest.mark.parametrize("estimator", IMAGE_ESTIMATORS, ids=ids)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "at least one image"),
        (np.zeros((5, 5)), "Put a single image in a list"),
        ([np.zeros(5)], "image 0"),
        ([np.zeros((0, 5))], "image 0"),
        ([np.zeros((5, 5, 3, 2))], "image 0"),
        (7, "sequence of images"),
    ],
)
def test_what_is_no_image_is_refused(estimator, bad, message):
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(bad)


@pytest.mark.parametrize("estimator", VECTOR_ESTIMATORS, ids=ids)
class TestVectorEstimators:
    @pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
    def test_set_output_gives_named_columns(self, estimator, digits, library):
        frame = library.DataFrame({f"pixel{i}": digits[:50, i] for i in range(64)})
        model = clone(estimator).set_params(**seeded(estimator))
        result = model.set_output(transform=library.__name__).fit_transform(frame)
        assert isinstance(result, library.DataFrame)
        assert list(result.columns) == list(model.get_feature_names_out())
        assert list(model.feature_names_in_) == list(frame.columns)
        plain = clone(estimator).set_params(**seeded(estimator))
        assert_allclose(result, plain.fit_transform(digits[:50]))

    def test_other_column_names_are_refused(self, estimator, digits):
        frame = pd.DataFrame(digits[:50]).rename(columns=str)
        model = clone(estimator).fit(frame)
        with pytest.raises(ValueError, match="feature names"):
            model.transform(frame.rename(columns={"3": "three"}))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_precision_is_kept(self, estimator, digits, dtype):
        assert clone(estimator).fit_transform(digits[:50].astype(dtype)).dtype == dtype

    def test_half_precision_is_computed_in_a_higher_one(self, estimator, digits):
        result = clone(estimator).fit_transform(digits[:50].astype(np.float16))
        assert result.dtype in (np.float32, np.float64)
        assert np.isfinite(result).all()

    def test_fitting_twice_changes_nothing(self, estimator, digits):
        model = clone(estimator).set_params(**seeded(estimator))
        first = model.fit_transform(digits[:50])
        assert_array_equal(model.fit_transform(digits[:50]), first)

    def test_memory_layout_changes_nothing(self, estimator, digits, tmp_path):
        X = digits[:50]
        np.save(tmp_path / "X.npy", X)
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
        swapped = X.astype(X.dtype.newbyteorder())
        expected = clone(estimator).set_params(**seeded(estimator)).fit_transform(X)
        for variant in (mapped, np.asfortranarray(X), swapped, np.repeat(X, 2, axis=0)[::2]):
            result = clone(estimator).set_params(**seeded(estimator)).fit_transform(variant)
            assert_allclose(result, expected, rtol=1e-9, atol=1e-12)

    def test_sparse_input_names_the_remedy(self, estimator, digits):
        with pytest.raises(TypeError, match="toarray"):
            clone(estimator).fit(sparse.csr_array(digits[:50]))

    def test_clone_and_pickle_keep_what_they_should(self, estimator, digits):
        model = clone(estimator).fit(digits[:50])
        assert not hasattr(clone(model), "n_features_in_")
        copy = pickle.loads(pickle.dumps(model))
        assert_array_equal(copy.transform(digits), model.transform(digits))


def seeded(estimator):
    return {"random_state": 0} if "random_state" in estimator.get_params() else {}


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be at least 1"),
        ({"n_components": 2.5}, TypeError, "n_components must be an integer"),
        ({"n_components": True}, TypeError, "n_components must be an integer"),
        ({"activation": "softmax"}, ValueError, "activation must be one of 'sigmoid'"),
        ({"decoder": "logistic"}, ValueError, "decoder must be one of 'linear'"),
        ({"sparsity_penalty": "kullback"}, ValueError, "sparsity_penalty must be one of 'kl'"),
        ({"sparsity_penalty": KLSparsity(target=0.0)}, ValueError, r"target must lie in \(0, 1\)"),
        ({"sparsity_penalty": KLSparsity(weight=-1)}, ValueError, "weight must lie in"),
        ({"activation": "relu"}, ValueError, "KLSparsity needs an activation of bounded range"),
        ({"weight_decay": -1e-3}, ValueError, "weight_decay must lie in"),
        ({"weight_decay": "small"}, TypeError, "weight_decay must be a number"),
        ({"weight_decay": float("nan")}, ValueError, "weight_decay must lie in"),
        ({"solver": "adam"}, ValueError, "solver must be one of 'lbfgs'"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"tol": -1}, ValueError, "tol must lie in"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be at least 1"),
    ],
)
def test_wrong_parameter_is_named_with_what_was_expected(parameters, error, message, digits):
    with pytest.raises(error, match=message):
        SparseAutoencoder(**parameters).fit(digits[:20])


def test_more_weights_than_memory_are_refused_before_allocation():
    with pytest.raises(MemoryError, match="GiB"):
        SparseAutoencoder(10**7).fit(np.ones((2, 10**4)))


def test_sigmoid_decoder_warns_of_data_that_it_cannot_reach(digits):
    model = SparseAutoencoder(3, decoder="sigmoid", max_iter=2)
    with pytest.warns(UserWarning, match=r"values in \(0, 1\) only.*PatchNormalizer"):
        model.fit(digits * 2)


@pytest.mark.parametrize("bad", [[-1.0] + [1.0] * 19, [0.0] * 20, [1.0] * 19])
def test_weights_of_examples_are_checked(bad, digits):
    with pytest.raises(ValueError, match=r"(?i)weight"):
        SparseAutoencoder(3, max_iter=2).fit(digits[:20], sample_weight=bad)


def test_grid_search_reaches_the_penalty_inside(digits):
    search = GridSearchCV(
        SparseAutoencoder(5, sparsity_penalty=KLSparsity(), max_iter=30, random_state=0),
        {"sparsity_penalty__target": [0.01, 0.2]},
        cv=3,
    ).fit(digits[:300])
    # Units that may be active more reconstruct better.
    assert search.best_params_ == {"sparsity_penalty__target": 0.2}


def test_pipeline_with_whitening_and_classifier_recognizes_digits(digits):
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, X_test, y, y_test = train_test_split(digits, load_digits().target, random_state=0)
    pipeline = make_pipeline(
        Whitening(epsilon=0.1),
        SparseAutoencoder(
            100, sparsity_penalty=KLSparsity(0.05), weight_decay=3e-3, random_state=0
        ),
        LogisticRegression(C=10, max_iter=1000),
    )
    assert pipeline.fit(X, y).score(X_test, y_test) > 0.95


def test_score_is_minus_the_reconstruction_term(digits):
    model = SparseAutoencoder(10, max_iter=20, random_state=0).fit(digits)
    scores = model.score_samples(digits)
    X_hat = model.inverse_transform(model.transform(digits))
    assert_allclose(scores, -0.5 * np.sum((X_hat - digits) ** 2, axis=1))
    assert_allclose(model.score(digits), -model.loss_terms_.reconstruction)
    weight = np.arange(len(digits))
    assert_allclose(model.score(digits, sample_weight=weight), np.average(scores, weights=weight))


def test_fitted_attributes_have_their_documented_shapes(digits):
    model = SparseAutoencoder(7, max_iter=4, random_state=0).fit(digits)
    assert model.encoder_weights_.shape == model.decoder_weights_.shape == (7, 64)
    assert model.components_ is model.encoder_weights_
    assert model.encoder_bias_.shape == model.average_activation_.shape == (7,)
    assert model.decoder_bias_.shape == (64,)
    assert model.loss_curve_.shape == (model.n_iter_ + 1,)
    assert model.loss_curve_[-1] == pytest.approx(model.loss_)
    assert sum(model.loss_terms_) == model.loss_


def test_tied_decoder_has_the_encoder_weights(digits):
    model = SparseAutoencoder(7, decoder="tied", max_iter=4).fit(digits)
    assert_array_equal(model.decoder_weights_, model.encoder_weights_)


def test_undercomplete_linear_autoencoder_spans_the_principal_subspace(digits):
    model = SparseAutoencoder(
        5,
        activation="identity",
        sparsity_penalty="none",
        weight_decay=0,
        max_iter=1000,
        tol=1e-10,
        random_state=0,
    ).fit(digits)
    components = Whitening("pca", n_components=5).fit(digits).components_
    basis = np.linalg.qr(model.decoder_weights_.T)[0]
    cosines = np.linalg.svd(components @ basis, compute_uv=False)
    assert_allclose(cosines, 1, atol=1e-4)


def test_overcomplete_autoencoder_keeps_its_units_sparse(digits):
    model = SparseAutoencoder(
        130, sparsity_penalty=KLSparsity(0.02), max_iter=200, random_state=0
    ).fit(digits)
    assert abs(model.average_activation_.mean() - 0.02) < 0.005
    assert model.score(digits) > -0.5 * digits.var(axis=0).sum() / 4


@pytest.mark.parametrize("decoder", ["linear", "tied"])
@pytest.mark.parametrize("offset", [100.0, 1e4, 1e6])
def test_an_offset_of_the_data_costs_nothing(decoder, offset, digits):
    def fit(X):
        model = SparseAutoencoder(
            10, decoder=decoder, sparsity_penalty=KLSparsity(0.1), max_iter=60, random_state=0
        )
        return model.fit(X).loss_

    assert fit(digits + offset) == pytest.approx(fit(digits), rel=0.02)
