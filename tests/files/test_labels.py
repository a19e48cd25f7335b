"""Labels of examples, wherever they are."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.files.finding import DataFiles
from rhohat.files.labels import has_label, labels_in_column, names_column, read_labels
from rhohat.rows.file_format import Selection


def test_labels_are_read_from_files_archives_and_folders(tmp_path):
    y = np.array([3, 1, 2])
    np.save(tmp_path / "y.npy", y[:, None])
    (tmp_path / "y.txt").write_text("3\n1\n2\n\n")
    np.savez(tmp_path / "data.npz", x=np.eye(3), y=y)
    inputs = [tmp_path / "data.npz"]
    assert_array_equal(read_labels(str(tmp_path / "y.npy"), inputs, []), y)
    assert_array_equal(read_labels(str(tmp_path / "y.txt"), inputs, []), ["3", "1", "2"])
    assert_array_equal(read_labels("y", inputs, []), y)
    names = ["a/one.png", "b/two.png", "b/three.png"]
    assert_array_equal(read_labels("folders", inputs, names), ["a", "b", "b"])


@pytest.mark.parametrize("y", [np.array(["a", "b", "c"]), np.array([b"a", b"b", b"c"])])
def test_labels_in_archives_may_be_texts(y, tmp_path):
    np.savez(tmp_path / "data.npz", x=np.eye(3), y=y)
    np.savez(tmp_path / "y.npz", y=y)
    inputs = [tmp_path / "data.npz"]
    for labels in ("y", f"{inputs[0]}::y", str(tmp_path / "y.npz")):
        assert_array_equal(read_labels(labels, inputs, []), y)


def test_labels_that_are_not_there_are_said(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.eye(3))
    inputs = [tmp_path / "data.npz"]
    for labels, message in (
        ("folders", "needs examples that come from files"),
        ("z", "holds no array 'z', only x"),
    ):
        with pytest.raises(ValueError, match=message):
            read_labels(labels, inputs, [])
    np.savez(tmp_path / "data.npz", **{f"x{n}": np.eye(3) for n in range(14)})
    with pytest.raises(ValueError, match=r"holds no array 'z', only x0, .*, x9 and 4 more"):
        read_labels("z", inputs, [])
    with pytest.raises(ValueError, match="expected a file or a column of the data, found neither"):
        read_labels("z", [tmp_path / "rows.npy"], [])


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a\nb\na\n", "file"),
        ("label\na\nb\na\n", "file"),
        ("id,label\n0,a\n1,b\n2,a\n", "file"),
        ("id,kind\n0,a\n1,b\n2,a\n", "file"),
        ("0,a\n1,b\n2,a\n", "file"),
        ("x;kind;y\n1;a;3\n2;b;3\n5;a;4\n", "file::kind"),
        ("kind\na\nb\na\n", "file::kind"),
    ],
)
def test_labels_in_texts_have_a_heading_or_not(text, labels, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    found = read_labels(labels.replace("file", str(path)), [], [], 3)
    assert_array_equal(found, ["a", "b", "a"])


@pytest.mark.parametrize("text", ["id,kind\n0,a\n1,b\n2,a\n", "0,a\n1,b\n2,a\n"])
def test_a_table_of_labels_tells_its_heading_also_if_the_number_of_examples_is_not_known(
    text, tmp_path
):
    (tmp_path / "labels.csv").write_text(text)
    assert_array_equal(read_labels(str(tmp_path / "labels.csv"), [], []), ["a", "b", "a"])


def test_several_columns_that_may_be_labels_are_asked_about(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,site,kind\n0,p,a\n1,q,b\n")
    with pytest.raises(ValueError, match=r'"id", "site", "kind": name the one with .*FILE::COLUMN'):
        read_labels(str(path), [], [], 2)


def test_labels_may_be_a_column_of_the_data(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,kind,b\n1,u,2\n3,,4\n5,v,7\n")
    assert names_column("kind", [path])
    assert not names_column("folders", [path])
    files = DataFiles.find(path, selection=Selection(labels="kind"))
    y = labels_in_column(files, "kind")
    assert_array_equal(has_label(y), [True, False, True])
    assert y[0] == "u"
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    files = DataFiles.find(tmp_path / "x.npy", selection=Selection(labels="1"))
    assert_array_equal(labels_in_column(files, "1"), [1, 4])
