"""Files of tables: what is read is what the libraries read by hand, and the rest is told."""

import gzip
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError, SparseAutoencoder, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import Selection
from rhohat.rows.formats import format_of
from rhohat.rows.opening import open_file
from rhohat.rows.stores import Store
from support.written import TABLES

X = np.random.RandomState(0).randn(60, 4)
NAMES = ["mass", "width", "two words", "y=1"]


def frame(dtype="f8"):
    return pd.DataFrame(X.astype(dtype), columns=NAMES)


STREAMED = ("x.parquet", "x.feather")

every_file = pytest.mark.parametrize("name", TABLES)


def written(name, folder, table):
    TABLES[name](folder / name, table)
    return folder / name


@every_file
def test_values_and_names_are_those_of_the_table(name, tmp_path):
    path = written(name, tmp_path, frame())
    rows = load_rows(path)
    assert rows.dtype == np.float64
    assert rows.columns == tuple(NAMES)
    assert_array_equal(rows, X)
    source = open_file(path)
    assert (source.shape, source.columns) == (X.shape, rows.columns)
    assert_array_equal(source.read(7, 60).X, X[7:])


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize("dtype", ["f4", "i4", "u1", "bool", "f2"])
def test_a_typed_column_has_the_precision_of_an_array_of_its_type(name, dtype, tmp_path):
    values = (10 * np.abs(X)).astype(dtype)
    if (dtype, name) == ("f2", "x.feather"):
        values = values.astype("f4")
    np.save(tmp_path / "x.npy", values)
    path = written(name, tmp_path, pd.DataFrame(values, columns=NAMES))
    expected = load_rows(tmp_path / "x.npy")
    assert load_rows(path).dtype == open_file(path).dtype == expected.dtype
    assert_array_equal(load_rows(path), expected)


def test_columns_of_several_types_have_the_precision_that_holds_all(tmp_path):
    table = frame("f4")
    table.to_parquet(tmp_path / "x.parquet")
    assert load_rows(tmp_path / "x.parquet").dtype == np.float32
    table["count"] = np.arange(60)
    table.to_parquet(tmp_path / "x.parquet")
    assert load_rows(tmp_path / "x.parquet").dtype == np.float64


@pytest.mark.parametrize("size", [700, 1100])
@pytest.mark.parametrize("name", STREAMED)
def test_groups_of_rows_are_read_one_after_another_with_the_same_bits(
    name, size, tmp_path, monkeypatch
):
    monkeypatch.setattr("rhohat.rows.table_format.HELD_BYTES", 0)
    values = np.random.RandomState(0).randn(9000, 3)
    table = pa.table(dict(zip("abc", values.T, strict=True)))
    if name == "x.parquet":
        pyarrow.parquet.write_table(table, tmp_path / name, row_group_size=size)
    else:
        pyarrow.feather.write_feather(table, tmp_path / name, chunksize=size)
    source = open_file(tmp_path / name)
    assert isinstance(source, Store)
    assert len(source.ends) > 1
    assert_array_equal(source.read(600, 8500).X, values[600:8500])
    assert_array_equal(source.read(8990, 9000).X, values[8990:])
    np.save(tmp_path / "x.npy", values)
    one, other = (
        SparseAutoencoder(2, max_iter=1, random_state=0).fit(tmp_path / file)
        for file in (name, "x.npy")
    )
    assert_array_equal(one.encoder_weights_, other.encoder_weights_)
    assert one.data_fingerprint_ == other.data_fingerprint_
    assert list(one.feature_names_in_) == ["a", "b", "c"]


