"""Patch extraction and normalization."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import rhohat.preprocessing.extractors as extractors_module
from rhohat import ContrastNormalizer, PatchExtractor, PatchNormalizer
from rhohat.files.lazy_sequence import LazySequence


def numbered(height, width, start=0):
    """An image whose every pixel has a value of its own."""
    return np.arange(start, start + height * width, dtype=float).reshape(height, width)


def test_every_patch_is_a_window_of_an_image():
    images = [numbered(9, 12), numbered(15, 7, start=1000)]
    extractor = PatchExtractor((4, 3), n_patches=300, random_state=0)
    patches = extractor.fit_transform(images)
    assert patches.shape == (300, 12)
    assert extractor.patch_shape_ == (4, 3)
    for row in patches:
        image = images[int(row[0] >= 1000)]
        y, x = np.argwhere(image == row[0])[0]
        assert_array_equal(row.reshape(4, 3), image[y : y + 4, x : x + 3])


def test_every_image_and_every_position_is_drawn_alike():
    images = [numbered(5, 6), numbered(40, 40, start=1000)]
    patches = PatchExtractor(4, n_patches=12_000, random_state=0).fit_transform(images)
    small = patches[patches[:, 0] < 1000]
    assert len(small) == pytest.approx(6000, abs=300)
    corners, counts = np.unique(small[:, 0], return_counts=True)
    assert len(corners) == 6  # 2 x 3 positions
    assert_allclose(counts, 1000, atol=150)


def test_color_patches_keep_height_width_channels():
    image = np.random.RandomState(0).rand(8, 8, 3)
    extractor = PatchExtractor(8, n_patches=2, random_state=0)
    patches = extractor.fit_transform([image])
    assert extractor.patch_shape_ == (8, 8, 3)
    assert_array_equal(patches[0].reshape(8, 8, 3), image)


def test_seed_decides_the_patches(whitened):
    def draw(seed):
        return PatchExtractor(n_patches=50, random_state=seed).fit_transform(whitened)

    assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([np.ones((20, 20)), np.ones((9, 20))], "image 1 has 9 x 20 pixels, too few"),
        ([np.ones((20, 20)), np.ones((20, 20, 3))], "image 1 has shape .* all images to gray"),
    ],
)
def test_image_that_does_not_fit_is_named(images, message):
    with pytest.raises(ValueError, match=message):
        PatchExtractor().fit(images)


@pytest.mark.parametrize("parameters", [{"patch_size": 0}, {"n_patches": 0}])
def test_wrong_parameter_is_named(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        PatchExtractor(**parameters).fit([np.ones((20, 20))])


def test_normalized_patches_follow_the_exercise(whitened):
    X = PatchExtractor(8, n_patches=1000, random_state=0).fit_transform(whitened).astype(float)
    # The exercise's recipe, written out: own mean, three standard deviations, [0.1, 0.9].
    centered = X - X.mean(axis=1, keepdims=True)
    s = 3 * centered.std(ddof=1)
    expected = (np.maximum(np.minimum(centered, s), -s) / s + 1) * 0.4 + 0.1
    model = PatchNormalizer().fit(X)
    assert_allclose(model.transform(X), expected, atol=1e-12)
    assert model.scale_ == pytest.approx(s)
    assert expected.min() == pytest.approx(0.1)
    assert expected.max() == pytest.approx(0.9)


def test_each_patch_loses_its_own_mean_not_the_common_one(rng):
    X = rng.randn(50, 9)
    brighter = X + np.arange(50)[:, None]
    assert_allclose(
        PatchNormalizer().fit_transform(brighter), PatchNormalizer().fit_transform(X), atol=1e-12
    )


def test_new_patches_are_scaled_as_those_in_fit(rng):
    model = PatchNormalizer().fit(rng.randn(50, 9))
    patch = np.linspace(-1, 1, 9)[None] * 0.1
    assert_allclose(model.transform(patch), (patch / model.scale_ + 1) * 0.4 + 0.1)


def test_contrast_normalized_patches_have_mean_0_and_the_variance_of_the_formula(rng):
    X = rng.rand(50, 12) * rng.rand(50, 1)
    normalized = ContrastNormalizer(epsilon=0.01).fit_transform(X)
    assert_allclose(normalized.mean(axis=1), 0, atol=1e-12)
    assert_allclose(normalized.var(axis=1), X.var(axis=1) / (X.var(axis=1) + 0.01))
    brighter = ContrastNormalizer(epsilon=0.01).fit_transform(X + rng.rand(50, 1))
    assert_allclose(brighter, normalized, atol=1e-12)


def test_flat_patches_have_no_contrast():
    assert_allclose(ContrastNormalizer().fit_transform(np.full((4, 9), 0.1)), 0, atol=1e-12)


def test_contrast_epsilon_is_checked():
    with pytest.raises(ValueError, match="epsilon must lie in"):
        ContrastNormalizer(epsilon=0).fit(np.ones((4, 9)))


def test_constant_patches_become_the_middle():
    assert_allclose(PatchNormalizer().fit_transform(np.ones((4, 9))), 0.5)


@pytest.mark.parametrize(
    "parameters", [{"n_deviations": 0}, {"feature_range": (1.0, 0.0)}, {"n_deviations": "three"}]
)
def test_wrong_normalizer_parameter_is_named(parameters, rng):
    with pytest.raises((ValueError, TypeError), match=next(iter(parameters))):
        PatchNormalizer(**parameters).fit(rng.randn(5, 9))


def test_adjoint_carries_weights_back_where_nothing_is_clipped(rng):
    X = rng.randn(500, 9)
    model = PatchNormalizer(n_deviations=100).fit(X)
    w = rng.randn(2, 9)
    shift = 0.5 * w.sum(axis=1)
    assert_allclose(model.transform(X) @ w.T, X @ model.adjoint(w).T + shift, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_noise_of_flat_patches_is_not_blown_up(dtype):
    X = (np.arange(1, 6)[:, None] * np.full((5, 7), 0.1)).astype(dtype)
    assert_allclose(PatchNormalizer().fit_transform(X), 0.5, atol=1e-5)


def test_adjoint_refuses_weights_of_another_width(rng):
    with pytest.raises(ValueError, match=r"weights must have shape \(k, 9\)"):
        PatchNormalizer().fit(rng.rand(5, 9)).adjoint(np.ones((2, 8)))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (PatchExtractor((5, 6, 3)), "patch_size must be one number"),
        (PatchNormalizer(feature_range=(1,)), "feature_range must be"),
        (PatchNormalizer(feature_range=(0.0, float("inf"))), "feature_range"),
    ],
)
def test_pairs_are_checked(estimator, message, rng):
    with pytest.raises(ValueError, match=message):
        estimator.fit(
            rng.rand(2, 20, 20) if isinstance(estimator, PatchExtractor) else rng.rand(5, 9)
        )


class Lazy(LazySequence):
    """Images that are made whenever they are asked for."""

    def __init__(self, images):
        self.images = images
        self.dtype = np.dtype(np.float64)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index].copy()


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_places_are_where_patches_were_cut_out(rng, monkeypatch, stored, channels):
    images = [rng.rand(*sides, *channels) for sides in ((12, 20), (9, 9), (30, 11))]
    if stored:
        monkeypatch.setattr(extractors_module, "PATCH_BYTES", 1)
    drawn = Lazy(images) if stored else images
    extractor = PatchExtractor((5, 4), n_patches=60, random_state=0).fit(drawn)
    patches = extractor.draw(drawn)
    rows = np.array([3, 59, 0, 17, 17])
    places = patches.places(rows)
    values = patches.rows.take(np.arange(60)).X if stored else patches.rows
    for row, image, top, left in zip(rows, *places, strict=True):
        cut = images[image][top : top + 5, left : left + 4]
        assert_array_equal(values[row], cut.ravel())


def test_whole_images_are_at_their_own_places(rng):
    images = rng.rand(4, 6, 5)
    patches = PatchExtractor(None).fit(images).draw(images)
    places = patches.places(np.array([2, 0]))
    assert [part.tolist() for part in places] == [[2, 0], [0, 0], [0, 0]]


def test_adjoint_of_patches_are_pictures(rng):
    extractor = PatchExtractor(6, n_patches=5, random_state=0).fit([rng.rand(9, 9, 3)])
    weights = rng.rand(2, 108)
    assert_array_equal(extractor.adjoint(weights), weights.reshape(2, 6, 6, 3))
