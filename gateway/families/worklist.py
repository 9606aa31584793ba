"""Contact details to sort out, the worst first: nobody can be rung; new ones to decide; stopped working; getting old.

Each list is that of whoever acts on it: children of whom nobody can be rung are the report of that name, new details
are the office's to decide (``freshness.approving``), and those of whom nothing is heard are the ones whom the rounds
ask by themselves, some a day (``freshness.nagging``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from gateway import context, homes, people
from gateway.database import Session
from gateway.families import known, mending
from gateway.freshness import approving, nagging, reports
from gateway.models import Contact, ContactPoint, DetailState, Guardianship, NewDetail, PointState, Pupil
from gateway.models.types import core

SHOWN: Final = 15  #: lines of a list that are shown at once
_GONE: Final = (PointState.DEAD, PointState.WRONG)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A phone or mailbox that does not work. ``meant`` is the address that was probably meant; ``other``: they have
    another one that works.
    """

    contact: int
    point: people.Point
    since: datetime | None
    meant: str
    other: bool


@dataclass(frozen=True, slots=True)
class Old:
    """Somebody of whom nothing was heard for long: ``good_at`` the last sign of life, ``asked_at`` our question."""

    contact: int
    good_at: datetime | None
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """Everything. Of long lists ``stopped`` and ``old`` have the first lines; ``…_count`` say how many there are."""

    nobody: Sequence[int]
    new: Sequence[approving.Listed]
    stopped: Sequence[Stopped]
    stopped_count: int
    old: Sequence[Old]
    old_count: int
    asked: Sequence[Old]
    to_export: int
    families: int
    of_families: int
    confirmed: int
    of_points: int
    persons: Mapping[int, tuple[int, known.Person]]  #: by contact: the id of the family, and who it is in it
    at_home: Mapping[int, known.Family]  #: by child

    @property
    def total(self) -> int:
        """How many lines there are."""
        return len(self.nobody) + len(self.new) + self.stopped_count + self.old_count


async def read(session: Session, gateway: context.Gateway, *, whole: str = "") -> Work:
    """Look all of it up. ``whole`` names a list that is wanted to its end: ``stopped`` or ``old``."""
    today = gateway.today()
    nobody = [row.id for row in await reports.nobody(session, today=today)]
    new = await approving.listed(session)
    gone = await _stopped(session, today)
    silent = await nagging.silent(session, gateway)
    asked = await _asked(session, gateway)
    stopped = gone if whole == "stopped" else gone[:SHOWN]
    old = silent if whole == "old" else silent[:SHOWN]
    frame = _Frame(await people.ties(session, today=today), await _on_roll(session, today), today)
    contacts = [
        *(one.contact for one in stopped),
        *old,
        *(one.contact for one in asked),
        *(o.row.contact_id for o in new),
    ]
    persons, at_home = await frame.persons(session, contacts, nobody)
    concerned = {
        frame.family_of(one) for one in (*(o.contact for o in gone), *silent, *(o.row.contact_id for o in new))
    }
    concerned |= {frame.home[one].id for one in nobody}
    good = await _good(session, [*old, *(one.contact for one in asked)])
    confirmed, points = await _confirmed(session, gateway)
    return Work(
        nobody=nobody,
        new=[one for one in new if one.row.contact_id in persons],
        stopped=[one for one in stopped if one.contact in persons],
        stopped_count=len(gone),
        old=[Old(one, good.get(one)) for one in old if one in persons],
        old_count=len(silent),
        asked=[Old(one.contact, good.get(one.contact), one.asked_at) for one in asked if one.contact in persons],
        to_export=await _to_export(session),
        families=len(concerned - {0}),
        of_families=len(frame.households),
        confirmed=confirmed,
        of_points=points,
        persons=persons,
        at_home=at_home,
    )


