"""The card of a unit's Gabor function: an edge in words, and nothing where it says nothing."""

import numpy as np
import pytest

from support.pages import in_browser, payload

LINES = {
    0: "vertical",
    45: "diagonal, rising",
    90: "horizontal",
    135: "diagonal, falling",
    180: "vertical",
}


@in_browser
def test_the_sentence_says_how_the_edge_lies(default, opened):
    path = default[1]
    found = payload(path)["gabor"]
    parameters, r2 = np.array(found["parameters"]), np.array(found["r2"])
    turns = np.degrees(parameters[:, found["names"].index("orientation")]) % 180
    seen = opened(path)
    edges = np.flatnonzero(r2 >= found["edge"])
    for unit in edges[:: max(len(edges) // 4, 1)]:
        seen.page.goto(f"{seen.url}#unit-{unit}")
        nearest = min(LINES, key=lambda turn: abs(turn - turns[unit]))
        text = seen.page.locator("#unit-part .card", has_text="Gabor function").inner_text()
        assert f"An edge: {LINES[nearest]}, " in text
        assert f"explains {100 * r2[unit]:.0f}% of the tile" in text
    for unit in np.flatnonzero(r2 < 0.4)[:2]:
        seen.page.goto(f"{seen.url}#unit-{unit}")
        seen.expect(f"#unit-heading:has-text('{unit}')").to_be_visible()
        assert seen.page.locator("#unit-part .card", has_text="Gabor function").count() == 0


@in_browser
@pytest.mark.parametrize(
    ("place", "told"),
    [
        ((1, 1), "at the upper left"),
        ((5, 5), "in the middle"),
        ((9, 5), "at the right"),
        ((5, 9), "at the bottom"),
    ],
)
def test_a_place_is_told_in_words(place, told, default, opened):
    seen = opened(default[1])
    words = seen.page.evaluate(f"() => placeIn({place[0]}, {place[1]}, 10, 10)")
    assert words == told
