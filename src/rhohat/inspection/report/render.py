"""Rendering: from what was found to one HTML file that needs nothing else."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rhohat.common.printable import encodable
from rhohat.inspection.report.findings import Findings, as_json
from rhohat.inspection.report.sections import Card

if TYPE_CHECKING:
    from jinja2 import Environment

#: Scripts that every page has.
SHARED = ("pictures.js", "charts.js", "shared.js")
#: Those of a report, in order: functions are known to all, values to the files that follow.
SCRIPTS = (
    *(*SHARED, "copying.js", "examples.js", "classes.js", "scene.js"),
    *("reconstructions.js", "maps.js", "gabor.js", "page.js", "state.js", "notes.js", "saving.js"),
    *("projector.js", "printing.js", "sheet.js", "computing.js", "trying.js", "start.js"),
)
STYLES = ("examples.css", "confusion.css")


def render(
    found: Findings,
    cards: Sequence[Card],
    *,
    title: str,
    subtitle: str,
    contents: str = "",
) -> str:
    """Lay findings out as the page of a report.

    Parameters
    ----------
    found : Findings
    cards : sequence of Card
    title, subtitle : str
    contents : str, default=""
        Which of the user's data the page holds.
    """
    from markupsafe import Markup

    environment = _environment()

    def content(card: Card) -> Markup:
        template = environment.from_string(card.section.template)
        return Markup(
            template.render(found=card.found, subject=card.subject, of_layer=card.of_layer)
        )

    return filled(
        "page.html",
        found,
        SCRIPTS,
        styles=STYLES,
        cards=[(card, content(card)) for card in cards],
        title=title,
        subtitle=subtitle,
        contents=contents,
        gallery_title=found.layers[0].views[0].title,
    )


def filled(
    template: str,
    found: Any,
    scripts: Sequence[str],
    *,
    styles: Sequence[str] = (),
    contents: str = "",
    **texts: Any,
) -> str:
    """Fill in a template that extends frame.html.

    The page allows its own style and script, by their hashes, pictures and sounds that are part of
    it, and nothing else: whatever texts the findings hold, they stay texts.

    Parameters
    ----------
    template : str
        Name of its file.
    found : dataclass
        What the scripts work on, and the template knows by this name.
    scripts, styles : sequence of str
        Names of files; the first style is page.css.
    contents : str, default=""
        Which of the user's data the page holds.
    **texts
        What else the template knows: title and subtitle, and what it asks for.
    """
    style = "\n".join(map(_text, ("page.css", *styles)))
    script = "\n".join(map(_text, scripts))
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
    page = (
        _environment()
        .get_template(template)
        .render(
            found=found,
            contents=contents,
            version=version("rhohat"),
            data=_inert(as_json(found)),
            style=style,
            script=script,
            policy=policy,
            **texts,
        )
    )
    return encodable(page)


def _environment() -> Environment:
    """Templates that lie beside this file, in which every text is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # here, since it takes 0.1 s

    return Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


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
