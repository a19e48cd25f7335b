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


class Form(NamedTuple):
    """A way to take windows of series, and what goes with it unless the user says otherwise.

    Attributes
    ----------
    window : int
        Samples of a window of one channel, or a few.
    recipe : Recipe
        For its whitened rows.
    """

    window: int
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
#: What series are learned from, by name: samples of a window, and the recipe for its whitened rows.
FORMS: dict[str, Form] = {
    "raw": Form(128, _WHITENED._replace(epsilon=1.0)),
    "spectrum": Form(512, _WHITENED._replace(epsilon=1.0)),
    "spectrogram": Form(512, _WHITENED._replace(epsilon=1.0)),
}
#: Settings that belong to the activation, and what its class calls them.
OF_ACTIVATIONS = {"active": "n_active"}
#: Settings that belong to the corruption, and what its class calls them.
OF_CORRUPTIONS = {"noise": "scale", "masked": "share"}
#: Settings that belong to the penalty, and what its class calls them.
OF_PENALTIES = {"target": "target", "sparsity_weight": "weight"}


def option_of(name: str) -> str:
    """The option of ``rhohat learn`` for a setting."""
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class Settings:
    """What a user chooses; `complete` fills in what is None.

    Attributes
    ----------
    units, activation, decoder, weight_decay, solver, iterations, seed, threads
        The autoencoder's n_components, activation, decoder, weight_decay, solver, max_iter,
        random_state and n_jobs.
    active : int or None
        Of topk: units that may be active for each row; of batchtopk: on average. None: a tenth of
        them.
    penalty, target, sparsity_weight
        Name of the sparsity penalty, and its target and weight if it has them; the weight "auto" is
        found by `fit`. None: KL, L1 if the activation is unbounded, l0 with jumprelu, or none with
        topk and batchtopk.
    corruption : str or None
        What is done to rows before they are encoded; None: nothing.
    noise, masked : float or None
        Of Gaussian noise: its standard deviation. Of masking: the share of values. None: what the
        corruption's class has.
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
    rate : int, float or None
        Sample rate that recordings are converted to; None: their lowest, at most 16,000. Of series
        whose files do not tell it: their rate.
    mels : int or None
        Number of mel bands. None: 40.
    window, hop : float, str or None
        Of recordings: seconds of sound in each spectrum, and from one spectrum to the next; None:
        0.025 and 0.01. Of series: samples, or seconds as in "0.5s", of a window, and from one
        window to the next; None: what the form has, and half a window.
    form : str or None
        What the windows of series are taken as. None: raw.
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
    corruption: str | None = None
    noise: float | None = None
    masked: float | None = None
    scale: str | None = None
    whitening: str | None = None
    epsilon: float | None = None
    color: bool = False
    patch_size: int | str | None = None
    patches: int = 30_000
    sound: str | None = None
    rate: float | None = None
    mels: int | None = None
    window: float | str | None = None
    hop: float | str | None = None
    form: str | None = None
    length: float | None = None
    solver: str = "lbfgs"
    iterations: int = 100
    seed: int = 0
    threads: int | None = None

    def with_defaults(self, **defaults: Any) -> Settings:
        """Settings, with those that are None replaced by defaults."""
        unset = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        return replace(self, **unset)


def seconds_in(span: float | str) -> float:
    """Seconds of a span, given as a number of them or as text such as "0.5s"."""
    return float(span[:-1]) if isinstance(span, str) else span


def samples_in(name: str, span: float | str, rate: float | None) -> int:
    """Samples of a span, given as a number of them or in seconds, as text such as "0.5s".

    Raises
    ------
    ValueError
        If no rate is known, or it is no whole number of samples, at least one.
    """
    if isinstance(span, str):
        if rate is None:
            raise ValueError(
                f"{name} is given in seconds, {span}, but the files do not state their rate: give "
                "it in samples, or state the rate, as in --rate 12000."
            )
        samples = round(seconds_in(span) * rate)
    else:
        samples = round(span)
        if samples != span:
            raise ValueError(
                f"{name} is given in samples, {span:g}, which must be a whole number; for seconds, "
                f"add an s: {span:g}s."
            )
    if samples < 1:
        raise ValueError(f"{name} must be at least one sample, got {span}.")
    return samples
