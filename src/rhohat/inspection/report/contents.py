"""Contents: which of the user's data a page holds, in one line, for who sends it to others."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from rhohat.common.printable import first_of
from rhohat.inspection.examples import PieceExamples, SoundExamples
from rhohat.inspection.report.findings import Findings
from rhohat.inspection.report.names import without_folder
from rhohat.inspection.report.sections import Card
from rhohat.inspection.report.subject import Subject

#: Files that are named.
NAMED = 12
#: Bytes of a sample of sound on a page, and of the header of its file.
SAMPLE, HEADER = 2, 44


def contents_of(found: Findings, subject: Subject, cards: Sequence[Card]) -> str:
    """Which photographs, sounds or rows a page shows parts of; empty if it was given none."""
    if subject.responses is None:
        return ""
    if found.examples is None:
        return "It shows none of the data."
    examples, shown = subject.responses.examples, found.examples
    rows = np.unique(np.concatenate([shown.rows, *(card.rows for card in cards)]))
    if not isinstance(examples, PieceExamples):
        maps = "" if examples.scene is None else " and maps of the scene"
        return f"It shows {len(rows):,} rows of the data{maps}."
    anatomy = examples.layer.anatomy
    images = [examples.places(rows).image, *(card.images for card in cards)]
    every = without_folder(examples.names)
    names = [every[number] for number in np.unique(np.concatenate(images)).tolist()]
    takes = anatomy.takes or (anatomy.extractor and anatomy.extractor.takes)
    assert takes is not None
    counted = f"{len(names):,} {takes.noun if len(names) == 1 else takes.kind}"
    details = {image.details for image in found.images if image.picture}
    has_copies = bool(details) or len(np.concatenate(images[1:])) > 0
    copies = ("copies and " if any(details) else "reduced copies and ") if has_copies else ""
    told = f"It shows {copies}parts of {counted}"
    if isinstance(examples, SoundExamples) and shown.sounds:
        sizes = (len(base64.b64decode(sound)) - HEADER for sound in shown.sounds if sound)
        told += f" and contains {sum(sizes) / SAMPLE / examples.sound.rate:.0f} s of their sound"
    return f"{told}: {first_of(names, NAMED)}."
