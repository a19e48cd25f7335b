"""Formulas that run on NumPy's arrays and on torch's tensors, wherever these are.

A formula asks `library_of` its arrays and calls functions that both libraries have under the same
name: ``matmul``, ``exp``, ``subtract``, ``einsum`` and so on, with ``out=``. The few things that
the two call differently are here. Without torch, nothing imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray


def is_tensor(A: Any) -> bool:
    """Whether A is a tensor of torch's."""
    return isinstance(A, getattr(sys.modules.get("torch"), "Tensor", ()))


def library_of(A: Any) -> Any:
    """NumPy, or torch if A is a tensor."""
    return sys.modules["torch"] if is_tensor(A) else np


class Sent:
    """An array that is sent to a device when it is first used there, in each process once.

    Parameters
    ----------
    array : ndarray
    """

    def __init__(self, array: FloatArray) -> None:
        self.array = array
        self._there: FloatArray | None = None

    def like(self, B: FloatArray) -> FloatArray:
        """The array in the library and precision of B, and on its device."""
        if self._there is None or not same_kind(self._there, B):
            self._there = like(self.array, B)
        return self._there

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_there": None}


def sent(arrays: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The same arrays, each to be sent to a device once."""
    return {name: cast(FloatArray, Sent(array)) for name, array in arrays.items()}


def like(A: Any, B: FloatArray) -> FloatArray:
    """A in the library and precision of B, and on its device; itself if it is that already."""
    if isinstance(A, Sent):
        return A.like(B)
    if is_tensor(B):
        tensor: FloatArray = library_of(B).as_tensor(A, dtype=B.dtype, device=B.device)
        return tensor
    return np.asarray(A).astype(B.dtype, copy=False)


def same_kind(A: FloatArray, B: FloatArray) -> bool:
    """Whether both are of the same library and precision, and on the same device."""
    devices = {getattr(array, "device", None) for array in (A, B) if is_tensor(array)}
    return is_tensor(A) == is_tensor(B) and A.dtype == B.dtype and len(devices) <= 1


def empty(shape: tuple[int, ...], B: FloatArray) -> FloatArray:
    """An array of any values, of the kind of B."""
    if is_tensor(B):
        return cast(FloatArray, cast(Any, B).new_empty(shape))
    return np.empty(shape, B.dtype)


def ones(n: int, B: FloatArray) -> FloatArray:
    """N ones, of the kind of B."""
    if is_tensor(B):
        return cast(FloatArray, cast(Any, B).new_ones(n))
    return np.ones(n, B.dtype)


def as_number(value: Any) -> float:
    """A number to which many can be added: a float, or of torch's, one that is waited for later."""
    return cast(float, wide(value)) if is_tensor(value) else float(value)


def wide(A: FloatArray) -> Float64Array:
    """The same in float64, where it is; Apple's GPUs, which have none, leave it as it is."""
    if is_tensor(A):
        tensor: Any = A
        return cast(Float64Array, tensor if tensor.device.type == "mps" else tensor.double())
    return A.astype(np.float64, copy=False)


def host(A: Any) -> Any:
    """The same in NumPy's library, or as a float, in the memory of this process."""
    if not is_tensor(A):
        return A
    return A.item() if A.ndim == 0 else A.detach().cpu().numpy()


def total(A: FloatArray) -> float:
    """Sum of all values, in float64."""
    return as_number(wide(A).sum() if is_tensor(A) else A.sum(dtype=np.float64))


def indices(numbers: NDArray[np.intp], B: FloatArray) -> Any:
    """Integers with which B can be indexed, on its device."""
    return library_of(B).as_tensor(numbers, device=B.device) if is_tensor(B) else numbers


def is_zero(values: Any) -> bool:
    """Whether a number is 0, or all of an array's are."""
    return not library_of(values).any(values)


def is_elsewhere(X: Any) -> bool:
    """Whether `from_device` has something to do: an array of torch, of CuPy or of DLPack alone."""
    return (
        is_tensor(X)
        or hasattr(X, "__cuda_array_interface__")
        or (hasattr(X, "__dlpack__") and not hasattr(X, "__array__"))
    )


def from_device(X: Any) -> Any:
    """Somebody's array as NumPy's, if it is torch's, CuPy's or of DLPack; anything else as it is.

    float16 and bfloat16 become float32, which holds their values exactly. Gradients are not asked
    for.

    Raises
    ------
    TypeError
        If it is a sparse tensor.
    """
    if not is_elsewhere(X):
        return X
    if is_tensor(X):
        if str(X.layout) != "torch.strided":
            raise TypeError(f"X is a tensor with layout {X.layout}: pass X.to_dense().")
        dense = X.detach()
        return (dense.float() if dense.dtype.itemsize == 2 else dense).cpu().numpy()
    if hasattr(X, "__cuda_array_interface__"):  # CuPy's
        return X.get()
    return np.from_dlpack(X)


def back_to_device(A: FloatArray, X: Any) -> Any:
    """A result as an array of the kind that the input X is, where that is."""
    if is_tensor(X):
        return library_of(X).from_numpy(A).to(X.device)
    if hasattr(X, "__cuda_array_interface__"):
        return sys.modules["cupy"].asarray(A)
    return A


def one_minus(A: FloatArray, out: FloatArray) -> FloatArray:
    """1 - A, written into `out`, which may be A."""
    if is_tensor(A):
        library_of(A).negative(A, out=out)
        out += 1
        return out
    return np.subtract(1, A, out=out)


def dot(A: FloatArray, B: FloatArray) -> Any:
    """Sum of the products of their elements."""
    return library_of(A).dot(A.reshape(-1), B.reshape(-1))


def largest(A: FloatArray, k: int) -> FloatArray:
    """The k-th largest value of each row, along the last axis, which it keeps with length 1."""
    if is_tensor(A):
        found: FloatArray = library_of(A).topk(A, k, dim=-1, sorted=True).values[..., -1:]
        return found
    n = A.shape[-1]
    return np.partition(A, n - k, axis=-1)[..., n - k, None]
