"""Recipes: which preprocessing, decoder and penalty go together for which data.

`Settings` leaves open what depends on the data and on the whitening; `complete` fills it in from
one row of `RECIPES`, and `make_pipeline` builds the scikit-learn pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rhohat.common.validation import look_up
from rhohat.objective.activations import ACTIVATIONS

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from rhohat.training.run import IterationCallback

__all__ = ["RECIPES", "Recipe", "Settings", "complete", "make_pipeline"]


#: What recordings are taken as, and what that means unless the user says so.
SOUNDS: dict[str, dict[str, Any]] = {
    "spectrogram": {"length": 0.1, "mels": 40, "window": 0.025, "hop": 0.01},
    "waveform": {"length": 0.008},
}


class Recipe(NamedTuple):
    """What goes with a kind of whitening unless the user says otherwise.

    Attributes
    ----------
    decoder : str
    target, sparsity_weight, weight_decay : float
        rho, beta and lambda.
    epsilon : float or None
        For PCA and ZCA, as a share of the data's mean variance.
    """

    decoder: str
    target: float
    sparsity_weight: float
    weight_decay: float
    epsilon: float | None = None


#: The notes' recipe for patches that end up in [0.1, 0.9], and that for PCA or ZCA with a linear
#: decoder. There epsilon lies above the tail of the eigenvalues of patches: with a fifth of it,
#: gray and colour photographs gave noise.
_NORMALIZED = Recipe("sigmoid", 0.01, 3.0, 1e-4)
_WHITENED = Recipe("linear", 0.035, 5.0, 3e-3, epsilon=0.5)
#: Of windows of recordings, which have a standard deviation of about 1: chosen on spoken digits.
_SOUND = {
    "spectrogram": _WHITENED._replace(epsilon=0.2),
    "waveform": _WHITENED._replace(target=0.01, epsilon=1.0),
}
RECIPES: dict[str, Recipe] = {
    "1/f": _NORMALIZED,
    "zca": _WHITENED,
    "pca": _WHITENED,
    "none": _NORMALIZED,
}


@dataclass(frozen=True)
class Settings:
    """What a user chooses; None is filled in by `complete`.

    Attributes
    ----------
    units, activation, decoder, weight_decay, iterations, threads
        The autoencoder's n_components, activation, decoder, weight_decay, max_iter, n_jobs.
    penalty, target, sparsity_weight
        Name of the sparsity penalty, and its target and weight where it has them. None: KL, or L1
        where the activation's range is unbounded.
    whitening : {"1/f", "zca", "pca", "none"} or None
        None: 1/f for gray images, ZCA for colour images and for rows.
    epsilon : float or None
        Of PCA and ZCA, as a share of the data's mean variance.
    color : bool
        Whether images are read in colour.
    patch_size : int, "whole" or None
        Side of patches cut out of images, or images whole. None: 10, or whole where each was a row.
    patches : int
        How many; of recordings, windows.
    sound : {"spectrogram", "waveform"} or None
        What recordings are taken as. None: spectrograms.
    rate : int or None
        Samples per second that recordings are brought to. None: their lowest, at most 16,000.
    mels : int or None
        Bands of spectrograms. None: 40.
    window, hop : float or None
        Seconds of sound in a spectrum, and from one to the next. None: 0.025 and 0.01.
    length : float or None
        Seconds of sound that a unit sees. None: 0.1, or 0.008 of waveforms.
    seed : int
    """

    units: int = 100
    activation: str = "sigmoid"
    decoder: str | None = None
    penalty: str | None = None
    target: float | None = None
    sparsity_weight: float | None = None
    weight_decay: float | None = None
    whitening: str | None = None
    epsilon: float | None = None
    color: bool = False
    patch_size: int | str | None = None
    patches: int = 30_000
    sound: str | None = None
    rate: int | None = None
    mels: int | None = None
    window: float | None = None
    hop: float | None = None
    length: float | None = None
    iterations: int = 260
    seed: int = 0
    threads: int | None = None


def complete(settings: Settings, kind: str, *, rows_are_images: bool = False) -> Settings:
    """Fill in what is open, for data of a kind.

    Parameters
    ----------
    settings : Settings
    kind : {"images", "rows", "recordings"}
    rows_are_images : bool, default=False
        Whether each image was a row.

    Raises
    ------
    ValueError
        If two settings, or a setting and the data, do not go together.
    """
    whitening = settings.whitening
    if whitening is None:
        whitening = "1/f" if kind == "images" and not settings.color else "zca"
    recipe = look_up("whitening", whitening, RECIPES)
    data = {"rows": "rows of numbers", "recordings": "recordings"}.get(kind, kind)
    if kind != "images" and whitening == "1/f":
        raise ValueError(
            f"1/f whitening filters images, but the data are {data}: choose zca or pca."
        )
    if kind == "recordings":
        sound = settings.sound or "spectrogram"
        usual = look_up("sound", sound, SOUNDS)
        if whitening != "none":
            recipe = _SOUND[sound]
        for name in SOUNDS["spectrogram"]:
            if name not in usual and getattr(settings, name) is not None:
                raise ValueError(f"{name} belongs to spectrograms, but the sound is a {sound}.")
        filled_in = {name: _first(getattr(settings, name), usual[name]) for name in usual}
        settings = replace(settings, sound=sound, **filled_in)
    else:
        for name in ("sound", "rate", *SOUNDS["spectrogram"]):
            if getattr(settings, name) is not None:
                raise ValueError(f"{name} belongs to recordings, but the data are {data}.")
    if kind != "images":
        for name in ("color", "patch_size"):
            if getattr(settings, name):
                raise ValueError(f"{name} belongs to images, but the data are {data}.")
    elif settings.patch_size is None:
        settings = replace(settings, patch_size="whole" if rows_are_images else 10)
    if settings.epsilon is not None and recipe.epsilon is None:
        raise ValueError(f"epsilon belongs to zca and pca, but the whitening is {whitening}.")
    if not _normalizes(replace(settings, whitening=whitening), kind):
        recipe = recipe._replace(decoder="linear")
    activation = look_up("activation", settings.activation, ACTIVATIONS)
    penalty = settings.penalty or ("kl" if activation.is_bounded else "l1")
    filled = replace(
        settings,
        penalty=penalty,
        whitening=whitening,
        decoder=settings.decoder or recipe.decoder,
        weight_decay=_first(settings.weight_decay, recipe.weight_decay),
        epsilon=_first(settings.epsilon, recipe.epsilon),
    )
    known = {
        "kl": {"target": recipe.target, "sparsity_weight": recipe.sparsity_weight},
        "l1": {"sparsity_weight": 1.0},
    }.get(penalty, {})
    for name in ("target", "sparsity_weight"):
        value = getattr(settings, name)
        if value is not None and name not in known:
            raise ValueError(f"{name} has no meaning for the penalty {penalty!r}.")
        filled = replace(filled, **{name: _first(value, known.get(name))})
    return filled


def make_pipeline(
    settings: Settings,
    kind: str,
    *,
    variance: float = 1.0,
    callback: IterationCallback | None = None,
    run: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Images, rows or recordings to activations of a sparse autoencoder.

    Parameters
    ----------
    settings : Settings
        Complete.
    kind : {"images", "rows", "recordings"}
    variance : float, default=1.0
        The data's mean variance, which epsilon is a share of.
    callback : callable, default=None
        Told of every iteration.
    run : mapping, default=None
        Parameters of the autoencoder that say how it is trained, and not what: engine, checkpoint.
    """
    from sklearn.pipeline import Pipeline

    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.objective.penalties import PENALTIES
    from rhohat.preprocessing.extractors import PatchExtractor
    from rhohat.preprocessing.filters import OneOverFWhitening
    from rhohat.preprocessing.normalizers import PatchNormalizer
    from rhohat.preprocessing.whitening import Whitening

    steps: list[tuple[str, BaseEstimator]] = []
    if settings.whitening == "1/f":
        steps.append(("whitening", OneOverFWhitening()))
    if kind == "images":
        size = settings.patch_size
        extractor = PatchExtractor(
            None if isinstance(size, str) else size,
            n_patches=settings.patches,
            random_state=settings.seed,
        )
        steps.append(("patches", extractor))
    if kind == "recordings":
        steps += _steps_of_sound(settings)
    if _normalizes(settings, kind):
        steps.append(("normalization", PatchNormalizer()))
    if settings.epsilon is not None:
        assert settings.whitening is not None
        epsilon = settings.epsilon * variance
        steps.append(("whitening", Whitening(settings.whitening, epsilon=epsilon)))
    options: dict[str, Any] = {"target": settings.target, "weight": settings.sparsity_weight}
    penalty = look_up("penalty", settings.penalty, PENALTIES)(
        **{name: value for name, value in options.items() if value is not None}
    )
    autoencoder = SparseAutoencoder(
        settings.units,
        activation=settings.activation,
        decoder=settings.decoder or "linear",
        sparsity_penalty=penalty,
        weight_decay=_first(settings.weight_decay, 1e-4),
        max_iter=settings.iterations,
        n_jobs=settings.threads,
        callback=callback,
        random_state=settings.seed,
        **(run or {}),
    )
    return Pipeline([*steps, ("autoencoder", autoencoder)])


