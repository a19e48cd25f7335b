"""The sparse autoencoder in plain loops, straight from the formulas of the lecture notes.

What the package is compared with. It shares no code with it: lists of floats, one example and one
unit at a time, in the notation of the notes, where an index names a unit and a matrix is a list of
rows:

    z2 = W1 x + b1     a2 = f(z2)     z3 = W2 a2 + b2     h = g(z3)      W1 (s2, n)   W2 (n, s2)

A new activation, decoder or penalty of the package needs its formula here. The hidden layer's f and
the penalty's h see all units of an example, a row; most look at one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log, sqrt, tanh
from typing import NamedTuple

Vector = Sequence[float]
Matrix = Sequence[Vector]


def sigmoid(z):
    return 1 / (1 + exp(-z))


#: f(z) and f'(z), the derivative written in z.
FUNCTIONS = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (tanh, lambda z: 1 - tanh(z) * tanh(z)),
    "relu": (lambda z: z if z > 0 else 0.0, lambda z: 1.0 if z > 0 else 0.0),
    "identity": (lambda z: z, lambda z: 1.0),
}


def largest(row: Vector, count: int) -> list[int]:
    """Numbers of the units with the largest inputs; of equal ones, the first."""
    return sorted(range(len(row)), key=lambda j: (-row[j], j))[:count]


def topk(row: Vector) -> list[tuple[float, float]]:
    """A tenth of the units, rounded up, each as a relu unit; all others silent."""
    chosen = largest(row, (len(row) + 9) // 10)
    f, f_slope = FUNCTIONS["relu"]
    return [(f(z), f_slope(z)) if j in chosen else (0.0, 0.0) for j, z in enumerate(row)]


def threshold_of_all(rows: Matrix, weights: Vector, count: float) -> float:
    """The input from which on, in falling order, no more than `count` a row may be above it."""
    ordered = sorted(
        ((z, w) for row, w in zip(rows, weights, strict=True) for z in row), reverse=True
    )
    room, total = count * plain_sum(weights), 0.0
    for z, w in ordered:
        total += w
        if total > room or z <= 0:
            return max(z, 0.0)
    return 0.0


def step(z: float, t: float, tau: float) -> tuple[float, float, float]:
    """H((z - t) / (tau t)), and its derivatives by z and t, for t > 0."""
    return step_at((z - t) / (tau * t), z, t, tau)


def gate_step(z: float, t: float, tau: float) -> tuple[float, float, float]:
    """The same one width earlier."""
    return step_at((z - t) / (tau * t) + 1, z, t, tau)


def step_at(u: float, z: float, t: float, tau: float) -> tuple[float, float, float]:
    if u <= 0:
        return 0.0, 0.0, 0.0
    if u >= 1:
        return 1.0, 0.0, 0.0
    slope = 6 * u * (1 - u)
    return u * u * (3 - 2 * u), slope / (tau * t), -slope * z / (tau * t * t)


#: Values and derivatives of a whole row, where they are not elementwise.
ROW_FUNCTIONS = {"topk": topk}


def activate(hidden: str, row: Vector) -> tuple[list[float], list[float]]:
    """f(z) and f'(z) of all units."""
    if hidden in ROW_FUNCTIONS:
        pairs = ROW_FUNCTIONS[hidden](row)
    else:
        f, f_slope = FUNCTIONS[hidden]
        pairs = [(f(z), f_slope(z)) for z in row]
    return [a for a, _ in pairs], [slope for _, slope in pairs]


#: Output function g, and whether W2 = W1'.
DECODERS = {
    "linear": ("identity", False),
    "sigmoid": ("sigmoid", False),
    "tied": ("identity", True),
    "matryoshka": ("identity", False),
}


