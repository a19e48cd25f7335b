"""The built documentation, as it is read from a folder without a network.

    python .ci/site.py docs/_build/html

Fails where a page loads something from elsewhere, where mathematics was left as TeX, where a link
inside the site leads nowhere, where a public name or one of its methods has no anchor, or where
searching does not find the page that is meant. Links to other sites: nox -s links.
"""

import html
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP / "docs"))
#: Words that are searched for, and what must be in the first link found.
SEARCHES = {
    "rho": "choosing.html",
    "target": "choosing.html",
    "whitening": "whitening",
    "score_samples": ".score_samples",
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(?:https?:)?//[^\"]*\"")
LINKED = re.compile(
    r"<link\b(?=[^>]*rel=\"(?:stylesheet|preload|icon)\")[^>]*href=\"(?:https?:)?//"
)


def complaints_of_pages(site: Path) -> Iterator[str]:
    """What pages load from elsewhere, and mathematics that a reader would see as TeX."""
    for path in sorted(site.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        for found in [*LOADED.findall(text), *LINKED.findall(text)]:
            yield f"{path.relative_to(site)} loads from elsewhere: {found}"
        if "\\(" in re.sub(r"(?s)<(pre|script|code).*?</\1>|<math.*?</math>", "", text):
            yield f"{path.relative_to(site)} has mathematics as TeX"


def complaints_of_links(site: Path) -> Iterator[str]:
    """Links to files of the site that are not there, and to places that a page does not have."""
    texts = {path.resolve(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    places = {path: set(re.findall(r"\bid=\"([^\"]+)\"", text)) for path, text in texts.items()}
    for path, text in texts.items():
        for link in sorted(set(re.findall(r"<a\b[^>]*\shref=\"([^\"]*)\"", text))):
            target, _, place = unquote(html.unescape(link)).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            goal = (path.parent / target.partition("?")[0]).resolve() if target else path
            if not goal.exists() or (place and goal in places and place not in places[goal]):
                yield f"{path.relative_to(site.resolve())} leads nowhere: {link}"


def complaints_of_reference(site: Path) -> Iterator[str]:
    """Public names and members without an anchor."""
    from members import members

    import rhohat

    for name in rhohat.__all__:
        path = site / "api" / "generated" / f"rhohat.{name}.html"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        wanted = [f"rhohat.{name}"]
        if isinstance(getattr(rhohat, name), type):
            methods, properties, _ = members("rhohat", name)
            wanted += [f"rhohat.{name}.{member}" for member in methods + properties]
        yield from (f"{item} has no anchor" for item in wanted if f'id="{item}"' not in text)


def complaints_of_search(site: Path) -> Iterator[str]:
    """Searches that lead elsewhere, and requests that leave the folder."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_page()
        outside: list[str] = []
        page.on("request", lambda request: outside.append(request.url))
        for word, wanted in SEARCHES.items():
            page.goto(f"{(site / 'search.html').resolve().as_uri()}?q={word}")
            page.wait_for_selector("ul.search li a", timeout=20_000)
            page.wait_for_timeout(300)  # results come one by one
            href = page.locator("ul.search li a").first.get_attribute("href") or ""
            if wanted not in href:
                yield f"searching for {word} leads to {href}, expected {wanted}"
        yield from (f"{url} was asked for" for url in outside if not url.startswith("file:"))
        browser.close()


def main() -> int:
    """Print what is wrong."""
    site = Path(sys.argv[1])
    found = [
        *complaints_of_pages(site),
        *complaints_of_links(site),
        *complaints_of_reference(site),
        *complaints_of_search(site),
    ]
    print("\n".join(found) or f"{sum(1 for _ in site.rglob('*.html'))} pages, readable offline")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
