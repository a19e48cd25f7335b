"""The package as a whole: what it exports, what it imports, what it costs."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rhohat
from rhohat.objective.activation import Activation
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.corruption import CORRUPTIONS
from rhohat.objective.decoders import DECODERS, Decoder
from rhohat.objective.penalties import PENALTIES
from rhohat.training.solvers import SOLVERS

TOP = Path(__file__).parents[1]


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_public_names_exist_and_are_documented():
    for name in rhohat.__all__:
        assert getattr(rhohat, name).__doc__, name


ROWS = [
    (name, row if isinstance(row, type) else type(row))
    for table in (ACTIVATIONS, CORRUPTIONS, DECODERS, PENALTIES, SOLVERS)
    for name, row in table.items()
]


@pytest.mark.parametrize(("name", "kind"), ROWS, ids=lambda part: getattr(part, "__name__", part))
def test_what_a_model_can_be_made_of_is_told_where_readers_look(name, kind):
    assert f'"{name}"' in rhohat.SparseAutoencoder.__doc__
    if kind not in (Activation, Decoder):  # classes with parameters of their own
        assert kind.__name__ in rhohat.__all__
        assert f"   {kind.__name__}\n" in (TOP / "docs/api/index.rst").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name, _ in ROWS if name not in (*SOLVERS, "none")])
def test_its_formula_is_in_the_docs(name):
    page = (TOP / "docs" / "mathematics.md").read_text("utf-8")
    assert any(word in page for word in (name, name.upper(), dict(ROWS)[name].__name__))


MODULES = [
    module.name
    for module in pkgutil.walk_packages(rhohat.__path__, "rhohat.")
    if not module.name.endswith("__main__")
]


def described(module):
    """Functions, classes and methods of a module that have a docstring."""
    for found in vars(module).values():
        if getattr(found, "__module__", None) == module.__name__:
            methods = vars(found).values() if inspect.isclass(found) else ()
            functions = [getattr(method, "__func__", method) for method in methods]
            for each in (found, *filter(inspect.isfunction, functions)):
                if inspect.isroutine(each) or inspect.isclass(each):
                    yield each


@pytest.mark.parametrize("name", MODULES)
def test_defaults_are_those_that_docstrings_tell(name):
    module = importlib.import_module(name)
    for found in described(module):
        text = inspect.getdoc(found) or ""
        told = re.findall(r"^(\w.*?) : .*, default=(.+)$", text, re.MULTILINE)
        parameters = inspect.signature(found).parameters if told else {}
        for names, values in told:
            names = names.split(", ")
            values = values.split(", ") if len(names) > 1 and ", " in values else [values]
            values = values * len(names) if len(values) == 1 else values
            for parameter, value in zip(names, values, strict=True):
                default, where = parameters[parameter].default, f"{found.__qualname__}: {parameter}"
                assert default == eval(value, vars(module).copy()), where
                assert isinstance(default, bool) == (value in ("True", "False")), where


@pytest.fixture(scope="module")
def imported():
    """Names of all modules that are there once everything public was imported."""
    return python("import sys; from rhohat import *; print(*sys.modules)").split()


@pytest.mark.parametrize("module", ["matplotlib", "skimage", "dask", "torch", "click"])
def test_import_leaves_heavy_modules_alone(module, imported):
    assert "rhohat" in imported
    assert module not in imported


SCRIPTS = [
    path
    for folder in ("benchmarks", "docs", "examples", ".ci")
    for path in (TOP / folder).rglob("*.py")
]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(TOP)))
def test_scripts_import_what_there_is(path):
    """Those that no test runs, too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rhohat":
            module = importlib.import_module(node.module)
            assert [n.name for n in node.names if not hasattr(module, n.name)] == []


def test_command_line_is_the_only_module_that_prints():
    for path in Path(rhohat.__file__).parent.rglob("*.py"):
        if path.parent.name != "cli":
            assert not re.search(r"(?<!\.)\bprint\(", path.read_text(encoding="utf-8")), path


#: Modules of the standard library that Windows lacks.
ONLY_UNIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}


def test_no_module_imports_what_only_unix_has():
    for path in Path(rhohat.__file__).parent.rglob("*.py"):
        if path.parts[-2:] == ("common", "locks.py"):
            continue  # which imports what the platform has
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not ONLY_UNIX & {name.split(".")[0] for name in names}, path


#: Packages of conda-forge that have another name than at the index of Python packages.
OF_CONDA = {"matplotlib": "matplotlib-base"}


def for_conda(requirements):
    """Requirements as a recipe has them: a name, and the least version."""
    names = (line.partition(">=")[::2] for line in requirements)
    return [f"{OF_CONDA.get(name, name)} >={least}" for name, least in names]


def in_recipe(part):
    """Lines of a part of the recipe's requirements."""
    text = (TOP / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    (lines,) = re.findall(rf"^  {part}:\n((?:    - .*\n)+)", text, re.MULTILINE)
    return re.findall(r"    - (.*)\n", lines)


def test_the_recipe_for_conda_requires_what_the_project_does():
    told = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    project, system = told["project"], told["build-system"]
    python = f"python {project['requires-python']}"
    assert in_recipe("run") == [python, *for_conda(project["dependencies"])]
    assert in_recipe("host") == [python, "pip", *for_conda(system["requires"])]
    recipe = (TOP / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    (script,) = project["scripts"].items()
    assert f"- {' = '.join(script)}\n" in recipe
    assert f"summary: {project['description']}\n" in recipe
    assert f"license: {project['license']}\n" in recipe


def test_sources_that_are_not_installed_have_a_version_and_say_so(tmp_path):
    code = (
        "import importlib.metadata as m, sys\n"
        "def absent(name): raise m.PackageNotFoundError(name)\n"
        "m.version = absent\n"
        "import rhohat; print(rhohat.__version__)"
    )
    fallback = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    assert python(code).strip() == fallback["tool"]["hatch"]["version"]["fallback-version"]
