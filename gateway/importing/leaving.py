"""What the files no longer mention: a parent taken off a pupil's list must not be written to for another day.

Only what a file lists in full can be gone: the contacts of pupils with contact rows, the telephones of contacts whose
file has columns for telephones, the places in groups that the same source lists. A row or cell that could not be read
keeps everything of its pupil or contact.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from gateway.database import Session
from gateway.errors import Problem
from gateway.importing import confirmed, conflicts, listing
from gateway.importing.ledger import Ledger
from gateway.importing.report import Report
from gateway.importing.seen import What, listed
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil, PupilGroup
from gateway.models.types import LineType, PointKind, core

NAMED = 10  #: how many ids a line names
PAGE = 1000  #: rows that are in memory at once

PUPILS, CONTACTS, LINKS = core(Pupil), core(Contact), core(Guardianship)
POINTS, MEMBERSHIPS, GROUPS = core(ContactPoint), core(Membership), core(PupilGroup)

Marks = Mapping[str, int]  #: by table, the highest id before the import: what is above it is new


@dataclass(frozen=True, slots=True)
class Register:
    """Rows of one table that the files list in full, and which of them are gone."""

    table: sa.Table
    listed: sa.ColumnElement[bool]
    gone: sa.ColumnElement[bool]


async def marks(session: Session) -> Marks:
    """The highest ids; imports wait for one another, so that nobody else adds rows meanwhile."""
    tables = (PUPILS, LINKS, POINTS)
    return {table.name: await session.scalar(sa.select(sa.func.max(table.c.id))) or 0 for table in tables}


def registers(before: Marks) -> dict[str, Register]:
    """The three, by the name of their count. A barred contact's link stays: without it nobody would know of the bar."""
    links = listed(What.LINK, LINKS.c.pupil_id) & ~listed(What.LINK_LOST, LINKS.c.pupil_id)
    links_gone = links & ~LINKS.c.no_contact & ~listed(What.LINK, LINKS.c.pupil_id, b=LINKS.c.contact_id)
    lister = sa.select(GROUPS.c.listed_by).where(GROUPS.c.id == MEMBERSHIPS.c.group_id)
    members = listed(What.GROUPED, MEMBERSHIPS.c.pupil_id, c=lister.correlate(MEMBERSHIPS).scalar_subquery())
    members_gone = members & ~listed(What.MEMBER, MEMBERSHIPS.c.pupil_id, b=MEMBERSHIPS.c.group_id)
    return {
        "links": Register(LINKS, links, links_gone),
        "points": Register(POINTS, _points_listed(before), _points_gone(before) & POINTS.c.confirmed_at.is_(None)),
        "memberships": Register(MEMBERSHIPS, members, members_gone),
    }


async def remove(ledger: Ledger, report: Report, *, before: Marks, now: datetime) -> None:
    """Remove the links, points and memberships that are gone, and count them; a mass of them is a reason to stop.

    A number that the family itself has confirmed is kept, and a person is asked.
    """
    await _watch_points(ledger.session, report, before)
    for kind, register in registers(before).items():
        count = report.tally.each()[kind]
        total = sa.select(sa.func.count()).select_from(register.table).where(register.listed)
        had = (await ledger.session.scalar(total) or 0) - count.new
        async for page in pages(ledger.session, register.table, register.gone):
            await ledger.remove(register.table, page)
            count.gone += len(page)
            if register.table is LINKS:
                report.tally.contacts.gone += await _left_alone(ledger.session, {row["contact_id"] for row in page})
        report.watch(f"{kind}_gone", count.gone, of=had)
    await _ask_of_confirmed(ledger, report, before=before, now=now)


async def name_missing(session: Session, report: Report, *, today: date, before: Marks) -> None:
    """Warn of pupils on roll whom the files do not mention: many systems drop leavers without a date."""
    on_roll = sa.or_(PUPILS.c.left_on.is_(None), PUPILS.c.left_on >= today) & ~PUPILS.c.deceased
    missing = on_roll & ~listed(What.PUPIL, PUPILS.c.id)
    async for page in pages(session, PUPILS, missing):
        for row in page:
            report.missing.add(Problem(row["source_id"]))
    if not report.missing:
        return
    ids = sorted(problem.what for problem in report.missing.kept)
    more = ", …" if len(report.missing) > NAMED else ""
    report.warn(
        Problem(
            f"Pupils on roll in Handbell, but in none of these files: {len(report.missing)} "
            f"({', '.join(ids[:NAMED])}{more}). Their families are still written to.",
            "If they have left, import their leaving dates.",
        )
    )
    had = sa.select(sa.func.count()).select_from(PUPILS).where(on_roll, PUPILS.c.id <= before[PUPILS.name])
    report.watch("pupils_missing", len(report.missing), of=await session.scalar(had) or 0)


