"""EDF and BDF: what headers say, values as edfio has them, and damaged files."""

import re
import subprocess
import sys

import edfio
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError, SparseAutoencoder, load_series
from rhohat.common.errors import DataChangedError
from rhohat.rows.edf import EDF
from rhohat.rows.file_format import Selection
from rhohat.rows.opening import open_file
from support.series import physical, pulses, write_edf

both = pytest.mark.parametrize("ending", ["edf", "bdf"])


@both
def test_values_are_those_of_edfio(ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    write_edf(path, pulses(1000, 3))
    assert_array_equal(EDF.read(path, Selection())[0], physical(path))
    assert_array_equal(load_series(path).series[0], physical(path))


@both
def test_looking_says_channels_samples_and_rate(ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    write_edf(path, pulses(1000, 3), 250)
    content = EDF.look(path, Selection())
    assert (content.kind, content.shape, content.rate) == ("series", (1, 3, 1000), 250)
    assert content.channels == ("EEG 0", "EEG 1", "EEG 2")


@both
@pytest.mark.parametrize(("start", "stop"), [(0, 1000), (0, 1), (99, 101), (130, 777), (999, 1000)])
def test_any_run_of_moments_is_that_of_the_whole(ending, start, stop, tmp_path):
    path = tmp_path / f"x.{ending}"
    write_edf(path, pulses(1000, 2))
    source = open_file(path)
    assert source.shape == (1000, 2)
    assert_array_equal(source.read(start, stop).X, physical(path).T[start:stop])


def test_a_model_of_moments_is_fitted_from_the_file(tmp_path):
    path = tmp_path / "x.edf"
    write_edf(path, pulses(1000, 4))

    def fitted(X):
        return SparseAutoencoder(2, max_iter=2, random_state=0).fit(X).encoder_weights_

    assert_array_equal(fitted(path), fitted(np.ascontiguousarray(physical(path).T)))


def test_annotations_are_no_channel(tmp_path):
    path = tmp_path / "x.edf"
    events = [edfio.EdfAnnotation(3, None, "eyes closed")]
    write_edf(path, pulses(1000, 2), annotations=events)
    assert EDF.look(path, Selection()).shape == (1, 2, 1000)
    assert_array_equal(load_series(path).series[0], physical(path))


def test_channels_of_other_rates_are_named_and_can_be_left_out(tmp_path):
    path = tmp_path / "x.edf"
    write_edf(path, [*pulses(1000, 2), np.arange(10.0)], [100, 100, 1], ["Fpz", "Pz", "Resp"])
    with pytest.raises(
        DataFileError, match=r"2 sample rates: 100 Hz Fpz, Pz; 1 Hz Resp.*--channels 'Fpz'"
    ):
        load_series(path)
    edf = edfio.read_edf(path)
    assert_array_equal(load_series(path, channels=["Pz"]).series[0][0], edf.get_signal("Pz").data)
    loaded = load_series(path, channels=["Resp"])
    assert_array_equal(loaded.series[0][0], edf.get_signal("Resp").data)
    assert loaded.rate == 1


def test_a_header_that_is_not_ascii_is_read(tmp_path):
    path = tmp_path / "x.edf"
    write_edf(path, pulses(1000, 2))
    content = bytearray(path.read_bytes())
    content[10:12] = "äß".encode("latin-1")
    path.write_bytes(content)
    assert EDF.look(path, Selection()).shape == (1, 2, 1000)


def field(content, begin, text):
    changed = bytearray(content)
    changed[begin : begin + 8] = f"{text:<8}".encode()[:8]
    return bytes(changed)


#: What is wrong with a file of two channels, and what is said of it.
DAMAGE = {
    "empty": (lambda x: b"", "does not begin as EDF or BDF files do"),
    "text": (lambda x: b"no recording at all\n" * 100, "does not begin as EDF or BDF files do"),
    "other file": (lambda x: b"RIFF" + x[4:], "does not begin as EDF or BDF files do"),
    "only a header": (lambda x: x[:768], "claims 10 data records"),
    "no records": (lambda x: field(x[:768], 236, 0), "holds no data records"),
    "too many records": (lambda x: field(x, 236, 99_999_999), "claims 99,999,999 data records"),
    "fewer records than there are": (lambda x: x + x[768:], "but 8,000 bytes follow"),
    "records of no number": (lambda x: field(x, 236, "many"), "expected a number"),
    "no channels": (lambda x: x[:252] + b"0   " + x[256:], "has 0 channels"),
    "9,999 channels": (lambda x: x[:252] + b"9999" + x[256:], "has 9,999 channels"),
    "other length of header": (lambda x: field(x, 184, 512), "than the 768 bytes"),
    "no duration": (lambda x: field(x, 244, 0), "x.edf"),
    "records of huge size": (lambda x: field(x, 256 + 2 * 216, 99_999_999), "bytes follow"),
    "negative samples": (lambda x: field(x, 256 + 2 * 216, -100), "x.edf"),
    "digital range of nothing": (lambda x: field(field(x, 496, 5), 512, 5), "x.edf"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_refused(damage, tmp_path):
    path = tmp_path / "x.edf"
    write_edf(path, pulses(1000, 2))
    change, said = DAMAGE[damage]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataFileError, match=said):
        load_series(path)


@both
@pytest.mark.parametrize("share", np.linspace(0, 0.99, 20))
def test_a_file_that_was_cut_is_refused(ending, share, tmp_path):
    path = tmp_path / f"x.{ending}"
    write_edf(path, pulses(1000, 2))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataFileError, match=re.escape(f"x.{ending} ")):
        load_series(path)


def test_a_file_that_is_still_written_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "x.edf"
    write_edf(path, pulses(1000, 2))
    expected = physical(path)
    path.write_bytes(field(path.read_bytes(), 236, -1))
    assert_array_equal(load_series(path).series[0], expected)


def test_a_file_that_shrinks_after_it_was_opened_is_an_error(tmp_path):
    path = tmp_path / "x.edf"
    write_edf(path, pulses(1000, 2))
    source = open_file(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataChangedError, match="was shortened"):
        source.read(500, 1000)
    path.unlink()
    with pytest.raises(DataChangedError, match="has disappeared"):
        source.read(0, 10)


def test_gaps_are_told(tmp_path):
    path = tmp_path / "x.edf"
    write_edf(path, pulses(1000, 2), annotations=[edfio.EdfAnnotation(0, None, "x")])
    path.write_bytes(path.read_bytes().replace(b"EDF+C", b"EDF+D", 1))
    with pytest.warns(UserWarning, match=r"x\.edf has gaps in time"):
        load_series(path)


def test_the_library_is_imported_for_such_a_file_only(tmp_path):
    code = "import sys, rhohat; from rhohat.files import formats; assert 'edfio' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
