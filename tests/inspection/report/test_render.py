"""One file that needs nothing else, and in which texts stay texts."""

import base64
import re
from hashlib import sha256

from rhohat import (
    LoadedImages,
    report,
)
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings
from support.pages import in_browser, until


@in_browser
def test_page_is_small_opens_at_once_and_asks_for_nothing(default, opened):
    _, path = default
    assert path.stat().st_size < 1_500_000
    seen = opened(path)
    loaded = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    until(seen.page.locator("body"), f"{loaded} > 0")
    assert seen.page.evaluate(loaded) < 1000
    for part in ("#units", "#unit-7", "#model"):
        seen.page.goto(seen.url + part)
        seen.page.mouse.wheel(0, 5000)
    assert {url for url in seen.requests if not url.startswith("data:")} <= {
        seen.url,
        *(seen.url + part for part in ("#units", "#unit-7", "#model")),
    }
    assert seen.errors == []


def test_only_its_own_script_and_style_may_run(default):
    text = default[1].read_text()
    policy = re.search(r'Security-Policy" content="([^"]+)"', text).group(1)
    policy = policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1)
        digest = base64.b64encode(sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


@in_browser
def test_without_scripts_the_units_are_seen_all_the_same(odd, opened):
    seen = opened(odd[3], java_script_enabled=False)
    assert seen.page.locator(".opening > img").is_visible()
    assert seen.page.locator("#settings").is_visible()


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "line\u2028separator\u2029'quotes\"",
    "javascript:alert(4)",
    "<!--<script>",
    "{{ 7 * 7 }}",
]


@in_browser
def test_texts_stay_texts_whatever_they_hold(tmp_path, opened, rng):
    images = [rng.rand(20, 20) for _ in HOSTILE]
    pipeline = make_pipeline(
        complete(Settings(units=4, patch_size=8, patches=100, iterations=5), "images"), "images"
    ).fit(images)
    path = tmp_path / "hostile.html"
    data = LoadedImages(images, HOSTILE, [])
    report(
        pipeline,
        data,
        labels=HOSTILE,
        n_examples=30,
        title="".join(HOSTILE),
        command="".join(HOSTILE),
    ).save(path)
    seen = opened(path)
    for part in ("", "#model", "#unit-0", "#unit-1", "#unit-<script>alert(5)</script>", "#unit-2"):
        seen.page.goto(seen.url + part)
    assert seen.dialogs == []
    assert seen.errors == []
    assert all(url.split("#")[0] == seen.url or url.startswith("data:") for url in seen.requests)
    shown = seen.page.locator("figcaption").all_text_contents()
    for name in HOSTILE:
        assert any(name in text for text in shown)
    assert seen.page.locator("h1").text_content() == "".join(HOSTILE)
    assert seen.page.locator("#again pre").first.text_content() == "".join(HOSTILE)
