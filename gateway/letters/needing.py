"""Who needs a letter: whoever was to hear of a notice, and has no phone or mailbox left that may be used.

Asked anew each time, of the people as they are today: whoever has a working number by now, or is barred since, gets
none. Whoever lives with the child together with somebody who was reached gets none either: one letter box, one home.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import audience, context, errors, guard, people, planner, reach
from gateway.absence import sending
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.models import (
    About,
    Contact,
    Letter,
    Message,
    MessageState,
    Notice,
    NoticeState,
    Pupil,
    Purpose,
    Run,
    SchoolEvent,
)
from gateway.models.types import core

WITHIN = timedelta(days=28)  #: nobody posts news older than this

_MEDIA = (Medium.SMS, Medium.EMAIL, Medium.VOICE)
_UNREACHED = ("no_number", "no_email", "landline", "no_texts", "opted_out", "dead", "wrong_number", "barred_address")
_OVER = (MessageState.SKIPPED, MessageState.FAILED, MessageState.EXPIRED, MessageState.CANCELLED)
#: What goes by post: what must be heard, and what is good. Nobody who has stopped texts is advertised to on paper.
_PURPOSES = (Purpose.SAFEGUARDING, Purpose.STATUTORY, Purpose.SERVICE, Purpose.EMERGENCY, Purpose.GOOD_NEWS)
_BARRED_THERE: Final = "Somebody who must not be contacted about this child has the same phone or letter box."


@dataclass(frozen=True, slots=True)
class Need:
    """A letter to be written. ``message_id`` is the message that it stands in for, ``why`` the reason of that one.

    ``stop`` says why none may be written after all, for staff to see to.
    """

    message_id: str
    run_id: int
    notice: Notice
    contact: people.Adult
    children: tuple[people.Child, ...]
    lines: Sequence[str]
    why: str
    stop: str = ""

    @property
    def definition(self) -> model.Definition:
        """The notice's definition."""
        return reading.stored(self.notice.definition)


@dataclass(frozen=True, slots=True)
class Alone:
    """Somebody whom nothing but a letter reaches, and of which children they would be told."""

    contact: people.Adult
    children: tuple[people.Child, ...]
    lines: Sequence[str]


@dataclass(slots=True)
class _Told:
    """What a run has for one contact: its messages that came to nothing, and the pupils of them."""

    message_id: str
    why: str
    pupil_ids: set[int]


@dataclass(slots=True)
class _Rows:
    """What a run has: by contact what came to nothing, who needs nothing more, and who was reached about each pupil."""

    untold: dict[int, _Told] = field(default_factory=dict[int, _Told])
    out: set[int] = field(default_factory=set[int])
    reached: dict[int, set[int]] = field(default_factory=lambda: defaultdict[int, set[int]](set))

    def add(
        self,
        message_id: str,
        contact_id: int,
        state: MessageState,
        reason: str,
        pupil_id: int,
        letter_id: int | None,
    ) -> None:
        """Take in a message of one pupil's."""
        if letter_id is not None:
            self.out.add(contact_id)
        elif state not in _OVER or reason == "merged":
            self.out.add(contact_id)
            self.reached[pupil_id].add(contact_id)
        elif state is MessageState.FAILED or reason in _UNREACHED:
            why = guard.REASONS.get(reason, "It did not arrive.")
            self.untold.setdefault(contact_id, _Told(message_id, why, set())).pupil_ids.add(pupil_id)


@dataclass(frozen=True, slots=True)
class _Homes:
    """The people concerned, and where they live."""

    known: people.People
    addresses: Mapping[int, str]

    def of(self, contact_id: int) -> list[str]:
        """The lines of an address."""
        return self.addresses.get(contact_id, "").splitlines()


