"""The portrait of a layer: what its units look for, and what that tells of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.arrays import FloatArray
from rhohat.common.caching import cached_property
from rhohat.common.validation import look_up
from rhohat.inspection.activation_statistics import N_EXAMPLES
from rhohat.inspection.bands import BandPass, band_pass
from rhohat.inspection.color import chromatic_share
from rhohat.inspection.columns import Columns, feature_names
from rhohat.inspection.edges import (
    AlikePairs,
    EdgeScore,
    GaborFit,
    alike_pairs,
    fit_gabors,
    score_edges,
)
from rhohat.inspection.examples import Examples
from rhohat.inspection.layers import Layer, layers_of
from rhohat.inspection.responses import Responses
from rhohat.inspection.tiles import (
    TileAxes,
    Tiles,
    axes_of,
    input_tiles,
    pattern_tiles,
    pixel_tiles,
    tiles_of,
)

#: Least side of a tile with enough pixels for the eight parameters of a Gabor function.
GABOR_SIDE = 6
#: Greatest side: larger tiles are whole pictures, and the search for a start would take gigabytes.
GABOR_LARGEST = 32
#: Title of a view in the space of the first layer's input.
AS_INPUT = "after preprocessing"
#: Share of a tile off the gray axis above which its unit counts as chromatic.
CHROMATIC = 0.5


class View(NamedTuple):
    """A picture of every unit.

    Attributes
    ----------
    name : str
        A name in `PICTURES`; "input" and "pixels" are what units look for in other spaces.
    label : str
        What a switch calls it; empty if it is not on the switch.
    title : str
    tiles : Tiles
    """

    name: str
    label: str
    title: str
    tiles: Tiles


@dataclass(frozen=True, eq=False)
class Portrait:
    """What the units of a layer look for; each part is computed once, when first asked for.

    Summaries, figures and reports show what a portrait holds, so that they agree.

    Attributes
    ----------
    layer : Layer
    shape : tuple of int or None
        (height, width[, 3]) of rows that are pictures. Patches have their own.
    radius : float
        Norm of the inputs among which units of deeper layers look; see `maximal_inputs`.
    names : sequence of str
        Names of the data's columns, if they have any.
    responses : Responses or None
        What the units do on examples.
    """

    layer: Layer
    shape: tuple[int, ...] | None = None
    radius: float = 1.0
    names: Sequence[Any] = ()
    responses: Responses | None = None

    @cached_property
    def axes(self) -> TileAxes | None:
        """The axes of tiles, if the model learned from series."""
        return axes_of(self.layer)

    @cached_property
    def tiles(self) -> Tiles:
        """The input that activates each unit most; before whitening, if that is the last step."""
        tiles = tiles_of(self.layer, self.radius)
        fits = tiles.shape is None and np.prod(self.shape or ()) == tiles.values.shape[1]
        return tiles._replace(shape=self.shape, kind="image") if self.shape and fits else tiles

    @cached_property
    def gabors(self) -> GaborFit | None:
        """The Gabor function nearest to every tile, if tiles can be edges.

        Gray pictures of at least 6 x 6 pixels can: pieces of images, or rows that the user gave a
        shape. Tiles of whole images are not edges, and fitting them would take minutes.
        """
        values, shape, _, kind, _ = self.tiles
        if kind != "image" or self.axes is not None or shape is None or len(shape) != 2:
            return None
        wholes = any(getattr(step, "takes_wholes", False) for step in self.layer.before)
        if wholes or min(shape) < GABOR_SIDE or max(shape) > GABOR_LARGEST:
            return None
        return fit_gabors(values.reshape(-1, *shape).astype(np.float64))

    @cached_property
    def alike(self) -> AlikePairs:
        """Units that look for the same, or for the opposite."""
        return alike_pairs(self.tiles.values.astype(np.float64))

    @property
    def edges(self) -> EdgeScore | None:
        """How far units look for edges, if tiles can be edges."""
        return None if self.gabors is None else score_edges(self.gabors, self.alike)

    @cached_property
    def chromatic(self) -> NDArray[np.bool_] | None:
        """Whether each unit looks for color rather than brightness, if tiles have colors."""
        values, shape, *_ = self.tiles
        if shape is None or len(shape) != 3:
            return None
        return chromatic_share(values.reshape(-1, *shape)) > CHROMATIC

    @cached_property
    def bands(self) -> BandPass | None:
        """The frequency bands of units, if they look at waveforms of a known rate."""
        axes = self.axes
        if axes is None or axes.kind != "trace" or axes.rate is None or self.layer.is_deep:
            return None
        if axes.told or (self.tiles.shape or (1,))[0] > 1:  # spectra, or several channels
            return None
        return band_pass(self.tiles.values, axes.rate)

    @property
    def usual(self) -> str:
        """The name of the picture that shows best what a unit is about.

        Pieces of images are known by what units look for: edges. Elsewhere, what units look for
        after whitening is mostly noise, and what they stand for shows the parts of the data.
        """
        is_image = self.tiles.kind == "image" and self.axes is None
        extractor = self.layer.anatomy.extractor
        cuts = extractor is not None and not extractor.takes_wholes
        looks = is_image and (cuts or not self.tiles.title)
        return "looks-for" if looks or self.patterns is None else "stands-for"

    @cached_property
    def patterns(self) -> Tiles | None:
        """What units stand for in the data; None if there is no way back to the data."""
        try:
            return pattern_tiles(self.layer, self.shape, by_column=self.is_mixed)
        except ValueError:
            return None

    def view(self, name: str | None = None) -> View:
        """The picture of this name, by default the usual one.

        Raises
        ------
        ValueError
            If there is no such picture, or not of this model.
        """
        name = self.usual if name is None else name
        picture = look_up("picture", name, PICTURES)
        tiles = picture.tiles(self)
        titles = [picture.title]
        if name == "looks-for":
            titles = [self._most, tiles.title or (AS_INPUT if self.layer.before else "")]
        elif tiles.title:
            titles.append(tiles.title)
        return View(name, picture.label, ", ".join(filter(None, titles)), tiles)

    @cached_property
    def views(self) -> list[View]:
        """All pictures of every unit, the usual one first."""
        found = []
        for name in PICTURES:
            try:
                found.append(self.view(name))
            except ValueError:
                continue  # a unit that rebuilds nothing, or no examples
            found += self._other_inputs if name == "looks-for" else []
        usual = self.usual
        return sorted(found, key=lambda view: view.name != usual)

    @property
    def is_mixed(self) -> bool:
        """Whether columns have names and no order: each may have a unit of its own."""
        return self.shape is None and bool(Columns.of(len(self.names), self.names).names)

    def along(self, tiles: Tiles) -> Columns:
        """What the values of tiles that are no pictures belong to."""
        width = tiles.values.shape[1]
        if tiles.across:
            return Columns.counted(width, tiles.across)
        return Columns.of(width, self.names)

    @property
    def _most(self) -> str:
        """What is said of inputs that units look for."""
        way = ", by gradient ascent from the middle of the data" if self.layer.is_deep else ""
        return f"{PICTURES['looks-for'].title}{way}"

    @property
    def _other_inputs(self) -> list[View]:
        """What units look for in other spaces, where it is not the same there."""
        most, found = [self.tiles], []
        for name, other in (("input", self._seen), ("pixels", self._pixels)):
            if other is not None and not any(_is_same(other, tiles) for tiles in most):
                most.append(other)
                title = f"{self._most}, {other.title or AS_INPUT}"
                found.append(View(name, "", title, other))
        return found

    def _weights(self, values: FloatArray | None) -> Tiles:
        """Weights as tiles."""
        if values is None:
            raise ValueError("the units do not reconstruct their input: they have no decoder.")
        if self.layer.is_deep:
            return Tiles(values, None, "", "trace", "unit of the layer below")
        seen = self._seen
        return Tiles(values, seen.shape, "", seen.kind, seen.across)

    def _decoder(self) -> Tiles:
        """The decoder's weights; those of a transcoder belong to the columns of its targets."""
        if self.layer.predicted is None:
            return self._weights(self.layer.decoder_weights)
        weights: FloatArray = self.layer.estimator.decoder_weights_
        is_alike = self.shape is not None and np.prod(self.shape) == weights.shape[1]
        shape, kind = (self.shape, "image") if is_alike else (None, "trace")
        return Tiles(weights, shape, "in the targets", kind, "column of the targets")

    def _mean_of_top(self) -> Tiles:
        """Means of the examples that activate units most."""
        if self.responses is None:
            raise ValueError("the mean of a unit's top examples needs data: pass the data.")
        examples, values = self.responses.examples, self.responses.mean_of_top
        kind, title = "trace" if examples.shape is None else examples.kind, ""
        if self.is_mixed:
            values = values / self.responses.spread
            title = "in standard deviations of each column"
        return Tiles(values, examples.shape, title, kind)

    def _stands_for(self) -> Tiles:
        """Patterns; raise ValueError, saying why, if there are none."""
        return self.patterns or pattern_tiles(self.layer, self.shape, by_column=self.is_mixed)

    @property
    def _seen(self) -> Tiles:
        """Tiles in the space of the first layer's input; not sought again if `tiles` are there."""
        tiles = self.tiles
        return input_tiles(self.layer, tiles.shape, self.radius) if tiles.title else tiles

    @property
    def _pixels(self) -> Tiles | None:
        """Tiles in the space of the data, if there are steps and all know the way back."""
        if not self.layer.before:
            return None
        return pixel_tiles(self.layer, self.tiles.shape, self.radius)


