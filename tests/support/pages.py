"""Pages of reports, opened in a browser as a person does."""

import json
import re
import shutil
import time
from html import unescape

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


class Opened:
    """A page, and whatever it did that it should not have."""

    def __init__(self, browser, path, **options):
        self.requests, self.errors, self.dialogs = [], [], []
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss())
        )
        self.url = path.as_uri()
        self.page.goto(self.url)

    def _dismiss(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def expect(self, selector):
        """What waits until the page is as expected."""
        from playwright.sync_api import expect

        return expect(self.page.locator(selector).first)

    def order(self):
        """Numbers of the units in the gallery."""
        hrefs = self.page.locator("#gallery .tile").evaluate_all(
            "tiles => tiles.map((tile) => tile.hash)"
        )
        return [int(href.removeprefix("#unit-")) for href in hrefs]


def payload(path):
    """What the page's script works on."""
    return found_on(path.read_text())


def lines_to_copy(html, name):
    """The lines that a button of this name copies."""
    found = re.search(rf'aria-label="{name}" data-copied>(.*?)</pre>', html, re.DOTALL)
    return unescape(found.group(1))


def has_room_and_keeps_nobody_out(opened, path, scheme):
    """Nothing sticks out of a page, on a phone or a wide screen, and axe finds nothing."""
    from axe_playwright_python.sync_playwright import Axe

    for width in (390, 2560):
        seen = opened(path, color_scheme=scheme, viewport={"width": width, "height": 844})
        assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= width
        assert Axe().run(seen.page).response["violations"] == []


def until(locator, condition):
    """Wait until a node is as asked (wait_for_function evaluates text, which the page forbids)."""
    deadline = time.monotonic() + 30
    while not locator.evaluate(f"node => {condition}"):
        assert time.monotonic() < deadline, condition
        locator.page.wait_for_timeout(20)


def found_on(html, layer=0):
    """What the page's script works on, that of one layer beside what all share, and the code."""
    found = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))
    code = lines_to_copy(html, "Python")
    return found | found["layers"][layer] | {"code": code}
