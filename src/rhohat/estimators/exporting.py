"""Models in the formats of others: ONNX, NumPy code, arrays for MATLAB."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rhohat.common.validation import look_up
from rhohat.common.writing import write_whole
from rhohat.estimators.computation import computation_of
from rhohat.estimators.foreign import weights_of
from rhohat.estimators.notes_files import notes_content
from rhohat.estimators.numpy_files import numpy_content
from rhohat.estimators.onnx_files import onnx_content
from rhohat.estimators.sae_folders import saelens_contents
from rhohat.preprocessing.operations import NotComputedError


class Target(NamedTuple):
    """A format that models are exported to.

    Attributes
    ----------
    suffix : str
        How names of its files end; empty for folders, which have any name.
    content : callable
        ``content(model, name)``: the content of a file of this name, which is without its ending;
        or the contents of files in a folder, by their names.
    remedy : str
        What to do about a model that it cannot hold.
    """

    suffix: str
    content: Callable[[Any, str], bytes | dict[str, bytes]]
    remedy: str


#: Formats of others, by their names.
TARGETS = {
    "onnx": Target(
        ".onnx",
        lambda model, name: onnx_content(computation_of(model)),
        "Leave that step out, as in model[:-1], or convert the pipeline with skl2onnx.to_onnx, "
        "which also knows scikit-learn's own steps.",
    ),
    "numpy": Target(
        ".py",
        lambda model, name: numpy_content(computation_of(model), name),
        "Leave that step out, as in model[:-1].",
    ),
    "mat": Target(
        ".mat",
        lambda model, name: notes_content(weights_of(model)),
        "Export only the autoencoder, model[-1], and preprocess data as the other steps do; or "
        "export the whole model to numpy.",
    ),
    "saelens": Target(
        "",
        lambda model, name: saelens_contents(weights_of(model)),
        "Export the whole model to onnx or numpy, or only the units, model[-1].",
    ),
}


def export(model: Any, path: str | os.PathLike[str], *, to: str | None = None) -> None:
    r"""Export what a fitted model computes, for programs without rhohat.

    The whole pipeline is exported: whitening and other affine steps are folded into the units'
    weights,

    .. math:: f(W T (x - \mu) + b) = f(W' x + b'), \quad W' = W T, \quad b' = b - W T \mu,

    and all other steps are exported as they are. A model that draws pieces of images or series at
    random is exported as one that takes all pieces, in order: image by image, row by row.

    Parameters
    ----------
    model : estimator
        Any transformer or classifier of this package except `AnomalyDetector`, or a pipeline of
        them.
    path : str or path-like
        Overwritten if it exists.
    to : {"onnx", "numpy", "mat", "saelens"}, default=None
        The format. None: chosen by the extension of the path, .onnx, .py or .mat. "saelens" writes
        a folder.

    Raises
    ------
    ValueError
        If the format cannot hold what the model computes.
    ImportError
        If a library is missing: ``pip install 'rhohat[onnx]'``.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    OSError
        If the file cannot be written.

    Notes
    -----
    ONNX is in float32. The input is called "rows" (n, columns), "images" (n, height, width[,
    channels]), "series" (n, channels, samples) or "recordings" (n, samples); the output "features",
    (n, units), or "probabilities" and "labels" of a classifier. On data in float32, "features"
    differs from ``transform`` in float64 by at most 1e-6 of its largest value or, where weights
    amplify rounding beyond that, by no more than ``transform`` in float32 does. With activations
    that jump, such as "topk", results may differ where two units tie up to rounding.

    A file of NumPy code holds `transform`, or `predict_proba` and `predict`, which compute in
    float64, followed by the weights. It imports only NumPy.

    A .mat file holds W1, b1, W2, b2 of one autoencoder in the layout of the lecture notes, and the
    names of its activation and decoder. A SAELens folder holds cfg.json and
    sae_weights.safetensors of one autoencoder or transcoder with a linear decoder. `load` reads
    both.

    For pipelines that also contain scikit-learn's own steps, use skl2onnx, which knows rhohat's
    steps: ``skl2onnx.to_onnx(model, X)``.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseAutoencoder, export
    >>> X = np.random.RandomState(0).rand(50, 4)
    >>> model = SparseAutoencoder(3, max_iter=5, random_state=0).fit(X)
    >>> export(model, "model.onnx")  # doctest: +SKIP
    """
    name = target_of(path) if to is None else to
    target = look_up("to", name, TARGETS)
    try:
        content = target.content(model, Path(path).stem)
    except NotComputedError as reason:
        raise NotComputedError(
            f"{type(model).__name__} cannot be exported to {name}: {reason}. {target.remedy}"
        ) from None
    if isinstance(content, bytes):
        write_whole(path, content)
        return
    Path(path).mkdir(parents=True, exist_ok=True)
    for file, part in content.items():
        write_whole(Path(path) / file, part)


def target_of(path: str | os.PathLike[str]) -> str:
    """The format that a path's ending stands for.

    Raises
    ------
    ValueError
        If it stands for none.
    """
    suffix = Path(path).suffix.lower()
    known = {target.suffix: name for name, target in TARGETS.items() if target.suffix}
    if suffix not in known:
        endings = ", ".join(f"{ending} ({name})" for ending, name in known.items())
        raise ValueError(
            f"{os.fspath(path)} must end in one of {endings}: rename it, or name the format, such "
            f"as to={next(iter(TARGETS))!r}."
        )
    return known[suffix]
