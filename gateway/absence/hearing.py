"""Replies, each looked at once for what it says of an absence.

They are stored and tied to their conversation already (``gateway/replies.py``); here their meaning meets the cases.
What nobody understands is left where it is: in the list of replies that wait for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway import context, people, tasks, upsert
from gateway.absence import cases, effects, meaning, reasons, rules
from gateway.absence.meaning import Child, Heard, Intent, Meaning
from gateway.database import Session
from gateway.models import (
    About,
    AbsenceCase,
    AbsenceHeard,
    AbsenceStep,
    Contact,
    ContactPoint,
    Conversation,
    DaySession,
    Guardianship,
    Keyword,
    Mark,
    Message,
    Reply,
)
from gateway.models.types import core
from gateway.registers import marks

logger = structlog.get_logger()

_WITHIN = timedelta(days=1)  #: an older reply says nothing of today any more
_AT_ONCE = 50

heard_table = core(AbsenceHeard)


@dataclass(frozen=True, slots=True)
class _Talk:
    """A reply with what it may be about."""

    reply: Reply
    heard: Heard
    speaker: effects.Speaker
    cases: dict[int, AbsenceCase]


def _unheard(after: datetime) -> SelectOfScalar[Reply]:
    looked = sa.select(heard_table.c.reply_id).where(heard_table.c.reply_id == col(Reply.id))
    return select(Reply).where(col(Reply.at) > after, ~looked.exists()).order_by(col(Reply.id))


async def any_waiting(session: Session, gateway: context.Gateway) -> bool:
    """Whether a reply is still to be looked at."""
    return (await session.scalars(_unheard(gateway.now() - _WITHIN).limit(1))).first() is not None


async def hear(
    session: Session, gateway: context.Gateway, decided: rules.Rules, understanding: meaning.Understanding
) -> int:
    """Let cases follow what families have answered. Gives how many replies were looked at.

    The caller holds the registers of today: nobody else hears at the same time.
    """
    found = (await session.scalars(_unheard(gateway.now() - _WITHIN).limit(_AT_ONCE))).all()
    for reply in found:
        outcome = await _hear_safely(session, gateway, decided, understanding, reply)
        row = {"reply_id": reply.id, "at": gateway.now(), "outcome": outcome}
        await upsert.insert(session, heard_table, [row], key=["reply_id"])
    return len(found)


async def _hear_safely(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    understanding: meaning.Understanding,
    reply: Reply,
) -> str:
    """Hear one reply. One that breaks us is given to a person: it must not keep the others from being heard."""
    reply_id = reply.id
    try:
        async with session.begin_nested():
            return await _hear_one(session, gateway, decided, understanding, reply)
    except OperationalError:  # the database is away: it is heard next time
        raise
    except Exception as error:
        logger.exception("absence.not_heard", reply=reply_id)
        await session.refresh(reply)
        what = "An answer could not be taken in: what it says of an absence nobody has seen. Read it now."
        ask = tasks.Ask("absence.unheard", f"reply:{reply_id}", what, "handbell replies list", urgent=True)
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
        return f"failed: {type(error).__name__}"


async def _hear_one(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    understanding: meaning.Understanding,
    reply: Reply,
) -> str:
    talk = await _talk(session, gateway, decided, reply)
    means = cases.Means(gateway.log, gateway.now())
    said = _plain(talk) if reply.keyword else understanding(talk.heard)
    if not said:
        return await _not_understood(session, talk, decided, means=means)
    outcomes: list[str] = []
    for one in said:
        for pupil_id in one.pupil_ids:
            if pupil_id not in {child.pupil_id for child in talk.heard.children}:
                continue  # it speaks of a child that this family has no say in
            case = talk.cases.get(pupil_id)
            if case is not None:
                outcomes.append(await effects.apply(session, case, one, talk.speaker, decided, means=means))
            else:
                outcomes.append(await _unasked(session, gateway, decided, talk, one, pupil_id, means=means))
    return ", ".join(sorted(set(outcomes))) or "nobody's"


def _plain(talk: _Talk) -> Sequence[Meaning]:
    """The networks' own words: STOP closes this way for whoever was asked by it. The others say nothing of a child."""
    asked = talk.heard.asked and talk.reply.keyword is Keyword.OPT_OUT
    return (Meaning(Intent.OPT_OUT, tuple(talk.cases)),) if asked else ()


