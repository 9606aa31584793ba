"""What a reply may be about: whose children, which cases, and whether the sender may speak of them.

Whoever was asked answers for the children of the question, unless barred from them, until the day of the question is
over; to a reminder, for as long as one may answer. Who writes first must live with the child or answer for it, or be
one of several who share such a phone, none of them barred; so must who names a child that the question did not.
Everybody else speaks of nobody, and no name is given to them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, people, points
from gateway.absence import cases, effects, expected, meaning, rules
from gateway.absence.meaning import Child, Heard
from gateway.database import Session
from gateway.models import (
    About,
    AbsenceCase,
    AbsenceStep,
    CaseState,
    Contact,
    Conversation,
    DaySession,
    Guardianship,
    Message,
    Reply,
)
from gateway.models.types import core
from gateway.understanding import menu

_WELL = frozenset({CaseState.SEEN, CaseState.EXPLAINED, CaseState.SAFE})


@dataclass(frozen=True, slots=True)
class Talk:
    """A reply with what it may be about.

    ``owners``  the contacts whose phone or mailbox it came from
    ``theirs``  the pupils of whom they may speak; ``heard`` names others, too, so that a niece's name is no son's
    ``day``     with ``session``: what words are about that answer no question and name no day
    ``late``    whether it came when the day of the question was over
    """

    reply: Reply
    conversation: Conversation
    owners: Sequence[int]
    theirs: frozenset[int]
    heard: Heard
    speaker: effects.Speaker
    cases: dict[int, AbsenceCase]
    day: date
    session: DaySession
    late: bool


async def of(session: Session, gateway: context.Gateway, decided: rules.Rules, reply: Reply) -> Talk:
    """Put a reply together with what it may be about; the cases are locked."""
    conversation = await session.get_one(Conversation, reply.conversation_id)
    owners, writer = await _owners(session, reply, conversation.address)
    written = reply.at.astimezone(decided.timezone).date()
    asked, late = await _cases_asked(session, reply, written)
    mine, others = await answered_for(session, owners, today=gateway.today())
    theirs, about = mine, mine | others
    if asked:
        about = await _theirs(
            session, gateway, reply, list(asked), owners=owners, writer=writer, at=conversation.address
        )
        theirs = about | (mine - asked.keys())
    day, which = _spoken_of(gateway, decided)
    found = {pupil_id: case for pupil_id, case in asked.items() if pupil_id in about}
    found |= await _cases_of_the_day(session, day, which, theirs - found.keys())
    household = await _household(session, mine | others | asked.keys())
    known = await people.load(session, today=gateway.today(), pupil_ids=sorted(household))
    children = [_child(child, found.get(child.id)) for child in known.pupils.values() if child.id in about]
    also = [_child(child, found.get(child.id)) for child in known.pupils.values() if child.id not in about]
    contact = await session.get(Contact, writer) if writer is not None else None
    heard = Heard(
        reply_id=reply.id or 0,
        body=reply.body,
        option=meaning.option(reply.option) if asked else "",
        language=contact.written_language if contact else "",
        children=children,
        also=also,
        known=bool(about if asked else mine),
        asked=bool(asked),
        day=written,
        at=reply.at,
        unsure=bool(asked) and _is_unsure(reply, conversation),
    )
    name = await _name(session, contact, list(about & theirs)) if contact else "whoever has the family's phone"
    speaker = effects.Speaker(name, contact.id if contact else None, reply.id, conversation.address)
    return Talk(reply, conversation, owners, frozenset(theirs), heard, speaker, found, day, which, late)


async def _owners(session: Session, reply: Reply, address: str) -> tuple[list[int], int | None]:
    """Whose phone or mailbox it came from, and who of them wrote, where that is known.

    Whoever was asked by a phone that several share is known, and may still be another of them. What comes from a wrong
    number nobody of the family has written.
    """
    owners = await points.owners(session, address, believed=True)
    writer = reply.contact_id
    if writer is not None and writer not in owners:
        if await points.is_wrong(session, writer, address):
            writer = None
        else:
            owners.append(writer)
    return owners, writer if writer is not None or len(owners) != 1 else owners[0]


def _is_unsure(reply: Reply, conversation: Conversation) -> bool:
    """Whether a text is a key of the question's menu that was not taken for an answer to it."""
    return conversation.medium is Medium.SMS and not reply.option and bool(meaning.option(menu.digit(reply.body)))


def _child(child: people.Child, case: AbsenceCase | None) -> Child:
    return Child(child.id, child.called, case.id if case else None, case.state if case else None)


