"""Choices of options: the rows of a table, as they are when somebody asks."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable
from importlib.abc import InspectLoader
from importlib.util import find_spec
from typing import Any

import click


class RowOf(click.ParamType):
    """A name of a row in a table, which may grow after the command is defined.

    Parameters
    ----------
    module, table : str
        Where the table is.
    """

    name = "choice"

    def __init__(self, module: str, table: str) -> None:
        self.module = module
        self.table = table

    @property
    def choices(self) -> tuple[str, ...]:
        """The names."""
        return tuple(rows_of(self.module, self.table))

    def get_metavar(self, *arguments: Any, **options: Any) -> str | None:
        """How help shows it: the names, with bars between them."""
        return click.Choice(self.choices).get_metavar(*arguments, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        return click.Choice(self.choices).convert(value, param, ctx)

    def shell_complete(self, *arguments: Any) -> Any:
        """Names that begin as what is typed."""
        return click.Choice(self.choices).shell_complete(*arguments)


def rows_of(module: str, table: str) -> Iterable[str]:
    """Names of the rows of a table, without a wait for scikit-learn where that can be spared.

    A module that nobody has imported yet holds the rows in its source and no others: help reads
    them there. A table whose names are not spelled out is imported.
    """
    if module not in sys.modules:
        names = _rows_in_source(module, table)
        if names is not None:
            return names
    rows: dict[str, Any] = getattr(importlib.import_module(module), table)
    return rows


def _rows_in_source(module: str, table: str) -> list[str] | None:
    """Keys of a dict that a module's source spells out; None if there is no such dict."""
    spec = find_spec(module)
    if spec is None or not isinstance(spec.loader, InspectLoader):
        return None
    for statement in ast.parse(spec.loader.get_source(module) or "").body:
        match statement:
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(keys=keys))
                | ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys))
            ):
                names = [key.value for key in keys if isinstance(key, ast.Constant)]
                if name == table and len(names) == len(keys):
                    return list(map(str, names))
    return None
