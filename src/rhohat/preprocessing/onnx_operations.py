"""Operations in ONNX: each is a function that adds its nodes to a graph.

Rows are (..., d), pictures (n, height, width, channels), recordings (n, samples) and series (n,
channels, samples). Inputs, outputs and weights are float32; sums of many terms are in double
precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.extras import import_extra
from rhohat.preprocessing.operations import NotComputedError, Told
from rhohat.preprocessing.spectra import hann, mel_bands

#: The version of ONNX's operators: the first in which all reductions take axes as an input.
OPSET = 18
#: Rounding errors of float32 that values without any deviation may have, as a share of the largest.
NOISE = 10 * float(np.finfo(np.float32).eps)
#: Where a slice goes to the end.
END = np.iinfo(np.int64).max
#: Least power of a series's spectrum, as a share of its channel's greatest.
LEAST_POWER = 1e-8


class Graph:
    """Nodes of an ONNX graph, in the order in which they are added.

    Parameters
    ----------
    name : str, default=""
        What names of values begin with, where several graphs become one.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
    constants : list of onnx.TensorProto
    """

    def __init__(self, name: str = "") -> None:
        self._onnx = import_extra("onnx", "onnx")
        self._name = name
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def __call__(self, kind: str, *inputs: str, n_outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; the name of its value, or a list of several."""
        outputs = [f"{self._name}{kind}_{len(self.nodes)}_{i}" for i in range(n_outputs)]
        make = self._onnx.helper.make_node
        self.nodes.append(make(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def constant(self, value: ArrayLike, dtype: Any) -> str:
        """The name of a constant; equal ones are kept once."""
        array = np.ascontiguousarray(value, dtype=dtype).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = self._known[key] = f"{self._name}constant_{len(self.constants)}"
            self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return self._known[key]

    def float(self, value: ArrayLike) -> str:
        """A constant of float32."""
        return self.constant(value, np.float32)

    def double(self, value: ArrayLike) -> str:
        """A constant of float64."""
        return self.constant(value, np.float64)

    def integer(self, value: ArrayLike) -> str:
        """A constant of int64."""
        return self.constant(value, np.int64)

    def cast(self, x: str, dtype: type[np.floating[Any]]) -> str:
        """Values in another precision."""
        to = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return str(self("Cast", x, to=to))

    def reduced(self, how: str, x: str, axes: Sequence[int], keeps: bool = True) -> str:
        """The mean, sum or maximum over axes: "Mean", "Sum" or "Max"."""
        return str(self(f"Reduce{how}", x, self.integer(axes), keepdims=int(keeps)))

    def size(self, x: str, axis: int) -> str:
        """How long an axis is, as an integer without axes."""
        return str(self("Squeeze", self("Shape", x, start=axis, end=axis + 1)))

    def counted(self, n: str) -> str:
        """0, 1, ..., n - 1."""
        return str(self("Range", self.integer(0), n, self.integer(1)))

    def centered(self, x: str, axes: Sequence[int]) -> str:
        """Values without their mean."""
        return str(self("Sub", x, self.reduced("Mean", x, axes)))

    def copied(self, x: str, name: str) -> None:
        """Give a value this name."""
        make = self._onnx.helper.make_node
        self.nodes.append(make("Identity", [x], [name], name=f"{x}_copied"))


def _affine(
    g: Graph, x: str, weights: FloatArray, bias: FloatArray, center: FloatArray | None
) -> str:
    """W x + b, with W in single precision, and sums in double precision."""
    x, W = g.cast(x, np.float64), np.asarray(weights, dtype=np.float32)
    if center is not None:
        x, bias = g("Sub", x, g.double(center)), bias + weights @ center
    product = g("MatMul", x, g.cast(g.float(W.T), np.float64))
    return g.cast(g("Add", product, g.double(bias)), np.float32)


def _sigmoid(g: Graph, z: str) -> str:
    return str(g("Sigmoid", z))


def _tanh(g: Graph, z: str) -> str:
    return str(g("Tanh", z))


def _relu(g: Graph, z: str) -> str:
    return str(g("Relu", z))


def _identity(g: Graph, z: str) -> str:
    return z


def _topk(g: Graph, z: str, n_active: int) -> str:
    """The k largest, of equal ones those that come first, as ONNX's own operator chooses them."""
    values, units = g("TopK", z, g.integer([n_active]), n_outputs=2, axis=-1)
    silent = g("ConstantOfShape", g("Shape", z))
    return str(g("ScatterElements", silent, units, g("Relu", values), axis=-1))


def _batchtopk(g: Graph, z: str, thresholds: FloatArray) -> str:
    """Values above the threshold, and 0 for the others."""
    return str(g("Where", g("Greater", z, g.float(thresholds)), z, g.float(0.0)))


def _jumprelu(g: Graph, z: str, tau: float, thresholds: FloatArray) -> str:
    """Z u^2 (3 - 2 u), with u = (z - t) / (tau t) in 0 to 1; where z > t if tau is 0."""
    if not tau:
        return _batchtopk(g, z, thresholds)
    above = g("Div", g("Sub", z, g.float(thresholds)), g.float(tau * thresholds))
    u = g("Clip", above, g.float(0.0), g.float(1.0))
    step = g("Mul", g("Mul", u, u), g("Sub", g.float(3.0), g("Add", u, u)))
    return str(g("Mul", g("Relu", z), step))


def _softmax(g: Graph, z: str) -> str:
    return str(g("Softmax", z, axis=-1))


def _both_signs(g: Graph, above: str, threshold: float) -> str:
    """max(z - t, 0) and max(-z - t, 0), side by side, given z - t."""
    below = g("Sub", g.float(-2 * threshold), above)
    return str(g("Concat", g("Relu", above), g("Relu", below), axis=-1))


def _normalize(g: Graph, x: str, scale: float, low: float, high: float) -> str:
    """(clip(x - mean, -s, s) / s + 1) (high - low) / 2 + low."""
    clipped = g("Clip", g.centered(x, [-1]), g.float(-scale), g.float(scale))
    scaled = g("Mul", clipped, g.float((high - low) / (2 * scale)))
    return str(g("Add", scaled, g.float((high + low) / 2)))


def _contrast(g: Graph, x: str, epsilon: float) -> str:
    """(x - mean) / sqrt(variance + epsilon)."""
    centered = g.centered(x, [-1])
    variance = g.reduced("Mean", g("Mul", centered, centered), [-1])
    return str(g("Div", centered, g("Sqrt", g("Add", variance, g.float(epsilon)))))


def _one_over_f(g: Graph, x: str, cutoff: float, scale: float) -> str:
    """The cosine transform, r exp(-(r / r0)^4) times it, and back."""
    planes = g("Transpose", g.cast(x, np.float64), perm=[0, 3, 1, 2])
    up, down, rows = _cosines(g, g.size(x, 1))
    left, right, columns = _cosines(g, g.size(x, 2))
    squares = g("Add", g("Mul", rows, rows), g("Transpose", g("Mul", columns, columns)))
    share = g("Div", squares, g.double(cutoff**2))
    decay = g("Exp", g("Neg", g("Mul", share, share)))
    gain = g("Div", g("Mul", g("Sqrt", squares), decay), g.double(scale))
    spectrum = g("MatMul", g("MatMul", up, planes), right)
    images = g("MatMul", g("MatMul", down, g("Mul", spectrum, gain)), left)
    return g.cast(g("Transpose", images, perm=[0, 2, 3, 1]), np.float32)


def _cosines(g: Graph, n: str) -> tuple[str, str, str]:
    """The orthonormal cosine transform of n values, its transpose, and its frequencies, (n, 1)."""
    count, numbers = g.cast(n, np.float64), g.counted(n)
    k = g("Unsqueeze", numbers, g.integer([1]))
    odd = g("Add", g("Mul", numbers, g.integer(2)), g.integer(1))
    steps = g("Mod", g("Mul", k, odd), g("Mul", n, g.integer(4)))  # of a turn in 4 n
    turns = g("Div", g.cast(steps, np.float64), g("Mul", count, g.double(2)))
    k = g.cast(k, np.float64)
    scale = g("Sqrt", g("Div", g("Min", g("Add", k, g.double(1)), g.double(2)), count))
    # a transpose just before a product is one that some runtimes cannot compute
    waves = g("Mul", _cosine(g, turns), scale)
    turned = g("Mul", _cosine(g, g("Transpose", turns)), g("Transpose", scale))
    return str(waves), str(turned), str(g("Div", k, g("Mul", count, g.double(2))))


def _cosine(g: Graph, t: str) -> str:
    """Cosines of pi t, for t in 0 to 2, by a series; runtimes have none in double precision."""
    u = g("Sub", g("Abs", g("Sub", t, g.double(1))), g.double(0.5))  # cos(pi t) = sin(pi u)
    square = g("Mul", u, u)
    *others, last = [(-1) ** i * np.pi ** (2 * i + 1) / factorial(2 * i + 1) for i in range(12)]
    sine = g.double(last)
    for term in reversed(others):
        sine = g("Add", g("Mul", sine, square), g.double(term))
    return str(g("Mul", u, sine))


def _patch(g: Graph, x: str, shape: Sequence[int], stride: int | None) -> str:
    """All pieces, (n, rows, columns, d)."""
    return _slid(g, _slid(g, x, 2, shape[1], stride or 1), 1, shape[0], stride or 1)


def _slid(g: Graph, x: str, axis: int, length: int, stride: int) -> str:
    """Values at successive places along an axis, side by side along the last axis."""
    ends = [i - length + 1 or END for i in range(length)]
    places = (g.integer([axis]), g.integer([stride]))
    parts = [g("Slice", x, g.integer([i]), g.integer([e]), *places) for i, e in enumerate(ends)]
    return str(g("Concat", *parts, axis=3))


def _pool(
    g: Graph,
    x: str,
    poolings: Sequence[str],
    grid: Sequence[int],
    window: Sequence[int] | None,
) -> str:
    """Mean, maximum or sum of features over the cells of a grid, (n, poolings x cells x k)."""
    ends = [
        _ends(g, g.size(x, axis + 1), grid[axis], None if window is None else window[axis])
        for axis in (0, 1)
    ]
    axes, ones = g.integer([1, 2]), g.integer([1, 1])
    cells = []
    for i, j in product(range(grid[0]), range(grid[1])):
        start = g("Concat", ends[0][i], ends[1][j], axis=0)
        stop = g("Concat", ends[0][i + 1], ends[1][j + 1], axis=0)
        cells.append(g("Slice", x, start, stop, axes, ones))
    reduction = {"mean": "Mean", "max": "Max", "sum": "Sum"}
    found = [
        g.reduced(reduction[how], g.reduced(reduction[how], cell, [2], False), [1], False)
        for how in poolings
        for cell in cells
    ]
    return str(g("Concat", *found, axis=1))


def _ends(g: Graph, n: str, n_cells: int, window: int | None) -> list[str]:
    """Where cells begin, and the last ends, among n positions, each as an array of one number."""
    if window is not None:
        return [g.integer([i * window]) for i in range(n_cells + 1)]
    count = g("Reshape", n, g.integer([1]))
    shares = [g("Mul", count, g.integer([i])) for i in range(n_cells + 1)]
    return [str(g("Div", share, g.integer([n_cells]))) for share in shares]


def _waveform(g: Graph, x: str, rate: int) -> str:
    """Recordings as pictures of one row, of mean 0 and standard deviation 1."""
    centered = g.centered(g.cast(x, np.float64), [1])
    deviation = g("Sqrt", g.reduced("Mean", g("Mul", centered, centered), [1]))
    noise = g("Mul", g.reduced("Max", g("Abs", g.cast(x, np.float64)), [1]), g.double(NOISE))
    scale = g("Where", g("Greater", deviation, noise), deviation, g.double(1))
    wave = g.cast(g("Div", centered, scale), np.float32)
    return str(g("Unsqueeze", wave, g.integer([1, 3])))


def _spectrogram(
    g: Graph,
    x: str,
    rate: int,
    length: int,
    hop: int,
    n_fft: int,
    edges: Float64Array,
    floor: float,
    normalize: str,
) -> str:
    """Logarithms of the powers of bands, (n, bands, moments, 1)."""
    ends = g.integer([0, length // 2, 0, length - length // 2])
    samples = g("Pad", g.cast(x, np.float64), ends, g.double(0))
    n_moments = g("Add", g("Div", g.size(x, 1), g.integer(hop)), g.integer(1))
    power = _powers(g, _frames(g, samples, n_moments, length, hop), hann(length), n_fft)
    bands = g("MatMul", power, g.double(mel_bands(edges, n_fft, rate).T))
    peak = g.reduced("Max", bands, [1, 2])
    above = g("Greater", peak, g.double(0))
    share = g("Div", bands, g("Where", above, peak, g.double(1)))
    logs = g("Log", g("Max", share, g.double(floor)))
    if normalize != "none":
        centered = g.centered(logs, [1] if normalize == "band" else [1, 2])
        deviation = g("Sqrt", g.reduced("Mean", g("Mul", centered, centered), [1, 2]))
        varies = g("Greater", deviation, g.double(1e-6))
        logs = g("Div", centered, g("Where", varies, deviation, g.double(1)))
    picture = g.cast(g("Transpose", logs, perm=[0, 2, 1]), np.float32)
    return str(g("Unsqueeze", picture, g.integer([3])))


def _frames(g: Graph, x: str, n: str, length: int, hop: int) -> str:
    """Of (..., samples), n windows of a length, hop apart: (..., n, length)."""
    starts = g("Mul", g.counted(n), g.integer(hop))
    places = g("Add", g("Unsqueeze", starts, g.integer([1])), g.integer(np.arange(length)))
    return str(g("Gather", x, places, axis=-1))


def _powers(g: Graph, frames: str, taper: FloatArray, n_fft: int, is_centered: bool = False) -> str:
    """|F|^2 of windows under a taper, (..., n, frequencies); of centered ones without the mean."""
    times, bins = np.arange(len(taper)), np.arange(n_fft // 2 + 1)
    waves = np.exp(-2j * np.pi * np.outer(times, bins) / n_fft) * taper[:, None]
    if is_centered:
        waves = (waves - waves.mean(axis=0))[:, 1:]
    parts = [g("MatMul", frames, g.double(part)) for part in (waves.real, waves.imag)]
    return str(g("Add", *(g("Mul", part, part) for part in parts)))


def _channels(g: Graph, x: str, mean: FloatArray, scale: FloatArray) -> str:
    """Each channel of series as a row of a picture, scaled."""
    moved = g("Sub", g.cast(x, np.float64), g.double(mean[:, None]))
    scaled = g.cast(g("Div", moved, g.double(scale[:, None])), np.float32)
    return str(g("Unsqueeze", scaled, g.integer([3])))


def _series_spectrogram(
    g: Graph, x: str, window: int, hop: int, mean: FloatArray, scale: FloatArray
) -> str:
    """Logarithms of the powers of each channel, frequencies from the highest down."""
    frames = _frames_of_series(g, x, window, hop)
    logs = _scaled_logs(g, _powers(g, frames, hann(window), window, True), mean, scale)
    down = g("Slice", logs, g.integer([-1]), g.integer([-(window // 2) - 1]), *_last(g, -1))
    turned = g("Transpose", down, perm=[0, 1, 3, 2])
    rows = g("Reshape", turned, g.integer([0, len(mean) * (window // 2), -1, 1]))
    return g.cast(rows, np.float32)


def _series_spectra(
    g: Graph, x: str, window: int, hop: int, mean: FloatArray, scale: FloatArray
) -> str:
    """Welch's spectra of windows of each channel, one after the other."""
    frames, short = _frames_of_series(g, x, window, hop), window // 8
    parts = []
    for part in range(7):
        start, stop = g.integer([part * short]), g.integer([(part + 2) * short])
        own = g("Slice", frames, start, stop, *_last(g, 1))
        parts.append(_powers(g, own, hann(2 * short), 2 * short, True))
    power = g("Div", g("Sum", *parts), g.double(len(parts)))
    rows = g("Reshape", _scaled_logs(g, power, mean, scale), g.integer([0, len(mean), -1, 1]))
    return g.cast(rows, np.float32)


def _frames_of_series(g: Graph, x: str, window: int, hop: int) -> str:
    """Whole windows of series, (n, channels, windows, samples), in double precision."""
    room = g("Sub", g.size(x, 2), g.integer(window))
    count = g("Add", g("Div", room, g.integer(hop)), g.integer(1))
    return _frames(g, g.cast(x, np.float64), count, window, hop)


def _scaled_logs(g: Graph, power: str, mean: FloatArray, scale: FloatArray) -> str:
    """Logarithms of powers, none far below the greatest of its channel, scaled by channel."""
    least = g("Mul", g.reduced("Max", power, [2, 3]), g.double(LEAST_POWER))
    floor = g("Max", least, g.double(np.finfo(np.float64).tiny))
    moved = g("Sub", g("Log", g("Max", power, floor)), g.double(mean[:, None, None]))
    return str(g("Div", moved, g.double(scale[:, None, None])))


def _last(g: Graph, step: int) -> tuple[str, str]:
    """The last axis, and steps along it, for slices."""
    return g.integer([-1]), g.integer([step])


#: Operations, by their names.
ONNX_OPERATIONS: Mapping[str, Callable[..., str]] = {
    "affine": _affine,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "identity": _identity,
    "topk": _topk,
    "batchtopk": _batchtopk,
    "jumprelu": _jumprelu,
    "softmax": _softmax,
    "both_signs": _both_signs,
    "normalize": _normalize,
    "contrast": _contrast,
    "one_over_f": _one_over_f,
    "patch": _patch,
    "pool": _pool,
    "waveform": _waveform,
    "spectrogram": _spectrogram,
    "channels": _channels,
    "series_spectrogram": _series_spectrogram,
    "series_spectra": _series_spectra,
}


def added_to(g: Graph, x: str, told: Told) -> str:
    """The value of operations, one after the other, on a value of a graph.

    Pieces that are not pooled become rows, (pieces, k).

    Raises
    ------
    NotComputedError
        If there is no row for an operation.
    """
    for operation in told.operations:
        if operation.name not in ONNX_OPERATIONS:
            raise NotComputedError(f"there are no ONNX operators for {operation.name!r}")
    names = [operation.name for operation in told.operations]
    is_flat = told.takes == "images" and len(told.shape) == 3
    if is_flat or (told.takes == "series" and names[:1] == ["patch"]):
        x = g("Unsqueeze", x, g.integer([3]))
    for operation in told.operations:
        x = ONNX_OPERATIONS[operation.name](g, x, **operation.parameters)
    if "patch" in names and "pool" not in names:
        x = g("Flatten", x, axis=3)
    return x


def label_of(g: Graph, probabilities: str, classes: NDArray[Any]) -> tuple[str, int]:
    """The most probable class of every row, and the type of classes in ONNX."""
    onnx = import_extra("onnx", "onnx")
    if classes.dtype.kind in "UO":
        kind = onnx.TensorProto.STRING
        values = [str(name).encode() for name in classes]
    else:
        kind = onnx.TensorProto.INT64 if classes.dtype.kind in "iub" else onnx.TensorProto.FLOAT
        values = classes.tolist()
    known = f"{probabilities}_classes"
    g.constants.append(onnx.helper.make_tensor(known, kind, [len(classes)], values))
    best = g("ArgMax", probabilities, axis=-1, keepdims=0)
    return str(g("Gather", known, best)), kind
