"""Settings: what users choose, and the recipes that fill in what they leave open.

What depends on the data and on the whitening is None in `Settings`;
`rhohat.recipes.pipelines.complete` fills it in from one row of `RECIPES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple


class Recipe(NamedTuple):
    """What goes with a whitening unless the user says otherwise.

    Attributes
    ----------
    decoder : str
    weight_decay : float
        lambda.
    penalties : mapping of str to mapping
        Parameters of penalties, by the penalty's name; those not listed keep their class's
        defaults.
    epsilon : float or None
        Of PCA and ZCA, as a share of the data's mean variance; None for other whitenings.
    """

    decoder: str
    weight_decay: float
    penalties: Mapping[str, Mapping[str, float]]
    epsilon: float | None = None


class Sound(NamedTuple):
    """A way to take recordings, and what goes with it unless the user says otherwise.

    Attributes
    ----------
    settings : mapping
        Settings that belong to it, with their defaults.
    recipe : Recipe
        For its whitened windows, whose standard deviation is about 1.
    """

    settings: Mapping[str, Any]
    recipe: Recipe


#: The CS294A notes' recipe for patches scaled into [0.1, 0.9], and one for PCA or ZCA with a linear
#: decoder. The latter's epsilon lies above the tail of the eigenvalues of patches: with a fifth of
#: it, gray and color photographs gave noise.
_NORMALIZED = Recipe("sigmoid", 1e-4, {"kl": {"target": 0.01, "weight": 3.0}})
_WHITENED = Recipe("linear", 3e-3, {"kl": {"target": 0.035, "weight": 5.0}}, epsilon=0.5)
#: Of rows that are standardized and not whitened.
STANDARDIZED = Recipe("linear", 1e-3, {"kl": {"target": 0.02, "weight": 5.0}})
#: Recipes by the names of whitenings.
RECIPES: dict[str, Recipe] = {
    "1/f": _NORMALIZED,
    "zca": _WHITENED,
    "pca": _WHITENED,
    "none": _NORMALIZED,
}
#: Ways to take recordings, by their names. Their recipes were chosen on spoken digits.
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
#: Settings that belong to the activation, and what its class calls them.
OF_ACTIVATIONS = {"active": "n_active"}
#: Settings that belong to the penalty, and what its class calls them.
OF_PENALTIES = {"target": "target", "sparsity_weight": "weight"}


@dataclass(frozen=True)
class Settings:
    """What a user chooses; `complete` fills in what is None.

    Attributes
    ----------
    units, activation, decoder, weight_decay, solver, iterations, seed, threads
        The autoencoder's n_components, activation, decoder, weight_decay, solver, max_iter,
        random_state and n_jobs.
    active : int or None
        Of topk: units that may be active for each row. None: a tenth of them.
    penalty, target, sparsity_weight
        Name of the sparsity penalty, and its target and weight if it has them; the weight "auto" is
        found by `fit`. None: KL, L1 if the activation is unbounded, or none with topk.
    scale : str or None
        What rows are standardized by; None: not at all.
    whitening : str or None
        None: 1/f for gray images, ZCA for everything else.
    epsilon : float or None
        Of PCA and ZCA, as a share of the data's mean variance.
    color : bool
        Whether images are read in color.
    patch_size : int, "whole" or None
        Side of the patches cut out of images; "whole" takes images whole. None: 10, or whole if
        each image was a row.
    patches : int
        Number of patches, or of windows of recordings.
    sound : str or None
        What recordings are taken as. None: spectrograms.
    rate : int or None
        Sample rate that recordings are converted to. None: their lowest, at most 16,000.
    mels : int or None
        Number of mel bands. None: 40.
    window, hop : float or None
        Seconds of sound in each spectrum, and from one spectrum to the next. None: 0.025 and 0.01.
    length : float or None
        Seconds of sound that a unit sees. None: 0.1, or 0.008 for waveforms.
    """

    units: int = 100
    activation: str = "sigmoid"
    active: int | None = None
    decoder: str | None = None
    penalty: str | None = None
    target: float | None = None
    sparsity_weight: float | str | None = None
    weight_decay: float | None = None
    scale: str | None = None
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
    iterations: int = 100
    seed: int = 0
    threads: int | None = None

    def with_defaults(self, **defaults: Any) -> Settings:
        """Settings, with those that are None replaced by defaults."""
        unset = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        return replace(self, **unset)
