"""Reference values of loss and gradient, on which two independent public implementations agree.

The inputs are formulas: theta_k = 0.5 sin(k), k = 1.., filled in the order W1 (s2, n), W2 (n, s2),
b1, b2, each row-major; element v of example e, both from 0, is 0.5 + 0.4 cos(e n + v + 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin


@dataclass(frozen=True, eq=False)
class Golden:
    n: int
    s2: int
    m: int
    decay: float
    rho: float
    beta: float
    #: J and norm of the gradient, by decoder.
    expected: dict[str, tuple[float, float]]

    def __str__(self):
        return f"{self.n}-{self.s2}-{self.n}, {self.m} rows, beta {self.beta:g}"

    def network(self):
        """W1, W2, b1, b2."""
        n, s2 = self.n, self.s2
        values = iter(0.5 * sin(k) for k in range(1, 2 * n * s2 + s2 + n + 1))
        W1 = [[next(values) for _ in range(n)] for _ in range(s2)]
        W2 = [[next(values) for _ in range(s2)] for _ in range(n)]
        return W1, W2, [next(values) for _ in range(s2)], [next(values) for _ in range(n)]

    def rows(self):
        """X, one example per row."""
        n = self.n
        return [[0.5 + 0.4 * cos(e * n + v + 1) for v in range(n)] for e in range(self.m)]


#: With a sigmoid hidden layer.
GOLDEN = [
    Golden(6, 4, 5, 1e-3, 0.05, 3, {
        "sigmoid": (6.977139176945401, 4.838618413383613),
        "linear": (8.105886421153471, 5.623545394618416),
    }),
    Golden(8, 5, 10, 3e-3, 0.035, 5, {
        "sigmoid": (16.175388724377292, 9.110924851508747),
        "linear": (18.91357156829919, 10.233696056556063),
    }),
    Golden(64, 25, 10, 1e-4, 0.01, 3, {
        "sigmoid": (52.052637418868464, 6.727272025508831),
        "linear": (100.56047432949792, 23.60500106383227),
    }),
    Golden(6, 4, 5, 0, 0.05, 0, {
        "sigmoid": (0.163576971356818, 0.178537762208669),
        "linear": (1.292324215564888, 2.363792376943289),
    }),
]  # fmt: skip

#: First entries of the gradient of the first case with a sigmoid decoder.
FIRST_ENTRIES = [0.9879332826155413, 0.6547371121704054, 0.2623790470896338, 0.17159128295656453]

#: Check ratio ||num - grad|| / ||num + grad|| of a gradient with the penalty outside f', on the
#: cases with a penalty; its value on the first case.
OUTSIDE_RATIOS = (0.59, 0.90)
OUTSIDE_RATIO_FIRST = 0.611
