"""A snapshot of pupils, the contacts who answer for them, and their contact points: what the audience is chosen from.

Plain rows, not the ORM's objects: a notice may need a hundred thousand of them, and making one of those costs as much
as everything else that planning does for a message. They are read, never written back.
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from channels.base import Medium
from gateway.database import Session
from gateway.models import (
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    OptOut,
    PointKind,
    PointState,
    Pupil,
    WhatWorks,
)
from gateway.models import people as tables
from gateway.models.types import core, fixed

_KINDS = {kind.value: kind for kind in PointKind}
_LINES = {line.value: line for line in LineType}
_STATES = {state.value: state for state in PointState}


class Child(NamedTuple):
    """A row of :class:`tables.Pupil`."""

    id: int
    source_id: str
    upn: str
    forename: str
    surname: str
    known_as: str
    born: date | None
    year: str
    form: str
    home_language: str

    @property
    def called(self) -> str:
        """The name that a message uses."""
        return self.known_as or self.forename


class Adult(NamedTuple):
    """A row of :class:`tables.Contact`."""

    id: int
    source_id: str
    title: str
    forename: str
    surname: str
    written_language: str
    spoken_language: str
    further_languages: str
    likely_language: str
    interpreter: bool
    deceased: bool
    marketing_consent: bool

    @property
    def full_name(self) -> str:
        """Title, forename and surname, whichever are known."""
        return tables.joined(self.title, self.forename, self.surname)


class Tie(NamedTuple):
    """A row of :class:`tables.Guardianship`: what one contact is to one pupil."""

    id: int
    pupil_id: int
    contact_id: int
    relation: str
    priority: int
    parental_responsibility: bool
    lives_with: bool
    no_contact: bool
    no_contact_from: date | None
    no_contact_until: date | None

    def barred_on(self, day: date) -> bool:
        """Whether the bar is in force on ``day``."""
        return self.no_contact and tables.in_force(self.no_contact_from, self.no_contact_until, day)


class Point(NamedTuple):
    """A row of :class:`tables.ContactPoint`: a phone or a mailbox."""

    id: int
    contact_id: int
    kind: PointKind
    address: str
    line_type: LineType
    label: str
    rank: int
    state: PointState


class _Order(NamedTuple):
    """Of a row of :class:`WhatWorks`: the media, parted by spaces."""

    contact_id: int
    media: str


@dataclass(frozen=True, slots=True)
class People:
    """Pupils by id, their guardianships in order of priority, contacts and points by id, and the opt-outs.

    ``barred`` holds, for each pupil, every address that belongs to somebody barred from that pupil today; a pupil of
    whom nobody is barred is not in it. ``orders`` are the media by which a contact is reached, the best first, where
    the usual order has failed (``gateway/freshness``).
    """

    pupils: Mapping[int, Child]
    ties: Mapping[int, Sequence[Tie]]
    contacts: Mapping[int, Adult]
    points: Mapping[int, Sequence[Point]]
    opted_out: Mapping[tuple[Medium, str], bool]
    barred: Mapping[int, frozenset[str]]
    orders: Mapping[int, Sequence[Medium]] = field(default_factory=dict[int, Sequence[Medium]])


@dataclass(frozen=True, slots=True)
class _Questions:
    """The statements of :func:`load`, made once: to make one takes longer than to ask it."""

    pupils: sa.Select[Any]
    ties: sa.Select[Any]
    contacts: sa.Select[Any]
    points: sa.Select[Any]
    orders: sa.Select[Any]


@functools.cache
def _questions(dialect: str) -> _Questions:
    pupil, tie, contact = core(Pupil), core(Guardianship), core(Contact)
    point, stop, works = core(ContactPoint), core(OptOut), core(WhatWorks)
    today: sa.BindParameter[date] = sa.bindparam("today", type_=sa.Date)
    stopped = (stop.c.medium, stop.c.mandatory_too)
    return _Questions(
        _select(Child, pupil).where(among(dialect, pupil.c.id), on_roll(today)).order_by(pupil.c.id),
        _select(Tie, tie).where(among(dialect, tie.c.pupil_id)).order_by(tie.c.priority, tie.c.id),
        _select(Adult, contact).where(among(dialect, contact.c.id)),  # not joined above: each comes once, unsorted
        _select(Point, point)
        .add_columns(*stopped)
        .outerjoin(stop, stop.c.address == point.c.address)
        .where(among(dialect, point.c.contact_id))
        # A phone in doubt is used where there is no other. Of two with one rank, the one that the family has confirmed.
        .order_by(
            point.c.state == fixed(PointState.DOUBTFUL), point.c.rank, point.c.confirmed_at.is_(None), point.c.id
        ),
        _select(_Order, works).where(among(dialect, works.c.contact_id), works.c.media != ""),
    )


def _select(kind: type[NamedTuple], table: sa.Table) -> sa.Select[Any]:
    """The columns that are a kind's fields; enums as the texts that they are stored as."""
    columns = (table.c[name] for name in kind._fields)
    return sa.select(*(sa.type_coerce(c, sa.Text) if isinstance(c.type, sa.Enum) else c for c in columns))


