"""The group of all commands, and how errors become one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import click

import rhohat
from rhohat.cli.check import check
from rhohat.cli.compare import compare
from rhohat.cli.diagnose import diagnose
from rhohat.cli.encode import encode
from rhohat.cli.evaluate import evaluate
from rhohat.cli.exercise import exercise
from rhohat.cli.explore import explore
from rhohat.cli.export import export
from rhohat.cli.help import Command, Group
from rhohat.cli.inspect import inspect
from rhohat.cli.learn import learn
from rhohat.cli.output import drop_standard_output, open_standard_streams
from rhohat.cli.report import make_report
from rhohat.cli.score import score
from rhohat.cli.show import show
from rhohat.cli.stack import stack
from rhohat.cli.text import EXIT_FAILED, exit_code_of, printable, printable_lines, shortened, tell
from rhohat.common.interrupts import interrupts_raised

#: Errors by which our code and its libraries say that a file, the data, a setting or the machine is
#: not as it must be; all others are defects.
EXPECTED = (OSError, ValueError, MemoryError, FloatingPointError, ImportError)

#: What click raises, from version 8.2 on, where help is shown since there is nothing to do.
NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())


def tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the version, which is looked up only then."""
    if asked:
        click.echo(f"rhohat, version {rhohat.__version__}")
        context.exit()


@click.group(
    cls=Group,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
    },
    commands=[
        *(learn, stack, explore, exercise, diagnose, show, make_report, compare),
        *(encode, score, evaluate, inspect, export, check),
    ],
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=tell_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Learn features from unlabeled data with sparse autoencoders.

    \b
    Start with:
      rhohat learn                   edges, from ten built-in photographs
      rhohat learn my-photographs/   features of your own photographs
      rhohat learn --help            other data, and all settings

    \b
    Exit codes:
      0    success; files that could not be read are listed
      1    failure
      2    wrong usage
      130  interrupted by Ctrl-C (143 by SIGTERM, 129 by SIGHUP)

    A second signal ends the process at once.
    """
    if sys.prefix != sys.base_prefix:  # matplotlib's list of fonts stays in a virtual environment
        os.environ.setdefault("MPLCONFIGDIR", str(Path(sys.prefix, "var", "matplotlib")))


@cli.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that sets up tab completion in SHELL.

    \b
    For this session:
      bash    eval "$(rhohat completion bash)"
      zsh     eval "$(rhohat completion zsh)"
      fish    rhohat completion fish | source
    To keep it, add the line to ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish.
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(cli, {}, "rhohat", "_RHOHAT_COMPLETE").source())


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    open_standard_streams()
    try:
        with interrupts_raised():
            # On Windows, where the shell does not expand wildcards, click does.
            cli(standalone_mode=False)
            sys.stdout.flush()
    except click.ClickException as error:
        if isinstance(error, NO_ARGUMENTS):  # its message is the help
            error.show()
            sys.exit(error.exit_code)
        tell(f"rhohat: {shortened(printable_lines(error.format_message()))}", err=True)
        context = getattr(error, "ctx", None)
        if context is not None:
            tell(f"For help: {context.command_path} --help", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as end:
        click.echo("interrupted", err=True)
        raised = end.__cause__ if isinstance(end, click.Abort) else end
        sys.exit(exit_code_of(getattr(raised, "number", signal.SIGINT)))
    except BrokenPipeError:  # the reader of standard output has what it wanted
        drop_standard_output()
        sys.exit(EXIT_FAILED)
    except Exception as error:
        drop_standard_output()
        if os.environ.get("RHOHAT_DEBUG") == "1":
            traceback.print_exc()
        tell(f"rhohat: {shortened(printable(message(error)))}", err=True)
        sys.exit(EXIT_FAILED)


def message(error: BaseException) -> str:
    """What went wrong, and with which file; a defect is told as one."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fspath(error.filename)}: {error.strerror}"
    if not isinstance(error, EXPECTED):
        return (
            "this is a bug in rhohat; please report it with the traceback that the environment "
            f"variable RHOHAT_DEBUG=1 shows: {type(error).__name__}: {error}"
        )
    return str(error) or type(error).__name__
