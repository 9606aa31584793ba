"""All of a family's praise as one message: a definition whose words are ready for every language that there is.

Where all of it is of one kind, it is that kind's own notice. Several kinds stand in ``good_news``, a sentence for each.
The teacher's own words stand in English unless the service has put them into the language, with the line beside them
that says where help to read them is to be had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from channels.base import Medium
from gateway import wording
from gateway.definitions import model
from gateway.good_news import kinds
from gateway.models import Praise, Purpose
from templates import fallback, languages, phrases, states, translations

MEDIA = (Medium.SMS, Medium.EMAIL, Medium.VOICE)


@dataclass(frozen=True, slots=True)
class Told:
    """One praise, the child's name in it, and its words in other languages."""

    praise: Praise
    child: str
    versions: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Frame:
    """What all definitions of a day have in common."""

    key: str
    pupils: Sequence[str]
    until: datetime  #: the school's own time, without a time zone


def day(frame: Frame) -> model.Definition:
    """The day's notice, as it is kept; each family's own words are in their messages."""
    return _definition(frame, kinds.template(kinds.OTHER), {"news": "What each teacher wrote.", "staff": "The school"})


def of(frame: Frame, told: Sequence[Told], school: wording.School, *, own_words: bool = True) -> model.Definition:
    """What is said of these children, in the order in which it was praised."""
    praises = [one.praise for one in told]
    template = _common(told) or kinds.template(kinds.OTHER)
    sentences = template == kinds.template(kinds.OTHER)
    tags = [languages.ENGLISH, *translations.languages_available()]
    news = {tag: _news(told, tag, school, sentences=sentences, own_words=own_words) for tag in tags}
    given: dict[str, Any] = {"staff": ", ".join(dict.fromkeys(one.staff for one in praises))}
    if news[languages.ENGLISH]:
        given["news"] = news
    if kinds.has_since(praises[0].kind) and not sentences:
        given["since"] = praises[0].since
    return _definition(frame, template, given)


def _definition(frame: Frame, template: str, given: Mapping[str, Any]) -> model.Definition:
    return model.Definition.model_validate(
        {
            "key": frame.key,
            "title": "Good news",
            "purpose": Purpose.GOOD_NEWS,
            "template": template,
            "values": dict(given),
            "audience": {"pupils": list(frame.pupils)},
            "media": list(MEDIA),
            "valid": {"until": frame.until},
        }
    )


def _common(told: Sequence[Told]) -> str:
    """The wording that says all of it, ``""`` where it takes a sentence for each."""
    same = {(one.praise.kind, one.praise.since) for one in told}
    return kinds.template(told[0].praise.kind) if len(same) == 1 else ""


def _news(told: Sequence[Told], tag: str, school: wording.School, *, sentences: bool, own_words: bool) -> str:
    """The lines of a message in a language."""
    ours = tag if _may_say(tag, school) else languages.ENGLISH
    several = len({one.praise.pupil_id for one in told}) > 1
    lines, english = list[str](), ours != tag and sentences
    for one in told:
        said = one.versions.get(tag, one.praise.words) if own_words else ""
        english |= bool(said) and tag not in one.versions
        whole = said
        if sentences and one.praise.kind != kinds.OTHER:
            ready = phrases.praise(one.praise.kind, ours, child=one.child, since=one.praise.since)
            whole = f"{ready} {said}".strip()
        elif said and several and one.child not in said:
            whole = f"{one.child}: {said}"
        if whole:
            lines.append(whole)
    if english and lines and languages.base(tag) != languages.ENGLISH:
        lines.append(fallback.line("sms", tag, school_phone=school.phone))
    return "\n".join(filter(None, lines))


def _may_say(tag: str, school: wording.School) -> bool:
    if phrases.language_for("praise", tag) == languages.ENGLISH:
        return False
    return school.allow_drafts or states.trusted(phrases.state("praise", tag))
