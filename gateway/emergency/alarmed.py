"""Whom an update and the all-clear are for: exactly those who were alarmed.

Also those who were told by a phone that they share, and whoever has taken a person's place on file under the same phone
or mailbox. Nobody new, nobody whom no alarm has reached, and nobody who has been barred since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from gateway import context, guard, people
from gateway.audience import Listener
from gateway.database import Session
from gateway.emergency import alarm
from gateway.guard import emergencies
from gateway.models import About, Emergency, EmergencyPart, Message, MessageState
from gateway.models.types import core

_OF_USE: Final = (*emergencies.GOING, MessageState.FAILED)
_REASONS: Final = ("merged", guard.NEWER)


@dataclass(slots=True)
class Alarmed:
    """Who hears what follows, and who does not. ``listeners`` has those barred since too, with that reason."""

    known: people.People
    listeners: list[Listener] = field(default_factory=list[Listener])
    barred_since: set[int] = field(default_factory=set[int])
    gone: set[int] = field(default_factory=set[int])
    not_alarmed: set[int] = field(default_factory=set[int])

    def facts(self) -> dict[str, int]:
        """How many there are of each, for the record and for whoever sends it."""
        told = {one.contact_id for one in self.listeners if not one.reason}
        counts = {"told": len(told), "barred_since": len(self.barred_since), "gone": len(self.gone)}
        return counts | {"not_alarmed": len(self.not_alarmed - told)}


@dataclass(frozen=True, slots=True)
class _Went:
    """Where an alarm has gone: by pupil, the contacts it was for, and the addresses."""

    contacts: Mapping[int, set[int]]
    addresses: Mapping[int, set[str]]


async def find(
    session: Session, gateway: context.Gateway, emergency: Emergency, *, part: EmergencyPart = EmergencyPart.UPDATE
) -> Alarmed:
    """Everybody who was alarmed, or is about to be, as the people on file are today; for an update also those whom it
    tells in place of a call that was still to come.
    """
    run_ids = await alarm.run_ids(session, emergency, *emergencies.ALARMS)
    went = await _went(session, run_ids, gave_way=part is EmergencyPart.UPDATE)
    today = gateway.today()
    known = await people.load(session, today=today, pupil_ids=await concerned(session, run_ids))
    found = Alarmed(known)
    rows: dict[tuple[int, str], Listener] = {}
    still = set[int]()
    for tie in (one for child in known.pupils for one in known.ties.get(child, ())):
        contact_id, pupil_id = tie.contact_id, tie.pupil_id
        theirs = {point.address for point in known.points.get(contact_id, ())}
        if contact_id not in went.contacts.get(pupil_id, ()) and theirs.isdisjoint(went.addresses.get(pupil_id, ())):
            if not tie.barred_on(today):
                found.not_alarmed.add(contact_id)
            continue
        if known.contacts[contact_id].deceased:
            continue
        still.add(contact_id)
        reason = "barred" if tie.barred_on(today) else ""
        if reason:
            found.barred_since.add(contact_id)
        rows.setdefault((contact_id, reason), Listener(contact_id, reason=reason)).pupil_ids.append(pupil_id)
    found.listeners = list(rows.values())
    found.gone = set().union(*went.contacts.values()) - still
    return found


async def _went(session: Session, run_ids: Sequence[int], *, gave_way: bool) -> _Went:
    message, about = core(Message).c, core(About).c
    query = (
        sa.select(about.pupil_id, message.contact_id, message.address, message.state, message.reason)
        .join(core(About), about.message_id == message.id)
        .where(message.run_id.in_(run_ids), sa.or_(message.state.in_(_OF_USE), message.reason.in_(_REASONS)))
    )
    contacts, addresses = defaultdict[int, set[int]](set), defaultdict[int, set[str]](set)
    merged, newer, tried = list[tuple[int, int, str]](), set[tuple[int, int]](), set[tuple[int, int]]()
    for pupil_id, contact_id, address, state, reason in await session.execute(query):
        if state in emergencies.GOING:
            addresses[pupil_id].add(address)
        if contact_id is None:
            continue
        if state in emergencies.GOING:
            contacts[pupil_id].add(contact_id)
        elif reason == "merged":
            merged.append((pupil_id, contact_id, address))
        else:
            (newer if reason == guard.NEWER else tried).add((pupil_id, contact_id))
    for pupil_id, contact_id, address in merged:  # told by a phone that they share, where that one was called
        if address in addresses[pupil_id]:
            contacts[pupil_id].add(contact_id)
    for pupil_id, contact_id in newer & tried if gave_way else ():  # they were to be rung once more
        contacts[pupil_id].add(contact_id)
    return _Went(contacts, addresses)


async def concerned(session: Session, run_ids: Sequence[int]) -> list[int]:
    """The pupils that an alarm is about; nobody disappears without a row."""
    message, about = core(Message).c, core(About).c
    query = (
        sa.select(about.pupil_id)
        .join(core(Message), message.id == about.message_id)
        .where(message.run_id.in_(run_ids))
        .distinct()
        .order_by(about.pupil_id)
    )
    return list(await session.scalars(query))
