"""README, docs and docstrings: code runs as the reader sees it, commands and links are right."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import rhohat
from rhohat.cli.main import cli

TOP = Path(__file__).parents[1]
BUILT = {"_build", "gallery", "chapter", "generated"}
PAGES = [
    *(TOP / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")),
    *sorted(path for path in (TOP / "docs").rglob("*.md") if not BUILT & set(path.parts)),
]
TEXTS = {str(path.relative_to(TOP)): path.read_text(encoding="utf-8") for path in PAGES}


def blocks(text, language):
    """Code of a page, block by block."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


CODE = {page: found for page, text in TEXTS.items() if (found := blocks(text, "python"))}
#: Pages for readers who have torch.
WITH_TORCH = {"docs/gpu.md"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.torch if page in WITH_TORCH else pytest.mark.slow)
        for page in CODE
    ],
)
def test_python_of_a_page_runs_in_an_empty_folder(page, tmp_path):
    code = "\n".join(CODE[page])
    if "onnxruntime" in code:
        pytest.importorskip("onnxruntime")
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-W", "error::FutureWarning", "-"],
        input=code,
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


DOCSTRINGS = {name: getattr(rhohat, name).__doc__ for name in rhohat.__all__}
EXAMPLES = [name for name, text in DOCSTRINGS.items() if ">>> " in text]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_of_a_docstring_gives_what_it_says(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    example = doctest.DocTestParser().get_doctest(DOCSTRINGS[name], {}, name, None, 0)
    assert doctest.DocTestRunner().run(example).failed == 0, capsys.readouterr().out


def commands(text):
    """What a page says to type: lines that begin with ``rhohat``, and inline code that does."""
    text = re.sub(r"\\\n\s*", "", text)
    lines = re.findall(r"^(?:    )?(?:\S*bin/)?rhohat .*$", text, re.MULTILINE)
    inline = re.findall(r"(?<!`)`(rhohat [a-z][^`\n]*)`", text)
    for line in [*lines, *(words for words in inline if "..." not in words)]:
        words = shlex.split(line, comments=True)[1:]
        if words and words[0] in cli.commands:
            yield words


COMMANDS = [(page, words) for page, text in TEXTS.items() for words in commands(text)]


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=[" ".join(w) for _, w in COMMANDS])
def test_commands_of_a_page_have_the_options_that_they_name(page, words):
    command = cli.commands[words[0]]
    try:
        command.make_context(words[0], words[1:])
        told = ""
    except click.UsageError as error:
        told = error.format_message()
    of_the_reader = re.search("Missing argument|is not a file|does not exist", told)
    assert of_the_reader or not told, told


def anchor(heading):
    """What a heading is linked to by, as GitHub and MyST make it."""
    words = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def anchors(text):
    """Of a page's headings, and those that it names."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    found = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}
    return found | set(re.findall(r"^\(([\w-]+)\)=$", prose, re.MULTILINE))


def links(text):
    """Where a page leads that is no other site."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"\]\(([^)\s]+)\)", prose)
    pictures = re.findall(r"^```\{image\} (\S+)", text, re.MULTILINE)
    return [link for link in found + pictures if not re.match(r"https?:|mailto:", link)]


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_to_files_and_headings_that_there_are(page):
    for link in links(TEXTS[page]):
        target, _, heading = link.partition("#")
        path = (TOP / page).parent / target if target else TOP / page
        made = BUILT & set(path.parts)  # when the docs are built
        assert made or path.exists() or path.with_suffix(".rst").exists(), link
        if heading and path.suffix == ".md":
            assert heading in anchors(path.read_text(encoding="utf-8")), link
