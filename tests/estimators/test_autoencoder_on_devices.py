"""Devices: the same results there, from resident and from streamed rows, and clear refusals."""

import os
import signal
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

import rhohat
from rhohat import (
    GaussianNoise,
    KLSparsity,
    SparseAutoencoder,
    SparseTranscoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
)
from rhohat.common import devices
from rhohat.common.devices import TorchDevice
from rhohat.common.errors import DeviceMemoryError

KINDS = {
    "sigmoid": {},
    "tanh": {"activation": "tanh"},
    "sigmoid decoder": {"decoder": "sigmoid"},
    "tied": {"decoder": "tied"},
    "relu, l1": {"activation": "relu", "sparsity_penalty": "l1"},
    "topk": {"activation": "topk", "sparsity_penalty": "none"},
    "batchtopk": {"activation": "batchtopk", "sparsity_penalty": "none"},
    "jumprelu": {"activation": "jumprelu", "sparsity_penalty": "l0"},
    "matryoshka": {"decoder": "matryoshka"},
    "group": {"sparsity_penalty": "group"},
    "topographic": {"sparsity_penalty": "topographic"},
    "contractive": {"sparsity_penalty": "contractive"},
    "l1-decoder-norm": {"activation": "relu", "sparsity_penalty": "l1-decoder-norm"},
}
ROW_BYTES = 16 * 8
#: What torch says.
OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB.\nMore."


@pytest.fixture
def rows(rng):
    """6,000 rows in (0, 1), in two precisions' range."""
    return rng.random_sample((6000, 16)) ** 2


def fitted(rows, device="torch", **settings):
    settings = {"max_iter": 12, "random_state": 0, "n_jobs": 2} | settings
    return SparseAutoencoder(12, device=device, **settings).fit(rows)


def same_weights(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("encoder_weights_", "encoder_bias_", "decoder_weights_", "decoder_bias_")
    )


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_there_ends_where_the_processors_does(rows, kind):
    here, there = fitted(rows, "cpu", **KINDS[kind]), fitted(rows, **KINDS[kind])
    assert there.loss_ == pytest.approx(here.loss_, rel=1e-9)
    assert np.allclose(there.transform(rows), here.transform(rows), atol=1e-6)
    assert isinstance(there.encoder_weights_, np.ndarray)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_runs_have_the_same_bits_with_any_number_of_threads(rows, dtype):
    X = rows.astype(dtype)
    one, other = fitted(X, n_jobs=1), fitted(X, n_jobs=2)
    assert same_weights(one, other)
    assert np.array_equal(one.transform(X), other.transform(X))
    assert one.transform(X).dtype == dtype


@pytest.mark.torch
@pytest.mark.parametrize("memory", [0, 2000 * ROW_BYTES, 10**9])
def test_rows_that_stay_there_and_rows_that_are_sent_anew_have_the_same_bits(rows, memory):
    everything = fitted(rows, TorchDevice("torch", memory=10**9))
    assert same_weights(everything, fitted(rows, TorchDevice("torch", memory=memory)))


@pytest.mark.torch
def test_blocks_may_be_larger_there(rows):
    one = fitted(rows, TorchDevice("torch", block_size=4096))
    assert one.loss_ == pytest.approx(fitted(rows, "cpu").loss_, rel=1e-9)


