"""
Which units matter most?
========================

With a Matryoshka decoder, the first few units have to reconstruct the data alone, and the next ones
add details. The units are thus in order of importance, and you can shorten the code.
"""

# %%
# Two models of digits have 64 units, of which eight are active. The first has a plain decoder. In
# the second, the first 4 and the first 16 units also have to do without the others.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from rhohat import Matryoshka, SparseAutoencoder, TopK, plot_features

X = load_digits().data / 16
X -= X.mean(axis=0)
decoders = {"plain": "linear", "Matryoshka": Matryoshka((4, 16))}
models = {
    name: SparseAutoencoder(
        64,
        activation=TopK(8),
        decoder=decoder,
        sparsity_penalty="none",
        weight_decay=1e-3,
        random_state=0,
    ).fit(X)
    for name, decoder in decoders.items()
}


def rebuilt(model, n_units):
    codes = model.transform(X)
    codes[:, n_units:] = 0
    return model.inverse_transform(codes)


sizes = range(1, 65)
_, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name, model in models.items():
    explained = [1 - np.mean((rebuilt(model, n) - X) ** 2) / np.mean(X**2) for n in sizes]
    ax.plot(sizes, explained, label=name)
ax.set(xlabel="the first units alone", ylabel="variance explained", xticks=(1, 4, 16, 32, 64))
ax.legend()

# %%
# Ten digits, reconstructed from the first 4, the first 16 and all 64 units. The last row shows the
# digits themselves.
_, axes = plt.subplots(1, 2, figsize=(10, 2.5), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    rows = [rebuilt(model, n)[:10] for n in (4, 16, 64)] + [X[:10]]
    plot_features(np.vstack(rows), n_columns=10, ax=ax)
    ax.set_title(name)

# %%
# **Next:** :doc:`/mathematics` says what is minimized, and :doc:`/which` compares other objectives.
