"""What families answer about their own details: 1 and 2 to our question, a new number, a code, NO.

Answers to a menu are taken by a job (``take_answers``); free words by the desk, before it promises an answer
(``take_words``), so that nobody waits for one who has been understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context, deciding, points, replies, tasks
from gateway.absence import cases, effects
from gateway.database import Session
from gateway.freshness import approving, evidence, letters, proposals, reading
from gateway.models import (
    Contact,
    ContactPoint,
    Conversation,
    FreshQuestion,
    Guardianship,
    Inbound,
    Message,
    NewDetail,
    PointKind,
    Reply,
)
from gateway.models.types import core
from gateway.understanding import language, library
from gateway.understanding import reading as understood
from gateway.understanding.meaning import Intent
from templates import fresh

_AT_ONCE: Final = 50
_FEW_WORDS: Final = 15
#: The absences and the desk have heard replies as old as that; ours are as patient as ``replies.ANSWERS_WITHIN``.
_OPEN_FOR: Final = replies.ANSWERS_WITHIN
_CORRECTED: Final = timedelta(days=1)  #: so long whoever pressed the wrong key may answer again
_CHANGED = "A family says that a number or mailbox of theirs has changed."
_CURE = "They were asked for the new one, and it will come here. Else ring them; correct it in the school system."


def _answers(now: datetime) -> sa.Select[int]:
    """The questions that have an answer which has not been looked at: the first, or a later one that says otherwise."""
    question, reply = core(FreshQuestion).c, core(Reply).c
    same = sa.case(
        {fresh.CONFIRMED_KEY: question.answer.startswith(evidence.CONFIRMED)},
        value=reply.option,
        else_=question.answer.startswith(evidence.CHANGED),
    )
    again = sa.and_(question.answered_at > now - _CORRECTED, reply.at > question.answered_at, ~same)
    news = sa.or_(question.answered_at.is_(None), again)
    return (
        sa.select(question.id)
        .join(core(Reply), reply.message_id == question.message_id)
        .where(question.asked_at > now - 2 * _OPEN_FOR, reply.option.in_(list(fresh.KEYS)), news)
        .order_by(question.id)
    )


async def any_waiting(session: Session, gateway: context.Gateway) -> bool:
    """Whether an answer is still to be taken; reads only."""
    return (await session.scalars(_answers(gateway.now()).limit(1))).first() is not None


async def take_answers(session: Session, gateway: context.Gateway) -> int:
    """Let the points follow what families answered to our question. Gives how many."""
    ids = (await session.scalars(_answers(gateway.now()).limit(_AT_ONCE))).all()
    query = select(FreshQuestion).where(col(FreshQuestion.id).in_(ids))
    query = query.order_by(col(FreshQuestion.id)).with_for_update(skip_locked=True)
    await session.scalars(query.execution_options(populate_existing=True))
    found = (await session.scalars(query.where(col(FreshQuestion.id).in_(_answers(gateway.now()))))).all()
    for question in found:
        # The latest counts: who has pressed the wrong key answers again, at once or when they see it.
        said = select(Reply).where(Reply.message_id == question.message_id, col(Reply.option).in_(list(fresh.KEYS)))
        reply = (await session.scalars(said.order_by(col(Reply.at).desc(), col(Reply.id).desc()).limit(1))).one()
        await _take(session, gateway, question, reply)
    return len(found)


async def _take(session: Session, gateway: context.Gateway, question: FreshQuestion, reply: Reply) -> None:
    now = gateway.now()
    question.answered_at = reply.at
    question.answer = evidence.CONFIRMED if reply.option == fresh.CONFIRMED_KEY else evidence.CHANGED
    session.add(question)
    await session.flush()
    if await proposals.owner(session, question.address, await _kind(session, question)) is None:
        question.answer = f"{question.answer}, and nobody knows by whom"  # two have it by now, or it is wrong
        return
    if question.answer == evidence.CONFIRMED:
        await deciding.confirm(session, question.contact_point_id, deed=deciding.Deed("parent", now, gateway.log))
        return
    # It is used until there is another: that it works still, every text shows.
    point = await session.get_one(ContactPoint, question.contact_point_id, with_for_update={"key_share": True})
    point.confirmed_at = None
    session.add(point)
    line = audit.Line("point.changed_says_family", f"point:{point.id}", {"reply": reply.id}, "parent")
    await gateway.log.record(session, line, now=now)
    await tasks.ask(session, tasks.Ask("number", f"point:{point.id}", _CHANGED, _CURE), log=gateway.log, now=now)
    await _ask_for_new(session, gateway, point, reply)


async def _kind(session: Session, question: FreshQuestion) -> PointKind:
    return (await session.get_one(ContactPoint, question.contact_point_id)).kind


async def _ask_for_new(session: Session, gateway: context.Gateway, point: ContactPoint, reply: Reply) -> None:
    if not letters.can_be_written_to(point):
        return
    school, inbound = gateway.settings.school, await session.get_one(Inbound, reply.inbound_id)
    reads = letters.language(gateway, await session.get(Contact, point.contact_id))
    wrote_to = str(inbound.event.get("to", ""))
    to = letters.To(letters.medium_of(point.kind), point.address, point.contact_id, reads, wrote_to)
    await letters.send(
        session,
        gateway,
        to,
        lambda tag: fresh.ask_new(tag, school=school.short_name, school_phone=school.phone),
        slot=f"{letters.SLOT}ask:{point.id}:{reply.id}",
    )


async def take_words(session: Session, gateway: context.Gateway, reply: Reply) -> bool:
    """Take what a family writes of its own details. Whether it was that: then nobody need read it."""
    if reply.keyword is not None or reply.settled or not reply.body.strip():
        return False
    talk = await session.get_one(Conversation, reply.conversation_id)
    if reading.contests(reply.body) and (row := await _contested(session, talk, reply)) is not None:
        await approving.put_back(session, gateway, row, reply_id=reply.id)
        return await _settled(session, gateway, reply, "understood: not my change")
    if code := reading.code(reply.body):
        return await _take_code(session, gateway, talk, reply, code)
    if await _take_wrong_number(session, gateway, talk, reply):
        return True
    return await _take_detail(session, gateway, talk, reply)


async def _contested(session: Session, talk: Conversation, reply: Reply) -> NewDetail | None:
    """The change that a NO is about. Where a menu was asked since, or a person has written, it may well answer that."""
    message = await session.get(Message, reply.message_id) if reply.message_id else None
    if message is None or message.keys:
        return None
    if message.run_id is None and not message.slot.startswith(letters.SLOT):
        return None
    return await approving.contested(session, talk.address, at=reply.at)


async def _take_code(session: Session, gateway: context.Gateway, talk: Conversation, reply: Reply, code: str) -> bool:
    found = await proposals.waiting_for(session, talk.address, reply.contact_id)
    outcome = await proposals.prove(session, gateway, found, code, at=reply.at) if found else ""
    if not outcome:
        return False
    if outcome == "proved":
        school, contact = gateway.settings.school, await session.get(Contact, found[0].contact_id)
        inbound = await session.get_one(Inbound, reply.inbound_id)
        reads, wrote_to = letters.language(gateway, contact), str(inbound.event.get("to", ""))
        to = letters.To(talk.medium, talk.address, reply.contact_id, reads, wrote_to)
        words = partial(fresh.checked, school=school.short_name)
        await letters.send(session, gateway, to, words, slot=f"{letters.SLOT}checked:{reply.id}")
    return await _settled(session, gateway, reply, f"understood: code {outcome}")


async def _take_detail(session: Session, gateway: context.Gateway, talk: Conversation, reply: Reply) -> bool:
    """A new number or mailbox, from one contact's own phone or mailbox, and from nobody else."""
    if reply.contact_id is None or (new := reading.detail(reply.body)) is None:
        return False
    kind = points.kind_of(talk.medium)
    point = await proposals.owner(session, talk.address, kind)
    if point is None or point.contact_id != reply.contact_id:
        return False
    asked = await _asked_for_new(session, point, at=reply.at)
    if not (asked or reading.tells(reply.body)):
        return False
    contact = await session.get_one(Contact, reply.contact_id)
    inbound = await session.get_one(Inbound, reply.inbound_id)
    told = proposals.Told(
        contact, point, reply.id or 0, talk.medium, wrote_to=str(inbound.event.get("to", "")), replaces=asked
    )
    if await proposals.propose(session, gateway, told, new) is None or _says_more(gateway, reply.body):
        return False
    return await _settled(session, gateway, reply, "understood: new details")


