"""Properties that are computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T_co = TypeVar("T_co", covariant=True)


class cached_property(Generic[T_co]):
    """A property that is computed when it is first asked for, and then kept by its object.

    That of `functools` holds a lock, for all objects of a class, before Python 3.12: threads that
    work on different objects wait for one another, and a child that is forked meanwhile finds the
    lock taken for ever.
    """

    def __init__(self, function: Callable[[Any], T_co]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any]) -> T_co: ...

    def __get__(self, instance: object, owner: type[Any]) -> Self | T_co:
        if instance is None:
            return self
        value = self.function(instance)
        vars(instance)[self.name] = value  # found there from now on, before this is asked
        return value
