"""The exercises of the UFLDL tutorial: each a recipe whose results stand beside the published ones.

Settings are those of the exercises, but where they were chosen anew on data held out: for
self-taught learning and the stack. `small` is the same recipe in seconds, for trials and tests.
"""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.files.splits import EXPECTED, Split, load_split
from rhohat.recipes.finding import find_to_learn
from rhohat.recipes.pipelines import make_pipeline
from rhohat.recipes.settings import Settings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.recipes.data import Data, Request

T = TypeVar("T")

#: Accuracies by what was classified, and the model that learned the features.
Accuracies = Iterator[tuple[str, float, Any]]
#: Images of scikit-learn's digits that the small recipes learn from.
SMALL_TRAIN = 1200


class Measure(NamedTuple):
    """A result beside the published one; either may be empty."""

    what: str
    published: str
    found: str


class Wanted(NamedTuple):
    """How to do an exercise.

    Attributes
    ----------
    small : bool, default=False
        Whether to take less of everything.
    seed : int, default=0
    classes : tuple of str, default=()
        Labels of the images to keep; empty for all.
    whitened : bool, default=False
        Whether photographs are whitened already.
    """

    small: bool = False
    seed: int = 0
    classes: tuple[str, ...] = ()
    whitened: bool = False


class Outcome(NamedTuple):
    """What an exercise came to.

    Attributes
    ----------
    measures : list of Measure
    model : estimator
        What learned the features.
    shape : tuple of int or None
        (height, width) of its rows, if these are pictures.
    """

    measures: list[Measure]
    model: BaseEstimator
    shape: tuple[int, ...] | None = None


class Task(NamedTuple):
    """An exercise, with the data it is about to be done on.

    Attributes
    ----------
    data : Data or None
        To be read before; None if it is there.
    words : str
        What the data are.
    run : callable
        ``run(callback)``, which learns: ``Outcome``.
    """

    data: Data | None
    words: str
    run: Callable[[Any], Outcome]


@dataclass(frozen=True)
class Exercise(ABC):
    """One exercise.

    Attributes
    ----------
    title : str
        What is done, in a line.
    published : mapping of str to str
        Results by what was measured.
    source : str
        Where they were published, and on which data.
    """

    title: str
    published: Mapping[str, str]
    source: str

    @abstractmethod
    def task(self, request: Request, wanted: Wanted) -> Task:
        """Find the data, and say what is to be done.

        Parameters
        ----------
        request : Request
        wanted : Wanted

        Raises
        ------
        ValueError
            If there are no such data.
        """

    def _measures(self, found: Mapping[str, str], seconds: float) -> list[Measure]:
        """What was found beside what was published, and the time."""
        found = {**found, "time": duration(seconds)}
        return [Measure(name, self.published.get(name, ""), text) for name, text in found.items()]


@dataclass(frozen=True)
class Learning(Exercise):
    """An exercise in which features are learned from images, and looked at.

    Attributes
    ----------
    settings : Settings
    small : mapping
        Settings of the small recipe that differ.
    """

    settings: Settings
    small: Mapping[str, Any]

    def task(self, request: Request, wanted: Wanted) -> Task:
        """The task: see `Exercise.task`."""
        if wanted.classes:
            raise ValueError(
                "--classes selects images by label, but this exercise takes no labels: leave it "
                "out."
            )
        settings = replace(self.settings, seed=wanted.seed, **(self.small if wanted.small else {}))
        if wanted.whitened:
            settings = replace(settings, whitening="none")
        data, settings = find_to_learn(request, settings)

        def run(callback: Any) -> Outcome:
            pipeline = make_pipeline(
                settings, data.kind, variance=data.variance(), callback=callback
            )
            _, seconds = _timed(lambda: pipeline.fit(data.content))
            return Outcome(self._measures(_training(pipeline[-1]), seconds), pipeline)

        words = f"{settings.patches:,} patches of {data.n_examples:,} {data.noun}s"
        return Task(data, words, run)


@dataclass(frozen=True)
class Digits(Exercise):
    """An exercise in which whole images are rows, as MNIST's digits are.

    Attributes
    ----------
    learn : callable
        ``learn(images, labels, n_train, seed=, small=, callback=)`` yields what was measured, the
        result (a share, or a text), and the model.
    """

    learn: Callable[..., Iterator[tuple[str, Any, Any]]]

    def task(self, request: Request, wanted: Wanted) -> Task:
        """The task: see `Exercise.task`."""
        if wanted.whitened:
            raise ValueError("--whitened is for exercises that whiten photographs: leave it out.")
        split, name = labeled(request.paths, small=wanted.small)
        if wanted.classes:
            split = split.of_classes(wanted.classes)
        n_test = len(split.images) - split.n_train
        words = f"{split.n_train:,} and {n_test:,} images of {name}"

        def run(callback: Any) -> Outcome:
            options = {"seed": wanted.seed, "small": wanted.small, "callback": callback}
            found, seconds = _timed(lambda: list(self.learn(*split, **options)))
            texts = {
                what: result if isinstance(result, str) else f"{100 * result:.2f} %"
                for what, result, _ in found
            }
            shape = split.images.shape[1:]
            return Outcome(self._measures(texts, seconds), found[-1][2], shape)

        return Task(None, words, run)