def _says_more(gateway: context.Gateway, body: str) -> bool:
    """Whether a person must read it besides: it asks something, says much, or something of a child."""
    words = reading.without_details(body)
    said = understood.understand(words, understood.Asked(gateway.today()), languages=_languages(gateway))
    sure = said.intent not in (Intent.OTHER, Intent.THANKS) and said.confidence >= understood.SURE
    return said.urgent or sure or understood.asks(body) or len(words.split()) > _FEW_WORDS


def _languages(gateway: context.Gateway) -> Mapping[str, language.Language]:
    return library.load(gateway.settings.answers.words)


async def _take_wrong_number(session: Session, gateway: context.Gateway, talk: Conversation, reply: Reply) -> bool:
    """Asked whether the number is right, somebody says that it is not this family's at all."""
    query = select(FreshQuestion).where(FreshQuestion.message_id == (reply.message_id or ""))
    question = (await session.scalars(query)).first()
    if question is None or talk.address != question.address:
        return False
    said = understood.understand(reply.body, understood.Asked(gateway.today()), languages=_languages(gateway))
    if said.intent is not Intent.WRONG_NUMBER or said.confidence < understood.SURE:
        return False
    speaker = effects.Speaker("a family", question.contact_id, reply.id, talk.address)
    means = cases.Means(gateway.log, gateway.now())
    pupils = select(Guardianship.pupil_id).where(Guardianship.contact_id == question.contact_id)
    for pupil_id in (await session.scalars(pupils.order_by(col(Guardianship.pupil_id)))).all():
        await effects.wrong_number(session, pupil_id, speaker, means=means)
    question.answered_at, question.answer = gateway.now(), "wrong number"
    session.add(question)
    return await _settled(session, gateway, reply, "understood: wrong number")


async def _asked_for_new(session: Session, point: ContactPoint, *, at: datetime) -> bool:
    """Whether the family has said of this phone or mailbox, of late, that it has changed."""
    query = select(FreshQuestion.id).where(
        FreshQuestion.contact_point_id == point.id,
        FreshQuestion.answer == evidence.CHANGED,
        col(FreshQuestion.answered_at) > at - _OPEN_FOR,
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def _settled(session: Session, gateway: context.Gateway, reply: Reply, what: str) -> bool:
    await replies.settle(session, reply, what, log=gateway.log, now=gateway.now())
    return True
