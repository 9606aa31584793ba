"""Replies, each looked at once for what it says of an absence.

They are stored and tied to their conversation already (``gateway/replies.py``); here their meaning meets the cases.
What nobody understands is left where it is: in the list of replies that wait for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway import context, conversations, people, replies, tasks, turns, upsert
from gateway.absence import cases, effects, meaning, paths, reasons, rules, spoken, strangers, talks
from gateway.absence.meaning import Meaning
from gateway.database import Session
from gateway.good_news import listening
from gateway.models import (
    AbsenceCase,
    AbsenceHeard,
    CaseState,
    Keyword,
    Mark,
    Reply,
)
from gateway.models.types import core
from gateway.understanding import reading
from gateway.understanding.meaning import Intent

logger = structlog.get_logger()

_WITHIN = timedelta(days=1)  #: an older reply says nothing of today any more
_AT_ONCE = 50

#: What leaves nothing for a person to read, once it is written down. A case to be confirmed is in the list of cases.
_CLEAR = effects.PLAIN | {Intent.LATE, Intent.SAYS_PRESENT}
_TAKEN_IN = frozenset({CaseState.EXPLAINED, CaseState.TO_CONFIRM, CaseState.EXPECTED, "reported", "agrees"})
_SAID_BEFORE = frozenset({CaseState.EXPLAINED, CaseState.TO_CONFIRM, CaseState.SAFE})

heard_table = core(AbsenceHeard)


def _unheard(after: datetime) -> SelectOfScalar[Reply]:
    looked = sa.select(heard_table.c.reply_id).where(heard_table.c.reply_id == col(Reply.id))
    return select(Reply).where(col(Reply.at) > after, ~looked.exists()).order_by(col(Reply.at), col(Reply.id))


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
    await conversations.hold(session, {reply.conversation_id for reply in found})
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
            if await listening.hear(session, gateway, reply):
                return "praise"
            return await _hear_one(session, gateway, decided, understanding, reply)
    except OperationalError:  # the database is away: it is heard next time
        raise
    except Exception as error:
        if turns.collided(error):
            raise
        logger.exception("absence.not_heard", reply=reply_id)
        await session.refresh(reply)
        what = "An answer could not be taken in: what it says of an absence nobody has seen. Read it now."
        ask = tasks.Ask("absence.unheard", f"reply:{reply_id}", what, "handbell replies list", loud=True)
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
        return f"failed: {type(error).__name__}"


async def _hear_one(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    understanding: meaning.Understanding,
    reply: Reply,
) -> str:
    talk = await talks.of(session, gateway, decided, reply)
    means = cases.Means(gateway.log, gateway.now())
    await _unpress(session, talk, means=means)
    by_phone = await spoken.of(session, reply)
    said = by_phone
    if said is None:
        said = _plain(talk) if reply.keyword else understanding(talk.heard)
    if reply.keyword is Keyword.OPT_OUT:
        pupil_ids = [child.pupil_id for child in talk.heard.children]
        known = await people.load(session, today=gateway.today(), pupil_ids=pupil_ids)
        await paths.tell_staff(session, talk.conversation, talk.owners, decided, known=known)
    if by_phone is None and not talk.heard.known and not reply.keyword:
        return await strangers.take(session, reply, said, today=gateway.today(), means=means)
    if not said:
        to_be_heard = talk.heard.asked or by_phone is not None  # a voice may say where the child is
        return await _not_understood(session, talk, decided, means=means) if to_be_heard else "left"
    outcomes: list[str] = []
    others = {child.pupil_id for child in (*talk.heard.children, *talk.heard.also)} - talk.theirs
    beyond = [one for one in said if one.pupil_ids and others.issuperset(one.pupil_ids)]
    left = [one.intent for one in beyond]  # what a person must still read
    if beyond:
        outcomes.append(await strangers.take(session, reply, beyond, today=gateway.today(), means=means))
    for one in said:
        for pupil_id in one.pupil_ids:
            if pupil_id not in talk.theirs:
                continue  # it speaks of a child that this family has no say in
            case = talk.cases.get(pupil_id)
            if case is not None:
                outcomes.append(await effects.apply(session, case, one, talk.speaker, decided, means=means))
            else:
                outcomes.append(await _unasked(session, gateway, decided, talk, one, pupil_id, means=means))
            if _is_long(one, talk) or not _settles(one, outcomes[-1], case):
                left.append(one.intent)
    # Whoever asks something besides must get an answer, whatever else was understood; a number that is given, a reader.
    if outcomes and not left and not reading.asks(reply.body) and not reading.gives_number(reply.body):
        what = "understood: " + ", ".join(sorted({one.intent.value.replace("_", " ") for one in said}))
        await replies.settle(session, reply, what, log=means.log, now=means.now)
    return ", ".join(sorted(set(outcomes))) or "nobody's"


async def _unpress(session: Session, talk: talks.Talk, *, means: cases.Means) -> None:
    """Let a person read a key of yesterday's menu, as nobody knows which day it means; the desk promises an answer."""
    reply = talk.reply
    if talk.late and reply.option:
        reply.option, reply.sorted_at = "", None
        session.add(reply)
        await conversations.wait(session, talk.conversation, at=reply.at, log=means.log, now=means.now)


def _is_long(said: Meaning, talk: talks.Talk) -> bool:
    """Whether somebody is away for longer than may be written down: a person must know of the rest."""
    return said.until is not None and said.until > reasons.longest(said.since or talk.heard.day)