@pytest.mark.parametrize("name", STREAMED)
def test_missing_values_of_a_stream_are_counted_before_it_is_read(name, tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.rows.table_format.HELD_BYTES", 0)
    table = pa.table({"a": [1.0, None, 3.0], "b": [1.0, 2.0, 3.0]})
    if name == "x.parquet":
        pyarrow.parquet.write_table(table, tmp_path / name)
    else:
        pyarrow.feather.write_feather(table, tmp_path / name)
    opens = format_of(tmp_path / name).open
    with pytest.raises(DataFileError, match=r'1 in "a"; they are in 1 of 3 rows'):
        opens(tmp_path / name, Selection())
    opened = opens(tmp_path / name, Selection(columns="b"))
    assert_array_equal(opened.read(0, 3).X, [[1], [2], [3]])


@pytest.mark.parametrize("name", STREAMED)
def test_columns_of_a_stream_are_chosen_without_reading_the_others(name, tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.rows.table_format.HELD_BYTES", 0)
    table = frame()
    table["text"], table["gaps"] = "a", np.nan
    path = written(name, tmp_path, table)
    selection = Selection(columns="y=1,width")
    (row,) = (row for row in FORMATS.values() if row.suffixes[0] == path.suffix)
    source = row.open(path, selection)
    assert isinstance(source, Store)
    assert_array_equal(source.read(0, 60).X, X[:, [1, 3]])
    assert source.columns == ("width", "y=1")
    assert row.look(path, selection).left_out == ("mass", "two words", "text", "gaps")


# What people have in them.


@pytest.mark.parametrize(
    ("text", "rows", "names"),
    [
        ("a;b\n1,5;2,25\n-3,0;1e2\n", [[1.5, 2.25], [-3, 100]], ("a", "b")),
        ("1.5 2\n 3   4\n", [[1.5, 2], [3, 4]], ()),
        ("# made in May\n# a b\n1 2\n\n3 4\n", [[1, 2], [3, 4]], ("a", "b")),
        ("a,b\n1,2\n% said\n3,4\n\n", [[1, 2], [3, 4]], ("a", "b")),
        ('"a, x","b ""q"""\n"1.5",2\n3,"4"\n', [[1.5, 2], [3, 4]], ("a, x", 'b "q"')),
        ("a\tb\t\n1\t2\t\n3\t4\t\n", [[1, 2], [3, 4]], ("a", "b")),
        ("Lab: 7\nBy: me\nq;r;s\n1;2;3\n3;4;5\n5;6;7\n", [[1, 2, 3], [3, 4, 5], [5, 6, 7]], "qrs"),
        ("x y\nr1 1 2\nr2 3 4\n", None, None),
        ("\ufeffa,b\r\n1,2\r\n3,4", [[1, 2], [3, 4]], ("a", "b")),
        ("yes,no\nTrue,1\nFalse,2\n", [[1, 1], [0, 2]], ("yes", "no")),
        ("a;b;c\n1;2;0,5\n3;4;1,5\n", [[1, 2, 0.5], [3, 4, 1.5]], ("a", "b", "c")),
        ("length, mm\n7\n8\n9\n", [[7], [8], [9]], ("length, mm",)),
        ("7\n8\n", [[7], [8]], ()),
        ("n\n7\n8\n", [[7], [8]], ("n",)),
        ('"n"\n"7"\n"8"\n', [[7], [8]], ("n",)),
        ('"n"\n"7,5"\n"8"\n', [[7.5], [8]], ("n",)),
        ("n\n7\n8\n9,5\n", [[7], [8], [9.5]], ("n",)),
    ],
)
def test_the_dialect_of_a_text_is_found(text, rows, names, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8", newline="")
    if rows is None:  # R's: no name above the names of the rows
        with pytest.raises(DataFileError, match='text in "column 0"'):
            load_rows(path)
        rows, names = [[1, 2], [3, 4]], ("x", "y")
        found = load_rows(path, columns="numbers")
    else:
        found = load_rows(path)
    assert_array_equal(found, rows)
    assert getattr(found, "columns", ()) == tuple(names)


def test_texts_may_hold_what_parts_cells_in_other_files(tmp_path):
    (tmp_path / "x.csv").write_text("inner;outer,a,b\nred;blue,1.5,2\nred;green,3,4.5\n")
    assert_array_equal(load_rows(tmp_path / "x.csv", columns="numbers"), [[1.5, 2], [3, 4.5]])


def test_wavelengths_are_names_and_can_be_numbers(tmp_path):
    path = tmp_path / "spectra.csv"
    table = [np.arange(400, 408), *X[:10].reshape(5, 8).round(3)]
    path.write_text("\n".join(";".join(f"{v:.3f}" for v in row) for row in table).replace(".", ","))
    rows = load_rows(path)
    assert_array_equal(rows, table[1:])
    assert rows.columns[:2] == ("400.000", "401.000")
    content = FORMATS["text table"].look(path, Selection())
    assert "If it holds data, add --no-heading" in content.note
    assert load_rows(path, heading=False).shape[0] == 6


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_texts_in_other_encodings_are_read(encoding, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("Größe;b\n1;2\n3;4\n".encode(encoding))
    assert load_rows(path).columns == ("Größe", "b")
    note = FORMATS["text table"].look(path, Selection()).note
    assert ("Windows-1252" in note) == (encoding == "cp1252")


TABLE = "id,kind,day,flow,ph\na1,x,2020-01-02,1.5,7\na2,y,2020-01-03,,6\na3,x,2020-01-04,2.5,8\n"


@pytest.fixture
def table(tmp_path):
    """Text, dates and a gap."""
    path = tmp_path / "water.csv"
    path.write_text(TABLE)
    return path


def test_what_is_not_numbers_is_named_with_what_to_type(table):
    with pytest.raises(
        DataFileError,
        match=r'water.csv has text in "id", "kind"; dates or times in "day", .*'
        r"--drop id --drop kind --drop day .*--one-hot kind .* its 2 values.*--columns numbers",
    ):
        load_rows(table)


@pytest.mark.parametrize("read", [load_rows, open_file])
@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_a_table_without_rows_is_refused_however_it_is_read(ending, read, tmp_path):
    empty = pa.table({"a": np.empty(0), "b": np.empty(0)})
    if ending == "csv":
        (tmp_path / "t.csv").write_text("a,b\n")
    elif ending == "parquet":
        pyarrow.parquet.write_table(empty, tmp_path / "t.parquet")
    else:
        pyarrow.feather.write_feather(empty, tmp_path / "t.feather")
    with pytest.raises(DataFileError, match=r"no rows|without rows"):
        read(tmp_path / f"t.{ending}")


@pytest.mark.parametrize(("beside", "left"), [("b", "it"), ("b,c", "them")])
def test_columns_that_are_left_out_are_one_or_several(beside, left, tmp_path):
    texts = beside.replace("b", "x").replace("c", "y")
    (tmp_path / "t.csv").write_text(f"a,{beside}\n1,{texts}\n2,{texts}\n")
    with pytest.raises(DataFileError, match=f"--drop b.* leaves {left} out"):
        load_rows(tmp_path / "t.csv")


def test_missing_values_are_counted_by_column(table):
    with pytest.raises(
        DataFileError,
        match=r'1 in "flow"; they are in 1 of 3 rows.* row 1\. --missing drop .*median',
    ):
        load_rows(table, columns="numbers")
    assert_array_equal(load_rows(table, columns="numbers", missing="drop"), [[1.5, 7], [2.5, 8]])
    filled = load_rows(table, columns="numbers", missing="median")
    assert_array_equal(filled, [[1.5, 7], [2, 6], [2.5, 8]])
    with pytest.raises(ValueError, match="missing must be one of 'error', 'drop', 'median'"):
        load_rows(table, columns="numbers", missing="mean")


def test_a_text_that_is_missing_is_none_of_the_texts(tmp_path):
    (tmp_path / "x.csv").write_text("kind,ph\na,1\n,2\nb,3\na,\n")
    X = load_rows(tmp_path / "x.csv", one_hot="kind", columns="ph", missing="median")
    assert_array_equal(X, [[1, 0, 1], [0, 0, 2], [0, 1, 3], [1, 0, 2]])


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"columns": "ph"}, ["ph"]),
        ({"columns": ["4"]}, ["ph"]),
        ({"columns": "p*"}, ["ph"]),
        ({"columns": "4:"}, ["ph"]),
        ({"columns": "ph", "one_hot": "kind"}, ["kind=x", "kind=y", "ph"]),
        ({"drop": "text, dates, flow"}, ["ph"]),
        ({"drop": "dates", "labels": ["id", "kind"], "missing": "drop"}, ["flow", "ph"]),
    ],
)
def test_columns_are_chosen_by_name_pattern_number_or_kind(choice, names, table):
    assert list(load_rows(table, **choice).columns) == names


