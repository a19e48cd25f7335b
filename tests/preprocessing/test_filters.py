"""The 1/f filter of whole images."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat import OneOverFWhitening


def test_one_over_f_filter_has_the_gain_of_the_formula():
    # A cosine of the mirrored image passes with the gain r exp(-(r / 0.4)^4) of its frequency.
    height, width, ky, kx = 30, 44, 6, 11
    y, x = np.mgrid[:height, :width] + 0.5
    image = np.cos(np.pi * ky * y / height) * np.cos(np.pi * kx * x / width)
    r = np.hypot(ky / (2 * height), kx / (2 * width))
    model = OneOverFWhitening().fit([image])
    gain = r * np.exp(-((r / 0.4) ** 4))
    assert_allclose(model.transform([image])[0] * model.scale_, gain * image, atol=1e-12)


def test_images_are_scaled_jointly_to_unit_variance(photographs):
    filtered = OneOverFWhitening().fit_transform(photographs.images)
    pixels = np.concatenate([image.ravel() for image in filtered])
    assert pixels.std() == pytest.approx(1, rel=1e-5)
    assert {image.shape for image in filtered} == {image.shape for image in photographs.images}
    assert len({round(float(image.std()), 3) for image in filtered}) > 1


def test_constant_brightness_is_removed(rng):
    image = rng.rand(20, 30)
    model = OneOverFWhitening().fit([image])
    assert_allclose(model.transform([image + 5])[0], model.transform([image])[0], atol=1e-10)


def test_channels_are_filtered_alike(rng):
    image = rng.rand(20, 30)
    model = OneOverFWhitening().fit([image])
    color = model.transform([np.dstack([image] * 3)])[0]
    for channel in range(3):
        assert_allclose(color[..., channel], model.transform([image])[0], atol=1e-12)


def test_array_of_images_gives_an_array(rng):
    images = rng.rand(3, 16, 16)
    model = OneOverFWhitening().fit(images)
    assert_allclose(model.transform(images), np.stack(model.transform(list(images))))


def test_filter_flattens_the_power_spectrum_of_photographs_by_f_squared(photographs, whitened):
    def slope(images):
        powers = []
        for image in images:
            crop = image[:256, :256] - image[:256, :256].mean()
            window = np.hanning(256)
            spectrum = np.abs(np.fft.fft2(crop * np.outer(window, window))) ** 2
            powers.append(np.log(spectrum))
        power = np.mean(powers, axis=0)
        r = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
        band = (r > 0.02) & (r < 0.1)  # well below the cut-off
        return np.polyfit(np.log(r[band]), power[band], 1)[0]

    assert slope(photographs.images) < -2
    assert slope(whitened) - slope(photographs.images) == pytest.approx(2, abs=0.3)


def test_adjoint_patch_is_where_the_whitened_patch_looks(rng):
    # <w, patch of whitened image> = <adjoint of w, larger patch of the image>, up to the crop.
    image = rng.rand(200, 200)
    model = OneOverFWhitening().fit([image])
    w = rng.randn(1, 8, 8)
    response = np.sum(model.transform([image])[0][96:104, 96:104] * w[0])
    margin = 60
    seen = model.adjoint(w, margin=margin)[0]
    assert seen.shape == (8 + 2 * margin, 8 + 2 * margin)
    region = image[96 - margin : 104 + margin, 96 - margin : 104 + margin]
    assert np.sum(region * seen) == pytest.approx(response, abs=0.02 * np.linalg.norm(seen))


def test_adjoint_takes_integers_and_lists_and_refuses_other_shapes(rng):
    model = OneOverFWhitening().fit([rng.rand(30, 30)])
    ones = np.ones((1, 6, 6))
    colored = model.adjoint(np.stack([ones, 2 * ones, 0 * ones], axis=-1), margin=2)
    assert_allclose(colored[..., 1], 2 * model.adjoint(ones, margin=2))
    assert not colored[..., 2].any()
    assert_allclose(model.adjoint(ones.astype(int)), model.adjoint(ones))
    assert_allclose(model.adjoint(ones.tolist()), model.adjoint(ones))
    assert model.adjoint(ones).any()
    with pytest.raises(ValueError, match=r"weights must have shape \(k, height, width\["):
        model.adjoint(ones[0])
    with pytest.raises(ValueError, match="margin"):
        model.adjoint(ones, margin=-1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_noise_of_constant_images_is_not_blown_up(dtype):
    image = np.full((20, 20), 0.3, dtype)
    assert np.abs(OneOverFWhitening().fit_transform([image])[0]).max() < 1e-5
