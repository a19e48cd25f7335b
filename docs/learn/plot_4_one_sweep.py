r"""
4. The two passes, and the one sweep
====================================

No example can be propagated back before :math:`\hat\rho_j` is known, and that takes all examples.
If the activations do not fit into memory, the chapter reads the data twice for every step of
training. But once is enough.
"""

# %%
# Twice, as in the chapter
# ------------------------
# The first pass averages the activations, and the second propagates back. Both work block by block,
# as if only one block fitted into memory. To keep this short, only the gradient of the encoder's
# weights is computed, with a linear decoder.
import numpy as np
from scipy.special import expit

rho, beta = 0.05, 3.0
n, s2, m = 20, 8, 6000
rng = np.random.default_rng(0)
X = rng.standard_normal((m, n))
W1, b1, W2, b2 = (
    rng.standard_normal((s2, n)) / 4,
    np.zeros(s2),
    rng.standard_normal((n, s2)) / 4,
    np.zeros(n),
)


def slope(rho_hat):
    return beta * (-rho / rho_hat + (1 - rho) / (1 - rho_hat))


def back(block):
    """Activations, their derivative, and what reconstruction sends back to the hidden units."""
    A = expit(block @ W1.T + b1)
    return A, A * (1 - A), (A @ W2.T + b2 - block) @ W2


def two_passes(blocks):
    rho_hat = sum(back(block)[0].sum(axis=0) for block in blocks) / m
    gradient = np.zeros_like(W1)
    for block in blocks:
        _, derivative, sent = back(block)
        gradient += ((sent + slope(rho_hat)) * derivative).T @ block
    return gradient / m


# %%
# Once
# ----
# :math:`\hat\rho_j` enters as a single number per unit, the slope :math:`s_j` of the penalty. This
# number can be taken out of the sum,
#
# .. math::
#    \sum_i \big(r_{ij} + s_j\big) f'(z_{ij})\, x_i
#    = \sum_i r_{ij} f'(z_{ij})\, x_i \;+\; s_j \sum_i f'(z_{ij})\, x_i ,
#
# and both sums can be computed in the pass that averages the activations. :math:`s_j` is applied at
# the end.


def one_sweep(blocks):
    total, gradient, direction = np.zeros(s2), np.zeros_like(W1), np.zeros_like(W1)
    m = sum(map(len, blocks))
    for block in blocks:
        A, derivative, sent = back(block)
        total += A.sum(axis=0)
        gradient += (sent * derivative).T @ block
        direction += derivative.T @ block
    return (gradient + slope(total / m)[:, None] * direction) / m


# %%
# The two agree up to rounding, however the rows are divided into blocks:
whole = two_passes([X])
for n_blocks in (1, 2, 7, 60, 600):
    blocks = np.array_split(X, n_blocks)
    difference = np.abs(one_sweep(blocks) - whole).max() / np.abs(whole).max()
    print(f"{n_blocks:4} blocks: largest relative difference {difference:.1e}")

# %%
# Many frameworks use the mean over each *batch* instead. That is a different objective. The smaller
# the batches, the larger the difference:


def mean_of_batches(blocks):
    return sum(len(block) / m * one_sweep([block]) for block in blocks)


import matplotlib.pyplot as plt

sizes, off = [6000, 1000, 300, 100, 30, 10], []
for size in sizes:
    blocks = np.array_split(X, m // size)
    off.append(np.linalg.norm(mean_of_batches(blocks) - whole) / np.linalg.norm(whole))
_, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
ax.semilogx(sizes, off, "o-")
ax.set(xlabel="rows in a batch", ylabel="error of the gradient, relative")

# %%
# One sweep in pictures
# ---------------------
# Any number of threads or machines can compute the blocks, in any order. They send only sums.
_, ax = plt.subplots(figsize=(7.5, 2.6), layout="constrained")
box = {"boxstyle": "round,pad=0.5", "fc": "none", "ec": "tab:blue"}
arrow = {"arrowstyle": "->", "color": "0.5"}
for i in range(4):
    ax.annotate(f"block {i + 1}", (0, 3 - i), ha="center", va="center", bbox=box)
    ax.annotate("", (2.6, 1.5), (0.5, 3 - i), arrowprops=arrow)
sums = r"$\sum a,\ \sum r f' x,\ \sum f' x$"
ax.annotate(sums, (3.6, 1.5), ha="center", va="center", bbox=box)
ax.annotate("", (5.6, 1.5), (4.7, 1.5), arrowprops=arrow)
ax.annotate(r"$s_j$, then $\nabla J$", (6.4, 1.5), ha="center", va="center", bbox=box)
ax.set(xlim=(-0.8, 7.4), ylim=(-0.6, 3.6))
ax.set_axis_off()

# %%
# In rhohat, ``SparseObjective.terms`` computes the sums of a block, ``+=`` adds them, and
# ``finish`` applies the slope. Files of any size, threads and clusters therefore use the same code:
from rhohat import KLSparsity, SparseObjective

objective = SparseObjective(n, s2, penalty=KLSparsity(rho, beta))
theta = objective.pack({"W_enc": W1, "b_enc": b1, "W_dec": W2.T, "b_dec": b2})
total, *others = [objective.terms(block, theta) for block in np.array_split(X, 7)]
for terms in others:
    total += terms
loss, gradient = objective.finish(total, theta)
of_encoder = objective.unpack(gradient)["W_enc"]
print(f"encoder's gradient, largest difference: {np.abs(of_encoder - whole).max():.1e}")

# %%
# **Next:** what has a unit learned? :doc:`plot_5_visualizing`.
