"""Names for the array types that the package passes around."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: float32 or float64, whichever the data came in.
FloatArray: TypeAlias = NDArray[np.floating[Any]]
#: float64: parameters, gradients and sums on the driver.
Float64Array: TypeAlias = NDArray[np.float64]
