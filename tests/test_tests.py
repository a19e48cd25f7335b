"""The tests as a whole: each lies where its name tells, and they share helpers, not each other."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from support.strict_numbers import raising

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "src" / "rhohat"
LONGEST = 500

#: Modules that have nothing to test of their own, and why.
ELSEWHERE = {
    "common/arrays": "types, which mypy checks",
    "common/errors": "classes, which every test of a refusal names",
    "estimators/computation": "what a model computes, in test_onnx_files and test_numpy_files",
    "estimators/foreign": "models of other programs, in test_sae_folders and test_notes_files",
    "inspection/responses": "what examples do to the units of a layer, in test_portrait",
    "objective/activation": "what every activation answers, in test_activations and test_gates",
    "objective/largest": "the threshold of all rows, in test_gates",
    "objective/parameter": "rows with a parameter, in test_gates and test_decoders_matryoshka",
    "objective/penalty": "what every penalty answers, in test_penalties",
    **dict.fromkeys(
        (
            *("rows/arrow_files", "rows/arrow_table", "rows/chosen_columns", "rows/columns"),
            *("rows/dialect", "rows/table_format", "rows/text_tables"),
        ),
        "tables of files, in rows/test_table, as users read them",
    ),
    "objective/units": "activations and their derivatives in a block, in test_sparse",
    **dict.fromkeys(
        (
            *("preprocessing/numpy_operations", "preprocessing/onnx_conversion"),
            *("preprocessing/onnx_operations", "preprocessing/operations"),
        ),
        "what steps compute elsewhere, in estimators/test_onnx_files and test_numpy_files",
    ),
    "inspection/report/charts": "classes, which test_findings holds against charts.js",
}
#: Files that test no one module, and what they test instead.
ACROSS = {
    "estimators/test_estimator_checks": "every estimator, by scikit-learn's checks",
}

numbers_raise = raising(all="raise")


def named(folder, pattern):
    """Files by their path in `folder`, without the ending."""
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob(pattern))
    }


def modules(sources):
    """Modules in rooms: packages themselves hold their charters only."""
    return [
        name for name in named(sources, "*.py") if "/" in name and not name.endswith("/__init__")
    ]


def is_of(test, module):
    """Whether a file is named after a module, alone or with an aspect of it."""
    room, _, name = module.rpartition("/")
    return test == f"{room}/test_{name}" or test.startswith(f"{room}/test_{name}_")


def lines_of(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def imported(path):
    """Names of all modules that a file imports, and of what it imports from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of_tests(tests):
    """Files that import a file of tests."""
    return [
        (name, module)
        for name, path in named(tests, "*.py").items()
        for module in imported(path)
        if any(part.startswith("test_") for part in module.split("."))
        and not module.startswith("rhohat.")
    ]


def untested(tests, sources, elsewhere):
    """Modules that no file of tests is named after."""
    files = named(tests, "test_*.py")
    return [
        module
        for module in modules(sources)
        if module not in elsewhere and not any(is_of(test, module) for test in files)
    ]


def nameless(tests, sources, across):
    """Files of tests that are named after no module, after nothing new and after no fault."""
    return [
        test
        for test in named(tests, "*/**/test_*.py")
        if test not in across
        and not test.startswith("faults/")  # which are of all modules, row by row
        and not test.rpartition("/")[2].startswith("test_a_new_")
        and not any(is_of(test, module) for module in modules(sources))
    ]


def test_no_file_imports_a_file_of_tests():
    assert imports_of_tests(TESTS) == []


def test_every_module_is_tested_where_its_name_tells():
    assert untested(TESTS, SOURCES, ELSEWHERE) == []
    assert ELSEWHERE.keys() <= set(modules(SOURCES))


def test_every_file_of_tests_tells_what_it_tests():
    assert nameless(TESTS, SOURCES, ACROSS) == []
    assert ACROSS.keys() <= named(TESTS, "test_*.py").keys()


def test_no_file_is_too_long_to_be_read_at_once():
    files = named(TESTS, "*.py")
    assert [name for name, path in files.items() if lines_of(path) > LONGEST] == []


def write(folder, **files):
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_laws_above_notice_what_breaks_them(tmp_path):
    sources = write(tmp_path / "src", room__tiles="", room__edges="", room__arrays="")
    tests = write(
        tmp_path / "tests",
        room__test_tiles="from room.test_edge import tile",
        room__test_tiles_of_color="import support.tiles, room.test_tiles",
        room__test_edge="from support.tiles import tile",
        room__test_a_new_tile="from room import test_tiles",
        support__tiles="",
    )
    assert imports_of_tests(tests) == [
        ("room/test_a_new_tile", "room.test_tiles"),
        ("room/test_tiles", "room.test_edge.tile"),
        ("room/test_tiles_of_color", "room.test_tiles"),
    ]
    assert untested(tests, sources, {"room/arrays"}) == ["room/edges"]
    assert nameless(tests, sources, {}) == ["room/test_edge"]
    assert nameless(tests, sources, {"room/test_edge"}) == []


@pytest.mark.parametrize("number", [-1e4, 1e4])
def test_numbers_that_go_wrong_raise_in_every_thread(number):
    with pytest.raises(FloatingPointError):
        np.exp(number)
    with ThreadPoolExecutor(1) as pool, pytest.raises(FloatingPointError):
        pool.submit(np.exp, number).result()
