"""A browser, to look at pages with."""

import pytest

from support.pages import CHROMIUM, FLAGS, Opened


@pytest.fixture(scope="package")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser):
    pages = []

    def open_it(path, **options):
        pages.append(Opened(browser, path, **options))
        return pages[-1]

    yield open_it
    for page in pages:
        page.context.close()


@pytest.fixture
def opened_if_possible(tmp_path, request):
    """Open a page, where there is a browser, and go everywhere: nothing may go wrong."""

    def open_it(page):
        if CHROMIUM is None:
            return
        path = tmp_path / "page.html"
        page.save(path)
        seen = request.getfixturevalue("opened")(path)
        for part in ("#unit-0", "#unit-1", "#model"):
            seen.page.goto(seen.url + part)
        assert seen.errors == []

    return open_it
