"""Small valid files, changed at random: each ends in rows or in our error, soon.

`RHOHAT_MUTATIONS` says how many there are of all kinds together.
"""

import os
import time
import warnings

import pytest

from rhohat import DataFileError, load_images, load_recordings, load_rows, load_series
from rhohat.common.errors import DataChangedError
from rhohat.files.finding import DataFiles
from support.hostile import write_mutation
from support.written import EXAMPLES

N_MUTATIONS = int(os.environ.get("RHOHAT_MUTATIONS", "300"))
SECONDS = 2.0
#: What reads all of a file, by what it holds.
READ = {
    "images": lambda path: load_images(path).images[0],
    "recordings": lambda path: load_recordings(path, longest=60.0).recordings[0],
    "rows": load_rows,
    "series": lambda path: load_series(path).series[0],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_f23_f28_to_f31_mutated_files_end_in_rows_or_in_our_error(name, tmp_path):
    (tmp_path / "good").mkdir()
    good = EXAMPLES[name].save(tmp_path / "good" / name)
    read = READ[DataFiles.find(good).contents[good].kind]
    read(good)  # which also loads libraries
    said = []
    for number in range(-(-N_MUTATIONS // len(EXAMPLES))):
        path = tmp_path / str(number) / name
        write_mutation(number, good.parent, path.parent)
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # files that end early
            try:
                read(path)
            except (DataFileError, DataChangedError) as error:
                said.append((str(path), str(error)))
            except Exception as error:
                error.add_note(f"by mutation {number} of {name}")
                raise
        assert time.process_time() - began < SECONDS, number
    assert [(path, text) for path, text in said if path not in text or "pickle" in text] == []
