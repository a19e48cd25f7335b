"""Pictures on a page: levels of 8 bits that lead back to the values."""

import base64

import numpy as np
import pytest

from rhohat.inspection.report.pictures import Pictures


def levels_of(pictures):
    kind = np.int8 if pictures.signed else np.uint8
    return np.frombuffer(base64.b64decode(pictures.data), kind).reshape(pictures.shape)


@pytest.mark.parametrize("low", [-1, 0.2])
def test_levels_lead_back_to_the_values(rng, low):
    values = rng.uniform(low, 1, (3, 8)).astype(np.float32)
    pictures = Pictures.of(values, (2, 4))
    assert (pictures.kind, pictures.shape) == ("image", (3, 2, 4, 1))
    assert pictures.signed == (low < 0)
    least, span = (-127, 254) if pictures.signed else (0, 255)
    low, high = (np.reshape(end, (3, 1)) for end in (pictures.low, pictures.high))
    found = low + (levels_of(pictures).reshape(3, 8).astype(float) - least) / span * (high - low)
    np.testing.assert_allclose(found, values, atol=(high - low).max() / span)


def test_rows_without_a_shape_are_traces(rng):
    pictures = Pictures.of(rng.rand(3, 8), None)
    assert (pictures.kind, pictures.shape) == ("trace", (3, 1, 8, 1))
    assert Pictures.of(rng.rand(3, 8), (2, 4), "trace").kind == "trace"
