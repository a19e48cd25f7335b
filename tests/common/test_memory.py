"""How much memory is free: of the machine, and of the container."""

import os

import pytest

from rhohat.common import memory
from rhohat.common.memory import check_memory, free_memory

MEMINFO = "MemTotal: 64000 kB\nMemAvailable: 32000 kB\nSwapFree: 1000 kB\nHugePages_Total: 0\n"
CACHED = "anon 5\ninactive_file 2000\nactive_file 1000\n"
CACHED_1 = "cache 9\ntotal_inactive_file 2000\ntotal_active_file 1000\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of these files; ``machine({path: text})``."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")

    def make(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return make


def test_what_linux_calls_available_is_free_and_swap_too(machine):
    machine({"proc/meminfo": MEMINFO})
    assert free_memory() == 33_000 * 1024


@pytest.mark.parametrize(
    ("cgroup", "folder"),
    [
        ("0::/\n", "groups"),
        ("0::/a/b\n", "groups/a/b"),
        ("0::/a/b\n", "groups/a"),
        ("0::/x\n", "groups"),
    ],
)
def test_a_container_of_version_2_leaves_its_limit_less_what_it_uses(machine, cgroup, folder):
    machine(
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": cgroup,
            f"{folder}/memory.max": "9000\n",
            f"{folder}/memory.current": "5000\n",
            f"{folder}/memory.stat": CACHED,
        }
    )
    assert free_memory() == 9000 - 5000 + 3000


@pytest.mark.parametrize(
    "folder", ["groups/memory", "groups/memory/docker/7", "groups/memory/docker"]
)
def test_a_container_of_version_1_leaves_its_limit_less_what_it_uses(machine, folder):
    machine(
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/7\n4:memory:/docker/7\n0::/\n",
            f"{folder}/memory.limit_in_bytes": "9000\n",
            f"{folder}/memory.usage_in_bytes": "5000\n",
            f"{folder}/memory.stat": CACHED_1,
        }
    )
    assert free_memory() == 9000 - 5000 + 3000


def test_the_tightest_of_nested_groups_counts(machine):
    files = {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/a/b\n"}
    for folder, limit in (("groups", "max"), ("groups/a", "4000"), ("groups/a/b", "max")):
        files |= {
            f"{folder}/memory.max": limit,
            f"{folder}/memory.current": "9000",
            f"{folder}/memory.stat": CACHED,
        }
    machine(files)
    assert free_memory() == 0  # more is used than the limit that was set meanwhile


@pytest.mark.parametrize("cgroup", ["", "what?\n", "0::/a\n"])
def test_what_cannot_be_read_is_no_limit(machine, cgroup):
    machine({"proc/meminfo": MEMINFO, "proc/self/cgroup": cgroup})
    assert free_memory() == 33_000 * 1024


def test_elsewhere_than_on_linux_it_is_all_that_the_machine_has(machine):
    if hasattr(os, "sysconf"):
        assert free_memory() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        assert free_memory() is None


def test_work_that_needs_more_is_refused_with_the_estimate(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 3 << 29)
    check_memory(3 << 29, "this", "Nothing to do.")
    with pytest.raises(MemoryError, match=r"this needs about 2\.0 GiB .* 1\.5 GiB are free\. Do"):
        check_memory(2 << 30, "this", "Do less.")


def test_where_no_one_tells_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    check_memory(1 << 60, "this", "Do less.")
