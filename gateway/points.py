"""What the evidence says of a phone or a mailbox: every contact who shares the address is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium, Reason
from gateway import audit
from gateway.database import Session
from gateway.models import ContactPoint, LineType, OptOut, PointKind, PointState

STRIKES_TO_DOUBT = 3

#: Reasons that speak of the family's number or mailbox. Everything else is the provider's fault or ours.
_BLAMES_THE_POINT = frozenset({Reason.BAD_ADDRESS, Reason.UNREACHABLE, Reason.BLOCKED})


def kind_of(medium: Medium) -> PointKind:
    """The kind of contact point that a medium needs."""
    return PointKind.EMAIL if medium is Medium.EMAIL else PointKind.PHONE


async def good(session: Session, medium: Medium, address: str, *, at: datetime, log: audit.Log, now: datetime) -> None:
    """Good news of an address: it works. A number that took a text, or sent one, takes texts after all."""
    where = (col(ContactPoint.kind) == kind_of(medium), col(ContactPoint.address) == address)
    older = sa.or_(col(ContactPoint.last_good_at).is_(None), col(ContactPoint.last_good_at) < at)
    doubted = select(ContactPoint.id).where(*where, older, col(ContactPoint.state) != PointState.WORKING)
    lines = [audit.Line("point.good", f"point:{point_id}") for point_id in await session.scalars(doubted)]
    await session.execute(
        sa.update(ContactPoint).where(*where, older).values(state=PointState.WORKING, strikes=0, last_good_at=at)
    )
    await log.record(session, lines, now=now)
    if medium is Medium.SMS:
        texts = col(ContactPoint.line_type) == LineType.OTHER
        await session.execute(sa.update(ContactPoint).where(*where, texts).values(line_type=LineType.MOBILE))


async def failed(
    session: Session, message: Mapping[str, Any], reason: Reason | None, *, code: str, log: audit.Log, now: datetime
) -> None:
    """Learn from a failure, said at once or in a later receipt, whatever it proves of the phone or mailbox.

    ``message`` is a row with ``id``, ``medium`` and ``address``.
    """
    medium, address = Medium(message["medium"]), message["address"]
    if reason is Reason.OPTED_OUT:
        await opt_out(session, medium, address, how=f"provider:{code}", log=log, now=now)
    elif reason is not None and reason in _BLAMES_THE_POINT:
        await _bad(session, medium, address, reason, message_id=message["id"], log=log, now=now)


async def _bad(
    session: Session,
    medium: Medium,
    address: str,
    reason: Reason,
    *,
    message_id: str,
    log: audit.Log,
    now: datetime,
) -> None:
    """Bad news of an address: a strike each time; an address that does not exist is dead at once.

    A number that cannot take texts may still ring: a text's failure never kills a phone, it only ends texts to it.
    """
    query = select(ContactPoint).where(ContactPoint.kind == kind_of(medium), ContactPoint.address == address)
    for point in await session.scalars(query.order_by(col(ContactPoint.id)).with_for_update()):
        point.strikes += 1
        point.last_bad_at, point.last_bad_reason = now, reason.value
        if reason is Reason.BAD_ADDRESS and medium is Medium.SMS:
            point.line_type, point.state = LineType.OTHER, PointState.DOUBTFUL
        elif reason is Reason.BAD_ADDRESS:
            point.state = PointState.DEAD
        elif point.strikes >= STRIKES_TO_DOUBT and point.state is not PointState.DEAD:
            point.state = PointState.DOUBTFUL
        session.add(point)
        facts = {"reason": reason.value, "state": point.state.value, "strikes": point.strikes, "message": message_id}
        await log.record(session, audit.Line("point.bad", f"point:{point.id}", facts), now=now)


async def opt_out(
    session: Session,
    medium: Medium,
    address: str,
    *,
    how: str,
    log: audit.Log,
    now: datetime,
    mandatory_too: bool = True,
) -> bool:
    """Write down that an address told us to stop. False when it was known already."""
    known = (
        await session.scalars(select(OptOut).where(OptOut.medium == medium, OptOut.address == address))
    ).one_or_none()
    if known is not None and (known.mandatory_too or not mandatory_too):
        return False
    row = known or OptOut(medium=medium, address=address, since=now, how=how)
    row.mandatory_too, row.how = mandatory_too, how
    session.add(row)
    await session.flush()
    await log.record(
        session, audit.Line("address.opted_out", f"opt_out:{row.id}", {"how": how, "medium": medium}), now=now
    )
    return True


async def opt_in(session: Session, medium: Medium, address: str, *, how: str, log: audit.Log, now: datetime) -> bool:
    """Write down that an address wants to hear again. False when it had never stopped."""
    row = (
        await session.scalars(select(OptOut).where(OptOut.medium == medium, OptOut.address == address))
    ).one_or_none()
    if row is None:
        return False
    await session.delete(row)
    await log.record(
        session, audit.Line("address.opted_in", f"opt_out:{row.id}", {"how": how, "medium": medium}), now=now
    )
    return True
