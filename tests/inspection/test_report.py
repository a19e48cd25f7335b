"""The report, looked at in a browser as a person does."""

import base64
import json
import re
import shutil
import time
import wave
from hashlib import sha256
from html import unescape
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline as pipeline_of

from rhohat import (
    KLSparsity,
    LoadedImages,
    PatchExtractor,
    SparseAutoencoder,
    SpectrogramExtractor,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    load_photographs,
    load_recordings,
    report,
)
from rhohat.files.recordings import FileRecordings
from rhohat.inspection.layers import layers_of
from rhohat.inspection.tiles import input_tiles, pixel_tiles
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings
from rhohat.rows.sources import ArraySource

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


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


@pytest.fixture
def opened(browser):
    pages = []

    def open_it(path, **options):
        pages.append(Opened(browser, path, **options))
        return pages[-1]

    yield open_it
    for page in pages:
        page.context.close()


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """The default model and its page."""
    pipeline = make_pipeline(complete(Settings(), "images"), "images")
    photographs = load_photographs()
    pipeline.fit(photographs.images)
    path = tmp_path_factory.mktemp("report") / "report.html"
    report(pipeline, photographs, command="rhohat learn").save(path)
    return pipeline, path


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A model with a dead, a saturated and two duplicate units, on rows with labels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    penalty = KLSparsity(target=0.1)
    model = SparseAutoencoder(12, sparsity_penalty=penalty, max_iter=60, random_state=0).fit(X / 16)
    model.encoder_weights_[3] = 0
    model.encoder_bias_[3] = -9
    model.encoder_weights_[4] *= 1e-3
    model.encoder_bias_[4] = 4
    model.encoder_weights_[6] = 2 * model.encoder_weights_[5]
    path = tmp_path_factory.mktemp("odd") / "report.html"
    report(model, X / 16, shape=(8, 8), labels=[f"digit {label}" for label in y]).save(path)
    return model, X / 16, y, path


def payload(path):
    """What the page's script works on."""
    return _found(path.read_text())


def until(locator, condition):
    """Wait until a node is as asked (wait_for_function evaluates text, which the page forbids)."""
    deadline = time.monotonic() + 30
    while not locator.evaluate(f"node => {condition}"):
        assert time.monotonic() < deadline, condition
        locator.page.wait_for_timeout(20)


