"""The next question is put to whoever has answered, and who has answered nothing is reminded once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from channels.base import Medium
from gateway import answer_links, chosen, context, errors, planner, reach, tasks
from gateway.database import Session
from gateway.definitions import survey as shape
from gateway.models import About, Message, Notice, NoticeState, Run, Survey, SurveyNotice, SurveyTaker
from gateway.models.types import core
from gateway.surveys import asking

logger = structlog.get_logger()

_AT_ONCE: Final = 100  #: people of one transaction
AUTHOR: Final = "handbell"  #: of the later questions and of reminders
FOLLOWS: Final = "Passes the limit of texts to a family: it follows an answer of theirs."
_TRY_AGAIN: Final = timedelta(hours=1)  #: so long a survey rests that cannot go on
TAKER, PUT, SURVEY = core(SurveyTaker), core(SurveyNotice), core(Survey)


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether a question or a reminder is to be sent."""
    now = gateway.now()
    following = sa.select(TAKER.c.id).where(TAKER.c.next_at <= now).limit(1)
    reminders = sa.select(SURVEY.c.id).where(SURVEY.c.remind_at <= now, SURVEY.c.closed_at.is_(None)).limit(1)
    return bool(await session.scalar(following) or await session.scalar(reminders))


async def turn(session: Session, gateway: context.Gateway) -> None:
    """Put the next questions that are due, and remind, in the caller's transaction."""
    await _go_on(session, gateway)
    now = gateway.now()
    due = sa.update(SURVEY).where(SURVEY.c.remind_at <= now, SURVEY.c.closed_at.is_(None))
    # Whoever takes the time away reminds: ten processes may try.
    for survey_id in list(await session.scalars(due.values(remind_at=None).returning(SURVEY.c.id))):
        survey = await session.get_one(Survey, survey_id, populate_existing=True)
        await _or_tell(session, gateway, survey, partial(_remind, session, gateway, survey))


async def _or_tell(
    session: Session, gateway: context.Gateway, survey: Survey, work: Callable[[], Awaitable[None]]
) -> bool:
    """Whether a piece of work was done; where it cannot be, staff are told, and the other surveys go on."""
    survey_id, key = survey.id, survey.key
    try:
        async with session.begin_nested():
            await work()
    except errors.HandbellError as error:
        logger.exception("survey.stuck", survey=survey_id)
        what = f"The survey “{key}” cannot go on: {error}"
        ask = tasks.Ask("survey", f"survey:{survey_id}", what, "Mend that, or close the survey: handbell survey close.")
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
        return False
    return True


async def _go_on(session: Session, gateway: context.Gateway) -> None:
    """Put the next question, survey by survey: the first to come to it makes its notice, others are added to that."""
    now = gateway.now()
    due = sa.select(TAKER.c.survey_id).where(TAKER.c.next_at <= now).distinct()
    surveys = sa.select(Survey).where(SURVEY.c.id.in_(due)).order_by(SURVEY.c.id)  # a close locks a survey first, too
    for survey in list(await session.scalars(surveys.with_for_update(skip_locked=True))):
        survey_id = survey.id
        if not await _or_tell(session, gateway, survey, partial(_go_on_with, session, gateway, survey)):
            stuck = sa.update(TAKER).where(TAKER.c.survey_id == survey_id, TAKER.c.next_at <= now)
            await session.execute(stuck.values(next_at=now + _TRY_AGAIN))


