"""Writing: whatever goes wrong, even in a crash, a file holds all of the old or all of the new.

What is written goes to a temporary file beside the target, which then takes its place. Its name
tells the target's, and it is locked as long as its process lives: whoever writes the same target
next removes what a kill has left, and nothing that is in use.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rhohat.common.locks import is_locked_by_us

#: Whether files can be moved and removed while they are open; where they cannot, nobody needs to
#: lock them.
OPEN_FILES_CAN_MOVE = os.name != "nt"


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A stream whose content replaces a file all at once, when the block ends without an error.

    Whatever goes wrong, even a crash, the file holds either all of the old or all of the new.

    Raises
    ------
    OSError
        If the file cannot be written; names it.
    """
    target = Path(os.path.realpath(path))
    own = {None, os.fspath(target)}  # names that errors of this function bear
    try:
        if target.exists() and not (target.is_file() or target.is_dir()):  # a device, or a pipe
            with target.open("wb") as stream:
                yield stream
            return
        if not target.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "The folder does not exist")
        if target.is_file() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "The file is write-protected")
        remove_leftovers(target)
        with _temporary_for(target) as (temporary, stream):
            own.add(os.fspath(temporary))
            yield stream
    except OSError as error:
        if error.filename not in own or type(error).__module__ != "builtins":
            raise  # of something else that the block does
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, os.fspath(path)) from error
    with suppress(OSError):  # not every platform opens folders
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file all at once, and read it back before it replaces what was there.

    Raises
    ------
    OSError
        If the file cannot be written; names it.
    """
    with replacing(path) as stream:
        stream.write(content)
        stream.flush()
        written = Path(str(stream.name))
        if written.is_file() and written.read_bytes() != content:
            raise OSError(errno.EIO, "What was written reads back differently")


def remove_leftovers(target: Path) -> None:
    """Remove temporary files of a target whose processes were killed; leave those in use."""
    for left in target.parent.glob(f"{_prefix(target)}*.tmp"):
        with suppress(OSError):
            if not OPEN_FILES_CAN_MOVE:
                left.unlink()
                continue
            with left.open("rb+") as stream:
                if is_locked_by_us(stream):
                    left.unlink()


@contextmanager
def _temporary_for(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A temporary file and its stream; it takes the target's place at the end, or is removed."""
    while True:
        path = target.parent / f"{_prefix(target)}{os.getpid()}-{secrets.token_hex(8)}.tmp"
        stream = path.open("xb")
        if is_locked_by_us(stream) and path.exists():
            break
        stream.close()  # another took it for a leftover before it was locked
    try:
        with stream:
            yield path, stream
            stream.flush()
            os.fsync(stream.fileno())
            if OPEN_FILES_CAN_MOVE:  # while it is locked
                os.replace(path, target)
        if not OPEN_FILES_CAN_MOVE:
            os.replace(path, target)
    finally:
        with suppress(OSError):
            path.unlink()


def _prefix(target: Path) -> str:
    """How names of a target's temporary files begin, however long its own is."""
    return f".rhohat-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"