@pytest.mark.torch
def test_rows_in_a_file_have_the_bits_of_rows_in_memory(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    device = TorchDevice("torch", block_size=2000, memory=3000 * ROW_BYTES)
    assert same_weights(fitted(rows, device), fitted(tmp_path / "rows.npy", device))


@pytest.mark.torch
@pytest.mark.parametrize("settings", [{}, {"decoder": "sigmoid"}], ids=["solved for", "sought"])
def test_workers_of_a_cluster_compute_there_to_the_same_bits(rows, tmp_path, settings):
    np.save(tmp_path / "rows.npy", rows)
    alone = fitted(tmp_path / "rows.npy", max_iter=4, **settings)
    together = fitted(tmp_path / "rows.npy", engine="dask", max_iter=4, **settings)
    assert same_weights(alone, together)


@pytest.mark.torch
def test_weighted_rows_and_rows_held_out(rows, rng):
    weights = rng.randint(1, 4, len(rows))
    settings = {"max_iter": 12, "random_state": 0, "growth": False, "patience": 20}
    here = SparseAutoencoder(12, **settings).fit(rows, sample_weight=weights, X_val=rows[:900])
    there = SparseAutoencoder(12, device="torch", **settings)
    there.fit(rows, sample_weight=weights, X_val=rows[:900])
    assert there.loss_ == pytest.approx(here.loss_, rel=1e-9)
    assert np.allclose(there.validation_terms_curve_, here.validation_terms_curve_, rtol=1e-8)


@pytest.mark.torch
def test_a_weight_that_is_sought_is_the_processors(rows):
    penalty = KLSparsity(0.1, weight="auto")
    here, there = (fitted(rows, at, sparsity_penalty=penalty) for at in ("cpu", "torch"))
    assert there.sparsity_weight_ == pytest.approx(here.sparsity_weight_, rel=1e-6)


@pytest.mark.torch
def test_a_stream_there_learns_what_it_learns_here(rows):
    here, there = (
        SparseAutoencoder(12, device=device, random_state=0).partial_fit(rows[:3000])
        for device in ("cpu", "torch")
    )
    assert np.allclose(there.encoder_weights_, here.encoder_weights_, atol=1e-8)


@pytest.mark.torch
def test_targets_and_corrupted_rows_there(rows):
    Y = rows[:, :5] ** 2
    settings = {"max_iter": 12, "random_state": 0}
    for make, *data in (
        (partial(SparseTranscoder, 12, **settings), rows, Y),
        (partial(SparseAutoencoder, 12, corruption=GaussianNoise(0.1), **settings), rows),
    ):
        here, there = (make(device=device).fit(*data) for device in ("cpu", "torch"))
        assert there.loss_ == pytest.approx(here.loss_, rel=1e-9)
        assert there.score(*data) == pytest.approx(here.score(*data), rel=1e-6)


@pytest.mark.torch
def test_activations_become_rows_again_there(rows):
    here, there = fitted(rows, "cpu"), fitted(rows)
    A = here.transform(rows)
    assert np.allclose(there.inverse_transform(A), here.inverse_transform(A), atol=1e-6)
    assert np.allclose(there.score_samples(rows), here.score_samples(rows), atol=1e-6)


@pytest.mark.torch
def test_settings_that_are_chosen_there_are_those_that_are_chosen_here(digits):
    here, there = (rhohat.choose(digits[:400], 6, device=at) for at in ("cpu", "torch"))
    assert there.command == here.command
    assert there.pipeline_[-1].device == "torch"


@pytest.mark.torch
def test_stacks_and_classifiers_there(rows):
    y = (rows[:, 0] > rows[:, 1]).astype(int)
    found = []
    for device in ("cpu", "torch"):
        stack = StackedAutoencoder((8, 5), device=device, random_state=0).fit(rows[:2000])
        network = StackedAutoencoderClassifier(stack, device=device, random_state=0, max_iter=20)
        network.fit(rows[:2000], y[:2000])
        assert {layer.device for layer in stack.layers_} == {device}
        found.append((stack.transform(rows), network.predict_proba(rows)))
    for here, there in zip(*found, strict=True):
        assert np.allclose(here, there, atol=1e-4)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("first", "then"), [("cpu", "torch"), ("torch", "cpu"), ("torch", "torch")]
)
def test_a_run_that_was_begun_on_one_device_goes_on_on_another(rows, tmp_path, first, then):
    settings = {"checkpoint": tmp_path, "growth": False}
    fitted(rows, first, callback=lambda progress: progress.n_iter == 5, **settings)
    told = f"was written on device={first!r}, but the run continues on device={then!r}"
    with nullcontext() if first == then else pytest.warns(UserWarning, match=told):
        there = fitted(rows, then, resume=True, **settings)
    whole = fitted(rows, then, growth=False)
    assert there.n_iter_ == whole.n_iter_
    assert there.loss_ == pytest.approx(whole.loss_, rel=1e-9)
    if first == then:
        assert same_weights(there, whole)


@pytest.mark.torch
def test_a_model_file_does_not_tell_where_it_was_made(rows, tmp_path):
    rhohat.save(fitted(rows), tmp_path / "there.safetensors")
    assert rhohat.load(tmp_path / "there.safetensors").device == "cpu"
    assert b"torch" not in (tmp_path / "there.safetensors").read_bytes()


