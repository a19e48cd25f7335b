"""The verdict that a page opens with: what was learned, whether it is good, what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rhohat.estimators.measures import SAME
from rhohat.inspection.diagnosis import Diagnosis
from rhohat.inspection.report.subject import Subject


@dataclass(frozen=True)
class Verdict:
    """What was learned, in sentences, and what speaks against it."""

    learned: str
    diagnosis: Diagnosis


def find_verdict(subject: Subject) -> Verdict | None:
    """What was learned, and the diagnosis, if there is one."""
    if subject.responses is None or subject.diagnosis is None:
        return None
    return Verdict(learned_sentence(subject), subject.diagnosis)


def learned_sentence(subject: Subject) -> str:
    """What a layer has learned; empty without examples."""
    if subject.responses is None:
        return ""
    return " ".join(_learned(subject, len(subject.responses.examples)))


def _learned(subject: Subject, n_examples: int) -> Iterator[str]:
    """What units look for, in sentences."""
    portrait, k = subject.portrait, subject.layer.n_units
    if getattr(subject.layer.estimator, "n_dead_", None) == k:
        yield "Nothing was learned: all units do the same, whatever the example."
        return
    yield f"{k:,} units have learned to rebuild {n_examples:,} examples."
    if portrait.edges is not None:
        yield f"{round(portrait.edges.edge_share * k)} of them look for edges."
    if subject.replication is not None:
        n_same = int((subject.replication >= SAME).sum())
        yield f"{n_same} of them come back from other starts."
    if portrait.bands is not None:
        yield f"{int(portrait.bands.is_clear.sum())} of them look for one band of frequencies."


VERDICT = """
<details class="opening" open>
<summary>{{ found.diagnosis.verdict }}</summary>
<p>{{ found.learned }} {{ found.diagnosis.facts }}</p>
{% if found.diagnosis.findings %}
<ol>
{% for finding in found.diagnosis.findings %}
<li><strong>{{ finding.text }}</strong> {{ finding.evidence }} {{ finding.next_step }}</li>
{% endfor %}
</ol>
{% else %}
<p>Next: look through the gallery, and give the features to what they are for.</p>
{% endif %}
</details>
"""
