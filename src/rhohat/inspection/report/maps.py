"""Maps of units on the page: by likeness, and of edges by orientation and frequency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhohat.inspection.arrangement import likeness_grid
from rhohat.inspection.edges import EDGE_R2
from rhohat.inspection.report.subject import Subject

#: Units for which there are maps.
LEAST, MOST = 4, 1000


@dataclass(frozen=True)
class Atlas:
    """The row and column of each unit on a grid, (k, 2), and the number of its columns."""

    cells: NDArray[np.intp]
    n_columns: int


@dataclass(frozen=True)
class MapsFound:
    """Units on a grid, and how many of them are edges."""

    atlas: Atlas
    n_edges: int


def find_maps(subject: Subject) -> MapsFound | None:
    """Maps of a layer's units; None if there are hardly any, or too many to be told apart."""
    if not LEAST <= subject.layer.n_units <= MOST:
        return None
    portrait = subject.portrait
    cells = likeness_grid(portrait.view().tiles.values)
    n_edges = 0 if portrait.gabors is None else int((portrait.gabors.r2 >= EDGE_R2).sum())
    return MapsFound(Atlas(cells, int(cells[:, 1].max()) + 1), n_edges)


MAPS = """
<p>Click a unit to open it, or use the arrow keys and Enter.</p>
<div class="columns">
<div>
<h4>By similarity</h4>
<p>Units with similar pictures lie near each other. A projection cannot preserve the cosines of
all pairs, so larger distances mean little.</p>
<div data-atlas="atlas"></div>
</div>
{% if found.n_edges %}
<div>
<h4>Edges by orientation and frequency</h4>
<p>{{ found.n_edges }} units, by their Gabor functions. The direction from the center is that of
the wave, across the edge; the distance is its frequency in cycles per pixel.</p>
<div data-polar></div>
</div>
{% endif %}
</div>
"""
