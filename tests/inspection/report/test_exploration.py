"""The page of an exploration: a fit for each combination, chosen by keys or by mouse."""

import json
import re
from unittest import mock

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    LoadedImages,
    PatchExtractor,
    SparseAutoencoder,
    StackedAutoencoder,
    Standardization,
    explore,
)
from support.pages import has_room_and_keeps_nobody_out, in_browser

GRID = {"rho": [0.05, 0.1, 0.3], "beta": [1, 3], "lambda": [1e-4, 1e-2, 1.0]}


def found_in(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))


def stopping_after(n_fits):
    """A callback during which Ctrl-C is pressed."""

    def stop(progress):
        if progress.n_done == n_fits:
            raise KeyboardInterrupt

    return stop


@pytest.fixture(scope="module")
def model():
    units = SparseAutoencoder(9, sparsity_penalty=KLSparsity(), random_state=0)
    return make_pipeline(Standardization(), units)


@pytest.fixture(scope="module")
def page(model, digits, tmp_path_factory):
    """A page of 18 fits."""
    told = []
    report = explore(digits[:200], GRID, model=model, max_iter=6, callback=told.append)
    assert [(p.n_done, p.n_cells) for p in told] == [(n, 18) for n in range(1, 19)]
    assert told[-1].seconds_left == 0 < told[0].seconds_left
    path = tmp_path_factory.mktemp("explore") / "explore.html"
    report.save(path)
    return report, path


def test_the_page_has_one_fit_for_each_combination(page):
    report, _ = page
    found = found_in(report.html)
    assert [axis["symbol"] for axis in found["axes"]] == ["ρ", "β", "λ"]
    assert found["axes"][2]["values"] == ["0.0001", "0.01", "1"]
    assert len(found["cells"]) == len(report.exploration.cells) == 18
    assert report.html.count("data-cell=") == 18
    for told, cell in zip(found["cells"], report.exploration.cells, strict=True):
        assert told["loss"] == pytest.approx(cell.loss.total, rel=1e-5)
        assert told["verdict"] == cell.verdict
        assert told["dead"] == np.flatnonzero(cell.case.dead).tolist()
    assert str(report) == str(report.exploration)


def test_without_a_command_the_page_shows_python(page, model, digits):
    report, _ = page
    cell = found_in(report.html)["cells"][4]
    names = {}
    exec(cell["again"].replace("model.fit(data)", ""), names)
    units = names["model"][-1]
    penalty = units.sparsity_penalty
    settings = {"rho": penalty.target, "beta": penalty.weight, "lambda": units.weight_decay}
    assert settings == report.exploration.cells[4].values
    grid = {name: values[:1] for name, values in GRID.items()}
    html = explore(digits[:50], grid, model=model, max_iter=1, command="rhohat learn x.npy").html
    again = found_in(html)["cells"][0]["again"]
    assert again == "rhohat learn x.npy --rho 0.05 --beta 1 --lambda 0.0001"


def test_images_with_names_are_taken_as_they_are(rng):
    images = [rng.rand(12, 12) for _ in range(2)]
    model = make_pipeline(PatchExtractor(5, n_patches=30, random_state=0), SparseAutoencoder(3))
    loaded = LoadedImages(images, ["a", "b"], [])
    grid = {"rho": [0.1], "beta": [1]}
    report = explore(loaded, grid, model=model, max_iter=1, n_rows=20)
    assert report.exploration.n_rows == 20
    assert found_in(report.html)["cells"][0]["view"]["shape"] == [3, 5, 5, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("n_columns", "n_shown"), [(784, 100), (900, 87)])
def test_a_page_stays_small_and_says_which_units_it_shows(n_columns, n_shown, rng):
    model = SparseAutoencoder(100, random_state=0)
    report = explore(rng.rand(20, n_columns), model=model, max_iter=1)
    assert len(report.exploration.cells) == 27
    assert len(report.html) < 3_000_000
    found = found_in(report.html)
    assert (found["units"], found["cells"][0]["view"]["shape"][0]) == (100, n_shown)


def test_what_is_done_when_interrupted_is_kept(model, digits):
    with pytest.warns(UserWarning, match="Interrupted: 5 of 18 fits were completed and are kept"):
        report = explore(digits[:50], GRID, model=model, max_iter=1, callback=stopping_after(5))
    found = found_in(report.html)
    assert [cell is None for cell in found["cells"]] == [False] * 5 + [True] * 13
    assert "13 of 18 are missing, because the run was interrupted." in report.html
    assert report.html.count("not run</span>") == 13