class Picture(NamedTuple):
    """A row of `PICTURES`.

    Attributes
    ----------
    label : str
        What a switch calls it.
    title : str
        What it shows.
    tiles : callable
        ``tiles(portrait)``: the tiles; raises ValueError if there are none.
    """

    label: str
    title: str
    tiles: Callable[[Portrait], Tiles]


#: Pictures of a unit, by the names that Python and commands give them.
PICTURES: dict[str, Picture] = {
    "looks-for": Picture("looks for", "Input that activates it most", lambda units: units.tiles),
    "stands-for": Picture("stands for", "What it adds when it fires", Portrait._stands_for),
    "examples": Picture(
        "mean of its top examples",
        "Mean of the examples that activate it most, minus the mean of all",
        Portrait._mean_of_top,
    ),
    "encoder": Picture(
        "encoder",
        "Encoder weights",
        lambda units: units._weights(units.layer.encoders[-1].weights),
    ),
    "decoder": Picture(
        "decoder",
        "Decoder weights",
        Portrait._decoder,
    ),
}


def portraits_of(
    model: BaseEstimator,
    examples: Examples | None = None,
    shape: tuple[int, ...] | None = None,
    *,
    n_examples: int = N_EXAMPLES,
    columns: Sequence[Any] | None = None,
) -> list[Portrait]:
    """Portraits of all layers of a model, from the input upwards.

    Parameters
    ----------
    model : estimator
        As `layers_of` takes it.
    examples : Examples, default=None
        Units look among inputs of the examples' typical norm; of norm 1 without examples.
    shape : tuple of int, default=None
        (height, width[, 3]) of rows that are pictures.
    n_examples : int, default=16
        Examples that activate a unit most, of which there is a mean.
    columns : sequence of str, default=None
        Names of the data's columns; those that the model was fitted on if None.
    """
    radius = 1.0 if examples is None else examples.typical_norm()
    shape = (None if examples is None else examples.shape) or shape
    names = feature_names(model) if columns is None else tuple(columns)
    return [
        Portrait(
            layer,
            shape,
            radius,
            names,
            None if examples is None else Responses(layer, examples, n_examples),
        )
        for layer in layers_of(model)
    ]


def _is_same(tiles: Tiles, others: Tiles) -> bool:
    shapes = tiles.values.shape == others.values.shape
    return shapes and np.allclose(tiles.values, others.values)