class TestDefaultModel:
    @in_browser
    def test_page_is_small_opens_at_once_and_asks_for_nothing(self, default, opened):
        _, path = default
        assert path.stat().st_size < 5_000_000
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

    def test_only_its_own_script_and_style_may_run(self, default):
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
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("part", ["", "#unit-7", "#model"])
    def test_nothing_keeps_people_out(self, default, opened, scheme, part):
        from axe_playwright_python.sync_playwright import Axe

        seen = opened(default[1], color_scheme=scheme)
        seen.page.goto(seen.url + part)
        found = Axe().run(seen.page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in serious] == []

    @in_browser
    def test_tile_on_the_page_is_the_units_weights_pixel_for_pixel(self, default, opened):
        pipeline, path = default
        seen = opened(path)
        tile = seen.page.locator('#gallery .tile[href="#unit-7"] canvas')
        tile.scroll_into_view_if_needed()
        seen.page.wait_for_timeout(100)
        uri = tile.evaluate("canvas => canvas.toDataURL()")
        pixels = np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))
        weights = pipeline[-1].encoder_weights_[7].astype(float).reshape(10, 10)
        levels = np.rint(127 * weights / np.abs(weights).max())
        expected = np.floor(127.5 * (levels / 127 + 1) + 0.5)
        assert_array_equal(pixels, np.repeat(expected[..., None], 3, axis=2))

    @in_browser
    def test_numbers_on_the_page_are_the_models(self, default, opened):
        pipeline, path = default
        model = pipeline[-1]
        X = pipeline[:-1].transform(load_photographs().images)
        A = model.transform(X)
        seen = opened(path)
        seen.page.goto(seen.url + "#unit-7")
        text = seen.page.locator("#unit-part").inner_text()
        assert f"average in training, ρ̂\n{model.average_activation_[7]:.3g}" in text
        assert f"average here\n{A[:, 7].mean():.3g}" in text
        best = np.argsort(-A[:, 7], kind="stable")[:8]
        captions = seen.page.locator(".examples figcaption").all_inner_texts()
        assert [float(c.split()[1]) for c in captions] == [float(f"{a:.3g}") for a in A[best, 7]]
        seen.page.goto(seen.url + "#model")
        assert f"At the end {model.loss_:.4f}" in seen.page.locator("#training-0").inner_text()
        assert "rhohat learn" in seen.page.locator("#again").inner_text()

    def test_findings_are_those_of_all_activations(self, default):
        pipeline, path = default
        found = payload(path)
        A = pipeline.transform(load_photographs().images)
        assert_allclose(found["activity"]["mean"], A.mean(axis=0, dtype=np.float64), rtol=1e-5)
        assert_array_equal(np.sum(found["activity"]["counts"], axis=1), len(A))
        counts = np.histogram(A[:, 3], bins=40, range=(0, 1))[0]
        assert np.abs(counts - found["activity"]["counts"][3]).sum() <= 4  # at the bins' edges
        correlations = np.corrcoef(A.T) - 2 * np.eye(100)
        assert_array_equal(found["together"]["units"][3][0], correlations[3].argmax())
        assert_allclose(found["together"]["correlations"][3][0], correlations[3].max(), atol=1e-3)
        assert_allclose(
            found["decoder_norm"], np.linalg.norm(pipeline[-1].decoder_weights_, axis=1), rtol=1e-5
        )

    def test_examples_are_shown_where_they_were_cut_out(self, default):
        pipeline, path = default
        found = payload(path)["examples"]
        photographs = load_photographs()
        names = [image["name"] for image in payload(path)["images"]]
        whitened = pipeline[0].transform(photographs.images)
        for row, (image, top, left) in list(zip(found["rows"], found["places"], strict=True))[:20]:
            number = photographs.names.index(names[image])
            patch = whitened[number][top : top + 10, left : left + 10]
            drawn = pipeline[:2].transform(photographs.images)[row]
            assert_array_equal(patch.ravel(), drawn)

    @in_browser
    def test_a_person_sorts_filters_and_searches(self, default, opened):
        _, path = default
        seen = opened(path)
        order = seen.order
        assert order() == list(range(100))
        seen.page.select_option("[name=sort]", "average")
        mean = np.array(payload(path)["activity"]["mean"])
        assert_array_equal(mean[order()], np.sort(mean)[::-1])
        seen.page.click("[name=direction]")
        assert_array_equal(mean[order()], np.sort(mean))
        seen.page.select_option("[name=sort]", "edge")
        r2 = np.array(payload(path)["gabor"]["r2"])
        assert_array_equal(r2[order()], np.sort(r2)[::-1])
        seen.page.select_option("[name=filter]", "others")
        assert sorted(order()) == np.flatnonzero(r2 < 0.7).tolist()
        seen.page.select_option("[name=filter]", "all")
        seen.page.fill("[name=search]", "7, 20-22")
        assert sorted(order()) == [7, 20, 21, 22]
        assert seen.page.locator("#count").inner_text() == "4 of 100 units"
        seen.page.fill("[name=search]", "nothing of the kind")
        assert seen.page.locator("#none").is_visible()
        seen.page.fill("[name=search]", "GRAVEL")
        assert 0 < len(order()) < 100
        assert seen.errors == []

    @in_browser
    def test_a_unit_is_opened_by_mouse_its_partner_followed_and_back(self, default, opened):
        seen = opened(default[1])
        seen.page.click('#gallery .tile[href="#unit-12"]')
        seen.expect("#unit-heading").to_have_text("Unit 12")
        partner = seen.page.locator("h3:has-text('Fires together') ~ .tiles .tile").first
        number = partner.get_attribute("href").removeprefix("#unit-")
        partner.click()
        seen.expect("#unit-heading").to_have_text(f"Unit {number}")
        seen.page.go_back()
        seen.expect("#unit-heading").to_have_text("Unit 12")
        seen.page.go_back()
        seen.expect("#gallery").to_be_visible()
        seen.expect("#unit-heading").not_to_be_visible()

    @in_browser
    def test_everything_is_reached_without_a_mouse(self, default, opened):
        seen = opened(default[1])
        press = seen.page.keyboard.press
        focused = "() => document.activeElement.hash"
        press("/")
        seen.expect("[name=search]").to_be_focused()
        seen.page.locator("#gallery .tile").first.focus()
        press("ArrowRight")
        press("ArrowRight")
        press("ArrowLeft")
        assert seen.page.evaluate(focused) == "#unit-1"
        press("ArrowDown")
        below = int(seen.page.evaluate(focused).removeprefix("#unit-"))
        tile = '#gallery [href="#unit-{}"]'
        boxes = [seen.page.locator(tile.format(unit)).bounding_box() for unit in (1, below)]
        assert boxes[0]["x"] == boxes[1]["x"]
        assert boxes[0]["y"] < boxes[1]["y"]
        press("End")
        assert seen.page.evaluate(focused) == "#unit-99"
        press("Home")
        press("Enter")
        seen.expect("#unit-heading").to_have_text("Unit 0")
        press("ArrowRight")
        seen.expect("#unit-heading").to_have_text("Unit 1")
        press("Escape")
        seen.expect('#gallery [href="#unit-1"]').to_be_focused()

    @in_browser
    def test_theme_is_switched_and_remembered(self, default, opened):
        seen = opened(default[1], color_scheme="light")
        paper = "() => getComputedStyle(document.documentElement).backgroundColor"
        light = seen.page.evaluate(paper)
        seen.page.click("#theme")
        dark = seen.page.evaluate(paper)
        assert dark != light
        seen.page.reload()
        assert seen.page.evaluate(paper) == dark
        assert opened(default[1], color_scheme="dark").page.evaluate(paper) == dark

    @in_browser
    def test_print_has_every_tile_and_no_controls(self, default, opened):
        seen = opened(default[1], viewport={"width": 800, "height": 300})
        pdf = seen.page.pdf()
        assert pdf.startswith(b"%PDF")
        painted = "canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3]"
        last = seen.page.locator("#gallery .tile canvas").last
        seen.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        assert last.evaluate(painted) == 255
        seen.page.emulate_media(media="print")
        assert not seen.page.locator("#controls").is_visible()

    @in_browser
    @pytest.mark.parametrize("width", [390, 1440])
    def test_nothing_sticks_out_on_a_phone(self, default, opened, width):
        seen = opened(default[1], viewport={"width": width, "height": 844})
        for part in ("", "#unit-7", "#model"):
            seen.page.goto(seen.url + part)
            assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= width