async def _not_understood(session: Session, talk: _Talk, decided: rules.Rules, *, means: cases.Means) -> str:
    if not talk.heard.asked or talk.reply.keyword:
        return "left"
    outcomes: set[str] = set()
    for case in talk.cases.values():
        await cases.step(
            session, case, "answer", means=means, who=talk.speaker.name, facts={"intent": "unread"},
            reply_id=talk.reply.id,
        )  # fmt: skip
        outcomes.add(await effects.unread(session, case, talk.speaker, decided, means=means))
    return ", ".join(sorted(outcomes)) or "left"


async def _unasked(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    talk: _Talk,
    said: Meaning,
    pupil_id: int,
    *,
    means: cases.Means,
) -> str:
    """Nobody has asked yet: parents first. What is known now keeps the sweep from asking."""
    heard = talk.heard
    if said.urgent or said.intent in effects.LOUD:
        if said.intent is Intent.SAYS_PRESENT and await _is_here(session, decided, heard, pupil_id):
            return "agrees"
        if decided.year.days.is_school_day(heard.day):
            case = await cases.open_one(session, pupil_id, heard.day, heard.session, means=means, why="a parent wrote")
            talk.cases[pupil_id] = case
            return await effects.alarm(session, case, said.intent, talk.speaker, decided, means=means)
        what, cure = "A family's words may mean that a child is not safe. Read them now.", "handbell replies list"
        subject = f"conversation:{talk.reply.conversation_id}"
        await tasks.ask(
            session, tasks.Ask("absence.alarm", subject, what, cure, urgent=True), log=means.log, now=means.now
        )
        return "alarm"
    if said.intent not in effects.PLAIN | effects.DELICATE | {Intent.LATE}:
        return "left"
    day_only = said.intent in (Intent.MEDICAL_APPOINTMENT, Intent.LATE) and said.until is None
    known = reasons.Said(
        pupil_id=pupil_id,
        first=heard.day,
        last=max(said.until or heard.day, heard.day),
        intent=said.intent.value,
        code=said.code,
        said_by=talk.speaker.name,
        session=heard.session.value if day_only else "",
        contact_id=talk.speaker.contact_id,
        reply_id=talk.reply.id,
    )
    await reasons.note(session, known, means=means)
    if said.intent is not Intent.LATE and await _is_here(session, decided, heard, pupil_id):
        case = await cases.open_one(session, pupil_id, heard.day, heard.session, means=means, why="reported absent")
        talk.cases[pupil_id] = case
        return await effects.alarm(session, case, effects.DISAGREES, talk.speaker, decided, means=means)
    return "reported"


async def _is_here(session: Session, decided: rules.Rules, heard: Heard, pupil_id: int) -> bool:
    """Whether the register has the child in school."""
    m = core(Mark).c
    query = sa.select(m.code).where(m.pupil_id == pupil_id, m.date == heard.day, m.session == heard.session)
    code = await session.scalar(query)
    found = decided.codes.known(code, heard.day) if code else None
    return found is not None and found.in_school


