"""Whoever shows no sign of life at all is asked in a message of its own, once a term at most: is this still right?

Only where every phone and mailbox of a contact is red, and only once Handbell has written for so long that silence
means something: on the day when a school begins, everybody is silent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bell, context, errors, likely, people, planner, points, reach, runs, sorting
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
_PAGE: Final = 500  #: contacts that are looked at together


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether anybody is to be asked now; reads only."""
    return bool(await _due(session, gateway, most=1))


async def ask(session: Session, gateway: context.Gateway) -> int:
    """Ask some of those of whom nothing is heard, in the caller's transaction. Gives how many."""
    found = await _due(session, gateway, most=_AT_ONCE)
    # Whoever asks holds the contacts: nobody else asks them at the same time.
    held = select(ContactPoint.contact_id).where(col(ContactPoint.contact_id).in_(found)).order_by(col(ContactPoint.id))
    free = set(await session.scalars(held.with_for_update(skip_locked=True, key_share=True)))
    free &= set(await _due(session, gateway, most=_AT_ONCE))  # whoever held them before us may have asked
    done = 0
    for contact_id in (one for one in found if one in free):
        done += await _ask(session, gateway, contact_id)
    if done:
        await bell.ring(session)
    return done


async def ask_now(session: Session, gateway: context.Gateway, contact_id: int, *, by: str) -> bool:
    """Ask one contact because a person of the school wants to know. False where there is nothing to ask by.

    Raises :class:`errors.Conflict` where it was asked today.
    """
    # Whoever asks holds the contact, as the rounds do: of two who press at once one asks.
    held = select(ContactPoint.id).where(ContactPoint.contact_id == contact_id).order_by(col(ContactPoint.id))
    await session.execute(held.with_for_update(key_share=True))
    today = select(FreshQuestion.id).where(
        FreshQuestion.contact_id == contact_id, col(FreshQuestion.asked_at) >= _midnight(gateway)
    )
    if (await session.scalars(today.limit(1))).first() is not None:
        raise errors.Conflict("They were asked today already.")
    asked = await _ask(session, gateway, contact_id, by=by)
    if asked:
        await bell.ring(session)
    return asked


async def asked(session: Session, gateway: context.Gateway, contact_ids: Collection[int]) -> dict[int, datetime]:
    """When each of these points was asked about this term, where nobody has answered; by contact point."""
    t = core(FreshQuestion).c
    query = sa.select(t.contact_point_id, sa.func.max(t.asked_at)).where(
        people.among(people.dialect(session), t.contact_id), t.answered_at.is_(None), t.asked_at >= term_began(gateway)
    )
    rows = await session.execute(query.group_by(t.contact_point_id), {"ids": people.packed(contact_ids)})
    return {row[0]: row[1] for row in rows}


async def unanswered(session: Session, gateway: context.Gateway, *, limit: int) -> Sequence[tuple[int, datetime]]:
    """Contacts who were asked this term in a message of its own and have not answered, with when; the latest first."""
    t = core(FreshQuestion).c
    at = sa.func.max(t.asked_at)
    query = sa.select(t.contact_id, at).where(t.kind == NAG, t.asked_at >= term_began(gateway))
    query = query.group_by(t.contact_id).having(sa.func.count(t.answered_at) == 0).order_by(at.desc()).limit(limit)
    return [(row[0], row[1]) for row in await session.execute(query)]


def term_began(gateway: context.Gateway) -> datetime:
    """Since when a contact is asked once: the beginning of this term, or 90 days ago."""
    today: date = gateway.today()
    firsts = [first for first, _ in gateway.year.days.terms if first <= today]
    ago = gateway.now() - _A_TERM
    if not firsts:
        return ago
    return min(ago, datetime.combine(max(firsts), datetime.min.time(), gateway.timezone))


async def _due(session: Session, gateway: context.Gateway, *, most: int) -> list[int]:
    """Whom to ask now: of those of whom nothing is heard, the first who have a phone or mailbox to be asked by."""
    rules, now = gateway.settings.freshness, gateway.now()
    local, lately = now.astimezone(gateway.timezone), now - timedelta(days=rules.amber_days)
    day = gateway.year.days.is_school_day(local.date()) and _FROM_HOUR <= local.hour < _UNTIL_HOUR
    if not (rules.nag and day) or not await _writes_for_long(session, lately):
        return []
    left, found = min(most, rules.nags_a_day - await _asked_today(session, gateway)), list[int]()
    silent = await _unheard(session, gateway, lately) if left > 0 else []
    # Who has nothing that could be asked stays silent for ever, and must not stand before those who have.
    for begins in range(0, len(silent), _PAGE):
        media = await _media(session, gateway, silent[begins : begins + _PAGE])
        found += [one for one in silent[begins : begins + _PAGE] if media[one]]
        if len(found) >= left:
            break
    return found[: max(left, 0)]


