"""Families who can hardly be reached: for the office to ask while nothing is wrong.

A phone *works* when there was a sign of life within ``freshness.amber_days``, and nothing speaks against it since. Two
are *independent* where they are two numbers of two people: a mother's two mobiles are lost in one bag.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any, Final, Literal

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, people
from gateway.database import Session
from gateway.freshness import evidence
from gateway.models import Contact, ContactPoint, Guardianship, LineType, PointKind, PointState, Pupil
from gateway.models.types import core

Which = Literal["nobody", "few", "one-way", "landline", "shared"]
NEEDED: Final = 2  #: independent numbers that work
_PORTION: Final = 1000

#: What each report says, and the names of its columns.
REPORTS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "nobody": ("Pupils about whom nobody can be rung", ("pupil", "name", "form")),
    "few": (
        f"Pupils with fewer than {NEEDED} independent numbers that work",
        ("pupil", "name", "form", "independent", "working", "unproven", "contacts"),
    ),
    "one-way": (
        "Pupils whose families are reached by one channel alone",
        ("pupil", "name", "form", "only", "contacts"),
    ),
    "landline": ("Pupils of whom only landlines are on file", ("pupil", "name", "form", "landlines", "mailboxes")),
    "shared": ("Phones that several contacts share", ("address", "contacts", "names", "pupils", "same_children")),
}


@dataclass(frozen=True, slots=True)
class Life:
    """Since when a point is known to work, and whether it does by now."""

    good_at: datetime | None
    works: bool


async def rows(session: Session, gateway: context.Gateway, which: Which) -> list[dict[str, object]]:
    """The lines of a report, the worst first, as values by column."""
    if which == "nobody":
        return [
            {"pupil": row.source_id, "name": f"{row.known_as or row.forename} {row.surname}", "form": row.form}
            for row in await nobody(session, today=gateway.today())
        ]
    found = list[dict[str, object]]()
    shared = _Shared()
    after = 0
    while True:
        ids = await _pupils(session, gateway, after)
        known = await people.load(session, today=gateway.today(), pupil_ids=ids)
        lives = await _lives(session, gateway, known)
        for pupil_id in sorted(known.pupils):
            if which == "shared":
                shared.add(known, pupil_id, gateway)
            elif (line := _line(which, known, lives, pupil_id, gateway)) is not None:
                found.append(line)
        if len(ids) < _PORTION:
            break
        after = ids[-1]
    if which == "shared":
        return shared.lines()
    return sorted(found, key=_worst)


async def nobody(session: Session, *, today: date) -> Sequence[Any]:
    """The pupils on roll about whom nobody can be rung: id, source_id, names and form, by form.

    A phone can be rung while it is not dead, wrong, or also that of somebody who must not be contacted about the child.
    That its owner wants no texts does not matter: a person rings.
    """
    pupil, tie, point, contact = core(Pupil).c, core(Guardianship).c, core(ContactPoint).c, core(Contact).c
    other, theirs = core(Guardianship).alias("other").c, core(ContactPoint).alias("theirs").c
    locked = sa.exists().where(
        other.pupil_id == tie.pupil_id, _barred(other, today), theirs.contact_id == other.contact_id,
        theirs.address == point.address,
    )  # fmt: skip
    rung = sa.exists().where(
        tie.pupil_id == pupil.id, ~_barred(tie, today), contact.id == tie.contact_id, ~contact.deceased,
        point.contact_id == tie.contact_id, point.kind == PointKind.PHONE,
        point.state.not_in([PointState.DEAD, PointState.WRONG]), ~locked,
    )  # fmt: skip
    columns = (pupil.id, pupil.source_id, pupil.forename, pupil.known_as, pupil.surname, pupil.form)
    query = sa.select(*columns).where(people.on_roll(today), ~rung).order_by(pupil.form, pupil.surname, pupil.id)
    return (await session.execute(query)).all()


def _barred(tie: Any, today: date) -> sa.ColumnElement[bool]:
    begun = sa.or_(tie.no_contact_from.is_(None), tie.no_contact_from <= today)
    return sa.and_(tie.no_contact, begun, sa.or_(tie.no_contact_until.is_(None), tie.no_contact_until >= today))


async def _pupils(session: Session, gateway: context.Gateway, after: int) -> Sequence[int]:
    pupil = core(Pupil).c
    query = sa.select(pupil.id).where(pupil.id > after, people.on_roll(gateway.today())).order_by(pupil.id)
    return (await session.scalars(query.limit(_PORTION))).all()


async def _lives(session: Session, gateway: context.Gateway, known: people.People) -> dict[int, Life]:
    """The signs of life of every point of these people, those of the office's edits among them."""
    ids = [point.id for row in known.points.values() for point in row]
    point, rules, now = core(ContactPoint).c, gateway.settings.freshness, gateway.now()
    edited, changed = await evidence.edits(session, ids), await evidence.changed(session, ids)
    query = sa.select(point.id, point.state, point.last_good_at, point.confirmed_at)
    found = dict[int, Life]()
    condition = people.among(people.dialect(session), point.id)
    for point_id, state, good_at, confirmed_at in await session.execute(
        query.where(condition), {"ids": people.packed(ids)}
    ):
        sign = edited.get(point_id)
        latest = max(filter(None, (good_at, confirmed_at, sign.at if sign else None)), default=None)
        bad = state in (PointState.DEAD, PointState.WRONG, PointState.DOUBTFUL)
        fresh = latest is not None and now - latest <= timedelta(days=rules.amber_days)
        found[point_id] = Life(latest, fresh and not bad and point_id not in changed)
    return found


