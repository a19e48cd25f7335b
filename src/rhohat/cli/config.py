"""Options as text: a configuration file that sets them, a command line that repeats them."""

from __future__ import annotations

import difflib
import shlex
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from rhohat.cli.text import printable

#: Options that do not change what is learned.
WITHOUT_EFFECT = ("out", "as_json", "dry_run", "checkpoint", "resume", "dask", "verify", "threads")


def reproducing_command(context: click.Context) -> str:
    """The command line that gives the same result, including options of a configuration file."""
    words: list[str] = []
    paths: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        chosen = context.get_parameter_source(name) in (
            ParameterSource.COMMANDLINE,
            ParameterSource.DEFAULT_MAP,
        )
        value = context.params.get(name)
        if not chosen or name not in context.params or name in WITHOUT_EFFECT:
            continue
        if isinstance(option, click.Argument):
            paths = [str(path) for path in value or ()]
        elif isinstance(option, click.Option) and option.multiple:
            words += [word for text in value or () for word in (option.opts[0], str(text))]
        elif isinstance(option, click.Option) and option.is_flag:
            words.append(option.opts[0] if value else option.secondary_opts[0])
        else:
            shown = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [option.opts[0], shown]
    return shlex.join(["rhohat", context.info_name or "", *paths, *words])


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
            _refuse(f"{shown} sets {key!r}, which is no option of {context.info_name}{hint}")
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
    context.default_map = {**(context.default_map or {}), **defaults}


def _refuse(message: str) -> NoReturn:
    raise click.BadParameter(message, param_hint="--config")


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    help="TOML file of options, such as 'units = 196'; options on the command line win over it.",
)
