"""Extractors: patches of images and windows of series."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import rhohat
import rhohat.preprocessing.extractors as extractors_module
from rhohat import (
    PatchExtractor,
    PatchNormalizer,
    WindowExtractor,
)
from rhohat.files.lazy_sequence import LazySequence


def numbered(height, width, start=0):
    """An image whose every pixel has a value of its own."""
    return np.arange(start, start + height * width, dtype=float).reshape(height, width)


#: Some draw more pieces than there are places, so that every place is drawn.
MORE_THAN_PLACES = pytest.mark.filterwarnings("ignore:drew")


@MORE_THAN_PLACES
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


@MORE_THAN_PLACES
def test_every_image_and_every_position_is_drawn_alike():
    images = [numbered(5, 6), numbered(40, 40, start=1000)]
    patches = PatchExtractor(4, n_patches=12_000, random_state=0).fit_transform(images)
    small = patches[patches[:, 0] < 1000]
    assert len(small) == pytest.approx(6000, abs=300)
    corners, counts = np.unique(small[:, 0], return_counts=True)
    assert len(corners) == 6  # 2 x 3 positions
    assert_allclose(counts, 1000, atol=150)


@MORE_THAN_PLACES
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


@pytest.mark.parametrize("seed", [None, 3, "a state"])
def test_places_are_those_of_what_was_cut_out_before_whatever_the_seed(seed, rng, tmp_path):
    images = rng.normal(size=(5, 9, 9))
    state = np.random.RandomState(1) if seed == "a state" else seed
    extractor = PatchExtractor(3, n_patches=40, random_state=state).fit(images)
    patches = extractor.transform(images)
    rhohat.save(extractor.set_params(random_state=None), tmp_path / "x.safetensors")
    for again in (extractor, rhohat.load(tmp_path / "x.safetensors")):
        image, top, left = again.draw(images).places(np.arange(40))
        cut = [
            images[n][i : i + 3, j : j + 3].ravel()
            for n, i, j in zip(image, top, left, strict=True)
        ]
        assert_array_equal(patches, cut)
    other = PatchExtractor(3, n_patches=40, random_state=extractor.seed_ + 1)
    assert not np.array_equal(other.fit_transform(images), patches)


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


# Windows


@MORE_THAN_PLACES
def test_windows_are_pieces_of_their_series(rng):
    series = [rng.randn(3, n) for n in (40, 55, 30)]
    extractor = WindowExtractor(8, n_windows=200, random_state=0).fit(series)
    drawn = extractor.draw(series)
    places = drawn.places(np.arange(200))
    for row, image, top, left in zip(drawn.rows, *places, strict=True):
        assert top == 0
        assert_array_equal(row.reshape(3, 8), series[image][:, left : left + 8])
    assert set(places.image) == {0, 1, 2}


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_all_windows_come_in_order(rng, stride):
    series = [rng.randn(2, n) for n in (20, 31)]
    extractor = WindowExtractor(8, n_windows=None, stride=stride).fit(series)
    expected = [
        x[:, left : left + 8].ravel() for x in series for left in range(0, x.shape[1] - 7, stride)
    ]
    drawn = extractor.draw(series)
    assert_array_equal(drawn.rows, expected)
    places = drawn.places(np.arange(len(expected)))
    assert_array_equal(np.diff(places.left[places.image == 0]), stride)


def test_one_channel_needs_no_axis(rng):
    x = rng.randn(50)
    flat = WindowExtractor(8, n_windows=20, random_state=0).fit_transform([x])
    assert_array_equal(
        flat, WindowExtractor(8, n_windows=20, random_state=0).fit_transform([x[None]])
    )


@pytest.mark.parametrize(
    ("extractor", "X", "message"),
    [
        (WindowExtractor(30), [np.zeros(40), np.zeros(20)], "series 1 has 1 x 20 values, too few"),
        (WindowExtractor(3), [np.zeros((2, 9)), np.zeros((3, 9))], "series 1 has 3 channels"),
        (WindowExtractor(0), [np.zeros(9)], "length must be at least 1"),
        (WindowExtractor(3, n_windows=0), [np.zeros(9)], "n_windows must be at least 1"),
        (WindowExtractor(3, stride=0), [np.zeros(9)], "stride must be at least 1"),
    ],
)
def test_what_has_no_windows_is_said(extractor, X, message):
    with pytest.raises(ValueError, match=message):
        extractor.fit(X)


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        (
            ((9, 9), (9, 9, 3)),
            r"image 1 has shape \(9, 9, 3\), but the channels of the first image are none",
        ),
        (
            ((9, 9, 3), (9, 9)),
            r"image 1 has shape \(9, 9\), but the channels of the first image are \[3\]",
        ),
        (((9, 9, 3), (9, 9, 4)), r"\(9, 9, 4\), .* are \[3\]. Convert all images to gray or all"),
        (((9, 9), (9, 4)), r"image 1 has 9 x 4 pixels, too few for patches of 5 x 5"),
    ],
)
def test_images_that_do_not_go_together_are_told_apart(sides, message):
    with pytest.raises(ValueError, match=message):
        PatchExtractor(5).fit([np.zeros(each) for each in sides])


def test_patches_too_many_to_hold_are_cut_as_they_are_read(photograph_folder, monkeypatch):
    """Wherever they start and stop, runs of them are the same patches, each from its image."""
    monkeypatch.setattr("rhohat.preprocessing.extractors.PATCH_BYTES", 0)
    lazy = rhohat.load_images(photograph_folder, on_error="skip", lazy=True).images
    extractor = rhohat.PatchExtractor(6, n_patches=5000, random_state=0)
    source = extractor.fit_transform(rhohat.OneOverFWhitening().fit_transform(lazy))
    patches = source.read(0, 5000).X
    assert patches.shape == source.shape == (5000, 36)
    runs = [source.read(start, start + 250).X for start in range(0, 5000, 250)]
    np.testing.assert_array_equal(np.concatenate(runs), patches)
    np.testing.assert_array_equal(
        source.take(np.array([3, 4, 2999, 4999])).X, patches[[3, 4, 2999, 4999]]
    )
    whitened = rhohat.OneOverFWhitening().fit(lazy).transform(list(lazy))
    values = np.concatenate([image.ravel() for image in whitened])
    assert np.isin(patches, values.astype(patches.dtype)).all()
    stored, held = rhohat.PatchNormalizer().fit(source), rhohat.PatchNormalizer().fit(patches)
    assert stored.scale_ == pytest.approx(held.scale_, rel=1e-12)


@pytest.mark.parametrize(
    ("extractor", "X", "said"),
    [
        (PatchExtractor(10, n_patches=5000), np.zeros((1, 15, 10)), "5,000 patches from 6 places"),
        (PatchExtractor(2, n_patches=10), np.zeros((2, 3, 3)), "10 patches from 8 places"),
        (WindowExtractor(8, n_windows=6), np.zeros((1, 2, 12)), "6 windows from 5 places"),
    ],
)
def test_more_pieces_than_places_are_told_with_how_many_differ(extractor, X, said):
    extractor.set_params(random_state=0)
    X = np.arange(X.size, dtype=float).reshape(X.shape)
    with pytest.warns(UserWarning, match=f"drew {said}") as caught:
        rows = extractor.fit_transform(X)
    different = len(np.unique(rows, axis=0))
    assert f"only {different:,} are different and {len(rows) - different:,} are repeats" in str(
        caught[0].message
    )


def test_as_many_pieces_as_places_are_told_nothing():
    PatchExtractor(2, n_patches=8, random_state=0).fit_transform(np.zeros((2, 3, 3)))


def test_pieces_that_memory_does_not_hold_are_refused_at_once():
    extractor = PatchExtractor(100, n_patches=10**8).fit(np.zeros((1, 300, 300)))
    with pytest.raises(ValueError, match=r"100,000,000 patches of 10,000 values needs about 7,4"):
        extractor.transform(np.zeros((1, 300, 300)))


def test_series_whose_channels_come_last_are_to_be_transposed():
    with pytest.raises(ValueError, match=r"5,000 channels of 1 samples.*transpose"):
        WindowExtractor(256).fit([np.zeros((5000, 1))])


def test_series_of_one_channel_need_no_axis_of_channels(rng):
    series = [rng.randn(40), rng.randn(30)]
    flat = WindowExtractor(8, n_windows=None).fit_transform(series)
    assert_array_equal(
        flat, WindowExtractor(8, n_windows=None).fit_transform([x[None] for x in series])
    )


def test_images_of_one_shape_give_the_patches_that_each_alone_gives(rng):
    images = [rng.randn(20, 17).astype("f4") for _ in range(40)]
    other = rng.randn(18, 21).astype("f4")
    mixed = [image for each in images for image in (each, other)]
    extractor = PatchExtractor(6, n_patches=500, random_state=0).fit(mixed)
    drawn = extractor.draw(mixed)
    for row, number, top, left in zip(drawn.rows, *drawn.places(np.arange(500)), strict=True):
        assert_array_equal(row.reshape(6, 6), mixed[number][top : top + 6, left : left + 6])
