"""Models that are exported, their data in float32, and what they make of data."""

import warnings

import numpy as np
from skimage import data
from sklearn.datasets import load_digits, load_wine
from sklearn.pipeline import make_pipeline

from rhohat import (
    BatchTopK,
    ChannelScaling,
    ContrastNormalizer,
    ConvolutionalFeatures,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SeriesSpectra,
    SeriesSpectrogram,
    SparseAutoencoder,
    SpectrogramExtractor,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Standardization,
    TopK,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
)
from rhohat.estimators.anatomy import Anatomy
from support.sounds import RATE, chirp

DIGITS = (load_digits().data / 16).astype(np.float32)
WINE = load_wine().data.astype(np.float32)
GRAY = (data.camera()[64:320:2, 64:320:2].reshape(2, 64, 128) / 255).astype(np.float32)
COLOR = (data.coffee()[100:196, 200:260].reshape(2, 48, 60, 3) / 255).astype(np.float32)
RECORDINGS = np.stack([chirp(), chirp()[::-1] * np.linspace(0, 1, len(chirp()))]).astype(np.float32)
RECORDINGS += 0.05 * np.random.RandomState(0).standard_normal(RECORDINGS.shape).astype(np.float32)
SERIES = np.stack([RECORDINGS, np.cumsum(RECORDINGS, axis=1)], axis=1)


def units(n=12, **parameters):
    usual = {"max_iter": 15, "random_state": 0, "weight_decay": 3e-4}
    return SparseAutoencoder(n, **{**usual, **parameters})


def patches(size=6, **parameters):
    return PatchExtractor(size, n_patches=600, random_state=0, **parameters)


def windows(length):
    return WindowExtractor(length, n_windows=200, random_state=0)


def color_patches():
    return make_pipeline(patches((5, 4)), ContrastNormalizer(), Whitening(epsilon=0.1), units())


#: Models by their names, not fitted, and their data.
MODELS = {
    "autoencoder": (units(), DIGITS),
    "relu": (units(activation="relu", sparsity_penalty="l1"), DIGITS),
    "topk": (units(activation=TopK(3), sparsity_penalty="none"), DIGITS),
    "batchtopk": (units(activation=BatchTopK(3), sparsity_penalty="none"), DIGITS),
    "jumprelu": (units(activation="jumprelu", sparsity_penalty="l0"), DIGITS),
    "whitened": (make_pipeline(Whitening(), units()), WINE),
    "tanh, tied": (
        make_pipeline(Standardization(), units(activation="tanh", decoder="tied")),
        WINE,
    ),
    "standardized and whitened": (
        make_pipeline(Standardization("columns"), Whitening("pca", n_components=6), units()),
        WINE,
    ),
    "normalized": (make_pipeline(PatchNormalizer(), units(decoder="sigmoid")), DIGITS),
    "contrast": (make_pipeline(ContrastNormalizer(), Whitening(), units()), DIGITS),
    "affine, then not": (make_pipeline(Standardization(), ContrastNormalizer(), units()), DIGITS),
    "whitening alone": (Whitening(), DIGITS),
    "stack": (make_pipeline(Whitening(), StackedAutoencoder((12, 5), estimator=units())), DIGITS),
    "patches": (
        make_pipeline(OneOverFWhitening(), patches(), PatchNormalizer(), units(decoder="sigmoid")),
        GRAY,
    ),
    "color patches": (color_patches(), COLOR),
    "whole images": (
        make_pipeline(PatchExtractor(None), Whitening(), units()),
        DIGITS.reshape(-1, 8, 8),
    ),
    "convolution": (
        ConvolutionalFeatures(
            make_pipeline(patches(), Whitening(), units()), pooling=("mean", "max"), grid=(3, 2)
        ),
        GRAY,
    ),
    "convolution of color": (
        ConvolutionalFeatures(
            color_patches(), encoding="soft-threshold", threshold=0.25, pooling="sum", stride=3
        ),
        COLOR,
    ),
    "convolution of windows": (
        ConvolutionalFeatures(
            make_pipeline(
                SpectrogramExtractor(RATE, n_mels=12), windows(8), Whitening(epsilon=0.3), units()
            ),
            pooling=("mean", "max"),
            grid=3,
        ),
        RECORDINGS,
    ),
    "pooled by windows": (
        ConvolutionalFeatures(
            make_pipeline(patches(), Whitening(), units(), units(5)), window=(9, 20), stride=2
        ),
        GRAY,
    ),
    "spectrogram": (
        make_pipeline(SpectrogramExtractor(RATE, n_mels=12), windows(5), Whitening(), units()),
        RECORDINGS,
    ),
    "spectrogram by band": (
        make_pipeline(SpectrogramExtractor(RATE, n_mels=9, normalize="band"), windows(4), units()),
        RECORDINGS,
    ),
    "spectrogram as it is": (
        make_pipeline(
            SpectrogramExtractor(RATE, n_mels=9, normalize="none"), windows(4), Whitening(), units()
        ),
        RECORDINGS,
    ),
    "waveform": (
        make_pipeline(WaveformExtractor(RATE), windows(40), Whitening(), units()),
        RECORDINGS,
    ),
    "series": (make_pipeline(windows(30), Whitening(), units()), SERIES),
    "series, every window": (
        make_pipeline(
            ChannelScaling(), WindowExtractor(40, n_windows=None, stride=17), Whitening(), units()
        ),
        SERIES,
    ),
    "spectra of series": (
        make_pipeline(
            SeriesSpectra(256, hop=100),
            WindowExtractor(32, n_windows=None, stride=32),
            Whitening(),
            units(),
        ),
        SERIES,
    ),
    "spectrogram of series": (
        make_pipeline(SeriesSpectrogram(64, hop=32), windows(6), Whitening(), units()),
        SERIES,
    ),
    "classifier": (
        make_pipeline(
            Whitening(), StackedAutoencoderClassifier(StackedAutoencoder((12, 8)), max_iter=15)
        ),
        DIGITS,
    ),
}


def fitted(name):
    """A model, fitted in double precision, and its data in single precision."""
    model, X = MODELS[name]
    labels = load_digits().target if "classifier" in name else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X.astype(np.float64), labels), X


def made_by(model, X):
    """What a model makes of data; of all pieces, where it would draw some at random."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    anatomy = Anatomy.of(model)
    if anatomy.extractor is None or isinstance(model, ConvolutionalFeatures):
        return np.asarray(model.transform(X))
    wholes = anatomy.filtered(list(anatomy.takes.each(X)))
    rows = [
        anatomy.extractor._every(whole).reshape(-1, int(np.prod(anatomy.extractor.patch_shape_)))
        for whole in wholes
    ]
    rows = np.concatenate(rows)
    for step in [*anatomy.of_rows, *anatomy.units]:
        rows = step.transform(rows)
    return np.asarray(rows)