def _steps_of_sound(settings: Settings) -> list[tuple[str, BaseEstimator]]:
    """Recordings to windows."""
    from rhohat.preprocessing.extractors import WindowExtractor
    from rhohat.preprocessing.normalizers import ContrastNormalizer
    from rhohat.preprocessing.sounds import SpectrogramExtractor, WaveformExtractor

    rate, length = settings.rate, settings.length
    assert rate is not None
    assert length is not None
    is_wave = settings.sound == "waveform"
    options: dict[str, Any] = {
        "n_mels": settings.mels,
        "window": settings.window,
        "hop": settings.hop,
    }
    extractor = WaveformExtractor(rate) if is_wave else SpectrogramExtractor(rate, **options)
    moments = round(length / extractor.seconds_per_moment)
    if moments < (2 if is_wave else 1):
        raise ValueError(
            f"length must span {'two samples' if is_wave else 'one hop'} at least, got {length:g} "
            f"s: at {rate:,} samples per second one is {extractor.seconds_per_moment:g} s."
        )
    windows = WindowExtractor(moments, n_windows=settings.patches, random_state=settings.seed)
    steps: list[tuple[str, BaseEstimator]] = [("sound", extractor), ("windows", windows)]
    # Loud moments of a waveform would drown all others; of a spectrogram logarithms are taken.
    return [*steps, ("contrast", ContrastNormalizer())] if is_wave else steps


def _normalizes(settings: Settings, kind: str) -> bool:
    """Whether rows lose their mean and are brought into [0.1, 0.9]: patches without PCA or ZCA."""
    cut = kind == "images" and settings.patch_size != "whole"
    return settings.whitening == "1/f" or (cut and settings.whitening == "none")


def _first(*values: float | None) -> Any:
    """The first that is not None, or None."""
    return next((value for value in values if value is not None), None)
