"""Rendering: from findings to one HTML file that needs nothing else."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from rhohat.common.printable import encodable
from rhohat.inspection.report.findings import Findings, as_json
from rhohat.inspection.report.sections import Card

#: Scripts of the page, in order: functions are known to all, values to the files that follow.
SCRIPTS = (
    *("pictures.js", "charts.js", "page.js", "state.js", "notes.js", "saving.js"),
    *("projector.js", "printing.js", "sheet.js", "computing.js", "trying.js", "start.js"),
)


def render(
    found: Findings,
    cards: Sequence[Card],
    *,
    title: str,
    subtitle: str,
    strip: str,
    contents: str = "",
) -> str:
    """Lay findings out as a page.

    The page allows its own style and script, by their hashes, pictures and sounds that are part of
    it, and nothing else: whatever texts the findings hold, they stay texts.

    Parameters
    ----------
    found : Findings
    cards : sequence of Card
    title, subtitle : str
    strip : str
        Address of a picture of all units that is shown if scripts are off; may be empty.
    contents : str, default=""
        Which of the user's data the page holds.
    """
    from jinja2 import Environment, StrictUndefined  # here, since it takes 0.1 s
    from markupsafe import Markup

    style, script = _text("page.css"), "\n".join(map(_text, SCRIPTS))
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            "media-src data:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    def content(card: Card) -> Markup:
        template = environment.from_string(card.section.html)
        return Markup(template.render(found=card.found, subject=card.subject))

    gallery = found.layers[0].views[0]
    page = environment.from_string(_text("page.html")).render(
        found=found,
        cards=[(card, content(card)) for card in cards],
        title=title,
        subtitle=subtitle,
        strip=strip,
        contents=contents,
        version=version("rhohat"),
        gallery_title=gallery.title,
        data=_inert(as_json(found)),
        style=style,
        script=script,
        policy=policy,
    )
    return encodable(page)


def _text(name: str) -> str:
    return (files("rhohat.inspection.report") / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """What a Content-Security-Policy calls a script or style."""
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


def _inert(found: dict[str, Any]) -> str:
    """JSON that no parser of HTML or scripts can take for anything else."""
    text = json.dumps(found, allow_nan=False, separators=(",", ":"))  # ASCII: U+2028 is escaped
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
