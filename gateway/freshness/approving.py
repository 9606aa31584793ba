"""What the office decides of a new phone or mailbox, and how it is put in its place so that no import undoes it.

The new one is *confirmed*, so a file that does not have it raises a conflict and does not remove it. The old one stays
on file as *wrong* where the family says that it is no more: removed, the next file would bring it back. Whoever has the
old phone or mailbox is told, as is every other way to this contact: a stolen phone must not take over silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context, errors, tasks
from gateway.database import Session
from gateway.freshness import letters, proposals
from gateway.models import (
    Contact,
    ContactPoint,
    DetailState,
    LineType,
    Message,
    NewDetail,
    PointKind,
    PointState,
    Reply,
)
from gateway.models.types import core
from templates import fresh

CONTEST_WITHIN: Final = timedelta(days=14)  #: for so long a NO puts the old number back
_CONTESTED: Final = "A family's new {thing} was put in its place, and the old one says: that was not us."
_CURE: Final = "The new one is out of use. Ring the family by a number that you know; handbell details list --all."


@dataclass(frozen=True, slots=True)
class Listed:
    """A proposal for the office, with what it should know before it decides."""

    row: NewDetail
    contact: Contact
    said: str  #: the words in which it was told
    also_of: Sequence[str]  #: others who have the same phone or mailbox
    barred: bool  #: one of those must not hear of one of this contact's children


async def listed(session: Session, *, everything: bool = False, limit: int = 200) -> list[Listed]:
    """The proposals that wait for the office, those that are proved first; with ``everything`` all, newest first."""
    t = core(NewDetail).c
    query = select(NewDetail, Contact, Reply.body).join(Contact, col(Contact.id) == col(NewDetail.contact_id))
    query = query.outerjoin(Reply, col(Reply.id) == col(NewDetail.reply_id)).limit(limit)
    if everything:
        query = query.order_by(t.id.desc())
    else:
        query = query.where(t.open_key.is_not(None)).order_by(t.state != DetailState.PROVED, t.id)
    found = list[Listed]()
    for row, contact, said in await session.execute(query):
        also = await proposals.also_of(session, row.contact_id, row.address)
        found.append(
            Listed(row, contact, said or "", also, await proposals.barred(session, row.contact_id, row.address))
        )
    return found


async def waiting(session: Session) -> int:
    """How many proposals wait for the office."""
    query = sa.select(sa.func.count()).where(core(NewDetail).c.open_key.is_not(None))
    return await session.scalar(query) or 0


async def approve(
    session: Session,
    gateway: context.Gateway,
    detail_id: int,
    *,
    by: str,
    unproved: bool = False,
    keep_old: bool = False,
) -> NewDetail:
    """Put a new phone or mailbox in its place: first of its kind, confirmed, and never undone by a file.

    ``unproved``  the office has asked the family itself
    ``keep_old``  the old one stays in use, after the new one

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` where it is decided already or nothing proves it.
    """
    row, now = await _open(session, detail_id), gateway.now()
    if row.state is not DetailState.PROVED and not unproved:
        raise errors.Conflict(
            f"Nothing proves {detail_id} yet: it is {row.state.value}. Ring the family; if it is right: --unproved."
        )
    if await proposals.barred(session, row.contact_id, row.address):
        raise errors.Conflict("It also belongs to somebody who must not be contacted about a child of this contact.")
    points = await _points(session, row.contact_id)
    old = next((one for one in points if one.id == row.old_point_id and one.kind is row.kind), None)
    new = next((one for one in points if (one.kind, one.address) == (row.kind, row.address)), None)
    before: dict[str, Any] = {}
    if old is not None:
        before = {"state": old.state.value, "rank": old.rank, "confirmed": _moment(old.confirmed_at)}
        if row.replaces and not keep_old:
            old.state, old.confirmed_at = PointState.WRONG, None
    for one in points:
        if one.kind is row.kind and one is not new:
            one.rank += 1
            session.add(one)
    new = new or ContactPoint(contact_id=row.contact_id, kind=row.kind, address=row.address)
    proved = row.state is DetailState.PROVED
    new.line_type = row.line_type if row.kind is PointKind.PHONE else LineType.NONE
    new.rank, new.state = 1, PointState.WORKING if proved else PointState.UNPROVEN
    new.strikes, new.bad_days, new.confirmed_at = 0, [], now
    new.last_good_at = row.proved_at or new.last_good_at
    session.add(new)
    await session.flush()
    row.new_point_id, row.before = new.id, before or None
    await _decide(session, gateway, row, DetailState.APPROVED, by=by, facts={"point": new.id, "proved": proved})
    await _tell(session, gateway, row, [one for one in points if one is not new])
    return row


async def refuse(session: Session, gateway: context.Gateway, detail_id: int, *, by: str, why: str) -> NewDetail:
    """Leave everything as it is. Raises :class:`errors.NotFound`, or :class:`errors.Conflict` where it is decided."""
    row = await _open(session, detail_id)
    row.why = why
    await _decide(session, gateway, row, DetailState.REFUSED, by=by, facts={})
    return row


async def _open(session: Session, detail_id: int) -> NewDetail:
    row = await session.get(NewDetail, detail_id, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise errors.NotFound(f"There is no new detail {detail_id}. handbell details list gives the ids.")
    if row.open_key is None:
        by = f", by {row.decided_by}" if row.decided_by else ""
        raise errors.Conflict(f"New detail {detail_id} is {row.state.value} already{by}.")
    return row


async def _points(session: Session, contact_id: int) -> list[ContactPoint]:
    query = select(ContactPoint).where(ContactPoint.contact_id == contact_id).order_by(col(ContactPoint.id))
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(await session.scalars(query))


async def _decide(
    session: Session, gateway: context.Gateway, row: NewDetail, state: DetailState, *, by: str, facts: dict[str, Any]
) -> None:
    now = gateway.now()
    row.state, row.decided_at, row.decided_by, row.open_key = state, now, by, None
    session.add(row)
    line = audit.Line(f"details.{state.value}", f"detail:{row.id}", {"contact": row.contact_id, **facts}, by)
    await gateway.log.record(session, line, now=now)
    await tasks.over(session, f"detail:{row.id}", by=by, log=gateway.log, now=now)


async def _tell(session: Session, gateway: context.Gateway, row: NewDetail, others: Sequence[ContactPoint]) -> None:
    """Tell the old phone or mailbox, and every other way to this contact, that the details were changed."""
    school, contact = gateway.settings.school, await session.get(Contact, row.contact_id)
    language = letters.language(gateway, contact)
    for point in others:
        old = point.id == row.old_point_id
        if (point.state in (PointState.DEAD, PointState.WRONG) and not old) or not letters.can_be_written_to(point):
            continue
        to = letters.To(letters.medium_of(point.kind), point.address, row.contact_id, language)
        words = partial(fresh.changed, school=school.short_name, school_phone=school.phone)
        if await letters.send(session, gateway, to, words, slot=f"{letters.TOLD}{row.id}:{point.id}"):
            row.told_at = gateway.now()
    session.add(row)


async def contested(session: Session, address: str, *, at: datetime) -> NewDetail | None:
    """The change that a NO from this phone or mailbox speaks of, if any: the last of which we told it, of late."""
    told = select(Message.slot).where(
        Message.address == address,
        col(Message.slot).startswith(letters.TOLD),
        col(Message.created_at) > at - CONTEST_WITHIN,
    )
    slot = (await session.scalars(told.order_by(col(Message.created_at).desc()).limit(1))).first()
    if slot is None:
        return None
    detail_id = int(slot.removeprefix(letters.TOLD).partition(":")[0])
    row = await session.get(NewDetail, detail_id, with_for_update={"key_share": True}, populate_existing=True)
    return row if row is not None and row.state is DetailState.APPROVED else None


async def put_back(session: Session, gateway: context.Gateway, row: NewDetail, *, reply_id: int | None) -> None:
    """Somebody at the old number says NO: it is back, and the new one is out of use until a person has found out."""
    now = gateway.now()
    points = {one.id: one for one in await _points(session, row.contact_id)}
    if (new := points.get(row.new_point_id)) is not None:
        new.state, new.confirmed_at, new.rank = PointState.WRONG, None, len(points)
        session.add(new)
    before = row.before or {}
    if before and (old := points.get(row.old_point_id)) is not None:  # by now perhaps another row of the same number
        old.state, old.rank = PointState(before["state"]), before["rank"]
        old.confirmed_at = datetime.fromisoformat(before["confirmed"]) if before["confirmed"] else None
        session.add(old)
    row.state = DetailState.CONTESTED
    session.add(row)
    facts = {"contact": row.contact_id, "reply": reply_id}
    line = audit.Line("details.contested", f"detail:{row.id}", facts, "parent")
    await gateway.log.record(session, line, now=now)
    thing = "mailbox" if row.kind is PointKind.EMAIL else "number"
    ask = tasks.Ask("details.contested", f"detail:{row.id}", _CONTESTED.format(thing=thing), _CURE, urgent=True)
    await tasks.ask(session, ask, log=gateway.log, now=now)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
