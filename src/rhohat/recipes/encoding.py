"""Encoding: features that a model makes of data, as it is or applied at every position."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.extras import import_extra
from rhohat.common.printable import encodable

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.recipes.data import Data

#: Number of rows that are computed and written at a time.
ROWS_WRITTEN = 1024


def encoder_of(model: BaseEstimator, convolution: Mapping[str, Any] | None, examples: Any) -> Any:
    """What makes features of data: the model, or what applies it at every position of examples.

    Parameters
    ----------
    model : estimator
        Fitted.
    convolution : mapping or None
        Parameters of the `ConvolutionalFeatures` that are to apply the model, if any.
    examples : images or recordings
        What these are fitted to.

    Raises
    ------
    ValueError
        If the model gives no features, or cannot be applied at every position.
    """
    from rhohat.estimators.anatomy import Anatomy
    from rhohat.estimators.convolution import ConvolutionalFeatures
    from rhohat.recipes.finding import kind_of

    if not hasattr(model, "transform"):
        raise ValueError(
            f"the model is a {type(model).__name__}, which predicts classes and gives no features: "
            "use the autoencoders that it was made from."
        )
    if convolution is None:
        return model
    anatomy = Anatomy.of(model)
    if anatomy.encoder is None:
        last = type(anatomy.steps[-1]).__name__
        raise ValueError(
            f"--convolve applies models with one layer, but this one ends in a {last}."
        )
    if not kind_of(model).pieces:
        raise ValueError(
            "--convolve needs a model of images or recordings, but this model works on rows."
        )
    return ConvolutionalFeatures(model, **convolution).fit(examples)


class Predictions:
    """A classifier's probabilities, in the place of features.

    Parameters
    ----------
    model : estimator
        A fitted classifier.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.classes_: NDArray[Any] = model.classes_

    def transform(self, examples: Any) -> FloatArray:
        """The probability of every class."""
        probabilities: FloatArray = self._model.predict_proba(examples)
        return probabilities


def predicts(model: BaseEstimator) -> bool:
    """Whether a model gives classes, and no features."""
    return hasattr(model, "predict_proba") and not hasattr(model, "transform")


def draws_pieces(model: BaseEstimator) -> bool:
    """Whether a model's rows are pieces of examples, not whole images or rows of the data."""
    from rhohat.estimators.anatomy import Anatomy

    extractor = Anatomy.of(model).extractor
    return extractor is not None and not extractor.takes_wholes


def origins_of(
    model: BaseEstimator, convolution: Mapping[str, Any] | None, data: Data
) -> dict[str, NDArray[Any]]:
    """Where each row of features comes from: file, and row, place or time in it.

    Parameters
    ----------
    model : estimator
        Fitted.
    convolution : mapping or None
        As `encoder_of` takes it.
    data : Data
        Read.
    """
    from rhohat.estimators.anatomy import Anatomy

    origins = {name: np.asarray(values) for name, values in data.origins().items()}
    if convolution is not None or not draws_pieces(model):
        return origins
    windows = data.windows_of(model)
    if windows is not None:
        return windows.columns()
    anatomy = Anatomy.of(model)
    extractor, sound = anatomy.extractor, anatomy.sound
    assert extractor is not None  # it draws pieces
    pieces = extractor.draw(anatomy.filtered(data.content))
    image, top, left = pieces.places(np.arange(pieces.rows.shape[0]))
    found = {name: values[image] for name, values in origins.items()}
    if sound is None:
        return found | {"row": top, "column": left}
    begin = found["begin"] + left * sound.seconds_per_moment
    length = extractor.patch_shape_[1] * sound.seconds_per_moment
    return found | {"begin": begin, "end": begin + length}


