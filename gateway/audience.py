"""Who should hear: from an audience definition to listeners, each with the children it is about.

Nobody who is barred from a child becomes a listener about it, and nobody in the audience disappears without a row:
whoever gets nothing is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from gateway import errors, people
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Guardianship, Membership, Pupil, PupilGroup
from gateway.models.types import core

pupil = core(Pupil).c

_AT_ONCE = 500  #: names in one question; databases take only so many values


@dataclass(slots=True)
class Listener:
    """A contact and the pupils whose news it may hear; or, with ``reason``, one that hears nothing about them.

    ``contact_id`` is None for a pupil who has nobody at all.
    """

    contact_id: int | None
    pupil_ids: list[int] = field(default_factory=list)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """The people concerned and who of them listens. ``problems`` name what the definition asks for and nobody has."""

    people: people.People
    listeners: Sequence[Listener]
    problems: Sequence[errors.Problem]


async def resolve(session: Session, wanted: model.Audience, *, today: date, default_language: str) -> Audience:
    """Work out who should hear."""
    pupil_ids, problems = await _choose(session, wanted, today=today)
    known = await people.load(session, today=today, pupil_ids=None if wanted.whole_school else pupil_ids)
    chosen = [pupil_id for pupil_id in pupil_ids if pupil_id in known.pupils]
    listeners = listeners_of(known, chosen, wanted, today=today, default_language=default_language)
    return Audience(known, listeners, problems)


async def _choose(session: Session, wanted: model.Audience, *, today: date) -> tuple[list[int], list[errors.Problem]]:
    problems: list[errors.Problem]
    if wanted.whole_school:
        chosen, problems = set(await session.scalars(_at_school(today))), []
    else:
        chosen, problems = await _match(session, wanted, today=today, place="audience")
    left_out, more = await _match(session, wanted.but_not, today=today, place="audience.but_not")
    return sorted(chosen - left_out), problems + more


def _at_school(today: date) -> sa.Select[int]:
    """Nothing is said about a child who has left or died, and no list of those told nothing names it."""
    on_roll = sa.or_(pupil.left_on.is_(None), pupil.left_on >= today)
    return sa.select(pupil.id).where(~pupil.deceased, on_roll)


async def _match(
    session: Session, wanted: model.Pupils, *, today: date, place: str
) -> tuple[set[int], list[errors.Problem]]:
    """The pupils that a definition names. They are picked out in the database: a trust has a hundred thousand."""
    found: set[int] = set()
    problems = []

    def add(kind: str, name: str, ids: Collection[int]) -> None:
        found.update(ids)
        if not ids:
            cure = "Look at the spelling, or import the pupils again."
            problems.append(errors.Problem(f"nobody is in {kind} “{name}”.", cure, field=f"{place}.{kind}s"))

    async def ids(where: sa.ColumnElement[bool]) -> Sequence[int]:
        return (await session.scalars(_at_school(today).where(where))).all()

    for year in wanted.years:
        add("year", str(year), await ids(pupil.year.in_(await _spellings(session, pupil.year, str(year)))))
    for form in wanted.forms:
        add("form", form, await ids(pupil.form.in_(await _spellings(session, pupil.form, form))))
    for group in wanted.groups:
        names = await _spellings(session, core(PupilGroup).c.name, group)
        add("group", group, await ids(pupil.id.in_(_members(names))))
    named = await _named(session, wanted.pupils, today=today)
    for name in wanted.pupils:
        add("pupil", name, named[name])
    return found, problems


async def _spellings(session: Session, column: sa.ColumnElement[str], name: str) -> list[str]:
    """How a name that is written without regard to capitals stands in the database, which folds ASCII alone."""
    known = await session.scalars(sa.select(column).distinct())
    return [one for one in known if one.casefold() == name.casefold()]


async def _named(session: Session, names: Sequence[str], *, today: date) -> Mapping[str, set[int]]:
    """The pupils whose MIS id or UPN each of these is."""
    found: dict[str, set[int]] = {name: set() for name in names}
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        query = _at_school(today).add_columns(pupil.source_id, pupil.upn)
        for pupil_id, *both in await session.execute(
            query.where(sa.or_(pupil.source_id.in_(some), pupil.upn.in_(some)))
        ):
            for name in found.keys() & both:
                found[name].add(pupil_id)
    return found


def _members(names: Sequence[str]) -> sa.Select[int]:
    group, member = core(PupilGroup).c, core(Membership).c
    return sa.select(member.pupil_id).where(member.group_id == group.id, group.name.in_(names))


def listeners_of(
    known: people.People, pupil_ids: Sequence[int], wanted: model.Audience, *, today: date, default_language: str
) -> list[Listener]:
    """Who hears about which of these pupils, and who does not, with the reason: no pupil is without a row."""
    told: dict[int, Listener] = {}
    barred: dict[int, Listener] = {}
    others: dict[int, Listener] = {}
    deceased: dict[int, Listener] = {}
    nobody: list[Listener] = []
    for pupil_id in pupil_ids:
        ties = known.ties.get(pupil_id, ())
        free = [tie for tie in ties if not tie.barred_on(today) and not known.contacts[tie.contact_id].deceased]
        for tie in ties:
            if tie.barred_on(today):
                row = barred.setdefault(tie.contact_id, Listener(tie.contact_id, reason="barred"))
                row.pupil_ids.append(pupil_id)
            elif known.contacts[tie.contact_id].deceased:
                row = deceased.setdefault(tie.contact_id, Listener(tie.contact_id, reason="deceased"))
                row.pupil_ids.append(pupil_id)
        if not free:
            nobody.append(Listener(None, [pupil_id], reason="nobody"))
        for tie in _who_of(known, free, wanted.tell):
            contact = known.contacts[tie.contact_id]
            if not wanted.languages or (contact.written_language or default_language) in wanted.languages:
                row = told.setdefault(tie.contact_id, Listener(tie.contact_id))
            else:
                row = others.setdefault(tie.contact_id, Listener(tie.contact_id, reason="other_language"))
            row.pupil_ids.append(pupil_id)
    return [*told.values(), *others.values(), *barred.values(), *deceased.values(), *nobody]


def _who_of(known: people.People, ties: Sequence[Guardianship], tell: model.Tell) -> Sequence[Guardianship]:
    """The contacts of one pupil that a rule names; the first contact when it names none, so that no child is silent."""
    first = next((tie for tie in ties if known.points.get(tie.contact_id)), ties[0] if ties else None)
    match tell:
        case "everyone":
            return ties
        case "parental_responsibility":
            named = [tie for tie in ties if tie.parental_responsibility]
        case "lives_with":
            named = [tie for tie in ties if tie.lives_with]
        case "first_contact":
            named = []
    return named or ([first] if first else [])
