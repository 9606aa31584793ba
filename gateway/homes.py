"""Which children are one family: those who live with the same grown-up.

The office counts families: a family of three children and two parents is one, however many messages it gets. This is
the one definition, for everybody who counts or shows them. Whoever must not be contacted about a child makes no family
with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa

from gateway import people
from gateway.database import Session
from gateway.models import Guardianship, Pupil
from gateway.models import people as tables
from gateway.models.types import core


class Home(NamedTuple):
    """Of a tie: who lives with whom. ``rank`` is the turn of a contact among those of the child."""

    pupil_id: int
    contact_id: int
    rank: int
    lives_with: bool
    no_contact: bool
    no_contact_from: date | None
    no_contact_until: date | None

    def barred_on(self, day: date) -> bool:
        """Whether they must not be contacted about the child on ``day``."""
        return self.no_contact and tables.in_force(self.no_contact_from, self.no_contact_until, day)


async def load(session: Session, pupil_ids: Collection[int], *, today: date) -> dict[int, int]:
    """The family of each of these children."""
    tie, dialect = core(Guardianship).c, people.dialect(session)
    columns = (tie.pupil_id, tie.contact_id, tie.priority, tie.lives_with, tie.no_contact, tie.no_contact_from,
               tie.no_contact_until)  # fmt: skip
    query = sa.select(*columns).where(people.among(dialect, tie.pupil_id))
    rows = await session.execute(query, {"ids": people.packed(pupil_ids)})
    return of([Home._make(row) for row in rows], today=today)


def of(homes: Iterable[Home], *, today: date) -> dict[int, int]:
    """A family for each child: the least id among its children.

    Where nobody is said to live with a child, its first contact stands for its home. A child without any contact is in
    no family here: it is one by itself.
    """
    by_pupil = defaultdict[int, list[Home]](list)
    for home in homes:
        if not home.barred_on(today):
            by_pupil[home.pupil_id].append(home)
    root = dict[int, int]()
    first = dict[int, int]()
    for pupil_id, ties in by_pupil.items():
        at_home = [tie for tie in ties if tie.lives_with] or [min(ties, key=lambda tie: (tie.rank, tie.contact_id))]
        for tie in at_home:
            other = first.setdefault(tie.contact_id, pupil_id)
            one, two = sorted((_find(root, pupil_id), _find(root, other)))
            root[two] = one
    return {pupil_id: _find(root, pupil_id) for pupil_id in by_pupil}


def _find(root: dict[int, int], one: int) -> int:
    while (above := root.setdefault(one, one)) != one:
        root[one] = root[above]
        one = root[one]
    return one


def of_contacts(ties: Iterable[Sequence[people.Tie]], contacts: Iterable[int]) -> dict[int, int]:
    """A family for each contact, whoever lives with no child being one alone; ``ties`` are those of each child.

    The numbers mean nothing else. Of a bar with dates nobody asks whether it is in force.
    """
    root = dict[int, int]()
    for row in ties:
        home = [tie.contact_id for tie in row if tie.lives_with and not tie.no_contact]
        for other in home[1:]:
            root[_find(root, other)] = _find(root, home[0])
    return {contact: _find(root, contact) for contact in contacts}


@dataclass(frozen=True, slots=True)
class Household:
    """The children of one family, by id. ``id`` is the least of them: where the family's page is."""

    pupils: Sequence[int]

    @property
    def id(self) -> int:
        """It stays while that child is on roll."""
        return self.pupils[0]


def grouped(pupils: Iterable[int], ties: Mapping[int, Sequence[people.Tie]], *, today: date) -> list[Household]:
    """The children of a school as families; a child without anybody is one alone."""
    family = of((home_of(tie) for row in ties.values() for tie in row), today=today)
    found = dict[int, list[int]]()
    for pupil in sorted(pupils):
        found.setdefault(family.get(pupil, pupil), []).append(pupil)
    return [Household(row) for row in found.values()]


def home_of(tie: people.Tie) -> Home:
    """What a tie says of a home."""
    return Home(
        tie.pupil_id, tie.contact_id, tie.priority, tie.lives_with, tie.no_contact, tie.no_contact_from,
        tie.no_contact_until,
    )  # fmt: skip


async def every(session: Session, *, today: date) -> list[Household]:
    """Every family with a child on roll."""
    pupils = await session.scalars(sa.select(core(Pupil).c.id).where(people.on_roll(today)))
    return grouped(pupils, await people.ties(session, today=today), today=today)


def count(families: Mapping[int, int], pupil_ids: Iterable[int]) -> int:
    """How many families these children are of."""
    return len({families.get(pupil_id, pupil_id) for pupil_id in pupil_ids})
