"""Which objectives find the atoms that data are made of, at equal numbers of active units.

    python benchmarks/family.py [--torch] [--seeds 1]

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
"""

import argparse
import time
import warnings

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
)

#: Units that may be active for a row, on average, and how near a search for a weight comes.
ACTIVE, NEAR, TRIALS = 3.0, 0.15, 6
KINDS = {
    "independent": {},
    "correlated": {"correlation": 0.3},
    "unequal": {"rates": "power-law"},
}
EPOCHS, BATCH, RATE = 300, 256, 1e-3


def rows_of(k, kind, seed):
    return dictionary_rows(2000, k, 30, 2.5 / k, noise=0.1, seed=12 + seed, **KINDS[kind])


def n_active(A, is_bounded=False):
    least = A.max(axis=0) / 2 if is_bounded else 0
    return float((least < A).sum(axis=1).mean())


def explained(X, X_hat):
    return 1 - float(((X - X_hat) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum())


def autoencoder(k, seed, activation, penalty):
    return SparseAutoencoder(
        k,
        activation=activation,
        sparsity_penalty=penalty,
        weight_decay=1e-4,
        max_iter=100,
        random_state=seed,
    )


def ours(X, model):
    begin = time.process_time()
    model.fit(X)
    seconds = time.process_time() - begin
    A = model.transform(X)
    active = n_active(A, is_bounded=model.activation == "sigmoid")
    return model.decoder_weights_, active, explained(X, model.inverse_transform(A)), seconds


def searched(fit, weight):
    """The fit whose number of active units comes nearest to what is asked, and its weight."""
    tried = []
    for _ in range(TRIALS):
        found = fit(weight)
        tried.append((abs(np.log(max(found[1], 0.01) / ACTIVE)), len(tried), found, weight))
        if tried[-1][0] < NEAR:
            break
        weight *= float(np.clip(found[1] / ACTIVE, 0.3, 3))
    return min(tried)[2:]


def torch_loop(X, k, seed, kind, weight):
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rows = torch.as_tensor(X, dtype=torch.float32)
    d = X.shape[1]
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
            values, units = z.topk(int(ACTIVE), dim=1)
            return torch.zeros_like(z).scatter(1, units, values.relu()), None
        if kind == "jumprelu":
            gate = Step.apply(z, log_t.exp())
            return z.relu() * gate, gate
        return z.relu(), None

    optimizer = torch.optim.Adam([W_enc, W_dec, b_enc, b_dec, log_t], lr=RATE)
    begin = time.process_time()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(rows)).split(BATCH):
            x = rows[batch]
            a, gate = encode(x)
            loss = 0.5 * ((a @ W_dec + b_dec - x) ** 2).sum(1).mean()
            if kind == "l1-decoder-norm":
                loss = loss + weight * (a * W_dec.norm(dim=1)).sum(1).mean()
            if kind == "jumprelu":
                loss = loss + weight * gate.sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.process_time() - begin
    with torch.no_grad():
        A, _ = encode(rows)
        X_hat = A @ W_dec + b_dec
    return W_dec.detach().numpy(), n_active(A.numpy()), explained(X, X_hat.numpy()), seconds


def of_sklearn(X, model, **transform):
    begin = time.process_time()
    model.fit(X)
    seconds = time.process_time() - begin
    A = model.transform(X)
    atoms = model.components_ if not isinstance(model, FastICA) else model.mixing_.T
    X_hat = model.inverse_transform(A) if isinstance(model, FastICA) else A @ atoms
    return atoms, float((A != 0).sum(axis=1).mean()), explained(X, X_hat), seconds


def results(X, k, seed, with_torch):
    """Name and (atoms, active units, explained variance, seconds) of every method."""
    yield "TopK", ours(X, autoencoder(k, seed, TopK(3), "none"))
    yield "BatchTopK", ours(X, autoencoder(k, seed, BatchTopK(3), "none"))
    found, l1 = searched(
        lambda weight: ours(X, autoencoder(k, seed, "relu", DecoderNormL1Sparsity(weight))), 0.05
    )
    yield "L1 times norm", found
    found, l0 = searched(
        lambda weight: ours(X, autoencoder(k, seed, JumpReLU(), L0Sparsity(weight))), 0.01
    )
    yield "JumpReLU, smooth", found
    yield "KL", ours(X, autoencoder(k, seed, "sigmoid", KLSparsity(0.4 * 2.5 / k, 3.0)))
    if with_torch:
        yield "torch: TopK", torch_loop(X, k, seed, "topk", 0.0)
        yield "torch: L1 times norm", torch_loop(X, k, seed, "l1-decoder-norm", l1)
        yield "torch: JumpReLU", torch_loop(X, k, seed, "jumprelu", l0)
    dictionary = MiniBatchDictionaryLearning(
        k, alpha=0.1, random_state=seed, transform_algorithm="omp", transform_n_nonzero_coefs=3
    )
    yield "dictionary learning", of_sklearn(X, dictionary)
    yield "FastICA", of_sklearn(X, FastICA(random_state=seed, whiten="unit-variance", max_iter=500))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch", action="store_true", help="loops of PyTorch, too")
    parser.add_argument("--seeds", type=int, default=1)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| dictionary | method | atoms found | active units | explained | seconds |")
    print("|---|---|---|---|---|---|")
    for k in (50, 120):
        for kind in KINDS:
            for seed in range(chosen.seeds):
                data = rows_of(k, kind, seed)
                for name, (atoms, active, variance, seconds) in results(
                    data.X, k, seed, chosen.torch
                ):
                    print(
                        f"| {k}, {kind} | {name} | {data.recovered(atoms):.2f} | {active:.1f} | "
                        f"{variance:.3f} | {seconds:.1f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    with threadpool_limits(2):
        main()
