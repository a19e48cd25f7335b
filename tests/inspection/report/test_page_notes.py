"""Names, stars and notes that a reader gives to units."""

import csv
import json

import pytest

from support.pages import in_browser, payload

pytestmark = in_browser


@pytest.fixture
def named(odd, opened):
    """A page on which unit 5 has a name, a star and a note."""
    seen = opened(odd[3])
    seen.page.goto(seen.url + "#unit-5")
    seen.page.fill("input.name", "left <b>edge</b>")
    seen.page.click(".star")
    seen.page.fill(".note textarea", "as in the\nretina")
    return seen


def downloaded(seen, what):
    seen.page.goto(seen.url + "#units")
    seen.page.click("#save summary")
    with seen.page.expect_download() as download:
        seen.page.click(f"[data-save={what}]")
    return download.value.path().read_bytes()


def test_they_stay_and_are_shown_and_found(named):
    named.page.reload()
    named.expect("#unit-heading").to_have_text("Unit 5: left <b>edge</b>")
    assert named.page.title().startswith("Unit 5: left <b>edge</b> · ")
    assert named.page.input_value(".note textarea") == "as in the\nretina"
    named.page.click("#back")
    named.expect('#gallery [href="#unit-5"] .caption').to_have_text("★ 5 · left <b>edge</b>")
    for words in ("LEFT", "retina"):
        named.page.fill("[name=search]", words)
        assert named.order() == [5]
    named.page.fill("[name=search]", "")
    named.page.select_option("[name=filter]", "starred")
    assert named.order() == [5]
    assert named.errors == []


def test_a_file_carries_them_to_another_browser(named, odd, opened, tmp_path):
    content = json.loads(downloaded(named, "export"))
    assert content["units"] == [
        {
            "layer": 1,
            "unit": 5,
            "name": "left <b>edge</b>",
            "star": True,
            "note": "as in the\nretina",
        }
    ]
    content["units"].append({"layer": 1, "unit": 99, "name": "none", "star": False, "note": ""})
    other = opened(odd[3])
    for change, told in (
        ({"model": "x"}, "was saved for another model"),
        ({"units": 3}, "is not a file of names and notes"),
        ({}, "Read names and notes of 1 unit; skipped 1 for units"),
    ):
        path = tmp_path / "notes.json"
        path.write_text(json.dumps(content | change))
        other.page.set_input_files("#notes-file", path)
        other.expect("#told").to_contain_text(told)
    other.expect('#gallery [href="#unit-5"] .caption').to_have_text("★ 5 · left <b>edge</b>")


def test_a_browser_that_keeps_nothing_is_told_of(odd, opened):
    seen = opened(odd[3])
    seen.page.goto(seen.url + "#unit-5")
    denied = "() => { Storage.prototype.setItem = () => { throw new Error(); }; }"
    seen.page.evaluate(denied)
    seen.page.fill("input.name", "edge")
    seen.expect(".unkept").to_be_visible()
    seen.expect("#unit-heading").to_have_text("Unit 5: edge")
    assert seen.errors == []


def test_the_table_has_all_that_is_known_of_each_unit(named, odd):
    rows = list(csv.DictReader(downloaded(named, "csv").decode().splitlines(keepends=True)))
    found = payload(odd[3])
    assert [int(row["unit"]) for row in rows] == list(range(12))
    assert [row["name"] for row in rows if row["name"]] == ["left <b>edge</b>"]
    assert rows[5]["note"] == "as in the\nretina"
    assert [float(row["edge score"]) for row in rows] == found["gabor"]["r2"]
    assert [float(row["average activation"]) for row in rows] == found["activity"]["mean"]
    assert [row["unit"] for row in rows if row["dead"] == "true"] == ["3"]
    assert rows[6]["duplicates"].split() == ["5"]
