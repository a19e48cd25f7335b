"""Settings on the page: parameters of all steps of the model, and versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rhohat.inspection.report.provenance import parameters_of, trained_steps, versions
from rhohat.inspection.report.subject import Subject


@dataclass(frozen=True)
class SettingsFound:
    """Tables of names and values: parameters of each step, and versions."""

    tables: list[tuple[str, Mapping[str, str]]]


def find_settings(subject: Subject) -> SettingsFound:
    """Settings of all steps of the model."""
    steps = trained_steps(subject.model)
    tables = [(type(step).__name__, parameters_of(step)) for step in steps]
    return SettingsFound([*tables, ("Versions", versions())])


SETTINGS = """
{% for caption, rows in found.tables %}
<table>
  <caption>{{ caption }}</caption>
  <tbody>
  {% for name, value in rows.items() %}
  <tr><th scope="row">{{ name }}</th><td>{{ value }}</td></tr>
  {% endfor %}
  </tbody>
</table>
{% endfor %}
"""
