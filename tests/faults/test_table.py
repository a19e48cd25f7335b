"""The table of docs/reliability.md: it has every row, and names tests that there are."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
N_ROWS = 44


def rows(page):
    """Cells of every row of the tables that begins with a number F1, F2, ..."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if re.fullmatch(r"F\d+", cells[0]):
            yield cells


def named_tests(text):
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)


def faults_of(page, top):
    """What is wrong with the table."""
    found = list(rows(page))
    numbers = sorted(int(cells[0][1:]) for cells in found)
    if numbers != list(range(1, N_ROWS + 1)):
        yield f"the rows are {numbers}"
    for number, *cells in found:
        tests = named_tests(cells[-1])
        if len(cells) != 3 or not all(cells):
            yield f"{number} does not say when, then and tests"
        if not tests and "cannot apply" not in cells[-1]:
            yield f"{number} names no test"
        for file, name in tests:
            path = top / file
            if not path.exists() or f"def {name}(" not in path.read_text(encoding="utf-8"):
                yield f"{number} names {file}::{name}, which there is not"


def test_the_table_has_every_row_and_every_test_that_it_names_exists():
    page = (TOP / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert list(faults_of(page, TOP)) == []


def test_tests_of_faults_are_named_after_rows_of_the_table():
    named = {
        name: path.name
        for path in Path(__file__).parent.glob("test_*.py")
        if path.name != Path(__file__).name
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    wrong = {
        name: file
        for name, file in named.items()
        if not (match := re.match(r"test_f(\d+)_", name)) or not 1 <= int(match[1]) <= N_ROWS
    }
    assert wrong == {}


def test_the_law_above_notices_what_breaks_it(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text("def test_it(): pass\n")
    table = [f"| F{number} | when | then | `tests/test_x.py::test_it` |" for number in range(1, 45)]
    assert list(faults_of("\n".join(table), tmp_path)) == []
    table[2] = "| F3 | when | then | `tests/test_x.py::test_i` |"
    table[4] = "| F5 | when | then | none |"
    table[5] = "| F6 | when | then | cannot apply: there is no such thing |"
    table[6] = "| F7 | when | `tests/test_x.py::test_it` |"
    assert list(faults_of("\n".join(table[:-1]), tmp_path)) == [
        f"the rows are {list(range(1, 44))}",
        "F3 names tests/test_x.py::test_i, which there is not",
        "F5 names no test",
        "F7 does not say when, then and tests",
    ]
