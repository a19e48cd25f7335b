"""``rhohat diagnose``: whether a model has learned features and, if not, what to change."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.data import load_on, read_for
from rhohat.cli.help import Command
from rhohat.cli.options import (
    data_options,
    device_option,
    json_option,
    model_argument,
)
from rhohat.cli.output import echo_json
from rhohat.cli.progress import show_work
from rhohat.cli.text import printable_lines, tell

if TYPE_CHECKING:
    from rhohat.inspection.diagnosis import Diagnosis
    from rhohat.recipes.data import Request


@click.command(cls=Command)
@model_argument
@json_option
@device_option
@data_options("inputs")
def diagnose(path: Path, as_json: bool, device: str, request: Request) -> None:
    """Check whether MODEL has learned features of INPUTS and, if not, why.

    Each finding gives what was measured, the threshold, and one change to make, both in Python and
    as an option of learn. INPUTS should be the data that the model learned from; they are read as
    learn reads them. Without INPUTS, a model of patches is judged on the built-in photographs.

    \b
    Examples:
      rhohat diagnose rhohat-out/model.safetensors
      rhohat diagnose own/model.safetensors holidays/
    """
    from rhohat.inspection.diagnosis import diagnose as diagnosis_of

    model = load_on(path, device)
    data = read_for(path, model, request)
    with show_work("looking for problems"):
        diagnosis = diagnosis_of(model, data.content)
    if as_json:
        echo_json(diagnosis_facts(diagnosis))
    else:
        tell(printable_lines(diagnosis))


def diagnosis_facts(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis, ready for JSON."""
    findings = []
    for finding in diagnosis.findings:
        change = finding.change
        told = {"python": change.python, "option": change.option} if change is not None else None
        findings.append({**asdict(finding), "change": told, "told": str(finding)})
    return {
        "good": diagnosis.is_good,
        "verdict": diagnosis.verdict,
        "facts": diagnosis.facts,
        "findings": findings,
    }