class TestOddModel:
    def test_dead_saturated_and_duplicate_units_are_told(self, odd):
        found = payload(odd[3])
        assert found["activity"]["dead"] == [3]
        assert found["activity"]["saturated"] == [4]
        assert [5, 6] in found["alike"]["units"]

    @in_browser
    def test_dead_units_come_last_unless_asked_otherwise(self, odd, opened):
        seen = opened(odd[3])
        assert seen.order()[-1] == 3
        seen.page.uncheck("[name=dead_last]")
        assert seen.order() == list(range(12))
        seen.page.select_option("[name=filter]", "dead")
        assert seen.order() == [3]
        seen.page.select_option("[name=filter]", "alike")
        assert {5, 6} <= set(seen.order())

    @in_browser
    def test_evidence_leads_to_the_unit(self, odd, opened):
        seen = opened(odd[3])
        seen.page.goto(seen.url + "#model")
        seen.page.locator(".evidence .tile").first.click()
        seen.expect("#unit-heading").to_have_text("Unit 3")
        assert "dead" in seen.page.locator("#unit-part .unit-top").inner_text()

    @in_browser
    def test_labels_of_examples_are_shown_and_found(self, odd, opened):
        model, X, y, path = odd
        seen = opened(path)
        A = model.transform(X)
        best = np.argsort(-A, axis=0, kind="stable")[:8]
        zero = [unit for unit in range(12) if 0 in y[best[:, unit]]]
        seen.page.fill("[name=search]", "digit 0")
        assert sorted(seen.order()) == zero
        seen.page.fill("[name=search]", "label digit 0")
        assert sorted(seen.order()) == zero
        seen.page.fill("[name=search]", "label digit")
        assert seen.order() == []

    @in_browser
    def test_without_scripts_the_units_are_seen_all_the_same(self, odd, opened):
        seen = opened(odd[3], java_script_enabled=False)
        assert seen.page.locator("noscript img.strip").is_visible()
        assert seen.page.locator("#settings").is_visible()


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A stack of three layers and a classifier on digits, and their pages."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    small = SparseAutoencoder(max_iter=30)
    stack = StackedAutoencoder((12, 8, 5), estimator=small, random_state=0).fit(X / 16)
    classifier = StackedAutoencoderClassifier(
        StackedAutoencoder((12, 8), estimator=small), max_iter=20, random_state=0
    ).fit(X / 16, y)
    folder = tmp_path_factory.mktemp("deep")
    for name, model in (("stack", stack), ("classifier", classifier)):
        report(model, X / 16, shape=(8, 8), labels=y).save(folder / f"{name}.html")
    return stack, classifier, X / 16, folder


