"""Kinds of data: every row of the table answers alike, and a new one needs nothing but its row."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

import rhohat
from rhohat.cli.main import cli
from rhohat.files.finding import DataFiles
from rhohat.recipes.data import Data, Request, Size
from rhohat.recipes.finding import find, find_to_learn
from rhohat.recipes.kinds import KINDS, Photographs
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings, option_of
from rhohat.rows.file_format import Content, Selection

SMALL = Settings(units=4, patches=300, iterations=3)
WHOLE = replace(SMALL, whitening="none")
SPECTRA = replace(Settings(units=4, iterations=3), form="spectrum", window=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of every kind, and one in each folder that cannot be used."""
    path = tmp_path_factory.mktemp("kinds")
    rng = np.random.RandomState(0)
    for name in ("images", "recordings"):
        (path / name).mkdir()
    for number in range(3):
        pixels = rng.randint(0, 256, (30, 40 + number, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path / "images" / f"{number}.png")
        samples = rng.uniform(-0.5, 0.5, 5000 + 100 * number)
        soundfile.write(path / "recordings" / f"{number}.wav", samples, 8000)
    Image.fromarray(pixels[:4, :4]).save(path / "images" / "small.png")
    soundfile.write(path / "recordings" / "short.wav", samples[:50], 8000)
    np.save(path / "rows.npy", rng.uniform(size=(40, 36)).astype(np.float32))
    np.save(path / "series.npy", rng.uniform(size=(3000, 2)).astype(np.float32))
    np.savez(path / "several.npz", x=rng.uniform(size=(40, 36)), y=np.arange(40))
    return path


#: Settings, and what else is asked, of data in each kind of file.
CASES = {
    "photographs": ("", SMALL, {}),
    "photographs in color": ("", replace(SMALL, color=True), {}),
    "images": ("images", SMALL, {}),
    "images in color": ("images", replace(SMALL, color=True, patch_size=6), {}),
    "rows": ("rows.npy", SMALL, {}),
    "one of several": ("several.npz", SMALL, {"selection": Selection(key="x")}),
    "rows as images": ("rows.npy", WHOLE, {"shape": (6, 6)}),
    "patches of rows": ("rows.npy", replace(WHOLE, patch_size=4), {"shape": (6, 6)}),
    "rows that stay": ("rows.npy", SMALL, {"stored": True}),
    "spectrograms": ("recordings", SMALL, {}),
    "series": ("series.npy", replace(SPECTRA, form="raw"), {"selection": Selection(series=True)}),
    "spectra": ("series.npy", SPECTRA, {"selection": Selection(series=True)}),
    "waveforms": ("recordings", replace(SMALL, sound="waveform"), {}),
}


@pytest.fixture(params=CASES)
def case(request, folder):
    """Data that are found, and complete settings."""
    name, settings, options = CASES[request.param]
    return find_to_learn(Request([folder / name] if name else [], **options), settings)


def test_a_kind_is_the_row_of_its_name():
    assert [kind.kind for kind in KINDS.values()] == list(KINDS)
    for kind in KINDS.values():
        assert not kind.__abstractmethods__


def test_settings_belong_to_their_kinds_and_are_refused_for_the_others():
    names = {name for kind in KINDS.values() for name in kind.own_settings}
    assert names <= {field.name for field in fields(Settings)}
    for name in names:
        owners = [kind.kind for kind in KINDS.values() if name in kind.own_settings]
        option = option_of(name)
        for other in KINDS.keys() - set(owners):
            with pytest.raises(ValueError, match=f"{option} is for ({'|'.join(owners)}), but"):
                complete(replace(Settings(), **{name: 7}), other)


def test_expression_reads_the_same_content_in_python(case):
    data, _ = case
    data.read()
    content = eval(data.expression, {"rhohat": rhohat})
    if isinstance(content, str):
        assert Path(content) == data.request.paths[0]
        return
    assert len(content) == len(data.content) == data.n_examples
    for mine, theirs in zip(data.content, content, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.filterwarnings("ignore:drew")  # more windows than there are places
def test_size_is_that_of_what_the_autoencoder_is_given(case):
    data, settings = case
    size = data.size(settings)
    assert data.content is None
    data.read()
    pipeline = make_pipeline(settings, data.kind, variance=data.variance())
    few = data.few(500)
    rows = pipeline[:-1].fit_transform(few) if len(pipeline) > 1 else few
    assert rows.shape == (size.n_rows, size.n_features)
    if not data.is_stored:
        assert rows.dtype.itemsize <= size.itemsize
    assert size.held > 0


def test_reading_tells_no_other_number_of_examples_than_looking_where_all_can_be_used(case):
    data, _ = case
    looked = data.n_examples
    data.read()
    unusable = len(data.found.skipped) if data.kind == "recordings" else 0
    assert data.n_examples == looked - unusable
    assert len(data.names) in (0, data.n_examples)
    told = data.summary()
    assert told["kind"] == data.kind
    assert json.loads(json.dumps(told)) == told
    skipped = {entry["file"] for entry in told["skipped"]}
    assert not skipped & set(told["files"])


def test_variance_is_that_of_pixels_or_columns(case):
    data, _ = case
    data.read()
    expected = {
        "images": lambda: np.var(np.concatenate([image.ravel() for image in data.content])),
        "rows": lambda: np.var(data.few(500), axis=0).mean(),
        "recordings": lambda: 1.0,
        "series": lambda: 1.0,
    }
    assert data.variance() == pytest.approx(expected[data.kind](), rel=1e-5)


def test_files_that_cannot_be_used_are_skipped(folder):
    for name, bad in (("images", "small.png"), ("recordings", "short.wav")):
        data, _ = find_to_learn(Request([folder / name]), SMALL)
        data.read()
        assert [Path(file).name for file, _ in data.found.skipped] == [bad]
        assert len(data.files) == 3
        assert "on_error='skip'" in data.expression


def test_rows_stay_where_they_are_beyond_what_is_held(folder, monkeypatch):
    request = Request([folder / "rows.npy"])
    assert not find(request).is_stored
    monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 40 * 36 * 4 - 1)
    data = find(request)
    assert data.is_stored
    data.read()
    assert data.is_stored
    np.testing.assert_array_equal(data.few(10), np.load(folder / "rows.npy")[:10])
    # an archive cannot be read in runs
    assert not find(Request([folder / "several.npz"], selection=Selection(key="x"))).is_stored


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("recordings", {"selection": Selection(key="x")}, "--key names an array"),
        ("images", {"stored": True}, "--dask needs rows in files, but images are cut"),
        ("images", {"settings": replace(SMALL, patch_size="whole")}, "must have one size"),
        ("rows.npy", {"shape": (6, 6, 1)}, "--color and --shape HxWx3 must be given together"),
        ("recordings", {"settings": replace(SMALL, sound="noise")}, "sound must be one of"),
    ],
)
def test_what_data_do_not_allow_for_is_said(name, options, message, folder):
    settings = options.get("settings", SMALL)
    asked = {name: value for name, value in options.items() if name != "settings"}
    with pytest.raises(ValueError, match=message):
        find_to_learn(Request([folder / name], **asked), settings)


