"""How series lie in arrays: which axis is time."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError
from rhohat.files.layout import TIMES, arranged, as_series, picked, runs_down
from rhohat.rows.file_format import Content, Selection

SERIES = Selection(series=True)


def content(*shape, selection=SERIES):
    shape = shape if len(shape) > 1 else (*shape, 1)
    return Content("rows" if len(shape) == 2 else "images", shape, np.dtype("f4"))


@pytest.mark.parametrize(
    ("shape", "down", "found"),
    [
        ((800,), True, (1, 1, 800)),
        ((800, 1), True, (1, 1, 800)),
        ((1, 800), False, (1, 1, 800)),
        ((800, 100), True, (1, 100, 800)),
        ((100, 800), False, (1, 100, 800)),
        ((5, 800, 3), True, (5, 3, 800)),
        ((5, 3, 800), False, (5, 3, 800)),
        ((5, 2, 900), False, (5, 2, 900)),
    ],
)
def test_an_axis_that_is_eight_times_longer_is_time(shape, down, found):
    looked = content(*shape)
    assert runs_down(looked, SERIES) is down
    assert as_series(looked, SERIES).shape == found
    array = np.arange(np.prod(shape)).reshape(shape)
    series = arranged(array, looked, SERIES)
    assert series.shape == found
    plain = array.reshape(-1, *looked.shape[-2:] if len(shape) < 3 else shape[1:])
    assert_array_equal(series, plain.transpose(0, 2, 1) if down else plain)


@pytest.mark.parametrize("time", TIMES)
def test_time_runs_as_the_user_says(time):
    selection = Selection(series=True, time=time)
    assert runs_down(content(30, 40), selection) is (time == "rows")
    assert as_series(content(30, 40), selection).note == ""


@pytest.mark.parametrize("shape", [(30, 40), (799, 100), (5, 30, 40)])
def test_where_either_axis_may_be_time_it_is_asked(shape):
    with pytest.raises(DataFileError, match=r"time may run either way.*--time rows or --time"):
        as_series(content(*shape), SERIES)


def test_channels_are_picked_from_moments():
    moments = np.arange(2400).reshape(800, 3)
    chosen = Selection(series=True, channels=("2", "0"))
    assert_array_equal(picked(moments, content(800, 3), chosen), moments.T[[2, 0]])


def test_series_stay_series_and_pictures_are_none():
    series = Content("series", (1, 2, 50), np.dtype("f8"), 100.0)
    assert as_series(series, SERIES) is series
    with pytest.raises(DataFileError, match=r"holds images.* not series"):
        as_series(content(7, 30, 40, 3), SERIES)
