"""Rows of tables that have a parameter."""

from __future__ import annotations

from typing import Any, ClassVar, Self


class WithParameter:
    """A row with a parameter, which scikit-learn's clone and grid search reach.

    Two of a class are equal if their parameters are.
    """

    #: The key in the table.
    name: str
    #: The parameter's name, which is that of an attribute.
    parameter: ClassVar[str]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameter, for scikit-learn's clone and grid search."""
        return {self.parameter: getattr(self, self.parameter)}

    def set_params(self, **params: Any) -> Self:
        """Change the parameter, as scikit-learn's grid search does: ``activation__n_active``."""
        unknown = params.keys() - self.get_params()
        if unknown:
            name = type(self).__name__
            raise ValueError(
                f"{name} has only the parameter {self.parameter}, got {sorted(unknown)}."
            )
        vars(self).update(params)
        return self

    @property
    def _key(self) -> Any:
        """The parameter, as it is compared and told."""
        return getattr(self, self.parameter)

    def __repr__(self) -> str:
        value = getattr(self, self.parameter)
        return f"{type(self).__name__}({'' if value is None else value})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WithParameter):
            return False
        return type(other) is type(self) and other._key == self._key

    def __hash__(self) -> int:
        return hash((type(self), self._key))

    @property
    def words(self) -> str:
        """What decides what it does: the name, and the parameter."""
        return f"{self.name} {self._key}"
