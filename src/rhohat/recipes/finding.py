"""Finding data: what settings are for, and what a model works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rhohat.files.finding import DataFiles
from rhohat.recipes.data import Data, Request
from rhohat.recipes.kinds import KINDS, Photographs, RowData
from rhohat.recipes.pipelines import complete
from rhohat.recipes.settings import Settings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


def find(request: Request) -> Data:
    """Find files and what their headers say they hold, without reading them.

    Raises
    ------
    ValueError
        If the request does not suit the data; see also `DataFiles.find`.
    """
    if not request.paths:
        return Photographs(request)
    if request.order != "numpy" and request.shape is None:
        raise ValueError("--order describes images in rows: add --shape, such as --shape 8x8x3.")
    if request.shape is not None and request.color != (len(request.shape) == 3):
        raise ValueError("--color and --shape HxWx3 must be given together.")
    found = DataFiles.find(
        request.paths,
        selection=request.selection,
        on_error=request.on_error,
        smallest=request.smallest,
        shape=request.shape,
        column_major=request.order == "matlab",
    )
    data = KINDS[found.kind](request, found)
    if request.selection.key is not None and not data.has_keys:
        raise ValueError(
            f"--key names an array in a file, but the data are {data.described}: leave it out."
        )
    return data


def find_to_learn(
    request: Request, settings: Settings, *, wholes: bool = False
) -> tuple[Data, Settings]:
    """Find the data that settings are for, and fill in what these leave open.

    Parameters
    ----------
    request : Request
        Color and the smallest size of images follow from the settings.
    settings : Settings
    wholes : bool, default=False
        Whether images are taken whole unless the settings say otherwise.

    Raises
    ------
    ValueError
        If settings and data do not go together; see also `find`.
    """
    if request.shape is not None and 3 in request.shape[2:] + request.shape[:-2]:
        settings = replace(settings, color=True)
    usual: int | str = "whole" if wholes else 1 if request.shape is not None else 10
    side = settings.patch_size or usual
    smallest = (1, 1) if isinstance(side, str) else (side, side)
    data = find(replace(request, color=settings.color, smallest=smallest))
    if request.stored and data.pieces:
        raise ValueError(
            f"--dask needs rows in files, but {data.kind} are cut into pieces in this process: "
            "leave it out."
        )
    if wholes and "patch_size" in data.own_settings:
        settings = settings.with_defaults(patch_size="whole")
    settings = complete(settings, data.kind, rows_are_images=request.shape is not None)
    return data, data.fill_in_from_files(settings)


def find_to_encode(
    name: str,
    model: BaseEstimator,
    request: Request,
    convolution: Mapping[str, Any] | None = None,
) -> Data:
    """Find data of the kind that a model works on, large enough for convolution.

    Parameters
    ----------
    name : str
        What errors call the model.
    model : BaseEstimator
    request : Request
        Paths, and what the user says about them.
    convolution : mapping, default=None
        Parameters of the `ConvolutionalFeatures` that apply the model, if any.

    Raises
    ------
    ValueError
        If the data are of another kind; see also `find`.
    """
    needs = needs_of(model, convolution)
    kind, whole = needs.pop("kind"), needs.pop("whole", None)
    selection = replace(request.selection, like=needs.pop("like", ()), **KINDS[kind].selected)
    request = replace(request, selection=selection, **needs)
    data = find(request)
    if request.shape is None and whole is not None and data.can_be_shaped:
        data = find(replace(request, shape=whole))
    if data.kind != kind and not request.paths:
        raise ValueError(f"{name} works on {kind}, and there are no built-in ones: name some.")
    if data.kind != kind:
        shaped = ", because of --shape" if request.shape is not None else ""
        raise ValueError(
            f"{name} works on {kind}, but {data.files[0]} holds {data.kind}{shaped}. Give it the "
            "kind of data that it learned from."
        )
    return data


def kind_of(model: BaseEstimator) -> type[Data]:
    """The kind of data that a model works on.

    Raises
    ------
    ValueError
        If the command line does not read data of this kind.
    """
    from rhohat.estimators.anatomy import Anatomy

    takes = Anatomy.of(model).takes
    kind = RowData.kind if takes is None else takes.kind
    if kind not in KINDS:
        raise ValueError(
            f"the model works on {kind} of numbers, which the command cannot read: use the model "
            "in Python."
        )
    return KINDS[kind]


def needs_of(model: BaseEstimator, convolution: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How data must be read for a model.

    Parameters
    ----------
    model : BaseEstimator
    convolution : mapping, default=None
        Parameters of the `ConvolutionalFeatures` that apply the model, if any.

    Returns
    -------
    needs : dict
        "kind", and what `Data.needs` says.
    """
    from rhohat.estimators.anatomy import Anatomy

    kind = kind_of(model)
    return {"kind": kind.kind, **kind.needs(Anatomy.of(model), convolution)}
