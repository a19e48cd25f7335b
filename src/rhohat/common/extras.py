"""Libraries that come with the package's extras."""

from __future__ import annotations

import importlib
from typing import Any


def import_extra(module: str, extra: str) -> Any:
    """Import a module that an extra brings, or say how to install it.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed for this, and not installed: pip install 'rhohat[{extra}]'"
        ) from error