def labeled(paths: Any, *, small: bool) -> tuple[Split, str]:
    """Labeled images in files, or scikit-learn's digits, and what they are.

    Raises
    ------
    ValueError
        If no files are given, and the recipe is not small.
    """
    if paths:
        split = load_split([Path(path) for path in paths])
        name = Path(paths[0]).name
        if small:
            kept = np.r_[: min(2000, split.n_train), split.n_train : split.n_train + 1000]
            kept = kept[kept < len(split.images)]
            split = Split(split.images[kept], split.labels[kept], min(2000, split.n_train))
    elif small:
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = (digits.images / 16).astype(np.float32)
        split, name = (
            Split(images, digits.target, SMALL_TRAIN),
            "scikit-learn's digits, 8 x 8 pixels",
        )
    else:
        raise ValueError(
            f"this exercise needs labeled images: {EXPECTED}. With --small, it uses scikit-learn's "
            "digits."
        )
    return split, name


def self_taught(
    images: FloatArray,
    y: NDArray[Any],
    n_train: int,
    *,
    seed: int,
    small: bool = False,
    held_out: bool = False,
    callback: Any = None,
) -> Accuracies:
    """Classify the lower half of the classes by features learned from the upper half, unlabeled.

    Of the lower classes' training images the first half teaches the classifier and the second half
    is recognized; with `held_out`, the last third of the first half.
    """
    from sklearn.frozen import FrozenEstimator
    from sklearn.pipeline import make_pipeline

    X, y = images[:n_train].reshape(n_train, -1), y[:n_train]
    classes = np.unique(y)
    is_upper = y >= classes[len(classes) // 2]
    unlabeled, X, y = X[is_upper], X[~is_upper], y[~is_upper]
    end = len(y) // 2
    stop = end if held_out else len(y)
    end = 2 * end // 3 if held_out else end
    encoder = _autoencoder(
        64 if small else 400,
        target=0.1 if small else 0.05,
        weight_decay=1e-4 if small else 1e-3,
        random_state=seed,
        callback=callback,
    ).fit(unlabeled)
    for name, model in (
        ("softmax on features", make_pipeline(FrozenEstimator(encoder), _softmax(20))),
        ("softmax on pixels", _softmax(0.1)),
    ):
        yield name, model.fit(X[:end], y[:end]).score(X[end:stop], y[end:stop]), encoder


def stacked(
    images: FloatArray,
    y: NDArray[Any],
    n_train: int,
    *,
    seed: int,
    small: bool = False,
    callback: Any = None,
) -> Accuracies:
    """Classify by two autoencoders and a softmax layer, before they are fine-tuned and after."""
    from sklearn.frozen import FrozenEstimator

    from rhohat.estimators.classifier import StackedAutoencoderClassifier
    from rhohat.estimators.stack import StackedAutoencoder

    X = images.reshape(len(images), -1)
    layer = _autoencoder(
        target=0.1,
        weight_decay=1e-3 if small else 3e-3,
        max_iter=100 if small else 150,
        callback=callback,
    )
    sizes = (50, 50) if small else (200, 200)
    stack = StackedAutoencoder(sizes, estimator=layer, random_state=seed).fit(X[:n_train])
    for name, max_iter in (("before fine-tuning", 0), ("after fine-tuning", 80)):
        model = StackedAutoencoderClassifier(
            FrozenEstimator(stack), weight_decay=3e-5, max_iter=max_iter, tol=0
        ).fit(X[:n_train], y[:n_train])
        yield name, model.score(X[n_train:], y[n_train:]), stack


def vectorized(
    images: FloatArray,
    y: NDArray[Any],
    n_train: int,
    *,
    seed: int,
    small: bool = False,
    callback: Any = None,
) -> Iterator[tuple[str, str, Any]]:
    """Learn from the first 10,000 images, whole."""
    model = _autoencoder(
        36 if small else 196,
        target=0.1,
        weight_decay=3e-3,
        max_iter=60 if small else 400,
        random_state=seed,
        callback=callback,
    ).fit(images[: min(10_000, n_train)].reshape(-1, images[0].size))
    for what, text in _training(model).items():
        yield what, text, model


def convolution(
    images: FloatArray,
    y: NDArray[Any],
    n_train: int,
    *,
    seed: int,
    small: bool = False,
    callback: Any = None,
) -> Accuracies:
    """Classify images by features of their patches, averaged over a grid of 3 x 3 cells."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.estimators.convolution import ConvolutionalFeatures
    from rhohat.objective.penalties import KLSparsity
    from rhohat.preprocessing.extractors import PatchExtractor
    from rhohat.preprocessing.whitening import Whitening

    patches = make_pipeline(
        PatchExtractor(4 if small else 8, n_patches=4000 if small else 100_000, random_state=seed),
        Whitening(epsilon=0.01 if small else 0.03),
        SparseAutoencoder(
            49 if small else 400,
            sparsity_penalty=KLSparsity(target=0.035, weight=5),
            weight_decay=3e-3,
            max_iter=60 if small else 100,
            random_state=seed,
            callback=callback,
        ),
    )
    features = ConvolutionalFeatures(patches, grid=3).fit(images[:n_train])
    pixels = images.reshape(len(images), -1)
    for name, X in (
        ("softmax on pooled features", features.transform(images)),
        ("softmax on pixels", pixels),
    ):
        linear = make_pipeline(StandardScaler(), _softmax(0.01))
        yield (
            name,
            linear.fit(X[:n_train], y[:n_train]).score(X[n_train:], y[n_train:]),
            features.model_,
        )


def _autoencoder(*n_units: int, target: float, **settings: Any) -> SparseAutoencoder:
    """An autoencoder as the exercises on MNIST have it."""
    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.objective.penalties import KLSparsity

    penalty = KLSparsity(target=target, weight=3)
    return SparseAutoencoder(*n_units, decoder="sigmoid", sparsity_penalty=penalty, **settings)


def _softmax(C: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, max_iter=300)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """What comes of it, and seconds."""
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a budget of iterations is used up
        made = work()
    return made, time.perf_counter() - begun


def _training(model: Any) -> dict[str, str]:
    """What training came to."""
    average = model.average_activation_
    return {
        "loss J": f"{model.loss_:.4f}",
        "average activation": f"{average.min():.4f} to {average.max():.4f}",
    }


def duration(seconds: float) -> str:
    """Seconds in words."""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


_TUTORIAL = "UFLDL tutorial, "
#: Exercises by their names.
EXERCISES: dict[str, Exercise] = {
    "sparse-autoencoder": Learning(
        "64-25-64, sigmoid decoder, rho 0.01, beta 3, lambda 1e-4, 400 iterations",
        {
            "loss J": "0.447 to 0.450",
            "average activation": "0.01",
            "time": "under 1 min",
            "units": "edges",
        },
        _TUTORIAL
        + "exercise Sparse Autoencoder, on Olshausen's ten photographs (IMAGES.mat --whitened); "
        "on other photographs, the loss differs",
        Settings(units=25, patch_size=8, patches=10_000, iterations=400),
        {"patches": 2000, "iterations": 60},
    ),
    "vectorized": Digits(
        "196 units, sigmoid decoder, rho 0.1, beta 3, lambda 3e-3, 400 iterations",
        {"average activation": "0.1", "time": "15 to 20 min", "units": "pen strokes"},
        _TUTORIAL + "exercise Vectorization: the first 10,000 images of MNIST",
        vectorized,
    ),
    "color": Learning(
        "192-400-192, linear decoder, rho 0.035, beta 5, lambda 3e-3, 400 iterations",
        {
            "average activation": "0.035",
            "time": "45 min",
            "units": "edges and opponent colors",
        },
        _TUTORIAL + "exercise Learning color features with Sparse Autoencoders: STL-10",
        Settings(units=400, patch_size=8, color=True, patches=100_000, iterations=400),
        {"units": 36, "patches": 3000, "iterations": 60},
    ),
    "self-taught": Digits(
        "400 units, rho 0.05, beta 3, lambda 1e-3, learned from the classes 5 to 9 without labels; "
        "softmax on half of the classes 0 to 4",
        {"softmax on features": "98.3 %", "softmax on pixels": "96.7 %", "time": "25 min"},
        _TUTORIAL + "exercise Self-Taught Learning: MNIST",
        self_taught,
    ),
    "stacked": Digits(
        "784-200-200-10, rho 0.1, beta 3, lambda 3e-3, then fine-tuned as a whole",
        {"before fine-tuning": "87.7 %", "after fine-tuning": "97.6 %"},
        _TUTORIAL + "exercise Implement deep networks for digit classification: MNIST",
        stacked,
    ),
    "convolution": Digits(
        "400 units on patches of 8 x 8 pixels, rho 0.035, beta 5, lambda 3e-3, at every position; "
        "mean pooling, softmax",
        {"softmax on pooled features": "about 80 %"},
        _TUTORIAL + "exercise Convolution and Pooling: four classes of STL-10, 64 x 64 pixels",
        convolution,
    ),
}
