"""Channels of series, chosen by their names or numbers."""

from __future__ import annotations

from collections.abc import Sequence

from rhohat.common.errors import DataFileError
from rhohat.common.printable import first_of

#: Channels that an error lists.
LISTED = 20


def chosen_channels(names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Numbers of the channels that are meant, in the order asked for; all if none is named.

    Parameters
    ----------
    names : sequence of str
        Of all channels; their numbers, counted from 0, where a file has no names.
    wanted : sequence of str or None
        Names, or numbers counted from 0.

    Raises
    ------
    DataFileError
        If there is none of this name, or several, or if one is asked for twice.
    """
    if not names:
        raise DataFileError("holds no channels")
    if wanted is None:
        return list(range(len(names)))
    chosen = []
    for name in wanted:
        found = [number for number, other in enumerate(names) if other == name]
        if not found and name.isdecimal() and int(name) < len(names):
            found = [int(name)]
        if len(found) != 1 or found[0] in chosen:
            reason = (
                "asked for twice" if found and found[0] in chosen else "not one of its channels"
            )
            raise DataFileError(
                f"has {len(names)} channels: {first_of(names, LISTED)}. {name!r} is "
                f"{reason if len(found) < 2 else 'the name of several: give its number from 0'}"
            )
        chosen += found
    return chosen
