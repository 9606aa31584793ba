"""``handbell words coverage``: which notice comes in which language, and for how many of the school's families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway

Medium = Literal["sms", "email", "voice"]


def coverage(
    ctx: typer.Context,
    medium: Annotated[Medium, typer.Option("--medium", help="How the notices would go.")] = "sms",
    json: options.Json = False,
) -> None:
    """Show which notices come in which language, by the school's own families, and what was forgotten.

    A notice is as far read as the weakest of its texts. Without settings it counts no families.
    """
    from templates import catalogue
    from templates import coverage as found

    school = _school(ctx, medium)
    rows = [_language(tag, number, school, medium) for tag, number in _by_number(school.families)]
    notices = [one._asdict() for one in found.shares(school.families, medium, voices=school.voices)]
    stale = catalogue.stale()
    if json:
        drafts = school.allow_drafts
        showing.data({"medium": medium, "allow_drafts": drafts, "languages": rows, "notices": notices, "stale": stale})
        return
    _show_languages(rows, medium)
    if school.families:
        _show_notices(notices, allow_drafts=school.allow_drafts)
        if medium == "voice":
            showing.say("What is recorded for languages without a voice is not counted: handbell voice status.")
    for sentence in stale:
        showing.say(sentence)


@dataclass(frozen=True, slots=True)
class _School:
    """How many contacts read or hear each language, whether drafts may go, and what there is a voice for."""

    families: Mapping[str, int] = field(default_factory=dict[str, int])
    allow_drafts: bool = False
    voices: frozenset[str] = frozenset()


def _school(ctx: typer.Context, medium: Medium) -> _School:
    """Nobody, where there are no settings."""
    from config import problems

    try:
        settings = opening.settings(ctx)
    except problems.ConfigError:
        return _School()

    async def job(gateway: Gateway) -> _School:
        from gateway import people
        from templates import languages

        async with gateway.database.read() as session:
            spoken, usual = medium == "voice", settings.school.language
            families = await people.languages(session, spoken=spoken, otherwise=usual)
        return _School(families, settings.languages.allow_drafts, frozenset(filter(gateway.speaks, languages.table())))

    return opening.work(ctx, job)


def _by_number(families: Mapping[str, int]) -> list[tuple[str, int]]:
    """Every language that there are words in or families of, the commonest first."""
    from templates import catalogue, languages, pofiles

    tags = {languages.ENGLISH, *pofiles.paths(catalogue.locale()), *families}
    return sorted(((tag, families.get(tag, 0)) for tag in tags), key=lambda pair: (-pair[1], pair[0]))


def _language(tag: str, number: int, school: _School, medium: Medium) -> dict[str, object]:
    from templates import coverage, languages

    states = Counter(state for (_, by), state in coverage.of(tag).items() if by == medium)
    return {
        "language": tag,
        "name": languages.english(tag),
        "families": number,
        "reviewed": states["reviewed"] + states["source"],
        "draft": states["draft"] + states["machine"],
        "missing": states["missing"],
        "voice": tag in school.voices,
    }


def _show_languages(rows: Sequence[Mapping[str, Any]], medium: Medium) -> None:
    names = ("name", "families", "reviewed", "draft", "missing")
    figures = [[*(row[name] for name in names), "yes" if row["voice"] else "no"] for row in rows]
    columns = ("language", "families", "reviewed", "draft", "missing", "voice")
    showing.table(columns, figures, title=f"Notices by {medium}", right=", ".join(columns[1:5]))


def _show_notices(notices: Sequence[Mapping[str, Any]], *, allow_drafts: bool) -> None:
    share = [
        [row["notice"], *(f"{row[name]:.0%}" for name in ("own", "reviewed", "draft", "missing"))] for row in notices
    ]
    columns = ("notice", "in their language", "reviewed", "draft", "missing")
    showing.table(columns, share, title="Families who would get it", right=", ".join(columns[1:]))
    if allow_drafts:
        showing.say("Drafts are sent (languages.allow_drafts).")
    else:
        showing.say("Drafts are not sent: English goes instead, with a line in the family's language.")
