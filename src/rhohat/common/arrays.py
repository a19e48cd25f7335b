"""Names for what the package passes around: arrays, and images and recordings made of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: float32 or float64, whichever the data came in.
FloatArray: TypeAlias = NDArray[np.floating[Any]]
#: float64: parameters, gradients and sums on the driver.
Float64Array: TypeAlias = NDArray[np.float64]
#: Images of any shapes, (height, width) or (height, width, channels), or one array of equal ones.
Images: TypeAlias = Sequence[FloatArray] | FloatArray
#: Recordings as arrays or files, one array with the recordings along its first axis, or a sequence
#: that reads them when they are asked for.
Recordings: TypeAlias = Sequence[FloatArray | str | os.PathLike[str]] | FloatArray
