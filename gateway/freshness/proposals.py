"""A new phone or mailbox of which a family tells us: written down, and proved by a code that goes to it.

It is taken from a phone or mailbox that is one contact's alone, and it is about that contact alone: nobody can change
the other parent's details, and a stranger can change nobody's. The code says nothing of a child. What it proves is only
that whoever writes has that phone: the office decides (``approving``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, context, tasks
from gateway.database import Session
from gateway.freshness import letters, reading
from gateway.models import (
    Contact,
    ContactPoint,
    DetailState,
    Guardianship,
    LineType,
    NewDetail,
    PointKind,
    PointState,
)
from gateway.models.types import core
from templates import fresh

OPEN: Final = (DetailState.PROPOSED, DetailState.WAITING, DetailState.PROVED, DetailState.FAILED, DetailState.EXPIRED)
_A_DAY: Final = timedelta(days=1)
_MOST_A_DAY: Final = 3  #: new details of one contact on one day: who names more is no parent in a hurry
_CURE: Final = "handbell details list, then details approve or details refuse. Ring the family by another number first."


@dataclass(frozen=True, slots=True)
class Told:
    """Who tells of something new, from which point of theirs, in which reply."""

    contact: Contact
    point: ContactPoint
    reply_id: int
    medium: Medium
    wrote_to: str = ""
    replaces: bool = False


async def owner(session: Session, address: str, kind: PointKind) -> ContactPoint | None:
    """The point with this address, where it is one contact's alone and nobody has said that it is not theirs."""
    query = select(ContactPoint).where(ContactPoint.address == address, ContactPoint.kind == kind).limit(2)
    found = (await session.scalars(query)).all()
    return found[0] if len(found) == 1 and found[0].state is not PointState.WRONG else None


async def propose(session: Session, gateway: context.Gateway, told: Told, new: reading.Detail) -> NewDetail | None:
    """Write down what a family tells us, and send a code there. None where there is nothing new in it.

    Said again, the code goes once more. What they told before and did not prove is over.
    """
    now, contact_id = gateway.now(), told.contact.id or 0
    await session.get(Contact, contact_id, with_for_update={"key_share": True})  # said twice, it is proposed once
    if await _has(session, contact_id, new) or await _too_many(session, contact_id, now=now):
        return None
    await _over(session, gateway, contact_id, new.kind)
    row = NewDetail(
        contact_id=contact_id,
        old_point_id=told.point.id,
        old_address=told.point.address,
        replaces=told.replaces and told.point.kind is new.kind,
        kind=new.kind,
        address=new.address,
        line_type=new.line_type,
        state=DetailState.PROPOSED,
        reply_id=told.reply_id,
        told_on=told.medium,
        made_at=now,
        open_key=f"{contact_id} {new.address}",
    )
    session.add(row)
    await session.flush()
    line = audit.Line("details.proposed", f"detail:{row.id}", {"contact": contact_id, "kind": new.kind}, "parent")
    await gateway.log.record(session, line, now=now)
    if not await _send_code(session, gateway, told, row):
        await _ask_office(session, gateway, row, "A family has told us of a new {thing}, and no code can prove it.")
    return row


def code(gateway: context.Gateway, row: NewDetail) -> str:
    """The code of a proposal. It is kept nowhere but in the message: it follows from our secret."""
    return str(int(gateway.sign("new-detail", f"{row.id}:{row.address}"), 16) % 900_000 + 100_000)


async def _send_code(session: Session, gateway: context.Gateway, told: Told, row: NewDetail) -> bool:
    """Send the code, and tell where it went. False where none can be sent: to a landline, or to somebody barred."""
    if row.kind is PointKind.PHONE and row.line_type is not LineType.MOBILE:
        return False
    if await barred(session, row.contact_id, row.address):
        return False
    school, rules = gateway.settings.school, gateway.settings.freshness
    language, made = letters.language(gateway, told.contact), code(gateway, row)
    holds = timedelta(hours=rules.code_hours)
    to = letters.To(letters.medium_of(row.kind), row.address, None, language)
    sent = await letters.send(
        session,
        gateway,
        to,
        lambda tag: fresh.code(tag, school=school.short_name, code=made),
        slot=f"{letters.CODE}{row.id}",
        holds=holds,
    )
    if sent is None:
        return False
    row.state, row.expires_at = DetailState.WAITING, gateway.now() + holds
    session.add(row)
    await gateway.log.record(
        session, audit.Line("details.code_sent", f"detail:{row.id}", {"message": sent.id}), now=gateway.now()
    )
    back = letters.To(letters.medium_of(told.point.kind), told.point.address, row.contact_id, language, told.wrote_to)
    if letters.can_be_written_to(told.point):
        words = partial(fresh.sent, school=school.short_name)
        await letters.send(session, gateway, back, words, slot=f"{letters.SLOT}sent:{row.id}")
    return True