class TestDeepModels:
    @in_browser
    def test_a_layer_is_chosen_its_units_opened_and_followed_down(self, deep, opened):
        seen = opened(deep[3] / "stack.html")
        assert len(seen.order()) == 12
        seen.page.select_option("[name=layer]", "2")
        seen.expect("#count").to_have_text("5 of 5 units")
        seen.page.locator("#gallery .tile").nth(3).click()
        seen.expect("#unit-heading").to_have_text("Unit 3 of layer 3")
        seen.page.keyboard.press("ArrowRight")
        seen.expect("#unit-heading").to_have_text("Unit 4 of layer 3")
        below = seen.page.locator("h3:has-text('Made of') ~ .tiles .tile").first
        number = below.get_attribute("href").removeprefix("#layer-2-unit-")
        below.click()
        seen.expect("#unit-heading").to_have_text(f"Unit {number} of layer 2")
        seen.page.keyboard.press("Escape")
        seen.expect("#count").to_have_text("8 of 8 units")
        seen.page.go_back()
        seen.page.go_back()
        seen.expect("#unit-heading").to_have_text("Unit 4 of layer 3")
        seen.page.click("nav [data-part=model]")
        seen.expect("#training-2").to_be_visible()
        seen.page.click("nav [data-part=units]")
        seen.expect("#count").to_have_text("12 of 12 units")
        assert seen.errors == []

    @in_browser
    @pytest.mark.parametrize("name", ["stack", "classifier"])
    def test_numbers_and_pictures_of_deeper_layers_are_the_models(self, deep, opened, name):
        stack, classifier, X, folder = deep
        model = {"stack": stack, "classifier": classifier}[name]
        layer = layers_of(model)[1]
        A = layer.encoded(ArraySource(X)).read(0, len(X)).X
        seen = opened(folder / f"{name}.html")
        seen.page.goto(seen.url + "#layer-2-unit-6")
        best = np.argsort(-A[:, 6], kind="stable")[:8]
        captions = seen.page.locator(".examples figcaption").all_inner_texts()
        assert [float(c.split()[0]) for c in captions] == [float(f"{a:.3g}") for a in A[best, 6]]
        radius = np.sqrt(np.square(X).sum(axis=1).mean())
        sought = input_tiles(layer, radius=radius).values[6].reshape(8, 8)
        uri = seen.page.locator(".views canvas").first.evaluate("canvas => canvas.toDataURL()")
        pixels = np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",")[1]))).convert("L"))
        levels = np.rint(127 * sought / np.abs(sought).max())
        assert np.abs(pixels - np.floor(127.5 * (levels / 127 + 1) + 0.5)).max() <= 1
        assert seen.errors == []

    def test_code_on_the_page_makes_the_model(self, deep):
        stack, classifier, _, folder = deep
        for name, model in (("stack", stack), ("classifier", classifier)):
            code = payload(folder / f"{name}.html")["code"]
            names = {}
            exec(re.sub(r"model.fit\(.*\)", "", code), names)
            assert repr(names["model"]) == repr(model)


