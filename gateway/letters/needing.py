"""Who needs a letter: whoever was to hear of a notice, and has no phone or mailbox left that may be used.

Asked anew each time, of the people as they are today: whoever has a working number by now, or is barred since, gets
none. Whoever lives with the child together with somebody who was reached gets none either: one letter box, one home.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, guard, people, planner, reach
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.models import About, Contact, Letter, Message, MessageState, Notice, Purpose, Run
from gateway.models.types import core

WITHIN = timedelta(days=28)  #: nobody posts news older than this

_MEDIA = (Medium.SMS, Medium.EMAIL, Medium.VOICE)
_UNREACHED = ("no_number", "no_email", "landline", "no_texts", "opted_out", "dead", "wrong_number")
_OVER = (MessageState.SKIPPED, MessageState.FAILED, MessageState.EXPIRED, MessageState.CANCELLED)
#: What goes by post: what must be heard, and what is good. Nobody who has stopped texts is advertised to on paper.
_PURPOSES = (Purpose.SAFEGUARDING, Purpose.STATUTORY, Purpose.SERVICE, Purpose.EMERGENCY, Purpose.GOOD_NEWS)


@dataclass(frozen=True, slots=True)
class Need:
    """A letter to be written. ``message_id`` is the message that it stands in for, ``why`` the reason of that one."""

    message_id: str
    run_id: int
    notice: Notice
    contact: people.Adult
    children: tuple[people.Child, ...]
    lines: Sequence[str]
    why: str

    @property
    def definition(self) -> model.Definition:
        """The notice's definition."""
        return reading.stored(self.notice.definition)


@dataclass(slots=True)
class _Told:
    """What a run has for one contact: its messages that came to nothing, and the pupils of them."""

    message_id: str
    why: str
    pupil_ids: set[int]


async def every(session: Session, gateway: context.Gateway, *, key: str = "") -> list[Need]:
    """All letters that are still to be printed, of one notice or of the last four weeks, the oldest first."""
    found = list[Need]()
    for run, notice in await _runs(session, gateway, key=key):
        if _is_worth_saying(gateway, notice, run):
            found += await _of_run(session, gateway, run, notice)
    return found


async def _runs(session: Session, gateway: context.Gateway, *, key: str) -> list[tuple[Run, Notice]]:
    run, notice = core(Run).c, core(Notice).c
    query = sa.select(Run, Notice).join(core(Notice), notice.id == run.notice_id)
    query = query.where(run.fire_at > gateway.now() - WITHIN, notice.purpose.in_(_PURPOSES))
    if key:
        query = query.where(sa.or_(notice.key == key, notice.id == key))
    return [(one, its) for one, its in await session.execute(query.order_by(run.fire_at, run.id))]


def _is_worth_saying(gateway: context.Gateway, notice: Notice, run: Run) -> bool:
    """Good news is, even a week later; everything else for as long as its author says."""
    if notice.purpose is Purpose.GOOD_NEWS:
        return True
    ends = planner.not_after(reading.stored(notice.definition), run.fire_at, gateway.timezone)
    return ends is None or ends > gateway.now()


async def _of_run(session: Session, gateway: context.Gateway, run: Run, notice: Notice) -> list[Need]:
    untold, reached = await _rows(session, run.id or 0)
    if not untold:
        return []
    pupil_ids = sorted({one for told in untold.values() for one in told.pupil_ids})
    known = await people.load(session, today=gateway.today(), pupil_ids=pupil_ids)
    addresses = await _addresses(session, untold)
    found = list[Need]()
    for contact_id, told in untold.items():
        children = _may_hear(known, contact_id, told.pupil_ids, reached, gateway.today())
        contact = known.contacts.get(contact_id)
        if not children or contact is None or contact.deceased:
            continue
        if _has_a_way(known, contact_id, [one.id for one in children], mandatory=notice.purpose.mandatory):
            continue
        lines = addresses.get(contact_id, "").splitlines()
        found.append(Need(told.message_id, run.id or 0, notice, contact, tuple(children), lines, told.why))
    return sorted(found, key=lambda need: need.message_id)


async def _rows(session: Session, run_id: int) -> tuple[dict[int, _Told], Mapping[int, set[int]]]:
    """Those contacts of whom every message came to nothing, and who was reached about each pupil."""
    message, about, letter = core(Message).c, core(About).c, core(Letter).c
    query = (
        sa.select(message.id, message.contact_id, message.state, message.reason, about.pupil_id, letter.id)
        .join(core(About), about.message_id == message.id)
        .outerjoin(core(Letter), letter.message_id == message.id)
        .where(message.run_id == run_id, message.contact_id.is_not(None))
        .order_by(message.id)
    )
    untold, out, reached = dict[int, _Told](), set[int](), defaultdict[int, set[int]](set)
    for message_id, contact_id, state, reason, pupil_id, letter_id in await session.execute(query):
        if letter_id is not None:
            out.add(contact_id)
        elif state not in _OVER or reason == "merged":
            out.add(contact_id)
            reached[pupil_id].add(contact_id)
        elif state is MessageState.FAILED or reason in _UNREACHED:
            why = guard.REASONS.get(reason, "It did not arrive.")
            untold.setdefault(contact_id, _Told(message_id, why, set())).pupil_ids.add(pupil_id)
    return {contact_id: told for contact_id, told in untold.items() if contact_id not in out}, reached


def _may_hear(
    known: people.People, contact_id: int, pupil_ids: set[int], reached: Mapping[int, set[int]], today: date
) -> list[people.Child]:
    """The children of whom this contact may still be told, and whom nobody else of the home was told about."""
    found = list[people.Child]()
    for pupil_id in sorted(pupil_ids & known.pupils.keys()):
        ties = {tie.contact_id: tie for tie in known.ties.get(pupil_id, ())}
        tie = ties.get(contact_id)
        if tie is None or tie.barred_on(today):
            continue
        at_home = [one for one in reached.get(pupil_id, ()) if one in ties and ties[one].lives_with]
        if not (tie.lives_with and at_home):
            found.append(known.pupils[pupil_id])
    return found


def _has_a_way(known: people.People, contact_id: int, pupil_ids: Sequence[int], *, mandatory: bool) -> bool:
    ways = (reach.ways(known, contact_id, pupil_ids, medium=medium, mandatory=mandatory) for medium in _MEDIA)
    # A phone that a barred person has, too, is no way; and where such a person lives, a letter may be none either.
    return any(way.found or way.reason == "barred_address" for way in ways)


async def _addresses(session: Session, contact_ids: Mapping[int, _Told]) -> dict[int, str]:
    contact = core(Contact).c
    among = people.among(people.dialect(session), contact.id)
    query = sa.select(contact.id, contact.postal_address).where(among)
    return {row[0]: row[1] for row in await session.execute(query, {"ids": people.packed(contact_ids)})}
