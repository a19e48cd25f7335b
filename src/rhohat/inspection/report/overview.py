"""The overview that a page opens with: what was learned, whether it is good, what to do next."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rhohat.common.pictures import data_uri, gray_levels, tile_grid
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.estimators.measures import SAME
from rhohat.inspection.diagnosis import ASPECTS, Diagnosis
from rhohat.inspection.portrait import View
from rhohat.inspection.report.confusion import find_confusion
from rhohat.inspection.report.subject import Subject

#: Units in the picture of all units.
PICTURED = 400


@dataclass(frozen=True)
class Judged:
    """A layer, and what was found of it.

    Attributes
    ----------
    name : str
        "layer 2", for instance; empty for a model's only layer.
    told : str
        What was learned, in sentences.
    facts : str
        Measures of it, in a sentence.
    aspects : mapping of str to str
        "good", "note" or "mistake" by what is judged, in words.
    diagnosis : Diagnosis or None
    """

    name: str
    told: str
    facts: str
    aspects: Mapping[str, str]
    diagnosis: Diagnosis | None


@dataclass(frozen=True)
class Overview:
    """What a reader should know first.

    Attributes
    ----------
    state : {"good", "mistake", "unknown"}
    verdict : str
    layers : list of Judged
    steps : mapping of str to sequence of str
        Lines to be copied, by what they do.
    made : str
        When, and in which time.
    picture : str
        The address of a picture of all units; empty if they are not pictures.
    """

    state: str
    verdict: str
    layers: list[Judged]
    steps: Mapping[str, Sequence[str]]
    made: str
    picture: str


def find_overview(subject: Subject) -> Overview:
    """What there is to say about all layers up to this one, the last."""
    layers = list(_from_below(subject))
    judged = [_judged(layer) for layer in layers]
    state, verdict = _verdict(subject, judged)
    return Overview(
        state,
        verdict,
        judged,
        {name: lines for name, lines in subject.making.steps.items() if lines},
        _made(subject.making.seconds),
        picture_of(subject.portrait.views[0]),
    )


def learned_sentence(subject: Subject) -> str:
    """What a layer has learned, from which data."""
    return " ".join(_learned(subject))


def title_of(subject: Subject) -> str:
    """What a page is called."""
    data = subject.making.data
    return f"{subject.layer.n_units:,} features" + (f" of {data}" if data else "")


def picture_of(view: View) -> str:
    """The address of a picture of a layer's first units; empty if they are not pictures."""
    values, shape, *_ = view.tiles
    if shape is None:
        return ""
    return data_uri(gray_levels(tile_grid(values[:PICTURED].reshape(-1, *shape))))


def _from_below(subject: Subject) -> Iterator[Subject]:
    if subject.below is not None:
        yield from _from_below(subject.below)
    yield subject


def _judged(subject: Subject) -> Judged:
    diagnosis = subject.diagnosis
    aspects = {} if diagnosis is None else diagnosis.aspects
    if not hasattr(subject.layer.estimator, "loss_curve_"):  # nothing is known of its training
        aspects.pop("training", None)
    return Judged(
        subject.layer.name,
        learned_sentence(subject),
        _facts(subject) if diagnosis is None else diagnosis.facts,
        {ASPECTS[name]: state for name, state in aspects.items()},
        diagnosis,
    )


def _verdict(subject: Subject, judged: Sequence[Judged]) -> tuple[str, str]:
    """Whether the features are good, in a word and in a sentence: that of the worst layer."""
    diagnosed = [(layer.name, layer.diagnosis) for layer in judged if layer.diagnosis is not None]
    if diagnosed:
        name, worst = min(diagnosed, key=lambda each: (each[1].is_good, not each[1].findings))
        where = f"{name.capitalize()}: " if name and not worst.is_good else ""
        return "good" if worst.is_good else "mistake", where + worst.verdict
    if subject.responses is None:
        return (
            "unknown",
            "No data were given, so this page cannot tell whether the features are good.",
        )
    confusion = find_confusion(subject)
    if confusion is not None:
        usual = max(row.n for row in confusion.classes) / confusion.n_rows
        told = f"right for {confusion.accuracy:.1%} of {confusion.n_rows:,} labeled examples"
        beside = f"always guessing the most common class would be right for {usual:.1%}"
        return (
            "good" if confusion.accuracy > usual else "mistake",
            f"The classifier is {told}; {beside}.",
        )
    n_dead = len(subject.responses.dead)
    if n_dead:
        what = (
            f"{n_dead:,} of {subject.layer.n_units:,} units are dead: they respond alike to all "
            "examples."
        )
        return "mistake", f"The features can be better. {what}"
    return "unknown", "All units are alive; labels would show how well the features classify."


