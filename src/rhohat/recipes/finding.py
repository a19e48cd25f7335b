"""Data found: those that settings are for, and those that a model works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rhohat.files.finding import DataFiles
from rhohat.recipes.data import Data, Request
from rhohat.recipes.kinds import KINDS, Photographs, RowData, longest_part
from rhohat.recipes.pipelines import complete
from rhohat.recipes.settings import Settings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


def find(request: Request) -> Data:
    """Find files and what they say that they hold, without reading them.

    Raises
    ------
    ValueError
        If the request does not suit the data; see also `DataFiles.find`.
    """
    if not request.paths:
        return Photographs(request)
    if request.shape is not None and request.color != (len(request.shape) == 3):
        raise ValueError("--shape HxWx3 and --color go together.")
    found = DataFiles.find(
        request.paths,
        key=request.key,
        on_error=request.on_error,
        smallest=request.smallest,
        shape=request.shape,
    )
    data = KINDS[found.kind](request, found)
    if request.key is not None and not data.has_keys:
        raise ValueError(f"--key names an array in a file, but the data are {data.described}.")
    return data


def find_to_learn(
    paths: Sequence[Path],
    settings: Settings,
    on_error: str = "skip",
    shape: tuple[int, ...] | None = None,
    key: str | None = None,
    stored: bool = False,
) -> tuple[Data, Settings]:
    """Find the data that settings are for, and fill in what these leave open.

    Parameters
    ----------
    paths, on_error, shape, key, stored : as in `Request`
    settings : Settings

    Raises
    ------
    ValueError
        If settings and data do not go together; see also `find`.
    """
    side = settings.patch_size or (1 if shape is not None else 10)
    smallest = (1, 1) if isinstance(side, str) else (side, side)
    data = find(Request(paths, settings.color, smallest, shape, key, on_error, stored))
    if stored and data.pieces:
        raise ValueError(f"--dask works on rows in files; {data.kind} are cut up in this process.")
    settings = complete(settings, data.kind, rows_are_images=shape is not None)
    return data, data.suit(settings)


def find_to_encode(
    name: str,
    model: BaseEstimator,
    request: Request,
    convolution: Mapping[str, Any] | None = None,
) -> Data:
    """Find data of the kind that a model works on, as large as convolution needs.

    Parameters
    ----------
    name : str
        What errors call the model.
    model : BaseEstimator
    request : Request
        Paths, and what the user says of them.
    convolution : mapping, default=None
        What `ConvolutionalFeatures` is given, if it applies the model.

    Raises
    ------
    ValueError
        If the data are of another kind; see also `find`.
    """
    needs = needs_of(model, convolution)
    kind, whole = needs.pop("kind"), needs.pop("whole", None)
    request = replace(request, **needs)
    data = find(request)
    if request.shape is None and whole is not None and data.can_be_shaped:
        data = find(replace(request, shape=whole))
    if data.kind != kind and not request.paths:
        raise ValueError(f"{name} works on {kind}, which do not come along: give it some.")
    if data.kind != kind:
        shaped = ", as --shape has it" if request.shape is not None else ""
        raise ValueError(
            f"{name} works on {kind}, but {data.files[0]} holds {data.kind}{shaped}. Give it data "
            "of the kind that it learned from."
        )
    return data


def needs_of(model: BaseEstimator, convolution: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How a model's data must be read: color, smallest images, shape of whole ones; and the kind.

    Parameters
    ----------
    model : BaseEstimator
    convolution : mapping, default=None
        What `ConvolutionalFeatures` is given, if it applies the model.

    Returns
    -------
    needs : dict
        "kind"; "whole", the shape of images that are taken whole; and what `Request` takes.
    """
    from rhohat.estimators.anatomy import Anatomy

    anatomy = Anatomy.of(model)
    extractor, sound = anatomy.extractor, anatomy.sound
    kind = RowData.kind if anatomy.takes is None else anatomy.takes.kind
    cells = 0 if convolution is None else (convolution["grid"] - 1) * convolution["stride"]
    if sound is not None:
        moments = 1 if extractor is None else extractor.patch_shape_[1] + cells
        shortest = sound.seconds_of(moments)
        # In parts as they were learned from, but whole where each is a row.
        longest = None if convolution is not None else longest_part(shortest)
        return {"kind": kind, "rate": sound.rate, "shortest": shortest, "longest": longest}
    if kind not in KINDS:
        raise ValueError(
            f"the model works on {kind} of numbers, which the command line does not read: use it "
            "in Python."
        )
    if extractor is None:
        return {"kind": kind}
    shape = extractor.patch_shape_
    return {
        "kind": kind,
        "color": len(shape) == 3,
        "smallest": (shape[0] + cells, shape[1] + cells),
        "whole": shape if extractor.takes_wholes else None,
    }
