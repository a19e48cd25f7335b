"""F37, F38: one signal ends any phase within seconds, with what can be kept; a second at once."""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import matplotlib.pyplot  # noqa: F401 - half an import would stay in this process
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

import rhohat
from rhohat import (
    KLSparsity,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
)
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.sources import ArraySource
from support.command import run
from support.fits import GROWING, SMALL, assert_weights_are_finite, bits, make_model

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals"),
    pytest.mark.slow,
]

EXITS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


def send(name="SIGINT"):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(0.01)


def let_interrupt(patch, place, name, calls=1):
    """Let a signal come when a function is called for the first time, or later."""
    module, _, attribute = place.partition(":")
    owner = importlib.import_module(module)
    *path, attribute = attribute.split(".")
    for part in path:
        owner = getattr(owner, part)
    function, called = getattr(owner, attribute), []

    def interrupted(*args, **kwargs):
        called.append(1)
        if len(called) == calls:
            send(name)
        assert len(called) <= calls, f"{place} goes on"
        return function(*args, **kwargs)

    patch.setattr(owner, attribute, interrupted)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows, their labels, and a model of them."""
    folder = tmp_path_factory.mktemp("signals")
    X = np.random.RandomState(0).laplace(size=(400, 36))
    np.save(folder / "rows.npy", X)
    np.save(folder / "labels.npy", np.arange(400) % 2)
    rhohat.save(make_model(max_iter=3).fit(X), folder / "model")
    return folder


LEARN = [
    *("learn", "rows.npy", "--shape", "6x6", "--units", "9", "--iterations", "20"),
    *("--whitening", "pca", "--out"),
]
PHOTOGRAPHS = ["learn", "--patch-size", "6", "--patches", "500", "--units", "4", "--out"]
MODEL = ["model", "rows.npy"]


@pytest.mark.parametrize(
    ("place", "name", "command"),
    [
        ("rhohat.recipes.kinds:Photographs.read", "SIGINT", PHOTOGRAPHS),
        ("rhohat.preprocessing.filters:OneOverFWhitening.transform", "SIGTERM", PHOTOGRAPHS),
        ("rhohat.preprocessing.extractors:PatchExtractor.fit", "SIGHUP", PHOTOGRAPHS),
        ("rhohat.preprocessing.whitening:Whitening.fit", "SIGINT", LEARN),
        ("rhohat.preprocessing.whitening:Whitening.fit", "SIGTERM", LEARN),
        ("rhohat.preprocessing.whitening:Whitening.transform", "SIGHUP", LEARN),
        ("rhohat.rows.checksums:Manifest.of", "SIGINT", LEARN),
        ("rhohat.training.start:draw_sample", "SIGTERM", LEARN),
        ("rhohat.recipes.choice:choose_for", "SIGINT", ["learn", "rows.npy", "--auto", "--out"]),
        ("rhohat.recipes.gradient_trial:try_gradient", "SIGTERM", ["check", "rows.npy"]),
        ("rhohat.inspection.diagnosis:diagnose", "SIGTERM", ["diagnose", *MODEL]),
        ("rhohat.inspection.report.page:report_on", "SIGHUP", ["report", *MODEL, "--out"]),
        (
            "rhohat.inspection.report.comparison:compare",
            "SIGTERM",
            ["compare", "model", *MODEL, "--out"],
        ),
        ("rhohat.recipes.encoding:write_features", "SIGINT", ["encode", *MODEL, "--out"]),
        (
            "rhohat.inspection.probe:probe",
            "SIGTERM",
            ["evaluate", *MODEL, "--labels", "labels.npy"],
        ),
    ],
)
def test_f37_a_signal_where_nothing_can_be_kept_ends_the_command(
    place, name, command, folder, tmp_path, monkeypatch
):
    out = tmp_path / "new.npy"
    let_interrupt(monkeypatch, place, name)
    if command[0] == "learn":
        monkeypatch.setattr("rhohat.training.run.Training._progress", None)  # nothing is trained
    words = [*command, out] if command[-1] == "--out" else command
    result = run(*words, cwd=folder)
    assert result.returncode == EXITS[name], result.stderr
    assert "interrupted" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert not out.is_file()
    assert not (out / "model.safetensors").exists()


@pytest.mark.parametrize("name", EXITS)
def test_f38_a_signal_in_training_writes_what_was_learned(name, folder, tmp_path, monkeypatch):
    let_interrupt(monkeypatch, "rhohat.training.run:Training._progress", name, calls=3)
    monkeypatch.setattr("rhohat.cli.learn.draw_training", lambda *_: None)
    monkeypatch.setattr("rhohat.cli.learn.draw_features", lambda *_: None)
    result = run(*LEARN, tmp_path, "--json", cwd=folder)
    assert result.returncode == EXITS[name], result.stderr
    assert json.loads(result.stdout)["training"]["interrupted"] is True
    assert rhohat.load(tmp_path / "model.safetensors")[-1].n_iter_ == 3
    assert (tmp_path / "report.html").exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asked for again
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_f37_the_page_of_an_interrupted_run_may_not_take_long(
    arguments, folder, tmp_path, monkeypatch
):
    let_interrupt(monkeypatch, "rhohat.training.run:Training._progress", "SIGINT", calls=3)
    monkeypatch.setattr("rhohat.cli.learn.SHOWN_WITHIN", 0.2)
    monkeypatch.setattr(
        "rhohat.inspection.report.subject.subjects_of", lambda *_, **__: time.sleep(60)
    )
    started = time.monotonic()
    result = run(*LEARN, tmp_path, *arguments, cwd=folder)
    assert result.returncode == 130, result.stderr
    assert time.monotonic() - started < 5
    assert rhohat.load(tmp_path / "model.safetensors")[-1].n_iter_ == 3
    assert "the best model so far is kept" in result.stderr
    assert not (tmp_path / "report.html").exists()
    assert "report.html" not in result.stdout
    assert "model.safetensors" in result.stdout


@pytest.mark.parametrize(
    ("place", "name", "command"),
    [
        ("rhohat.inspection.report.page:report_of", "SIGINT", LEARN),
        ("rhohat.inspection.portrait:fit_gabors", "SIGTERM", PHOTOGRAPHS),
    ],
)
def test_f37_a_signal_while_the_page_is_made_leaves_the_model(
    place, name, command, folder, tmp_path, monkeypatch
):
    let_interrupt(monkeypatch, place, name)
    result = run(*command, tmp_path, cwd=folder)
    assert result.returncode == EXITS[name], result.stderr
    assert rhohat.load(tmp_path / "model.safetensors")[-1].stop_reason_
    assert not (tmp_path / "report.html").exists()


# Python: where the work is cut off.


class Sweeps:
    """Counts sums over rows, and lets a signal come in the midst of one."""

    def __init__(self, patch):
        self.n, self.at = 0, 0
        map_sum = ThreadEngine.map_sum

        def counted(engine, function, source, partition):
            self.n += 1
            if self.n == self.at:
                self.at = 0
                function = interrupted(function)
            return map_sum(engine, function, source, partition)

        def interrupted(function):
            sent = threading.Event()

            def sum_of(rows):
                if not sent.is_set():
                    sent.set()
                    send()
                return function(rows)

            return sum_of

        patch.setattr(ThreadEngine, "map_sum", counted)


@pytest.mark.usefixtures("early_growth")
@pytest.mark.parametrize(
    ("settings", "held_out"),
    [({}, None), ({"sparsity_penalty": KLSparsity(0.1, "auto")}, None), ({"patience": 2}, SMALL)],
)
def test_f37_cut_off_in_any_sweep_it_resumes_to_the_same_bits(
    settings, held_out, tmp_path, monkeypatch
):
    def model(**changes):
        return make_model(**({"max_iter": 12, "chunk_size": 1000} | settings | changes))

    sweeps, kept = Sweeps(monkeypatch), 0
    expected = bits(model().fit(GROWING, X_val=held_out))
    for at in np.linspace(1, sweeps.n, 9).astype(int):
        sweeps.n, sweeps.at = 0, at
        cut = model(checkpoint=tmp_path / str(at))
        with pytest.raises(KeyboardInterrupt), pytest.warns():  # if anything is kept
            cut.fit(GROWING, X_val=held_out)
        assert sweeps.n <= at + 4
        if hasattr(cut, "n_iter_"):
            kept += 1
            assert_weights_are_finite(cut)
        resumed = model(checkpoint=tmp_path / str(at), resume=True)
        assert bits(resumed.fit(GROWING, X_val=held_out)) == expected
    assert kept > 5


class SlowDisk(ArraySource):
    """Rows that are waited for, and `begin` called, from some moment on; it counts how often."""

    pause, reads = 0.0, 0

    def begin(self):
        pass

    def read(self, start, stop):
        if self.pause:
            self.reads += 1
            if self.reads == 1:
                self.begin()
            time.sleep(self.pause)
        return super().read(start, stop)


@pytest.mark.parametrize("growth", [False, True])
@pytest.mark.usefixtures("early_growth")
def test_f38_it_ends_between_chunks_and_not_after_passes(growth):
    """Of passes of 30 chunks."""
    source = SlowDisk(GROWING)

    def callback(progress):
        if progress.n_iter == 3:
            source.pause = 0.3
            threading.Timer(0.1, send).start()

    model = make_model(callback=callback, growth=growth, block_size=200, chunk_size=200)
    if growth:  # on its part of the rows, a pass takes no time: let the iteration last
        model.set_params(callback=lambda progress: callback(progress) or time.sleep(0.05))
    with pytest.warns(ConvergenceWarning, match="kept"), pytest.raises(KeyboardInterrupt):
        model.fit(source)
    assert source.reads < 15
    assert model.n_iter_ >= 3
    assert np.isfinite(model.loss_)
    assert model.n_dead_ == 0


def test_f37_before_the_first_iteration_nothing_is_kept(monkeypatch):
    model = make_model()
    Sweeps(monkeypatch).at = 1
    with pytest.raises(KeyboardInterrupt):
        model.fit(SMALL)
    assert not hasattr(model, "encoder_weights_")


def test_f37_whitening_ends_with_the_chunks_under_way():
    """Although threads take the chunks, which know nothing of signals."""
    source = SlowDisk(np.random.RandomState(0).uniform(size=(60 * 1024, 4)))
    source.pause, source.begin = 0.5, send
    with pytest.raises(KeyboardInterrupt):
        Whitening().fit(source)
    assert source.reads < 15


def interrupt_at(n_iter):
    return lambda progress: send() if progress.n_iter == n_iter else None


def test_f37_a_stream_stops_between_batches(monkeypatch):
    let_interrupt(monkeypatch, "rhohat.training.adam:Adam._step", "SIGINT", calls=3)
    adam = rhohat.Adam(batch_size=10)
    model = make_model(solver=adam)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(SMALL)
    assert model.n_rows_seen_ == 30
    assert np.isfinite(model.transform(SMALL)).all()


def test_f37_a_classifier_keeps_what_fine_tuning_has_reached():
    y = np.arange(len(SMALL)) % 2
    model = StackedAutoencoderClassifier(
        make_model(max_iter=3), max_iter=20, callback=interrupt_at(4), random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="kept"), pytest.raises(KeyboardInterrupt):
        model.fit(SMALL, y)
    assert model.n_iter_ == 4
    assert np.isfinite(model.predict_proba(SMALL)).all()
    early = make_model(callback=interrupt_at(2))
    model = StackedAutoencoderClassifier(early, random_state=0)
    with pytest.raises(KeyboardInterrupt, match="interrupted in the layers"):
        model.fit(SMALL, y)


def test_f37_no_further_layer_and_no_further_fit_begins():
    fits = []

    class Counted(SparseAutoencoder):
        def fit(self, *args, **kwargs):
            fits.append(self)
            return super().fit(*args, **kwargs)

    stack = StackedAutoencoder([Counted(3, callback=interrupt_at(1)), Counted(2)])
    with pytest.raises(KeyboardInterrupt, match="layer 1 of 2"):
        stack.fit(SMALL)
    search = GridSearchCV(
        Counted(3, callback=interrupt_at(1)), {"weight_decay": [1e-3, 1e-2]}, cv=2
    )
    with pytest.warns(ConvergenceWarning), pytest.raises(KeyboardInterrupt):
        search.fit(SMALL)
    assert len(fits) == 2


# Processes: what ends them, and how soon.


def python(code, *, when=b"begun\n", pause=0.3, names=("SIGINT",)):
    """The exit status of a script that is sent signals, what it printed, and the seconds to die."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout.readline() == when
        for name in names:
            time.sleep(pause)
            process.send_signal(getattr(signal, name))
        started = time.monotonic()
        printed, _ = process.communicate(timeout=30)
        return process.returncode, printed.decode(), time.monotonic() - started
    finally:
        process.kill()
        process.wait()


