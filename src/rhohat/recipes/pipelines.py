"""Pipelines: which preprocessing, decoder and penalty go together for which data.

`complete` fills in what settings leave open, and `make_pipeline` builds the scikit-learn pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rhohat.common.validation import look_up
from rhohat.objective.activations import ACTIVATIONS
from rhohat.recipes.data import Data
from rhohat.recipes.kinds import KINDS
from rhohat.recipes.settings import OF_PENALTIES, Settings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.training.run import IterationCallback


def complete(settings: Settings, kind: str, *, rows_are_images: bool = False) -> Settings:
    """Fill in what is open, for data of a kind.

    Parameters
    ----------
    settings : Settings
    kind : str
        A row of `KINDS`.
    rows_are_images : bool, default=False
        Whether each image was a row.

    Raises
    ------
    ValueError
        If two settings, or a setting and the data, do not go together.
    """
    from rhohat.objective.penalties import PENALTIES

    data = look_up("kind", kind, KINDS)
    if settings.whitening is None:
        settings = replace(settings, whitening=data.usual_whitening(settings))
    _refuse_foreign(settings, data)
    settings = data.fill_in(settings, rows_are_images=rows_are_images)
    recipe = data.recipe(settings)
    if settings.epsilon is not None and recipe.epsilon is None:
        raise ValueError(
            f"epsilon belongs to zca and pca, but the whitening is {settings.whitening}."
        )
    if not data.normalizes(settings):
        recipe = recipe._replace(decoder="linear")
    activation = look_up("activation", settings.activation, ACTIVATIONS)
    penalty = settings.penalty or ("kl" if activation.is_bounded else "l1")
    has = look_up("penalty", penalty, PENALTIES)().get_params() | recipe.penalties.get(penalty, {})
    of_penalty = {}
    for name, parameter in OF_PENALTIES.items():
        value = getattr(settings, name)
        if value is not None and parameter not in has:
            raise ValueError(f"{name} has no meaning for the penalty {penalty!r}.")
        of_penalty[name] = _first(value, has.get(parameter))
    return replace(
        settings,
        penalty=penalty,
        decoder=settings.decoder or recipe.decoder,
        weight_decay=_first(settings.weight_decay, recipe.weight_decay),
        epsilon=_first(settings.epsilon, recipe.epsilon),
        **of_penalty,
    )


def _refuse_foreign(settings: Settings, data: type[Data]) -> None:
    """Raise ValueError if a setting belongs to data of another kind."""
    if settings.whitening == "1/f" and not data.can_be_filtered:
        raise ValueError(
            f"1/f whitening filters images, but the data are {data.described}: choose zca or pca."
        )
    for other in KINDS.values():
        for name in () if other is data else other.own_settings:
            if getattr(settings, name) != getattr(Settings(), name):
                raise ValueError(
                    f"{name} belongs to {other.kind}, but the data are {data.described}."
                )


def make_pipeline(
    settings: Settings,
    kind: str,
    *,
    variance: float = 1.0,
    callback: IterationCallback | None = None,
    run: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Data of a kind to activations of a sparse autoencoder.

    Parameters
    ----------
    settings : Settings
        Complete.
    kind : str
        A row of `KINDS`.
    variance : float, default=1.0
        The data's mean variance, which epsilon is a share of.
    callback : callable, default=None
        Told of every iteration.
    run : mapping, default=None
        Parameters of the autoencoder that say how it is trained, and not what: engine, checkpoint.
    """
    from sklearn.pipeline import Pipeline

    from rhohat.preprocessing.normalizers import PatchNormalizer
    from rhohat.preprocessing.whitening import Whitening

    data = look_up("kind", kind, KINDS)
    steps = data.steps(settings)
    if data.normalizes(settings):
        steps.append(("normalization", PatchNormalizer()))
    if settings.epsilon is not None:
        assert settings.whitening is not None
        epsilon = settings.epsilon * variance
        steps.append(("whitening", Whitening(settings.whitening, epsilon=epsilon)))
    autoencoder = make_autoencoder(settings, callback=callback, run=run)
    return Pipeline([*steps, ("autoencoder", autoencoder)])


def make_autoencoder(
    settings: Settings,
    *,
    callback: IterationCallback | None = None,
    run: Mapping[str, Any] | None = None,
) -> SparseAutoencoder:
    """The last step of `make_pipeline`, which takes the same parameters."""
    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.objective.penalties import PENALTIES

    chosen = {parameter: getattr(settings, name) for name, parameter in OF_PENALTIES.items()}
    penalty = look_up("penalty", settings.penalty, PENALTIES)(
        **{parameter: value for parameter, value in chosen.items() if value is not None}
    )
    return SparseAutoencoder(
        settings.units,
        activation=settings.activation,
        decoder=settings.decoder or "linear",
        sparsity_penalty=penalty,
        weight_decay=_first(settings.weight_decay, 1e-4),
        solver=settings.solver,
        max_iter=settings.iterations,
        n_jobs=settings.threads,
        callback=callback,
        random_state=settings.seed,
        **(run or {}),
    )


def _first(*values: Any) -> Any:
    """The first that is not None, or None."""
    return next((value for value in values if value is not None), None)