@pytest.fixture(scope="module")
def sounding(tmp_path_factory):
    """Models of recordings with 100 units, spectrograms and waveforms, and their pages."""
    import soundfile

    rng = np.random.RandomState(0)
    folder = tmp_path_factory.mktemp("sounding")
    t = np.arange(8000) / 8000
    for number in range(40):
        low, high = rng.uniform(150, 3500, 2)
        x = np.sin(2 * np.pi * (low * t + (high - low) * t**2 / 2)) * rng.uniform(0.1, 1, 8000)
        soundfile.write(folder / f"word-{number}.wav", 0.3 * x, 8000)
    loaded = load_recordings(folder)
    pages = {}
    for kind, steps in (
        ("spectrogram", (SpectrogramExtractor(8000), WindowExtractor(10, n_windows=4000))),
        ("patch", (SpectrogramExtractor(8000), PatchExtractor((12, 8), n_patches=4000))),
        ("waveform", (WaveformExtractor(8000), WindowExtractor(64, n_windows=4000))),
    ):
        steps[-1].set_params(random_state=0)
        autoencoder = SparseAutoencoder(100, weight_decay=3e-3, max_iter=25, random_state=0)
        model = pipeline_of(*steps, Whitening(epsilon=0.2), autoencoder).fit(loaded.recordings)
        path = folder / f"{kind}.html"
        report(model, loaded).save(path)
        pages[kind] = model, path
    return loaded, pages


