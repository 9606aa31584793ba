"""A survey is made, its next question is put to whoever has answered, and who has answered nothing is reminded once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from channels.base import Medium
from gateway import answer_links, audit, chosen, context, errors, notices, people, planner, reach, submission
from gateway.audience import Listener
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.definitions import survey as shape
from gateway.models import About, Message, MessageState, Purpose, Run, Survey, SurveyNotice, SurveyTaker
from gateway.models.types import core

_AT_ONCE: Final = 100  #: people of one transaction
_REACHED: Final = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)
AUTHOR: Final = "handbell"  #: of the later questions and of reminders
TAKER, PUT, SURVEY = core(SurveyTaker), core(SurveyNotice), core(Survey)


def definition(
    whole: shape.Survey, number: int, *, key: str, media: Sequence[Medium] | None = None, first: bool = False
) -> model.Definition:
    """One question as a notice. Only the ``first`` has a time of its own, and waits for a second person.

    Raises :class:`errors.BadDefinition`.
    """
    question, data = whole.questions[number], whole.model_dump(mode="json", by_alias=True)
    own = {"schedule": data["schedule"], "approval": data["approval"]} if first else {}
    return reading.read(
        {
            "key": key,
            "title": whole.title,
            "purpose": Purpose.SURVEY.value,
            "text": question.text,
            "audience": data["audience"],
            "media": [one.value for one in media or whole.media],
            "valid": {"for": data["valid_for"]},
            "replies": {"expected": True, "options": data["questions"][number]["options"]},
            **own,
        }
    )


async def create(session: Session, gateway: context.Gateway, whole: shape.Survey, *, by: str) -> Survey:
    """Make a survey and put its first question, now or when its schedule says.

    Raises :class:`errors.BadDefinition`, :class:`errors.Conflict` for a key in use.
    """
    now = gateway.now()
    _check_all(gateway, whole)
    notice = await notices.submit(session, gateway, definition(whole, 0, key=whole.key, first=True), author=by)
    begins = notice.next_fire_at or now
    survey = Survey(
        key=whole.key,
        title=whole.title,
        anonymous=whole.anonymous,
        definition=whole.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        by=by,
        created_at=now,
        remind_at=begins + whole.remind_after if whole.remind_after else None,
    )
    try:
        async with session.begin_nested():
            session.add(survey)
            await session.flush()
    except IntegrityError:
        raise errors.Conflict(f"There is a survey “{whole.key}” already. Give this one another key.") from None
    await _put(session, survey, notice.id, 0)
    facts = {"questions": len(whole.questions), "anonymous": whole.anonymous, "notice": notice.id}
    await gateway.log.record(session, audit.Line("survey.created", f"survey:{survey.id}", facts, by), now=now)
    return survey


def _check_all(gateway: context.Gateway, whole: shape.Survey) -> None:
    """Refuse now what would only fail when somebody has come to a later question."""
    senders = [one.address for one in gateway.settings.twilio.sms_senders]
    problems: list[errors.Problem] = []
    for number in range(1, len(whole.questions)):
        wanted = definition(whole, number, key=whole.key)
        found = submission.examine(wanted, now=gateway.now(), timezone=gateway.timezone, senders=senders)
        problems += [
            errors.Problem(one.what, one.cure, field=f"questions.{number}.{one.field or 'text'}") for one in found
        ]
    if problems:
        raise errors.BadDefinition(problems)


async def _put(session: Session, survey: Survey, notice_id: str, question: int, *, again: bool = False) -> None:
    session.add(SurveyNotice(notice_id=notice_id, survey_id=survey.id or 0, question=question, again=again))
    await session.flush()


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
        await _remind(session, gateway, await session.get_one(Survey, survey_id, populate_existing=True))


async def _go_on(session: Session, gateway: context.Gateway) -> None:
    """Put the next question, survey by survey: the first to come to it makes its notice, others are added to that."""
    now = gateway.now()
    due = sa.select(TAKER.c.survey_id).where(TAKER.c.next_at <= now).distinct()
    surveys = sa.select(Survey).where(SURVEY.c.id.in_(due)).order_by(SURVEY.c.id)  # a close locks a survey first, too
    for survey in list(await session.scalars(surveys.with_for_update(skip_locked=True))):
        await _go_on_with(session, gateway, survey)


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
        await _send(session, gateway, survey, whole, number, wanted, media=[medium])


async def _pupils(session: Session, message_ids: Sequence[str]) -> Mapping[str, set[int]]:
    about = core(About).c
    found = defaultdict[str, set[int]](set)
    query = sa.select(about.message_id, about.pupil_id).where(about.message_id.in_(message_ids))
    for message_id, pupil_id in await session.execute(query):
        found[message_id].add(pupil_id)
    return found


async def _remind(session: Session, gateway: context.Gateway, survey: Survey) -> None:
    """Put the first question once more to those whom it has reached, and who have answered nothing."""
    wanted = await asked(session, survey)
    have = set(await session.scalars(sa.select(TAKER.c.contact_id).where(TAKER.c.survey_id == survey.id)))
    whole = shape.read(survey.definition)
    silent = {contact: pupils for contact, pupils in wanted.items() if contact not in have}
    if silent:
        await _send(session, gateway, survey, whole, 0, silent, media=whole.media, again=True)


async def asked(session: Session, survey: Survey) -> dict[int, set[int]]:
    """Whom the first question has reached, or may have, with the pupils that it was about."""
    message, about, run = core(Message).c, core(About).c, core(Run).c
    query = (
        sa.select(message.contact_id, about.pupil_id)
        .join(core(Run), run.id == message.run_id)
        .join(PUT, PUT.c.notice_id == run.notice_id)
        .outerjoin(core(About), about.message_id == message.id)
        .where(PUT.c.survey_id == survey.id, PUT.c.question == 0, ~PUT.c.again)
        .where(message.state.in_(_REACHED), message.contact_id.is_not(None))
    )
    found = defaultdict[int, set[int]](set)
    for contact_id, pupil_id in await session.execute(query):
        found[contact_id].add(pupil_id)
    return found


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
    known, listeners = await hearing(session, gateway, wanted)
    if media == [Medium.VOICE]:  # who has pressed a key in a call is texted where that is possible
        media = _texted(known, listeners)
    key = f"{survey.key}-{'reminder' if again else f'q{number + 1}'}"
    asks, linked = definition(whole, number, key=key, media=media), partial(_linked, gateway)
    run = await _run(session, survey, number, again=again)
    if run is not None:
        await chosen.add(session, gateway, run, asks, known, listeners, author=AUTHOR, changed=linked)
        return
    sent = await chosen.send(session, gateway, asks, known, listeners, author=AUTHOR, changed=linked)
    await _put(session, survey, sent.notice_id, number, again=again)


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


def _texted(known: people.People, listeners: Sequence[Listener]) -> list[Medium]:
    ways = (
        reach.ways(known, one.contact_id, one.pupil_ids, medium=Medium.SMS, mandatory=False).found
        for one in listeners
        if not one.reason
    )
    return [Medium.SMS] if all(ways) else [Medium.VOICE]


async def hearing(
    session: Session, gateway: context.Gateway, wanted: Mapping[int, set[int]]
) -> tuple[people.People, list[Listener]]:
    """These people as they are on file today, and as listeners: who is barred since has the reason."""
    today = gateway.today()
    known = await people.load(session, today=today, pupil_ids=sorted(set().union(*wanted.values())))
    rows: dict[tuple[int, str], Listener] = {}
    for contact_id, pupil_ids in sorted(wanted.items()):
        for pupil_id in sorted(pupil_ids & known.pupils.keys()):
            reason = _reason(known, contact_id, pupil_id, today=today)
            if reason is not None:
                key = (contact_id, reason)
                rows.setdefault(key, Listener(contact_id, reason=reason)).pupil_ids.append(pupil_id)
    return known, list(rows.values())


def _reason(known: people.People, contact_id: int, pupil_id: int, *, today: date) -> str | None:
    """Why somebody does not hear of a pupil, ``""`` where they do, None where they are no longer on file for it."""
    tie = next((one for one in known.ties.get(pupil_id, ()) if one.contact_id == contact_id), None)
    if tie is None or known.contacts[contact_id].deceased:
        return None
    return "barred" if tie.barred_on(today) else ""


async def find(session: Session, key: str, *, lock: bool = False) -> Survey:
    """A survey by its key.

    Raises :class:`errors.NotFound`.
    """
    query = sa.select(Survey).where(SURVEY.c.key == key)
    found = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if found is None:
        raise errors.NotFound(f"There is no survey “{key}”.")
    return found
