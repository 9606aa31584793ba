"""Whoever shows no sign of life at all is asked in a message of its own, once a term at most: is this still right?

Only where every phone and mailbox of a contact is red, and only once Handbell has written for so long that silence
means something: on the day when a school begins, everybody is silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bell, context, likely, people, planner, reach, runs, sorting
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.freshness import evidence
from gateway.models import (
    ContactPoint,
    FreshQuestion,
    Guardianship,
    PointKind,
    PointState,
    Pupil,
    Purpose,
    Run,
)
from gateway.models.types import core

NAG: Final = "nag"
NOTICE: Final = "verify_details"
_AUTHOR: Final = "handbell"
_A_TERM: Final = timedelta(days=90)  #: where the school's calendar knows no terms
_FROM_HOUR, _UNTIL_HOUR = 10, 16
_AT_ONCE: Final = 10


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether anybody is to be asked now; reads only."""
    return bool(await _silent(session, gateway, limit=1))


async def ask(session: Session, gateway: context.Gateway) -> int:
    """Ask some of those of whom nothing is heard, in the caller's transaction. Gives how many."""
    found = await _silent(session, gateway, limit=_AT_ONCE)
    # Whoever asks holds the contacts: nobody else asks them at the same time.
    held = select(ContactPoint.contact_id).where(col(ContactPoint.contact_id).in_(found)).order_by(col(ContactPoint.id))
    free = set(await session.scalars(held.with_for_update(skip_locked=True, key_share=True)))
    free &= set(await _silent(session, gateway, limit=_AT_ONCE))  # whoever held them before us may have asked
    done = 0
    for contact_id in (one for one in found if one in free):
        done += await _ask(session, gateway, contact_id)
    if done:
        await bell.ring(session)
    return done


def term_began(gateway: context.Gateway) -> datetime:
    """Since when a contact is asked once: the beginning of this term, or 90 days ago."""
    today: date = gateway.today()
    firsts = [first for first, _ in gateway.year.days.terms if first <= today]
    ago = gateway.now() - _A_TERM
    if not firsts:
        return ago
    return min(ago, datetime.combine(max(firsts), datetime.min.time(), gateway.timezone))


async def _silent(session: Session, gateway: context.Gateway, *, limit: int) -> list[int]:
    """Contacts of pupils on roll, whose usable phones and mailboxes are all red, and who were not asked this term."""
    rules, now = gateway.settings.freshness, gateway.now()
    local = now.astimezone(gateway.timezone)
    day = gateway.year.days.is_school_day(local.date()) and _FROM_HOUR <= local.hour < _UNTIL_HOUR
    if not (rules.nag and day) or not await _writes_for_long(session, now - timedelta(days=rules.amber_days)):
        return []
    left = min(limit, rules.nags_a_day - await _asked_today(session, gateway))
    if left <= 0:
        return []
    point, tie, pupil, question = core(ContactPoint).c, core(Guardianship).c, core(Pupil).c, core(FreshQuestion).c
    lately = now - timedelta(days=rules.amber_days)
    life = sa.or_(point.last_good_at > lately, point.confirmed_at > lately)
    usable = point.state.not_in([PointState.DEAD, PointState.WRONG])
    tied = (
        sa.select(tie.id)
        .join(core(Pupil), pupil.id == tie.pupil_id)
        .where(tie.contact_id == point.contact_id, ~tie.no_contact, people.on_roll(gateway.today()))
        .where(sa.or_(tie.parental_responsibility, tie.lives_with))
    )
    asked = sa.select(question.id).where(
        question.contact_id == point.contact_id, question.asked_at >= term_began(gateway)
    )
    query = (
        sa.select(point.contact_id)
        .where(usable, tied.correlate(core(ContactPoint)).exists(), ~asked.correlate(core(ContactPoint)).exists())
        .group_by(point.contact_id)
        .having(sa.func.sum(sa.case((life, 1), else_=0)) == 0)
        .order_by(point.contact_id)
    )
    found = list(await session.scalars(query.limit(4 * left)))
    edited = await _edited_lately(session, found, lately)
    return [one for one in found if one not in edited][:left]


