"""Settings: what users choose, and the recipes that fill in what they leave open.

`Settings` leaves open what depends on the data and on the whitening;
`rhohat.recipes.pipelines.complete` fills it in from one row of `RECIPES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Recipe(NamedTuple):
    """What goes with a kind of whitening unless the user says otherwise.

    Attributes
    ----------
    decoder : str
    weight_decay : float
        lambda.
    penalties : mapping
        Parameters of penalties, by the penalty's name; others have their classes' defaults.
    epsilon : float or None
        For PCA and ZCA, as a share of the data's mean variance.
    """

    decoder: str
    weight_decay: float
    penalties: Mapping[str, Mapping[str, float]]
    epsilon: float | None = None


class Sound(NamedTuple):
    """One way to take recordings, and what goes with it unless the user says otherwise.

    Attributes
    ----------
    settings : mapping
        The settings that it has, and their values.
    recipe : Recipe
        Of its whitened windows, which have a standard deviation of about 1.
    """

    settings: Mapping[str, Any]
    recipe: Recipe


#: The notes' recipe for patches that end up in [0.1, 0.9], and that for PCA or ZCA with a linear
#: decoder. There epsilon lies above the tail of the eigenvalues of patches: with a fifth of it,
#: gray and color photographs gave noise.
_NORMALIZED = Recipe("sigmoid", 1e-4, {"kl": {"target": 0.01, "weight": 3.0}})
_WHITENED = Recipe("linear", 3e-3, {"kl": {"target": 0.035, "weight": 5.0}}, epsilon=0.5)
RECIPES: dict[str, Recipe] = {
    "1/f": _NORMALIZED,
    "zca": _WHITENED,
    "pca": _WHITENED,
    "none": _NORMALIZED,
}
#: Their recipes were chosen on spoken digits.
SOUNDS: dict[str, Sound] = {
    "spectrogram": Sound(
        {"length": 0.1, "mels": 40, "window": 0.025, "hop": 0.01},
        _WHITENED._replace(epsilon=0.2),
    ),
    "waveform": Sound(
        {"length": 0.008},
        _WHITENED._replace(penalties={"kl": {"target": 0.01, "weight": 5.0}}, epsilon=1.0),
    ),
}
#: Settings that are a penalty's, and what its constructor calls them.
OF_PENALTIES = {"target": "target", "sparsity_weight": "weight"}


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
    solver : str
        What minimizes the loss.
    whitening : str or None
        None: 1/f for gray images, ZCA for color images and for rows.
    epsilon : float or None
        Of PCA and ZCA, as a share of the data's mean variance.
    color : bool
        Whether images are read in color.
    patch_size : int, "whole" or None
        Side of patches cut out of images, or images whole. None: 10, or whole where each was a row.
    patches : int
        How many; of recordings, windows.
    sound : str or None
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
    solver: str = "lbfgs"
    iterations: int = 260
    seed: int = 0
    threads: int | None = None
