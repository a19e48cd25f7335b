"""Sparse autoencoders with the exact average activation.

Give it photographs, recordings or any array, and it learns units that are mostly silent, each for a
feature of its own. See `SparseAutoencoder`, or type ``rhohat learn``.
"""

from typing import Any

import lazy_loader

# The names are in __init__.pyi. Each is imported when it is first used, so that ``rhohat --help``
# does not wait for scikit-learn.
_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name != "__version__":
        return _public(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(__name__)
    except PackageNotFoundError:  # sources that were not installed
        return "0.1.dev0"
