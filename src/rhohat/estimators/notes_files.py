"""W1, b1, W2, b2 of the lecture notes, in MATLAB's .mat files, and theta, which holds all of them.

    z2 = W1 x + b1     a2 = f(z2)     z3 = W2 a2 + b2     h(x) = g(z3)

W1 is (units, columns), W2 (columns, units), b1 (units, 1) and b2 (columns, 1). theta is [W1(:);
W2(:); b1(:); b2(:)], where (:) goes down the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.errors import DataFileError, ModelFileError
from rhohat.common.tensorfiles import expect
from rhohat.common.validation import check_integer, look_up
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.foreign import Weights
from rhohat.objective.activations import ACTIVATIONS, activation_of
from rhohat.objective.decoders import DECODERS
from rhohat.preprocessing.operations import NotComputedError
from rhohat.rows.file_format import Selection
from rhohat.rows.formats import FORMATS

#: Names that theta and the sizes have in the exercise's files.
THETA, SIZES = ("opttheta", "optTheta", "theta"), ("visibleSize", "hiddenSize")
#: Characters of a name that a file may have.
LONGEST = 64


def notes_content(weights: Weights) -> bytes:
    """An autoencoder as the content of a .mat file: W1, b1, W2, b2, and the names of f and g.

    Raises
    ------
    NotComputedError
        If it is a transcoder, or its units have parameters, which the notes do not have.
    """
    from scipy.io import savemat

    activation = activation_of(weights.activation)
    if activation.parameters_among(len(weights.encoder)):
        raise NotComputedError(
            f"this format has no place for the parameters of {activation.name} units"
        )
    if not weights.rebuilds_input:
        raise NotComputedError(
            "this format is for models that reconstruct their own input, which a transcoder does "
            "not"
        )
    stream: Any = BytesIO()
    variables = {
        "W1": weights.encoder,
        "b1": weights.encoder_bias[:, None],
        "W2": weights.decoder.T,
        "b2": weights.decoder_bias[:, None],
        "activation": _codes(activation.name),
        "decoder": _codes(weights.output),
    }
    savemat(stream, variables)
    content: bytes = stream.getvalue()
    return content


def read_notes(path: Path) -> SparseAutoencoder:
    """The autoencoder in a .mat file.

    Raises
    ------
    ModelFileError
        If it holds neither W1, b1, W2 and b2, nor theta, visibleSize and hiddenSize.
    """
    try:
        W1, b1, W2, b2 = (_variable(path, name) for name in ("W1", "b1", "W2", "b2"))
    except DataFileError as missing:
        return _read_theta(path, missing)
    activation, decoder = _names(path)
    return Weights(W1, b1.ravel(), W2.T, b2.ravel(), activation, decoder).made()


def _read_theta(path: Path, missing: DataFileError) -> SparseAutoencoder:
    """The autoencoder in a file of theta and sizes."""
    for name in THETA:
        with suppress(DataFileError):
            theta = _variable(path, name).ravel()
            sizes = [int(_variable(path, size).ravel()[0]) for size in SIZES]
            return from_theta(theta, *sizes)
    raise ModelFileError(
        f"expected W1, b1, W2 and b2, or theta (or opttheta) with {' and '.join(SIZES)}: "
        f"{missing}. For theta alone, use rhohat.from_theta, and pass it the sizes"
    )


def from_theta(
    theta: ArrayLike,
    n_features: int,
    n_components: int,
    *,
    activation: str = "sigmoid",
    decoder: str = "sigmoid",
    order: str = "F",
) -> SparseAutoencoder:
    """Make a sparse autoencoder from the parameter vector of the lecture notes' exercise.

    Parameters
    ----------
    theta : array-like of shape (p,)
        W1, W2, b1, b2 one after the other, p = 2 n k + n + k.
    n_features, n_components : int
        n and k, the notes' visibleSize and hiddenSize.
    activation, decoder : str, default="sigmoid"
        f, and g: "linear" for linear decoders.
    order : {"F", "C"}, default="F"
        "F": matrices are written column by column, as W1(:) in MATLAB does; "C": row by row, as
        NumPy does.

    Returns
    -------
    model : SparseAutoencoder
        Fitted, but without any record of its training.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import from_theta
    >>> from_theta(np.zeros(2 * 64 * 25 + 64 + 25), 64, 25).encoder_weights_.shape
    (25, 64)
    """
    n = check_integer("n_features", n_features, low=1)
    k = check_integer("n_components", n_components, low=1)
    look_up("activation", activation, ACTIVATIONS)
    look_up("decoder", decoder, DECODERS)
    look_up("order", order, {"F": "F", "C": "C"})
    values = np.asarray(theta, dtype=np.float64).ravel()
    sizes = [n * k, n * k, k, n]
    if len(values) != sum(sizes) or not np.isfinite(values).all():
        raise ValueError(
            f"theta must hold {sum(sizes):,} finite numbers, for {n} columns and {k} units, got "
            f"{len(values):,}{'' if len(values) != sum(sizes) else ', not all finite'}."
        )
    W1, W2, b1, b2 = np.split(values, np.cumsum(sizes)[:-1])
    if order == "F":
        W1, W2 = W1.reshape(n, k).T, W2.reshape(k, n).T
    W1, W2 = W1.reshape(k, n), W2.reshape(n, k)
    return Weights(W1, b1, W2.T, b2, activation, decoder).made()


def _variable(path: Path, name: str) -> NDArray[Any]:
    """An array of a .mat file."""
    array = np.asarray(FORMATS["mat"].read(path, Selection(key=name)))
    expect(array.dtype.kind in "fiu", f"numbers in {name}", array.dtype)
    values = array if array.dtype == np.float32 else array.astype(np.float64)
    expect(bool(np.isfinite(values).all()), f"finite numbers in {name}", words="NaN or infinity")
    return values


def _names(path: Path) -> tuple[str, str]:
    """Names of f and g, as rhohat writes them; "sigmoid", as in the notes, if there are none."""
    found = {"activation": "sigmoid", "decoder": "sigmoid"}
    tables: dict[str, Mapping[str, Any]] = {"activation": ACTIVATIONS, "decoder": DECODERS}
    for name, table in tables.items():
        with suppress(DataFileError):
            codes = _variable(path, name).ravel()
            sound = len(codes) <= LONGEST and bool(np.isin(codes, np.arange(128)).all())
            expect(sound, f"{name} as character codes", codes)
            found[name] = "".join(chr(int(code)) for code in codes)
        expect(found[name] in table, f"{name} among {', '.join(table)}", found[name])
    return found["activation"], found["decoder"]


def _codes(text: str) -> NDArray[np.uint8]:
    """Characters as a row of their codes: MATLAB's ``char`` makes text of it."""
    return np.frombuffer(text.encode("ascii"), dtype=np.uint8)[None]
