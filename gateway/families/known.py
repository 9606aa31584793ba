"""A family: its children, the grown-ups in the order in which they are asked, and who must never be contacted.

What a family is says :mod:`gateway.homes`. Whoever sees only some of the children (a teacher those of their forms)
sees a family of those, and only who is tied to one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from gateway import errors, homes, people
from gateway.database import Session

Sees = Callable[[str], bool]  #: whether somebody sees the children of a form


@dataclass(frozen=True, slots=True)
class Person:
    """A grown-up and what they are to these children. ``shared`` are addresses that somebody barred has, too."""

    contact: people.Adult
    ties: Sequence[people.Tie]
    children: Sequence[people.Child]
    points: Sequence[people.Point]
    shared: frozenset[str] = frozenset()

    @property
    def full_name(self) -> str:
        """As it stands on a page; in a file that has no name, the id there."""
        return self.contact.full_name or self.contact.source_id

    @property
    def relation(self) -> str:
        """What they are to the first of the children: ``Mum``."""
        return next((tie.relation.capitalize() for tie in self.ties if tie.relation), "")

    @property
    def lives_with(self) -> Sequence[people.Child]:
        """The children in whose home they live."""
        return [child for child, tie in zip(self.children, self.ties, strict=True) if tie.lives_with]

    @property
    def responsible(self) -> bool:
        """Whether they answer for one of the children; otherwise they are there for emergencies."""
        return any(tie.parental_responsibility or tie.lives_with for tie in self.ties)


@dataclass(frozen=True, slots=True)
class Family:
    """``children`` the eldest first. ``barred`` must not be contacted about theirs: name and number are locked."""

    id: int
    children: Sequence[people.Child]
    persons: Sequence[Person]
    barred: Sequence[Person]

    @property
    def name(self) -> str:
        """The surnames of the children: ``Haddad``, ``Haddad and Aziz``."""
        return " and ".join(dict.fromkeys(child.surname for child in self.children))

    @property
    def languages(self) -> Sequence[str]:
        """What those read who answer for the children, ``""`` where nobody has asked."""
        found = [one.contact.written_language for one in self.persons if one.responsible]
        return list(dict.fromkeys(found or [one.contact.written_language for one in self.persons]))


async def read(session: Session, pupil_id: int, *, today: date, sees: Sees = lambda _form: True) -> Family:
    """The family of a pupil.

    Raises :class:`errors.NotFound` for one who is not on roll, or whom whoever looks does not see.
    """
    every = await homes.every(session, today=today)
    mine = next((one for one in every if pupil_id in one.pupils), None)
    if mine is None:
        raise errors.NotFound("This child is not on roll.")
    family = make(await people.load(session, today=today, pupil_ids=mine.pupils), mine, today=today, sees=sees)
    if not family.children:
        raise errors.NotFound("No child of this family is in a form of yours.")
    return family


def make(known: people.People, household: homes.Household, *, today: date, sees: Sees) -> Family:
    """A family out of people who were loaded already."""
    pupils = (known.pupils[one] for one in household.pupils if one in known.pupils)
    children = sorted((one for one in pupils if sees(one.form)), key=lambda one: (one.born or date.max, one.id))
    persons, barred = dict[int, list[people.Tie]](), dict[int, list[people.Tie]]()
    for child in children:
        for tie in known.ties.get(child.id, ()):
            where = barred if tie.barred_on(today) else persons
            where.setdefault(tie.contact_id, []).append(tie)
    living = {one: ties for one, ties in persons.items() if not known.contacts[one].deceased}
    in_turn = sorted(living, key=lambda one: (min(tie.priority for tie in living[one]), one))
    return Family(
        household.id,
        children,
        [_person(known, one, living[one]) for one in in_turn],
        [_person(known, one, ties) for one, ties in barred.items()],
    )


def _person(known: people.People, contact_id: int, ties: Sequence[people.Tie]) -> Person:
    theirs = known.points.get(contact_id, ())
    locked = frozenset[str]().union(*(known.barred.get(tie.pupil_id, frozenset()) for tie in ties))
    return Person(
        known.contacts[contact_id],
        ties,
        [known.pupils[tie.pupil_id] for tie in ties],
        theirs,
        locked & {point.address for point in theirs},
    )
