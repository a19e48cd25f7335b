"""Models of other programs whose files were cut or damaged are refused in our words, or are models.

``RHOHAT_MUTATIONS=10000 pytest tests/faults/test_mutated_models_of_others.py`` tries more of them.
"""

import os
import random

import numpy as np
import pytest

from rhohat import ModelFileError, export, load
from support.exported import DIGITS, units
from support.mutations import with_other_bytes

MUTATIONS = int(os.environ.get("RHOHAT_MUTATIONS", "300")) // 4
X = DIGITS[:, 20:30]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model in every format of others that is read: its file, and what is loaded."""
    folder = tmp_path_factory.mktemp("models")
    export(units(4, decoder="sigmoid", max_iter=2).fit(X), folder / "notes.mat")
    relu = units(4, activation="relu", sparsity_penalty="l1", max_iter=2).fit(X)
    export(relu, folder / "sae", to="saelens")
    ones = {"W_enc": (3, 4), "b_enc": 4, "W_dec": (4, 3), "b_dec": 3, "threshold": 4}
    np.savez(folder / "scope.npz", **{name: np.ones(n, "f4") for name, n in ones.items()})
    return {
        "notes": (folder / "notes.mat", folder / "notes.mat"),
        "scope": (folder / "scope.npz", folder / "scope.npz"),
        "settings": (folder / "sae" / "cfg.json", folder / "sae"),
        "weights": (folder / "sae" / "sae_weights.safetensors", folder / "sae"),
    }


@pytest.mark.parametrize("kind", ["notes", "scope", "settings", "weights"])
def test_f23_damaged_files_of_others_are_refused_or_are_models(kind, models):
    file, model = models[kind]
    whole, draw = file.read_bytes(), random.Random(kind)
    for _ in range(MUTATIONS):
        file.write_bytes(with_other_bytes(whole, draw))
        try:
            loaded = load(model)
        except (ModelFileError, MemoryError):
            continue
        assert np.isfinite(loaded.transform(np.zeros((2, loaded.n_features_in_)))).all()
    file.write_bytes(whole)