async def _writes_for_long(session: Session, before: datetime) -> bool:
    """Whether Handbell wrote to families so long ago already."""
    query = select(Run.id).where(col(Run.fire_at) < before)
    return (await session.scalars(query.limit(1))).first() is not None


async def _asked_today(session: Session, gateway: context.Gateway) -> int:
    begins = gateway.now().astimezone(gateway.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    query = select(sa.func.count(sa.distinct(col(FreshQuestion.contact_id)))).where(
        FreshQuestion.kind == NAG, col(FreshQuestion.asked_at) >= begins
    )
    return await session.scalar(query) or 0


async def _edited_lately(session: Session, contact_ids: Sequence[int], since: datetime) -> set[int]:
    query = select(ContactPoint.id, ContactPoint.contact_id).where(col(ContactPoint.contact_id).in_(contact_ids))
    owners = {point_id or 0: contact_id for point_id, contact_id in await session.execute(query)}
    signs = await evidence.edits(session, owners)
    return {owners[point_id] for point_id, sign in signs.items() if sign.at > since}


async def _ask(session: Session, gateway: context.Gateway, contact_id: int) -> bool:
    """Ask by text and email where those are this contact's alone; by a call where neither is."""
    tie = core(Guardianship).c
    ids = (await session.scalars(sa.select(tie.pupil_id).where(tie.contact_id == contact_id, ~tie.no_contact))).all()
    known = await people.load(session, today=gateway.today(), pupil_ids=ids)
    media = await _media(session, gateway, known, contact_id)
    if not media:
        return False
    wanted = _definition(gateway, known, contact_id, media)
    found = sorting.sort(wanted, Audience(known, [Listener(contact_id, sorted(known.pupils))], ()))
    means, now = await runs.means(session, gateway, wanted), gateway.now()
    rows = planner.write(found, wanted, known, means, fire_at=now, now=now)
    run = await runs.at_once(session, gateway, wanted, author=_AUTHOR)
    run.messages = len(rows)
    session.add(run)
    leaving = [row.message for row in await runs.write(session, gateway, rows, run_id=run.id) if row.message.body]
    for message in leaving:
        question = FreshQuestion(
            contact_id=contact_id,
            contact_point_id=message.contact_point_id or 0,
            address=message.address,
            message_id=message.id,
            kind=NAG,
            asked_at=now,
        )
        session.add(question)
    await session.flush()
    facts = {"contact": contact_id, "media": [one.value for one in media]}
    await gateway.log.record(session, audit.Line("details.asked", f"notice:{run.notice_id}", facts), now=now)
    return bool(leaving)


async def _media(session: Session, gateway: context.Gateway, known: people.People, contact_id: int) -> list[Medium]:
    found = defaultdict[Medium, set[str]](set)
    for medium in (Medium.SMS, Medium.EMAIL, Medium.VOICE):
        ways = reach.ways(known, contact_id, sorted(known.pupils), medium=medium, mandatory=True).found
        kind = PointKind.EMAIL if medium is Medium.EMAIL else PointKind.PHONE
        addresses = {point.address for point, _ in ways}
        found[medium] = await likely.free(session, addresses, now=gateway.now(), kind=kind) if addresses else set()
    written = [medium for medium in (Medium.SMS, Medium.EMAIL) if found[medium]]
    return written or ([Medium.VOICE] if found[Medium.VOICE] else [])


def _definition(
    gateway: context.Gateway, known: people.People, contact_id: int, media: Sequence[Medium]
) -> model.Definition:
    return model.Definition.model_validate(
        {
            "key": f"details-{gateway.today():%Y-%m-%d}-{contact_id}",
            "title": "Are these details still right?",
            "purpose": Purpose.SERVICE,
            "template": NOTICE,
            "audience": {"pupils": [known.pupils[one].source_id for one in sorted(known.pupils)]},
            "media": list(media),
            "valid": {"for": "2d"},
        }
    )
