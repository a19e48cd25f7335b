"""Names on a page that others may get: of absolute paths, only what lies below their folder."""

from __future__ import annotations

import os
from collections.abc import Sequence


def without_folder(names: Sequence[str]) -> list[str]:
    """Names in which absolute paths begin below the folder that all of them have in common.

    >>> without_folder(["/home/ann/pictures/a.png", "/home/ann/pictures/sea/b.npy[3]", "c.png"])
    ['a.png', 'sea/b.npy[3]', 'c.png']
    """
    folders = {os.path.dirname(name) for name in names if os.path.isabs(name)}
    try:
        common = os.path.commonpath(folders) if folders else ""
    except ValueError:  # on several drives
        return [os.path.basename(name) if os.path.isabs(name) else name for name in names]
    return [os.path.relpath(name, common) if os.path.isabs(name) else name for name in names]
