"""What is kept of people, what keeps the audit log, and the copies: does it all go as it should?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from gateway import context
from gateway.backup import copies
from gateway.doctor.findings import Finding
from gateway.privacy import retention, scrubbing

_LATE: Final = timedelta(days=2)
#: One is made each night, so that two nights have made none. ``config/monitoring/alerts.yml`` has the same figure.
COPY_LATE: Final = timedelta(days=2)
#: The triggers by which both databases refuse whatever is no new line (migration 0023).
GUARDS: Final = frozenset({"audit_insert", "audit_update", "audit_delete", "audit_end_delete"})


async def guards(gateway: context.Gateway) -> list[Finding]:
    """Whether the database itself refuses to change the audit log."""
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if not gateway.database.is_sqlite:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
    async with gateway.database.read() as session:
        there = set(await session.scalars(sa.text(query)))
    if missing := sorted(GUARDS - there):
        cure = "Somebody who owns the database took them away. Run handbell audit verify with a published head."
        return [Finding("audit guard", "bad", f"The audit log can be changed: {', '.join(missing)} missing.", cure)]
    return [Finding("audit guard", "ok", "The database refuses to change the audit log.")]


async def clocks(gateway: context.Gateway) -> list[Finding]:
    """Whether what is over goes at night, here and at the provider."""
    async with gateway.database.read() as session:
        last = await retention.last_night(session)
        over = sum(one.rows for one in await retention.due(session, gateway))
        waiting, done = await scrubbing.waiting(session)
    sentence = f"{over} rows of people are over; {done} texts were emptied at the provider, {waiting} wait for it."
    if last is None and not over:
        return [Finding("retention", "ok", "Nothing is kept for longer than it should be.")]
    if last is None or gateway.now() - last.at > _LATE:
        cure = "Is a process with the role clock running at night? See handbell retention show."
        return [Finding("retention", "warn", f"What is over has not gone for two nights. {sentence}", cure)]
    return [Finding("retention", "ok", f"Done last on {last.at:%d/%m/%Y}. {sentence}")]


def last_copy(gateway: context.Gateway, made: datetime | None) -> Finding:
    """Whether the nights make copies of the database. ``made`` is when the last one was."""
    if gateway.settings.practice.enabled:
        return Finding("backup", "ok", "Practice needs no copies.")
    said = f"The last copy of the database is of {made.astimezone(gateway.timezone):%d %B %H:%M}." if made else ""
    if made and gateway.now() - made <= COPY_LATE:
        return Finding("backup", "ok", said)
    cure = "Say handbell backup make, and see systemctl status handbell-backup.timer."
    return Finding("backup", "warn", said or "No copy of the database was ever made.", cure)


async def copied(gateway: context.Gateway) -> list[Finding]:
    """The same, asked of the database; and whether copies lie there that nobody throws away."""
    async with gateway.database.read() as session:
        found = [last_copy(gateway, await copies.last_made(session))]
    folder = copies.folder(gateway.settings)
    if strange := copies.strange(folder, secret=gateway.secret):
        what = f"In {folder} are copies that may be another's, and never go by themselves: {', '.join(strange)}."
        cure = "Another school's? Give each a backup.folder of its own. Else throw them away: families are in them."
        found.append(Finding("copies", "warn", what, cure))
    return found