async def silent(session: Session, gateway: context.Gateway) -> list[int]:
    """Contacts of whom nothing has been heard for long, and who were not asked this term: whom the rounds would ask.

    Nobody, while Handbell has not written for so long that silence means something.
    """
    lately = gateway.now() - timedelta(days=gateway.settings.freshness.amber_days)
    return await _unheard(session, gateway, lately) if await _writes_for_long(session, lately) else []


async def _unheard(session: Session, gateway: context.Gateway, lately: datetime) -> list[int]:
    found = await _silent(session, gateway, lately)
    edited = await _edited_lately(session, found, lately) if found else set[int]()
    return [one for one in found if one not in edited]


async def _silent(session: Session, gateway: context.Gateway, lately: datetime) -> list[int]:
    """Contacts of pupils on roll, whose usable phones and mailboxes are all red, and who were not asked this term."""
    point, tie, pupil, question = core(ContactPoint).c, core(Guardianship).c, core(Pupil).c, core(FreshQuestion).c
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
    return list(await session.scalars(query))


async def _writes_for_long(session: Session, before: datetime) -> bool:
    """Whether Handbell wrote to families so long ago already."""
    query = select(Run.id).where(col(Run.fire_at) < before)
    return (await session.scalars(query.limit(1))).first() is not None


async def _asked_today(session: Session, gateway: context.Gateway) -> int:
    query = select(sa.func.count(sa.distinct(col(FreshQuestion.contact_id)))).where(
        FreshQuestion.kind == NAG, col(FreshQuestion.asked_at) >= _midnight(gateway)
    )
    return await session.scalar(query) or 0


def _midnight(gateway: context.Gateway) -> datetime:
    return gateway.now().astimezone(gateway.timezone).replace(hour=0, minute=0, second=0, microsecond=0)


async def _edited_lately(session: Session, contact_ids: Sequence[int], since: datetime) -> set[int]:
    query = select(ContactPoint.id, ContactPoint.contact_id).where(col(ContactPoint.contact_id).in_(contact_ids))
    owners = {point_id or 0: contact_id for point_id, contact_id in await session.execute(query)}
    signs = await evidence.edits(session, owners)
    return {owners[point_id] for point_id, sign in signs.items() if sign.at > since}


async def _ask(session: Session, gateway: context.Gateway, contact_id: int, *, by: str = _AUTHOR) -> bool:
    """Ask by text and email where those are this contact's alone; by a call where neither is."""
    pupils = (await _children(session, [contact_id]))[contact_id]
    known = await people.load(session, today=gateway.today(), pupil_ids=pupils)
    media = (await _media(session, gateway, [contact_id]))[contact_id]
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
    await gateway.log.record(session, audit.Line("details.asked", f"notice:{run.notice_id}", facts, by), now=now)
    return bool(leaving)


async def _children(session: Session, contact_ids: Sequence[int]) -> dict[int, list[int]]:
    """The pupils of whom each contact may hear."""
    tie = core(Guardianship).c
    query = sa.select(tie.contact_id, tie.pupil_id).where(
        people.among(people.dialect(session), tie.contact_id), ~tie.no_contact
    )
    found = {one: list[int]() for one in contact_ids}
    for contact_id, pupil_id in await session.execute(query, {"ids": people.packed(contact_ids)}):
        found[contact_id].append(pupil_id)
    return found


async def _media(session: Session, gateway: context.Gateway, contact_ids: Sequence[int]) -> dict[int, Sequence[Medium]]:
    """By what each of these contacts can be asked: not by what two share, and not where another question is open."""
    children = await _children(session, contact_ids)
    pupils = {pupil for each in children.values() for pupil in each}
    known = await people.load(session, today=gateway.today(), pupil_ids=pupils)
    places = dict[tuple[int, Medium], set[str]]()
    for contact_id in contact_ids:
        about = [one for one in children[contact_id] if one in known.pupils]
        living = contact_id in known.contacts and not known.contacts[contact_id].deceased
        for medium in Medium if living and about else ():
            ways = reach.ways(known, contact_id, about, medium=medium, mandatory=True).found
            places[contact_id, medium] = {point.address for point, _ in ways}
    free = dict[PointKind, set[str]]()
    for kind in PointKind:
        every = {one for (_, medium), those in places.items() if points.kind_of(medium) is kind for one in those}
        free[kind] = await likely.free(session, every, now=gateway.now(), kind=kind)

    def may(contact_id: int, medium: Medium) -> bool:
        return not free[points.kind_of(medium)].isdisjoint(places.get((contact_id, medium), ()))

    found = dict[int, Sequence[Medium]]()
    for one in contact_ids:
        written = [medium for medium in (Medium.SMS, Medium.EMAIL) if may(one, medium)]
        found[one] = written or ([Medium.VOICE] if may(one, Medium.VOICE) else [])
    return found


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