FITS = """
import time, warnings
warnings.simplefilter("ignore")
import numpy as np
from rhohat import SparseAutoencoder
X = np.random.RandomState(0).uniform(size=(4000, 30))
for number in range(3):
    print("begun", flush=True)
    model = SparseAutoencoder(20, tol=0, callback=lambda progress: time.sleep(0.1))
    try:
        model.fit(X)
    except KeyboardInterrupt:
        print(model.stop_reason_, flush=True)
        raise
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_f38_a_script_of_many_fits_is_ended_by_one_signal(name):
    status, printed, seconds = python(FITS, names=[name], pause=1)
    assert status == -getattr(signal, name)
    assert "begun" not in printed
    assert ("interrupted" in printed) == (name == "SIGINT")
    assert seconds < 5


LAPACK = """
import numpy as np
from rhohat.common import interrupts
A = np.random.RandomState(0).normal(size=(3000, 3000))
A += A.T
with interrupts.{block}():
    print("begun", flush=True)
    {call}
"""
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="by the C library")


@on_linux
@pytest.mark.parametrize(
    ("block", "call"),
    [
        ("interrupts_as_requests", "import scipy.linalg; scipy.linalg.eigh(A)"),
        ("interrupts_raised", "np.linalg.svd(A)"),
    ],
)
def test_f37_a_second_signal_ends_the_process_even_inside_lapack(block, call):
    """Both signals come while no Python code runs."""
    code = LAPACK.format(block=block, call=call)
    status, _, seconds = python(code, names=["SIGINT", "SIGINT"])
    assert status == -signal.SIGINT
    assert seconds < 2


WHITENING = """
import sys
import numpy as np, scipy.linalg
import rhohat
from rhohat.cli.main import main
eigh = scipy.linalg.eigh
def begun(matrix):
    print("begun", flush=True)
    return eigh(np.eye(3000) + np.random.RandomState(0).normal(size=(3000, 3000)))
scipy.linalg.eigh = begun
if {command}:
    sys.argv = ["rhohat", "learn", {path!r}, "--whitening", "pca", "--out", {out!r}]
    main()
else:
    rhohat.Whitening().fit(np.load({path!r}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "names"),
    [(True, ["SIGHUP"]), (False, ["SIGTERM"]), (False, ["SIGINT", "SIGINT"])],
)
@on_linux
def test_f37_whitening_waits_for_no_eigenvectors(command, names, folder, tmp_path):
    paths = {"path": str(folder / "rows.npy"), "out": str(tmp_path / "out")}
    status, _, seconds = python(WHITENING.format(command=command, **paths), names=names)
    assert status == -getattr(signal, names[0])
    assert seconds < 2
