"""What has worked with a contact, out of the rows themselves: what was tried, when, in which language, and what came of
it. What is remembered of it (:class:`gateway.models.WhatWorks`) puts the ladder of its notices into another order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium, Reason
from gateway import audit, context, people, points, upsert
from gateway.database import Session
from gateway.freshness import choosing
from gateway.freshness.choosing import Outcome, Try, Way
from gateway.models import Attempt, Contact, Message, MessageState, Pupil, Reply, Run, WhatWorks
from gateway.models.types import core

LOOK_BACK: Final = timedelta(days=180)  #: what is older says little of how a family lives now
ANSWERED_WITHIN: Final = timedelta(hours=4)  #: a question that is unanswered for so long counts as silence
_AGAIN_AFTER: Final = timedelta(hours=20)
_AT_ONCE: Final = 50
_STILL_NEW: Final = timedelta(days=2)
_USUAL: Final = (Medium.SMS, Medium.EMAIL, Medium.VOICE)
_WENT: Final = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.FAILED)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of how a contact is reached. ``hour`` is that of the day at which it answers mostly."""

    contact_id: int
    tries: Sequence[Try] = field(default_factory=tuple)
    media: Sequence[Medium] = ()
    because: str = ""
    hour: int | None = None

    def sentences(self) -> list[str]:
        """The reasons, in plain words."""
        told = [choosing.summed(self.tries, medium) for medium in _USUAL]
        if self.hour is not None:
            told.append(f"answers mostly at about {self.hour} o'clock")
        return [*filter(None, told), *([self.because] if self.because else [])] or ["nothing has been tried yet"]


def hours(gateway: context.Gateway) -> list[time]:
    """The hours at which something is tried again."""
    return [time.fromisoformat(one) for one in gateway.settings.freshness.hours] or [time(17, 30)]


async def profiles(session: Session, gateway: context.Gateway, contact_ids: Collection[int]) -> dict[int, Profile]:
    """What has worked with each of these contacts."""
    tries = await tried(session, gateway, contact_ids)
    answers = await _answer_hours(session, gateway, contact_ids)
    found = dict[int, Profile]()
    for contact_id in contact_ids:
        made = tries.get(contact_id, [])
        media, because = choosing.order(made, _USUAL)
        hour = answers[contact_id].most_common(1)[0][0] if answers.get(contact_id) else None
        found[contact_id] = Profile(contact_id, made, media, because, hour)
    return found


async def tried(session: Session, gateway: context.Gateway, contact_ids: Collection[int]) -> dict[int, list[Try]]:
    """What was tried with each of these contacts, the oldest first."""
    m, attempt, reply = core(Message).c, core(Attempt).c, core(Reply).c
    now = gateway.now()
    answered = sa.select(reply.id).where(reply.message_id == m.id).exists().label("answered")
    query = (
        sa.select(m.contact_id, m.medium, m.language, m["keys"], m.state, m.reason, attempt.begun_at, answered)
        .join(core(Attempt), sa.and_(attempt.message_id == m.id, attempt.number == m.attempt))
        .where(m.contact_id.in_(sorted(contact_ids)), m.run_id.is_not(None), m.state.in_(_WENT))
        .where(attempt.begun_at > now - LOOK_BACK)
        .order_by(attempt.begun_at, m.id)
    )
    found, every = dict[int, list[Try]](), hours(gateway)
    for contact_id, medium, language, keys, state, reason, begun_at, replied in await session.execute(query):
        local = begun_at.astimezone(gateway.timezone)
        way = Way(medium, choosing.slot(local.time(), every), language)
        asked = bool(keys) and medium is not Medium.VOICE  # a call was answered when a key was pressed
        outcome = _outcome(medium, state, reason, asked=asked, replied=replied, age=now - begun_at)
        found.setdefault(contact_id, []).append(Try(way, local, outcome))
    return found


def _outcome(
    medium: Medium, state: MessageState, reason: str, *, asked: bool, replied: bool, age: timedelta
) -> Outcome:
    if replied:
        return Outcome.ANSWERED
    if state is MessageState.FAILED:
        return Outcome.FAILED if _is_theirs(medium, reason) else Outcome.OPEN
    if asked:
        return Outcome.SILENT if age >= ANSWERED_WITHIN else Outcome.OPEN
    return Outcome.REACHED if state is MessageState.DELIVERED else Outcome.OPEN


