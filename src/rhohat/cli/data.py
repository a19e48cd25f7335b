"""What a command works on: the user's files, or the photographs that come along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from rhohat.cli.text import count, printable
from rhohat.readers import Content, DataFiles, Skipped
from rhohat.recipes import Settings, complete

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["Data", "Request", "look", "needs_of"]


#: Paths from which a text that repeats the command names them no more.
MANY = 3


@dataclass(frozen=True)
class Request:
    """Which data to read and how.

    Attributes
    ----------
    paths : sequence of Path
        None for the photographs that come along.
    color : bool
    smallest : tuple of int
        Height and width that images must have.
    shape : tuple of int or None
        Of the image that each row is.
    key : str or None
    on_error : {"skip", "fail"}
    """

    paths: Sequence[Path] = ()
    color: bool = False
    smallest: tuple[int, int] = (1, 1)
    shape: tuple[int, ...] | None = None
    key: str | None = None
    on_error: str = "skip"

    def look(self) -> Data:
        """Find the files and what they say that they hold, without reading them."""
        if not self.paths:
            return Data(self, "images", files=["photographs that come along"], n_examples=10)
        if self.shape is not None and self.color != (len(self.shape) == 3):
            raise ValueError("--shape HxWx3 and --color go together.")
        found = DataFiles.find(
            self.paths,
            key=self.key,
            on_error=self.on_error,
            smallest=self.smallest,
            shape=self.shape,
        )
        return Data(
            self,
            found.kind,
            files=[str(path) for path in found.contents],
            skipped=found.skipped,
            ignored=[str(path) for path in found.ignored],
            n_examples=sum(content.shape[0] for content in found.contents.values()),
            found=found,
        )


@dataclass
class Data:
    """Data found, and read when asked.

    Attributes
    ----------
    kind : {"images", "rows"}
    files : list of str
        Those that are used.
    skipped : list of Skipped
    ignored : list of str
        Files in folders that are not data.
    n_examples : int
        Images, or rows.
    content : list of ndarray, or ndarray
        The images or rows, once read.
    """

    request: Request
    kind: str
    files: list[str]
    n_examples: int
    skipped: list[Skipped] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    found: DataFiles | None = None
    content: Any = None  # list[FloatArray] | FloatArray

    def read(self) -> Data:
        """Read everything; files that turn out unusable are skipped and said so."""
        request, found = self.request, self.found
        if found is None:
            from rhohat.datasets import load_photographs

            self.content = load_photographs(color=request.color).images
        elif found.kind == "rows":
            self.content = found.rows()
        else:
            self.content = found.images(color=request.color).images
        self.n_examples = len(self.content)
        bad = {skipped.file for skipped in self.skipped}
        self.files = [file for file in self.files if file not in bad]
        return self

    def contents(self) -> list[Content]:
        """What the files' headers say."""
        if self.found is not None:
            return list(self.found.contents.values())
        from rhohat.datasets import load_photographs

        shapes = [image.shape for image in load_photographs().images]
        return [Content("images", (1, *shape), np.dtype(np.float32)) for shape in shapes]

    @property
    def variance(self) -> float:
        """Mean variance: of all pixels, or over the columns.

        Raises
        ------
        ValueError
            If the values are too large to compute it.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            if self.kind == "rows":
                variance = float(self.content.var(axis=0, dtype=np.float64).mean())
            else:
                pixels = sum(image.size for image in self.content)
                mean = sum(float(image.sum(dtype=np.float64)) for image in self.content) / pixels
                deviations = (image - mean for image in self.content)
                squares = (float(np.square(each).sum(dtype=np.float64)) for each in deviations)
                variance = sum(squares) / pixels
        if not math.isfinite(variance):
            raise ValueError("the values are too large to be squared: scale the data.")
        return variance

    @property
    def described(self) -> str:
        """The data in a few words."""
        if self.found is None:
            return "10 photographs"
        return count(self.n_examples, "image" if self.kind == "images" else "row")

    @property
    def expression(self) -> str:
        """What reads the same data in Python."""
        request = self.request
        if not request.paths:
            color = "color=True" if request.color else ""
            return f"rhohat.load_photographs({color}).images"
        many = len(request.paths) > MANY
        options = ["FILES" if many else repr([str(path) for path in request.paths])]
        if request.key is not None:
            options.append(f"key={request.key!r}")
        if self.skipped:
            options.append("on_error='skip'")
        if self.kind == "rows":
            return f"rhohat.load_rows({', '.join(options)})"
        if request.shape is not None:
            sizes = ", ".join(map(str, request.shape))
            return f"rhohat.load_rows({', '.join(options)}).reshape(-1, {sizes})"
        if self.skipped and request.smallest != (1, 1):
            options.append(f"smallest={request.smallest}")
        if request.color:
            options.append("color=True")
        return f"rhohat.load_images({', '.join(options)}).images"

    @property
    def arguments(self) -> list[str]:
        """What reads the same data on the command line."""
        request = self.request
        words = [str(path) for path in request.paths]
        if len(words) > MANY:
            words = ["FILES"]
        if request.key is not None:
            words += ["--key", request.key]
        return words

    def summary(self) -> dict[str, Any]:
        """What was read and what was not, for JSON."""
        return {
            "kind": self.kind,
            "files": self.files,
            "examples": self.n_examples,
            "skipped": [skipped._asdict() for skipped in self.skipped],
            "ignored": self.ignored,
        }

    def report(self) -> None:
        """Name the files that were skipped, on standard error."""
        for file, reason in self.skipped:
            click.echo(f"skipped: {printable(file)} {printable(reason)}", err=True)
        if self.ignored:
            click.echo(f"not data, left alone: {count(len(self.ignored), 'file')}", err=True)


def look(
    paths: Sequence[Path],
    settings: Settings,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
) -> tuple[Data, Settings]:
    """Find the data that settings are for, and fill in what they leave open."""
    side = settings.patch_size or (1 if shape is not None else 10)
    smallest = (1, 1) if isinstance(side, str) else (side, side)
    data = Request(paths, settings.color, smallest, shape, key, on_error).look()
    settings = complete(settings, data.kind, rows_are_images=shape is not None)
    if settings.patch_size == "whole":
        sizes = sorted({content.shape[1:3] for content in data.contents()})
        if len(sizes) > 1:
            (a, b), (c, d) = sizes[:2]
            raise ValueError(
                f"whole images must have one size, but some have {a} x {b} pixels and others "
                f"{c} x {d}. Cut patches, --patch-size 10 for instance, or scale the images."
            )
    return data, settings


def needs_of(model: BaseEstimator) -> dict[str, Any]:
    """How a model's data must be read: colour, smallest images, shape of whole ones; and the kind.

    Returns
    -------
    needs : dict
        "kind", and what `Request` takes.
    """
    from rhohat.cli.figures import steps_of
    from rhohat.patches import PatchExtractor
    from rhohat.whitening import OneOverFWhitening

    steps = steps_of(model)
    extractors = [step for step in steps if isinstance(step, PatchExtractor)]
    if not extractors:
        kind = "images" if isinstance(steps[0], OneOverFWhitening) else "rows"
        return {"kind": kind}
    shape = extractors[0].patch_shape_
    return {
        "kind": "images",
        "color": len(shape) == 3,
        "smallest": shape[:2],
        "whole": shape if extractors[0].patch_size is None else None,
    }
