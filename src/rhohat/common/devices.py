"""Devices: where sums over rows are computed.

The processor computes with NumPy. All others compute with torch: the same formulas (see
`rhohat.common.libraries`), on what torch finds. Solver and parameters stay in NumPy's float64.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, TypeVar, cast

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DeviceMemoryError
from rhohat.common.extras import import_extra
from rhohat.common.libraries import host
from rhohat.common.validation import check_integer

#: Shares of a GPU's free memory: for rows, and for activations that are kept in an evaluation; and
#: of all its memory, for the results of the blocks that threads work on at a time.
RESIDENT_SHARE, KEPT_SHARE, BLOCK_SHARE = 0.6, 0.15, 0.1
#: Rows of a block at most on a GPU, where few rows would not keep it busy.
BLOCK_ROWS = 1 << 16
#: Threads for a GPU: one waits for it while others read and send what comes next.
LEAST_THREADS, MOST_THREADS = 2, 4
#: Products of numbers from which few large arrays are sent to a device for them.
LEAST_PRODUCTS = 1e8

A = TypeVar("A")


class Device:
    """The processor, and what every device answers."""

    name = "cpu"
    #: Most bytes of rows that are kept on the device from one sweep to the next, and of activations
    #: from the first half of an evaluation to the second; 0: as on the processor.
    resident_bytes, kept_bytes = 0, 0

    #: Whether rows that are computed with take memory of its own, or memory that is set aside.
    has_memory = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def is_host(self) -> bool:
        """Whether rows are computed where they are."""
        return True

    def check(self, dtype: np.dtype[Any] | None = None) -> None:
        """Raise unless the device is there and computes in this precision, if one is given."""

    def threads(self, n_jobs: int) -> int:
        """Threads that read and send rows, or compute, where so many are asked for."""
        return n_jobs

    def block_rows(self, row_bytes: int) -> int | None:
        """Rows that are best computed at a time; None for as many as on the processor."""
        return None

    def place(self, A: FloatArray) -> FloatArray:
        """The array where it is computed with."""
        return A

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FloatArray:
        """An array of any values, there."""
        return np.empty(shape, dtype)

    def fill(self, function: Callable[[FloatArray], object], out: FloatArray) -> None:
        """Let ``function(out)`` fill an array there, and bring it back."""
        function(out)

    def computed(self, function: Callable[..., A], *arrays: FloatArray) -> A:
        """What a function makes of arrays in memory: computed there, and brought back."""
        return function(*arrays)

    def for_products(self, number: float) -> Device:
        """Where so many products in float64 are made of few arrays: itself, or the processor."""
        return self

    def telling(self) -> AbstractContextManager[None]:
        """Let errors of the device say what they mean."""
        return nullcontext()

    def running(self) -> AbstractContextManager[None]:
        """Prepare the device, and leave it as it was."""
        return nullcontext()


class TorchDevice(Device):
    """A device that torch computes on.

    Parameters
    ----------
    name : str, default="cuda"
        "cuda", or "cuda:1" for the second GPU; "mps" for an Apple GPU, which has no float64;
        "torch" for torch on the processor.
    memory : int, default=None
        Bytes that rows may take on the device. Rows that do not fit are sent again in every sweep,
        with the same bits in the result. None: 60% of the free memory.
    block_size : int, default=None
        Rows computed at a time. None: up to 65,536 on a GPU, otherwise as on the processor.
    """

    def __init__(
        self, name: str = "cuda", memory: int | None = None, block_size: int | None = None
    ) -> None:
        if not (isinstance(name, str) and re.fullmatch(r"torch|mps|cuda(:\d+)?", name)):
            raise ValueError(
                f"device must be 'cpu', 'cuda', 'cuda:1' or another number, 'mps' or 'torch', got "
                f"{name!r}."
            )
        self.name = name
        self.memory = None if memory is None else check_integer("memory", memory, low=0)
        self.block_size = (
            None if block_size is None else check_integer("block_size", block_size, low=1)
        )
        self._block_rows: int | None = None  # the last answer of `block_rows`

    def __repr__(self) -> str:
        given = {"memory": self.memory, "block_size": self.block_size}
        more = "".join(f", {key}={value}" for key, value in given.items() if value is not None)
        return f"TorchDevice({self.name!r}{more})"

    @property
    def is_host(self) -> bool:
        """Whether rows are computed where they are: never, since they become tensors."""
        return False

    @property
    def _where(self) -> str:
        """Torch's name of the device."""
        return "cpu" if self.name == "torch" else self.name

    def check(self, dtype: np.dtype[Any] | None = None) -> None:
        """Raise unless torch is installed, finds the device, and it computes in this precision.

        Raises
        ------
        ImportError
            If torch is not installed.
        ValueError
            If there is no such device, or it cannot compute in `dtype`.
        """
        torch = import_extra("torch", "torch")
        kind, _, number = self.name.partition(":")
        if kind == "cuda":
            found = torch.cuda.device_count() if torch.cuda.is_available() else 0
            if int(number or 0) >= found:
                there = f"{found} CUDA devices" if found else "no CUDA device"
                raise ValueError(
                    f"device={self.name!r}, but torch {torch.__version__} finds {there} here. Use "
                    "device='cpu', or install a build of torch for this machine's GPU."
                )
        if kind == "mps":
            if not torch.backends.mps.is_available():
                raise ValueError(
                    f"device='mps', but torch {torch.__version__} finds no Apple GPU here. Use "
                    "device='cpu'."
                )
            if dtype == np.float64:
                raise ValueError(
                    "device='mps' computes only in float32, but the rows are float64. Pass "
                    "X.astype(numpy.float32), or use device='cpu'."
                )

    @property
    def has_memory(self) -> bool:  # type: ignore[override]
        """Whether it has memory of its own, or some that rows may take is set aside."""
        return self.name != "torch" or self.memory is not None

    @property
    def resident_bytes(self) -> int:  # type: ignore[override]
        """Most bytes of rows that are kept there."""
        return int(RESIDENT_SHARE * self._free) if self.memory is None else self.memory

    @property
    def kept_bytes(self) -> int:  # type: ignore[override]
        """Most bytes of activations that are kept there."""
        return int(KEPT_SHARE * self._free)

    @property
    def _free(self) -> int:
        """Bytes that are free there; on the processor, rows need not be kept: they are there."""
        if self.name == "torch":
            return 0
        torch = import_extra("torch", "torch")
        if self.name == "mps":
            return max(self._all - int(torch.mps.current_allocated_memory()), 0)
        # What torch holds and does not use is free, too.
        unused = torch.cuda.memory_reserved(self._where) - torch.cuda.memory_allocated(self._where)
        return int(torch.cuda.mem_get_info(self._where)[0] + unused)

    @property
    def _all(self) -> int:
        """Bytes that it has, whoever uses them."""
        torch = import_extra("torch", "torch")
        if self.name == "mps":
            return int(torch.mps.recommended_max_memory())
        return int(torch.cuda.mem_get_info(self._where)[1])

    def threads(self, n_jobs: int) -> int:
        """Some for a GPU, so that rows are sent while it computes; on the processor, as asked."""
        return n_jobs if self.name == "torch" else min(max(n_jobs, LEAST_THREADS), MOST_THREADS)

    def block_rows(self, row_bytes: int) -> int | None:
        """Rows that are best computed at a time: `block_size`, or what a GPU is busy with.

        Their number depends on the device, not on what else is there, since it decides bits.
        """
        self._block_rows = self.block_size
        if self.block_size is None and self.name != "torch":
            fitting = int(BLOCK_SHARE * self._all) // (MOST_THREADS * row_bytes)
            self._block_rows = max(min(BLOCK_ROWS, 1 << max(fitting, 1).bit_length() - 1), 1)
        return self._block_rows

    def place(self, A: FloatArray) -> FloatArray:
        """The array as a tensor there; on the processor both share their memory.

        A GPU of NVIDIA's is sent arrays beside what it computes: by a stream of copies, from pinned
        memory, which the stream of computations waits for only where it needs the array.
        """
        torch = import_extra("torch", "torch")
        if not A.flags.writeable:  # torch warns of memory that it must not write to
            A = A.copy()
        tensor = torch.from_numpy(A)
        if not self.name.startswith("cuda"):
            return tensor.to(self._where)  # type: ignore[no-any-return]
        copies, computing = _copies(self._where), torch.cuda.current_stream(self._where)
        pinned = tensor.pin_memory()
        with torch.cuda.stream(copies):
            there = pinned.to(self._where, non_blocking=True)
            arrived = copies.record_event()
        computing.wait_event(arrived)
        there.record_stream(computing)  # its memory is not given away before that is done with it
        return there  # type: ignore[no-any-return]

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FloatArray:
        """A tensor of any values, there."""
        torch = import_extra("torch", "torch")
        return torch.empty(shape, dtype=getattr(torch, dtype.name), device=self._where)  # type: ignore[no-any-return]

    def fill(self, function: Callable[[FloatArray], object], out: FloatArray) -> None:
        """Let ``function(out)`` fill an array there, and bring it back."""
        there = self.empty(out.shape, out.dtype)
        function(there)
        out[...] = host(there)

    def computed(self, function: Callable[..., A], *arrays: FloatArray) -> A:
        """What a function makes of arrays in memory: computed there, and brought back."""
        with self.running(), self.telling():
            found: Any = function(*map(self.place, arrays))
            return cast(A, tuple(map(host, found)) if isinstance(found, tuple) else host(found))

    def for_products(self, number: float) -> Device:
        """Itself if it has float64, and sending the arrays takes less than the products here."""
        return self if number >= LEAST_PRODUCTS and self.name != "mps" else PROCESSOR

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Say what to do if its memory runs out.

        Yields
        ------
        None

        Raises
        ------
        DeviceMemoryError
        """
        torch = import_extra("torch", "torch")
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise self._told(error) from error

    def _told(self, error: BaseException) -> DeviceMemoryError:
        rows = "as on the processor" if self._block_rows is None else f"{self._block_rows:,} rows"
        reason = str(error).partition("\n")[0].rstrip(".")
        return DeviceMemoryError(
            f"device={self.name!r} ran out of memory ({reason}). Rows may use "
            f"{self.resident_bytes:,} bytes there, and the block size is {rows}: lower either one, "
            f"as in device=TorchDevice({self.name!r}, memory=0, block_size=1024)."
        )

    def running(self) -> AbstractContextManager[None]:
        """Compute products in full precision, and leave torch's settings as they were."""
        return _SETTINGS.held()


