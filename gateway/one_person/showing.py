"""What would become of two contacts who are one person: the whole of it, before anybody decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from channels.base import Medium
from gateway import errors
from gateway.database import Session
from gateway.importing import bars, confirmed, identity
from gateway.models import Contact, ContactPoint, Guardianship, OptOut, PointKind, Preference, Pupil, SurveyTaker
from gateway.models.types import core
from gateway.one_person import rules
from gateway.preferences import topics

Row = TypeVar("Row", Guardianship, ContactPoint, Preference)

#: The tables that follow a contact as they are, and what staff call their rows.
FOLLOW: Final = {
    "message": "messages", "reply": "answers", "conversation": "conversations", "phone_call": "calls to the school",
    "letter": "letters", "absence_case": "absences", "absence_reason": "reasons for absences",
    "fresh_question": "questions about details", "new_detail": "new details", "next_try": "tries after silence",
    "event_party": "invitations", "survey_taker": "surveys",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything that a merge would do, in sentences. ``moves`` are how many rows of each sort follow the person."""

    kept: str
    other: str
    warnings: Sequence[str] = ()
    person: Sequence[str] = ()
    children: Sequence[str] = ()
    ways: Sequence[str] = ()
    wishes: Sequence[str] = ()
    moves: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Pair:
    """The two, the one that stays first, with their ties, phones and mailboxes, and wishes."""

    kept: Contact
    other: Contact
    ties: tuple[dict[int, Guardianship], dict[int, Guardianship]]
    points: tuple[dict[tuple[PointKind, str], ContactPoint], dict[tuple[PointKind, str], ContactPoint]]
    wishes: tuple[dict[tuple[str, Medium], Preference], dict[tuple[str, Medium], Preference]]


def plain(whole: Whole) -> dict[str, Any]:
    """The same as plain values, for programs."""
    return asdict(whole)


async def read(session: Session, kept_id: int, other_id: int, *, lock: bool = False) -> Pair:
    """The two as they are now. Raises :class:`errors.NotFound`, or :class:`errors.Conflict` for what is no pair."""
    if kept_id == other_id:
        raise errors.Conflict(f"{kept_id} and {other_id} are one contact already. Name two of contact doubles.")
    query = select(Contact).where(col(Contact.id).in_([kept_id, other_id])).order_by(col(Contact.id))
    query = query.execution_options(populate_existing=True)
    rows = {one.id: one for one in await session.scalars(query.with_for_update() if lock else query)}
    for one in (kept_id, other_id):
        if one not in rows:
            raise errors.NotFound(f"There is no contact {one}. handbell contact list gives the ids.")
    kept, other = rows[kept_id], rows[other_id]
    if kept.deceased != other.deceased:
        raise errors.Conflict("One of the two has died, the other has not. Correct that in the school system first.")
    ties = [{one.pupil_id: one for one in await _of(session, Guardianship, row)} for row in (kept, other)]
    points = [{(one.kind, one.address): one for one in await _of(session, ContactPoint, row)} for row in (kept, other)]
    wishes = [{(one.topic, one.medium): one for one in await _of(session, Preference, row)} for row in (kept, other)]
    return Pair(kept, other, (ties[0], ties[1]), (points[0], points[1]), (wishes[0], wishes[1]))


