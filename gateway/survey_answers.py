"""Answers to surveys: taken as they come in, by digit, key, words or link, and counted once.

In an anonymous survey an answer becomes one more in a sum, and what came in is emptied: that somebody has answered
stays, what they said does not. It is no row among the replies, so nobody has to read it and no list shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from channels import base
from channels.base import Medium
from gateway import audit, optout, points, upsert
from gateway.database import Session
from gateway.definitions import survey as shape
from gateway.models import (
    About,
    Inbound,
    Message,
    Pupil,
    Purpose,
    Run,
    Survey,
    SurveyAnswer,
    SurveyNotice,
    SurveyTaker,
    SurveyTally,
)
from gateway.models.types import core
from gateway.understanding import choice

BY_LINK: Final = timedelta(minutes=10)  #: who answers on the page goes on there; later the next question is sent
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """A message puts a question of a survey."""

    survey: Survey
    whole: shape.Survey
    number: int

    @property
    def question(self) -> shape.Question:
        """The question."""
        return self.whole.questions[self.number]


async def asked_by(session: Session, message: Message) -> Asked | None:
    """The question that a message puts, None where it is of no survey."""
    if message.purpose is not Purpose.SURVEY or message.run_id is None:
        return None
    put = core(SurveyNotice).c
    query = (
        sa.select(Survey, put.question)
        .join(core(SurveyNotice), put.survey_id == core(Survey).c.id)
        .join(core(Run), core(Run).c.notice_id == put.notice_id)
        .where(core(Run).c.id == message.run_id)
    )
    found = (await session.execute(query)).first()
    return Asked(found[0], shape.read(found[0].definition), found[1]) if found else None


async def take(
    session: Session, reply: base.Reply, message: Message, inbound: Inbound, *, log: audit.Log, now: datetime
) -> str:
    """Take a reply as an answer, where it is one. Gives a word for what came of it, ``""`` where a person must read it.

    Words to a question without options are kept as the answer, and a person reads them all the same: they may say that
    a child is ill. No word on which networks act is an answer, but for «yes» where it ends no silence.
    """
    if message.purpose is not Purpose.SURVEY or reply.media or message.contact_id is None:
        return ""
    asked = await asked_by(session, message)
    said = reply.keys or reply.body
    if asked is None or (not reply.keys and await _is_networks_word(session, reply)):
        return ""
    key = choice.key(said, asked.question.labels())
    over = asked.survey.closed_at is not None
    if (asked.question.options and not key) or (over and not asked.survey.anonymous):
        return ""
    words = "" if key else said[:_LONGEST]
    if not over:  # else it is not counted, and of an anonymous survey kept nowhere all the same
        await record(session, asked, message, key=key, words=words, log=log, now=now)
    if words:
        return ""
    if asked.survey.anonymous:
        inbound.event, inbound.raw = {**inbound.event, "body": "", "keys": ""}, {}
    await points.good(session, reply.medium, reply.sender, at=reply.at, log=log, now=now)
    return "survey"


async def _is_networks_word(session: Session, reply: base.Reply) -> bool:
    if optout.is_no_answer(reply.body):
        return True
    return optout.fold(reply.body) == optout.YES and await points.has_stopped(session, reply.medium, reply.sender)


async def record(
    session: Session,
    asked: Asked,
    message: Message,
    *,
    key: str,
    words: str = "",
    by_link: bool = False,
    log: audit.Log,
    now: datetime,
) -> bool:
    """Count an answer, and have the next question put. False where this one was answered before: the first counts."""
    survey_id, contact_id = asked.survey.id or 0, message.contact_id
    fresh = {"survey_id": survey_id, "contact_id": contact_id, "answered": 0}
    await upsert.insert(session, core(SurveyTaker), [fresh], key=("survey_id", "contact_id"))
    t = core(SurveyTaker).c
    mine = sa.select(SurveyTaker).where(t.survey_id == survey_id, t.contact_id == contact_id).with_for_update()
    taker = (await session.scalars(mine.execution_options(populate_existing=True))).one()
    if taker.answered > asked.number:
        return False
    taker.answered, taker.message_id = asked.number + 1, message.id
    more = taker.answered < len(asked.whole.questions)
    taker.next_at = now + (BY_LINK if by_link else timedelta(0)) if more else None
    session.add(taker)
    form = await _form(session, message)
    if asked.survey.anonymous:
        await _count(session, survey_id, asked.number, key, form, message.language)
    else:
        session.add(
            SurveyAnswer(
                survey_id=survey_id, taker_id=taker.id or 0, question=asked.number, option=key, words=words, form=form,
                language=message.language,
            )
        )  # fmt: skip
    await session.flush()
    facts: dict[str, object] = {"question": asked.number, "by_link": by_link}
    if not asked.survey.anonymous:
        facts |= {"contact": contact_id, "medium": Medium(message.medium)}
    await log.record(session, audit.Line("survey.answered", f"survey:{survey_id}", facts, "parent"), now=now)
    return True


async def _count(session: Session, survey_id: int, question: int, option: str, form: str, language: str) -> None:
    group = {"survey_id": survey_id, "question": question, "option": option, "form": form, "language": language}
    await upsert.insert(session, core(SurveyTally), [{**group, "answers": 0}], key=tuple(group))
    t = core(SurveyTally)
    here = [t.c[name] == value for name, value in group.items()]
    await session.execute(sa.update(t).where(*here).values(answers=t.c.answers + 1))


async def _form(session: Session, message: Message) -> str:
    """The form of the child that it is about; of several the first by name."""
    query = (
        sa.select(core(Pupil).c.form)
        .join(core(About), core(About).c.pupil_id == core(Pupil).c.id)
        .where(core(About).c.message_id == message.id)
        .order_by(core(Pupil).c.form)
        .limit(1)
    )
    return await session.scalar(query) or ""
