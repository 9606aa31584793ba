"""What the evidence says of a phone or a mailbox: every contact who shares the address is concerned.

Good news clears everything. Bad news is a strike, one a day for each kind at most, and is forgotten in time: a phone
that was off on three evenings of a year is no wrong number. What passes by itself never kills an address, and what is
our own fault or the provider's is no strike at all (domain notes, sections 3.8, 3.9 and 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium, Reason
from gateway import audit, suppressing, tasks
from gateway.database import Session
from gateway.models import ContactPoint, Guardianship, LineType, OptOut, PointKind, PointState
from gateway.models.types import core

COMPLAINT = "complaint"  #: the code of a report that somebody marked our mail as spam


@dataclass(frozen=True, slots=True)
class Rule:
    """After so many strikes of one kind, on different days within the span, an address is dead or doubtful."""

    strikes: int
    within: timedelta
    then: PointState


_FORTNIGHT = timedelta(days=14)
_RULES: Final = MappingProxyType(
    {
        Reason.BAD_ADDRESS: Rule(1, _FORTNIGHT, PointState.DEAD),
        Reason.GONE: Rule(2, _FORTNIGHT, PointState.DEAD),
        Reason.BLOCKED: Rule(2, _FORTNIGHT, PointState.DOUBTFUL),
        Reason.UNREACHABLE: Rule(3, _FORTNIGHT, PointState.DOUBTFUL),
        Reason.FULL: Rule(3, timedelta(days=30), PointState.DOUBTFUL),
    }
)
#: A mail that was tried for days, or sent back without a cause, says a little of its mailbox. A text does not: the
#: networks' troubles are their own, and a code that is not in our list may mean anything.
_MAIL_RULES: Final = MappingProxyType(
    {
        Reason.TEMPORARY: Rule(3, _FORTNIGHT, PointState.DOUBTFUL),
        Reason.OTHER: Rule(2, _FORTNIGHT, PointState.DOUBTFUL),
    }
)
_REMEMBERED = timedelta(days=30)


def kind_of(medium: Medium) -> PointKind:
    """The kind of contact point that a medium needs."""
    return PointKind.EMAIL if medium is Medium.EMAIL else PointKind.PHONE


def rule(medium: Medium, reason: Reason | None) -> Rule | None:
    """What a failure by a medium counts for; None when it says nothing of the phone or mailbox."""
    if reason is None:
        return None
    return _RULES.get(reason) or (_MAIL_RULES.get(reason) if medium is Medium.EMAIL else None)


async def hold(session: Session, wanted: Iterable[tuple[Medium, str]]) -> None:
    """Lock every point of these media and addresses, in one order, before many of them are changed one after another.

    A phone has a row for each contact who shares it, and workers come to the same phones from different messages.
    """
    addresses: dict[PointKind, set[str]] = {}
    for medium, address in wanted:
        addresses.setdefault(kind_of(medium), set()).add(address)
    each = [
        sa.and_(col(ContactPoint.kind) == kind, col(ContactPoint.address).in_(those))
        for kind, those in addresses.items()
    ]
    if each:
        query = select(ContactPoint.id).where(sa.or_(*each)).order_by(col(ContactPoint.id))
        await session.execute(query.with_for_update(key_share=True))


async def owners(session: Session, address: str, *, believed: bool = False) -> list[int]:
    """Whose phone or mailbox it is; a mailbox goes by its aliases, too: ``maria+school@…`` is Maria's.

    ``believed``: without those whose number somebody has called wrong, until a person says that it is right.
    """
    point = core(ContactPoint).c
    query = sa.select(point.contact_id).where(point.address.in_(_aliases(address)))
    query = query.where(point.state != PointState.WRONG) if believed else query
    return list(await session.scalars(query.distinct().order_by(point.contact_id)))


async def is_wrong(session: Session, contact_id: int, address: str) -> bool:
    """Whether somebody has said that this is not the contact's phone or mailbox."""
    point = core(ContactPoint).c
    query = sa.select(point.id).where(
        point.contact_id == contact_id, point.address.in_(_aliases(address)), point.state == PointState.WRONG
    )
    return await session.scalar(query.limit(1)) is not None