async def _of(session: Session, table: type[Row], contact: Contact) -> Sequence[Row]:
    query = sa.select(table).where(core(table).c.contact_id == contact.id).order_by(core(table).c.id)
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def whole(session: Session, kept_id: int, other_id: int, *, now: datetime) -> Whole:
    """What merging the second into the first would do; reads only.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    pair = await read(session, kept_id, other_id)
    return await tell(session, pair, now=now)


async def tell(session: Session, pair: Pair, *, now: datetime) -> Whole:
    """The same of a pair that was read already."""
    pupils = await _pupils(session, [*pair.ties[0], *pair.ties[1]])
    return Whole(
        _named(pair.kept),
        _named(pair.other),
        await _warnings(session, pair, pupils),
        _person(pair),
        [_child(pair, pupils[one], one, now=now) for one in sorted({*pair.ties[0], *pair.ties[1]})],
        [await _way(session, pair, one) for one in sorted({*pair.points[0], *pair.points[1]})],
        _wishes(pair),
        await _moves(session, pair),
    )


def _named(contact: Contact) -> str:
    return f"{contact.full_name or 'without a name'} ({contact.id}, {contact.source_id} in the school's records)"


async def _pupils(session: Session, ids: Sequence[int]) -> dict[int, str]:
    query = select(Pupil).where(col(Pupil.id).in_(ids))
    return {row.id or 0: f"{row.called} {row.surname} ({row.source_id})" for row in await session.scalars(query)}


async def _warnings(session: Session, pair: Pair, pupils: dict[int, str]) -> list[str]:
    found = list[str]()
    names = [identity.folded(f"{one.forename} {one.surname}") for one in (pair.kept, pair.other)]
    if names[0] != names[1]:
        found.append("They have different names. Make sure that they are not two people.")
    for pupil_id in pair.ties[0].keys() & pair.ties[1].keys():
        ours, theirs = (ties[pupil_id].relation for ties in pair.ties)
        if ours and theirs and ours.casefold() != theirs.casefold():
            found.append(f"To {pupils[pupil_id]} the one is {ours}, the other {theirs}: are they not two people?")
    if pair.points[0] and pair.points[1] and not pair.points[0].keys() & pair.points[1].keys():
        found.append("They have no phone and no mailbox in common.")
    shared = await _others_at(session, pair)
    if shared:
        found.append(f"Of their phones and mailboxes {shared} belong to further contacts too, who stay as they are.")
    return found


async def _others_at(session: Session, pair: Pair) -> int:
    addresses = [address for _, address in (*pair.points[0], *pair.points[1])]
    point = core(ContactPoint).c
    query = sa.select(sa.func.count(sa.distinct(point.address))).where(
        point.address.in_(addresses), point.contact_id.not_in([pair.kept.id, pair.other.id])
    )
    return await session.scalar(query) or 0


def _person(pair: Pair) -> list[str]:
    found, changed = list[str](), rules.person(pair.kept, pair.other)
    for name, value in changed.items():
        if name in ("languages_confirmed_at", "languages_asked_at", "likely_because"):
            continue
        shown = {True: "yes", False: "no", "": "nothing"}.get(value, str(value))
        found.append(f"{name.replace('_', ' ')}: {shown}, as the other has it.")
    if changed.get("marketing_consent") is False:
        found.append("Of fundraising they hear no more: one of the two has not agreed to it.")
    return found


def _child(pair: Pair, pupil: str, pupil_id: int, *, now: datetime) -> str:
    kept, other = pair.ties[0].get(pupil_id), pair.ties[1].get(pupil_id)
    one = kept or other
    if one is None:
        return pupil
    bar = {name: getattr(one, name) for name in bars.COLUMNS}
    if kept is None or other is None:
        told = "as before" if other is None else "comes over from the other"
        return f"{pupil}: {told}{_answers_for(one.parental_responsibility)}, {confirmed.words(bar)}."
    found = rules.tie(kept, other, now=now)
    barred = confirmed.words(found if found.get("no_contact") else bar)
    return f"{pupil}: both, as no. {found['priority']}{_answers_for(found['parental_responsibility'])}, {barred}."


def _answers_for(responsible: bool) -> str:
    return ", with parental responsibility" if responsible else ""


async def _way(session: Session, pair: Pair, key: tuple[PointKind, str]) -> str:
    kept, other = pair.points[0].get(key), pair.points[1].get(key)
    whose = "both" if kept and other else "as before" if kept else "comes over from the other, after theirs"
    states = [one.state for one in (kept, other) if one is not None]
    state = rules.point(kept, other)["state"] if kept and other else states[0]
    stops = (await session.scalars(select(OptOut).where(OptOut.address == key[1]))).all()
    stopped = ", ".join(sorted(one.medium.value for one in stops))
    return f"{key[1]}: {whose}, {state.value}{f'; stopped: {stopped}' if stopped else ''}."


def wishes(pair: Pair) -> tuple[rules.Wishes, rules.Wishes]:
    """What each of the two has chosen."""
    kept, other = ({key: row.wish for key, row in each.items()} for each in pair.wishes)
    return kept, other


def _wishes(pair: Pair) -> list[str]:
    """What the other's wishes bring, or change of the first one's."""
    found, (kept, other) = list[str](), wishes(pair)
    for (topic, medium), wish in rules.wishes(kept, other).items():
        if (topic, medium) in other or kept[topic, medium] is not wish:
            called = "all topics" if topic == topics.EVERY else topic
            found.append(f"{called} by {medium.value}: {wish.value.replace('_', ' ')}.")
    return found


async def _moves(session: Session, pair: Pair) -> dict[str, int]:
    """How many rows of each sort follow; where each can have but one of a sort, the first one's own stays."""
    found = dict[str, int]()
    for name, called in FOLLOW.items():
        table = SQLModel.metadata.tables[name]
        query = sa.select(sa.func.count()).select_from(table).where(table.c.contact_id == pair.other.id)
        if number := await session.scalar(query):
            found[called] = number
    mine, other = core(SurveyTaker).alias("mine"), core(SurveyTaker).c
    twice = sa.select(sa.func.count(other.id)).where(
        other.contact_id == pair.other.id,
        sa.exists().where(mine.c.survey_id == other.survey_id, mine.c.contact_id == pair.kept.id),
    )
    if number := await session.scalar(twice):
        found["surveys answered twice, of which the first one's own answer stays"] = number
    return found
