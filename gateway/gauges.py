"""What ``/metrics`` says of the whole installation, whichever process does the work: counted in the database."""

from __future__ import annotations

import math

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import TellsTime
from gateway import context, disk, outbox, tasks, trial
from gateway.backup import copies
from gateway.desk import overdue
from gateway.models import Audit, Conversation, Sender


async def refresh(gateway: context.Gateway) -> None:
    """Bring the gauges up to date."""
    metrics, now = gateway.metrics, gateway.now()
    async with gateway.database.read() as session:
        waiting = await outbox.waiting(session)
        people = await session.scalar(
            sa.select(sa.func.count()).select_from(Conversation).where(col(Conversation.waiting_since).is_not(None))
        )
        late = await overdue.count(session, now=now)
        open_tasks = await tasks.count(session)
        lanes = list(await session.scalars(select(Sender).where(col(Sender.active))))
        unchained = sa.select(sa.func.count(), sa.func.min(col(Audit.at))).where(col(Audit.link).is_(None))
        unsealed, oldest_line = (await session.execute(unchained)).one()
        metrics.trial.set(await trial.goes_on(session))
        copied_at = await copies.last_made(session)
    metrics.queued.clear()
    metrics.oldest.clear()
    for (medium, priority), (count, oldest) in waiting.items():
        metrics.queued.labels(medium, str(priority)).set(count)
        age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        metrics.oldest.labels(medium, str(priority)).set(age)
    metrics.circuits.clear()
    for lane in lanes:
        metrics.circuits.labels(str(lane.id), lane.channel).set(lane.open_since is not None)
    metrics.waiting.set(people or 0)
    metrics.overdue.set(late)
    metrics.unsealed.set(unsealed)
    metrics.unsealed_age.set(max(0.0, (now - oldest_line).total_seconds()) if oldest_line else 0)
    metrics.copy_age.set((now - copied_at).total_seconds() if copied_at else math.inf)
    metrics.quiet.set(gateway.is_quiet(now))
    metrics.disk_free.set(disk.free_bytes(gateway))
    for name, channel in gateway.channels.items():
        if isinstance(channel, TellsTime) and (ahead := channel.ahead) is not None:
            metrics.ahead.labels(name).set(ahead.total_seconds())
    for urgent, count in open_tasks.items():
        metrics.tasks.labels("yes" if urgent else "no").set(count)