class TestSound:
    @in_browser
    @pytest.mark.parametrize("kind", ["spectrogram", "patch", "waveform"])
    def test_play_button_plays_what_the_recording_holds(self, sounding, opened, kind):
        _, path = sounding[1][kind]
        assert path.stat().st_size < 10_000_000
        seen = opened(path)
        seen.page.goto(seen.url + "#unit-5")
        play = seen.page.locator(".examples .play").first
        text = play.get_attribute("aria-label")
        assert text.startswith("Play Example 1: word-")
        audio = seen.page.locator(".examples audio").first
        audio.evaluate("node => { node.times = 0; node.onplaying = () => { node.times += 1; }; }")
        play.click()
        until(audio, "node.times > 0")
        assert audio.evaluate("node => node.duration") == pytest.approx(0.4, abs=0.01)
        until(audio, "node.ended")
        assert play.get_attribute("aria-label") == text
        sought = seen.page.locator(".views audio").first
        until(sought, "node.duration >= 0.5")
        seen.page.locator(".views .play").click()
        until(sought, "node.currentTime > 0")
        assert sought.evaluate("node => node.duration") < 1
        assert seen.errors == []
        assert {url[:5] for url in seen.requests} <= {"file:", "data:"}

    @pytest.mark.parametrize("kind", ["spectrogram", "waveform"])
    def test_sounds_on_the_page_are_the_recordings(self, sounding, kind):
        loaded, pages = sounding
        model, path = pages[kind]
        found = payload(path)
        rate = 8000 / (1 if kind == "waveform" else 80)
        A = model.transform(loaded.recordings)
        for unit in (0, 42):
            first = found["of_units"][unit][0]
            assert found["examples"]["rows"][first] == A[:, unit].argmax()
            image, _, left = found["examples"]["places"][first]
            name = found["images"][image]["name"]
            samples = loaded.recordings[loaded.names.index(name)]
            with wave.open(BytesIO(base64.b64decode(found["examples"]["sounds"][first]))) as file:
                heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            begin = round(left / rate * 8000)
            length = found["axes"]["n_moments"] * 8000 / rate
            start = min(max(int(begin - (3200 - length) // 2), 0), 8000 - 3200)
            expected = samples[start : start + 3200]
            assert_allclose(heard / 32000, expected / np.abs(expected).max(), atol=1e-4)

    @in_browser
    def test_moments_and_frequencies_are_written_beside_pictures(self, sounding, opened):
        seen = opened(sounding[1]["spectrogram"][1])
        seen.page.goto(seen.url + "#unit-3")
        framed = seen.page.locator(".views .framed").first.inner_text()
        assert framed.split() == ["3.79", "kHz", "84", "Hz", "0", "100", "ms"]
        captions = seen.page.locator(".examples figcaption").all_inner_texts()
        assert all(re.search(r"word-\d+\.wav, at \d\.\d\d s", text) for text in captions)
        assert seen.page.locator(".places .moment").count() == 8
        seen = opened(sounding[1]["waveform"][1])
        seen.page.select_option("[name=sort]", "centre")
        centers = np.array(payload(sounding[1]["waveform"][1])["bands"]["centre"])
        assert_array_equal(centers[seen.order()], np.sort(centers))
        seen.page.goto(seen.url + "#model")
        assert "have a clear center frequency" in seen.page.locator("#bands-0").inner_text()
        assert seen.errors == []

    @in_browser
    @pytest.mark.parametrize("kind", ["spectrogram", "waveform"])
    def test_sound_keeps_nobody_out(self, sounding, opened, kind):
        from axe_playwright_python.sync_playwright import Axe

        seen = opened(sounding[1][kind][1], viewport={"width": 390, "height": 844})
        for part in ("", "#unit-7", "#model"):
            seen.page.goto(seen.url + part)
            found = Axe().run(seen.page).response["violations"]
            serious = [v for v in found if v["impact"] in ("serious", "critical")]
            assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in serious] == []
            assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= 390

    def test_signals_of_many_channels_are_traces_without_sound(self, rng, opened_if_possible):
        series = [np.cumsum(rng.randn(4, 300), axis=1) for _ in range(3)]
        model = pipeline_of(
            WindowExtractor(20, n_windows=500, random_state=0),
            Whitening(epsilon=1.0),
            SparseAutoencoder(5, max_iter=10, random_state=0),
        ).fit(series)
        page = report(model, series, labels=["one", "two", "three"])
        opened_if_possible(page)
        found = _found(page.html)
        assert found["views"][0]["kind"] == "trace"
        assert found["views"][0]["shape"] == [5, 4, 20, 1]
        assert found["examples"]["sounds"] is None
        assert found["axes"]["rate"] is None

    def test_another_rate_than_the_models_is_said(self, sounding):
        loaded, pages = sounding
        recordings = FileRecordings(loaded.recordings.items, 16_000)
        with pytest.raises(ValueError, match="rate=8000"):
            report(pages["spectrogram"][0], loaded._replace(recordings=recordings, rate=16_000))


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


@in_browser
@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["/photos/a.png", "mine/b.png"], ["/photos/a.png", "mine/b.png"]),
        (["/photos/a.png", "/own/b.png"], ["photos/a.png", "own/b.png"]),
        (["in/x/a.png", "in/y/b.png"], ["x/a.png", "y/b.png"]),
        (["a.png", "b.png"], ["a.png", "b.png"]),
    ],
)
def test_folders_that_all_images_lie_in_are_left_out(names, shown, tmp_path, opened, rng):
    images = [rng.rand(20, 20) for _ in names]
    pipeline = make_pipeline(
        complete(Settings(units=4, patch_size=8, patches=100, iterations=5), "images"), "images"
    ).fit(images)
    path = tmp_path / "page.html"
    report(pipeline, LoadedImages(images, names, []), n_examples=60).save(path)
    seen = opened(path)
    seen.page.goto(seen.url + "#unit-0")
    captions = seen.page.locator("figcaption").all_text_contents()
    for name in shown:
        assert any(text.startswith(f"{name}:") for text in captions)