def test_a_model_finds_its_columns_in_another_table(table, tmp_path):
    rows = load_rows(table, columns="ph", one_hot="kind")
    other = tmp_path / "other.csv"
    other.write_text("ph,new,kind\n5,1,y\n6,2,z\n")
    content = FORMATS["text table"].look(other, Selection(like=rows.columns))
    assert content.columns == rows.columns
    assert 'values in column "kind" that the model did not see in training, "z"' in content.note
    found = FORMATS["text table"].read(other, Selection(like=rows.columns))
    assert_array_equal(found, [[0, 1, 5], [0, 0, 6]])
    other.write_text("ph\n5\n")
    with pytest.raises(DataFileError, match=r'lacks columns .* "kind=x", "kind=y"'):
        FORMATS["text table"].look(other, Selection(like=rows.columns))


@pytest.mark.parametrize("ending", ["npy", "csv", "parquet"])
def test_a_source_of_chosen_columns_has_all_rows_and_no_other_columns(ending, tmp_path):
    X = np.arange(24.0).reshape(8, 3)
    path = tmp_path / f"x.{ending}"
    if ending == "npy":
        np.save(path, X)
    else:
        table = pd.DataFrame(X, columns=["a", "b", "c"])
        table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    source = format_of(path).open(path, Selection(columns=["0", "2"]))
    assert source.shape == (8, 2)
    assert_array_equal(source.read(0, 8).X, X[:, [0, 2]])
    assert_array_equal(source.take(np.array([1, 7])).X, X[[1, 7]][:, [0, 2]])


