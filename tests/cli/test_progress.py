"""Progress, as a terminal, a notebook and a log file see it."""

import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel
from sklearn.base import clone

import rhohat
from rhohat.cli.progress import show_fits, show_training, show_work
from rhohat.objective.base import LossTerms
from rhohat.training.run import TrainingProgress

PROGRESS = TrainingProgress(1, 9, 30, LossTerms(0.5, 0.1, 0.1), np.ones(9), 0.1, np.ones(3))
LEARN = """
from sklearn.datasets import load_digits
from rhohat import SparseAutoencoder, show_progress
with show_progress() as callback:
    SparseAutoencoder(100, max_iter=400, tol=0, callback=callback).fit(load_digits().data / 16)
"""


def test_in_a_log_it_is_one_line_at_the_end(digits, capsys):
    with rhohat.show_progress() as callback:
        model = rhohat.SparseAutoencoder(9, max_iter=5, random_state=0, callback=callback)
        model.fit(digits)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"trained in \d+\.\d s: iteration 5/5 on 1,797 rows, loss .* = .* rho_hat .*\n", err
    )
    assert f"{model.loss_:.4f}" in err


def test_nothing_is_said_where_nothing_was_trained(capsys):
    with rhohat.show_progress():
        pass
    assert capsys.readouterr() == ("", "")


WORK = """
import time
from rhohat.cli.progress import show_work
with show_work("looking"):
    time.sleep(0.3)
"""


def terminal_output(code=LEARN, **environment):
    """What a run writes to a terminal."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=theirs, stdout=theirs, env=environment
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # how Linux says that the other end has gone
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait(timeout=120) == 0
    return written.decode()


@pytest.fixture(scope="module")
def written():
    """What learning writes to a terminal."""
    return terminal_output()


@pytest.mark.slow
def test_on_a_terminal_lines_move_and_one_stays(written):
    assert written.count("\x1b[2K") > 2  # lines are cleared and written again
    assert "preparing" in written
    assert re.search(r"learning.*iteration \d+/400", written)
    assert "left" in written
    assert "trained in" in written.splitlines()[-1]


def test_other_work_is_told_on_a_terminal_alone_and_leaves_nothing(capsys):
    written = terminal_output(WORK)
    assert "looking" in written
    assert "0:00:0" in written
    assert written.endswith("\x1b[2K")


def test_in_a_log_every_phase_is_a_line(capsys):
    with show_work("looking"):
        pass
    assert capsys.readouterr() == ("", "looking\n")
    with show_training("whitening") as callback:
        for _ in range(3):
            callback(PROGRESS)
    assert capsys.readouterr() == ("", "whitening\nlearning\n")


SHORT = """
from unittest.mock import patch
from rhohat.cli.progress import show_training
from rhohat.training.run import TrainingProgress
from rhohat.objective.base import LossTerms
import numpy as np
with show_training("whitening") as callback:
    for n in range(1, 100):
        callback(TrainingProgress(n, 260, 30_000, LossTerms(.5, .1, .1), np.ones(9), n / 260, None))
"""


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_bar_and_remaining_time_are_there_at_any_width(columns):
    written = terminal_output(SHORT, COLUMNS=str(columns))
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"\r|\n", written)]
    bars = [line for line in lines if line.startswith("learning")]
    assert bars
    for line in bars:
        assert len(line) <= columns
        assert re.search(r"learning [╸╺━ ]{4,} (iteration )?\d+/260 ", line)
    assert re.search(r"\d+/260( on 30,000 rows)? .*[-\d]:[-\d]", bars[-1])
    assert "whitening" in written
    assert "…" not in written


def test_a_callback_outlives_neither_its_block_nor_its_process(digits, capsys):
    with rhohat.show_progress() as callback:
        model = rhohat.SparseAutoencoder(4, max_iter=3, random_state=0, callback=callback)
        model.fit(digits)
        assert clone(model).callback is callback  # of a grid search, for instance
        sent = pickle.loads(pickle.dumps(model))
    assert "trained in" in capsys.readouterr().err
    for later in (model, sent):
        later.fit(digits)
        assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_no_color_is_respected(written):
    colored = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert colored.search(written)
    for value in ("1", "anything"):
        assert not colored.search(terminal_output(NO_COLOR=value))


@pytest.mark.slow
def test_in_a_notebook_one_output_is_replaced_as_training_goes_on():
    manager, client = start_new_kernel()
    try:
        messages = []
        client.execute_interactive(LEARN, timeout=120, output_hook=messages.append)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    kinds = [message["header"]["msg_type"] for message in messages]
    assert "error" not in kinds, messages
    assert kinds.count("display_data") == 1
    shown = [
        m["content"]["data"]["text/plain"] for m in messages if "display_data" in m["msg_type"]
    ]
    assert shown[0] == "preparing data"
    assert any("s left" in text and "rho_hat" in text for text in shown)
    assert shown[-1].startswith("trained in")


FITS = """
import time
from rhohat import ExplorationProgress
from rhohat.cli.progress import show_fits
with show_fits() as callback:
    for n in range(1, 4):
        time.sleep(0.15)
        callback(ExplorationProgress(n, 3, 3 - n))
"""


def test_fits_are_counted_on_a_terminal():
    text = terminal_output(FITS)
    assert "first fit" in text
    assert "1 of 3 fits" in text


@pytest.mark.parametrize(("interval", "lines"), [(0.0, ["1 of 3 fits, about 70 s left"]), (9, [])])
def test_fits_are_told_in_a_log_now_and_then(interval, lines, capsys, monkeypatch):
    monkeypatch.setattr("rhohat.cli.progress.LOG_INTERVAL", interval)
    with show_fits() as callback:
        callback(rhohat.ExplorationProgress(1, 3, 70.2))
        callback(rhohat.ExplorationProgress(3, 3, 0.0))
    assert capsys.readouterr().err.splitlines() == ["exploring", *lines]