def print_nothing(progress):
    pass


class TestOtherModels:
    def test_a_page_without_data_has_the_units_alone(self, rng):
        model = SparseAutoencoder(5, max_iter=5, random_state=0).fit(rng.randn(50, 7))
        found = _found(report(model).html)
        assert found["examples"] is None
        assert found["views"][0]["kind"] == "trace"

    @pytest.mark.parametrize("method", ["pca", "zca"])
    @pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
    def test_rows_after_whitening(self, rng, method, activation, opened_if_possible):
        X = rng.randn(200, 12)
        model = pipeline_of(
            Whitening(method, n_components=9),
            SparseAutoencoder(6, activation=activation, max_iter=8, random_state=0)
            if activation != "relu"
            else SparseAutoencoder(6, activation="relu", sparsity_penalty="l1", max_iter=8),
        ).fit(X)
        page = report(model, X, shape=(3, 4))
        opened_if_possible(page)
        views = {view["name"]: view for view in _found(page.html)["views"]}
        assert views["gallery"]["shape"] == [6, 3, 4, 1]
        assert views["encoder"]["kind"] == ("trace" if method == "pca" else "image")
        given = _found(page.html)["examples"]["given"]
        assert given["shape"][1:] == [3, 4, 1]

    def test_a_frozen_model_stays_as_it_is_and_its_code_runs(self, rng, tmp_path):
        X, y = rng.randn(60, 6), np.arange(60) % 2
        frozen = FrozenEstimator(
            SparseAutoencoder(4, max_iter=5, n_jobs=1, warm_start=True, random_state=0).fit(X)
        )
        for model in (
            frozen,
            pipeline_of(FrozenEstimator(Whitening().fit(X)), frozen).fit(X),
            StackedAutoencoderClassifier(frozen, max_iter=3, random_state=0).fit(X, y),
        ):
            before, weights = repr(model), frozen.estimator.encoder_weights_
            code = _found(report(model, X).html)["code"]
            assert repr(model) == before
            assert frozen.estimator.encoder_weights_ is weights
            names = {"other_data": X, "data": X, "labels": y}
            exec(code, names)
            lasting = "".join(repr(model.estimator if model is frozen else model).split())
            for run in ("n_jobs=1,", ",warm_start=True"):
                lasting = lasting.replace(run, "")
            assert "".join(repr(names["model"]).split()) == lasting

    def test_layers_in_a_list_lose_what_concerns_one_run(self, rng, tmp_path):
        layer = SparseAutoencoder(4, max_iter=5, callback=print_nothing, checkpoint=tmp_path)
        stack = StackedAutoencoder([layer], random_state=0).fit(rng.randn(60, 6))
        code = _found(report(stack).html)["code"]
        assert str(tmp_path) not in code
        assert "callback" not in code

    def test_labels_are_taken_in_the_order_of_the_rows(self, odd):
        model, X, y, _ = odd
        order = np.random.RandomState(1).permutation(len(X))
        labels = pd.Series(y).iloc[order]
        by_name, by_place = (
            _found(report(model, X[order], labels=some).html)["examples"]["labels"]
            for some in (labels, labels.to_numpy())
        )
        assert by_name == by_place

    def test_a_table_with_named_columns_is_as_its_values(self, rng):
        table = pd.DataFrame(rng.randn(60, 6), columns=list("abcdef"))
        autoencoder = SparseAutoencoder(4, max_iter=8, random_state=0)
        named = pipeline_of(Whitening(), autoencoder).fit(table)
        plain = clone(named).fit(table.to_numpy())
        found, expected = (
            _found(report(named, table).html),
            _found(report(plain, table.to_numpy()).html),
        )
        assert found["examples"] == expected["examples"]
        assert found["units"] == expected["units"]

    def test_color_patches_and_files_outside_memory(self, tmp_path, rng, opened_if_possible):
        images = rng.rand(3, 16, 16, 3)
        settings = complete(
            Settings(units=4, color=True, patch_size=6, patches=200, iterations=5), "images"
        )
        page = report(make_pipeline(settings, "images", variance=0.1).fit(images), images)
        opened_if_possible(page)
        assert _found(page.html)["views"][0]["shape"] == [4, 6, 6, 3]
        X = rng.randn(3000, 5)
        np.save(tmp_path / "rows.npy", X)
        model = SparseAutoencoder(3, max_iter=5, random_state=0).fit(X)
        in_memory, stored = report(model, X), report(model, tmp_path / "rows.npy")
        assert in_memory.html == stored.html

    def test_pixel_space_is_where_the_whole_model_looks(self, default):
        # The unit's response to a picture is, but for clipping, its inner product with the tile.
        pipeline, _ = default
        tiles = pixel_tiles(pipeline)
        assert tiles.shape == (20, 20)
        assert_allclose(np.linalg.norm(tiles.values, axis=1), 1, rtol=1e-5)
        assert_allclose(tiles.values.mean(axis=1), 0, atol=1e-3)

    def test_same_model_makes_the_same_page(self, default):
        pipeline, path = default
        again = report(pipeline, load_photographs(), command="rhohat learn")
        assert again.html == path.read_text()

    def test_code_on_the_page_makes_the_model(self, default, odd, rng):
        from sklearn.preprocessing import StandardScaler

        scaled = pipeline_of(StandardScaler(), SparseAutoencoder(2, max_iter=3, random_state=0))
        scaled.fit(rng.randn(40, 5))
        codes = (
            payload(default[1])["code"],
            payload(odd[3])["code"],
            _found(report(scaled).html)["code"],
        )
        for model, page_code in zip((default[0], odd[0], scaled), codes, strict=True):
            code = page_code.replace("model.fit(data)", "")
            names = {}
            exec(code, names)
            assert repr(names["model"]) == repr(model)

    def test_wrong_arguments_are_said(self, odd):
        model, X, y, _ = odd
        with pytest.raises(ValueError, match="labels must have one entry"):
            report(model, X, labels=y[:-1])
        with pytest.raises(ValueError, match="labels must have one entry"):
            report(model, labels=y)
        with pytest.raises(ValueError, match="do not have shape"):
            report(model, X, shape=(5, 5))
        with pytest.raises(ValueError, match="do not have shape"):
            report(model, shape=(5, 5))
        with pytest.raises(ValueError, match="works on rows of 64 values, not on images"):
            report(model, load_photographs())
        with pytest.raises(ValueError, match="n_examples"):
            report(model, X, n_examples=0)
        with pytest.raises(ValueError, match="without a SparseAutoencoder"):
            report(Whitening().fit(X), X)

    def test_file_that_cannot_be_written_is_named(self, odd, tmp_path):
        with pytest.raises(OSError, match="missing"):
            report(odd[0]).save(tmp_path / "missing" / "report.html")


def _found(html, layer=0):
    """What the page's script works on, that of one layer beside what all share, and the code."""
    found = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))
    code = re.search(r'aria-label="Python">(.*?)</pre>', html, re.DOTALL).group(1)
    return found | found["layers"][layer] | {"code": unescape(code)}


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


@in_browser
def test_page_in_a_notebook_works_in_its_frame(odd, tmp_path, opened):
    path = tmp_path / "notebook.html"
    path.write_text("<!doctype html><title>n</title>" + report(odd[0])._repr_html_())
    frame = opened(path).page.frame_locator("iframe")
    frame.locator("#gallery .tile").first.click()
    frame.locator("#unit-heading", has_text="Unit 0").wait_for()


def test_notebook_shows_the_units_of_an_estimator(odd):
    html = odd[0]._repr_mimebundle_()["text/html"]
    uri = re.search(r'src="data:image/png;base64,([^"]+)"', html).group(1)
    assert Image.open(BytesIO(base64.b64decode(uri))).size == (12 * 9 + 1, 8 + 2)
    assert "src=" not in SparseAutoencoder()._repr_mimebundle_()["text/html"]
