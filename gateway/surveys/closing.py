"""A survey ends with what the school has done, told to those who answered, or with a reason why it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from gateway import audit, chosen, context, errors, notices
from gateway.database import Session
from gateway.definitions import reading
from gateway.definitions import survey as shape
from gateway.models import About, Notice, NoticeState, Purpose, Survey, SurveyNotice, SurveyTaker
from gateway.models.types import core
from gateway.surveys import asking

WORDING: Final = "you_said_we_did"
TOLD, REASON = "told", "reason"
_WORTH = timedelta(days=3)

#: A sentence in English, or by language.
Words = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Closed:
    """``told`` are the people to whom the answer is on its way; ``taken_back`` questions that had not left."""

    survey: Survey
    told: int
    taken_back: int


async def close(
    session: Session,
    gateway: context.Gateway,
    key: str,
    *,
    you_said: Words = "",
    we_did: Words = "",
    reason: str = "",
    by: str,
) -> Closed:
    """Close a survey: by what families said and the school did, or by the reason for which it did not.

    Raises :class:`errors.BadInput` without either, :class:`errors.Conflict` where it is closed already,
    :class:`errors.NotFound`.
    """
    if bool(you_said and we_did) == bool(reason.strip()) or bool(you_said) != bool(we_did):
        problem = errors.Problem(
            "a survey is not closed without an answer to those who took part.",
            "Say what they said and what you did, or give the reason why you do not.",
        )
        raise errors.BadInput([problem])
    survey, now = await asking.find(session, key, lock=True), gateway.now()
    if survey.closed_at is not None:
        raise errors.Conflict(f"{survey.key} was closed already, by {survey.closed_by}.")
    taken_back = await _take_back(session, gateway, survey, by=by)
    told = 0 if reason else await _tell(session, gateway, survey, you_said, we_did, by=by)
    survey.closed_at, survey.closed_by, survey.remind_at = now, by, None
    survey.closing, survey.reason = (REASON, reason.strip()) if reason else (TOLD, "")
    session.add(survey)
    takers = core(SurveyTaker)
    await session.execute(sa.update(takers).where(takers.c.survey_id == survey.id).values(next_at=None))
    facts = {"how": survey.closing, "told": told, "taken_back": taken_back}
    await gateway.log.record(session, audit.Line("survey.closed", f"survey:{survey.id}", facts, by), now=now)
    return Closed(survey, told, taken_back)


async def said(session: Session, survey: Survey) -> tuple[str, str] | None:
    """What families said and what the school did, in English, as it was told; None where nobody was told."""
    t = core(Notice).c
    query = sa.select(t.definition).where(t.key.startswith(_prefix(survey), autoescape=True)).order_by(t.id)
    for definition in await session.scalars(query):
        if definition.get("template") == WORDING:
            both = [definition["values"][name] for name in ("you_said", "we_did")]
            you_said, we_did = (one if isinstance(one, str) else one.get("en", "") for one in both)
            return you_said, we_did
    return None


def _prefix(survey: Survey) -> str:
    """What the key of the notice that tells them begins with."""
    return f"{survey.key[: asking.LONGEST_KEY]}-we-did"


async def _take_back(session: Session, gateway: context.Gateway, survey: Survey, *, by: str) -> int:
    put, notice = core(SurveyNotice).c, core(Notice).c
    query = (
        sa.select(notice.key)
        .join(core(SurveyNotice), put.notice_id == notice.id)
        .where(put.survey_id == survey.id, notice.state.not_in([NoticeState.CANCELLED, NoticeState.BROKEN]))
        .order_by(notice.id)
    )
    return sum([await notices.cancel(session, gateway, key, actor=by) for key in await session.scalars(query)])


async def _tell(
    session: Session, gateway: context.Gateway, survey: Survey, you_said: Words, we_did: Words, *, by: str
) -> int:
    """Tell those who answered, by the media of the survey. Gives how many."""
    taker, about = core(SurveyTaker).c, core(About).c
    query = (
        sa.select(taker.contact_id, about.pupil_id)
        .join(core(About), about.message_id == taker.message_id)
        .where(taker.survey_id == survey.id)
    )
    wanted: dict[int, set[int]] = {}
    for contact_id, pupil_id in await session.execute(query):
        wanted.setdefault(contact_id, set()).add(pupil_id)
    if not wanted:
        return 0
    whole = shape.read(survey.definition)
    known, listeners = await asking.hearing(session, gateway, wanted)
    definition = reading.read(
        {
            "key": await chosen.next_key(session, _prefix(survey)),
            "title": f"{survey.title}: you said, we did"[:120],
            "purpose": Purpose.SURVEY.value,
            "template": WORDING,
            "values": {"you_said": _plain(you_said), "we_did": _plain(we_did)},
            "audience": whole.model_dump(mode="json", by_alias=True)["audience"],
            "media": [one.value for one in whole.media],
            "valid": {"for": f"{_WORTH // timedelta(hours=1)}h"},
        }
    )
    return (await chosen.send(session, gateway, definition, known, listeners, author=by)).contacts


def _plain(words: Words) -> str | dict[str, str]:
    return words if isinstance(words, str) else dict(words)
