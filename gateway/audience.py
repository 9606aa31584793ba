"""Who should hear: from an audience definition to listeners, each with the children it is about.

Nobody who is barred from a child becomes a listener about it, and nobody in the audience disappears without a row:
whoever gets nothing is listed with the reason.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from gateway import errors, people
from gateway.database import Session
from gateway.definitions import model
from gateway.models import ContactPoint, Guardianship, Membership, Pupil, PupilGroup
from gateway.models.types import core

PUPILS, TIES, POINTS = core(Pupil), core(Guardianship), core(ContactPoint)

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
class Portion:
    """A portion of an audience: the next pupils by id, ``most`` at most, whose id is greater than ``after``."""

    after: int
    most: int


@dataclass(frozen=True, slots=True)
class Audience:
    """The people concerned and who of them listens. ``problems`` name what the definition asks for and nobody has.

    Of a portion, ``pupil_ids`` are its own pupils; ``people`` and ``listeners`` are also those around them, so that
    whatever is to be said about one of its pupils comes out as it would for the whole audience.
    """

    people: people.People
    listeners: Sequence[Listener]
    problems: Sequence[errors.Problem]
    pupil_ids: Sequence[int] = ()


async def resolve(
    session: Session, wanted: model.Audience, *, today: date, default_language: str, portion: Portion | None = None
) -> Audience:
    """Work out who should hear, of the whole audience or of one portion."""
    chosen, problems = await _choose(session, wanted, today=today)
    query = sa.select(PUPILS.c.id).where(chosen).order_by(PUPILS.c.id)
    if portion is not None:
        query = query.where(PUPILS.c.id > portion.after).limit(portion.most)
    pupil_ids = (await session.scalars(query)).all()
    around = pupil_ids if portion is None else await _around(session, chosen, pupil_ids)
    known = await people.load(session, today=today, pupil_ids=around)
    there = list(known.pupils)
    listeners = listeners_of(known, there, wanted, today=today, default_language=default_language)
    return Audience(known, listeners, problems, pupil_ids)


async def count(session: Session, wanted: model.Audience, *, today: date) -> int:
    """How many pupils an audience has."""
    chosen, _ = await _choose(session, wanted, today=today)
    return await session.scalar(sa.select(sa.func.count()).select_from(PUPILS).where(chosen)) or 0


async def _around(session: Session, chosen: sa.ColumnElement[bool], pupil_ids: Sequence[int]) -> list[int]:
    """These pupils, and every other of the audience who has a contact in common with them, or whose contact has an
    address in common with one of theirs.

    Nothing else can change a row about one of these pupils: a contact hears by its own phones and about its own pupils,
    and one phone gets one text for all the contacts who have it.
    """
    near = (await session.scalars(_near(people.dialect(session)), {"ids": people.packed(pupil_ids)})).all()
    among = people.among(people.dialect(session), PUPILS.c.id)
    others = sa.select(PUPILS.c.id).where(among, chosen)
    found = await session.scalars(others, {"ids": people.packed(set(near).difference(pupil_ids))})
    return sorted([*pupil_ids, *found.all()])


@functools.cache
def _near(dialect: str) -> sa.Select[int]:
    """All of whom a contact of one of these ``ids``, or somebody who shares an address with one, is a contact."""
    mine, other = POINTS.alias(), POINTS.alias()
    own = sa.select(TIES.c.contact_id).where(people.among(dialect, TIES.c.pupil_id)).distinct().cte("own")
    sharing = (
        sa.select(other.c.contact_id)
        .join(mine, sa.and_(mine.c.address == other.c.address, mine.c.contact_id != other.c.contact_id))
        .join(own, own.c.contact_id == mine.c.contact_id)
    )
    contacts = sa.select(own.c.contact_id).union(sharing)
    return sa.select(TIES.c.pupil_id).where(TIES.c.contact_id.in_(contacts)).distinct()


async def _choose(
    session: Session, wanted: model.Audience, *, today: date
) -> tuple[sa.ColumnElement[bool], list[errors.Problem]]:
    """The condition on pupils, and what nobody has: a school of a million is not read to choose from it."""
    ours = people.on_roll(today)
    chosen: sa.ColumnElement[bool] = sa.true()
    problems: list[errors.Problem] = []
    if not wanted.whole_school:
        chosen, problems = await _match(session, wanted, ours, place="audience")
    left_out, more = await _match(session, wanted.but_not, ours, place="audience.but_not")
    return sa.and_(ours, chosen, ~left_out) if not wanted.but_not.empty() else sa.and_(ours, chosen), problems + more


async def _match(
    session: Session, wanted: model.Pupils, ours: sa.ColumnElement[bool], *, place: str
) -> tuple[sa.ColumnElement[bool], list[errors.Problem]]:
    conditions: list[sa.ColumnElement[bool]] = []
    problems: list[errors.Problem] = []

    async def add(kind: str, name: str, condition: sa.ColumnElement[bool]) -> None:
        conditions.append(condition)
        if await session.scalar(sa.select(PUPILS.c.id).where(ours, condition).limit(1)) is None:
            problems.append(_nobody(kind, name, place))

    for kind, names, column in (("year", wanted.years, PUPILS.c.year), ("form", wanted.forms, PUPILS.c.form)):
        spelt = await _spellings(session, column) if names else {}
        for name in names:
            await add(kind, name, column.in_(spelt.get(name.casefold(), [])))
    groups = await _groups(session) if wanted.groups else {}
    members = core(Membership).c
    for name in wanted.groups:
        listed = sa.select(members.pupil_id).where(members.group_id.in_(groups.get(name.casefold(), [])))
        await add("group", name, PUPILS.c.id.in_(listed))
    named = await _named(session, wanted.pupils, ours)
    problems += [_nobody("pupil", name, place) for name in wanted.pupils if not named[name]]
    conditions.append(PUPILS.c.id.in_(sorted(set().union(*named.values()))))
    return sa.or_(sa.false(), *conditions), problems


def _nobody(kind: str, name: str, place: str) -> errors.Problem:
    cure = "Look at the spelling, or import the pupils again."
    return errors.Problem(f"nobody is in {kind} “{name}”.", cure, field=f"{place}.{kind}s")


async def _named(session: Session, names: Sequence[str], ours: sa.ColumnElement[bool]) -> Mapping[str, set[int]]:
    """The pupils whose MIS id or UPN each of these is."""
    found: dict[str, set[int]] = {name: set() for name in names}
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        query = sa.select(PUPILS.c.id, PUPILS.c.source_id, PUPILS.c.upn).where(ours)
        query = query.where(sa.or_(PUPILS.c.source_id.in_(some), PUPILS.c.upn.in_(some)))
        for pupil_id, *both in await session.execute(query):
            for name in found.keys() & both:
                found[name].add(pupil_id)
    return found


async def _spellings(session: Session, column: sa.Column[str]) -> dict[str, list[str]]:
    """Every year or form as the school writes it, by its folded name: databases fold only some letters."""
    found: dict[str, list[str]] = {}
    for spelt in await session.scalars(sa.select(column).distinct()):
        found.setdefault(spelt.casefold(), []).append(spelt)
    return found


async def _groups(session: Session) -> dict[str, list[int]]:
    group, found = core(PupilGroup).c, dict[str, list[int]]()
    for group_id, name in await session.execute(sa.select(group.id, group.name)):
        found.setdefault(name.casefold(), []).append(group_id)
    return found


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
        free: list[people.Tie] = []
        for tie in ties:
            if tie.barred_on(today):
                row = barred.setdefault(tie.contact_id, Listener(tie.contact_id, reason="barred"))
                row.pupil_ids.append(pupil_id)
            elif known.contacts[tie.contact_id].deceased:
                row = deceased.setdefault(tie.contact_id, Listener(tie.contact_id, reason="deceased"))
                row.pupil_ids.append(pupil_id)
            else:
                free.append(tie)
        if not free:
            nobody.append(Listener(None, [pupil_id], reason="nobody"))
        for tie in _who_of(known, free, wanted.tell):
            contact = known.contacts[tie.contact_id]
            if not wanted.languages or (contact.written_language or default_language) in wanted.languages:
                row = told.get(tie.contact_id) or told.setdefault(tie.contact_id, Listener(tie.contact_id))
            else:
                row = others.setdefault(tie.contact_id, Listener(tie.contact_id, reason="other_language"))
            row.pupil_ids.append(pupil_id)
    return [*told.values(), *others.values(), *barred.values(), *deceased.values(), *nobody]


def _who_of(known: people.People, ties: Sequence[people.Tie], tell: model.Tell) -> Sequence[people.Tie]:
    """The contacts of one pupil that a rule names; the first contact when it names none, so that no child is silent."""
    match tell:
        case "everyone":
            return ties
        case "parental_responsibility":
            named = [tie for tie in ties if tie.parental_responsibility]
        case "lives_with":
            named = [tie for tie in ties if tie.lives_with]
        case "first_contact":
            named = []
    return named or [tie for tie in ties if known.points.get(tie.contact_id)][:1] or ties[:1]
