"""A notice to people who were chosen otherwise than by an audience: those who were alarmed, or have answered.

It has one run, which further people may be added to, and from there on is like every other notice: words, senders,
claims, the guard, receipts, replies, ``handbell notice show``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gateway import audit, bell, context, people, planner, runs
from gateway.audience import Audience, Listener
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Message, MessageState, Notice, Run
from gateway.models.types import core


@dataclass(frozen=True, slots=True)
class Sent:
    """What was planned."""

    notice_id: str
    run_id: int
    rows: Sequence[planner.Planned]

    @property
    def contacts(self) -> int:
        """How many people something is on its way to."""
        return len(told(self.rows))


def told(rows: Sequence[planner.Planned]) -> set[int | None]:
    """To whom something is on its way, by a phone or mailbox of their own or by one that they share."""
    messages = [row.message for row in rows]
    going = {one.address for one in messages if one.state is not MessageState.SKIPPED}
    by_another = {one.contact_id for one in messages if one.reason == "merged" and one.address in going}
    return by_another | {one.contact_id for one in messages if one.state is not MessageState.SKIPPED}


def unchanged(row: planner.Planned) -> planner.Planned:
    """A row as it was planned."""
    return row


async def send(
    session: Session,
    gateway: context.Gateway,
    definition: model.Definition,
    known: people.People,
    listeners: Sequence[Listener],
    *,
    author: str,
    changed: Callable[[planner.Planned], planner.Planned] = unchanged,
    passes: str = "",
) -> Sent:
    """Put it into the outbox, in the caller's transaction. ``changed`` has the last word about each row; ``passes`` is
    why it goes past the limit of texts to a family, where it does.

    Raises :class:`errors.BadDefinition` when the words cannot be made, :class:`errors.Conflict` for a key in use.
    """
    run = await runs.at_once(session, gateway, definition, author=author)
    return await add(session, gateway, run, definition, known, listeners, author=author, changed=changed, passes=passes)


async def add(
    session: Session,
    gateway: context.Gateway,
    run: Run,
    definition: model.Definition,
    known: people.People,
    listeners: Sequence[Listener],
    *,
    author: str,
    changed: Callable[[planner.Planned], planner.Planned] = unchanged,
    passes: str = "",
) -> Sent:
    """The same for further people, in a run that is there; whoever has it from that run already gets it no more.

    Raises :class:`errors.BadDefinition` when the words cannot be made.
    """
    now = gateway.now()
    await session.refresh(run, with_for_update=True)
    whole = Audience(known, listeners, (), list(known.pupils))
    found, _ = await runs.sort(session, gateway, definition, whole, fire_at=now, run_id=run.id, passes=passes)
    message = core(Message).c
    there = sa.select(message.slot).where(message.run_id == run.id, message.slot.in_(found.slots()))
    found = found.without(set(await session.scalars(there)))
    means = await runs.means(session, gateway, definition)
    rows = [changed(row) for row in planner.write(found, definition, known, means, fire_at=now, now=now)]
    await runs.write(session, gateway, rows, run_id=run.id)
    run.messages += len(rows)
    session.add(run)
    facts = {"run": run.id, "key": definition.key, "counts": Counter(row.message.state.value for row in rows)}
    line = audit.Line("notice.sent_to_chosen", f"notice:{run.notice_id}", facts, author)
    await gateway.log.record(session, line, now=now)
    await bell.ring(session)
    return Sent(run.notice_id, run.id or 0, rows)


async def free_key(session: Session, wanted: str) -> str:
    """This key, or where somebody has taken it the next free one that begins like it."""
    taken = await session.scalar(sa.select(core(Notice).c.id).where(core(Notice).c.key == wanted))
    return await next_key(session, wanted) if taken else wanted


async def next_key(session: Session, prefix: str) -> str:
    """The next free key of several that begin alike: ``fire-update-1``, ``fire-update-2``."""
    key = core(Notice).c.key
    taken = set(await session.scalars(sa.select(key).where(key.startswith(f"{prefix}-", autoescape=True))))
    return next(one for one in (f"{prefix}-{number}" for number in range(1, len(taken) + 2)) if one not in taken)