def test_arrays_have_their_columns_chosen_by_number(tmp_path):
    values = X.copy()
    values[3, 2] = np.nan
    np.save(tmp_path / "x.npy", values)
    assert_array_equal(load_rows(tmp_path / "x.npy", drop="2"), X[:, [0, 1, 3]])
    assert_array_equal(load_rows(tmp_path / "x.npy", columns="0:2"), X[:, :2])
    assert len(load_rows(tmp_path / "x.npy", missing="drop")) == 59
    with pytest.raises(DataFileError, match=r"no column 'mass'.*give their numbers, 0 to 3"):
        load_rows(tmp_path / "x.npy", columns="mass")
    np.save(tmp_path / "images.npy", np.zeros((2, 3, 3)))
    with pytest.raises(
        DataFileError, match="holds images, but columns can only be chosen from rows"
    ):
        load_rows(tmp_path / "images.npy", columns="0")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"a,b\n", "a line of column names, but no rows"),
        (
            "x.csv",
            b"a,b\n1,2\n3,4\n5,6,7\n",
            "cells in line 4 than in the first line, 3 instead of 2",
        ),
        (
            "x.csv",
            b"\na,b\n1,2\n3,4\n5,6,7",
            "cells in line 5 than in the first line, 3 instead of 2",
        ),
        ("x.csv", b"A, B; 1; 2\nC, D; 3; 4\n", 'has text in "column 0"'),
        ("x.csv", b"a,b\n1,2\n3,inf\n", 'infinity in row 1 of column "b"'),
        ("x.csv", b"\x00\x01\x02\x03" * 50, "is not a text file"),
        ("x.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "end-of-stream"),
        ("x.arff", b"@relation t\n@attribute a numeric\n@data\n{0 1}\n", "sparse ARFF"),
        ("x.arff", b"hello\n", "is not an ARFF file"),
        ("x.arff", b"@relation t\n@data\n1\n", "is not an ARFF file, or has no rows"),
        ("x.arff", b"@relation t\n@attribute a numeric\n@data\n", "(?<!or )has no rows"),
        ("x.parquet", b"PAR1 and nothing", "cannot be decoded"),
        ("x.parquet", b"", "cannot be decoded"),
        ("x.feather", b"ARROW1 and nothing", "cannot be decoded"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataFileError, match=f"{name}.*{message}"):
        load_rows(tmp_path / name)
    with pytest.raises(DataFileError):
        open_file(tmp_path / name)


@pytest.mark.parametrize("name", ["x.parquet", "x.feather", "x.csv.gz", "x.arff"])
def test_a_file_that_was_cut_is_an_error_or_whole_lines_of_it(name, tmp_path):
    path = written(name, tmp_path, frame())
    whole = path.read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:cut])
        try:
            rows = load_rows(path)
        except DataFileError:
            continue
        assert path.suffix == ".arff"
        assert_array_equal(rows[:-1], X[: len(rows) - 1])


def test_a_missing_library_is_named_with_what_brings_it(tmp_path, monkeypatch):
    path = written("x.csv", tmp_path, frame())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataFileError, match=r"x.csv cannot be read yet: .*rhohat\[tables\]"):
        load_rows(path)


def test_texts_beside_other_data_are_about_them(tmp_path):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "labels.csv").write_text("label\na\nb\n")
    (tmp_path / "notes.txt").write_text("to do: everything\n")
    assert_array_equal(load_rows(tmp_path), X)
    (tmp_path / "x.npy").unlink()
    frame().to_csv(tmp_path / "labels.csv", index=False)
    assert_array_equal(load_rows(tmp_path), X)


def test_tables_of_other_columns_are_not_joined(tmp_path):
    frame().to_csv(tmp_path / "a.csv", index=False)
    frame().rename(columns={"mass": "weight"}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(DataFileError, match=r'b.csv has different columns .* "mass", "weight"'):
        load_rows(tmp_path)


def test_an_index_of_pandas_is_told(tmp_path):
    frame().to_csv(tmp_path / "x.csv")
    assert (
        "numbers the rows: --drop 0"
        in FORMATS["text table"].look(tmp_path / "x.csv", Selection()).note
    )
    frame().set_index("mass").to_parquet(tmp_path / "x.parquet")
    content = FORMATS["parquet"].look(tmp_path / "x.parquet", Selection())
    assert content.columns == tuple(NAMES[1:])
    assert "pandas' index in column 'mass'" in content.note


def test_files_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.rows.text_tables.BYTES_LIMIT", 1000)
    monkeypatch.setattr("rhohat.rows.claims.BYTES_LIMIT", 1000)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"1,2\n" * 100_000))
    with pytest.raises(DataFileError, match="holds more in its text than the"):
        load_rows(tmp_path / "x.csv.gz")
    zeros = pa.table({"a": np.zeros(1_000_000, np.float32)})
    pyarrow.parquet.write_table(zeros, tmp_path / "x.parquet")
    with pytest.raises(DataFileError, match="may be made to exhaust memory"):
        load_rows(tmp_path / "x.parquet")
