"""What each objective makes of the same patches of photographs: docs/images/which.png.

    python benchmarks/which.py [-o docs/images/which.png]

5,000 patches of 8x8 pixels from the ten photographs that come with scikit-image and scikit-learn,
whitened as ``rhohat learn`` whitens them, and 64 units each. A row of the picture is one objective:
the decoder's weights of the 20 units that are active for most patches, or the first 20 where their
order means something, with the number of active units and the variance that all explain.
"""

import argparse
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from rhohat import (
    BatchTopK,
    ContractivePenalty,
    DecoderNormL1Sparsity,
    GroupSparsity,
    JumpReLU,
    KLSparsity,
    L0Sparsity,
    Matryoshka,
    NoSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SmoothL1Sparsity,
    SparseAutoencoder,
    TopK,
    TopographicSparsity,
    load_photographs,
)

SIDE, UNITS, SHOWN = 8, 64, 20
#: Activation, decoder and penalty, and whether units are shown in their own order.
ROWS = {
    "KL, sigmoid": ("sigmoid", "linear", KLSparsity(0.03, 5.0), False),
    "contractive, sigmoid": ("sigmoid", "linear", ContractivePenalty(30.0), False),
    "L1 times norm, relu": ("relu", "linear", DecoderNormL1Sparsity(0.5), False),
    "TopK(5)": (TopK(5), "linear", NoSparsity(), False),
    "BatchTopK(5)": (BatchTopK(5), "linear", NoSparsity(), False),
    "JumpReLU, L0": (JumpReLU(), "linear", L0Sparsity(1.0), False),
    "TopK(5), Matryoshka": (TopK(5), Matryoshka((5, 20)), NoSparsity(), True),
    "smooth L1, relu": ("relu", "linear", SmoothL1Sparsity(0.5), False),
    "groups of 4, relu": ("relu", "linear", GroupSparsity(1.0, 4), True),
    "topographic ring, relu": ("relu", "linear", TopographicSparsity(0.3), True),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--out", default="docs/images/which.png")
    out = parser.parse_args().out
    warnings.simplefilter("ignore")
    patches = make_pipeline(
        OneOverFWhitening(),
        PatchExtractor(SIDE, n_patches=5000, random_state=0),
        PatchNormalizer(),
    )
    X = patches.fit_transform(load_photographs().images)
    X = ((X - X.mean()) / X.std()).astype(np.float32)
    figure, axes = plt.subplots(
        len(ROWS), SHOWN + 1, figsize=(14, 0.62 * len(ROWS)), width_ratios=[5] + SHOWN * [1]
    )
    for (name, (activation, decoder, penalty, in_order)), line in zip(
        ROWS.items(), axes, strict=True
    ):
        model = SparseAutoencoder(
            UNITS,
            activation=activation,
            decoder=decoder,
            sparsity_penalty=penalty,
            weight_decay=1e-2,
            max_iter=150,
            random_state=0,
        ).fit(X)
        A = model.transform(X)
        error = ((model.inverse_transform(A) - X) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
        active = np.abs(A) > np.abs(A).max(axis=0) / (2 if activation == "sigmoid" else 10)
        order = np.arange(UNITS) if in_order else np.argsort(-active.mean(axis=0), kind="stable")
        told = (
            f"{name}\n{active.sum(axis=1).mean():.1f} active, {100 * (1 - error):.0f} % explained"
        )
        print(told.replace("\n", ": "), flush=True)
        line[0].text(0, 0.5, told, va="center", fontsize=9)
        for place, unit in zip(line[1:], order, strict=False):
            weights = model.decoder_weights_[unit].reshape(SIDE, SIDE)
            bound = max(float(np.abs(weights).max()), 1e-12)
            place.imshow(weights, cmap="gray", vmin=-bound, vmax=bound)
        for place in line:
            place.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.995, 0.99, wspace=0.06, hspace=0.12)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
