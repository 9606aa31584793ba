"""Several notices to one family in one text or one email: their own words, in order, each with its heading.

Nothing is added that would need a language: the notices are written in the family's own already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from templates import letter, segments

_ISOLATES: Final = "\u2066\u2067\u2068\u2069"
_LONGEST_SUBJECT: Final = 120
_BETWEEN: Final = " · "


@dataclass(frozen=True, slots=True)
class Said:
    """One notice in a family's words, as it would go by itself."""

    subject: str
    body: str


def texts(said: Sequence[Said], *, school: str, most_parts: int) -> list[tuple[str, int]]:
    """One text, or as few as it takes with so many parts at most: each with how many of the notices it holds."""
    found, begins = list[tuple[str, int]](), 0
    while begins < len(said):
        ends = begins + 1
        while ends < len(said) and segments.count(_text(said[begins : ends + 1], school)).parts <= most_parts:
            ends += 1
        found.append((_text(said[begins:ends], school), ends - begins))
        begins = ends
    return found


def _text(said: Sequence[Said], school: str) -> str:
    if len(said) == 1:
        return said[0].body
    lines = [f"{number}) {_without(school, one.body)}" for number, one in enumerate(said, 1)]
    return segments.tidy("\n".join([f"{school}:", *lines]))


def _without(school: str, text: str) -> str:
    """A text without the school's name before it, which stands above all of them already."""
    bare = text.lstrip(_ISOLATES)
    if not bare.startswith(school):
        return text
    rest = bare.removeprefix(school).lstrip(_ISOLATES)
    return rest[1:].lstrip() if rest[:1] == ":" else text


def email(said: Sequence[Said], *, school: str) -> Said:
    """One email: the subjects in its own, each again as a heading; what all begin or end with, and a footer, once."""
    parts = [one.body.partition(letter.FOOTER_MARK) for one in said]
    bodies = [body.strip().split("\n\n") for body, _, _ in parts]
    opening, closing = _alike([body[:1] for body in bodies]), _alike([body[1:][-1:] for body in bodies])
    blocks = [*opening]
    for number, (one, body) in enumerate(zip(said, bodies, strict=True), 1):
        blocks += [f"{number}. {_without(school, one.subject)}", *body[len(opening) : len(body) - len(closing)]]
    footer = next((footer for _, _, footer in reversed(parts) if footer), "")
    whole = "\n\n".join([*blocks, *closing]) + (letter.FOOTER_MARK + footer if footer else "")
    return Said(_subject([_without(school, one.subject) for one in said], school), whole)


def _alike(paragraphs: Sequence[list[str]]) -> list[str]:
    """The paragraph that all of them are, or none."""
    return paragraphs[0] if all(one == paragraphs[0] for one in paragraphs) else []


def _subject(subjects: Sequence[str], school: str) -> str:
    whole = f"{school}: {_BETWEEN.join(dict.fromkeys(subjects))}"
    return whole if len(whole) <= _LONGEST_SUBJECT else whole[: _LONGEST_SUBJECT - 1].rstrip() + "…"
