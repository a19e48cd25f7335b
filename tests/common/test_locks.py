"""Locks end with the process that holds them, however it ends."""

import subprocess
import sys

from rhohat.common.locks import is_locked_by_us

HOLDER = """
import sys, time
from rhohat.common.locks import is_locked_by_us
stream = open(sys.argv[1], "r+")
print(is_locked_by_us(stream), flush=True)
time.sleep(60)
"""


def test_one_holds_a_lock_until_the_file_is_closed(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with path.open("r+") as other:
        with path.open("r+") as stream:
            assert is_locked_by_us(stream)
            assert not is_locked_by_us(other)
        assert is_locked_by_us(other)


def test_a_killed_process_holds_nothing(tmp_path):
    path = tmp_path / "file"
    path.touch()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    with process, path.open("r+") as stream:
        assert process.stdout.readline() == "True\n"
        assert not is_locked_by_us(stream)
        process.kill()
        process.wait()
        assert is_locked_by_us(stream)
