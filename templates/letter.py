"""The one HTML layout of every email: no pictures, no outside resources, readable without styles."""

from __future__ import annotations

import html
import re
from functools import cache, lru_cache
from importlib import resources
from typing import Final

import jinja2

from templates import dress, fallback, languages, skeleton

# Noncharacters mark the holes while Jinja renders the layout; no text may contain them (Unicode 23.7).
_HOLE: Final = re.compile("\ufdd0(\\w+)\ufdd1")

#: In the plain part of an email: the mark that mail programs know as "here ends the message" (RFC 3676, 4.3).
FOOTER_MARK: Final = "\n\n-- \n"
_URL: Final = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")


@cache
def layout(lang: str, direction: languages.Direction, footer_direction: languages.Direction) -> skeleton.Skeleton:
    """Render the layout once for a language, with the holes ``title``, ``lead``, ``body`` and ``footer`` left open."""
    source = (resources.files("templates") / "layouts" / "email.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    holes = {name: f"\ufdd0{name}\ufdd1" for name in ("title", "lead", "body", "footer")}
    page = environment.from_string(source).render(lang=lang, dir=direction, footer_dir=footer_direction, **holes)
    found = _HOLE.split(page)
    return skeleton.Skeleton(tuple(found[::2]), tuple(found[1::2]))


def from_plain(text: str, *, title: str, language: str) -> str:
    """Make the HTML part of an email from its stored plain part: the same words, paragraphs and links, nothing more."""
    lead, body, footer = _parts(text, language)
    # An author's Urdu may stand over our English footer: each part runs as its own letters do.
    page = layout(language, dress.direction_of(body, language), dress.direction_of(footer, language))
    parts = {
        "lead": lead,
        "body": dress.paragraphs(body.strip(), _paragraph),
        "footer": dress.paragraphs(footer.strip(), _paragraph),
    }
    return page.fill({"title": html.escape(title.strip()), **parts})  # a title is bare text: no tag may stand in it


def _parts(text: str, language: str) -> tuple[str, str, str]:
    """Take a letter apart. Above English there may be a line in the family's language, which runs its own way."""
    body, _, footer = text.partition(FOOTER_MARK)
    first, blank, rest = body.strip().partition("\n\n")
    spoken = fallback.language_of(first) if blank and language == languages.ENGLISH else None
    if spoken is None:
        return "", body, footer
    return f'<p lang="{spoken}" dir="{languages.direction(spoken)}">{_paragraph(first)}</p>\n', rest, footer


@lru_cache(maxsize=1024)  # most paragraphs of a notice are the same for all families of a language
def _paragraph(text: str) -> str:
    return _URL.sub(lambda url: f'<a href="{url[0]}">{url[0]}</a>', dress.paragraph(text))
