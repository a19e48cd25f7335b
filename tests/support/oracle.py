"""The sparse autoencoder in plain loops, straight from the formulas of the lecture notes.

What the package is compared with. It shares no code with it: lists of floats, one example and one
unit at a time, in the notation of the notes, where an index names a unit and a matrix is a list of
rows:

    z2 = W1 x + b1     a2 = f(z2)     z3 = W2 a2 + b2     h = g(z3)      W1 (s2, n)   W2 (n, s2)

A new activation, decoder or penalty of the package needs its formula here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log, tanh
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

#: Output function g, and whether W2 = W1'.
DECODERS = {
    "linear": ("identity", False),
    "sigmoid": ("sigmoid", False),
    "tied": ("identity", True),
}

#: Share of activity as a function of the average activation, and the factor that it brings along.
SHARES = {
    "sigmoid": (lambda average: average, 1.0),
    "tanh": (lambda average: (1 + average) / 2, 0.5),
}


class Penalty(NamedTuple):
    """penalty(average of h(a)) for one unit, its derivative, and h, h'."""

    value: Callable[[float], float]
    slope: Callable[[float], float]
    h: Callable[[float], float] = lambda a: a
    h_slope: Callable[[float], float] = lambda a: 1.0


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


def l1(hidden: str, weight: float) -> Penalty:
    return Penalty(
        lambda average: weight * average,
        lambda average: weight,
        lambda a: a if a > 0 else -a,
        lambda a: 1.0 if a > 0 else -1.0,
    )


def none(hidden: str) -> Penalty:
    return Penalty(lambda average: 0.0, lambda average: 0.0)


PENALTIES = {"kl": kl, "l1": l1, "none": none}


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
    delta2: Callable[[float, float, float], float] = hidden_error,
) -> Answer:
    """Cost and gradient, example by example. With a tied decoder W2 is W1' and W1 gets all of it.

    `delta2` can be replaced by a wrong formula, to show that a check tells it from the right one.
    """
    f, f_slope = FUNCTIONS[hidden]
    output, tied = DECODERS[decoder]
    g, g_slope = FUNCTIONS[output]
    units, inputs = range(len(W1)), range(len(W2))
    total = 0.0
    for w in weights:
        total += w

    z2s, a2s, z3s = [], [], []
    average = [0.0 for _ in units]
    loss = 0.0
    for x, w in zip(X, weights, strict=True):
        z2 = [b1[j] + plain_sum(W1[j][v] * x[v] for v in inputs) for j in units]
        a2 = [f(z) for z in z2]
        z3 = [b2[v] + plain_sum(W2[v][j] * a2[j] for j in units) for v in inputs]
        loss += w / total * plain_sum((g(z3[v]) - x[v]) ** 2 / 2 for v in inputs)
        for j in units:
            average[j] += w / total * penalty.h(a2[j])
        z2s.append(z2)
        a2s.append(a2)
        z3s.append(z3)

    grad_W1 = [[decay * W1[j][v] for v in inputs] for j in units]
    grad_W2 = [[0.0 if tied else decay * W2[v][j] for j in units] for v in inputs]
    grad_b1 = [0.0 for _ in units]
    grad_b2 = [0.0 for _ in inputs]
    loss += decay / 2 * plain_sum(W1[j][v] ** 2 for j in units for v in inputs)
    if not tied:
        loss += decay / 2 * plain_sum(W2[v][j] ** 2 for j in units for v in inputs)
    for j in units:
        loss += penalty.value(average[j])

    for x, w, z2, a2, z3 in zip(X, weights, z2s, a2s, z3s, strict=True):
        share = w / total
        delta3 = [-(x[v] - g(z3[v])) * g_slope(z3[v]) for v in inputs]
        for v in inputs:
            grad_b2[v] += share * delta3[v]
            for j in units:
                grad_W2[v][j] += share * delta3[v] * a2[j]
        for j in units:
            back = plain_sum(W2[v][j] * delta3[v] for v in inputs)
            slope = penalty.slope(average[j]) * penalty.h_slope(a2[j])
            delta = delta2(back, slope, f_slope(z2[j]))
            grad_b1[j] += share * delta
            for v in inputs:
                grad_W1[j][v] += share * delta * x[v]

    if tied:
        for j in units:
            for v in inputs:
                grad_W1[j][v] += grad_W2[v][j]
    return Answer(loss, grad_W1, grad_b1, grad_W2, grad_b2, average)


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
        a, zs, activations = list(x), [], [list(x)]
        for number, (W, b) in enumerate(layers):
            z = [b[j] + plain_sum(W[j][v] * a[v] for v in range(len(a))) for j in range(len(b))]
            zs.append(z)
            if number < depth:
                a = [FUNCTIONS[hidden[number]][0](value) for value in z]
                activations.append(a)
        examples.append((zs, activations))

    averages = [
        [
            plain_sum(
                w / total * penalties[number].h(activations[number + 1][j])
                for w, (_, activations) in zip(weights, examples, strict=True)
            )
            for j in range(len(layers[number][1]))
        ]
        for number in range(depth)
    ]
    loss = plain_sum(
        penalties[number].value(average) for number in range(depth) for average in averages[number]
    )
    for W, _ in layers:
        loss += decay / 2 * plain_sum(entry**2 for row in W for entry in row)
    grads = [([[decay * entry for entry in row] for row in W], [0.0] * len(b)) for W, b in layers]

    for w, label, (zs, activations) in zip(weights, labels, examples, strict=True):
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
                penalty, f_slope = penalties[below], FUNCTIONS[hidden[below]][1]
                delta = [
                    hidden_error(
                        plain_sum(W[j][v] * delta[j] for j in range(len(delta))),
                        penalty.slope(averages[below][v]) * penalty.h_slope(activations[number][v]),
                        f_slope(zs[below][v]),
                    )
                    for v in range(len(activations[number]))
                ]
    return loss, grads