def prefixes(decoder: str, n: int) -> list[int]:
    """Numbers of units whose errors are added up."""
    if decoder != "matryoshka":
        return [n]
    return sorted({(n + 7) // 8, (n + 3) // 4, (n + 1) // 2, n})


#: Share of activity as a function of the average activation, and the factor that it brings along.
SHARES = {
    "sigmoid": (lambda average: average, 1.0),
    "tanh": (lambda average: (1 + average) / 2, 0.5),
}


class Penalty(NamedTuple):
    """scale(w, v) value(average of h_j) of one unit, derivatives, and h of an example's row.

    `h` takes the row of activations and j; `h_slope` takes the row, i and j, and gives dh_i / da_j.
    `scale` takes the unit's weights in the encoder and in the decoder; `by_w` and `by_v` are its
    derivatives.
    """

    value: Callable[[float], float]
    slope: Callable[[float], float]
    h: Callable[[Vector, int], float] = lambda row, j: row[j]
    h_slope: Callable[[Vector, int, int], float] = lambda row, i, j: 1.0 if i == j else 0.0
    scale: Callable[[Vector, Vector], float] = lambda w, v: 1.0
    by_w: Callable[[Vector, Vector], Vector] = lambda w, v: [0.0 for _ in w]
    by_v: Callable[[Vector, Vector], Vector] = lambda w, v: [0.0 for _ in v]
    of_gates: bool = False

    def pull(self, row: Vector, slopes: Vector, j: int) -> float:
        """sum_i slope_i dh_i / da_j."""
        return plain_sum(slopes[i] * self.h_slope(row, i, j) for i in range(len(row)))


def kl(hidden: str, target: float, weight: float) -> Penalty:
    rho, beta = target, weight
    share, factor = SHARES[hidden]

    def value(average):
        r = share(average)
        return beta * (rho * log(rho / r) + (1 - rho) * log((1 - rho) / (1 - r)))

    def slope(average):
        r = share(average)
        return beta * factor * (-rho / r + (1 - rho) / (1 - r))

    return Penalty(value, slope)


def elementwise(weight, h, h_slope, **scales) -> Penalty:
    """weight times the average of h(a)."""
    return Penalty(
        lambda average: weight * average,
        lambda average: weight,
        lambda row, j: h(row[j]),
        lambda row, i, j: h_slope(row[j]) if i == j else 0.0,
        **scales,
    )


def size_of(a):
    return a if a > 0 else -a


def sign(a):
    return 1.0 if a > 0 else -1.0


def l1(hidden: str, weight: float) -> Penalty:
    return elementwise(weight, size_of, sign)


def smooth_l1(hidden: str, weight: float, epsilon: float) -> Penalty:
    return elementwise(weight, lambda a: sqrt(a * a + epsilon), lambda a: a / sqrt(a * a + epsilon))


def log_of_square(hidden: str, weight: float) -> Penalty:
    return elementwise(weight, lambda a: log(1 + a * a), lambda a: 2 * a / (1 + a * a))


def norm(row: Vector) -> float:
    return sqrt(plain_sum(x * x for x in row))


def l1_decoder_norm(hidden: str, weight: float) -> Penalty:
    return elementwise(
        weight,
        size_of,
        sign,
        scale=lambda w, v: norm(v),
        by_v=lambda w, v: [x / norm(v) for x in v],
    )


def contractive(hidden: str, weight: float) -> Penalty:
    return elementwise(
        weight,
        lambda a: (a * (1 - a)) ** 2,
        lambda a: 2 * a * (1 - a) * (1 - 2 * a),
        scale=lambda w, v: plain_sum(x * x for x in w),
        by_w=lambda w, v: [2 * x for x in w],
    )


def pooled(weight: float, epsilon: float, near: Callable[[int, int, int], bool], share) -> Penalty:
    """The norm over the units near each; `near` takes two units and their number in all."""

    def root(row, i):
        squares = [a * a for j, a in enumerate(row) if near(i, j, len(row))]
        return sqrt(epsilon + plain_sum(squares))

    return Penalty(
        lambda average: weight * average,
        lambda average: weight,
        lambda row, j: share(len(row)) * root(row, j),
        lambda row, i, j: share(len(row)) * row[j] / root(row, i) if near(i, j, len(row)) else 0.0,
    )


def group(hidden: str, weight: float, size: int | None, epsilon: float) -> Penalty:
    def size_among(n):
        return size or next((s for s in range(2, n) if n % s == 0), n)

    return pooled(
        weight,
        epsilon,
        lambda i, j, n: i // size_among(n) == j // size_among(n),
        lambda n: 1 / size_among(n),
    )


def topographic(hidden: str, weight: float, shape: None, radius: int, epsilon: float) -> Penalty:
    """On a ring."""

    def near(i, j, n):
        return min((i - j) % n, (j - i) % n) <= radius

    return pooled(weight, epsilon, near, lambda n: 1.0)


def l0(hidden: str, weight: float) -> Penalty:
    """Of gates, in place of activations."""
    return Penalty(lambda average: weight * average, lambda average: weight, of_gates=True)


def none(hidden: str) -> Penalty:
    return Penalty(lambda average: 0.0, lambda average: 0.0)


PENALTIES = {
    "kl": kl,
    "l1": l1,
    "smooth-l1": smooth_l1,
    "log": log_of_square,
    "group": group,
    "topographic": topographic,
    "l1-decoder-norm": l1_decoder_norm,
    "contractive": contractive,
    "l0": l0,
    "none": none,
}


def hidden_error(back: float, slope: float, derivative: float) -> float:
    """delta2 = (sum_k W2_kj delta3_k + s_j) f'(z2_j): the notes' formula."""
    return (back + slope) * derivative


class Answer(NamedTuple):
    """Cost, gradient by parameter, and rho_hat."""

    loss: float
    W1: Matrix
    b1: Vector
    W2: Matrix
    b2: Vector
    average: Vector
    t1: Vector


def evaluate(
    W1: Matrix,
    b1: Vector,
    W2: Matrix,
    b2: Vector,
    X: Matrix,
    weights: Vector,
    *,
    hidden: str,
    decoder: str,
    penalty: Penalty,
    decay: float,
    targets: Matrix | None = None,
    t1: Vector = (),
    parameter: float | None = None,
    delta2: Callable[[float, float, float], float] = hidden_error,
) -> Answer:
    """Cost and gradient, example by example. With a tied decoder W2 is W1' and W1 gets all of it.

    `targets` are what h is compared with: the examples themselves if there are none.
    `t1` are thresholds, which count by their absolute values, and `parameter` is the units' own.
    `delta2` can be replaced by a wrong formula, to show that a check tells it from the right one.
    """
    output, tied = DECODERS[decoder]
    g, g_slope = FUNCTIONS[output]
    sizes = prefixes(decoder, len(W1))
    units, inputs, outputs = range(len(W1)), range(len(W1[0])), range(len(W2))
    targets = X if targets is None else targets
    total = 0.0
    for w in weights:
        total += w

    z2s = [[b1[j] + plain_sum(W1[j][v] * x[v] for v in inputs) for j in units] for x in X]
    found = threshold_of_all(z2s, weights, len(W1) / 10 if parameter is None else parameter)
    slope2s, a2s, z3s, gates = [], [], [], []
    average = [0.0 for _ in units]
    loss = 0.0
    for t, w, z2 in zip(targets, weights, z2s, strict=True):
        gate = [(1.0, 0.0, 0.0) for _ in units]
        if hidden == "jumprelu":
            passed = [step(z2[j], abs(t1[j]), parameter) for j in units]
            gate = [gate_step(z2[j], abs(t1[j]), parameter) for j in units]
            a2 = [z2[j] * passed[j][0] for j in units]
            slope2 = [passed[j][0] + z2[j] * passed[j][1] for j in units]
        elif hidden == "batchtopk":
            a2 = [z if z > found else 0.0 for z in z2]
            slope2 = [1.0 if z > found else 0.0 for z in z2]
        else:
            a2, slope2 = activate(hidden, z2)
        z3 = [
            [b2[v] + plain_sum(W2[v][j] * a2[j] for j in range(size)) for v in outputs]
            for size in sizes
        ]
        for z in z3:
            loss += w / total * plain_sum((g(z[v]) - t[v]) ** 2 / 2 for v in outputs)
        for j in units:
            average[j] += w / total * (gate[j][0] if penalty.of_gates else penalty.h(a2, j))
        gates.append(gate)
        slope2s.append(slope2)
        a2s.append(a2)
        z3s.append(z3)

    grad_W1 = [[decay * W1[j][v] for v in inputs] for j in units]
    grad_W2 = [[0.0 if tied else decay * W2[v][j] for j in units] for v in outputs]
    grad_b1 = [0.0 for _ in units]
    grad_b2 = [0.0 for _ in outputs]
    loss += decay / 2 * plain_sum(W1[j][v] ** 2 for j in units for v in inputs)
    if not tied:
        loss += decay / 2 * plain_sum(W2[v][j] ** 2 for j in units for v in outputs)
    slopes = []
    for j in units:
        v_j = [W2[v][j] for v in outputs]
        scale, value = penalty.scale(W1[j], v_j), penalty.value(average[j])
        loss += scale * value
        slopes.append(scale * penalty.slope(average[j]))
        for v in inputs:
            grad_W1[j][v] += value * penalty.by_w(W1[j], v_j)[v]
        for v in outputs:
            grad_W2[v][j] += value * penalty.by_v(W1[j], v_j)[v]

    grad_t1 = [0.0 for _ in t1]
    for n, (x, t, w, slope2, a2, z3) in enumerate(
        zip(X, targets, weights, slope2s, a2s, z3s, strict=True)
    ):
        share = w / total
        delta3 = [[-(t[v] - g(z[v])) * g_slope(z[v]) for v in outputs] for z in z3]
        # Of unit j, over the reconstructions that it takes part in.
        for v in outputs:
            for size, delta in zip(sizes, delta3, strict=True):
                grad_b2[v] += share * delta[v]
                for j in range(size):
                    grad_W2[v][j] += share * delta[v] * a2[j]
        for j in units:
            back = plain_sum(
                W2[v][j] * delta[v]
                for size, delta in zip(sizes, delta3, strict=True)
                for v in outputs
                if j < size
            )
            push = 0.0 if penalty.of_gates else penalty.pull(a2, slopes, j)
            delta = delta2(back, push, slope2[j])
            if hidden == "jumprelu":
                _, _, passed_by_t = step(z2s[n][j], abs(t1[j]), parameter)
                _, gate_by_z, gate_by_t = gates[n][j]
                by_t = (back + push) * z2s[n][j] * passed_by_t
                if penalty.of_gates:
                    delta += slopes[j] * gate_by_z
                    by_t += slopes[j] * gate_by_t
                grad_t1[j] += share * by_t * sign(t1[j])
            grad_b1[j] += share * delta
            for v in inputs:
                grad_W1[j][v] += share * delta * x[v]

    if tied:
        for j in units:
            for v in inputs:
                grad_W1[j][v] += grad_W2[v][j]
    return Answer(loss, grad_W1, grad_b1, grad_W2, grad_b2, average, grad_t1)


def plain_sum(numbers):
    total = 0.0
    for number in numbers:
        total += number
    return total


def classify(
    layers: Sequence[tuple[Matrix, Vector]],
    X: Matrix,
    labels: Sequence[int],
    weights: Vector,
    *,
    hidden: Sequence[str],
    penalties: Sequence[Penalty],
    decay: float,
) -> tuple[float, list[tuple[Matrix, Vector]]]:
    """Cost and gradient of a network with a softmax output, example by example.

    `layers` are (W, b) from the input up; `hidden` and `penalties` belong to all but the last:

        z_l = W_l a_{l-1} + b_l     a_l = f_l(z_l)     p_c = exp(z_c) / sum_k exp(z_k)
        delta of the output = p - 1[y]
        delta_l = (W_{l+1}' delta_{l+1} + penalty slope) f'(z_l)
    """
    total = plain_sum(weights)
    depth = len(hidden)
    examples = []
    for x in X:
        a, zs, activations, slopes = list(x), [], [list(x)], []
        for number, (W, b) in enumerate(layers):
            z = [b[j] + plain_sum(W[j][v] * a[v] for v in range(len(a))) for j in range(len(b))]
            zs.append(z)
            if number < depth:
                a, slope = activate(hidden[number], z)
                activations.append(a)
                slopes.append(slope)
        examples.append((zs, activations, slopes))

    averages = [
        [
            plain_sum(
                w / total * penalties[number].h(activations[number + 1], j)
                for w, (_, activations, _) in zip(weights, examples, strict=True)
            )
            for j in range(len(layers[number][1]))
        ]
        for number in range(depth)
    ]
    loss = 0.0
    for W, _ in layers:
        loss += decay / 2 * plain_sum(entry**2 for row in W for entry in row)
    grads = [([[decay * entry for entry in row] for row in W], [0.0] * len(b)) for W, b in layers]
    pushes = []
    for number in range(depth):
        penalty, (W, _) = penalties[number], layers[number]
        pushes.append([])
        for j, average in enumerate(averages[number]):
            scale, value = penalty.scale(W[j], []), penalty.value(average)
            loss += scale * value
            pushes[-1].append(scale * penalty.slope(average))
            for v, by_w in enumerate(penalty.by_w(W[j], [])):
                grads[number][0][j][v] += value * by_w

    for w, label, (zs, activations, slopes) in zip(weights, labels, examples, strict=True):
        powers = [exp(z) for z in zs[-1]]
        p = [power / plain_sum(powers) for power in powers]
        loss -= w / total * log(p[label])
        delta = [p[c] - (1 if c == label else 0) for c in range(len(p))]
        for number in reversed(range(len(layers))):
            grad_W, grad_b = grads[number]
            for j in range(len(delta)):
                grad_b[j] += w / total * delta[j]
                for v in range(len(activations[number])):
                    grad_W[j][v] += w / total * delta[j] * activations[number][v]
            if number:
                W, below = layers[number][0], number - 1
                delta = [
                    hidden_error(
                        plain_sum(W[j][v] * delta[j] for j in range(len(delta))),
                        penalties[below].pull(activations[number], pushes[below], v),
                        slopes[below][v],
                    )
                    for v in range(len(activations[number]))
                ]
    return loss, grads
