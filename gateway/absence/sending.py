"""From who hears to messages in the outbox: each asking and each telling is a notice of its own, with one run.

So everything that follows is that of every notice: words, senders, claims, receipts, replies, ``handbell notice show``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import audit, bell, context, people, planner, runs, sorting
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.models import DaySession, MessageState, Notice, Purpose
from gateway.models.types import core

AUTHOR: Final = "handbell"  #: of the notices by which absences are asked about, and families told


@dataclass(frozen=True, slots=True)
class Sent:
    """What was planned: the run, and the pupils of whom a message is on its way."""

    run_id: int
    reached: frozenset[int]


@dataclass(frozen=True, slots=True)
class Words:
    """Which wording, with which values, by which media, and how long it is worth saying."""

    template: str
    title: str
    values: Mapping[str, Any]
    media: Sequence[Medium]
    valid: str


def definition(words: Words, known: people.People, pupil_ids: Collection[int], *, key: str) -> model.Definition:
    """The definition of one asking or telling."""
    return model.Definition.model_validate(
        {
            "key": key,
            "title": words.title,
            "purpose": Purpose.SAFEGUARDING,
            "template": words.template,
            "values": dict(words.values),
            "audience": {"pupils": [known.pupils[one].source_id for one in sorted(pupil_ids)]},
            "media": list(words.media),
            "valid": {"for": words.valid},
        }
    )


def plan(
    wanted: model.Definition, found: sorting.Sorting, known: people.People, means: planner.Means, *, now: datetime
) -> list[planner.Planned]:
    """The rows that would be written.

    Raises :class:`errors.BadDefinition` when the words cannot be made.
    """
    return planner.write(found, wanted, known, means, fire_at=now, now=now)


def sort(wanted: model.Definition, known: people.People, listeners: Sequence[Listener]) -> sorting.Sorting:
    """Who hears by which phone or mailbox."""
    return sorting.sort(wanted, Audience(known, listeners, ()))


def reached(rows: Sequence[planner.Planned]) -> frozenset[int]:
    """The pupils of whom a message is on its way."""
    leaving = (row for row in rows if row.message.state is not MessageState.SKIPPED)
    return frozenset(pupil_id for row in leaving for pupil_id in row.pupil_ids)


async def send(
    session: Session,
    gateway: context.Gateway,
    wanted: model.Definition,
    found: sorting.Sorting,
    known: people.People,
    *,
    step: int = 0,
    only_if: str = "",
) -> Sent:
    """Put it into the outbox, in the caller's transaction.

    Raises :class:`errors.BadDefinition` when the words cannot be made.
    """
    now = gateway.now()
    rows = plan(wanted, found, known, await runs.means(session, gateway, wanted), now=now)
    rows = [row._replace(message=row.message._replace(step=step, only_if=only_if)) for row in rows]
    run = await runs.at_once(session, gateway, wanted, author=AUTHOR)
    run.messages = len(rows)
    session.add(run)
    await runs.write(session, gateway, rows, run_id=run.id)
    counts = Counter(row.message.state.value for row in rows)
    facts = {"run": run.id, "key": wanted.key, "counts": counts}
    await gateway.log.record(session, audit.Line("absence.sent", f"notice:{run.notice_id}", facts), now=now)
    await bell.ring(session)
    return Sent(run.id or 0, reached(rows))


async def next_key(session: Session, day: date, which: DaySession) -> str:
    """The key of the next asking or telling of a session; the caller holds the session's register."""
    prefix = f"absence-{day:%Y-%m-%d}-{which.value}-"
    key = core(Notice).c.key
    taken = await session.scalar(sa.select(sa.func.count()).where(key.startswith(prefix)))
    return f"{prefix}{(taken or 0) + 1}"