async def _watch_points(session: Session, report: Report, before: Marks) -> None:
    """Count the phones and the mailboxes that go, each alone: in an export that lost its phones, mailboxes stay."""
    old, gone = POINTS.c.id <= before[POINTS.name], sa.case((_points_gone(before) & POINTS.c.confirmed_at.is_(None), 1))
    for kind in PointKind:
        query = sa.select(sa.func.count(), sa.func.count(gone)).select_from(POINTS)
        had, went = (await session.execute(query.where(_points_listed(before), old, POINTS.c.kind == kind))).one()
        report.watch(f"{kind.value}s_gone", went, of=had)
    await _watch_phones(session, report, before)


async def _watch_phones(session: Session, report: Report, before: Marks) -> None:
    """Count the contacts who lose a phone number and get another one."""
    old, new = POINTS.c.id <= before[POINTS.name], POINTS.alias("new")
    phones = _points_listed(before) & old & (POINTS.c.kind == PointKind.PHONE)
    another = sa.exists().where(
        new.c.contact_id == POINTS.c.contact_id, new.c.kind == PointKind.PHONE, new.c.id > before[POINTS.name]
    )
    contacts = sa.func.count(POINTS.c.contact_id.distinct())
    total = await session.scalar(sa.select(contacts).where(phones)) or 0
    changed = await session.scalar(sa.select(contacts).where(phones, _points_gone(before), another)) or 0
    report.watch("phones_changed", changed, of=total)


async def _left_alone(session: Session, contacts: set[int]) -> int:
    """How many of these contacts are nobody's any more."""
    tied = sa.select(LINKS.c.contact_id).distinct().where(LINKS.c.contact_id.in_(contacts))
    return len(contacts) - len((await session.execute(tied)).all())


async def _ask_of_confirmed(ledger: Ledger, report: Report, *, before: Marks, now: datetime) -> None:
    gone = _points_gone(before) & POINTS.c.confirmed_at.is_not(None)
    async for page in pages(ledger.session, POINTS, gone):
        query = sa.select(CONTACTS.c.id, CONTACTS.c.source_id).where(
            CONTACTS.c.id.in_({row["contact_id"] for row in page})
        )
        names = {row.id: row.source_id for row in await ledger.session.execute(query)}
        found: dict[conflicts.Topic, conflicts.Question | None] = {}
        for row in page:
            found |= confirmed.gone(row, who=names[row["contact_id"]])
        fresh, _ = await conflicts.raise_all(ledger, found, now=now)
        conflicts.tell(report, fresh)


def _points_listed(before: Marks) -> sa.ColumnElement[bool]:
    """Points of a sort that the files list in full for their contact, or that a new one of their sort replaces."""
    whole = [sort & listed(What.CONTACT, POINTS.c.contact_id, word=word) for word, sort in _sorts(POINTS).items()]
    return sa.or_(*whole, _replaced(before)) & ~listed(What.POINT_LOST, POINTS.c.contact_id)


def _replaced(before: Marks) -> sa.ColumnElement[bool]:
    new = POINTS.alias("replacing")
    fresh = (new.c.contact_id == POINTS.c.contact_id) & (new.c.id > before[POINTS.name])
    pairs = zip(_sorts(POINTS).values(), _sorts(new).values(), strict=True)
    same_sort = sa.or_(*(ours & theirs for ours, theirs in pairs))
    mentioned = listed(What.CONTACT, POINTS.c.contact_id)
    return (POINTS.c.id <= before[POINTS.name]) & mentioned & sa.exists().where(fresh, same_sort)


def _sorts(points: sa.FromClause) -> dict[str, sa.ColumnElement[bool]]:
    phone, mobile = points.c.kind == PointKind.PHONE, points.c.line_type == LineType.MOBILE
    return {listing.MOBILE: phone & mobile, listing.LANDLINE: phone & ~mobile, listing.EMAIL: ~phone}


def _points_gone(before: Marks) -> sa.ColumnElement[bool]:
    return _points_listed(before) & ~listed(What.POINT, POINTS.c.contact_id, c=POINTS.c.address)


async def pages(
    session: Session, table: sa.Table, condition: sa.ColumnElement[bool]
) -> AsyncIterator[Sequence[sa.RowMapping]]:
    """The rows under a condition, a page at a time in the order of their keys; a page may be removed meanwhile."""
    columns = list(table.primary_key.columns)
    key: Any = columns[0] if len(columns) == 1 else sa.tuple_(*columns)
    query = sa.select(table).where(condition).order_by(*columns).limit(PAGE)
    page = (await session.execute(query)).mappings().all()
    while page:
        yield page
        last = [page[-1][column.name] for column in columns]
        after = key > (last[0] if len(columns) == 1 else sa.tuple_(*map(sa.literal, last)))
        page = (await session.execute(query.where(after))).mappings().all()