async def every(session: Session, gateway: context.Gateway, *, key: str = "") -> list[Need]:
    """All letters that are still to be printed, of one notice or of the last four weeks, the oldest first.

    Raises :class:`errors.NotFound` for a notice that there is not.
    """
    found = list[Need]()
    if key and await session.scalar(sa.select(core(Notice).c.id).where(_is_called(key)).limit(1)) is None:
        raise errors.NotFound(f"There is no notice “{key}”.")
    every_run = await _runs(session, gateway, key=key)
    runs = [(run, notice) for run, notice in every_run if _is_worth_saying(gateway, notice, run)]
    rows = await _rows(session, [run.id or 0 for run, _ in runs])
    pupil_ids = {one for of_run in rows.values() for told in of_run.untold.values() for one in told.pupil_ids}
    known = await people.load(session, today=gateway.today(), pupil_ids=sorted(pupil_ids))
    there = _Homes(known, await _homes(session, known))
    for run, notice in runs:
        found += _of_run(gateway, run, notice, rows[run.id or 0], there)
    return found


async def by_letter_alone(session: Session, gateway: context.Gateway) -> list[Alone]:
    """Who answers for a child on roll, has no phone or mailbox that may be used, and lives with nobody who has."""
    pupil, today = core(Pupil).c, gateway.today()
    pupil_ids = (await session.scalars(sa.select(pupil.id).where(people.on_roll(today)).order_by(pupil.id))).all()
    known = await people.load(session, today=today, pupil_ids=pupil_ids)
    wanted, default = model.Audience(whole_school=True), gateway.settings.school.language
    silent, reached = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for one in audience.listeners_of(known, pupil_ids, wanted, today=today, default_language=default):
        if one.reason or one.contact_id is None:
            continue
        for pupil_id in one.pupil_ids:
            if any(way.found for way in _ways(known, one.contact_id, pupil_id, mandatory=True)):
                reached[pupil_id].add(one.contact_id)
            else:
                silent[one.contact_id].add(pupil_id)
    there = _Homes(known, await _homes(session, known) if silent else {})
    return [
        Alone(known.contacts[contact_id], tuple(children), there.of(contact_id))
        for contact_id, untold in silent.items()
        if (children := _may_hear(known, contact_id, untold, reached, today))
    ]


def _is_called(key: str) -> sa.ColumnElement[bool]:
    return sa.or_(core(Notice).c.key == key, core(Notice).c.id == key)


async def _runs(session: Session, gateway: context.Gateway, *, key: str) -> list[tuple[Run, Notice]]:
    """What was sent, and came to nothing for somebody. Not what waits for a second person, or was taken back since; nor
    what Handbell asks of an absence: a child is found long before the post is there."""
    run, notice, event, message = core(Run).c, core(Notice).c, core(SchoolEvent).c, core(Message).c
    query = (
        sa.select(Run, Notice)
        .join(core(Notice), notice.id == run.notice_id)
        .outerjoin(core(SchoolEvent), event.id == notice.event_id)
        .where(run.fire_at > gateway.now() - WITHIN, notice.purpose.in_(_PURPOSES))
        .where(notice.state.not_in((NoticeState.HELD, NoticeState.CANCELLED)))
        .where(sa.or_(event.cancelled_at.is_(None), event.cancelled_at <= notice.created_at))
        .where(sa.or_(notice.purpose != Purpose.SAFEGUARDING, notice.author != sending.AUTHOR))
        .where(sa.exists().where(message.run_id == run.id, _came_to_nothing()))
    )
    if key:
        query = query.where(_is_called(key))
    return [(one, its) for one, its in await session.execute(query.order_by(run.fire_at, run.id))]


def _came_to_nothing() -> sa.ColumnElement[bool]:
    return sa.or_(core(Message).c.state == MessageState.FAILED, core(Message).c.reason.in_(_UNREACHED))


def _is_worth_saying(gateway: context.Gateway, notice: Notice, run: Run) -> bool:
    """Good news is, even a week later; everything else for as long as its author says."""
    if notice.purpose is Purpose.GOOD_NEWS:
        return True
    ends = planner.not_after(reading.stored(notice.definition), run.fire_at, gateway.timezone)
    return ends is None or ends > gateway.now()