async def _talk(session: Session, gateway: context.Gateway, decided: rules.Rules, reply: Reply) -> _Talk:
    asked = await _cases_asked(session, reply)
    pupil_ids = await _theirs(session, gateway, reply, list(asked))
    today = gateway.today()
    which = _session_now(gateway, decided)
    if asked:
        asked = {pupil_id: case for pupil_id, case in asked.items() if pupil_id in pupil_ids}
        in_question = asked
    else:
        in_question = {
            pupil_id: case
            for pupil_id, case in (await cases.of_session(session, today, which)).items()
            if pupil_id in pupil_ids
        }
    first = next(iter(in_question.values()), None)
    known = await people.load(session, today=today, pupil_ids=sorted(pupil_ids))
    children = [
        Child(child.id, child.called, case.id if case else None, case.state if case else None)
        for child in known.pupils.values()
        for case in [in_question.get(child.id)]
    ]
    contact = await session.get(Contact, reply.contact_id) if reply.contact_id else None
    heard = Heard(
        reply_id=reply.id or 0,
        body=reply.body,
        option=meaning.option(reply.option) if asked else "",
        language=contact.written_language if contact else "",
        children=children,
        known=bool(pupil_ids),
        asked=bool(asked),
        day=first.date if first else today,
        session=first.session if first else which,
        at=reply.at,
    )
    name = await _name(session, contact, list(pupil_ids)) if contact else "whoever has the family's phone"
    speaker = effects.Speaker(name, reply.contact_id, reply.id)
    return _Talk(reply, heard, speaker, dict(in_question))


async def _cases_asked(session: Session, reply: Reply) -> dict[int, AbsenceCase]:
    """The cases that the answered message was about, by pupil; locked."""
    if reply.run_id is None or reply.message_id is None:
        return {}
    step, about, t = core(AbsenceStep).c, core(About).c, cases.case_table.c
    ids = (
        sa.select(t.id)
        .join(core(AbsenceStep), step.case_id == t.id)
        .join(core(About), sa.and_(about.pupil_id == t.pupil_id, about.message_id == reply.message_id))
        .where(step.run_id == reply.run_id)
    )
    query = sa.select(AbsenceCase).where(t.id.in_(ids)).order_by(t.id).with_for_update()
    found = await session.scalars(query.execution_options(populate_existing=True))
    return {case.pupil_id: case for case in found}


async def _theirs(session: Session, gateway: context.Gateway, reply: Reply, asked: Sequence[int]) -> set[int]:
    """The pupils of whom the sender may speak: on file for them, and not barred. Of a phone that several share, those
    of the question, as long as none of its owners is barred.
    """
    today = gateway.today()
    tie, point = core(Guardianship).c, core(ContactPoint).c
    if reply.contact_id is not None:
        query = sa.select(Guardianship).where(tie.contact_id == reply.contact_id)
        mine = {row.pupil_id for row in await session.scalars(query) if not row.barred_on(today)}
        return mine & set(asked) if asked else mine
    if not asked or reply.message_id is None:
        return set()
    message = await session.get(Message, reply.message_id)
    conversation = await session.get_one(Conversation, reply.conversation_id)
    if message is None or message.address != conversation.address:
        return set()  # a mail that was passed on: nobody knows who writes
    owners = sa.select(point.contact_id).where(point.address == conversation.address)
    query = sa.select(Guardianship).where(tie.pupil_id.in_(asked), tie.contact_id.in_(owners))
    rows = list(await session.scalars(query))
    barred = {row.pupil_id for row in rows if row.barred_on(today)}
    return {row.pupil_id for row in rows} - barred


async def _name(session: Session, contact: Contact, pupil_ids: Sequence[int]) -> str:
    """A contact as people call it: the name, and what it is to the child."""
    tie = core(Guardianship).c
    query = sa.select(tie.relation).where(tie.contact_id == contact.id, tie.pupil_id.in_(pupil_ids), tie.relation != "")
    relation = await session.scalar(query.order_by(tie.pupil_id).limit(1))
    return f"{contact.full_name} ({relation.lower()})" if relation else contact.full_name


def _session_now(gateway: context.Gateway, decided: rules.Rules) -> DaySession:
    """The session that what is said now is about."""
    moments = decided.year.moments(gateway.today(), DaySession.PM, decided.timezone)
    return DaySession.PM if gateway.now() >= moments.begins else DaySession.AM


async def hold_today(session: Session, gateway: context.Gateway) -> None:
    """Hold both registers of today, in one order."""
    for which in DaySession:
        await marks.hold(session, gateway.today(), which)
