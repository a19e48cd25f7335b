"""Choices of options: the names in a table, as it is when the choices are asked for."""

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
    """The name of a row in a table, which may grow after the command is defined.

    Parameters
    ----------
    module, table : str
        Module that holds the table, and the table's name in it.
    refused : str, default=""
        Name of a table in the same module: names that are asked for elsewhere and cannot be rows,
        and why.
    """

    name = "choice"

    def __init__(self, module: str, table: str, refused: str = "") -> None:
        self.module = module
        self.table = table
        self.refused = refused

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of all rows."""
        return tuple(names_in(self.module, self.table))

    def get_metavar(self, *arguments: Any, **options: Any) -> str | None:
        """Names of all rows, separated by bars, for the help."""
        return click.Choice(self.choices).get_metavar(*arguments, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse."""
        if self.refused and value not in self.choices:
            reasons: dict[str, str] = getattr(importlib.import_module(self.module), self.refused)
            if value in reasons:
                self.fail(reasons[value], param, ctx)
        return click.Choice(self.choices).convert(value, param, ctx)

    def shell_complete(self, *arguments: Any) -> Any:
        """Names that begin with what was typed."""
        return click.Choice(self.choices).shell_complete(*arguments)


def names_in(module: str, table: str) -> Iterable[str]:
    """Names of the rows of a table, without importing scikit-learn if that can be avoided.

    As long as its module has not been imported, a table has the rows that the source spells out and
    no others; they are read there. If the source does not spell them out, the module is imported.
    """
    if module not in sys.modules:
        names = _names_in_source(module, table)
        if names is not None:
            return names
    rows: dict[str, Any] = getattr(importlib.import_module(module), table)
    return rows


def _names_in_source(module: str, table: str) -> list[str] | None:
    """Keys of a dict as a module's source spells them out; None if it does not."""
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