def _learned(subject: Subject) -> Iterator[str]:
    """What units look for, in sentences."""
    portrait, k, responses = subject.portrait, subject.layer.n_units, subject.responses
    estimator = subject.layer.estimator
    if getattr(estimator, "n_dead_", None) == k:
        yield "Nothing was learned: every unit responds alike to all examples."
        return
    if responses is None:
        yield f"{k:,} units were learned."
    elif isinstance(estimator, StackedAutoencoderClassifier):
        classes = len(estimator.classes_)
        yield (
            f"{k:,} units have learned to distinguish {classes} classes; this page shows "
            f"{responses.examples.words}."
        )
    elif subject.layer.predicted is not None:
        yield f"{k:,} units have learned to predict the targets of {responses.examples.words}."
    else:
        yield f"{k:,} units have learned to reconstruct {responses.examples.words}."
    if portrait.edges is not None:
        yield f"{round(portrait.edges.edge_share * k)} of them look for edges."
    if portrait.chromatic is not None:
        yield f"{int(np.sum(portrait.chromatic))} of them look for colors."
    if subject.replication is not None:
        n_same = int((subject.replication >= SAME).sum())
        yield f"{n_same} of them recur in fits from other random starts."
    if portrait.bands is not None:
        yield f"{int(portrait.bands.is_clear.sum())} of them look for one band of frequencies."


def _facts(subject: Subject) -> str:
    """Measures of a layer that there is no diagnosis of, in a sentence."""
    facts, average, target = [], subject.layer.average, subject.target
    if average is not None and target is not None:
        low = subject.layer.activation.range[0]
        share = (float(average.mean()) - low) / (target - low)
        facts.append(f"their average activation is {share:.2f} times its target")
    if subject.responses is not None:
        facts.append(f"{len(subject.responses.dead)} of {subject.layer.n_units:,} are dead")
    told = "; ".join(facts)
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _made(seconds: float | None) -> str:
    """When the page was made, and how long learning took.

    With SOURCE_DATE_EPOCH, which asks for the same bytes whenever they are made, that is the date,
    and how long it took is left out.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = time.gmtime(int(epoch)) if epoch else time.localtime()
    took = "" if seconds is None or epoch else f"Learned in {seconds:,.1f} s. "
    return f"{took}Page made on {time.strftime('%Y-%m-%d', when)}."


OVERVIEW = """
<details class="opening {{ found.state }}" open>
<summary>{{ found.verdict }}</summary>
{% if found.picture %}
<img src="{{ found.picture }}" alt="A grid of tiles, one for each unit">
{% endif %}
<div class="told">
{% for layer in found.layers %}
{% if layer.name %}
<h2>{{ layer.name | capitalize }}</h2>
{% endif %}
<p>{{ layer.told }} {{ layer.facts }}</p>
{% if layer.aspects %}
<ul class="aspects" aria-label="What was judged">
{% for aspect, state in layer.aspects.items() %}
<li class="{{ state }}">{{ aspect }} <span class="unseen">({{ state }})</span></li>
{% endfor %}
</ul>
{% endif %}
{% if layer.diagnosis and layer.diagnosis.findings %}
<ol>
{% for finding in layer.diagnosis.findings %}
<li><strong>{{ finding.text }}</strong> {{ finding.evidence }} {{ finding.next_step }}</li>
{% endfor %}
</ol>
{% endif %}
{% endfor %}
{% if found.state == "good" %}
<p>Next: look through the gallery below, then put the features to use.</p>
{% endif %}
{% if found.steps %}
<dl class="steps">
{% for name, lines in found.steps.items() %}
<dt>{{ name }}</dt>
<dd><pre tabindex="0" aria-label="{{ name }}" data-copied>{{ lines | join("\n") }}</pre></dd>
{% endfor %}
</dl>
{% endif %}
<p class="made">{{ found.made }}</p>
</div>
</details>
"""
