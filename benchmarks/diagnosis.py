"""Whether `diagnose` names planted mistakes, whether its changes remove them, and false alarms.

    python benchmarks/diagnosis.py [--good]

Each mistake is planted in three data sets. Printed are the places at which it is named, and whether
it is gone once the change is made as printed. Then good models, of other data and seeds: what is
said of them, which should be nothing.
"""

import argparse
import warnings

import numpy as np
from choice import genes, pixels, vibration
from dictionaries import dictionary_rows
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    Standardization,
    Whitening,
    choose,
    diagnose,
    load_photographs,
)
from rhohat.estimators.anatomy import Anatomy


def sae(units=50, target=0.02, weight="auto", decay=1e-3, seed=0, **options):
    penalty = KLSparsity(target, weight)
    return SparseAutoencoder(
        units, sparsity_penalty=penalty, weight_decay=decay, random_state=seed, **options
    )


def standardized(*arguments, **options):
    return make_pipeline(Standardization(), sae(*arguments, **options))


def copied(model, X):
    """Units 0 to 4 are those from 5 on."""
    fitted = clone(model).fit(X)
    for name in ("encoder_weights_", "encoder_bias_", "decoder_weights_"):
        values = getattr(fitted[-1], name)
        values[:5] = values[5:10]
    return fitted


def with_labels(X, y):
    return np.column_stack([X[:, :3], y, X[:, 3:]])


def mistakes():
    """Name of the mistake, data set, model and data."""
    digits = load_digits().data
    known = dictionary_rows(noise=0.1, seed=3).X
    gray = pixels(8)
    sets = {
        "digits": digits,
        "dictionary": known,
        "photographs": Whitening(epsilon=0.02).fit_transform(gray),
    }
    for name, X in sets.items():
        yield "range", name, make_pipeline(Standardization(), sae(weight=3.0, decoder="sigmoid")), X
        yield "decay", name, standardized(weight=3.0, decay=0.5), X
        yield "target too low", name, standardized(target=1e-5, weight=3.0, decay=5e-3), X
        absent = SparseAutoencoder(50, sparsity_penalty="none", weight_decay=1e-3, random_state=0)
        yield "penalty", name, make_pipeline(Standardization(), absent), X
        yield "penalty", name, standardized(weight=1e-4), X
        scaled = Standardization().fit_transform(X)
        yield "never fires", name, sae(target=0.05, weight=3.0, decay=1e-4), scaled / 20
        yield "not converged", name, standardized(max_iter=8, weight=3.0), X
        yield "few rows", name, standardized(units=100, weight=3.0, decay=1e-4), X[:150]
        yield "duplicates", name, copied(standardized(weight=3.0), X), X
    tables = {
        "wine": load_wine(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "genes": genes(300),
    }
    for name, (X, y) in tables.items():
        wild = X * np.where(np.arange(X.shape[1]) == 2, 1000, 1) if name == "genes" else X
        yield "scale of columns", name, sae(20, target=0.05, weight=3.0), wild
        columns = make_pipeline(Standardization("columns"), sae(20, weight=3.0))
        yield "labels", name, columns, with_labels(X, y)
        constant = X.copy()
        constant[:, 1] = 7
        yield "constant columns", name, columns, constant
        yield "identical columns", name, columns, np.column_stack([X, 2 * X[:, 1] + 3])
    for name, side in [("8 x 8", 8), ("10 x 10", 10), ("6 x 6", 6)]:
        yield "mean of rows", name, standardized(weight=3.0, target=0.05), pixels(side)
        noisy = pixels(side) + 1e-3 * np.random.default_rng(0).standard_normal((2000, side**2))
        tiny = make_pipeline(Whitening(epsilon=1e-9), sae(weight=3.0, decay=3e-3))
        yield "noise amplified", name, tiny, noisy


def good_models():
    """Name, model and data."""
    digits = load_digits().data
    images = load_photographs().images
    for seed in (5, 6):
        edges = make_pipeline(
            PatchExtractor(10, n_patches=10_000, random_state=seed),
            PatchNormalizer(),
            sae(100, 0.01, 3.0, 1e-4, seed, decoder="sigmoid"),
        )
        yield f"photographs, 1/f, seed {seed}", edges, OneOverFWhitening().fit_transform(images)
        raw = PatchExtractor(8, n_patches=10_000, random_state=seed).fit_transform(images)
        variance = raw.var(axis=0).mean()
        white = make_pipeline(Whitening(epsilon=0.5 * variance), sae(64, 0.035, 5.0, 3e-3, seed))
        yield f"photographs, ZCA, seed {seed}", white, raw
        variance = digits.var(axis=0).mean()
        white = make_pipeline(Whitening(epsilon=0.5 * variance), sae(64, 0.035, 5.0, 3e-3, seed))
        yield f"digits, ZCA, seed {seed}", white, digits
        scaled = sae(64, 0.1, 3.0, 1e-4, seed, decoder="sigmoid")
        yield f"digits, sigmoid decoder, seed {seed}", scaled, digits / 16.0001 + 1e-6
        for name, options in [
            ("dictionary", {}),
            ("many atoms", {"k": 120}),
            ("non-negative", {"atoms": "non-negative", "d": 40}),
            ("power-law rates", {"rates": "power-law"}),
        ]:
            known = dictionary_rows(seed=20 + seed, **options)
            yield (
                f"{name}, chosen, seed {seed}",
                choose(known.X, len(known.atoms), random_state=seed).pipeline_,
                known.X,
            )
        for name, X in [
            ("breast cancer", load_breast_cancer().data),
            ("vibration", vibration(seed)[0]),
        ]:
            yield f"{name}, chosen, seed {seed}", choose(X, random_state=seed).pipeline_, X


def fitted(model, X):
    is_fitted = hasattr(Anatomy.of(model).autoencoder, "loss_")
    return model if is_fitted else clone(model).fit(X)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--good", action="store_true", help="only the good models")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for kind, name, model, X in () if options.good else mistakes():
        model = fitted(model, X)
        found = diagnose(model, X).findings
        kinds = [finding.kind for finding in found]
        place = kinds.index(kind) + 1 if kind in kinds else 0
        told = f"named {place}" if place else "NOT NAMED"
        change = found[place - 1].change if place else None
        if change is not None:
            again = [f.kind for f in diagnose(change.applied(model).fit(X), X).findings]
            told += f", after {change}: {'STILL THERE' if kind in again else 'gone'}"
        print(f"{kind:22s} {name:14s} {told}   {[k for k in kinds if k != kind]}", flush=True)
    alarms = 0
    for name, model, X in good_models():
        diagnosis = diagnose(fitted(model, X), X)
        alarms += not diagnosis.is_good
        told = "; ".join(f"{f.kind} {f.value:.3g}" for f in diagnosis.findings if not f.is_note)
        print(f"good: {name:38s} {told or '-'}   {diagnosis.facts}", flush=True)
    print(f"false alarms: {alarms}")


if __name__ == "__main__":
    main()