def test_stored_rows_must_be_readable_in_runs(folder):
    data, _ = find_to_learn(
        Request([folder / "several.npz"], selection=Selection(key="x"), stored=True), SMALL
    )
    with pytest.raises(ValueError, match="--dask needs rows that workers can read"):
        data.read()


def test_without_paths_data_are_the_photographs():
    data = find(Request())
    assert type(data) is Photographs
    assert data.files == ["built-in photographs"]
    assert data.n_examples == 10


class ToySeries(Data):
    """Series of numbers, of which windows are cut."""

    kind, noun, described, pieces = "toy series", "toy", "toy series", "windows"

    def read(self):
        self.content = [series for path in self.found.contents for series in np.load(path)]

    def variance(self):
        return float(np.var(np.concatenate(self.content)))

    loaded = property(lambda self: self.content)
    expression = property(lambda self: "list(numpy.load(...))")

    @classmethod
    def steps(cls, settings):
        return [("windows", rhohat.WindowExtractor(8, n_windows=settings.patches, random_state=0))]

    def size(self, settings):
        return Size(settings.patches, 8, 8, 1000)

    def raw_rows(self, model, convolution):
        return np.stack(self.content)


def test_a_new_kind_is_its_class_and_its_row(tmp_path, monkeypatch):
    path = tmp_path / "toys.npy"
    np.save(path, np.cumsum(np.random.RandomState(0).randn(3, 200), axis=1))
    content = Content("toy series", (3, 200), np.dtype(float))
    found = DataFiles("toy series", {path: content}, [], [])
    monkeypatch.setattr(DataFiles, "find", lambda paths, **options: found)
    monkeypatch.setitem(KINDS, "toy series", ToySeries)
    few = ["--units", "3", "--iterations", "4", "--patches", "100", "--out", str(tmp_path / "out")]
    dry = CliRunner().invoke(cli, ["learn", str(path), *few, "--dry-run"])
    assert "cut 100 windows of 8 numbers from 3 toys and learn 3 features" in dry.stdout, dry.output
    result = CliRunner().invoke(cli, ["learn", str(path), *few])
    assert result.exit_code == 0, result.output
    assert "100 windows of 3 toys" in result.stdout
    model = rhohat.load(tmp_path / "out" / "model.safetensors")
    assert [type(step).__name__ for _, step in model.steps] == [
        *("WindowExtractor", "Whitening", "SparseAutoencoder"),
    ]
    refused = CliRunner().invoke(
        cli, ["learn", str(path), "--color", "--out", str(tmp_path / "other")]
    )
    assert "color is for images, but the data are toy series" in str(refused.exception)
