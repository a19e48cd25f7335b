"""Cell arrays: the shape that is promised is the shape that is made."""

import numpy as np
import pytest

from rhohat.rows.mat_cells import cell_shape, stack_cells


@pytest.mark.parametrize(
    ("cell", "shape"),
    [((1, 5), (7, 5)), ((5, 1), (7, 5)), ((4, 5), (4, 5, 7)), ((4, 5, 3), (4, 5, 3, 7))],
)
def test_vectors_are_rows_and_others_lie_along_the_last_axis(cell, shape):
    cells = [np.full(cell, number) for number in range(7)]
    assert cell_shape(7, cell) == stack_cells(cells).shape == shape
    assert (stack_cells(cells)[2] == 2).all() or (stack_cells(cells)[..., 2] == 2).all()
