"""A survey is made, and its first question put."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from channels.base import Medium
from gateway import audit, context, errors, notices, people, submission
from gateway.audience import Listener
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.definitions import survey as shape
from gateway.models import About, Message, MessageState, Purpose, Run, Survey, SurveyNotice
from gateway.models.types import core

_REACHED: Final = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)
LONGEST_KEY: Final = 60  #: of a survey's key, so much stands in those of its later notices
PUT, SURVEY = core(SurveyNotice), core(Survey)


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
    await put(session, survey, notice.id, 0)
    facts = {"questions": len(whole.questions), "anonymous": whole.anonymous, "notice": notice.id}
    await gateway.log.record(session, audit.Line("survey.created", f"survey:{survey.id}", facts, by), now=now)
    return survey


def _check_all(gateway: context.Gateway, whole: shape.Survey) -> None:
    """Refuse now what would only fail when somebody has come to a later question."""
    senders = gateway.settings.text_senders
    problems: list[errors.Problem] = []
    for number in range(1, len(whole.questions)):
        wanted = definition(whole, number, key=whole.key)
        found = submission.examine(wanted, now=gateway.now(), timezone=gateway.timezone, senders=senders)
        problems += [
            errors.Problem(one.what, one.cure, field=f"questions.{number}.{one.field or 'text'}") for one in found
        ]
    if problems:
        raise errors.BadDefinition(problems)


async def put(session: Session, survey: Survey, notice_id: str, question: int, *, again: bool = False) -> None:
    """Note that a notice puts a question of a survey."""
    session.add(SurveyNotice(notice_id=notice_id, survey_id=survey.id or 0, question=question, again=again))
    await session.flush()


async def how_many_asked(session: Session, survey: Survey) -> int:
    """How many people the first question has reached, or may have."""
    contact = core(Message).c.contact_id
    return await session.scalar(_first_question(survey, sa.func.count(contact.distinct()))) or 0


async def asked(session: Session, survey: Survey) -> dict[int, set[int]]:
    """Whom the first question has reached, or may have, with the pupils that it was about."""
    message, about = core(Message).c, core(About).c
    query = _first_question(survey, message.contact_id, about.pupil_id)
    found = defaultdict[int, set[int]](set)
    for contact_id, pupil_id in await session.execute(query.outerjoin(core(About), about.message_id == message.id)):
        found[contact_id].add(pupil_id)
    return found


def _first_question(survey: Survey, *wanted: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
    message, run = core(Message).c, core(Run).c
    return (
        sa.select(*wanted)
        .select_from(core(Message))
        .join(core(Run), run.id == message.run_id)
        .join(PUT, PUT.c.notice_id == run.notice_id)
        .where(PUT.c.survey_id == survey.id, PUT.c.question == 0, ~PUT.c.again)
        .where(message.state.in_(_REACHED), message.contact_id.is_not(None))
    )


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
