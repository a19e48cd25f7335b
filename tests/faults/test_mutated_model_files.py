"""F23, F24: model files that were cut, damaged or forged are refused, quickly and in our words.

``RHOHAT_MUTATIONS=10000 pytest tests/faults/test_mutated_model_files.py`` tries more of them.
"""

import io
import json
import os
import random
import time
import warnings

import numpy as np
import pytest

from rhohat.common.errors import ModelFileError
from rhohat.estimators.anatomy import steps_of
from rhohat.estimators.saving import _unpack, save
from support.forgeries import refused
from support.models import CASES, fitted_attributes
from support.mutations import with_another_meaning, with_other_bytes

MUTATIONS = int(os.environ.get("RHOHAT_MUTATIONS", "300"))
MODELS = [
    *("autoencoder", "tied", "streamed", "stack", "classifier", "frozen", "zca", "pca"),
    *("standardization", "patches", "normalizer", "spectrogram", "windows", "pipeline"),
    *("frozen step", "windows of series", "convolution", "classifier of texts"),
]


@pytest.mark.parametrize("case", ["one over f", "standardization"])
def test_f23_every_truncation_is_refused(case, contents):
    content = contents(case)
    assert all(refused(content[:length]) for length in range(len(content)))


def test_f23_damaged_files_are_refused(contents):
    draw = random.Random(0)
    for number in range(MUTATIONS):
        case = draw.choice(MODELS)
        content = contents(case)
        mutated = with_other_bytes(content, draw)
        assert refused(mutated) or meaning(mutated) == meaning(content), (number, case)


def meaning(content):
    """What a file says, whatever white space there is in its header."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def test_f24_forged_files_are_refused_or_are_models_that_can_be_used(contents, tmp_path):
    """Whatever they say, with the right checksums: ModelFileError within a second, or a model."""
    draw = random.Random(1)
    n_accepted = n_tried = 0
    while n_tried < MUTATIONS:
        case = draw.choice(MODELS)
        content = with_another_meaning(contents(case), draw)
        if content is None:
            continue
        n_tried += 1
        started = time.process_time()
        model = model_in(content)
        assert time.process_time() - started < 1, case
        if model is not None:
            n_accepted += 1
            save(model, tmp_path / "again")
            use(model, CASES[case][1])
    assert 0 < n_accepted < MUTATIONS / 2


def model_in(content):
    """The model that a file holds; None if it is refused."""
    try:
        return _unpack(io.BytesIO(content), len(content))
    except ModelFileError:
        return None


def use(model, X):
    """Apply a model as commands do; only data that do not suit it may be refused.

    How many pieces are drawn is a setting that `fit` takes too, however large: then there is no
    memory for them, which is not tried here.
    """
    names = ("n_patches", "n_windows")
    drawn = [getattr(step, name, 0) for step in steps_of(model) for name in names]
    if max(number or 0 for number in drawn) > 10_000:
        return
    apply = getattr(model, "transform", None) or model.predict_proba
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            assert len(np.asarray(apply(X)))
        except ValueError:
            assert fitted_attributes(model) is not None
