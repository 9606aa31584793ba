"""Signs of life of many phones and mailboxes at once: what ``points.good`` says of one, in a few statements for all."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Medium, Reason
from gateway import audit, bulk, points
from gateway.models import ContactPoint, LineType, PointState
from gateway.models.types import core, fixed

_table = core(ContactPoint)


def good(connection: Connection, news: Sequence[tuple[Medium, str, datetime]]) -> list[audit.Line]:
    """Write down that these addresses worked, and when. Gives the lines that the caller's transaction must log."""
    if not news:
        return []
    latest: dict[tuple[str, str], datetime] = {}
    texted: set[str] = set()
    for medium, address, at in news:
        key = (points.kind_of(medium).value, address)
        latest[key] = max(at, latest.get(key, at))
        if medium is Medium.SMS:
            texted.add(address)
    dialect = bulk.dialect(connection)
    addresses = bulk.packed_ids({address for _, address, _ in news})
    lines: list[audit.Line] = []
    works: list[tuple[int, str]] = []
    mobiles: list[tuple[int]] = []
    for row in bulk.fetch(connection, _points(dialect), {"ids": addresses}):
        point_id, kind, address, state, line_type, last_bad, last_good = row
        if (kind, address) not in latest:
            continue  # a point of the other kind
        at = latest[kind, address]
        if state != PointState.WRONG and (last_good is None or _moment(last_good) < at):
            works.append((point_id, _written(dialect, at)))
            if state != PointState.WORKING:
                lines.append(audit.Line("point.good", f"point:{point_id}"))
        taken_for = line_type == LineType.LANDLINE and last_bad == Reason.NO_TEXTS
        if address in texted and kind == points.kind_of(Medium.SMS) and (line_type == LineType.OTHER or taken_for):
            mobiles.append((point_id,))
    if works:
        bulk.run(connection, _works(dialect), {"rows": bulk.packed(works)})
    if mobiles:
        bulk.run(connection, _mobile(dialect), {"rows": bulk.packed(mobiles)})
    return lines


def _moment(text: str) -> datetime:
    """A moment as the database writes it: SQLite forgets the time zone, which is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _written(dialect: str, at: datetime) -> str:
    """A moment as the database keeps it, for it travels as text."""
    at = at.astimezone(UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if dialect == "sqlite" else at.isoformat()


@functools.cache
def _points(dialect: str) -> sa.Select[Any]:
    t = _table.c
    query = sa.select(t.id, t.kind, t.address, t.state, t.line_type, t.last_bad_reason, t.last_good_at)
    query = query.where(bulk.among(dialect, t.address)).order_by(t.id)
    return bulk.fetched(dialect, query.with_for_update(key_share=True))


@functools.cache
def _works(dialect: str) -> sa.Update:
    moment = sa.Text() if dialect == "sqlite" else sa.DateTime(timezone=True)
    row, t = bulk.table(dialect, "rows", id=sa.BigInteger, at=moment).c, _table.c
    values = {"state": fixed(PointState.WORKING), "strikes": 0, "bad_days": sa.literal_column("'[]'")}
    return sa.update(_table).where(t.id == row.id).values(last_good_at=row.at, **values)


@functools.cache
def _mobile(dialect: str) -> sa.Update:
    row, t = bulk.table(dialect, "rows", id=sa.BigInteger).c, _table.c
    return sa.update(_table).where(t.id == row.id).values(line_type=fixed(LineType.MOBILE))
