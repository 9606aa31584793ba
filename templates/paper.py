"""Letters on paper: one page of HTML for a batch, from which a PDF is made. Nothing in it is fetched from anywhere."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import jinja2
import markupsafe

from templates import dress, fallback, formats, languages


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter: the words as an email has them, without its footer; ``address`` from the name to the postcode."""

    reference: str
    language: str
    address: Sequence[str]
    text: str
    day: datetime.date


def page(letters: Sequence[Letter], *, school: str, school_lines: Sequence[str]) -> str:
    """Give the HTML of a batch, a sheet or more for each letter."""
    style = markupsafe.Markup(_style())  # noqa: S704  # nosec B704
    return _layout().render(
        title=school,
        style=style,
        school=school,
        school_lines=school_lines,
        letters=[_shown(letter) for letter in letters],
    )


def _shown(letter: Letter) -> dict[str, object]:
    lead, body = _parts(letter.text, letter.language)
    spoken = fallback.language_of(lead) if lead else None
    used = letter.language or languages.ENGLISH
    escaped = markupsafe.Markup(dress.paragraphs(body, dress.paragraph))  # noqa: S704  # nosec B704
    return {
        "reference": letter.reference,
        "language": used,
        "direction": dress.direction_of(body, used),
        "address": letter.address,
        "date": formats.long_date(letter.day, used),
        "lead": lead,
        "lead_language": spoken or used,
        "lead_direction": languages.direction(spoken or used),
        "body": escaped,
    }


def _parts(text: str, language: str) -> tuple[str, str]:
    """The line in the family's own language that may stand above English words, and the rest."""
    first, blank, rest = text.strip().partition("\n\n")
    if blank and language == languages.ENGLISH and fallback.language_of(first):
        return first, rest
    return "", text.strip()


@cache
def _layout() -> jinja2.Template:
    source = (resources.files("templates") / "layouts" / "paper.html").read_text("utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)


@cache
def _style() -> str:
    return (resources.files("templates") / "layouts" / "paper.css").read_text("utf-8")
