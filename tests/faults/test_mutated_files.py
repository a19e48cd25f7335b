"""Small valid files, changed at random: each ends in rows or in our error, soon.

`RHOHAT_MUTATIONS` says how many there are of all kinds together.
"""

import os
import time
import warnings

import pytest

from rhohat import DataFileError, load_images, load_recordings, load_rows
from rhohat.common.errors import DataChangedError
from support.hostile import SEEDS, write_mutation

N_MUTATIONS = int(os.environ.get("RHOHAT_MUTATIONS", "300"))
SECONDS = 2.0


def read(path):
    ending = path.suffix[1:]
    if ending in ("wav", "flac"):
        loaded = load_recordings(path, longest=60.0)
        return [recording.shape for recording in loaded.recordings]
    if ending in ("png", "jpg", "gif", "tif", "fits", "nii", "dcm"):
        return load_images(path).images[0].shape
    return load_rows(path).shape


@pytest.fixture(scope="module", params=SEEDS)
def seed(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("seeds") / f"seed.{request.param}"
    SEEDS[request.param](path)
    read(path)  # which also loads libraries
    return request.param, path


def test_f23_f28_to_f31_mutated_files_end_in_rows_or_in_our_error(seed, tmp_path):
    kind, original = seed
    said = []
    for number in range(-(-N_MUTATIONS // len(SEEDS))):
        path = tmp_path / f"{number}.{kind}"
        write_mutation(kind, number, original, path)
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # files that end early
            try:
                read(path)
            except (DataFileError, DataChangedError) as error:
                said.append((path.name, str(error)))
            except Exception as error:
                error.add_note(f"by mutation {number} of {kind}")
                raise
        assert time.process_time() - began < SECONDS, number
    assert [(name, text) for name, text in said if name not in text or "pickle" in text] == []