def _aliases(address: str) -> set[str]:
    local, at, domain = address.rpartition("@")
    return {address, f"{local.partition('+')[0]}@{domain}"} if at and "+" in local else {address}


async def wrong(session: Session, address: str, pupil_id: int, *, log: audit.Log, now: datetime) -> None:
    """Somebody who has this phone or mailbox says that it is not this pupil's family's: nothing goes to it any more.

    It may still be right for another family. A person ends it (``deciding.confirm``), or an import with another number.
    """
    theirs = sa.select(core(Guardianship).c.contact_id).where(core(Guardianship).c.pupil_id == pupil_id)
    query = select(ContactPoint).where(
        col(ContactPoint.address).in_(_aliases(address)),
        col(ContactPoint.contact_id).in_(theirs),
        col(ContactPoint.state) != PointState.WRONG,
    )
    query = query.order_by(col(ContactPoint.id)).with_for_update(key_share=True)
    for point in await session.scalars(query.execution_options(populate_existing=True)):
        point.state, point.confirmed_at = PointState.WRONG, None
        session.add(point)
        await log.record(session, audit.Line("point.wrong_number", f"point:{point.id}"), now=now)
    await session.flush()


async def good(session: Session, medium: Medium, address: str, *, at: datetime, log: audit.Log, now: datetime) -> None:
    """Good news of an address: it works. A number that took a text, or sent one, takes texts after all."""
    await hold(session, [(medium, address)])
    where = (col(ContactPoint.kind) == kind_of(medium), col(ContactPoint.address) == address)
    older = sa.and_(
        col(ContactPoint.state) != PointState.WRONG,  # that it works says nothing of whose it is
        sa.or_(col(ContactPoint.last_good_at).is_(None), col(ContactPoint.last_good_at) < at),
    )
    doubted = select(ContactPoint.id).where(*where, older, col(ContactPoint.state) != PointState.WORKING)
    lines = [audit.Line("point.good", f"point:{point_id}") for point_id in await session.scalars(doubted)]
    works = {"state": PointState.WORKING, "strikes": 0, "bad_days": [], "last_good_at": at}
    await session.execute(sa.update(ContactPoint).where(*where, older).values(works))
    await log.record(session, lines, now=now)
    if medium is Medium.SMS:
        # A landline on file stays one; one that we only took for a landline because of a failed text does not.
        taken_for = sa.and_(
            col(ContactPoint.line_type) == LineType.LANDLINE,
            col(ContactPoint.last_bad_reason) == Reason.NO_TEXTS.value,
        )
        texts = sa.or_(col(ContactPoint.line_type) == LineType.OTHER, taken_for)
        await session.execute(sa.update(ContactPoint).where(*where, texts).values(line_type=LineType.MOBILE))


