"""What the files no longer mention: a parent taken off a pupil's list must not be written to for another day.

Only what a file lists in full can be gone: the contacts of pupils with contact rows, the telephones of contacts whose
file has columns for telephones. A row or cell that could not be read keeps everything of its pupil or contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from gateway import numbers
from gateway.database import Session
from gateway.errors import Problem
from gateway.importing.report import Report
from gateway.importing.seen import What, listed
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil
from gateway.models.types import PointKind, core

#: More than this many at once, and more than this share, looks like an export that is not whole.
FEW, SHARE = 20, 1 / 3
NAMED = 10  #: how many ids a line names

PUPILS, CONTACTS, LINKS = core(Pupil), core(Contact), core(Guardianship)
POINTS, MEMBERSHIPS = core(ContactPoint), core(Membership)


@dataclass(frozen=True, slots=True)
class Register:
    """Rows of one table that the files list in full, and which of them are gone. ``name`` is their word in a report."""

    name: str
    table: sa.Table
    listed: sa.ColumnElement[bool]
    gone: sa.ColumnElement[bool]


def registers() -> dict[str, Register]:
    """The three, by the name of their count. A barred contact's link stays: without it nobody would know of the bar."""
    links = listed(What.LINK, LINKS.c.pupil_id) & ~listed(What.LINK_LOST, LINKS.c.pupil_id)
    links_gone = links & ~LINKS.c.no_contact & ~listed(What.LINK, LINKS.c.pupil_id, b=LINKS.c.contact_id)
    points = _points_listed()
    members = listed(What.GROUPED, MEMBERSHIPS.c.pupil_id)
    members_gone = members & ~listed(What.MEMBER, MEMBERSHIPS.c.pupil_id, b=MEMBERSHIPS.c.group_id)
    return {
        "links": Register("contacts of pupils", LINKS, links, links_gone),
        "points": Register("phones and mailboxes", POINTS, points, _points_gone() & POINTS.c.confirmed_at.is_(None)),
        "memberships": Register("places in groups", MEMBERSHIPS, members, members_gone),
    }


async def remove(session: Session, report: Report, *, trust: bool) -> None:
    """Remove the links, points and memberships that are gone, and count them.

    A mass of them is reported and kept, unless the caller says to ``trust`` the files. A number that the family itself
    has confirmed is kept too, and named in a warning.
    """
    for kind, register in registers().items():
        report.tally.each()[kind].gone += await _remove(session, register, report, trust=trust)
    query = (
        sa.select(CONTACTS.c.source_id, POINTS.c.kind, POINTS.c.address)
        .join(POINTS, POINTS.c.contact_id == CONTACTS.c.id)
        .where(_points_gone(), POINTS.c.confirmed_at.is_not(None))
        .order_by(CONTACTS.c.source_id)
    )
    for source_id, kind, address in await session.execute(query):
        name = f"telephone {numbers.masked(address)}" if kind == PointKind.PHONE else "mailbox"
        report.warn(
            Problem(
                f"Contact {source_id} confirmed a {name} that the files do not have. It was kept.",
                "Enter it in the school's records, or remove it in Handbell.",
            )
        )


async def name_missing(session: Session, report: Report, *, today: date) -> None:
    """Warn of pupils on roll whom the files do not mention: many systems drop leavers without a date."""
    query = sa.select(PUPILS.c.source_id).where(
        sa.or_(PUPILS.c.left_on.is_(None), PUPILS.c.left_on >= today), ~listed(What.PUPIL, PUPILS.c.id)
    )
    missing = list((await session.execute(query.order_by(PUPILS.c.source_id))).scalars())
    if missing:
        more = ", …" if len(missing) > NAMED else ""
        report.warn(
            Problem(
                f"Pupils on roll in Handbell, but in none of these files: {len(missing)} "
                f"({', '.join(missing[:NAMED])}{more}). Their families are still written to.",
                "If they have left, import their leaving dates.",
            )
        )


def _points_listed() -> sa.ColumnElement[bool]:
    phones = (POINTS.c.kind == PointKind.PHONE) & listed(What.CONTACT, POINTS.c.contact_id, word=PointKind.PHONE)
    emails = (POINTS.c.kind == PointKind.EMAIL) & listed(What.CONTACT, POINTS.c.contact_id, word=PointKind.EMAIL)
    return (phones | emails) & ~listed(What.POINT_LOST, POINTS.c.contact_id)


def _points_gone() -> sa.ColumnElement[bool]:
    return _points_listed() & ~listed(What.POINT, POINTS.c.contact_id, c=POINTS.c.address)


async def _remove(session: Session, register: Register, report: Report, *, trust: bool) -> int:
    counts = sa.select(sa.func.count(), sa.func.count().filter(register.gone))
    total, leaving = (await session.execute(counts.select_from(register.table).where(register.listed))).one()
    if leaving > FEW and leaving > total * SHARE and not trust:
        report.found.add(
            Problem(
                f"{leaving} of {total} {register.name} are not in these files any more. None of them was removed.",
                "Check that the export is whole; if it is, import it again with --trust-removals.",
            )
        )
        return 0
    if leaving:
        await session.execute(sa.delete(register.table).where(register.gone))
    return int(leaving)
