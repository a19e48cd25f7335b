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
from docs.regenerate import JOBS

import rhohat
from rhohat.cli.main import cli
from rhohat.files.formats import FORMATS

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


def test_every_format_is_in_the_docs():
    text = " ".join(TEXTS[page] for page in TEXTS if page.startswith("docs"))
    assert [name for name, row in FORMATS.items() if row.suffixes[0] not in text] == []


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
    """What a page says to type: lines, and inline code, that begin with a command of ``rhohat``."""
    text = re.sub(r"\\\n\s*", "", text)
    names = "|".join(cli.commands)
    lines = re.findall(rf"^(?:    )?(?:\S*bin/)?rhohat (?:{names})\b.*$", text, re.MULTILINE)
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


#: A cell that holds something measured: a number with a point, a share, a time or a memory.
MEASURED = re.compile(r"\s*(?:not in )?[-~]?\d[\d,]*(?:\.\d|\s?(?:%|(?:s|ms|min|MiB|GB)\b))")
#: First cells of tables of settings, thresholds and the like, which nobody has measured.
CHOSEN = ("KL of the average activation", "range", "gray images")


def measuring(text):
    """Commands of a page that print or draw what it says, in full."""
    inline = re.findall(r"(?<!`)`([^`]+)`(?!`)", text)
    lines = [line.partition("#")[0] for code in blocks(text, "sh") for line in code.splitlines()]
    for words in (" ".join(command.split()) for command in (*inline, *lines)):
        found = re.search(r"python (?:benchmarks/\w+|docs/pictures)\.py.*", words)
        if found:
            yield found[0]
    yield from (line.strip() for line in lines if line.startswith("rhohat exercise "))


def blanked(code):
    """As many characters, and lines, of nothing."""
    return re.sub(r"[^\n]", " ", code[0])


def measured_tables(text):
    """What a page says around each table of which half is measured, and the table's first cell.

    That is its section, and what comes before the first of them.
    """
    prose = re.sub(r"^```.*?^```", blanked, text, flags=re.DOTALL | re.MULTILINE)
    prologue = text.partition("\n## ")[0]
    for table in re.finditer(r"(?:^\|.*\n)+", prose, re.MULTILINE):
        rows = [row.strip("|").split("|") for row in table[0].splitlines()[2:]]
        cells = [cell for row in rows for cell in row[1:] if cell.strip()]
        if 2 * sum(bool(MEASURED.match(cell)) for cell in cells) < max(len(cells), 1):
            continue
        begin, end = prose[: table.start()].rfind("\n## "), prose.find("\n## ", table.end())
        section = text[max(begin, 0) : end if end > 0 else None]
        yield prologue + section, rows[0][0].strip()


PAGES_OF_NUMBERS = {page: text for page, text in TEXTS.items() if not page.startswith("docs/adr")}


@pytest.mark.parametrize("page", PAGES_OF_NUMBERS)
def test_what_a_page_measures_can_be_regenerated(page):
    known = {job.command for job in JOBS.values()}
    assert set(measuring(PAGES_OF_NUMBERS[page])) - known == set()


def test_what_can_be_regenerated_stands_in_the_docs():
    told = {command for text in TEXTS.values() for command in measuring(text)}
    assert {job.command for job in JOBS.values()} - told == set()


def test_every_table_of_numbers_names_its_command():
    unnamed = [
        (page, first)
        for page, text in PAGES_OF_NUMBERS.items()
        for section, first in measured_tables(text)
        if not first.startswith(CHOSEN) and not set(measuring(section))
    ]
    assert unnamed == []


def test_every_figure_is_drawn_by_a_command():
    drawn = {image for job in JOBS.values() for image in job.images}
    assert drawn == {path.name for path in (TOP / "docs" / "images").glob("*.png")}
