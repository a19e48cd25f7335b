"""Exit codes, and text: safe to print, and numbers with their units."""

from __future__ import annotations

from rhohat.common.printable import printable, printable_lines, shortened

__all__ = ["count", "duration", "gibibytes", "printable", "printable_lines", "shortened"]

EXIT_FAILED = 1


def exit_code_of(number: int) -> int:
    """What a command exits with that a signal has ended, as shells number it: 130 for SIGINT."""
    return 128 + number


def count(number: int, noun: str) -> str:
    """A number with its noun, which is in the plural unless the number is 1; series stay series."""
    is_plural = number != 1 and not noun.endswith("s")
    return f"{number:,} {noun}{'s' if is_plural else ''}"


def gibibytes(n_bytes: float) -> str:
    """Bytes of memory, in GiB or MiB."""
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
