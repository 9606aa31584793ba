"""One message of good news in so many carries a question: is this still the best number, or mailbox?

Good news is read gladly, so that is when to ask. Never where another menu may still be answered from there, never on a
phone that two share, and only in the language that the good news itself comes in. A message of its own, for those of
whom nothing is heard at all, is ``freshness/nagging.py``'s.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from channels.base import Medium
from config import sections
from gateway import answers, guard, likely, planner, wording
from gateway.database import Session
from gateway.models import ContactPoint, FreshQuestion, Message, MessageState, PointKind, Purpose
from gateway.models.types import core
from templates import fresh, languages, segments

CARRIED: Final = "carried"
_KINDS: Final = {Medium.SMS: PointKind.PHONE, Medium.EMAIL: PointKind.EMAIL}
_NEVER_WENT: Final = (MessageState.SKIPPED, MessageState.CANCELLED)
_SAME_KEYS: Final = timedelta(days=1)  #: for so long a key to a newer menu may be meant for our question


async def carry(
    session: Session,
    rows: Sequence[planner.Planned],
    asking: answers.Answering,
    rules: sections.Freshness,
    *,
    now: datetime,
) -> tuple[Sequence[planner.Planned], list[FreshQuestion]]:
    """Put the question into those of these rows whose turn it is, and give what to store once they are stored."""
    may = [row for row in rows if _may_carry(row)] if rules.ask_every else []
    if not may:
        return rows, []
    due = await _due(session, {row.message.contact_point_id or 0 for row in may}, rules, now=now)
    free = {
        (medium, address)
        for medium, kind in _KINDS.items()
        for address in await likely.free(session, _addresses(may, medium), now=now, kind=kind)
    }
    changed, asked = dict[str, planner.Planned](), dict[int, FreshQuestion]()
    for row in may:
        message, contact_id = row.message, row.message.contact_id or 0
        ours = message.contact_point_id in due and (message.medium, message.address) in free
        if not ours or contact_id in asked:  # one question to one person is enough
            continue
        if (with_it := _with_question(row, asking)) is not None:
            changed[message.id] = with_it
            asked[contact_id] = FreshQuestion(
                contact_id=contact_id,
                contact_point_id=message.contact_point_id or 0,
                address=message.address,
                message_id=message.id,
                kind=CARRIED,
                asked_at=now,
            )
    return [changed.get(row.message.id, row) for row in rows], list(asked.values())


def _may_carry(row: planner.Planned) -> bool:
    message = row.message
    leaves = message.state is MessageState.QUEUED and message.purpose is Purpose.GOOD_NEWS and message.step == 0
    by_itself = message.sender_id is not None  # not within a digest: there nobody could answer
    return (
        leaves and by_itself and message.medium in _KINDS and not message.keys and message.contact_point_id is not None
    )


def _addresses(rows: Sequence[planner.Planned], medium: Medium) -> set[str]:
    return {row.message.address for row in rows if row.message.medium is medium}


async def _due(session: Session, ids: Collection[int], rules: sections.Freshness, *, now: datetime) -> set[int]:
    """The points whose turn it is: so many good news since they were asked, and not confirmed lately anyway."""
    point, message, question = core(ContactPoint).c, core(Message).c, core(FreshQuestion).c
    asked = (
        sa.select(sa.func.max(question.asked_at))
        .where(question.contact_point_id == point.id)
        .correlate(core(ContactPoint))
        .scalar_subquery()
    )
    since = sa.and_(
        message.contact_point_id == point.id,
        message.purpose == Purpose.GOOD_NEWS,
        message.state.not_in(_NEVER_WENT),
        sa.or_(asked.is_(None), message.created_at > asked),
    )
    lately = now - timedelta(days=rules.green_days)
    query = (
        sa.select(point.id, sa.func.count(message.id))
        .select_from(core(ContactPoint).outerjoin(core(Message), since))
        .where(point.id.in_(sorted(ids)), sa.or_(point.confirmed_at.is_(None), point.confirmed_at < lately))
        .group_by(point.id)
    )
    return {point_id for point_id, had in await session.execute(query) if had + 1 >= rules.ask_every}


def _with_question(row: planner.Planned, asking: answers.Answering) -> planner.Planned | None:
    """The row with the question below its words; None where that would be in another language, or too long."""
    message = row.message
    wanted = message.language or languages.ENGLISH
    used = answers.allowed(wanted, drafts=asking.school.allow_drafts, group="details")
    if languages.base(used) != languages.base(wanted):
        return None
    asked = fresh.question(used, mailbox=message.medium is Medium.EMAIL)
    body = wording.with_menu(message.medium, message.body, asked)
    parts = 1
    if message.medium is Medium.SMS:
        body = segments.fold(body) if used in asking.school.fold_accents else body
        parts = segments.count(body).parts
        if parts > guard.MOST_PARTS:
            return None
    pence = asking.costs.of(message.medium, parts=parts, characters=len(body))
    return row._replace(message=message._replace(body=body, keys=fresh.KEYS, parts=parts, pence=pence))


async def may_be_meant(session: Session, message: Message, key: str) -> bool:
    """Whether a key may answer our question, though this other menu is newer and has it too.

    The question never goes out beside another menu, but an absence is asked about whatever else is open: «1» would
    explain a missing child by illness, where its parent says that the number is right.
    """
    question = core(FreshQuestion).c
    query = sa.select(question.id).where(
        question.address == message.address,
        question.message_id != message.id,
        question.answered_at.is_(None),
        question.asked_at <= message.created_at,
        question.asked_at > message.created_at - _SAME_KEYS,
    )
    return key in fresh.KEYS and (await session.execute(query.limit(1))).first() is not None