async def _cases_asked(session: Session, reply: Reply, written: date) -> tuple[dict[int, AbsenceCase], bool]:
    """The cases that the answered message was about, by pupil, locked; and whether their day was over.

    What is written on a later day is about that day. Only a reminder asks about one that is long past.
    """
    if reply.run_id is None or reply.message_id is None:
        return {}, False
    step, about, t = core(AbsenceStep).c, core(About).c, cases.case_table.c
    query = (
        sa.select(t.id, sa.or_(step.kind == cases.REMINDED, t.date >= written).label("in_time"))
        .join(core(AbsenceStep), step.case_id == t.id)
        .join(core(About), sa.and_(about.pupil_id == t.pupil_id, about.message_id == reply.message_id))
        .where(step.run_id == reply.run_id)
    )
    rows = (await session.execute(query)).all()
    ids = {row.id for row in rows if row.in_time}
    locked = sa.select(AbsenceCase).where(t.id.in_(ids)).order_by(t.id).with_for_update()
    found = await session.scalars(locked.execution_options(populate_existing=True))
    return {case.pupil_id: case for case in found}, bool(rows) and not ids


async def _household(session: Session, pupil_ids: Collection[int]) -> set[int]:
    """These pupils with their brothers and sisters: the children of whoever lives with them or answers for them."""
    tie, other = core(Guardianship).c, core(Guardianship).alias("other").c
    answering = sa.select(tie.contact_id).where(
        tie.pupil_id.in_(pupil_ids), sa.or_(tie.lives_with, tie.parental_responsibility)
    )
    query = sa.select(other.pupil_id).where(
        other.contact_id.in_(answering), sa.or_(other.lives_with, other.parental_responsibility)
    )
    return {*pupil_ids, *await session.scalars(query)}


async def answered_for(session: Session, owners: Sequence[int], *, today: date) -> tuple[set[int], set[int]]:
    """The pupils of whom these people may tell unasked, and the others that they are on file for.

    Nobody is asked about what they tell, so a neighbour on the list is not enough: it takes somebody who lives with the
    child or answers for it, where there is anybody.
    """
    tie = core(Guardianship).c
    query = sa.select(tie.pupil_id).where(tie.contact_id.in_(owners)).distinct()
    known = await people.load(session, today=today, pupil_ids=list(await session.scalars(query)))
    found = set[int]()
    for pupil_id, ties in known.ties.items():
        free = [one for one in ties if not one.barred_on(today) and not known.contacts[one.contact_id].deceased]
        answering = [one for one in free if one.lives_with or one.parental_responsibility] or free
        barred = any(one.contact_id in owners and one.barred_on(today) for one in ties)
        if not barred and any(one.contact_id in owners for one in answering):
            found.add(pupil_id)
    return found, known.pupils.keys() - found


async def _cases_of_the_day(
    session: Session, day: date, which: DaySession, pupil_ids: Collection[int]
) -> dict[int, AbsenceCase]:
    """Their cases of a session. In the afternoon the morning's speaks for the day, unless it came to a good end."""
    found = await cases.of_session(session, day, which, pupil_ids=pupil_ids)
    if which is DaySession.PM:
        morning = await cases.of_session(session, day, DaySession.AM, pupil_ids=pupil_ids)
        found = {pupil_id: case for pupil_id, case in morning.items() if case.state not in _WELL} | found
    return found


async def _theirs(
    session: Session,
    gateway: context.Gateway,
    reply: Reply,
    asked: Sequence[int],
    *,
    owners: Sequence[int],
    writer: int | None,
    at: str,
) -> set[int]:
    """The pupils of the question of whom the sender may speak: on file for them, and no owner of the phone barred."""
    if reply.contact_id is None or writer is None:
        message = await session.get(Message, reply.message_id) if reply.message_id else None
        if message is None or message.address != at:
            return set()  # a mail that was passed on: nobody knows who writes
    tie = core(Guardianship).c
    query = sa.select(Guardianship).where(tie.pupil_id.in_(asked), tie.contact_id.in_(owners))
    rows = list(await session.scalars(query))
    barred = {row.pupil_id for row in rows if row.barred_on(gateway.today())}
    theirs = {row.pupil_id for row in rows if writer is None or row.contact_id == writer}
    return theirs - barred


async def _name(session: Session, contact: Contact, pupil_ids: Sequence[int]) -> str:
    """A contact as people call it: the name, and what it is to the child."""
    tie = core(Guardianship).c
    query = sa.select(tie.relation).where(tie.contact_id == contact.id, tie.pupil_id.in_(pupil_ids), tie.relation != "")
    relation = await session.scalar(query.order_by(tie.pupil_id).limit(1))
    return f"{contact.full_name} ({relation.lower()})" if relation else contact.full_name


def _spoken_of(gateway: context.Gateway, decided: rules.Rules) -> tuple[date, DaySession]:
    """The session that words without a date are about: the one that it is, or the next one once school is out."""
    today, now = gateway.today(), gateway.now()
    if not expected.anybody(decided.year, today) or now >= decided.year.ends(today, decided.timezone):
        return next(decided.year.days.days_after(today), today), DaySession.AM
    afternoon = decided.year.moments(today, DaySession.PM, decided.timezone).begins
    return today, DaySession.PM if now >= afternoon else DaySession.AM
