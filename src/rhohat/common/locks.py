"""Locks on open files, which end with the process that holds them, however it ends."""

from __future__ import annotations

import sys
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[Any]) -> None:
        """Lock a byte far beyond the content, which others can go on reading."""
        stream.seek(1 << 30)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        finally:
            stream.seek(0)

else:
    import fcntl

    def _lock(stream: IO[Any]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked_by_us(stream: IO[Any]) -> bool:
    """Lock an open file; False if another has locked it.

    The lock ends when the file is closed, or the process ends. File systems without locks, where
    nobody can hold one, count as locked by us.
    """
    try:
        _lock(stream)
    except BlockingIOError:
        return False
    except OSError:  # the file system knows no locks
        return True
    return True