def _free(known: people.People, pupil_id: int, gateway: context.Gateway) -> list[int]:
    """The contacts who may be told about a pupil, in order of priority."""
    ties = known.ties.get(pupil_id, ())
    return [
        tie.contact_id
        for tie in ties
        if not tie.barred_on(gateway.today()) and not known.contacts[tie.contact_id].deceased
    ]


def _usable(known: people.People, pupil_id: int, gateway: context.Gateway) -> list[people.Point]:
    """Their phones and mailboxes, but for what is dead, wrong, stopped, or shared with somebody barred."""
    barred = known.barred.get(pupil_id, frozenset())
    return [
        point
        for contact_id in _free(known, pupil_id, gateway)
        for point in known.points.get(contact_id, ())
        if point.state not in (PointState.DEAD, PointState.WRONG) and point.address not in barred
        and not _stopped(known, point)
    ]  # fmt: skip


def _stopped(known: people.People, point: people.Point) -> bool:
    """Whether even news of an emergency may not go there: by text, where it is a phone that is texted."""
    medium = Medium.EMAIL if point.kind is PointKind.EMAIL else Medium.SMS
    return known.opted_out.get((medium, point.address), False) and point.line_type is not LineType.LANDLINE


def _line(
    which: Which, known: people.People, lives: Mapping[int, Life], pupil_id: int, gateway: context.Gateway
) -> dict[str, object] | None:
    usable, child = _usable(known, pupil_id, gateway), known.pupils[pupil_id]
    head: dict[str, object] = {
        "pupil": child.source_id, "name": f"{child.called} {child.surname}", "form": child.form,
    }  # fmt: skip
    phones = [point for point in usable if point.kind is PointKind.PHONE]
    working = [point for point in usable if lives[point.id].works]
    contacts = ", ".join(known.contacts[one].full_name for one in _free(known, pupil_id, gateway))
    match which:
        case "few":
            ours = [point for point in phones if point in working]
            count = independent(ours)
            unproven = sum(point.state is PointState.UNPROVEN and point not in ours for point in phones)
            tail = {"independent": count, "working": len(ours), "unproven": unproven, "contacts": contacts}
            return head | tail if count < NEEDED else None
        case "one-way":
            channels = sorted({"texts and calls" if one.line_type is LineType.MOBILE else "calls" if one.kind is
                               PointKind.PHONE else "emails" for one in working})  # fmt: skip
            return head | {"only": channels[0], "contacts": contacts} if len(channels) == 1 else None
        case "landline":
            mobiles = [point for point in phones if point.line_type is LineType.MOBILE]
            landlines = len({point.address for point in phones})
            mailboxes = len({point.address for point in usable if point.kind is PointKind.EMAIL})
            return head | {"landlines": landlines, "mailboxes": mailboxes} if phones and not mobiles else None
        case _:
            return None


def independent(phones: Sequence[people.Point]) -> int:
    """How many of these are different numbers of different people: 0, 1 or 2 (or more)."""
    for one, other in combinations(phones, 2):
        if one.contact_id != other.contact_id and one.address != other.address:
            return NEEDED
    return min(1, len(phones))


def _worst(line: Mapping[str, object]) -> tuple[object, ...]:
    return (line.get("independent", 0), line.get("working", 0), line["form"], line["name"])


class _Shared:
    """Phones with the contacts who have them, and the pupils whose they are."""

    def __init__(self) -> None:
        self._owners: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self._pupils: defaultdict[int, dict[int, str]] = defaultdict(dict)

    def add(self, known: people.People, pupil_id: int, gateway: context.Gateway) -> None:
        for contact_id in _free(known, pupil_id, gateway):
            self._pupils[contact_id][pupil_id] = known.pupils[pupil_id].source_id
            for point in known.points.get(contact_id, ()):
                if point.kind is PointKind.PHONE and point.state is not PointState.WRONG:
                    self._owners[point.address][contact_id] = known.contacts[contact_id].full_name

    def lines(self) -> list[dict[str, object]]:
        found = list[dict[str, object]]()
        for address, owners in sorted(self._owners.items()):
            if len(owners) < 2:
                continue
            pupils = [self._pupils[one] for one in owners]
            same = set.intersection(*(set(one) for one in pupils))
            found.append(
                {
                    "address": address,
                    "contacts": ", ".join(map(str, owners)),
                    "names": ", ".join(owners.values()),
                    "pupils": ", ".join(sorted({name for one in pupils for name in one.values()})),
                    "same_children": "yes" if same else "no",
                }
            )
        return found


def worded(lines: Iterable[Mapping[str, object]], columns: Sequence[str]) -> list[list[object]]:
    """The lines as cells in the order of the columns."""
    return [[line[column] for column in columns] for line in lines]
