"""New details as CSV, for whoever types them into the MIS, and the reports as CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context, numbers, spreadsheet
from gateway.database import Session
from gateway.freshness import reports
from gateway.models import Contact, DetailState, Guardianship, NewDetail, PointKind, Pupil

HEADINGS: Final = (
    "Pupil IDs", "Contact ID", "Name", "Kind", "New", "Old", "Old is no more", "Proved", "Approved by", "Approved at",
)  # fmt: skip


async def approved(session: Session, *, everything: bool) -> list[tuple[NewDetail, Contact, Sequence[str]]]:
    """What was approved and is not in the MIS yet (or, with ``everything``, all), with the pupils of each contact."""
    query = select(NewDetail, Contact).join(Contact, col(Contact.id) == col(NewDetail.contact_id))
    query = query.where(NewDetail.state == DetailState.APPROVED).order_by(col(NewDetail.id))
    if not everything:
        query = query.where(col(NewDetail.exported_at).is_(None))
    found = (await session.execute(query)).all()
    pupils = dict[int, list[str]]()
    ties = sa.select(col(Guardianship.contact_id), col(Pupil.source_id)).join(
        Pupil, col(Pupil.id) == col(Guardianship.pupil_id)
    )
    ids = [contact.id for _, contact in found]
    for contact_id, source_id in await session.execute(
        ties.where(col(Guardianship.contact_id).in_(ids)).order_by(col(Pupil.source_id))
    ):
        pupils.setdefault(contact_id, []).append(source_id)
    return [(row, contact, pupils.get(contact.id or 0, [])) for row, contact in found]


async def mark(session: Session, gateway: context.Gateway, ids: Sequence[int], *, by: str) -> None:
    """Note that these have been handed to whoever keeps the MIS."""
    now = gateway.now()
    query = select(NewDetail).where(col(NewDetail.id).in_(ids), col(NewDetail.exported_at).is_(None))
    for row in await session.scalars(query.with_for_update(key_share=True)):
        row.exported_at = now
        session.add(row)
        await gateway.log.record(session, audit.Line("details.exported", f"detail:{row.id}", {}, by), now=now)


def csv_of(found: Iterable[tuple[NewDetail, Contact, Sequence[str]]], *, timezone: ZoneInfo) -> str:
    """The list as text. Numbers stand as they are written at home, so that a spreadsheet takes them for text."""
    return _written(
        HEADINGS,
        (
            (
                ", ".join(pupils),
                contact.source_id,
                contact.full_name,
                row.kind.value,
                _readable(row.kind, row.address),
                _readable(PointKind.PHONE if numbers.is_phone(row.old_address) else PointKind.EMAIL, row.old_address),
                "yes" if row.replaces else "no",
                "by a code" if row.proved_at else "by the office",
                row.decided_by,
                _at(row.decided_at, timezone),
            )
            for row, contact, pupils in found
        ),
    )


def csv_of_report(lines: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    """A report as text."""
    return _written(columns, ([str(cell) for cell in row] for row in reports.worded(lines, columns)))


def _written(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return spreadsheet.csv_of([headings, *lines])


def _readable(kind: PointKind, address: str) -> str:
    return numbers.at_home(address) if kind is PointKind.PHONE else address


def _at(at: datetime | None, timezone: ZoneInfo) -> str:
    return f"{at.astimezone(timezone):%d/%m/%Y %H:%M}" if at else ""
