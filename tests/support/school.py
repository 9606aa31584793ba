"""Small people and messages for tests of the core, written straight into a real database."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import select

from channels.base import Medium
from gateway import ids
from gateway.database import Database, Session
from gateway.models import (
    About,
    Attempt,
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    Message,
    MessageState,
    Notice,
    NoticeState,
    PointKind,
    PointState,
    Pupil,
    Purpose,
    Run,
    Sender,
)

_numbers = itertools.count(300)


def number() -> str:
    """A drama number that no other call gave in this process (they come round again after 500)."""
    return f"+447700900{300 + next(_numbers) % 500:03d}"


async def add(database: Database, *rows: Any) -> None:
    async with database.write() as session:
        session.add_all(rows)


async def sender(
    database: Database,
    *,
    rate: float = 100,
    burst: float = 100,
    medium: Medium = Medium.SMS,
    channel: str = "twilio-sms",
) -> int:
    row = Sender(channel=channel, medium=medium, address=ids.new_id(), rate=rate, burst=burst)
    await add(database, row)
    assert row.id is not None
    return row.id


async def contact(database: Database, name: str = "Somebody", **fields: Any) -> int:
    row = Contact(source_id=ids.new_id(), forename=name, surname="Example", **fields)
    await add(database, row)
    assert row.id is not None
    return row.id


async def pupil(database: Database, name: str = "Ana", **fields: Any) -> int:
    row = Pupil(**{"source_id": ids.new_id(), "forename": name, "surname": "Example"} | fields)
    await add(database, row)
    assert row.id is not None
    return row.id


async def tie(database: Database, pupil_id: int, contact_id: int, **fields: Any) -> None:
    await add(database, Guardianship(pupil_id=pupil_id, contact_id=contact_id, **fields))


async def point(
    database: Database,
    contact_id: int,
    address: str,
    *,
    kind: PointKind = PointKind.PHONE,
    line_type: LineType = LineType.MOBILE,
    state: PointState = PointState.UNPROVEN,
    rank: int = 1,
) -> int:
    row = ContactPoint(contact_id=contact_id, kind=kind, address=address, line_type=line_type, state=state, rank=rank)
    await add(database, row)
    assert row.id is not None
    return row.id


@dataclass(frozen=True)
class Family:
    child: int
    mother: int
    father: int
    gran: int
    uncle: int


async def family(database: Database, *, bar: tuple[date | None, date | None] = (None, None)) -> Family:
    """A child with a mother, a father who is barred, a grandmother and an uncle."""
    child = await pupil(database)
    people = [await contact(database, name) for name in ("Maria", "Ivan", "Gran", "Uncle")]
    mother, father, gran, uncle = people
    await tie(database, child, mother, priority=1, parental_responsibility=True, lives_with=True)
    await tie(database, child, father, priority=2, no_contact=True, no_contact_from=bar[0], no_contact_until=bar[1])
    await tie(database, child, gran, priority=3)
    await tie(database, child, uncle, priority=4)
    return Family(child, mother, father, gran, uncle)


async def run(database: Database, *, now: datetime) -> int:
    notice = Notice(
        id=ids.new_id(),
        key=ids.new_id(),
        title="t",
        purpose=Purpose.SERVICE,
        state=NoticeState.DONE,
        definition={},
        author="a",
        created_at=now,
    )
    await add(database, notice)
    row = Run(notice_id=notice.id, fire_at=now)
    await add(database, row)
    assert row.id is not None
    return row.id


async def message(
    database: Database,
    sender_id: int,
    *,
    now: datetime,
    contact: int | None = None,
    about: Sequence[int] = (),
    number: str = "",
    medium: Medium = Medium.SMS,
    point_kind: str = "mobile",
    point_state: PointState = PointState.UNPROVEN,
    purpose: Purpose = Purpose.SERVICE,
    state: MessageState = MessageState.QUEUED,
    run: int | None = None,
    due: datetime | None = None,
    body: str = "Oakfield: hello",
    **fields: Any,
) -> str:
    """A message to a fresh phone (of a fresh contact, if none is given)."""
    address = number or globals()["number"]()
    owner = contact if contact is not None else await globals()["contact"](database)
    line_type = LineType.LANDLINE if point_kind == "landline" else LineType.MOBILE
    point_id = await point(database, owner, address, line_type=line_type, state=point_state)
    row = Message(
        id=ids.new_id(),
        run_id=run,
        contact_id=owner,
        contact_point_id=point_id,
        sender_id=sender_id,
        medium=medium,
        address=address,
        slot=ids.new_id(),
        purpose=purpose,
        body=body,
        state=state,
        due_at=due or now,
        created_at=now,
        changed_at=now,
        **fields,
    )
    await add(database, row)
    await add(database, *[About(message_id=row.id, pupil_id=pupil_id) for pupil_id in about])
    return row.id


async def attempts(session: Session, message_id: str) -> list[Attempt]:
    query = select(Attempt).where(Attempt.message_id == message_id).order_by("number")
    return list(await session.scalars(query))
