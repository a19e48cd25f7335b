"""Libraries that come with the package's extras."""

from __future__ import annotations

import importlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from typing import Any


def import_extra(module: str, extra: str) -> Any:
    """Import a module that an extra brings, or say how to install it.

    Raises
    ------
    ImportError
        If it is not installed, cannot be loaded, or is older than the extra asks for.
    """
    command = f"pip install 'rhohat[{extra}]'"
    try:
        library = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(f"{module} is needed for this but not installed: {command}") from error
    except Exception as error:  # a broken installation raises whatever it likes
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ImportError(
            f"{module} is needed for this but cannot be loaded ({reason}): "
            f"{command.replace('install', 'install --force-reinstall')}"
        ) from error
    found, least = getattr(library, "__version__", None), _least_versions().get(module)
    if found is not None and least is not None and _numbers(found) < _numbers(least):
        raise ImportError(
            f"{module} {least} or newer is needed for this, but {found} is installed: "
            f"{command.replace('install', 'install --upgrade')}"
        )
    return library


@cache
def _least_versions() -> dict[str, str]:
    """The oldest version of each library that this package works with."""
    try:
        texts = requires("rhohat") or []
    except PackageNotFoundError:  # run from a folder, without being installed
        return {}
    found = (re.match(r"([\w.-]+)(?:\[.*?\])?\s*>=\s*([\w.]+)", text) for text in texts)
    return {match[1]: match[2] for match in found if match}


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers at the beginning of a version, such as those of 2025.7.0rc1."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()