@cache
def _copies(where: str) -> Any:
    """The stream of copies to a GPU, one for each in a process."""
    return import_extra("torch", "torch").cuda.Stream(where)


class _TorchSettings:
    """Torch's settings, which belong to the process, for as long as anybody computes with it.

    Whoever begins first changes them, and whoever ends last, in whichever thread, leaves them as
    they were. A child that is forked meanwhile begins as if nobody computed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_users = 0
        self._before = ("highest", 1)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire,  # so that no child finds it taken
                after_in_parent=self._lock.release,
                after_in_child=self._begin_anew,
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Full precision, and one thread on the processor: threads of ours share the rows."""
        torch = import_extra("torch", "torch")
        with self._lock:
            if not self._n_users:
                self._before = torch.get_float32_matmul_precision(), torch.get_num_threads()
                self._set("highest", 1)
            self._n_users += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_users = max(self._n_users - 1, 0)  # 0 in a child, where this began before
                if not self._n_users:
                    self._set(*self._before)

    def _set(self, precision: str, n_threads: int) -> None:
        torch = import_extra("torch", "torch")
        torch.set_float32_matmul_precision(precision)
        torch.set_num_threads(n_threads)

    def _begin_anew(self) -> None:
        try:
            if self._n_users:
                self._set(*self._before)
                self._n_users = 0
        finally:
            self._lock.release()


_SETTINGS = _TorchSettings()
#: The processor, with NumPy.
PROCESSOR = Device()


def device_of(device: Any) -> Device:
    """The device that a name stands for, or the one given.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(device, Device):
        return device
    return PROCESSOR if isinstance(device, str) and device == "cpu" else TorchDevice(device)