async def barred(session: Session, contact_id: int, address: str) -> bool:
    """Whether the address belongs to somebody who must not hear of one of this contact's children."""
    tie, other, point = core(Guardianship).c, core(Guardianship).alias("other"), core(ContactPoint).c
    theirs = sa.select(tie.pupil_id).where(tie.contact_id == contact_id)
    query = (
        sa.select(point.id)
        .join(other, other.c.contact_id == point.contact_id)
        .where(point.address == address, other.c.no_contact, other.c.pupil_id.in_(theirs))
    )
    return (await session.execute(query.limit(1))).first() is not None


async def also_of(session: Session, contact_id: int, address: str) -> list[str]:
    """The names of others who have this address on file."""
    query = (
        select(Contact)
        .join(ContactPoint, col(ContactPoint.contact_id) == col(Contact.id))
        .where(ContactPoint.address == address, Contact.id != contact_id)
        .order_by(col(Contact.id))
    )
    return [one.full_name or one.source_id for one in await session.scalars(query)]


async def waiting_for(session: Session, address: str, contact_id: int | None) -> Sequence[NewDetail]:
    """The proposals whose code may come from here: from the new address itself, or from the contact who told of it."""
    t = core(NewDetail).c
    from_here = [t.address == address, *([t.contact_id == contact_id] if contact_id else [])]
    query = select(NewDetail).where(t.state == DetailState.WAITING, sa.or_(*from_here)).order_by(t.id.desc())
    return (await session.scalars(query.with_for_update(key_share=True))).all()


async def prove(
    session: Session, gateway: context.Gateway, found: Sequence[NewDetail], said: str, *, at: datetime
) -> str:
    """Take a code. Gives ``proved``, ``wrong`` or ``failed``: three wrong ones, and it is good no more."""
    now = gateway.now()
    live = [row for row in found if row.expires_at is None or at <= row.expires_at]
    for row in live:
        if said == code(gateway, row):
            row.state, row.proved_at = DetailState.PROVED, now
            session.add(row)
            await gateway.log.record(session, audit.Line("details.proved", f"detail:{row.id}"), now=now)
            await _ask_office(session, gateway, row, "A family has a new {thing}, proved by a code. Shall it be used?")
            return "proved"
    outcome = ""
    for row in live[:1]:
        row.tries += 1
        outcome = "wrong"
        if row.tries >= gateway.settings.freshness.code_tries:
            row.state, outcome = DetailState.FAILED, "failed"
            await _ask_office(session, gateway, row, "A family's new {thing} was not proved: wrong codes came back.")
        session.add(row)
        facts = {"tries": row.tries}
        await gateway.log.record(session, audit.Line("details.wrong_code", f"detail:{row.id}", facts), now=now)
    return outcome


async def expire(session: Session, gateway: context.Gateway) -> int:
    """End the proposals whose code did not come back in time; the office is asked. Gives how many."""
    now = gateway.now()
    query = select(NewDetail).where(NewDetail.state == DetailState.WAITING, col(NewDetail.expires_at) < now)
    found = (await session.scalars(query.order_by(col(NewDetail.id)).with_for_update(skip_locked=True))).all()
    for row in found:
        row.state = DetailState.EXPIRED
        session.add(row)
        await gateway.log.record(session, audit.Line("details.expired", f"detail:{row.id}"), now=now)
        await _ask_office(session, gateway, row, "A family told us of a new {thing} and did not prove it in time.")
    return len(found)


async def any_expired(session: Session, gateway: context.Gateway) -> bool:
    """Whether one is to be ended; reads only."""
    query = select(NewDetail.id).where(
        NewDetail.state == DetailState.WAITING, col(NewDetail.expires_at) < gateway.now()
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def _ask_office(session: Session, gateway: context.Gateway, row: NewDetail, what: str) -> None:
    thing = "mailbox" if row.kind is PointKind.EMAIL else "number"
    ask = tasks.Ask("details", f"detail:{row.id}", what.format(thing=thing), _CURE)
    await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


async def _has(session: Session, contact_id: int, new: reading.Detail) -> bool:
    """Whether it is on file for this contact already, and not as wrong or dead."""
    query = select(ContactPoint.state).where(
        ContactPoint.contact_id == contact_id, ContactPoint.kind == new.kind, ContactPoint.address == new.address
    )
    state = (await session.scalars(query)).first()
    return state is not None and state not in (PointState.WRONG, PointState.DEAD)


async def _too_many(session: Session, contact_id: int, *, now: datetime) -> bool:
    query = select(sa.func.count()).where(NewDetail.contact_id == contact_id, col(NewDetail.made_at) > now - _A_DAY)
    return (await session.scalar(query) or 0) >= _MOST_A_DAY


async def _over(session: Session, gateway: context.Gateway, contact_id: int, kind: PointKind) -> None:
    """What was told before of the same kind, and waits, is over: they say another one now, or the same again."""
    now = gateway.now()
    waiting = select(NewDetail).where(
        NewDetail.contact_id == contact_id, NewDetail.kind == kind, col(NewDetail.open_key).is_not(None)
    )
    for row in await session.scalars(waiting.with_for_update(key_share=True)):
        row.state, row.open_key = DetailState.EXPIRED, None
        row.why, row.decided_at = "they told us of another one since", now
        session.add(row)
        await tasks.over(session, f"detail:{row.id}", by="handbell", log=gateway.log, now=now)
    await session.flush()
