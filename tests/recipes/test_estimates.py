"""What learning would take."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rhohat import TorchDevice
from rhohat.recipes import estimates
from rhohat.recipes.data import Request
from rhohat.recipes.estimates import BASE_BYTES, COPIES_OF_SPAN, Costs, estimate
from rhohat.recipes.finding import find_to_learn
from rhohat.recipes.pipelines import make_autoencoder
from rhohat.recipes.settings import Settings
from rhohat.rows.placed import Placed
from rhohat.training.stages import PART_BYTES
from support.command import run


@pytest.fixture
def rows(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.RandomState(0).rand(5000, 20))
    return Request([tmp_path / "rows.npy"])


@pytest.fixture(autouse=True)
def steady_clock(monkeypatch):
    """Two milliseconds an iteration, and a microsecond for each row in it."""
    monkeypatch.setattr(estimates, "_costs", lambda *arguments: Costs(0.0, 2e-3, 1e-6))


def test_nothing_is_read(rows):
    data, settings = find_to_learn(rows, Settings())
    estimate(data, settings)
    assert data.content is None


def test_memory_is_what_rows_and_parameters_take(rows):
    data, settings = find_to_learn(rows, Settings(units=30))
    needed = estimate(data, settings)
    assert (needed.n_rows, needed.n_features) == (5000, 20)
    assert needed.memory == BASE_BYTES + 3 * 5000 * 20 * 8 + 8 * 48 * 2 * 30 * 20
    stored, settings = find_to_learn(replace(rows, stored=True), Settings(units=30))
    assert estimate(stored, settings).memory == BASE_BYTES + 3 * PART_BYTES + 8 * 48 * 2 * 30 * 20


@pytest.mark.torch
@pytest.mark.parametrize("share", [0, 0.3, 0.99, 1])
def test_rows_that_stay_on_a_device_are_as_many_as_in_a_fit(share, rows, monkeypatch):
    chosen = Settings(units=30, iterations=2, whitening="none", threads=1)
    data, settings = find_to_learn(rows, chosen)
    device = TorchDevice("torch", memory=int(share * 5000 * 20 * 8))
    needed = estimate(data, settings, device=device).device
    assert (needed.name, needed.rows) == ("torch", 5000 * 20 * 8)
    assert needed.resident + needed.streamed == 5000
    assert (needed.resident == 5000) == (share == 1)

    sources, begin = [], Placed._begin
    monkeypatch.setattr(Placed, "_begin", lambda source: sources.append(source) or begin(source))
    make_autoencoder(settings, device=device).fit(np.load(rows.paths[0]))
    kept = [sum(len(part.X) for part in source._kept.values()) for source in sources]
    assert needed.resident == max(kept)


@pytest.mark.torch
def test_the_model_s_part_of_a_device_grows_with_the_model_and_the_threads(rows):
    def part(**settings):
        data, chosen = find_to_learn(rows, Settings(whitening="none", **settings))
        return estimate(data, chosen, device=TorchDevice("torch", memory=10**6)).device.model

    assert part(units=30, threads=1) < part(units=60, threads=1) < part(units=60, threads=2)
    parameters = 8 * (2 * 60 * 20 + 60 + 20)
    assert part(units=60, threads=2) > 5 * parameters + 5000 * 60 * 8


def test_no_memory_but_the_processor_s_is_told_where_there_is_no_other(rows):
    data, settings = find_to_learn(rows, Settings())
    assert estimate(data, settings).device is None
    assert estimate(data, settings, device=TorchDevice("torch")).device is None


def test_time_grows_with_iterations_and_rows():
    data, settings = find_to_learn(Request(), Settings())
    usual = estimate(data, settings)
    longer = estimate(data, replace(settings, iterations=2 * settings.iterations))
    larger = estimate(data, replace(settings, patches=20 * settings.patches))
    assert longer.seconds > 1.8 * usual.seconds
    assert larger.seconds > 2 * usual.seconds
    assert larger.memory > usual.memory


def test_fewer_rows_may_be_learned_from(rows):
    data, settings = find_to_learn(rows, Settings())
    some, every = (estimate(data, settings, most_rows=most) for most in (1000, 9000))
    assert (some.n_rows, every.n_rows) == (1000, 5000)
    assert some.seconds < every.seconds


def test_costs_are_measured(monkeypatch, rows):
    monkeypatch.undo()
    data, settings = find_to_learn(rows, Settings(units=5, solver="gradient-descent"))
    assert estimate(data, settings).seconds > 0


def test_few_wide_rows_are_estimated_by_themselves(monkeypatch, tmp_path):
    """Not by thousands of such rows, and without a matrix of columns x columns."""
    monkeypatch.undo()
    made = []

    def rows(*size):
        made.append(size)
        return np.random.RandomState(0).rand(*size[:2]).astype(f"f{size[2]}")

    monkeypatch.setattr(estimates, "_random_rows", rows)
    np.save(tmp_path / "wide.npy", np.random.RandomState(0).rand(30, 4000).astype("f4"))
    data, settings = find_to_learn(Request([tmp_path / "wide.npy"]), Settings(units=5))
    needed = estimate(data, settings)
    assert max(size[0] for size in made) == 30
    assert needed.memory < BASE_BYTES + 4 * 8 * 30 * 4000 + 8 * COPIES_OF_SPAN * 2 * 5 * 4000


def test_pca_of_few_wide_rows_leaves_fewer_columns(monkeypatch, tmp_path):
    np.save(tmp_path / "wide.npy", np.random.RandomState(0).rand(30, 4000).astype("f4"))
    seen = []
    monkeypatch.setattr(estimates, "_costs", lambda *size: seen.append(size[2]) or Costs(0, 0, 0))
    estimate(*find_to_learn(Request([tmp_path / "wide.npy"]), Settings(whitening="pca")))
    assert seen == [29]


def test_rows_to_time_never_become_few_and_wide(monkeypatch):
    """Many wide rows are timed on fewer columns, and the time is scaled."""
    monkeypatch.undo()
    sizes = []
    monkeypatch.setattr(
        estimates, "_fit_seconds", lambda *given: sizes.append(given[1:3]) or 1e-3 * given[4]
    )
    costs = estimates._costs(Settings(), 100_000, 20_000, 4)
    assert not any(estimates.is_spanned(*size) for size in sizes)
    assert costs.iteration == pytest.approx(1e-3 * 20_000 / sizes[0][1])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell what a process took")
@pytest.mark.parametrize("shape", [(40, 64, 64), (30_000, 100)], ids=["images", "rows"])
def test_what_is_announced_is_what_learning_and_the_page_take(shape, tmp_path):
    """The greatest memory of the whole command, within a factor of 1.5."""
    np.save(tmp_path / "x.npy", np.random.RandomState(0).rand(*shape))
    command = ["learn", "x.npy", "--iterations", "3", "--json"]
    announced = json.loads(run(*command, "--dry-run", cwd=tmp_path).stdout)["memory_bytes"]
    # By a process between: what one has is counted as that of those that it starts.
    between = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    words = [sys.executable, "-c", between, sys.executable, "-m", "rhohat", *command]
    told = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    peak = int(told) * (1 if sys.platform == "darwin" else 1024)
    assert announced / 1.5 < peak < 1.5 * announced
