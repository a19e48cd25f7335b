"""Sections: the cards of a page that tell of the model, one row each.

A section finds something out about a layer, and shows it by a fragment of HTML; the module of its
name has both. The script draws what the fragment asks for: in an element with ``data-chart="NAME"``
the `Chart` found under that name, with ``data-pairs="NAME"`` the `Pairs`, with
``data-atlas="NAME"`` the `Atlas`; with ``data-evidence`` the layer's dead, saturated, duplicate and
opposite units, and with ``data-polar`` its edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.inspection.report.again import AGAIN, find_again
from rhohat.inspection.report.averages import find_averages
from rhohat.inspection.report.bands import find_bands
from rhohat.inspection.report.charts import PLOT, Chart
from rhohat.inspection.report.confusion import CONFUSION, find_confusion
from rhohat.inspection.report.fidelity import FIDELITY, find_fidelity
from rhohat.inspection.report.health import HEALTH, find_health
from rhohat.inspection.report.maps import MAPS, Atlas, find_maps
from rhohat.inspection.report.overview import OVERVIEW, find_overview
from rhohat.inspection.report.reconstructions import RECONSTRUCTIONS, Pairs, find_reconstructions
from rhohat.inspection.report.settings import SETTINGS, find_settings
from rhohat.inspection.report.spectrum import find_spectrum
from rhohat.inspection.report.subject import Subject
from rhohat.inspection.report.training import TRAINING, find_training
from rhohat.inspection.report.whole import WHOLE, find_whole

#: What a script can draw.
Drawing = Chart | Pairs | Atlas


class Section(NamedTuple):
    """A card of the model's part of the page.

    Attributes
    ----------
    find : callable
        ``find(subject)``: what the card tells of a layer, as a frozen dataclass; None for no card.
    title : str, default=""
        The card's heading, as a Jinja template. The name of the layer is added to it, if the model
        has several and each is asked. Empty if `html` has a heading of its own.
    html : str, default=PLOT
        A Jinja template of the card's content, in which `found` and `subject` are known. The
        default shows a `Plot`.
    preposition : str, default="of"
        Between the title and the name of the layer.
    is_wide : bool, default=False
        Whether the card takes the page's whole width.
    is_opening : bool, default=False
        Whether the page opens with it: it stands above units and model.
    shows_sources : bool, default=False
        Whether it shows parts of the user's data: `rows` of what it found are the numbers of
        examples, and `images` of whole images or series.
    told_of : {"each layer", "first layer", "last layer"}, default="each layer"
        The layers that are asked. A card told of each layer has the layer's number in its address.
    """

    find: Callable[[Subject], Any]
    title: str = ""
    html: str = PLOT
    preposition: str = "of"
    is_wide: bool = False
    is_opening: bool = False
    shows_sources: bool = False
    told_of: str = "each layer"

    @property
    def template(self) -> str:
        """The whole card: a heading, in which `of_layer` is known, and the content."""
        heading = f"\n<h3>{self.title}{{{{ of_layer }}}}</h3>" if self.title else ""
        return heading + self.html


@dataclass(frozen=True)
class Card:
    """A section as it is told of the layer of this number; `id` is its address on the page."""

    id: str
    number: int
    subject: Subject
    section: Section
    found: Any

    @property
    def of_layer(self) -> str:
        """What follows its title: " of layer 2", for instance."""
        name = self.subject.layer.name if self.section.told_of == "each layer" else ""
        return f" {self.section.preposition} {name}" if name else ""

    @property
    def drawings(self) -> dict[str, Drawing]:
        """What the script is to draw, by name."""
        values = {field.name: getattr(self.found, field.name) for field in fields(self.found)}
        return {name: value for name, value in values.items() if isinstance(value, Drawing)}

    @property
    def rows(self) -> NDArray[np.intp]:
        """Numbers of the examples that it shows, if it shows any."""
        return self._numbers("rows")

    @property
    def images(self) -> NDArray[np.intp]:
        """Numbers of the images, or series, that it shows as a whole."""
        return self._numbers("images")

    def _numbers(self, name: str) -> NDArray[np.intp]:
        found = getattr(self.found, name, ()) if self.section.shows_sources else ()
        return np.asarray(found, dtype=np.intp)


def cards_of(subjects: Sequence[Subject]) -> list[Card]:
    """All cards about a model, in the order of the page."""
    cards = []
    asked = {"each layer": subjects, "first layer": subjects[:1], "last layer": subjects[-1:]}
    for number, subject in enumerate(subjects):
        for name, section in SECTIONS.items():
            found = section.find(subject) if subject in asked[section.told_of] else None
            if found is not None:
                address = f"{name}-{number}" if section.told_of == "each layer" else name
                cards.append(Card(address, number, subject, section, found))
    return cards


#: Sections by name, in the order of the page; cards of the same layer stand together.
SECTIONS: dict[str, Section] = {
    "overview": Section(find_overview, html=OVERVIEW, is_opening=True, told_of="last layer"),
    "confusion": Section(
        find_confusion, "Accuracy and confusion", CONFUSION, is_wide=True, told_of="last layer"
    ),
    "training": Section(find_training, html=TRAINING, is_wide=True),
    "averages": Section(find_averages, "Average activation"),
    "spectrum": Section(find_spectrum, "Whitening", told_of="first layer"),
    "bands": Section(find_bands, "Frequency bands"),
    "fidelity": Section(
        find_fidelity,
        "How well {{ found.noun }} are reconstructed",
        FIDELITY,
        preposition="from",
        is_wide=True,
    ),
    "whole": Section(
        find_whole,
        "A whole {{ found.noun }}",
        WHOLE,
        is_wide=True,
        shows_sources=True,
        told_of="last layer",
    ),
    "reconstructions": Section(
        find_reconstructions,
        "{{ found.given }} and reconstructions",
        RECONSTRUCTIONS,
        preposition="from",
        is_wide=True,
        shows_sources=True,
    ),
    "maps": Section(find_maps, "Maps of the units", MAPS, is_wide=True),
    "health": Section(
        find_health, "Dead, saturated, duplicate and opposite units", HEALTH, is_wide=True
    ),
    "settings": Section(find_settings, "Settings", SETTINGS, told_of="last layer"),
    "again": Section(find_again, "Reproduce it", AGAIN, told_of="last layer"),
}
