"""How to make the model again: the command, the code, and the fingerprint of its data."""

from __future__ import annotations

from dataclasses import dataclass

from rhohat.inspection.report.provenance import code_of, trained_steps
from rhohat.inspection.report.subject import Subject


@dataclass(frozen=True)
class AgainFound:
    """Code that makes the model, and the fingerprint of the data that it was made of."""

    code: str
    fingerprint: str | None


def find_again(subject: Subject) -> AgainFound:
    """Code and fingerprint of the whole model."""
    trained = (getattr(step, "data_fingerprint_", None) for step in trained_steps(subject.model))
    return AgainFound(
        code_of(subject.model, subject.making.reading), next(filter(None, trained), None)
    )


AGAIN = """
{% if subject.making.command %}
<p>On the command line:</p>
<pre tabindex="0" aria-label="Command" data-copied>{{ subject.making.command }}</pre>
{% if '"$DIR"' in subject.making.command %}
<p>DIR is the folder of the data.</p>
{% endif %}
{% endif %}
<p>In Python{% if found.fingerprint %}, on rows with the fingerprint
<code title="{{ found.fingerprint }}">{{ found.fingerprint[:12] }}</code>{% endif %}:</p>
<pre tabindex="0" aria-label="Python" data-copied>{{ found.code }}</pre>
"""