async def failed(
    session: Session, message: Mapping[str, Any], reason: Reason | None, *, code: str, log: audit.Log, now: datetime
) -> None:
    """Learn from a failure, said at once or in a later receipt, whatever it proves of the phone or mailbox.

    ``message`` is a row with ``id``, ``medium`` and ``address``.
    """
    medium, address = Medium(message["medium"]), message["address"]
    if reason is Reason.OPTED_OUT:
        complaint = medium is Medium.EMAIL and code == COMPLAINT
        how = COMPLAINT if complaint else f"provider:{code}"
        await opt_out(session, medium, address, how=how, log=log, now=now, mandatory_too=not complaint)
        return
    counts = rule(medium, reason)
    if reason is None or (counts is None and reason is not Reason.NO_TEXTS):
        return
    query = (
        select(ContactPoint)
        .where(ContactPoint.kind == kind_of(medium), ContactPoint.address == address)
        .order_by(col(ContactPoint.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    for point in await session.scalars(query):
        await _strike(session, point, reason, counts, message_id=message["id"], log=log, now=now)


async def _strike(
    session: Session,
    point: ContactPoint,
    reason: Reason,
    counts: Rule | None,
    *,
    message_id: str,
    log: audit.Log,
    now: datetime,
) -> None:
    """Note one failure of a point, and what it amounts to. The same message strikes once."""
    point.last_bad_at, point.last_bad_reason = now, reason.value
    outcome = ""
    if counts is None:
        point.line_type, outcome = LineType.LANDLINE, "landline"
    else:
        point.bad_days = _remembered(point.bad_days, reason, message_id, today=now.date())
        point.strikes = strikes(point.bad_days, reason, counts.within, today=now.date())
        if point.strikes >= counts.strikes and point.state not in (PointState.DEAD, PointState.WRONG):
            point.state = counts.then
            outcome = point.state.value
    session.add(point)
    facts = {"reason": reason.value, "state": point.state.value, "strikes": point.strikes, "message": message_id}
    await log.record(session, audit.Line("point.bad", f"point:{point.id}", facts), now=now)
    if outcome:
        await tasks.ask(session, _ask(point, reason, outcome), log=log, now=now)


def _remembered(
    bad_days: Sequence[Mapping[str, str]], reason: Reason, message_id: str, *, today: date
) -> list[dict[str, str]]:
    kept = [dict(day) for day in bad_days if date.fromisoformat(day["on"]) > today - _REMEMBERED]
    if not any((day["why"], day["message"]) == (reason.value, message_id) for day in kept):
        kept.append({"on": today.isoformat(), "why": reason.value, "message": message_id})
    return kept


def strikes(bad_days: Sequence[Mapping[str, str]], reason: Reason, within: timedelta, *, today: date) -> int:
    """On how many days of the span that ends today there was a failure of this kind."""
    days = {date.fromisoformat(day["on"]) for day in bad_days if day["why"] == reason.value}
    return sum(today - within < day <= today for day in days)


def _ask(point: ContactPoint, reason: Reason, outcome: str) -> tasks.Ask:
    thing = "mailbox" if point.kind is PointKind.EMAIL else "number"
    cure = f"Ask the family for another {thing} or whether this one is right, and correct it in the school system."
    sentences = {
        "landline": ("landline", f"The {thing} of a contact point takes no texts: it is called, not texted, from now."),
        "dead": ("address", f"The {thing} of a contact point does not exist any more: nothing is sent to it."),
    }
    kind, what = sentences.get(outcome, ("address", f"The {thing} of a contact point fails again and again."))
    if reason is Reason.BLOCKED:
        cure = "Ask the family by another way whether their phone or network blocks the school, and whether it may."
    return tasks.Ask(kind, f"point:{point.id}", what, cure)


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
    """Write down that an address told us to stop. False when it was known already.

    Other media for the same person stay. Where even absence texts cannot reach them, staff are asked for another way.
    """
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
    if mandatory_too:
        what = "Somebody has stopped our texts: news of an absence or an emergency does not reach that phone either."
        cure = "Agree another way with them, or ask them to text START to our number. See handbell contact show."
        await tasks.ask(session, tasks.Ask("stopped", f"opt_out:{row.id}", what, cure), log=log, now=now)
    return True


async def has_stopped(session: Session, medium: Medium, address: str) -> bool:
    """Whether an address has told us to stop."""
    query = select(OptOut.id).where(OptOut.medium == medium, OptOut.address == address)
    return (await session.scalars(query)).first() is not None


async def opt_in(session: Session, medium: Medium, address: str, *, how: str, log: audit.Log, now: datetime) -> bool:
    """Write down that an address wants to hear again. False when it had never stopped."""
    row = (
        await session.scalars(select(OptOut).where(OptOut.medium == medium, OptOut.address == address))
    ).one_or_none()
    forgotten = await session.run_sync(
        lambda plain: suppressing.forget(plain.connection(), medium, address, sign=log.sign)
    )
    if row is None and not forgotten:
        return False
    if row is not None:
        await session.delete(row)
    subject = f"opt_out:{row.id}" if row else "suppression"
    await log.record(session, audit.Line("address.opted_in", subject, {"how": how, "medium": medium}), now=now)
    return True