def names_of_features(encoder: Any, n_columns: int) -> list[str]:
    """What features are called: by units, or classes; if pooled, by the pooling and the cell."""
    if isinstance(encoder, Predictions):
        return [f"probability_{name}" for name in encoder.classes_]
    if not hasattr(encoder, "grid_"):
        return [f"unit{unit}" for unit in range(n_columns)]
    poolings = [encoder.pooling] if isinstance(encoder.pooling, str) else list(encoder.pooling)
    down, across = encoder.grid_
    n_features = n_columns // (len(poolings) * down * across)
    return [
        f"{pooling}_{row}_{column}_unit{unit}"
        for pooling in poolings
        for row in range(down)
        for column in range(across)
        for unit in range(n_features)
    ]


class Encoded(NamedTuple):
    """Features, and which row is which.

    Attributes
    ----------
    features : ndarray or Source of shape (n_rows, n_columns)
    names : sequence of str
        Of the columns.
    origins : dict of str to ndarray of shape (n_rows,)
        File, row, place, time and label of each row.
    """

    features: Any
    names: Sequence[str]
    origins: Mapping[str, NDArray[Any]]


def _blocks(features: Any) -> Iterator[tuple[int, FloatArray]]:
    """Features a run of rows at a time, each with the number of its first row."""
    for start in range(0, features.shape[0], ROWS_WRITTEN):
        stop = min(start + ROWS_WRITTEN, features.shape[0])
        is_array = isinstance(features, np.ndarray)
        yield start, features[start:stop] if is_array else features.read(start, stop).X


def _write_npy(stream: IO[bytes], encoded: Encoded) -> None:
    """The features alone."""
    write_features(stream, encoded.features)


def _write_npz(stream: IO[bytes], encoded: Encoded) -> None:
    """Arrays "features" and "names", and one for each origin."""
    with zipfile.ZipFile(stream, "w") as archive:

        def entry(name: str) -> IO[bytes]:
            return archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True)

        with entry("features") as file:
            write_features(file, encoded.features)
        for name, values in {"names": np.array(encoded.names), **encoded.origins}.items():
            with entry(name) as file:
                np.lib.format.write_array(file, values, allow_pickle=False)


def _write_csv(stream: IO[bytes], encoded: Encoded) -> None:
    """A line for each row: its origins, then its features, as short as they can be read back."""
    origins = {name: list(map(str, values.tolist())) for name, values in encoded.origins.items()}
    header: list[Sequence[str]] = [[*origins, *encoded.names]]
    for start, X in _blocks(encoded.features):
        of_rows = zip(*(column[start : start + len(X)] for column in origins.values()), strict=True)
        lines = [[*where, *row] for where, row in zip(of_rows, X.astype(str).tolist(), strict=True)]
        text = StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([*header, *lines])
        stream.write(encodable(text.getvalue()).encode())
        header = []


def _write_parquet(stream: IO[bytes], encoded: Encoded) -> None:
    """Columns of origins, then of features."""
    arrow = import_extra("pyarrow", "tables")
    parquet = import_extra("pyarrow.parquet", "tables")
    writer = None
    for start, X in _blocks(encoded.features):
        stop = start + len(X)
        columns = {
            name: list(map(encodable, values[start:stop].tolist()))
            if values.dtype.kind == "U"
            else values[start:stop]
            for name, values in encoded.origins.items()
        }
        columns |= {name: np.ascontiguousarray(X[:, i]) for i, name in enumerate(encoded.names)}
        table = arrow.table(columns)
        writer = writer or parquet.ParquetWriter(stream, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


#: Formats that features are written in, by the endings of files.
WRITERS: dict[str, Callable[[IO[bytes], Encoded], None]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}


def write_features(stream: IO[bytes], features: Any) -> None:
    """Write features in the format of .npy files.

    Parameters
    ----------
    stream : binary stream
    features : ndarray or Source
        The rows of a source are computed and written a run at a time.
    """
    if isinstance(features, np.ndarray):
        np.lib.format.write_array(stream, np.ascontiguousarray(features), allow_pickle=False)
        return
    n_rows, n_columns = features.shape
    header = {"shape": (n_rows, n_columns), "fortran_order": False, "descr": features.dtype.str}
    np.lib.format.write_array_header_1_0(stream, header)
    for _, X in _blocks(features):
        stream.write(X.tobytes())
