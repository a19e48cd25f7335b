"""Devices: what is none, or not there, is refused before any work."""

import os
import sys
import types
from contextlib import contextmanager

import pytest

from rhohat import SparseAutoencoder, TorchDevice
from rhohat.common.devices import MOST_THREADS, _copies
from rhohat.rows.engines import ThreadEngine


@pytest.fixture
def rows(rng):
    """A few rows in (0, 1)."""
    return rng.random_sample((60, 5))


def stand_in(cuda=0, mps=False):
    """What is asked of torch about devices."""
    torch = types.ModuleType("torch")
    torch.__version__ = "2.99"
    torch.cuda = types.SimpleNamespace(is_available=lambda: cuda > 0, device_count=lambda: cuda)
    torch.backends = types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: mps))
    return torch


@pytest.mark.torch
def test_torch_is_left_as_it_was(rows):
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(2)
    torch.set_float32_matmul_precision("medium")
    try:
        SparseAutoencoder(4, device="torch", max_iter=3).fit(rows)
        assert torch.get_num_threads() == 2
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


@pytest.mark.torch
def test_torch_is_left_as_it_was_by_the_last_of_several():
    torch = pytest.importorskip("torch")
    before, device = torch.get_num_threads(), TorchDevice("torch")
    torch.set_num_threads(2)
    try:
        first, second = device.running(), TorchDevice("torch").running()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_num_threads() == 1
        second.__exit__(None, None, None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.torch
def test_a_child_that_is_forked_meanwhile_has_the_settings_of_before():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with TorchDevice("torch").running():
            child = os.fork()
            if child == 0:
                os._exit(torch.get_num_threads())
            _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CUDA", 0, None, ""])
def test_what_is_no_device_is_refused(name, rows):
    with pytest.raises(ValueError, match="device must be 'cpu', 'cuda'"):
        SparseAutoencoder(4, device=name).fit(rows)


@pytest.mark.parametrize(
    ("name", "there", "dtype", "message"),
    [
        ("cuda", {}, "float32", "finds no CUDA device here"),
        ("cuda:2", {"cuda": 2}, "float32", "finds 2 CUDA devices here"),
        ("mps", {}, "float32", "finds no Apple GPU here"),
        ("mps", {"mps": True}, "float64", r"X\.astype\(numpy\.float32\)"),
    ],
)
def test_a_device_that_is_not_there_is_refused_before_any_work(
    monkeypatch, rows, name, there, dtype, message
):
    monkeypatch.setitem(sys.modules, "torch", stand_in(**there))
    monkeypatch.setattr(ThreadEngine, "running", lambda self: pytest.fail("work began"))
    with pytest.raises(ValueError, match=message):
        SparseAutoencoder(4, device=name).fit(rows.astype(dtype))


def test_without_torch_the_line_to_type_is_named(monkeypatch, rows):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'rhohat\[torch\]'"):
        SparseAutoencoder(4, device="cuda").fit(rows)


@pytest.mark.parametrize(
    ("setting", "value"), [("memory", -1), ("memory", 0.5), ("block_size", 0), ("block_size", "1")]
)
def test_sizes_that_make_no_sense_are_refused(setting, value):
    with pytest.raises((TypeError, ValueError), match=setting):
        TorchDevice("torch", **{setting: value})


GIB = 2**30


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of 80 GiB, of which others use 20, and torch 10; it uses 4 of them. Calls are noted."""
    calls = []

    class Noted:
        """An object whose methods note that they were called, and return it."""

        def __init__(self, name):
            self.name = name

        def __getattr__(self, method):
            def call(*args, **named):
                told = [getattr(arg, "name", arg) for arg in (*args, *named.values())]
                calls.append((active[-1], self.name, method, *told))
                return Noted(f"{self.name}.{method}")

            return call

    active = ["computing"]

    @contextmanager
    def stream(other):
        active.append(other.name)
        yield
        active.pop()

    torch = stand_in(cuda=1)
    torch.from_numpy = lambda A: Noted("rows")
    torch.cuda.mem_get_info = lambda where: (50 * GIB, 80 * GIB)
    torch.cuda.memory_reserved = lambda where: 10 * GIB
    torch.cuda.memory_allocated = lambda where: 4 * GIB
    torch.cuda.current_stream = lambda where: Noted("computing")
    torch.cuda.Stream = lambda where: Noted("copies")
    torch.cuda.stream = stream
    monkeypatch.setitem(sys.modules, "torch", torch)
    _copies.cache_clear()
    yield calls
    _copies.cache_clear()


def test_rows_are_sent_to_a_gpu_beside_what_it_computes(gpu, rows):
    TorchDevice("cuda").place(rows)
    assert gpu == [
        ("computing", "rows", "pin_memory"),
        ("copies", "rows.pin_memory", "to", "cuda", True),
        ("copies", "copies", "record_event"),
        ("computing", "computing", "wait_event", "copies.record_event"),
        ("computing", "rows.pin_memory.to", "record_stream", "computing"),
    ]


def test_one_stream_copies_all_and_waits_for_no_computation(gpu, rows):
    for _ in range(3):
        TorchDevice("cuda").place(rows)
    on_copies = [method for where, _, method, *_ in gpu if where == "copies"]
    assert on_copies == 3 * ["to", "record_event"]
    assert not any(name == "copies" and method != "record_event" for _, name, method, *_ in gpu)


@pytest.mark.usefixtures("gpu")
def test_what_torch_holds_and_does_not_use_is_free():
    assert TorchDevice("cuda").resident_bytes == int(0.6 * 56 * GIB)
    assert TorchDevice("cuda", memory=5).resident_bytes == 5


@pytest.mark.usefixtures("gpu")
def test_blocks_of_all_threads_take_a_tenth_of_a_gpu_whatever_is_free(monkeypatch):
    row_bytes = 3 * (4096 + 16_000) * 4
    found = TorchDevice("cuda").block_rows(row_bytes)
    assert 0.05 * 80 * GIB < MOST_THREADS * found * row_bytes <= 0.1 * 80 * GIB
    monkeypatch.setattr(sys.modules["torch"].cuda, "mem_get_info", lambda where: (GIB, 80 * GIB))
    assert TorchDevice("cuda").block_rows(row_bytes) == found


def test_a_gpu_has_some_threads_so_that_rows_are_sent_while_it_computes():
    assert [TorchDevice("cuda").threads(n) for n in (1, 3, 64)] == [2, 3, 4]
    assert [TorchDevice("torch").threads(n) for n in (1, 3, 64)] == [1, 3, 64]


def test_a_device_says_how_to_make_it_again():
    device = TorchDevice("cuda:1", memory=10, block_size=4)
    assert repr(device) == "TorchDevice('cuda:1', memory=10, block_size=4)"
    assert repr(TorchDevice()) == "TorchDevice('cuda')"