class _Frame:
    """Who belongs to which family, of the whole school."""

    def __init__(self, ties: Mapping[int, Sequence[people.Tie]], pupils: Collection[int], today: date) -> None:
        self.households = homes.grouped(pupils, ties, today=today)
        self.home = {pupil: one for one in self.households for pupil in one.pupils}
        self._today, self._first = today, dict[int, int]()
        for pupil_id, row in ties.items():
            for tie in row:
                if not tie.barred_on(today):
                    self._first.setdefault(tie.contact_id, pupil_id)

    def family_of(self, contact_id: int) -> int:
        """The id of a contact's family, 0 for whoever has none with a child on roll."""
        pupil = self._first.get(contact_id)
        return self.home[pupil].id if pupil in self.home else 0

    async def persons(
        self, session: Session, contacts: Collection[int], pupils: Collection[int]
    ) -> tuple[dict[int, tuple[int, known.Person]], dict[int, known.Family]]:
        """These contacts as members of their families, and the families of these children."""
        wanted = {self.family_of(one) for one in contacts} | {self.home[one].id for one in pupils}
        chosen = [one for one in self.households if one.id in wanted]
        loaded = await people.load(session, today=self._today, pupil_ids=[two for one in chosen for two in one.pupils])
        families = [known.make(loaded, one, today=self._today, sees=lambda _form: True) for one in chosen]
        persons = dict[int, tuple[int, known.Person]]()
        for family in families:
            for person in family.persons:
                if person.contact.id in contacts and self.family_of(person.contact.id) == family.id:
                    persons[person.contact.id] = (family.id, person)
        return persons, {child.id: family for family in families for child in family.children}


def _tied(today: date) -> sa.Select[Any]:
    """The contacts of children on roll whom they may hear of."""
    tie, pupil = core(Guardianship).c, core(Pupil).c
    query = sa.select(tie.contact_id).join(core(Pupil), pupil.id == tie.pupil_id)
    return query.where(people.on_roll(today), ~tie.no_contact)


async def _on_roll(session: Session, today: date) -> Sequence[int]:
    return (await session.scalars(sa.select(core(Pupil).c.id).where(people.on_roll(today)))).all()


async def _stopped(session: Session, today: date) -> list[Stopped]:
    """What does not work, the latest first, but for what the family has given us another for."""
    point, contact, new = core(ContactPoint).c, core(Contact).c, core(NewDetail).c
    other = core(ContactPoint).alias("other").c
    replaced = sa.exists().where(new.old_point_id == point.id, new.state == DetailState.APPROVED)
    works = sa.exists().where(other.contact_id == point.contact_id, other.state == PointState.WORKING)
    columns = (point.id, point.contact_id, point.kind, point.address, point.line_type, point.label, point.rank)
    query = (
        sa.select(*columns, point.state, point.last_bad_at, works)
        .join(core(Contact), contact.id == point.contact_id)
        .where(point.state.in_(_GONE), ~contact.deceased, ~replaced, point.contact_id.in_(_tied(today)))
        .order_by(point.last_bad_at.desc(), point.id)
    )
    found = list[Stopped]()
    for *row, bad_at, other_works in await session.execute(query):
        one = people.Point._make(row)
        found.append(Stopped(one.contact_id, one, bad_at, mending.meant(one.address), bool(other_works)))
    return found


async def _asked(session: Session, gateway: context.Gateway) -> list[Old]:
    """Who was asked this term in a message of its own, and has not answered; the latest first."""
    return [Old(one, None, at) for one, at in await nagging.unanswered(session, gateway, limit=SHOWN)]


async def _good(session: Session, contacts: Collection[int]) -> dict[int, datetime]:
    """The last sign of life of each of these."""
    point = core(ContactPoint).c
    query = sa.select(point.contact_id, point.last_good_at, point.confirmed_at).where(
        people.among(people.dialect(session), point.contact_id)
    )
    found = dict[int, datetime]()
    for contact_id, *signs in await session.execute(query, {"ids": people.packed(contacts)}):
        if latest := max(filter(None, (*signs, found.get(contact_id))), default=None):
            found[contact_id] = latest
    return found


async def _confirmed(session: Session, gateway: context.Gateway) -> tuple[int, int]:
    """How many phones and mailboxes have shown a sign of life lately, of how many that are in use."""
    point, rules = core(ContactPoint).c, gateway.settings.freshness
    lately = gateway.now() - timedelta(days=rules.amber_days)
    life = sa.or_(point.last_good_at > lately, point.confirmed_at > lately)
    query = sa.select(sa.func.sum(sa.case((life, 1), else_=0)), sa.func.count()).where(
        point.state.not_in(_GONE), point.contact_id.in_(_tied(gateway.today()))
    )
    row = (await session.execute(query)).one()
    return row[0] or 0, row[1]


async def _to_export(session: Session) -> int:
    """How many approved details whoever keeps the school's records has not been given yet."""
    new = core(NewDetail).c
    query = sa.select(sa.func.count()).where(new.state == DetailState.APPROVED, new.exported_at.is_(None))
    return await session.scalar(query) or 0