def test_before_the_first_fit_nothing_is_kept(model, digits, monkeypatch):
    monkeypatch.setattr(Standardization, "fit", mock.Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        explore(digits, GRID, model=model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": StackedAutoencoder((4, 3))}, "got StackedAutoencoder"),
        ({"grid": {"gamma": [1]}}, "gamma"),
        ({"n_rows": 0}, "n_rows"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_what_cannot_be_explored_is_refused(options, message, digits):
    with pytest.raises(ValueError, match=message):
        explore(digits, **options)


def chosen(seen):
    """What the sliders say."""
    return [seen.page.locator(f"#value-{n}").inner_text() for n in range(3)]


@in_browser
def test_sliders_are_moved_by_keys(page, opened):
    report, path = page
    seen = opened(path)
    press, sliders = seen.page.keyboard.press, [seen.page.locator(f"#axis-{n}") for n in range(3)]
    for number, slider in enumerate(sliders):
        slider.focus()
        press("Home")
        assert chosen(seen)[number] == f"{list(GRID.values())[number][0]:g}"
    first = seen.page.locator("#figure canvas").first
    before = first.evaluate("canvas => canvas.toDataURL()")
    press("ArrowRight")
    press("ArrowRight")
    assert chosen(seen) == ["0.05", "1", "1"]
    assert sliders[2].get_attribute("aria-valuetext") == "λ = 1"
    assert first.evaluate("canvas => canvas.toDataURL()") != before
    cell = report.exploration.cells[2]
    assert seen.page.locator("#verdict").inner_text() == cell.verdict
    assert f"{cell.case.dead.sum()} of 9" in seen.page.locator("#terms").inner_text()
    assert seen.page.locator("#figure canvas.dead").count() == cell.case.dead.sum()
    sliders[1].focus()
    press("ArrowRight")
    pressed = seen.page.locator("[data-cell][aria-pressed=true]")
    assert pressed.get_attribute("data-cell") == "5"
    assert "weight_decay=1.0" in seen.page.locator("#again").inner_text()
    assert seen.errors == []
    assert {url for url in seen.requests if not url.startswith("data:")} == {seen.url}


@in_browser
def test_a_fit_is_chosen_in_the_table_and_the_best_comes_first(page, opened):
    report, path = page
    seen = opened(path)
    best = report.exploration.best or report.exploration.cells[9]
    assert chosen(seen) == [f"{value:g}" for value in best.values.values()]
    seen.page.locator('[data-cell="13"]').focus()
    seen.page.keyboard.press("Enter")
    assert chosen(seen) == ["0.3", "1", "0.01"]
    assert seen.page.locator(".map canvas").count() == 18


@in_browser
def test_a_missing_fit_is_said_to_be_missing(model, digits, tmp_path, opened):
    with pytest.warns(UserWarning, match="Interrupted"):
        report = explore(digits[:50], GRID, model=model, max_iter=1, callback=stopping_after(1))
    report.save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    seen.page.locator('[data-cell="17"]').click()
    assert "was not run" in seen.page.locator("#verdict").inner_text()
    assert not seen.page.locator("#figure").is_visible()
    seen.page.locator('[data-cell="0"]').click()
    assert seen.page.locator("#figure canvas").count() == 9
    assert seen.page.locator("#figure").is_visible()
    assert seen.errors == []


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out_or_sticks_out(page, opened, scheme):
    has_room_and_keeps_nobody_out(opened, page[1], scheme)


@in_browser
def test_without_scripts_the_table_is_there(page, opened):
    seen = opened(page[1], java_script_enabled=False)
    assert seen.page.locator(".map").count() == 3
    assert not seen.page.locator("#turn").is_visible()


@in_browser
def test_a_penalty_without_a_target_has_two_sliders(digits, tmp_path, opened):
    model = SparseAutoencoder(4, sparsity_penalty="l1", activation="relu", random_state=0)
    report = explore(digits[:60], {"beta": [0.1]}, model=model, max_iter=2)
    report.save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    assert seen.page.locator("input[type=range]").count() == 2
    assert seen.page.locator("#axis-0").is_disabled()
    assert seen.page.locator("[data-cell]").count() == 3
    assert seen.errors == []
