"""Help: options in sections, examples last, and no word cut however narrow the terminal is."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import click

from rhohat.cli.text import LEAST_COLUMN, NARROWEST, wrapped

#: The options of each section, by the names that the commands know them by, the first section
#: first. What is listed nowhere stands in the last one.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Main options": (
        *("auto", "aim", "units", "layers", "rows"),
        *("out", "open_page", "dry_run", "config"),
    ),
    "Data": ("selection", "shape", "order", "on_error", "patch_size", "patches", "color"),
    "Sound": ("sound", "rate", "length", "mels", "window", "hop", "form"),
    "Preprocessing": ("scale", "whitening", "epsilon"),
    "Model": (
        *("activation", "active", "decoder", "penalty"),
        *("target", "sparsity_weight", "weight_decay"),
        *("corruption", "noise", "masked", "transcode"),
    ),
    "Training": (
        *("iterations", "fine_tuning", "fine_decay", "held_out"),
        *("solver", "seed", "threads", "validation", "patience"),
        *("checkpoint", "resume", "dask", "device", "verify"),
    ),
    "Convolution": ("convolve", "stride", "pooling", "grid", "encoding"),
    "Output": ("force", "sources", "as_json"),
    "Other options": (),
}
#: Options up to which they need no sections.
FEW = 9
#: The allowed range that click adds to a description, alone or after the default.
RANGE = re.compile(r"(?:; [^;\[\]]*|\s*\[[^;:\[\]]*)x[<>][^\]]*\]$")
#: What a text leaves to the table of formats: the endings of a group of them.
ENDINGS = re.compile(r"\{endings of (\w+)\}")
#: Where the examples of a help text begin.
EXAMPLES = "\b\nExamples:"
#: Columns from which options and what they do stand beside each other, and what options get.
TWO_COLUMNS, FIRST_COLUMN = 70, 28
#: Columns beyond which help is not wider.
WIDEST = 100


class Formatter(click.HelpFormatter):
    """Writes help; unlike click's, it never cuts a word, nor needs 50 columns."""

    def __init__(self, **options: Any) -> None:
        columns = shutil.get_terminal_size().columns - 1
        super().__init__(width=max(NARROWEST, min(columns, WIDEST)))

    def write_text(self, text: str) -> None:
        """Write paragraphs; those that begin with a backspace keep their lines."""
        room = self.width - self.current_indent
        paragraphs = []
        for paragraph in inspect.cleandoc(text).split("\n\n"):
            keeps_lines = paragraph.startswith("\b\n")
            words = paragraph[2:] if keeps_lines else " ".join(paragraph.split())
            paragraphs.append(wrapped(words, room))
        text = textwrap.indent("\n\n".join(paragraphs), " " * self.current_indent)
        self.write(text + "\n")

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how the command is typed."""
        words = f"Usage: {prog} {args}"
        self.write(textwrap.fill(words, self.width, subsequent_indent="    ") + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms and what they mean, beside each other if there is room."""
        rows = list(rows)
        indent = " " * self.current_indent
        widest = max((len(term) for term, _ in rows), default=0)
        first = min(widest, FIRST_COLUMN) if self.width >= TWO_COLUMNS else 0
        for term, meaning in rows:
            left = f"{indent}{term}"
            hanging = " " * (len(indent) + (first or 4 - col_spacing) + col_spacing)
            room = max(self.width - len(hanging), LEAST_COLUMN)
            lines = wrapped(" ".join(meaning.split()), room).split("\n")
            if len(term) <= first and meaning:
                self.write(f"{left:<{len(hanging)}}{lines.pop(0)}\n")
            else:
                self.write(wrapped(left, self.width) + "\n")
            self.write("".join(f"{hanging}{line}\n" for line in lines if line))


class _Context(click.Context):
    formatter_class = Formatter


class _Documented(click.Command):
    """A command that is explained by the docstring of its function."""

    context_class = _Context

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if options.get("help") is None and options.get("callback") is not None:
            options["help"] = docstring_of(options["callback"])
        super().__init__(*arguments, **options)


class Command(_Documented):
    """A command whose options stand in sections, and whose examples come last."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does."""
        text = inspect.cleandoc(self.help or "").partition(EXAMPLES)[0]
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(ENDINGS.sub(_endings, text.rstrip()))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in SECTIONS}
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        for option in options:
            record = option.get_help_record(ctx)
            if record is not None:
                name, text = record
                text = RANGE.sub(lambda found: "]" if found[0].startswith(";") else "", text)
                sections[section_of(option)].append((name, text))
        if len(options) <= FEW:
            sections = {"Options": [row for rows in sections.values() for row in rows]}
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        _, heading, examples = inspect.cleandoc(self.help or "").partition(EXAMPLES)
        if heading:
            with formatter.section("Examples"):
                formatter.write_text("\b\n" + inspect.cleandoc(examples.lstrip("\n")))


class Group(_Documented, click.Group):
    """The group of all commands, whose help tells of each in a whole sentence."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names of the commands and what they do."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, inspect.cleandoc(command.help or "").partition("\n\n")[0])
                    for name, command in self.commands.items()
                ]
            )


def section_of(parameter: click.Parameter) -> str:
    """The title of the section that an option stands in."""
    from rhohat.cli.options import SELECTION

    name = "selection" if parameter.name in SELECTION else parameter.name
    titles: Iterable[str] = (title for title, names in SECTIONS.items() if name in names)
    return next(iter(titles), list(SECTIONS)[-1])


def _endings(found: re.Match[str]) -> str:
    """The endings that a text asks for."""
    from rhohat.files.formats import endings

    return " ".join(endings(found[1]))


def docstring_of(function: Callable[..., Any]) -> str | None:
    """The docstring, also where ``python -OO`` has left it out: then it is read in the source."""
    inner = inspect.unwrap(function)
    if inner.__doc__ is not None or sys.flags.optimize < 2:
        text: str | None = inner.__doc__
        return text
    try:
        tree = ast.parse(inspect.getsource(sys.modules[inner.__module__]))
    except (OSError, SyntaxError):
        return None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == inner.__name__:
            return ast.get_docstring(node, clean=False)
    return None
