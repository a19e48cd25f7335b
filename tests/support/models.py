"""A fitted model of every class and branch that model files hold."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline, make_pipeline

from rhohat import (
    LBFGS,
    Adam,
    AnomalyDetector,
    BatchTopK,
    ChannelScaling,
    ContrastNormalizer,
    ConvolutionalFeatures,
    GaussianNoise,
    GradientDescent,
    JumpReLU,
    KLSparsity,
    L0Sparsity,
    L1Sparsity,
    Masking,
    Matryoshka,
    NoSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SeriesSpectra,
    SeriesSpectrogram,
    SparseAutoencoder,
    SparseTranscoder,
    SpectrogramExtractor,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Standardization,
    TopK,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
)
from rhohat.estimators.registry import rows
from rhohat.estimators.saving import load, save
from rhohat.objective.penalties import PENALTIES
from support.cases import make_penalty

X = np.random.RandomState(0).uniform(0.1, 0.9, (60, 6))
X32 = X.astype(np.float32)
TABLE = pd.DataFrame(X, columns=[f"μ{i}" for i in range(6)])
IMAGES = np.random.RandomState(1).uniform(size=(3, 12, 10))
SERIES = np.random.RandomState(3).uniform(-1, 1, size=(3, 1, 400))
COLOR = np.random.RandomState(2).uniform(size=(2, 9, 9, 3))


def autoencoder(**parameters):
    return SparseAutoencoder(4, **{"max_iter": 6, "random_state": 0, "n_jobs": 1, **parameters})


def stack(**parameters):
    return StackedAutoencoder((4, autoencoder()), estimator=autoencoder(), **parameters)


def classifier(estimator, **parameters):
    return StackedAutoencoderClassifier(estimator, max_iter=4, n_jobs=1, **parameters)


def pipeline():
    return Pipeline(
        [
            ("filter", OneOverFWhitening()),
            ("patches", PatchExtractor(3, n_patches=40, random_state=0)),
            ("normalize", PatchNormalizer()),
            ("nothing", "passthrough"),
            ("no more", None),
            ("inner", Pipeline([("whiten", Whitening()), ("units", autoencoder())])),
        ]
    )


#: Labels of 60 rows, of every kind.
LABELS = {
    "numbers": np.arange(60) % 3,
    "texts": np.array(["a", "μ"])[np.arange(60) % 2],
    "bytes": (np.arange(60) % 3).astype(np.uint8),
    "objects": np.array(["a", "μ"], dtype=object)[np.arange(60) % 2],
    "flags": np.arange(60) % 2 == 0,
    "floats": (np.arange(60) % 3 / 2).astype(np.float32) * 2,
}

#: A fitted model of every class and branch, with what it transforms.
CASES = {
    "autoencoder": (autoencoder(), X),
    "float32": (autoencoder(), X32),
    "standardization": (Standardization("columns"), X),
    "named columns": (autoencoder(decoder="sigmoid"), TABLE),
    "tied": (autoencoder(decoder="tied", activation="tanh"), X),
    "kl": (autoencoder(sparsity_penalty=KLSparsity(0.2, 1.5), solver=LBFGS(7)), X),
    "weight found": (autoencoder(sparsity_penalty=KLSparsity(0.2, "auto", 0.3), max_iter=30), X),
    "l1": (autoencoder(sparsity_penalty=L1Sparsity(0.1), solver=GradientDescent()), X),
    "topk": (autoencoder(activation=TopK(2), sparsity_penalty="none"), X),
    "batchtopk": (autoencoder(activation=BatchTopK(1.5), sparsity_penalty="none"), X),
    "matryoshka": (autoencoder(decoder=Matryoshka((1, 3))), X),
    "jumprelu": (autoencoder(activation=JumpReLU(0.3), sparsity_penalty=L0Sparsity(0.02)), X),
    **{
        name: (autoencoder(sparsity_penalty=make_penalty(name)), X)
        for name in PENALTIES
        if name not in ("kl", "l1", "l0", "none")
    },
    "denoising": (autoencoder(corruption=GaussianNoise(0.2, seed=3)), X),
    "masking": (autoencoder(corruption=Masking(0.1)), X32),
    "transcoder": (SparseTranscoder(4, max_iter=6, random_state=0, n_jobs=1), X),
    "none": (autoencoder(sparsity_penalty=NoSparsity(), activation="relu"), X),
    "numpy parameters": (autoencoder(tol=np.float64(1e-3), max_iter=np.int64(5)), X),
    "streamed": (autoencoder(solver=Adam(batch_size=20)), X),
    "stack": (stack(), X),
    "classifier": (classifier(stack(), sparsity_penalty=KLSparsity()), X),
    **{f"classifier of {kind}": (classifier(autoencoder()), TABLE) for kind in LABELS},
    "classifier of topk": (
        classifier(autoencoder(activation=TopK(2), sparsity_penalty="none")),
        X,
    ),
    "frozen": (classifier(FrozenEstimator(autoencoder().fit(X32))), X32),
    "detector": (AnomalyDetector(random_state=0), X),
    "named detector": (AnomalyDetector(autoencoder(), contamination=0.1), TABLE),
    "zca": (Whitening(), X),
    "pca": (Whitening("pca", n_components=0.9), X32),
    "one over f": (OneOverFWhitening(0.3), IMAGES),
    "patches": (PatchExtractor(4, n_patches=20, random_state=3), IMAGES),
    "color patches": (PatchExtractor((4, 3), n_patches=20, random_state=3), COLOR),
    "normalizer": (PatchNormalizer(feature_range=(0.2, 0.8)), X),
    "named normalizer": (PatchNormalizer(), TABLE),
    "contrast": (ContrastNormalizer(epsilon=0.1), TABLE),
    "spectrogram": (SpectrogramExtractor(1000, n_mels=5, normalize="band"), SERIES),
    "waveform": (WaveformExtractor(1000), SERIES),
    "channels": (ChannelScaling(250), SERIES),
    "spectra of series": (SeriesSpectra(64, hop=32), SERIES),
    "spectrogram of series": (SeriesSpectrogram(16, hop=8, rate=250), SERIES),
    "windows of series": (WindowExtractor(7, n_windows=30, random_state=1), SERIES),
    "recordings": (
        Pipeline(
            [
                ("sound", SpectrogramExtractor(1000, n_mels=5)),
                ("windows", WindowExtractor(3, n_windows=40, random_state=0)),
                ("units", autoencoder()),
            ]
        ),
        SERIES,
    ),
    "convolution": (
        ConvolutionalFeatures(pipeline().fit(IMAGES), encoding="soft-threshold"),
        IMAGES,
    ),
    "windows": (ConvolutionalFeatures(pipeline().fit(IMAGES), window=(2, 3)), IMAGES),
    "frozen step": (make_pipeline(FrozenEstimator(Whitening().fit(X)), autoencoder()), X),
    "frozen convolution": (ConvolutionalFeatures(FrozenEstimator(pipeline().fit(IMAGES))), IMAGES),
    "pipeline": (pipeline(), IMAGES),
}
for name, (fitted, data) in CASES.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(getattr(fitted, "solver", None), Adam):
            fitted.partial_fit(data)
        elif isinstance(fitted, StackedAutoencoderClassifier):
            fitted.fit(data, LABELS[name.split()[-1] if data is TABLE else "numbers"])
        elif isinstance(fitted, SparseTranscoder):
            fitted.fit(data, data[:, :3] ** 2)
        else:
            fitted.fit(data)

every_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Where a model file is written."""
    return tmp_path_factory.mktemp("models") / "model.safetensors"


@pytest.fixture(scope="module")
def contents(file):
    """The bytes of a case's file, which is written too."""
    known = {}

    def of(case):
        if case not in known:
            save(CASES[case][0], file)
            known[case] = file.read_bytes()
        file.write_bytes(known[case])
        return known[case]

    return of


def load_bytes(content, file):
    file.write_bytes(content)
    return load(file)


def fitted_attributes(model):
    return {
        name: value
        for name, value in vars(model).items()
        if name.endswith("_") and not name.startswith("_")
    }


def assert_same(a, b):
    """The same class, saved parameters and fitted attributes, to the bit and to the type."""
    assert type(a) is type(b)
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        for left, right in zip(a, b, strict=True):
            assert_same(left, right)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()
    elif type(a).__name__ in rows():
        assert_same(fitted_attributes(a), fitted_attributes(b))
        for name in rows()[type(a).__name__].parameters:
            left, right = getattr(a, name), getattr(b, name)
            if isinstance(left, np.generic):
                left = left.item()
            assert_same(left, right)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for name in a:
            assert_same(a[name], b[name])
    else:
        assert repr(a) == repr(b)


def set_fitted(model, **attributes):
    model = copy.deepcopy(model)
    vars(model).update(attributes)
    return model