async def load(session: Session, *, today: date, pupil_ids: Collection[int]) -> People:
    """Read the people of these pupils, but for pupils who have left or died."""
    questions = _questions(dialect(session))

    async def ask(query: sa.Select[Any], ids: Collection[int], **more: date) -> Sequence[Any]:
        found: Sequence[Any] = (await session.execute(query, {"ids": packed(ids), **more})).all()
        return found

    pupils = {row[0]: Child._make(row) for row in await ask(questions.pupils, pupil_ids, today=today)}
    ties: dict[int, list[Tie]] = defaultdict(list)
    for tie in map(Tie._make, await ask(questions.ties, pupils)):
        ties[tie.pupil_id].append(tie)
    wanted = sorted({tie.contact_id for row in ties.values() for tie in row})
    contacts = {row[0]: Adult._make(row) for row in await ask(questions.contacts, wanted)}
    points: dict[int, list[Point]] = defaultdict(list)
    opted_out = dict[tuple[Medium, str], bool]()
    last = 0
    for point_id, contact_id, kind, address, line, label, rank, state, medium, every in await ask(
        questions.points, contacts
    ):
        if medium:
            opted_out[medium, address] = every
        if point_id != last:  # it comes once for each medium that was stopped
            point = Point(point_id, contact_id, _KINDS[kind], address, _LINES[line], label, rank, _STATES[state])
            points[contact_id].append(point)
            last = point_id
    orders = {row[0]: tuple(map(Medium, row[1].split())) for row in await ask(questions.orders, contacts)}
    return People(pupils, ties, contacts, points, opted_out, barred_addresses(ties, points, today), orders)


async def ties(session: Session, *, today: date) -> dict[int, list[Tie]]:
    """What contacts are to every pupil on roll, in order of priority: the frame of all families."""
    tie, found = core(Guardianship), dict[int, list[Tie]]()
    query = _select(Tie, tie).join(core(Pupil), core(Pupil).c.id == tie.c.pupil_id).where(on_roll(today))
    for one in map(Tie._make, await session.execute(query.order_by(tie.c.priority, tie.c.id))):
        found.setdefault(one.pupil_id, []).append(one)
    return found


async def languages(session: Session, *, spoken: bool, otherwise: str) -> dict[str, int]:
    """How many contacts read or hear each language; who was never asked counts as ``otherwise``."""
    contact = core(Contact).c
    asked = [contact.spoken_language, contact.written_language] if spoken else [contact.written_language]
    language = sa.func.coalesce(*(sa.func.nullif(column, "") for column in asked), otherwise).label("language")
    query = sa.select(language, sa.func.count()).where(~contact.deceased).group_by(sa.text("language"))
    return {row[0]: row[1] for row in await session.execute(query)}


def on_roll(today: date | sa.BindParameter[date]) -> sa.ColumnElement[bool]:
    """Nothing is said about a child who has left or died, and no list of those told nothing names it."""
    pupil = core(Pupil).c
    return sa.and_(sa.or_(pupil.left_on.is_(None), pupil.left_on >= today), ~pupil.deceased)


def dialect(session: Session) -> str:
    """``sqlite`` or ``postgresql``."""
    return session.get_bind().dialect.name


def among(dialect: str, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether a column is one of the ids to come, however many: the statement wants them :func:`packed` as ``ids``."""
    given = sa.bindparam("ids", type_=sa.Text)
    if dialect == "sqlite":
        return column.in_(sa.select(sa.func.json_each(given).table_valued("value", name="given").c.value))
    each = sa.func.json_array_elements_text(sa.cast(given, sa.JSON)).table_valued("value", name="given")
    wanted = sa.select(sa.cast(each.c.value, sa.Integer))
    # Of an array PostgreSQL looks up each; rows of which it knows nothing it joins by reading the whole table.
    return column == sa.any_(sa.func.array(wanted.scalar_subquery(), type_=ARRAY(sa.Integer)))


def packed(ids: Collection[int]) -> str:
    """Ids as a statement takes them."""
    return json.dumps(list(ids))


def barred_addresses(
    ties: Mapping[int, Sequence[Tie]], points: Mapping[int, Sequence[Point]], today: date
) -> dict[int, frozenset[str]]:
    """For each pupil of whom somebody is barred on this day, every address that belongs to somebody barred."""
    found: dict[int, set[str]] = defaultdict(set)
    for pupil_id, row in ties.items():
        for tie in row:
            if tie.barred_on(today):
                found[pupil_id].update(point.address for point in points.get(tie.contact_id, ()))
    return {pupil_id: frozenset(addresses) for pupil_id, addresses in found.items()}
