"""Devices: what is none, or not there, is refused before any work."""

import os
import sys
import types

import pytest

from rhohat import SparseAutoencoder, TorchDevice
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
        ("mps", {}, "float32", "finds no GPU of Apple's here"),
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


def test_a_device_says_how_to_make_it_again():
    device = TorchDevice("cuda:1", memory=10, block_size=4)
    assert repr(device) == "TorchDevice('cuda:1', memory=10, block_size=4)"
    assert repr(TorchDevice()) == "TorchDevice('cuda')"
