"""The portrait of a layer: what its units look for, and what that tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.caching import cached_property
from rhohat.inspection.bands import BandPass, band_pass
from rhohat.inspection.color import chromatic_share
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
from rhohat.inspection.tiles import TileAxes, Tiles, axes_of, input_tiles, pixel_tiles, tiles_of

#: Least side of a tile with enough pixels for the eight parameters of a Gabor function.
GABOR_SIDE = 6
#: Title of a view in the space of the first layer's input.
AS_INPUT = "as the autoencoder gets it"
#: Share of a tile off the gray axis above which its unit counts as chromatic.
CHROMATIC = 0.5


class View(NamedTuple):
    """A picture of every unit.

    Attributes
    ----------
    name : {"gallery", "input", "pixels", "encoder", "decoder"}
    title : str
    tiles : Tiles
    """

    name: str
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
    """

    layer: Layer
    shape: tuple[int, ...] | None = None
    radius: float = 1.0

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
        values, shape, _, kind = self.tiles
        if kind != "image" or self.axes is not None or shape is None or len(shape) != 2:
            return None
        wholes = any(getattr(step, "takes_wholes", False) for step in self.layer.before)
        if wholes or min(shape) < GABOR_SIDE:
            return None
        return fit_gabors(values.reshape(-1, *shape).astype(np.float64))

    @cached_property
    def alike(self) -> AlikePairs:
        """Units that look for the same."""
        return alike_pairs(self.tiles.values.astype(np.float64))

    @property
    def edges(self) -> EdgeScore | None:
        """How far units look for edges, if tiles can be edges."""
        return None if self.gabors is None else score_edges(self.gabors, self.alike)

    @cached_property
    def chromatic(self) -> NDArray[np.bool_] | None:
        """Whether each unit looks for color rather than brightness, if tiles have colors."""
        values, shape, _, _ = self.tiles
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

    @cached_property
    def views(self) -> list[View]:
        """Pictures of every unit: first the inputs that activate it most, then its weights."""
        layer, tiles, seen = self.layer, self.tiles, self._seen
        most = [View("gallery", tiles.title or (AS_INPUT if layer.before else ""), tiles)]
        for name, other in (("input", seen), ("pixels", self._pixels)):
            if other is not None and not any(_is_same(other, view.tiles) for view in most):
                most.append(View(name, other.title or AS_INPUT, other))
        way = ", by gradient ascent from the middle of the data" if layer.is_deep else ""
        inputs = [
            view._replace(title=f"Input that activates it most{way}, {view.title}".rstrip(", "))
            for view in most
        ]
        shape, kind = (None, "trace") if layer.is_deep else (seen.shape, seen.kind)
        weights = [
            View(name, title, Tiles(values, shape, title, kind))
            for name, title, values in (
                ("encoder", "Encoder weights", layer.encoders[-1].weights),
                ("decoder", "Decoder weights", layer.decoder_weights),
            )
            if values is not None
        ]
        return [*inputs, *weights]

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


def portraits_of(
    model: BaseEstimator, examples: Examples | None = None, shape: tuple[int, ...] | None = None
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
    """
    radius = 1.0 if examples is None else examples.typical_norm()
    shape = (None if examples is None else examples.shape) or shape
    return [Portrait(layer, shape, radius) for layer in layers_of(model)]


def _is_same(tiles: Tiles, others: Tiles) -> bool:
    shapes = tiles.values.shape == others.values.shape
    return shapes and np.allclose(tiles.values, others.values)
