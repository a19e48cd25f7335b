"""What was loaded with names is taken without them."""

from typing import get_args

import numpy as np
import pytest

from rhohat.files.loaded import Loaded, content_of


@pytest.mark.parametrize("cls", get_args(Loaded), ids=lambda cls: cls.__name__)
def test_what_was_loaded_is_taken_without_names(cls):
    content, *others = cls._fields
    assert cls.__name__.lower() == f"loaded{content}"
    found = cls([np.zeros(3)], **dict.fromkeys(others))
    assert content_of(found) is getattr(found, content)


def test_other_data_stay_as_they_are(rng):
    for data in (rng.rand(3, 2), [rng.rand(4, 4)], ([1.0, 2.0], [3.0, 4.0])):
        assert content_of(data) is data
