"""The practice school's mornings, played by real processes: families, registers, and what came to their phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.database import Database
from gateway.models import Contact, ContactPoint, Guardianship, LineType, PointKind, Pupil
from gateway.models.types import core
from support import processes

# Its register closed a minute after midnight, so that the morning can be played at any time of the day.
CALENDAR = """
weekdays = [0, 1, 2, 3, 4, 5, 6]
[sessions.am]
begins = 00:00:00
closes = 00:01:00
check_after = "1s"
until = 23:57:00
[sessions.pm]
begins = 23:58:00
closes = 23:58:10
check_after = "1s"
until = 23:59:59
"""
PATIENCE = {
    "HANDBELL_TWILIO__CONNECT_TIMEOUT_S": "1",
    "HANDBELL_TWILIO__READ_TIMEOUT_S": "1",
    "HANDBELL_SMTP__TIMEOUT_S": "1",
}


@dataclass(frozen=True)
class Family:
    """A child with its first two contacts, each with a mobile of its own."""

    pupil: str
    pupil_id: int
    name: str
    mother: str
    father: str
    language: str  #: the mother's
    father_language: str


async def families(database: Database) -> list[Family]:
    """Only children with two contacts who live with them or answer for them, and mobiles that nobody shares."""
    tie, point, contact = core(Guardianship).c, core(ContactPoint).c, core(Contact).c
    owners = sa.select(sa.func.count()).select_from(core(ContactPoint).alias("other")).where(
        sa.literal_column("other.address") == point.address
    )  # fmt: skip
    query = (
        sa.select(tie.pupil_id, tie.contact_id, point.address, contact.written_language)
        .join(core(ContactPoint), point.contact_id == tie.contact_id)
        .join(core(Contact), contact.id == tie.contact_id)
        .where(tie.parental_responsibility, ~tie.no_contact)
        .where(point.kind == PointKind.PHONE, point.line_type == LineType.MOBILE, owners.scalar_subquery() == 1)
        .order_by(tie.pupil_id, tie.priority)
    )
    async with database.read() as session:
        rows = list(await session.execute(query))
        several = sa.select(tie.contact_id).group_by(tie.contact_id).having(sa.func.count() > 1)
        with_siblings = set(await session.scalars(several))
        people = {row.id: row for row in await session.scalars(sa.select(Pupil))}
        ties = list(await session.scalars(sa.select(Guardianship)))
    answering: dict[int, set[int]] = {}
    for one in ties:
        if one.lives_with or one.parental_responsibility:
            answering.setdefault(one.pupil_id, set()).add(one.contact_id)
    found: dict[int, list[sa.Row]] = {}
    for row in rows:
        found.setdefault(row.pupil_id, []).append(row)
    return [
        Family(
            people[pupil_id].source_id, pupil_id, people[pupil_id].called, two[0].address, two[1].address,
            two[0].written_language, two[1].written_language,
        )
        for pupil_id, two in found.items()
        if len(two) == 2 and answering[pupil_id] == {row.contact_id for row in two}
        and not {row.contact_id for row in two} & with_siblings and people[pupil_id].year not in ("N", "R")
    ]  # fmt: skip


async def texts(world: processes.World, number: str) -> list[str]:
    for phone in (await world.look("phones"))["phones"]:
        if phone["number"] == number:
            return [one["body"] for one in phone["texts"] if one["direction"] != "inbound" and one["arrived"]]
    return []


def register(pupils: Sequence[str], absent: Sequence[str]) -> str:
    rows = [f"{one},AM,{'N' if one in absent else '/'}" for one in pupils]
    return "\n".join(["Pupil ID,Session,Code", *rows]) + "\n"
