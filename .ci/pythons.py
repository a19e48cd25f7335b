"""The Pythons on this machine that rhohat is for; as a command, the newest of them."""

import os
import shutil
import subprocess
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.14t")


def interpreter(name):
    """The Python of a version on this machine, pyenv's included, whose shims may lead nowhere."""
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    places = managed.glob(f"{name.rstrip('t')}*/bin/python{name}")
    for path in (shutil.which(f"python{name}"), *sorted(places)):
        if path is not None and not subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL):
            return str(path)
    return None


def newest():
    """The newest Python there is, of those with a lock: not all libraries are built without one."""
    return next(filter(None, map(interpreter, reversed(PYTHONS[:-1]))))


if __name__ == "__main__":
    print(newest())