@pytest.mark.torch
def test_a_nan_there_is_named_by_its_row(rows):
    rows[4321, 5] = np.nan
    with pytest.raises(ValueError, match="row 4321"):
        fitted(rows)


@pytest.mark.torch
@pytest.mark.parametrize("device", ["cpu", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_tensors_are_rows_and_come_back_as_tensors(rows, device, dtype):
    torch = pytest.importorskip("torch")
    X = torch.from_numpy(rows).to(getattr(torch, dtype)).requires_grad_()
    same = X.detach().to(torch.float64 if dtype == "float64" else torch.float32).numpy()
    model, other = fitted(X, device), fitted(same, device)
    assert same_weights(model, other)
    A = model.transform(X)
    assert isinstance(A, torch.Tensor)
    assert np.array_equal(A.numpy(), other.transform(same))
    assert isinstance(model.inverse_transform(A), torch.Tensor)
    stack = StackedAutoencoder((8, 5), random_state=0, device=device).fit(X[:800])
    assert isinstance(stack.transform(X), torch.Tensor)


#: Ways to give the same rows.
GIVEN = {
    "requires gradients": lambda X: X.requires_grad_(),
    "every other column": lambda X: X.repeat_interleave(2, dim=1)[:, ::2],
    "transposed": lambda X: X.T.contiguous().T,
    "on another device": lambda X: Elsewhere(X.numpy()),
    "blocks": lambda X: [X[:2500], X[2500:]],
    "blocks on another device": lambda X: [Elsewhere(X[:9].numpy()), Elsewhere(X[9:].numpy())],
}


class Elsewhere:
    """An array in a GPU's memory, as CuPy has it."""

    __cuda_array_interface__ = ()

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __array__(self, *_, **__):
        raise TypeError("implicit conversion to a NumPy array is not allowed: use .get()")

    def get(self):
        """The array in memory."""
        return self._array


@pytest.mark.torch
@pytest.mark.parametrize("way", GIVEN)
def test_rows_their_weights_and_labels_are_taken_wherever_and_however_they_lie(way, rows):
    torch = pytest.importorskip("torch")
    weight = 1.0 + (np.arange(len(rows)) % 3)
    X = GIVEN[way](torch.from_numpy(rows.copy()))
    w = torch.from_numpy(weight.copy())
    w = Elsewhere(weight) if way == "on another device" else w.requires_grad_()
    settings = {"max_iter": 4, "random_state": 0, "device": "torch"}
    there = SparseAutoencoder(6, **settings).fit(X, sample_weight=w)
    assert same_weights(there, SparseAutoencoder(6, **settings).fit(rows, sample_weight=weight))
    y = (rows[:, 0] > 0.3).astype(int)
    labels = Elsewhere(y) if way == "on another device" else torch.from_numpy(y)
    network = StackedAutoencoderClassifier(FrozenEstimator(there), max_iter=2, device="torch")
    assert (network.fit(X, labels).predict(rows) == network.fit(rows, y).predict(rows)).all()


@pytest.mark.torch
@pytest.mark.parametrize("memory", [0, 3000 * ROW_BYTES, 10**9])
def test_a_nan_is_named_by_its_row_whether_rows_stay_there_or_not(rows, memory):
    rows[3210, 5] = np.nan
    device = TorchDevice("torch", memory=memory, block_size=1000)
    there = fitted(rows[:3000], device, max_iter=2)
    for call in (there.fit, there.score_samples, there.activation_gap):
        with pytest.raises(ValueError, match="holds NaN in row 3210, column 5"):
            call(rows)


@pytest.mark.torch
def test_ctrl_c_keeps_the_best_model(rows):
    def interrupt(progress):
        if progress.n_iter == 3:
            signal.raise_signal(signal.SIGINT)

    model = SparseAutoencoder(12, device="torch", max_iter=12, random_state=0, callback=interrupt)
    with pytest.raises(KeyboardInterrupt), pytest.warns(ConvergenceWarning, match="interrupted"):
        model.fit(rows)
    assert 3 <= model.n_iter_ < 12
    assert np.isfinite(model.transform(rows)).all()


@pytest.mark.torch
def test_a_nan_in_a_tensor_is_named_by_its_row(rows):
    torch = pytest.importorskip("torch")
    rows[4321, 5] = np.nan
    with pytest.raises(ValueError, match="row 4321"):
        fitted(torch.from_numpy(rows))


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["sigmoid", "sigmoid decoder", "tied", "jumprelu", "matryoshka"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_systems_are_solved_there_and_the_fit_is_the_same(rows, kind, dtype, monkeypatch):
    X, settings = rows[:3000].astype(dtype), {"growth": False} | KINDS[kind]
    here = fitted(X, "cpu", **settings)
    monkeypatch.setattr(devices, "LEAST_PRODUCTS", 0)
    made, computed = [], TorchDevice.computed
    monkeypatch.setattr(
        TorchDevice,
        "computed",
        lambda device, function, *arrays: (
            made.append(function) or computed(device, function, *arrays)
        ),
    )
    there, again = (fitted(X, **settings, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert len(made) > there.n_iter_
    assert there.loss_ == pytest.approx(here.loss_, rel=1e-9 if dtype == np.float64 else 0.02)
    assert same_weights(there, again)


@pytest.mark.torch
def test_units_that_do_not_vary_are_counted_there(rows):
    rows[:, 3:] = rows[0, 3:]
    here, there = (fitted(rows, at, max_iter=3) for at in ("cpu", "torch"))
    assert there.n_dead_ == here.n_dead_


def running_out(monkeypatch, after):
    """Let the device's memory run out when so many arrays have been placed there."""
    torch = pytest.importorskip("torch")
    placed, place = [], TorchDevice.place

    def place_or_fail(device, A):
        placed.append(A)
        if len(placed) > after:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        return place(device, A)

    monkeypatch.setattr(TorchDevice, "place", place_or_fail)


@pytest.mark.torch
def test_memory_that_runs_out_keeps_the_best_model_and_can_be_resumed(rows, tmp_path, monkeypatch):
    settings = {"growth": False, "checkpoint": tmp_path, "max_iter": 12, "random_state": 0}
    with monkeypatch.context() as patch:
        running_out(patch, after=20)
        model = SparseAutoencoder(12, device="torch", **settings)
        with pytest.raises(DeviceMemoryError, match=r"Tried to allocate 2.00 GiB\).*block_size"):
            model.fit(rows)
    assert 0 < model.n_iter_ < 12
    assert np.isfinite(model.transform(rows[:5])).all()
    whole = fitted(rows, growth=False)
    assert same_weights(fitted(rows, resume=True, growth=False, checkpoint=tmp_path), whole)


@pytest.mark.torch
def test_memory_that_runs_out_in_a_worker_keeps_the_best_model_and_can_be_resumed(rows, tmp_path):
    torch, parent, full = pytest.importorskip("torch"), os.getpid(), tmp_path / "full"

    class SmallDevice(TorchDevice):
        """One whose memory runs out in workers, once a file is there."""

        def place(self, A):
            if os.getpid() != parent and full.exists():
                raise torch.OutOfMemoryError(
                    "CUDA out of memory. Tried to allocate 2.00 GiB.\nMore."
                )
            return super().place(A)

    np.save(tmp_path / "rows.npy", rows)
    settings = {"engine": "dask", "growth": False, "max_iter": 7, "random_state": 0, "n_jobs": 2}
    settings["checkpoint"] = tmp_path / "kept"
    model = SparseAutoencoder(
        12,
        device=SmallDevice("torch"),
        callback=lambda progress: full.touch() if progress.n_iter == 3 else None,
        **settings,
    )
    with pytest.raises(DeviceMemoryError, match=r"Tried to allocate 2.00 GiB\).*block_size"):
        model.fit(tmp_path / "rows.npy")
    assert model.n_iter_ == 3
    assert np.isfinite(model.transform(rows[:5])).all()
    full.unlink()
    resumed = model.set_params(resume=True, callback=None).fit(tmp_path / "rows.npy")
    whole = fitted(tmp_path / "rows.npy", growth=False, max_iter=7)
    assert same_weights(resumed, whole)


@pytest.mark.torch
def test_memory_that_is_missing_at_the_start_is_an_error(rows, monkeypatch):
    running_out(monkeypatch, after=1)
    with pytest.raises(DeviceMemoryError, match="ran out of memory"):
        fitted(rows)
