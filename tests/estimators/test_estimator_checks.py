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
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    SparseTranscoder,
    SpectrogramExtractor,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Standardization,
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
    Standardization(),
    Standardization("columns"),
    PatchNormalizer(),
    StackedAutoencoder((5, 3), estimator=SparseAutoencoder(max_iter=5)),
]
PAIR_ESTIMATORS = [
    SparseAutoencoder(3, max_iter=5, corruption="gaussian"),
    SparseTranscoder(3, max_iter=5),
]
#: scikit-learn's checks that give a transformer labels.
GIVING_LABELS = (
    "check_array_api_input",
    "check_complex_data",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_n_iter",
    "check_transformer_preserve_dtypes",
)
WEIGHING = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
CLASSIFIERS = [
    StackedAutoencoderClassifier(SparseAutoencoder(5, max_iter=5), max_iter=5, softmax_max_iter=10),
    StackedAutoencoderClassifier(
        StackedAutoencoder(
            [5, SparseAutoencoder(4, activation="tanh", max_iter=5)],
            estimator=SparseAutoencoder(max_iter=5),
        ),
        sparsity_penalty=KLSparsity(0.2, 0.01),
        max_iter=5,  # with more, 15 rows are known by heart, and rounding decides the seventh digit
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


def failing(estimator):
    """Checks that cannot pass, and why."""
    if isinstance(estimator, SparseTranscoder):
        names, why = GIVING_LABELS, "gives labels, or nothing, as the rows to be reconstructed"
    else:
        names, why = WEIGHING, "repeats rows, whose noise is that of their own numbers"
    return dict.fromkeys(names, why)


@parametrize_with_checks(PAIR_ESTIMATORS, expected_failed_checks=failing)
def test_scikit_learn_check_passes_for_pairs(estimator, check):
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

    def test_sparse_input_gives_what_the_dense_gives(self, estimator, digits):
        thin = sparse.csr_array(digits[:50])
        model = clone(estimator).set_params(**seeded(estimator))
        made = np.asarray(model.fit(thin).transform(thin))
        assert_allclose(made, model.fit_transform(digits[:50]), atol=1e-12)

    def test_clone_and_pickle_keep_what_they_should(self, estimator, digits):
        model = clone(estimator).fit(digits[:50])
        assert not hasattr(clone(model), "n_features_in_")
        copy = pickle.loads(pickle.dumps(model))
        assert_array_equal(copy.transform(digits), model.transform(digits))


def seeded(estimator):
    return {"random_state": 0} if "random_state" in estimator.get_params() else {}