def _of_run(gateway: context.Gateway, run: Run, notice: Notice, rows: _Rows, there: _Homes) -> list[Need]:
    found, today, known = list[Need](), gateway.today(), there.known
    for contact_id, told in rows.untold.items():
        contact = known.contacts.get(contact_id)
        if contact is None or contact.deceased:
            continue
        children = _may_hear(known, contact_id, told.pupil_ids, rows.reached, today)
        ways = {one: _ways(known, contact_id, one.id, mandatory=notice.purpose.mandatory) for one in children}
        children = [one for one in children if not any(way.found for way in ways[one])]
        free = [
            one
            for one in children
            if not any(way.reason == "barred_address" for way in ways[one])
            and not _barred_there(there, one.id, contact_id, today)
        ]
        if children:
            lines, stop = there.of(contact_id), "" if free else _BARRED_THERE
            whom = tuple(free or children)
            found.append(Need(told.message_id, run.id or 0, notice, contact, whom, lines, told.why, stop))
    return sorted(found, key=lambda need: need.message_id)


async def _rows(session: Session, run_ids: Sequence[int]) -> Mapping[int, _Rows]:
    """By run: those contacts of whom every message came to nothing, and who was reached about each of their pupils."""
    message, about, letter = core(Message).c, core(About).c, core(Letter).c
    untold = sa.select(message.run_id, about.pupil_id).join(core(About), about.message_id == message.id)
    theirs = untold.where(message.run_id.in_(run_ids), _came_to_nothing()).distinct().subquery()
    query = (
        sa.select(
            message.run_id, message.id, message.contact_id, message.state, message.reason, about.pupil_id, letter.id
        )
        .join(core(About), about.message_id == message.id)
        .join(theirs, sa.and_(theirs.c.run_id == message.run_id, theirs.c.pupil_id == about.pupil_id))
        .outerjoin(core(Letter), letter.message_id == message.id)
        .where(message.run_id.in_(run_ids), message.contact_id.is_not(None))
        .order_by(message.id)
    )
    found = {run_id: _Rows() for run_id in run_ids}
    for run_id, *row in await session.execute(query) if run_ids else ():
        found[run_id].add(*row)
    for rows in found.values():
        for contact_id in rows.out & rows.untold.keys():
            del rows.untold[contact_id]
    return found


def _may_hear(
    known: people.People, contact_id: int, pupil_ids: Collection[int], reached: Mapping[int, set[int]], today: date
) -> list[people.Child]:
    """The children of whom this contact may still be told, and whom nobody else of the home was told about."""
    found = list[people.Child]()
    for pupil_id in sorted(known.pupils.keys() & pupil_ids):
        ties = {tie.contact_id: tie for tie in known.ties.get(pupil_id, ())}
        tie = ties.get(contact_id)
        if tie is None or tie.barred_on(today):
            continue
        at_home = [one for one in reached.get(pupil_id, ()) if one in ties and ties[one].lives_with]
        if not (tie.lives_with and at_home):
            found.append(known.pupils[pupil_id])
    return found


def _ways(known: people.People, contact_id: int, pupil_id: int, *, mandatory: bool) -> list[reach.Ways]:
    return [reach.ways(known, contact_id, [pupil_id], medium=medium, mandatory=mandatory) for medium in _MEDIA]


async def _homes(session: Session, known: people.People) -> dict[int, str]:
    """The postal address of each contact of these people."""
    contact = core(Contact).c
    query = sa.select(contact.id, contact.postal_address).where(people.among(people.dialect(session), contact.id))
    return {row[0]: row[1] for row in await session.execute(query, {"ids": people.packed(known.contacts)})}


def _barred_there(there: _Homes, pupil_id: int, contact_id: int, today: date) -> bool:
    """Whether somebody who is barred from a child has the same letter box, by its first line and its postcode."""
    ours = _letter_box(there.of(contact_id))
    barred = [tie.contact_id for tie in there.known.ties.get(pupil_id, ()) if tie.barred_on(today)]
    return bool(ours) and any(_letter_box(there.of(one)) == ours for one in barred if one != contact_id)


def _letter_box(lines: Sequence[str]) -> tuple[str, ...]:
    plain = ["".join(filter(str.isalnum, line.casefold())) for line in lines]
    return (plain[0], plain[-1]) if plain else ()
