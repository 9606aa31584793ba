"""Who rings, and what may be said to them: whose children, in which languages, and whether the office is there.

A network does not prove the number that it shows, so a caller hears no more than first names, and only where the
number is one contact's alone. Whoever is barred from a child never hears of that child; nor does anybody else by a
phone that a barred person shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from itertools import islice

import sqlalchemy as sa

from channels import base, calls_in
from channels.base import Medium
from gateway import context, people, tongues
from gateway.absence import talks
from gateway.database import Session
from gateway.models import Contact, ContactPoint, PointKind, PointState
from gateway.models.types import core
from gateway.phone_line import dialogue
from scheduler import calendar
from templates import languages, line, phrases, states, translations

_MOST_LANGUAGES = 3  #: that one greeting can offer


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose number it is, if it is one contact's."""

    contact: Contact | None
    children: Sequence[dialogue.Child]


async def who(session: Session, gateway: context.Gateway, number: str) -> Caller:
    """Look a number up."""
    point = core(ContactPoint).c
    owners = sa.select(point.contact_id).where(
        point.address == number, point.kind == PointKind.PHONE, point.state != PointState.WRONG
    )
    query = sa.select(Contact).where(core(Contact).c.id.in_(owners)).limit(2)
    found = (await session.scalars(query)).all() if number else []
    if len(found) != 1 or found[0].deceased:
        return Caller(None, ())
    return Caller(found[0], await _children(session, found[0].id or 0, gateway.today()))


async def _children(session: Session, contact_id: int, today: date) -> list[dialogue.Child]:
    """The children of whom a contact may tell unasked, by the rule that texts and mails have too; the eldest first."""
    mine, _ = await talks.answered_for(session, [contact_id], today=today)
    known = await people.load(session, today=today, pupil_ids=sorted(mine))
    eldest = sorted(known.pupils.values(), key=lambda child: (child.born or date.max, child.id))
    return [dialogue.Child(child.id, child.called) for child in eldest]


def situation(gateway: context.Gateway, phone: calls_in.PhoneLine, caller: Caller) -> dialogue.Situation:
    """What the dialogue may know of a caller, now."""
    settings = gateway.settings.phone_line
    today, days = gateway.today(), gateway.year.days
    over = not days.is_school_day(today) or gateway.now() >= gateway.year.ends(today, gateway.timezone)
    coming = list(islice(days.days_after(today), dialogue.MOST_DAYS))
    reportable = (coming if over else [today, *coming])[: dialogue.MOST_DAYS]
    opens = _opens(gateway)
    can_report = gateway.settings.absence.enabled and bool(reportable)
    return dialogue.Situation(
        languages=_languages(gateway, phone, caller.contact),
        children=caller.children if can_report else (),
        days=reportable,
        office=bool(settings.office_number) and opens is None,
        opens=opens,
    )


def office(gateway: context.Gateway) -> base.Office:
    """Whom somebody reaches who wants to speak to a person, now. It is said in English, as the call is."""
    settings, opens = gateway.settings.phone_line, _opens(gateway)
    says = partial(line.say, language=languages.ENGLISH)
    why = says("closed", opens=opens) if opens else says("nobody")
    return base.Office(
        number="" if opens else settings.office_number,
        ring_seconds=settings.ring_s,
        through=says("through"),
        nobody=f"{why} {says('reported')}",
    )


def _opens(gateway: context.Gateway) -> datetime | None:
    """When the office opens next, on the school's clock; None while it is open, or where no school day is in sight."""
    settings, today, now = gateway.settings.phone_line, gateway.today(), gateway.now()

    kept = gateway.year.office
    office_opens = kept.opens if kept else time.fromisoformat(settings.office_opens)
    office_closes = kept.closes if kept else time.fromisoformat(settings.office_closes)

    def moment(wall: datetime) -> datetime:
        return calendar.to_utc(wall, gateway.timezone)

    opens = datetime.combine(today, office_opens)
    if gateway.year.days.is_school_day(today):
        if now < moment(opens):
            return opens
        if now < moment(datetime.combine(today, office_closes)):
            return None
    later = next(gateway.year.days.days_after(today), None)
    return datetime.combine(later, office_opens) if later else None


def _languages(gateway: context.Gateway, phone: calls_in.PhoneLine, contact: Contact | None) -> Sequence[str]:
    """The languages of a call: the caller's own first, then the school's and English; a stranger may choose others.

    As in calls of ours: a draft only where the school allows it, and only what there is a voice for.
    """
    own = gateway.settings.school.language
    school = gateway.school()
    theirs = tongues.chain(Medium.VOICE, contact, own, school.instead) if contact else ()
    understood = [one for one in _spoken(gateway, phone, theirs) if one != languages.ENGLISH]
    wanted = [*understood, *(() if understood else theirs[:1]), own, languages.ENGLISH]
    if contact is None or not (contact.written_language or contact.spoken_language):
        wanted += sorted(translations.languages_available())
    found = dict.fromkeys(_spoken(gateway, phone, wanted))
    return list(found)[:_MOST_LANGUAGES]


def _spoken(gateway: context.Gateway, phone: calls_in.PhoneLine, wanted: Sequence[str]) -> Iterator[str]:
    for language in wanted:
        used = phrases.language_for("line", language)
        trusted = gateway.settings.languages.allow_drafts or states.trusted(phrases.state("line", used))
        yield used if trusted and phone.speaks(used) else languages.ENGLISH
