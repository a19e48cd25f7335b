"""Options as text: a configuration file that sets them, a command line that repeats them."""

from __future__ import annotations

import difflib
import glob
import os
import shlex
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from rhohat.cli.options import Names, Numbers
from rhohat.cli.text import printable
from rhohat.files.runs import Run

#: Options that do not change what is learned, and those that change the page alone.
WITHOUT_EFFECT = (
    *("out", "force", "open_page", "as_json", "dry_run"),
    *("checkpoint", "resume", "dask", "verify", "threads"),
)
OF_THE_PAGE = ("sources",)
#: Paths of one folder from which on a pattern stands for all of them.
MANY = 3


def reproducing_command(
    context: click.Context, command: str | None = None, without: Sequence[str] = ()
) -> str:
    """The command line that gives the same result, including options of a configuration file.

    It can be shown to anybody: of absolute paths, it tells what lies below their common folder,
    which it calls ``$DIR``. It may be that of another command, without options that this one lacks.
    """
    paths = paths_of(context)
    words = [_word(word, paths) for word in _words_of(context, (*WITHOUT_EFFECT, *without))]
    return " ".join(["rhohat", command or context.info_name or "", *shown_paths(paths), *words])


def typed_command(context: click.Context, instead_of: Sequence[str] = ()) -> str:
    """The same command line with the paths as they were typed, and without some options."""
    others = [
        option.name or "" for option in context.command.params if {*option.opts} & {*instead_of}
    ]
    words = _words_of(context, without=(*WITHOUT_EFFECT, *others))
    told = [*typed_paths(paths_of(context)), *(shlex.quote(str(word)) for word in words)]
    return " ".join(["rhohat", context.info_name or "", *told])


def typed_paths(paths: Sequence[Path]) -> list[str]:
    """Words for paths as they were typed; many files of a folder are one pattern."""
    return _patterns(paths, lambda path: shlex.quote(str(path)))


def run_of(context: click.Context) -> Run:
    """The run that a command line asks for.

    One that is kept in a checkpoint stays the same when it is resumed with more iterations.
    """
    resumed = ("iterations",) if context.params.get("checkpoint") else ()
    words = _words_of(context, without=(*WITHOUT_EFFECT, *OF_THE_PAGE, *resumed))
    told = [str(word.absolute()) if isinstance(word, Path) else word for word in words]
    return Run.of(told, paths_of(context), reproducing_command(context))


def without_folders(command: str, paths: Sequence[Path]) -> str:
    """A command line in which paths are told as `reproducing_command` tells them."""
    for path in paths:
        command = command.replace(shlex.quote(str(path)), _word(path, paths))
    return command


def paths_of(context: click.Context) -> list[Path]:
    """The paths that a command was given as arguments."""
    return [
        path
        for argument in context.command.params
        if isinstance(argument, click.Argument)
        for path in context.params.get(argument.name or "") or ()
    ]


def _words_of(context: click.Context, without: Sequence[str]) -> list[str | Path]:
    """The options that were chosen, as words; paths stay paths."""
    words: list[str | Path] = []
    for option in context.command.params:
        name = option.name or ""
        chosen = context.get_parameter_source(name) in (
            ParameterSource.COMMANDLINE,
            ParameterSource.DEFAULT_MAP,
        )
        value = context.params.get(name)
        if not chosen or name not in context.params or name in without:
            continue
        if not isinstance(option, click.Option):
            continue
        if option.multiple:
            words += [word for text in value or () for word in (option.opts[0], str(text))]
        elif option.is_flag:
            words += (option.opts if value else option.secondary_opts)[:1]
        else:
            between = "," if isinstance(option.type, (Names, Numbers)) else "x"
            shown = between.join(map(str, value)) if isinstance(value, tuple) else value
            words += [option.opts[0], shown if isinstance(shown, Path) else str(shown)]
    return words


def shown_paths(paths: Sequence[Path]) -> list[str]:
    """Words for paths, of which none is absolute, and many files of a folder are one pattern."""
    return _patterns(paths, lambda path: _word(path, paths))


def _patterns(paths: Sequence[Path], word: Callable[[Path], str]) -> list[str]:
    shown: dict[str, None] = {}
    beside: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        beside.setdefault((path.parent, path.suffix), []).append(path)
    for path in paths:
        folder, suffix = path.parent, path.suffix
        those = beside[folder, suffix]
        pattern = ""
        if len(those) > MANY and sorted(folder.glob(f"*{glob.escape(suffix)}")) == sorted(those):
            pattern = f"*{suffix}"
        shown[f"{word(folder)}/{pattern}" if pattern else word(path)] = None
    return list(shown)


def _word(word: str | Path, paths: Sequence[Path]) -> str:
    """A word as it is typed; an absolute path below ``$DIR``, the folder of all that are."""
    if not isinstance(word, Path) or not word.is_absolute():
        return shlex.quote(str(word))
    with suppress(ValueError):
        return shlex.quote(str(word.relative_to(Path.cwd())))
    folders = {path.parent for path in paths if path.is_absolute()} or {word.parent}
    try:
        below = word.relative_to(os.path.commonpath(folders))
    except ValueError:  # on another drive, or elsewhere
        below = Path(word.name)
    quoted = "" if below == Path() else f"/{shlex.quote(below.as_posix())}"
    return f'"$DIR"{quoted}'


def read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Take options from a TOML file as defaults; those on the command line win."""
    if path is None:
        return
    shown = printable(path)
    try:
        if not path.is_file():
            _refuse(f"{shown} is not a file.")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        _refuse(f"{shown}: {error.strerror}.")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _refuse(f"{shown} is not TOML: {error}.")
    switches = {
        switch.removeprefix("--"): (option, switch not in option.secondary_opts)
        for option in context.command.params
        if isinstance(option, click.Option) and option is not parameter
        for switch in (*option.opts, *option.secondary_opts)
        if switch.startswith("--")
    }
    defaults: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("_", "-")
        if name not in switches:
            like = difflib.get_close_matches(name, sorted(switches), n=1)
            hint = f"; did you mean {like[0]}?" if like else "."
            _refuse(f"{shown} sets {key!r}, which is not an option of {context.info_name}{hint}")
        option, is_on = switches[name]
        if option.name in defaults:
            _refuse(f"{shown} sets --{name} twice.")
        many = option.multiple and isinstance(value, list)
        if many and not any(isinstance(part, (list, dict, bool)) for part in value):
            defaults[option.name] = tuple(map(str, value))
            continue
        if option.is_flag != isinstance(value, bool) or isinstance(value, (list, dict)):
            expected = "true or false" if option.is_flag else "a text or a number"
            expected += ", or a list of them" if option.multiple else ""
            _refuse(f"{shown} sets {key} to {value!r}, expected {expected}.")
        # As text, as on the command line, so that 3.7 is not taken for an integer.
        text = (str(value),) if option.multiple else str(value)
        defaults[option.name] = value == is_on if option.is_flag else text
        if not (option.is_flag or option.multiple):
            try:
                option.type_cast_value(context, defaults[option.name])
            except click.BadParameter as error:
                _refuse(f"{shown} sets --{name} to {value!r}: {error.message}")
    context.default_map = {**(context.default_map or {}), **defaults}


def _refuse(message: str) -> NoReturn:
    raise click.BadParameter(message, param_hint="--config")


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    help="TOML file of options, such as 'units = 196'; options on the command line override it.",
)
