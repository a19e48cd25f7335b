"""Small files that claim, or hold, far more than they should: refused in time, and by name."""

import numpy as np
import pytest
from PIL import Image

from rhohat import load_images, load_recordings, load_rows
from rhohat.files.labels import read_labels
from support.hostile import BOMBS, cost_of_reading, npz_bomb
from support.sounds import wav
from support.written import EXAMPLES


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    """What reading each bomb costs."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, write in BOMBS.items():
        write(folder / name)
    found = cost_of_reading(
        EXAMPLES["x.h5"].save(folder / "x.h5"), [folder / name for name in BOMBS]
    )
    return {name: rest for name, *rest in found}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_f28_f29_f30_bombs_are_refused_by_name_in_little_time_and_memory(name, costs):
    said, seconds, megabytes = costs[name]
    assert said.split(" ")[0].endswith(name)  # one of our errors, which begin with the path
    assert seconds < 2
    assert megabytes < 200


def test_f28_labels_pass_the_same_checks(tmp_path):
    npz_bomb(tmp_path / "x.npz", 120_000_000)
    with pytest.raises(ValueError, match=r"x\.npz .*exhaust memory"):
        read_labels("x", (tmp_path / "x.npz",), [])
    np.save(tmp_path / "y.npy", np.array([{}]))
    with pytest.raises(ValueError, match="Python objects") as caught:
        read_labels(str(tmp_path / "y.npy"), (), [])
    assert "pickle" not in str(caught.value)


def test_f28_an_archive_of_many_arrays_is_told_in_few_words(tmp_path):
    np.savez(tmp_path / "x.npz", **{f"array{i}" * 30: np.eye(2) for i in range(300)})
    with pytest.raises(ValueError, match="and 290 more") as caught:
        load_rows(tmp_path / "x.npz")
    assert len(str(caught.value)) < 2500


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_f29_plain_pictures_of_ordinary_size_are_read(mode, tmp_path):
    Image.new(mode, (1500, 1000)).save(tmp_path / "x.png")
    assert load_images(tmp_path / "x.png").images[0].shape == (1000, 1500)


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_f29_an_odd_orientation_is_none(value, tmp_path):
    exif = Image.Exif()
    exif[274] = value
    Image.fromarray(np.arange(600, dtype="u1").reshape(20, 30)).save(tmp_path / "x.jpg", exif=exif)
    assert load_images(tmp_path / "x.jpg").images[0].shape == (20, 30)


def test_f29_a_comment_without_end_is_refused_at_once(tmp_path):
    (tmp_path / "x.pgm").write_bytes(b"P5\n#" + b"x" * 20_000_000 + b"\n3 3\n255\n" + bytes(9))
    with pytest.raises(ValueError, match=r"x\.pgm does not state its size"):
        load_images(tmp_path / "x.pgm")


def test_f30_rates_that_have_little_in_common_are_not_resampled(tmp_path):
    (tmp_path / "x.wav").write_bytes(wav(rate=1_000_003))
    with pytest.raises(ValueError, match=r"x\.wav has 1,000,003 .* cannot be resampled"):
        load_recordings(tmp_path / "x.wav")
    assert load_recordings(tmp_path / "x.wav", rate=1_000_003).recordings[0].shape == (4000,)


def test_f30_a_slow_file_does_not_drag_the_others(tmp_path):
    for name, rate in (("a", 8000), ("b", 8000), ("slow", 500)):
        (tmp_path / f"{name}.wav").write_bytes(wav(rate=rate))
    loaded = load_recordings(tmp_path, on_error="skip")
    assert loaded.rate == 8000
    assert "has 500 samples per second, most others 8,000" in loaded.skipped[0].reason
    with pytest.raises(ValueError, match=r"slow\.wav has 500"):
        load_recordings(tmp_path)
    assert len(load_recordings(tmp_path, rate=500).recordings) == 3
