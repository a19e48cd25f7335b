"""Pipelines: settings for a kind of data, filled in, and the scikit-learn pipeline they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rhohat.common.validation import look_up
from rhohat.objective.activations import activation_of
from rhohat.objective.corruption import CORRUPTIONS, corruption_of
from rhohat.recipes.data import Data
from rhohat.recipes.kinds import KINDS
from rhohat.recipes.settings import (
    OF_ACTIVATIONS,
    OF_CORRUPTIONS,
    OF_PENALTIES,
    Settings,
    option_of,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from rhohat.estimators.autoencoder import SparseAutoencoder


def complete(settings: Settings, kind: str, *, rows_are_images: bool = False) -> Settings:
    """Fill in what settings leave open, for data of a kind.

    Parameters
    ----------
    settings : Settings
    kind : str
        A name in `KINDS`.
    rows_are_images : bool, default=False
        Whether each image was a row that was given a shape.

    Raises
    ------
    ValueError
        If two settings, or a setting and the data, do not go together.
    """
    from rhohat.objective.penalties import PENALTIES

    data_class = look_up("kind", kind, KINDS)
    settings = settings.with_defaults(whitening=data_class.usual_whitening(settings))
    if settings.scale is not None and settings.whitening == "1/f":
        raise ValueError(
            "--scale standardizes rows, but 1/f whitening already sets the scale: use one or the "
            "other."
        )
    _refuse_foreign(settings, data_class)
    settings = data_class.fill_in(settings, rows_are_images=rows_are_images)
    recipe = data_class.recipe(settings)
    if settings.epsilon is not None and recipe.epsilon is None:
        raise ValueError(
            f"--epsilon is for zca and pca, but the whitening is {settings.whitening}."
        )
    activation = activation_of(settings.activation)
    for name, parameter in OF_ACTIVATIONS.items():
        if getattr(settings, name) is not None and not hasattr(activation, parameter):
            raise ValueError(
                f"{option_of(name)} does not apply to the activation {activation.name!r}."
            )
    corruption = corruption_of(settings.corruption)
    for name, parameter in OF_CORRUPTIONS.items():
        if getattr(settings, name) is not None and not hasattr(corruption, parameter):
            needed = next(row for row, made in CORRUPTIONS.items() if hasattr(made(), parameter))
            raise ValueError(f"{option_of(name)} needs --corruption {needed}: add it.")
    settings = settings.with_defaults(
        **{name: getattr(corruption, own, None) for name, own in OF_CORRUPTIONS.items()},
        penalty=activation.usual_penalty,
        decoder=recipe.decoder if data_class.normalizes(settings) else "linear",
        weight_decay=recipe.weight_decay,
        epsilon=recipe.epsilon,
    )
    penalty = str(settings.penalty)
    usual = look_up("penalty", penalty, PENALTIES)().get_params()
    usual |= recipe.penalties.get(penalty, {})
    for name, parameter in OF_PENALTIES.items():
        if getattr(settings, name) is not None and parameter not in usual:
            raise ValueError(f"{option_of(name)} does not apply to the penalty {penalty!r}.")
    if settings.sparsity_weight == "auto":
        sought: Any = PENALTIES[penalty]
        if not sought(weight="auto").weight_is_sought:
            raise ValueError(
                f"--sparsity-weight must be a number for the penalty {penalty!r}, got 'auto'."
            )
    return settings.with_defaults(
        **{name: usual.get(parameter) for name, parameter in OF_PENALTIES.items()}
    )


def _refuse_foreign(settings: Settings, data_class: type[Data]) -> None:
    """Raise ValueError if a setting belongs to another kind of data."""
    described = data_class.described
    if settings.whitening == "1/f" and not data_class.can_be_filtered:
        raise ValueError(
            f"1/f whitening filters images, but the data are {described}: choose zca or pca."
        )
    for other in KINDS.values():
        for name in other.own_settings:
            if name in data_class.own_settings:
                continue
            if getattr(settings, name) != getattr(Settings(), name):
                raise ValueError(
                    f"{option_of(name)} is for {other.kind}, but the data are {described}."
                )


def make_pipeline(
    settings: Settings,
    kind: str,
    *,
    variance: float = 1.0,
    transcodes: bool = False,
    **training: Any,
) -> Pipeline:
    """The pipeline from data of a kind to activations of a sparse autoencoder.

    Parameters
    ----------
    settings : Settings
        Complete.
    kind : str
        A name in `KINDS`.
    variance : float, default=1.0
        The data's mean variance, of which epsilon is a share; 1 if they are standardized.
    transcodes : bool, default=False
        Whether it is fitted with other rows, to be reconstructed in place of its own.
    **training
        Parameters of the autoencoder that say how it is trained: callback, engine, checkpoint.
    """
    from sklearn.pipeline import Pipeline

    from rhohat.preprocessing.normalizers import PatchNormalizer
    from rhohat.preprocessing.standardization import Standardization
    from rhohat.preprocessing.whitening import Whitening

    data_class = look_up("kind", kind, KINDS)
    steps = data_class.steps(settings)
    if data_class.normalizes(settings):
        steps.append(("normalization", PatchNormalizer()))
    if settings.scale is not None:
        steps.append(("standardization", Standardization(settings.scale)))
        variance = 1.0
    if settings.epsilon is not None:
        epsilon = settings.epsilon * variance
        steps.append(("whitening", Whitening(str(settings.whitening), epsilon=epsilon)))
    name = "transcoder" if transcodes else "autoencoder"
    last = make_autoencoder(settings, transcodes=transcodes, **training)
    return Pipeline([*steps, (name, last)])


def make_stack(
    settings: Settings,
    kind: str,
    sizes: Sequence[int],
    *,
    fine_tuning: Mapping[str, Any] | None = None,
    variance: float = 1.0,
    callback: Any = None,
    **training: Any,
) -> Pipeline:
    """The pipeline from data of a kind to the top of a stack of sparse autoencoders, or to classes.

    Parameters
    ----------
    settings : Settings
        Complete; those of every layer.
    kind : str
        A name in `KINDS`.
    sizes : sequence of int
        Units of each layer, from the input upwards.
    fine_tuning : mapping, default=None
        Parameters of the classifier above the stack; None for the stack alone.
    variance : float, default=1.0
        As in `make_pipeline`.
    callback : callable, default=None
        Of every layer, and of fine-tuning.
    **training
        Parameters that say how both are trained: engine, device, checkpoint.
    """
    from sklearn.pipeline import Pipeline

    from rhohat.estimators.classifier import StackedAutoencoderClassifier
    from rhohat.estimators.stack import StackedAutoencoder

    verify = {"verify": training.pop("verify", True)}
    *before, (_, layer) = make_pipeline(
        settings, kind, variance=variance, callback=callback, **verify
    ).steps
    given = {"n_jobs": settings.threads, "random_state": settings.seed, **training}
    if fine_tuning is None:
        return Pipeline([*before, ("stack", StackedAutoencoder(sizes, estimator=layer, **given))])
    network = StackedAutoencoderClassifier(
        StackedAutoencoder(sizes, estimator=layer),
        **{**given, **fine_tuning, **verify},
        callback=callback,
    )
    return Pipeline([*before, ("classifier", network)])


def fit_held_out(
    pipeline: Pipeline, content: Any, held_out: float | Any, seed: int, target: Any = None
) -> Pipeline:
    """Fit a pipeline, with rows held out for its autoencoder's validation.

    Parameters
    ----------
    pipeline : Pipeline
    content : images, rows or recordings
    held_out : float or content
        A share of the rows, or pieces, drawn at random; or other data of the same kind.
    seed : int
        Draws the share.
    target : rows, default=None
        Of a transcoder, of which the same share is held out.

    Raises
    ------
    ValueError
        If a share is to be drawn from rows that are read from where they lie.
    """
    *before, (_, autoencoder) = pipeline.steps
    rows = content
    for _, step in before:
        rows = step.fit_transform(rows)
    if isinstance(held_out, float):
        if not isinstance(rows, np.ndarray):
            raise ValueError(
                "a share can only be held out of rows in memory: name a file of other rows with "
                "--validation."
            )
        drawn = np.random.RandomState(seed).permutation(len(rows))
        n_held = max(round(held_out * len(rows)), 1)
        held, rest = np.sort(drawn[:n_held]), np.sort(drawn[n_held:])
        if target is None:
            autoencoder.fit(rows[rest], X_val=rows[held])
        else:
            pairs = {"X_val": rows[held], "y_val": target[held]}
            autoencoder.fit(rows[rest], target[rest], **pairs)
        return pipeline
    for _, step in before:
        held_out = step.transform(held_out)
    autoencoder.fit(rows, X_val=held_out)
    return pipeline


def make_autoencoder(
    settings: Settings, *, transcodes: bool = False, **training: Any
) -> SparseAutoencoder:
    """The last step of `make_pipeline`, which takes the same parameters."""
    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.estimators.transcoder import SparseTranscoder
    from rhohat.objective.penalties import PENALTIES

    complete: Any = settings  # nothing that is needed here is None
    corruption = corruption_of(settings.corruption)
    if corruption is not None:
        given = {own: getattr(settings, name) for name, own in OF_CORRUPTIONS.items()}
        corruption.set_params(**{own: value for own, value in given.items() if value is not None})
    chosen = {parameter: getattr(settings, name) for name, parameter in OF_PENALTIES.items()}
    penalty = look_up("penalty", settings.penalty, PENALTIES)(
        **{parameter: value for parameter, value in chosen.items() if value is not None}
    )
    parameters = {parameter: getattr(settings, name) for name, parameter in OF_ACTIVATIONS.items()}
    given = {parameter: value for parameter, value in parameters.items() if value is not None}
    row: Any = type(activation_of(settings.activation))
    activation = row(**given) if given else settings.activation
    cls = SparseTranscoder if transcodes else SparseAutoencoder
    return cls(
        settings.units,
        activation=activation,
        decoder=complete.decoder,
        sparsity_penalty=penalty,
        corruption=corruption,
        weight_decay=complete.weight_decay,
        solver=settings.solver,
        max_iter=settings.iterations,
        n_jobs=settings.threads,
        random_state=settings.seed,
        **training,
    )
