"""Sparse autoencoders with the exact average activation.

Give it photographs, recordings or any array, and it learns units that are mostly silent, each for a
feature of its own. See `SparseAutoencoder`, or type ``rhohat learn``.
"""

import lazy_loader

__version__ = "0.1.0"

# The names are in __init__.pyi. Each is imported when it is first used, so that ``rhohat --help``
# does not wait for scikit-learn.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
