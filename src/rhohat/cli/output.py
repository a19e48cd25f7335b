"""Output of commands: to a file, or to standard output."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from rhohat.cli.text import printable

if TYPE_CHECKING:
    from rhohat.inspection.report.page import Report

STANDARD_OUTPUT = Path("-")


def output_option(default: str | None, help_: str) -> Callable[..., Any]:
    """The option ``--out`` of a command that writes one file; required without a default."""
    return click.option(
        "-o",
        "--out",
        type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
        default=default,
        required=default is None,
        help=help_,
    )


def open_standard_streams() -> None:
    """Prepare the process's standard streams for whatever is written to them.

    Streams that are closed lead to nowhere; else the next file that is opened would take their
    place, and what is printed would go into it. What the encoding lacks is escaped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def drop_standard_output() -> None:
    """Let what is still to be written to standard output go nowhere, if it cannot be written."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # ValueError: it was closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_in_browser(page: Path) -> None:
    """Show a page; if there is no browser, say where it is."""
    import webbrowser

    if not webbrowser.open(page.absolute().as_uri()):
        click.echo(f"note: no browser was found; open {printable(page)} yourself", err=True)


def echo_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2))


def page_options(title: str | None = None, told: str = "") -> Callable[..., Any]:
    """Options of a command that writes one page, beside `output_option`.

    Parameters
    ----------
    title : str, default=None
        Heading by default; None if it depends on what is shown.
    told : str, default=""
        What help says of it then.
    """
    text = "Title of the page." + (f"  [default: {told}]" if told else "")
    titled = click.option("--title", default=title, help=text)
    opened = click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
    return lambda command: titled(opened(command))


def check_page(out: Path, open_page: bool, as_json: bool = False) -> None:
    """Raise UsageError if a page is to go to standard output and cannot."""
    if out != STANDARD_OUTPUT:
        return
    if open_page:
        raise click.UsageError(
            "--open needs a file, but the page goes to standard output: leave out --open, or name "
            "a file with -o."
        )
    if as_json:
        raise click.UsageError(
            "--json and the page cannot both go to standard output: name a file for the page with "
            "-o."
        )


def write_page(page: Report, out: Path, open_page: bool, *, is_told: bool = True) -> None:
    """Write a page, say so unless something else is printed, and open it if asked."""
    with binary_output(out, f"report of {len(page.html) / 1e6:.1f} MB", is_told=is_told) as stream:
        stream.write(page.html.encode())
    if open_page:
        open_in_browser(out)


@contextmanager
def binary_output(path: Path, what: str, *, is_told: bool = True) -> Iterator[IO[bytes]]:
    """A stream for a file, which is replaced once all is written, or for standard output."""
    from rhohat.common.writing import replacing

    if path == STANDARD_OUTPUT:
        if sys.__stdout__ is None:
            raise OSError(errno.EBADF, "it is closed", "standard output")
        if sys.stdout.isatty():
            raise click.UsageError(
                "standard output is a terminal: pipe it to a program, or name a file with -o."
            )
        buffer = BytesIO()
        yield buffer
        sys.stdout.buffer.write(buffer.getbuffer())
        return
    with replacing(path) as stream:
        yield stream
    if is_told:
        click.echo(f"{what} written to {printable(path)}")