def _settles(said: Meaning, outcome: str, case: AbsenceCase | None) -> bool:
    """Whether nothing of what was said is left to read: the case has it, or the days for which nobody will be asked."""
    if outcome == "noted":  # what was known before is said again, as by the other parent; not of another day
        of_it = case is not None and case.state in _SAID_BEFORE and (said.since is None or said.since <= case.date)
        return of_it and said.intent in effects.PLAIN
    return said.intent in _CLEAR and outcome in _TAKEN_IN


def _plain(talk: talks.Talk) -> Sequence[Meaning]:
    """The networks' own words: STOP closes this way for whoever was asked by it. The others say nothing of a child."""
    asked = talk.heard.asked and talk.reply.keyword is Keyword.OPT_OUT
    return (Meaning(Intent.OPT_OUT, tuple(child.pupil_id for child in talk.heard.children)),) if asked else ()


async def _not_understood(session: Session, talk: talks.Talk, decided: rules.Rules, *, means: cases.Means) -> str:
    if talk.reply.keyword not in (None, Keyword.HELP):  # the networks' word, and perhaps a cry
        return "left"
    outcomes: set[str] = set()
    for case in [talk.cases[child.pupil_id] for child in talk.heard.children if child.pupil_id in talk.cases]:
        intent, take = ("unsure", effects.unsure) if talk.heard.unsure else ("unread", effects.unread)
        await cases.step(
            session, case, "answer", means=means, who=talk.speaker.name, facts={"intent": intent},
            reply_id=talk.reply.id,
        )  # fmt: skip
        outcomes.add(await take(session, case, talk.speaker, decided, means=means))
    return ", ".join(sorted(outcomes)) or "left"


async def _unasked(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    talk: talks.Talk,
    said: Meaning,
    pupil_id: int,
    *,
    means: cases.Means,
) -> str:
    """Nobody has asked yet: parents first. What is known now keeps the sweep from asking."""
    if said.urgent or said.intent in effects.LOUD:
        if said.intent is Intent.SAYS_PRESENT and await _is_here(session, decided, talk, pupil_id):
            return "agrees"
        return await _raise_alarm(session, decided, talk, pupil_id, said.intent, gateway.today(), means=means)
    if said.intent is Intent.WRONG_NUMBER and (talk.heard.asked or talk.late):  # to a question, of another day perhaps
        await effects.wrong_number(session, pupil_id, talk.speaker, means=means)
    if said.intent not in effects.PLAIN | effects.DELICATE | {Intent.LATE}:
        return "left"
    if said.is_over:
        return "left"  # she was ill, and is fine: it says nothing of the next session
    # «She was sick, back tomorrow», written when school is out, is about the day that ends.
    first = max(said.since or min(talk.day, said.until or talk.day), gateway.today())
    last = min(max(said.until or first, first), reasons.longest(first))
    which = talk.session if first == talk.day else None
    known = reasons.Said(
        pupil_id=pupil_id,
        first=first,
        last=last,
        intent=said.intent.value,
        code=said.code,
        said_by=talk.speaker.name,
        session=effects.only_session(said, first, last, decided, asked=which),
        contact_id=talk.speaker.contact_id,
        reply_id=talk.reply.id,
    )
    await reasons.note(session, known, means=means)
    if said.intent is Intent.LATE and said.times and first == talk.day == gateway.today():
        return await _expected(session, decided, talk, said, pupil_id, means=means)
    may_come = said.intent in reasons.MAY_COME or first > talk.day
    if may_come or not await _is_here(session, decided, talk, pupil_id):
        return "reported"
    return await _raise_alarm(session, decided, talk, pupil_id, effects.DISAGREES, gateway.today(), means=means)


async def _expected(
    session: Session, decided: rules.Rules, talk: talks.Talk, said: Meaning, pupil_id: int, *, means: cases.Means
) -> str:
    """A child who is to come at an hour that is named is waited for from now on: the sweep would not know the hour."""
    if not await _is_here(session, decided, talk, pupil_id):
        why = "said to come late"
        case = await cases.open_one(session, pupil_id, talk.day, talk.session, means=means, why=why)
        talk.cases[pupil_id] = case
        await effects.expect(session, case, said, talk.speaker, decided, means=means)
    return "reported"


async def _raise_alarm(
    session: Session,
    decided: rules.Rules,
    talk: talks.Talk,
    pupil_id: int,
    why: str,
    today: date,
    *,
    means: cases.Means,
) -> str:
    """A case that begins with an alarm; out of school hours a task alone, as there is no session to speak of."""
    if talk.day == today:
        case = await cases.open_one(session, pupil_id, talk.day, talk.session, means=means, why="a parent wrote")
        talk.cases[pupil_id] = case
        await cases.step(
            session, case, "answer", means=means, who=talk.speaker.name, facts={"intent": why},
            reply_id=talk.reply.id,
        )  # fmt: skip
        return await effects.alarm(session, case, why, talk.speaker, decided, means=means)
    what, cure = "A family's words may mean that a child is not safe. Read them now.", "handbell replies list"
    ask = tasks.Ask("absence.alarm", f"conversation:{talk.reply.conversation_id}", what, cure, loud=True)
    await tasks.ask(session, ask, log=means.log, now=means.now)
    return "alarm"


async def _is_here(session: Session, decided: rules.Rules, talk: talks.Talk, pupil_id: int) -> bool:
    """Whether the register has the child in school."""
    m = core(Mark).c
    query = sa.select(m.code).where(m.pupil_id == pupil_id, m.date == talk.day, m.session == talk.session)
    code = await session.scalar(query)
    found = decided.codes.known(code, talk.day) if code else None
    return found is not None and found.in_school
