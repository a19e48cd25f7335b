"""The address tells what is shown and chosen, so that bookmarks and history work."""

import pytest

from support.pages import in_browser

pytestmark = in_browser


def hash_of(seen):
    return seen.page.evaluate("() => location.hash")


def test_a_choice_is_in_the_address_and_back_undoes_it(odd, opened):
    seen = opened(odd[3])
    seen.page.select_option("[name=sort]", "average")
    assert hash_of(seen) == "#units?sort=average"
    falling = seen.order()
    seen.page.click("[name=direction]")
    assert hash_of(seen) == "#units?sort=average&rising=true"
    assert seen.order() != falling
    seen.page.go_back()
    seen.expect("[name=direction]").to_have_text("↓")
    assert seen.order() == falling
    seen.page.fill("[name=search]", "1-3")
    seen.page.click("#gallery .tile")
    seen.expect("#unit-part").to_be_visible()
    assert hash_of(seen).endswith("?sort=average&search=1-3")
    seen.page.go_back()
    seen.expect("#gallery").to_be_visible()
    assert seen.page.input_value("[name=search]") == "1-3"
    assert sorted(seen.order()) == [1, 2, 3]
    assert seen.errors == []


def test_a_bookmark_brings_all_of_it_back(odd, opened):
    seen = opened(odd[3])
    seen.page.goto(
        seen.url + "#unit-5?sort=average&filter=alike&dead_last=false&map=diverging&contrast=2"
    )
    seen.page.reload()
    seen.page.click("#back")
    assert set(seen.order()) >= {5, 6}
    chosen = {name: seen.page.input_value(f"[name={name}]") for name in ("sort", "filter", "map")}
    assert chosen == {"sort": "average", "filter": "alike", "map": "diverging"}
    assert not seen.page.is_checked("[name=dead_last]")
    assert seen.page.input_value("[name=contrast]") == "2"


@pytest.mark.parametrize(
    "words", ["sort=nonsense", "filter=toString&map=x", "size=1e9&contrast=abc", "picture=%E0%A4%A"]
)
def test_nonsense_in_the_address_is_as_nothing(odd, opened, words):
    seen = opened(odd[3])
    seen.page.goto(f"{seen.url}#units?{words}")
    seen.page.reload()
    seen.expect("#count").to_have_text("12 of 12 units")
    assert seen.order()[-1] == 3
    assert seen.errors == []


def test_the_title_of_the_tab_tells_what_is_shown(odd, opened):
    seen = opened(odd[3])
    title = seen.page.title()
    seen.page.goto(seen.url + "#unit-5")
    assert seen.page.title() == f"Unit 5 · {title}"
    seen.page.keyboard.press("ArrowRight")
    seen.expect("#unit-heading").to_have_text("Unit 6")
    assert seen.page.title() == f"Unit 6 · {title}"
    seen.page.goto(seen.url + "#model")
    assert seen.page.title() == f"Model · {title}"


def test_the_first_link_leads_to_the_tiles(odd, opened):
    seen = opened(odd[3])
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.expect('#gallery [href="#unit-0"]').to_be_focused()


def test_projector_shows_one_unit_and_arrows_move(odd, opened):
    seen = opened(odd[3])
    seen.page.locator("#gallery .tile").nth(2).focus()
    seen.page.keyboard.press("p")
    seen.expect("#unit-heading").to_have_text("Unit 2")
    seen.expect("nav").not_to_be_visible()
    seen.expect(".pictures canvas").to_be_visible()
    seen.page.keyboard.press("ArrowRight")
    seen.expect("#unit-heading").to_have_text("Unit 4")  # 3 is dead, and comes last
    seen.expect("nav").not_to_be_visible()
    seen.page.keyboard.press("p")
    seen.expect("nav").to_be_visible()
    assert seen.errors == []


def test_a_phone_has_one_row_of_controls_and_the_rest_on_a_sheet(odd, opened):
    seen = opened(odd[3], viewport={"width": 390, "height": 500}, has_touch=True)
    sheet = seen.page.locator("#more")
    assert seen.page.locator("#controls").bounding_box()["height"] < 64
    assert not sheet.is_visible()
    seen.page.mouse.wheel(0, 3000)
    seen.page.wait_for_timeout(50)
    assert seen.page.locator("#controls").bounding_box()["y"] == pytest.approx(0, abs=1)
    seen.page.tap("#sheet")
    seen.page.select_option("[name=filter]", "dead")
    seen.page.keyboard.press("Escape")
    assert not sheet.is_visible()
    assert seen.order() == [3]
