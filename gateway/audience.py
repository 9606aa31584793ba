"""Who should hear: from an audience definition to listeners, each with the children it is about.

Nobody who is barred from a child becomes a listener about it, and nobody in the audience disappears without a row:
whoever gets nothing is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlmodel import col, select

from gateway import errors, people
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Guardianship, Membership, Pupil, PupilGroup


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
    everybody = list(await session.scalars(select(Pupil).order_by(col(Pupil.id))))
    members = await _members(session)
    ours = [pupil for pupil in everybody if _at_school(pupil, today)]
    if wanted.whole_school:
        chosen, problems = {pupil.id for pupil in ours}, []
    else:
        chosen, problems = _match(ours, members, wanted, place="audience")
    left_out, more = _match(ours, members, wanted.but_not, place="audience.but_not")
    return [pupil.id for pupil in ours if pupil.id in chosen - left_out and pupil.id is not None], problems + more


def _at_school(pupil: Pupil, today: date) -> bool:
    """Nothing is said about a child who has left or died, and no list of those told nothing names it."""
    return not pupil.deceased and (pupil.left_on is None or pupil.left_on >= today)


async def _members(session: Session) -> dict[str, set[int]]:
    groups = {group.id: group.name.casefold() for group in await session.scalars(select(PupilGroup))}
    members: dict[str, set[int]] = {name: set() for name in groups.values()}
    for row in await session.scalars(select(Membership)):
        members[groups[row.group_id]].add(row.pupil_id)
    return members


def _match(
    pupils: Sequence[Pupil], members: dict[str, set[int]], wanted: model.Pupils, *, place: str
) -> tuple[set[int | None], list[errors.Problem]]:
    found: set[int | None] = set()
    problems = []

    def add(kind: str, name: str, ids: Iterable[int | None]) -> None:
        before = set(ids)
        found.update(before)
        if not before:
            cure = "Look at the spelling, or import the pupils again."
            problems.append(errors.Problem(f"nobody is in {kind} “{name}”.", cure, field=f"{place}.{kind}s"))

    for year in wanted.years:
        add("year", str(year), (p.id for p in pupils if p.year.casefold() == str(year).casefold()))
    for form in wanted.forms:
        add("form", form, (p.id for p in pupils if p.form.casefold() == form.casefold()))
    for group in wanted.groups:
        add("group", group, {p.id for p in pupils} & members.get(group.casefold(), set()))
    for pupil in wanted.pupils:
        add("pupil", pupil, (p.id for p in pupils if pupil in (p.source_id, p.upn)))
    return found, problems


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