async def _go_on_with(session: Session, gateway: context.Gateway, survey: Survey) -> None:
    query = (
        sa.select(SurveyTaker)
        .where(TAKER.c.survey_id == survey.id, TAKER.c.next_at <= gateway.now())
        .order_by(TAKER.c.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    whole = shape.read(survey.definition)
    groups = defaultdict[tuple[int, Medium], list[SurveyTaker]](list)
    for taker in list(await session.scalars(query.execution_options(populate_existing=True))):
        message = await session.get(Message, taker.message_id) if taker.message_id else None
        taker.next_at = None
        session.add(taker)
        if message is not None and survey.closed_at is None and taker.answered < len(whole.questions):
            groups[taker.answered, Medium(message.medium)].append(taker)
    await session.flush()
    for (number, medium), group in sorted(groups.items()):
        about = await _pupils(session, [taker.message_id or "" for taker in group])
        wanted = {taker.contact_id: about.get(taker.message_id or "", set()) for taker in group}
        texted = await _texted(session, gateway, wanted) if medium is Medium.VOICE else set[int]()
        for by, some in ((Medium.SMS, wanted.keys() & texted), (medium, wanted.keys() - texted)):
            if some:
                theirs = {one: wanted[one] for one in some}
                await _send(session, gateway, survey, whole, number, theirs, media=[by])


async def _pupils(session: Session, message_ids: Sequence[str]) -> Mapping[str, set[int]]:
    about = core(About).c
    found = defaultdict[str, set[int]](set)
    query = sa.select(about.message_id, about.pupil_id).where(about.message_id.in_(message_ids))
    for message_id, pupil_id in await session.execute(query):
        found[message_id].add(pupil_id)
    return found


async def _remind(session: Session, gateway: context.Gateway, survey: Survey) -> None:
    """Put the first question once more to those whom it has reached, and who have answered nothing.

    Not where the school has taken it back; and later where a second person let it go late, or has not yet.
    """
    whole, now = shape.read(survey.definition), gateway.now()
    query = sa.select(Notice).join(PUT, PUT.c.notice_id == core(Notice).c.id)
    first = (await session.scalars(query.where(PUT.c.survey_id == survey.id, PUT.c.question == 0, ~PUT.c.again))).one()
    if first.state is NoticeState.CANCELLED or whole.remind_after is None:
        return
    began = now if first.state in (NoticeState.HELD, NoticeState.SCHEDULED) else first.approved_at
    if began is not None and began + whole.remind_after > now:
        survey.remind_at = began + whole.remind_after
        session.add(survey)
        await session.flush()
        return
    wanted = await asking.asked(session, survey)
    have = set(await session.scalars(sa.select(TAKER.c.contact_id).where(TAKER.c.survey_id == survey.id)))
    silent = {contact: pupils for contact, pupils in wanted.items() if contact not in have}
    if silent:
        await _send(session, gateway, survey, whole, 0, silent, media=whole.media, again=True)


async def _send(
    session: Session,
    gateway: context.Gateway,
    survey: Survey,
    whole: shape.Survey,
    number: int,
    wanted: Mapping[int, set[int]],
    *,
    media: Sequence[Medium],
    again: bool = False,
) -> None:
    known, listeners = await asking.hearing(session, gateway, wanted)
    passes = "" if again else FOLLOWS
    run, linked = await _run(session, survey, number, again=again), partial(_linked, gateway)
    if run is not None:
        asks = asking.definition(whole, number, key=survey.key, media=media)
        await chosen.add(session, gateway, run, asks, known, listeners, author=AUTHOR, changed=linked, passes=passes)
        return
    own_key = f"{survey.key[: asking.LONGEST_KEY]}-{'reminder' if again else f'q{number + 1}'}"
    asks = asking.definition(whole, number, key=await chosen.free_key(session, own_key), media=media)
    sent = await chosen.send(session, gateway, asks, known, listeners, author=AUTHOR, changed=linked, passes=passes)
    await asking.put(session, survey, sent.notice_id, number, again=again)


async def _run(session: Session, survey: Survey, number: int, *, again: bool) -> Run | None:
    """The run by which this question is put to everybody who comes to it, should somebody have come before."""
    query = (
        sa.select(Run)
        .join(PUT, PUT.c.notice_id == core(Run).c.notice_id)
        .where(PUT.c.survey_id == survey.id, PUT.c.question == number, PUT.c.again == again)
    )
    return (await session.scalars(query)).first()


def _linked(gateway: context.Gateway, row: planner.Planned) -> planner.Planned:
    return answer_links.added(gateway, [row])[0]


async def _texted(session: Session, gateway: context.Gateway, wanted: Mapping[int, set[int]]) -> set[int]:
    """Who of those that have pressed a key in a call can be texted: the next question comes to them by text."""
    known, listeners = await asking.hearing(session, gateway, wanted)
    return {
        one.contact_id
        for one in listeners
        if not one.reason
        and one.contact_id is not None
        and reach.ways(known, one.contact_id, one.pupil_ids, medium=Medium.SMS, mandatory=False).found
    }
