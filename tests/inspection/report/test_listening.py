"""Pages of recordings: what is heard is what is there."""

import base64
import re
import wave
from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline as pipeline_of

from rhohat import (
    PatchExtractor,
    SparseAutoencoder,
    SpectrogramExtractor,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    load_recordings,
    report,
)
from rhohat.files.recordings import FileRecordings
from rhohat.inspection.report.names import without_folder
from support.pages import found_on, in_browser, payload, until

pytestmark = pytest.mark.slow  # a browser, and no other library, is what it depends on


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


@in_browser
@pytest.mark.parametrize("kind", ["spectrogram", "patch", "waveform"])
def test_play_button_plays_what_the_recording_holds(sounding, opened, kind):
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
def test_sounds_on_the_page_are_the_recordings(sounding, kind):
    loaded, pages = sounding
    model, path = pages[kind]
    found = payload(path)
    rate = 8000 / (1 if kind == "waveform" else 80)
    A = model.transform(loaded.recordings)
    names = without_folder(loaded.names)
    for unit in (0, 42):
        first = found["groups"][0]["examples"][unit][0]
        assert found["examples"]["rows"][first] == A[:, unit].argmax()
        image, _, left = found["examples"]["places"][first]
        name = found["images"][image]["name"]
        samples = loaded.recordings[names.index(name)]
        with wave.open(BytesIO(base64.b64decode(found["examples"]["sounds"][first]))) as file:
            heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        begin = round(left / rate * 8000)
        length = found["axes"]["n_moments"] * 8000 / rate
        start = min(max(int(begin - (3200 - length) // 2), 0), 8000 - 3200)
        expected = samples[start : start + 3200]
        assert_allclose(heard / 32000, expected / np.abs(expected).max(), atol=1e-4)


@in_browser
def test_moments_and_frequencies_are_written_beside_pictures(sounding, opened):
    seen = opened(sounding[1]["spectrogram"][1])
    seen.page.goto(seen.url + "#unit-3")
    framed = seen.page.locator(".views .framed").first.inner_text()
    assert framed.split() == ["3.79", "kHz", "84", "Hz", "0", "100", "ms"]
    captions = seen.page.locator(".examples figcaption").all_inner_texts()
    assert all(re.search(r"word-\d+\.wav, at \d\.\d\d s", text) for text in captions)
    assert seen.page.locator(".places .moment").count() == len(captions) > 16
    seen = opened(sounding[1]["waveform"][1])
    seen.page.select_option("[name=sort]", "centre")
    centers = np.array(payload(sounding[1]["waveform"][1])["bands"]["centre"])
    assert_array_equal(centers[seen.order()], np.sort(centers))
    seen.page.goto(seen.url + "#model")
    assert "have a clear center frequency" in seen.page.locator("#bands-0").inner_text()
    assert seen.errors == []


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("kind", ["spectrogram", "waveform"])
def test_sound_keeps_nobody_out(sounding, opened, kind):
    from axe_playwright_python.sync_playwright import Axe

    seen = opened(sounding[1][kind][1], viewport={"width": 390, "height": 844})
    for part in ("", "#unit-7", "#model"):
        seen.page.goto(seen.url + part)
        found = Axe().run(seen.page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in serious] == []
        assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= 390


@in_browser
@pytest.mark.parametrize("width", [390, 1440])
def test_the_picture_of_tall_tiles_stays_inside_the_overview(sounding, opened, width):
    seen = opened(sounding[1]["spectrogram"][1], viewport={"width": width, "height": 900})
    outer, inner = (
        seen.page.locator(name).bounding_box() for name in (".opening", ".opening > img")
    )
    assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]


def test_signals_of_many_channels_are_traces_without_sound(rng, opened_if_possible):
    series = [np.cumsum(rng.randn(4, 300), axis=1) for _ in range(3)]
    model = pipeline_of(
        WindowExtractor(20, n_windows=500, random_state=0),
        Whitening(epsilon=1.0),
        SparseAutoencoder(5, max_iter=10, random_state=0),
    ).fit(series)
    page = report(model, series, labels=["one", "two", "three"])
    opened_if_possible(page)
    found = found_on(page.html)
    assert found["views"][0]["kind"] == "trace"
    assert found["views"][0]["shape"] == [5, 4, 20, 1]
    assert found["examples"]["sounds"] is None
    assert found["axes"]["rate"] is None


def test_another_rate_than_the_models_is_said(sounding):
    loaded, pages = sounding
    recordings = FileRecordings(loaded.recordings.items, 16_000)
    with pytest.raises(ValueError, match="rate=8000"):
        report(pages["spectrogram"][0], loaded._replace(recordings=recordings, rate=16_000))
