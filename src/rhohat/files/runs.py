"""Runs: folders that ``rhohat learn`` has written; none is learned from, or lost to another run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Results(NamedTuple):
    """Files that learning writes, the most interesting first."""

    report: Path = Path("report.html")
    features: Path = Path("features.png")
    features_svg: Path = Path("features.svg")
    training: Path = Path("training.png")
    model: Path = Path("model.safetensors")

    def within(self, folder: Path) -> Results:
        """The same files in a folder."""
        return Results(*(folder / file for file in self))


RESULTS = Results()
#: The file that says which run a folder holds, and characters of it that are read at most.
MARK, LONGEST = Path("rhohat-run.json"), 100_000


@dataclass(frozen=True)
class Run:
    """One run of ``rhohat learn``: settings, applied to data.

    Attributes
    ----------
    identity : str
        A checksum of settings and paths of the data, as absolute paths, none of which it tells.
    command : str
        The command line, for people.
    """

    identity: str
    command: str

    @classmethod
    def of(cls, settings: list[str], paths: list[Path], command: str) -> Run:
        """The run of settings, as words, on the data at some paths."""
        words = [*settings, *(str(path.absolute()) for path in paths)]
        content = json.dumps(words).encode()
        return cls(hashlib.sha256(content).hexdigest(), command)

    @classmethod
    def within(cls, folder: Path) -> Run | None:
        """The run that a folder holds; None if it holds none, or does not say which."""
        try:
            with (folder / MARK).open(encoding="utf-8") as stream:
                told = json.loads(stream.read(LONGEST))
            return cls(str(told["run"]), str(told["command"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def mark(self, folder: Path) -> None:
        """Say in a folder that it holds this run."""
        from rhohat.common.writing import write_whole

        told = {"run": self.identity, "command": self.command}
        write_whole(folder / MARK, (json.dumps(told, indent=2) + "\n").encode())


def holds_run(folder: Path) -> bool:
    """Whether ``rhohat learn`` has written into a folder."""
    is_older = (folder / RESULTS.model).is_file() and (folder / RESULTS.report).is_file()
    return is_older or (folder / MARK).is_file()


def is_result(path: Path) -> bool:
    """Whether ``rhohat learn`` has written a file."""
    return path.name in {str(file) for file in RESULTS} and holds_run(path.parent)
