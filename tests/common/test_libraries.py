"""Functions that NumPy and torch call differently, and arrays from elsewhere."""

import sys
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rhohat.common import libraries
from rhohat.common.libraries import Sent, back_to_device, from_device


@pytest.fixture
def rows(rng):
    """A few rows in (0, 1)."""
    return rng.random_sample((60, 5))


@pytest.mark.torch
def test_strided_tensors_are_rows_and_sparse_ones_are_refused(rows):
    torch = pytest.importorskip("torch")
    wide = torch.from_numpy(np.repeat(rows, 2, axis=1))[:, ::2]
    assert_array_equal(from_device(wide), rows)
    with pytest.raises(TypeError, match=r"X\.to_dense\(\)"):
        from_device(torch.from_numpy(rows).to_sparse())


@pytest.mark.torch
def test_parameters_are_sent_once(rows):
    torch = pytest.importorskip("torch")
    sent, there = Sent(rows[0]), torch.zeros(3, dtype=torch.float64)
    assert sent.like(there) is sent.like(there)
    assert sent.like(there.float()).dtype == torch.float32


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_libraries_give_the_same(rows, dtype):
    torch = pytest.importorskip("torch")
    A, B = rows.astype(dtype), rows[::-1].astype(dtype)
    there, other = torch.from_numpy(A), torch.from_numpy(B.copy())
    assert_allclose(libraries.host(libraries.dot(there, other)), libraries.dot(A, B), rtol=1e-6)
    assert_array_equal(libraries.host(libraries.largest(there, 2)), libraries.largest(A, 2))
    assert libraries.host(libraries.total(there)) == pytest.approx(libraries.total(A))
    for name in ("wide", "host"):
        function = getattr(libraries, name)
        assert_array_equal(libraries.host(function(there)), function(A), strict=True)
    assert libraries.is_zero(0 * there) == libraries.is_zero(0 * A) == libraries.is_zero(0)
    assert libraries.is_zero(there) == libraries.is_zero(A) == libraries.is_zero(3)
    assert libraries.ones(3, there).dtype == libraries.empty((3,), there).dtype == there.dtype
    assert libraries.same_kind(there, other)
    assert not libraries.same_kind(there, A)
    assert not libraries.same_kind(there, other.half())


def test_arrays_of_other_libraries_are_brought_home_and_back(rows, monkeypatch):
    class Elsewhere:
        """An array as CuPy has it."""

        __cuda_array_interface__ = ()

        def __init__(self, array):
            self.array = array

        def get(self):
            return self.array

    class Shared:
        """An array that DLPack alone reads."""

        def __dlpack__(self, **options):
            return rows.__dlpack__(**options)

        def __dlpack_device__(self):
            return rows.__dlpack_device__()

    monkeypatch.setitem(sys.modules, "cupy", types.SimpleNamespace(asarray=Elsewhere))
    assert from_device(Elsewhere(rows)) is rows
    back = back_to_device(rows, Elsewhere(rows[:1]))
    assert isinstance(back, Elsewhere)
    assert back.array is rows
    assert_array_equal(from_device(Shared()), rows)
    for given in (rows, rows.tolist(), "a path"):
        assert from_device(given) is given
        assert back_to_device(rows, given) is rows
