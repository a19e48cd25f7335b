"""Memory: how much of it this process can still get, and a check that work needs no more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Where Linux tells of processes, and of the control groups that limit them.
PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
#: A control group's limit, what it uses, and the key of its statistics that counts cached files,
#: which are given back when memory is short: in versions 2 and 1.
FILES = (
    ("memory.max", "memory.current", ""),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
)
#: Bytes in a GiB.
GIB = 1 << 30


def free_memory() -> int | None:
    """Bytes that this process can still allocate; None where no one tells.

    The least of what the machine has left, swap included, and of what the limits of this process's
    control groups leave, which are those of its container. Files that are only cached count as
    free.
    """
    return min((*_of_machine(), *_of_groups()), default=None)


def check_memory(needed: int, work: str, advice: str) -> None:
    """Raise MemoryError if work needs more memory than is free; to be called before it allocates.

    Parameters
    ----------
    needed : int
        Bytes.
    work : str
        What needs them, as the beginning of a sentence.
    advice : str
        What to do, in sentences.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise MemoryError(
            f"{work} needs about {needed / GIB:,.1f} GiB of memory, but only {free / GIB:,.1f} GiB "
            f"are free. {advice}"
        )


def _of_machine() -> Iterator[int]:
    """What the machine has left; elsewhere than on Linux, all that it has."""
    with suppress(OSError, KeyError, ValueError):
        told = _table(PROC / "meminfo", ":")
        yield 1024 * (told["MemAvailable"] + told["SwapFree"])
        return
    with suppress(AttributeError, OSError, ValueError):  # only Unix tells
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _of_groups() -> Iterator[int]:
    """What each control group that this process is in leaves."""
    for version, folder in _groups():
        limit, usage, prefix = FILES[version]
        with suppress(OSError, KeyError, ValueError):  # "max" is no number, and no limit
            most, used = (int((folder / name).read_text()) for name in (limit, usage))
            cached = _table(folder / "memory.stat", " ")
            kinds = ("inactive_file", "active_file")
            yield max(most - used + sum(cached[prefix + kind] for kind in kinds), 0)


def _groups() -> Iterator[tuple[int, Path]]:
    """The groups of this process and all above them; of each, its index in `FILES` and folder."""
    with suppress(OSError, ValueError):
        for line in (PROC / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            version, root = (1, GROUPS / "memory") if controllers else (0, GROUPS)
            inside = Path(path.lstrip("/"))  # in a container it may be that of the host
            for folder in (inside, *inside.parents):
                yield version, root / folder


def _table(path: Path, separator: str) -> dict[str, int]:
    """Names and numbers of a file, one pair in each line."""
    pairs = (line.split(separator, 1) for line in path.read_text().splitlines())
    return {name: int(value.split()[0]) for name, value in pairs}
