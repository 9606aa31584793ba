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
from templates import dress, fallback, languages, phrases, states, translations

MEDIA = (Medium.SMS, Medium.EMAIL, Medium.VOICE)


@dataclass(frozen=True, slots=True)
class Told:
    """One praise, the child's name in it, and its words in other languages."""

    praise: Praise
    child: str
    versions: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_free(self) -> bool:
        """Whether the teacher's words are all that there is: there is no sentence of ours."""
        return self.praise.kind == kinds.OTHER


@dataclass(frozen=True, slots=True)
class Frame:
    """What all definitions of a day have in common."""

    key: str
    pupils: Sequence[str]
    until: datetime  #: the school's own time, without a time zone


def day(frame: Frame) -> model.Definition:
    """The day's notice, as it is kept; each family's own words are in their messages."""
    return _definition(frame, kinds.template(kinds.OTHER), {"news": "What each teacher wrote.", "staff": "The school"})


def of(frame: Frame, told: Sequence[Told], school: wording.School, *, fuller: bool = True) -> model.Definition:
    """What is said of these children, in the order in which it was praised.

    ``fuller``  the teachers' own words, too, where there is a sentence of ours
    """
    praises = [one.praise for one in told]
    template = _common(told) or kinds.template(kinds.OTHER)
    sentences = template == kinds.template(kinds.OTHER)
    tags = [languages.ENGLISH, *translations.languages_available()]
    news = {tag: _news(told, tag, school, sentences=sentences, fuller=fuller) for tag in tags}
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


def _news(told: Sequence[Told], tag: str, school: wording.School, *, sentences: bool, fuller: bool) -> str:
    """The lines of a message in a language."""
    ours = tag if _may_say(tag, school) else languages.ENGLISH
    several = len({one.praise.pupil_id for one in told}) > 1
    lines, english = list[str](), ours != tag and sentences
    for one in told:
        said = one.versions.get(tag, one.praise.words) if fuller or one.is_free else ""
        english |= bool(said) and tag not in one.versions
        whole = said
        if sentences and not one.is_free:
            ready = phrases.praise(one.praise.kind, ours, child=one.child, since=one.praise.since)
            # English words and an Urdu sentence on one line would get into each other's way.
            apart = "\n" if languages.direction(ours) == "rtl" and tag not in one.versions else " "
            whole = f"{ready}{apart}{said}".strip()
        elif said and several and one.child not in said:
            whole = f"{one.child}: {said}"
        if whole:
            lines.append(whole)
    if english and lines and languages.base(tag) != languages.ENGLISH:
        lines.append(_as_value(fallback.line("sms", tag, school_phone=school.phone)))
    return "\n".join(filter(None, lines))


def _as_value(line: str) -> str:
    """A line with marks that a value may carry: without any, a reader of Urdu sees the number's groups turned round."""
    isolates = (dress.FIRST_STRONG_ISOLATE, dress.POP_ISOLATE)
    return line.translate(dict.fromkeys(map(ord, isolates), dress.LEFT_TO_RIGHT_MARK))


def _may_say(tag: str, school: wording.School) -> bool:
    if phrases.language_for("praise", tag) == languages.ENGLISH:
        return False
    return school.allow_drafts or states.trusted(phrases.state("praise", tag))
