"""What a page's scripts and templates read is what the findings hold, and nothing else."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from rhohat.inspection.bands import BandPass
from rhohat.inspection.edges import AlikePairs
from rhohat.inspection.report.charts import Axis, Chart, Line, Mark
from rhohat.inspection.report.comparison import ComparisonFindings, Side
from rhohat.inspection.report.examples import PageGroup
from rhohat.inspection.report.exploration import ExplorationFindings, PageCell, Slider
from rhohat.inspection.report.findings import (
    Findings,
    LayerFindings,
    OnEveryPage,
    PageColumns,
    PageView,
    as_json,
)
from rhohat.inspection.report.maps import Atlas
from rhohat.inspection.report.pictures import Pictures
from rhohat.inspection.report.reconstructions import Pairs
from rhohat.inspection.report.sources import SourceImage, Surroundings
from rhohat.inspection.report.trying import PageCoder, Trial
from rhohat.inspection.tiles import TileAxes

PAGE = files("rhohat.inspection.report")

#: What names stand for in the scripts of the page.
ON_THE_PAGE = {
    "report": Findings,
    "found": LayerFindings,
    "layer": LayerFindings,
    "view": PageView,
    "pictures": Pictures,
    "group": PageGroup,
    "image": SourceImage,
    "series": SourceImage,
    "around": Surroundings,
    "axes": TileAxes,
    "columns": PageColumns,
    "along": PageColumns,
}
#: What names stand for in each file.
ROOTS = {
    "pictures.js": {"pictures": Pictures},
    "charts.js": {"x": Axis, "y": Axis, "axis": Axis, "line": Line, "mark": Mark},
    "shared.js": ON_THE_PAGE | {"report": OnEveryPage},
    "scene.js": ON_THE_PAGE,
    "examples.js": ON_THE_PAGE,
    "classes.js": ON_THE_PAGE,
    "reconstructions.js": ON_THE_PAGE,
    "maps.js": ON_THE_PAGE,
    "gabor.js": ON_THE_PAGE,
    "page.js": ON_THE_PAGE,
    "notes.js": {"report": Findings, "layer": LayerFindings},
    "saving.js": {"layer": LayerFindings},
    "computing.js": {"report": Findings, "trial": Trial, "coder": PageCoder},
    "trying.js": {"report": Findings, "trial": Trial, "columns": PageColumns},
    "page.html": {"found": Findings, "layer": LayerFindings},
    "comparison.js": {
        "report": ComparisonFindings,
        "side": Side,
        "first": Side,
        "alone": Side,
        "view": PageView,
    },
    "comparison.html": {"found": ComparisonFindings, "side": Side},
    "exploration.js": {
        "report": ExplorationFindings,
        "cell": PageCell,
        "usual": PageView,
        "view": PageView,
    },
    "exploration.html": {
        "found": ExplorationFindings,
        "cell": PageCell,
        "axis": Slider,
        "across": Slider,
        "last": Slider,
    },
}
#: Parameters that are taken apart where a function begins.
PARAMETERS = {
    "charts.js": {r"function chart\(": Chart},
    "examples.js": {r"function aboutGroup\(": PageGroup},
    "page.js": {r"function partnersIn\(": AlikePairs},
    "pictures.js": {r"function inUnits\(": Pictures},
    "reconstructions.js": {r"function pairsOf\(": Pairs},
    "maps.js": {r"function atlasOf\(": Atlas},
    "computing.js": {r"function affine\(x, ": PageCoder},
}
#: What scripts add to what they read.
ADDED = {
    LayerFindings: {
        *(
            "number",
            "twins",
            "partners",
            "tiles",
            "all",
            "picture",
            "dead",
            "saturated",
            "averages",
        ),
        "address",
    },
    Pictures: {"levels"},
    Chart: {"bars", "width"},
    Findings: set(),
}
#: What is not read out of a record, but of a list or text.
METHODS = {
    "map",
    "indexOf",
    "length",
    "entries",
    "every",
    "some",
    "flatMap",
    "slice",
    "has",
    "get",
    "find",
    "filter",
    "at",
    "join",
    "forEach",
    "reduce",
    "reduceRight",
}


def fields_of(cls):
    """Fields and types of a record, those of the classes it is made of among them."""
    return get_type_hints(cls)


def records_in(hint):
    """Record classes in a type, whatever holds them."""
    if get_origin(hint) in (Union, UnionType, Sequence, Mapping, list, tuple):
        return [record for inner in get_args(hint) for record in records_in(inner)]
    is_record = isinstance(hint, type) and hint.__module__.startswith("rhohat.inspection")
    return [hint] if is_record else []


def all_records(cls, seen=()):
    """A record and all that it holds."""
    if cls in seen:
        return list(seen)
    seen = [*seen, cls]
    for hint in fields_of(cls).values():
        for record in records_in(hint):
            seen = all_records(record, seen)
    return seen


def owner(cls, field):
    """The class that a field was first declared in."""
    return next(
        base for base in reversed(cls.__mro__) if field in vars(base).get("__annotations__", ())
    )


def reads_in(name, text):
    """(record, key) of all that a file reads; keys that a script adds itself are left out."""
    found = set()
    roots = ROOTS[name]

    def follow(cls, keys):
        for key in keys:
            if key in METHODS:
                return None
            added = next((ADDED[base] for base in cls.__mro__ if base in ADDED), ())
            if key == "picture" and cls is LayerFindings:
                cls = PageView
                continue
            if key in added:
                return None
            found.add((cls, key))
            inner = records_in(fields_of(cls).get(key, type(None)))
            if len(inner) != 1:
                return None
            cls = inner[0]
        return cls

    def take_apart(cls, inside):
        for part in re.split(r",(?![^(]*\))", inside):
            key = re.split(r"[:=]", part)[0].strip()
            if key and not key.startswith("..."):
                follow(cls, [key])

    names = "|".join(roots)
    for root, chain in re.findall(rf"(?<![.\w])({names})((?:\??\.\w+|\[[^\[\]]*\]|\?\.\[)+)", text):
        follow(roots[root], re.findall(r"\.(\w+)", re.sub(r"\[[^\]]*\]?", "", chain)))
    for inside, root, chain in re.findall(
        rf"\{{([^{{}}]*)\}} = ({names})((?:\.\w+)*)(?=[,;\s])", text
    ):
        cls = follow(roots[root], re.findall(r"\w+", chain))
        if cls is not None:
            take_apart(cls, inside)
    for start, cls in PARAMETERS.get(name, {}).items():
        take_apart(cls, re.search(start + r"\{([^{}]*)\}", text).group(1))
    return found


def all_reads():
    return {read for name in ROOTS for read in reads_in(name, (PAGE / name).read_text())}


def unknown(reads):
    return sorted((cls.__name__, key) for cls, key in reads if key not in fields_of(cls))


def unread(reads, records):
    known = {(owner(cls, key), key) for cls, key in reads if key in fields_of(cls)}
    held = {(owner(cls, key), key) for cls in records for key in fields_of(cls)}
    return sorted((cls.__name__, key) for cls, key in held - known)


def test_every_key_that_is_read_is_a_field():
    assert unknown(all_reads()) == []


@pytest.mark.parametrize("page", [Findings, ComparisonFindings, ExplorationFindings])
def test_every_field_is_read(page):
    records = all_records(page)
    assert {Chart, Pairs, BandPass, Mark, PageView} <= set(records) or page is not Findings
    assert unread(all_reads(), records) == []


@pytest.mark.parametrize(
    ("name", "text", "missed"),
    [
        ("page.js", "const { rows, nonsense } = found.activity;", ("Activity", "nonsense")),
        ("page.js", "report.examples.places?.[3].nonsense; found.nonsense[2]", None),
        ("page.html", "{{ found.layers[0].activity.nonsense }}", ("Activity", "nonsense")),
        ("charts.js", "function chart({ x, nonsense = 1 }) {}", ("Chart", "nonsense")),
    ],
)
def test_a_key_that_is_no_field_is_noticed(name, text, missed):
    text = text if "function chart" in text else (PAGE / name).read_text() + text
    missed = missed or ("LayerFindings", "nonsense")
    assert missed in unknown(reads_in(name, text))


def test_a_field_that_nothing_reads_is_noticed():
    @dataclass(frozen=True)
    class More(Findings):
        nonsense: int = 0

    assert ("More", "nonsense") in unread(all_reads(), [More])


def test_json_has_six_digits_and_no_nan():
    mark = Mark("here", x=1 / 3)
    value = {"a": np.array([[np.nan, np.inf], [123456789.0, 1e-9]]), "b": np.arange(3), "c": mark}
    assert json.loads(json.dumps(as_json(value), allow_nan=False)) == {
        "a": [[None, None], [123457000.0, 1e-9]],
        "b": [0, 1, 2],
        "c": {"label": "here", "x": 0.333333, "y": None, "kind": "mark"},
    }
