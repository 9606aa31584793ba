"""A snapshot of pupils, the contacts who answer for them, and their contact points: what the audience is chosen from.

Plain rows, read with four queries, because one notice may need all of them at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway.database import Session
from gateway.models import Contact, ContactPoint, Guardianship, OptOut, Pupil

#: More pupils than these are picked out of the whole school here: databases take only so many values in one question.
_FEW = 1000


@dataclass(frozen=True, slots=True)
class People:
    """Pupils by id, their guardianships in order of priority, contacts and points by id, and the opt-outs.

    ``barred`` holds, for each pupil, every address that belongs to somebody barred from that pupil today.
    """

    pupils: Mapping[int, Pupil]
    ties: Mapping[int, Sequence[Guardianship]]
    contacts: Mapping[int, Contact]
    points: Mapping[int, Sequence[ContactPoint]]
    opted_out: Mapping[tuple[Medium, str], bool]
    barred: Mapping[int, frozenset[str]]


async def load(session: Session, *, today: date, pupil_ids: Iterable[int] | None = None) -> People:
    """Read the people of these pupils (of all pupils on roll, if none are given), but for pupils who have died."""
    wanted = None if pupil_ids is None else set(pupil_ids)
    few = list(wanted) if wanted is not None and len(wanted) <= _FEW else None
    pupils = await _pupils(session, today=today, wanted=wanted, few=few)
    ties: dict[int, list[Guardianship]] = defaultdict(list)
    query = select(Guardianship).order_by(col(Guardianship.priority), col(Guardianship.id))
    for tie in await session.scalars(query if few is None else query.where(col(Guardianship.pupil_id).in_(few))):
        if tie.pupil_id in pupils:
            ties[tie.pupil_id].append(tie)
    near = None if few is None else select(Guardianship.contact_id).where(col(Guardianship.pupil_id).in_(few))
    tied = {tie.contact_id for row in ties.values() for tie in row}
    everybody = select(Contact) if near is None else select(Contact).where(col(Contact.id).in_(near))
    contacts = {c.id: c for c in await session.scalars(everybody) if c.id in tied and c.id is not None}
    points: dict[int, list[ContactPoint]] = defaultdict(list)
    ways = select(ContactPoint).order_by(col(ContactPoint.rank), col(ContactPoint.id))
    for point in await session.scalars(ways if near is None else ways.where(col(ContactPoint.contact_id).in_(near))):
        if point.contact_id in tied:
            points[point.contact_id].append(point)
    opted_out = {(row.medium, row.address): row.mandatory_too for row in await session.scalars(select(OptOut))}
    return People(pupils, ties, contacts, points, opted_out, barred_addresses(ties, points, today))


async def _pupils(
    session: Session, *, today: date, wanted: Set[int] | None, few: Sequence[int] | None
) -> dict[int, Pupil]:
    query = select(Pupil).where(sa.or_(col(Pupil.left_on).is_(None), col(Pupil.left_on) >= today), ~col(Pupil.deceased))
    if few is not None:
        query = query.where(col(Pupil.id).in_(few))
    rows = await session.scalars(query.order_by(col(Pupil.id)))
    return {row.id: row for row in rows if row.id is not None and (wanted is None or row.id in wanted)}


def barred_addresses(
    ties: Mapping[int, Sequence[Guardianship]], points: Mapping[int, Sequence[ContactPoint]], today: date
) -> dict[int, frozenset[str]]:
    """For each pupil, every address that belongs to somebody barred from that pupil on this day."""
    return {
        pupil_id: frozenset(
            point.address for tie in row if tie.barred_on(today) for point in points.get(tie.contact_id, ())
        )
        for pupil_id, row in ties.items()
    }