def _is_theirs(medium: Medium, reason: str) -> bool:
    """Whether a failure says something of this way to a family; our own faults and the networks' say nothing."""
    found = next((one for one in Reason if one.value == reason), None)
    silence = (Reason.NO_ANSWER, Reason.BUSY, Reason.VOICEMAIL, Reason.NO_TEXTS, Reason.OPTED_OUT)
    return found in silence or points.rule(medium, found) is not None


async def _answer_hours(
    session: Session, gateway: context.Gateway, contact_ids: Collection[int]
) -> dict[int, Counter[int]]:
    reply = core(Reply).c
    query = sa.select(reply.contact_id, reply.at).where(
        reply.contact_id.in_(sorted(contact_ids)), reply.at > gateway.now() - LOOK_BACK
    )
    found = dict[int, Counter[int]]()
    for contact_id, at in await session.execute(query):
        found.setdefault(contact_id, Counter())[at.astimezone(gateway.timezone).hour] += 1
    return found


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether somebody's profile is to be looked at anew; reads only."""
    return bool((await session.scalars(_due(gateway.now()).limit(1))).first())


async def remember(session: Session, gateway: context.Gateway) -> int:
    """Look at some contacts' profiles anew. Gives how many.

    Not while a notice is planned in part: a family with children in two portions would be planned in two orders.
    """
    under_way = select(Run.id).where(col(Run.planned_at).is_(None)).limit(1)
    if (await session.scalars(under_way)).first() is not None:
        return 0
    ids = [one for one in await session.scalars(_due(gateway.now()).limit(_AT_ONCE)) if one is not None]
    await note(session, gateway, ids)
    return len(ids)


async def note(session: Session, gateway: context.Gateway, contact_ids: Sequence[int]) -> None:
    """Write down what works with these contacts; where the order changes, the log says so."""
    now, works = gateway.now(), core(WhatWorks)
    before = dict[int, str]()
    for contact_id, media in await session.execute(
        sa.select(works.c.contact_id, works.c.media).where(works.c.contact_id.in_(contact_ids))
    ):
        before[contact_id] = media
    for one in (await profiles(session, gateway, contact_ids)).values():
        media = " ".join(medium.value for medium in one.media)
        row = {"media": media, "hour": one.hour, "because": one.because, "looked_at": now}
        if one.contact_id in before:
            await session.execute(sa.update(works).where(works.c.contact_id == one.contact_id).values(row))
        else:
            await upsert.insert(session, works, [{"contact_id": one.contact_id, **row}], key=["contact_id"])
        if media != before.get(one.contact_id, ""):
            facts = {"media": media, "because": one.because}
            line = audit.Line("contact.works", f"contact:{one.contact_id}", facts)
            await gateway.log.record(session, line, now=now)


def _due(now: datetime) -> sa.Select[int]:
    """Contacts who have been written to since their profile was looked at, those who have waited longest first."""
    contact, works, message = core(Contact).c, core(WhatWorks).c, core(Message).c
    # What was asked just before the last look counts as silence only now.
    since = sa.or_(
        works.looked_at.is_(None), message.changed_at > works.looked_at, message.changed_at > now - _STILL_NEW
    )
    written = sa.select(message.id).where(
        message.contact_id == contact.id, message.state.in_(_WENT), message.run_id.is_not(None), since
    )
    return (
        sa.select(contact.id)
        .outerjoin(core(WhatWorks), works.contact_id == contact.id)
        .where(sa.or_(works.looked_at.is_(None), works.looked_at < now - _AGAIN_AFTER))
        .where(written.correlate(core(Contact), core(WhatWorks)).exists())
        .order_by(works.looked_at.is_not(None), works.looked_at, contact.id)
    )


async def of_family(session: Session, gateway: context.Gateway, pupil: str) -> list[tuple[people.Adult, Profile]]:
    """The profiles of everybody who answers for a pupil, in order of priority."""
    query = select(Pupil.id).where((col(Pupil.source_id) == pupil) | (col(Pupil.upn) == pupil))
    ids = [one for one in await session.scalars(query) if one is not None]
    known = await people.load(session, today=gateway.today(), pupil_ids=ids)
    ties = [tie for pupil_id in ids for tie in known.ties.get(pupil_id, ())]
    found = await profiles(session, gateway, [tie.contact_id for tie in ties])
    return [(known.contacts[tie.contact_id], found[tie.contact_id]) for tie in ties]
