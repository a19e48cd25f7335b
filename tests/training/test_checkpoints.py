"""Checkpoints: whenever a run ends, it goes on to the same bits."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from rhohat import CheckpointError, KLSparsity, SparseAutoencoder
from rhohat.common.tensorfiles import pack, unpack
from rhohat.common.writing import write_whole
from rhohat.objective.decoders import DECODERS
from rhohat.training.checkpoints import FILE, SPACING
from rhohat.training.solvers import AT, SOLVERS
from support.fits import FEW_ROWS, GROWING, N_ITER, STAGE_ENDS, Killed, bits, killed_after

X = GROWING
pytestmark = pytest.mark.usefixtures("early_growth")


def autoencoder(folder=None, **changes):
    settings = {
        "n_components": 5,
        "sparsity_penalty": KLSparsity(0.1, 0.5),
        "max_iter": N_ITER,
        "tol": 0.0,
        "random_state": 0,
        "checkpoint": folder,
    }
    return SparseAutoencoder(**(settings | changes))


@pytest.fixture(autouse=True)
def every_iteration(monkeypatch):
    """Write the state after every iteration, however long it takes."""
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "iteration", [1, 2, 7, *STAGE_ENDS, *(end + 1 for end in STAGE_ENDS), N_ITER]
)
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(solver, iteration, tmp_path):
    undisturbed = bits(autoencoder(solver=solver).fit(X))
    cut = autoencoder(tmp_path, solver=solver, callback=killed_after(iteration))
    with pytest.raises(Killed):
        cut.fit(X)
    seen = []
    resumed = autoencoder(
        tmp_path, solver=solver, resume=True, callback=lambda p: seen.append(p.n_iter)
    )
    assert bits(resumed.fit(X)) == undisturbed
    assert seen == list(range(iteration, N_ITER + 1))  # the one cut off was not written yet
    assert bits(resumed.fit(X)) == undisturbed  # ended, and told again


@pytest.mark.parametrize("decoder", [name for name in DECODERS if name != "linear"])
@pytest.mark.parametrize("iteration", [2, STAGE_ENDS[0], N_ITER - 1])
def test_a_run_of_any_decoder_goes_on_to_the_same_bits(decoder, iteration, tmp_path):
    undisturbed = bits(autoencoder(decoder=decoder).fit(X))
    with pytest.raises(Killed):
        autoencoder(tmp_path, decoder=decoder, callback=killed_after(iteration)).fit(X)
    assert bits(autoencoder(tmp_path, decoder=decoder, resume=True).fit(X)) == undisturbed


def test_the_metric_s_point_is_kept_and_the_sample_is_drawn_again(tmp_path):
    """A run that is gone on with between two renewals has the metric of the last one."""
    undisturbed = bits(autoencoder(random_state=3).fit(X[:900]))
    with pytest.raises(Killed):
        autoencoder(tmp_path, random_state=3, callback=killed_after(6)).fit(X[:900])
    with (tmp_path / FILE).open("rb") as stream:
        described, arrays = unpack(stream, (tmp_path / FILE).stat().st_size)
    assert described["n_iter"] == 5
    assert arrays[f"memory.{AT}"].shape == arrays["theta"].shape
    assert not np.array_equal(arrays[f"memory.{AT}"], arrays["theta"])
    assert len(arrays["theta"]) < len(arrays["parameters"])  # a decoder that is solved for
    assert bits(autoencoder(tmp_path, random_state=3, resume=True).fit(X[:900])) == undisturbed


@pytest.mark.slow
def test_a_run_cut_off_after_any_of_its_checkpoints_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    """Also after the one at which a stage, or the run, has converged."""
    monkeypatch.setattr("rhohat.training.stages.FIRST_ROWS", 100)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power fails here
    X = GROWING[:1200]
    settings = {"tol": 0.5, "max_iter": 240, "n_jobs": 1}
    undisturbed = autoencoder(**settings).fit(X)
    assert undisturbed.converged_
    assert list(dict.fromkeys(undisturbed.stage_rows_)) == [100, 400, 1200]
    for number in range(1, undisturbed.n_iter_ + 1):
        folder = tmp_path / str(number)
        written = []

        def cut(path, content, number=number, written=written):
            write_whole(path, content)
            written.append(path)
            if len(written) == number:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("rhohat.training.checkpoints.write_whole", cut)
            with pytest.raises(Killed):
                autoencoder(folder, **settings).fit(X)
        assert bits(autoencoder(folder, resume=True, **settings).fit(X)) == bits(undisturbed)


def test_resuming_where_there_is_no_checkpoint_starts_anew(tmp_path):
    folder = tmp_path / "new" / "folder"
    assert bits(autoencoder(folder, resume=True).fit(X)) == bits(autoencoder().fit(X))


def test_a_seed_that_was_not_given_is_kept(tmp_path):
    """Without a fixed random_state, too, the rows of later stages are those that were drawn."""
    cut = autoencoder(tmp_path, random_state=None, callback=killed_after(3))
    with pytest.raises(Killed):
        cut.fit(X)
    copy = (tmp_path / FILE).read_bytes()
    first = bits(autoencoder(tmp_path, random_state=None, resume=True).fit(X))
    (tmp_path / FILE).write_bytes(copy)
    assert bits(autoencoder(tmp_path, random_state=None, resume=True).fit(X)) == first


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path):
    def interrupt(progress):
        if progress.n_iter == 7:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = autoencoder(tmp_path, callback=interrupt)
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        stopped.fit(X)
    assert stopped.n_iter_ == 7
    assert bits(autoencoder(tmp_path, resume=True).fit(X)) == bits(autoencoder().fit(X))


def test_more_iterations_on_all_rows_go_on_to_the_same_bits(tmp_path):
    few = X[:900]
    autoencoder(tmp_path, max_iter=7).fit(few)
    more = autoencoder(tmp_path, max_iter=12, resume=True).fit(few)
    assert bits(more) == bits(autoencoder(max_iter=12).fit(few))
    with pytest.raises(CheckpointError, match=r"already has 12 iterations, more than max_iter=7"):
        autoencoder(tmp_path, max_iter=7, resume=True).fit(few)


@pytest.mark.parametrize("iteration", [2, *STAGE_ENDS, N_ITER - 1])
def test_a_run_that_its_callback_has_ended_goes_on_without_it(iteration, tmp_path):
    def ends(progress):
        return progress.n_iter == iteration

    ended = autoencoder(tmp_path, callback=ends).fit(X)
    assert ended.n_iter_ == iteration
    again = autoencoder(tmp_path, callback=ends, resume=True).fit(X)
    assert bits(again) == bits(ended)
    assert bits(autoencoder(tmp_path, resume=True).fit(X)) == bits(autoencoder().fit(X))


def test_a_run_that_has_not_ended_is_not_overwritten_by_mistake(tmp_path):
    with pytest.raises(Killed):
        autoencoder(tmp_path, callback=killed_after(3)).fit(X)
    with pytest.raises(
        CheckpointError, match=r"holds an unfinished run. Continue it with resume=True"
    ):
        autoencoder(tmp_path).fit(X)
    autoencoder(tmp_path, resume=True).fit(X)
    autoencoder(tmp_path, max_iter=3).fit(X)  # one that has ended is


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_components": 6}, "n_components"),
        ({"weight_decay": 1e-3}, "weight_decay"),
        ({"sparsity_penalty": KLSparsity(0.2, 0.5)}, "sparsity_penalty"),
        ({"max_iter": N_ITER + 1}, "number of iterations"),
        ({"block_size": 100}, "block and chunk size"),
        ({"random_state": 1}, "random_state"),
        ({"tol": 1e-3}, "tol"),
        ({"solver": "gradient-descent"}, "solver"),
    ],
)
def test_the_checkpoint_of_other_settings_is_refused(change, named, tmp_path):
    with pytest.raises(Killed):
        autoencoder(tmp_path, callback=killed_after(3)).fit(X)
    with pytest.raises(CheckpointError, match=f"belongs to another run: its {named}"):
        autoencoder(tmp_path, resume=True, **change).fit(X)


def test_the_checkpoint_of_other_data_is_refused(tmp_path):
    with pytest.raises(Killed):
        autoencoder(tmp_path, callback=killed_after(3)).fit(X)
    with pytest.raises(CheckpointError, match="its data"):
        autoencoder(tmp_path, resume=True).fit(X + 0.001)
    with pytest.raises(CheckpointError, match="its sample weight"):
        autoencoder(tmp_path, resume=True).fit(X, sample_weight=np.linspace(1, 2, len(X)))


def test_a_damaged_checkpoint_is_refused(tmp_path):
    with pytest.raises(Killed):
        autoencoder(tmp_path, callback=killed_after(3)).fit(X)
    content = (tmp_path / FILE).read_bytes()
    draw = random.Random(0)
    for _ in range(20):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"not a valid checkpoint|to another run"):
            autoencoder(tmp_path, resume=True).fit(X)


@pytest.mark.parametrize("change", ["reason", "grad", "name of reason", "identity"])
def test_a_checkpoint_of_another_layout_is_refused(change, tmp_path):
    with pytest.raises(Killed):
        autoencoder(tmp_path, callback=killed_after(3)).fit(X)
    with (tmp_path / FILE).open("rb") as stream:
        described, arrays = unpack(stream, (tmp_path / FILE).stat().st_size)
    if change == "grad":
        del arrays["grad"]
    elif change == "reason":
        del described["reason"]
    elif change == "identity":
        described["checkpoint"] = None
    else:
        described["reason"] = "Q"
    (tmp_path / FILE).write_bytes(pack(described, arrays))
    with pytest.raises(CheckpointError, match=r"not a valid checkpoint|to another run"):
        autoencoder(tmp_path, resume=True).fit(X)


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
@pytest.mark.parametrize("nth", [1, 5, 9])
def test_a_run_cut_off_while_it_writes_goes_on_from_the_checkpoint_before(
    call, nth, tmp_path, monkeypatch
):
    original, calls = getattr(os, call), []

    def cut(*arguments, **options):
        calls.append(arguments)
        if len(calls) == nth:
            raise Killed
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, cut)
        with pytest.raises(Killed):
            autoencoder(tmp_path).fit(X)
    assert bits(autoencoder(tmp_path, resume=True).fit(X)) == bits(autoencoder().fit(X))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_is_wrong_with_the_folder_is_said_before_the_data_are_read(tmp_path):
    (tmp_path / "file").touch()
    read = []

    def blocks():
        read.append(1)
        yield X

    with pytest.raises(FileExistsError, match="file"):
        autoencoder(tmp_path / "file").fit(blocks)
    (tmp_path / FILE).write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="not a valid checkpoint"):
        autoencoder(tmp_path).fit(blocks)
    assert len(read) == 2  # each once, to count its rows


def test_a_full_disk_is_an_error_that_names_the_checkpoint(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*training\.checkpoint"):
        autoencoder(tmp_path).fit(X)


def test_writing_costs_a_twentieth_of_the_time_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", SPACING)
    written = []

    def slow(path, content):
        written.append(path)
        time.sleep(0.05)

    monkeypatch.setattr("rhohat.training.checkpoints.write_whole", slow)
    started = time.perf_counter()
    autoencoder(tmp_path, callback=lambda p: time.sleep(0.01)).fit(X)
    lasted = time.perf_counter() - started
    assert 2 <= len(written) <= 2 + lasted / (0.05 * SPACING)


RUNS = f"""
import os, sys
import numpy as np
from rhohat import KLSparsity, SparseAutoencoder
import rhohat.training.checkpoints
import rhohat.training.stages
rhohat.training.checkpoints.SPACING = 0
rhohat.training.stages.FIRST_ROWS = {FEW_ROWS}
X = np.load(sys.argv[1])
for command in sys.stdin:
    child = os.fork()
    if not child:
        model = SparseAutoencoder(5, sparsity_penalty=KLSparsity(0.1, 0.5), max_iter=120, tol=0.0,
            random_state=0, checkpoint=sys.argv[2], resume=True, n_jobs=1).fit(X)
        np.savez(sys.argv[3], theta=model.encoder_weights_, curve=model.loss_terms_curve_)
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to start quickly")
def test_kill_at_twenty_random_moments_changes_no_bit(tmp_path):
    np.save(tmp_path / "x.npy", X)
    arguments = [tmp_path / "x.npy", tmp_path / "checkpoint", tmp_path / "result.npz"]
    draw = random.Random(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", RUNS, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run():
            process.stdin.write("run\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        for _ in range(20):
            child = run()
            time.sleep(draw.uniform(0.02, 0.25))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == "ended\n"
        run()
        assert process.stdout.readline() == "ended\n"
        process.stdin.close()
    undisturbed = autoencoder(max_iter=120, n_jobs=1).fit(X)
    with np.load(arguments[2]) as result:
        assert result["theta"].tobytes() == undisturbed.encoder_weights_.tobytes()
        assert result["curve"].tobytes() == undisturbed.loss_terms_curve_.tobytes()


def test_a_checkpoint_of_an_earlier_method_is_refused(tmp_path):
    """It was made before decoders were solved for: its vector of parameters is another one."""
    kept = Path(__file__).parents[1] / "data" / "before-memory.checkpoint"
    (tmp_path / FILE).write_bytes(kept.read_bytes())
    with pytest.raises(
        CheckpointError, match=r"belongs to another run: its method is None, but this run has"
    ):
        autoencoder(tmp_path, resume=True).fit(X)
    assert (tmp_path / FILE).read_bytes() == kept.read_bytes()  # left for the version it is of
