"""What the evidence says of a phone or mailbox: each sign with its age, and what all of it is worth by now.

A sign of life counts for half after ``freshness.half_life_days``. Failures count as the tables of provider codes say
(``gateway/points.py``): what is our own fault, or the network's, is shown and says nothing of the number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium, Reason
from config import sections
from gateway import errors, people, points
from gateway.database import Session
from gateway.models import (
    Attempt,
    Contact,
    ContactPoint,
    Conversation,
    FreshQuestion,
    ImportChange,
    ImportRun,
    Message,
    MessageState,
    NewDetail,
    OptOut,
    PointKind,
    PointState,
    Reply,
)
from gateway.models.types import core

CONFIRMED, CHANGED = "confirmed", "changed"  #: the answers to our question
_LATEST: Final = 5  #: of failures, so many are shown


class Colour(StrEnum):
    """How lately there was a sign of life."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class Says(StrEnum):
    """What a sign says of the phone or mailbox."""

    GOOD = "good"
    BAD = "bad"
    NOTHING = "nothing"


#: What a fresh sign of each sort is worth: 1 is as sure as can be. That a network or a mail server took something does
#: not say who reads it, and that the office typed it says less than that it was used.
WORTH: Final[Mapping[str, float]] = {
    "confirmed": 1.0, "code": 1.0, "replied": 1.0, "key": 1.0, "delivered": 0.8, "edited": 0.5, "accepted": 0.3,
}  # fmt: skip
#: These show that somebody lives there; the others are weak.
LIFE: Final = frozenset({"confirmed", "code", "replied", "key", "delivered", "edited"})


@dataclass(frozen=True, slots=True)
class Sign:
    """One piece of evidence. ``kind`` is a key of :data:`WORTH`, or ``failed``, ``stopped``; ``what`` is for people."""

    at: datetime
    kind: str
    says: Says
    what: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """A phone or mailbox with everything that speaks for and against it, the newest first."""

    point: ContactPoint
    state: str  #: that of the point, or ``stopped``
    colour: Colour
    score: float
    signs: Sequence[Sign] = field(default_factory=tuple)


async def of(session: Session, contact_id: int, rules: sections.Freshness, *, now: datetime) -> list[Evidence]:
    """The evidence for every phone and mailbox of a contact, in the order of their use.

    Raises :class:`errors.NotFound`.
    """
    if await session.get(Contact, contact_id) is None:
        raise errors.NotFound(f"There is no contact {contact_id}. handbell contact list gives the ids.")
    return (await of_contacts(session, [contact_id], rules, now=now)).get(contact_id, [])


async def of_contacts(
    session: Session, contact_ids: Collection[int], rules: sections.Freshness, *, now: datetime
) -> dict[int, list[Evidence]]:
    """The same for several contacts, such as a family's; who has no phone or mailbox is not in it."""
    query = select(ContactPoint).where(col(ContactPoint.contact_id).in_(list(contact_ids)))
    points = list(await session.scalars(query.order_by(col(ContactPoint.kind).desc(), col(ContactPoint.rank))))
    edited, found = await edits(session, [point.id or 0 for point in points]), dict[int, list[Evidence]]()
    for point in points:
        one = await _of(session, point, edited.get(point.id or 0), rules, now=now)
        found.setdefault(point.contact_id, []).append(one)
    return found


async def _of(
    session: Session, point: ContactPoint, edited: Sign | None, rules: sections.Freshness, *, now: datetime
) -> Evidence:
    stops = await _stops(session, point)
    signs = [*stops, *await _replies(session, point), *await _messages(session, point)]
    signs += await _proofs(session, point)
    signs += [edited] if edited else []
    signs += [
        Sign(at, "changed", Says.BAD, "the family says that it has changed")
        for at in (await changed(session, [point.id or 0])).values()
    ]
    if point.confirmed_at:
        signs.append(Sign(point.confirmed_at, "confirmed", Says.GOOD, "confirmed by the family or the office"))
    signs.sort(key=lambda sign: sign.at, reverse=True)
    good = max((sign.at for sign in signs if sign.kind in LIFE), default=None)
    state = "stopped" if stops and point.state not in (PointState.DEAD, PointState.WRONG) else point.state.value
    worth = score(signs, state=state, strikes=point.strikes, rules=rules, now=now)
    seen = colour(point.state, good, rules, now=now)
    over = any(sign.kind == "changed" for sign in signs)
    return Evidence(point, state, Colour.RED if over else seen, worth / 2 if over else worth, signs)


def colour(state: PointState, good_at: datetime | None, rules: sections.Freshness, *, now: datetime) -> Colour:
    """Green, amber or red by the age of the latest sign of life; what is dead or wrong is red."""
    if good_at is None or state in (PointState.DEAD, PointState.WRONG):
        return Colour.RED
    age = now - good_at
    if age <= timedelta(days=rules.green_days):
        return Colour.GREEN
    return Colour.AMBER if age <= timedelta(days=rules.amber_days) else Colour.RED


def score(signs: Iterable[Sign], *, state: str, strikes: int, rules: sections.Freshness, now: datetime) -> float:
    """How sure it is, from 0 to 1, that something sent there reaches its owner.

    The best sign of life, halved with every half-life of its age, and once for each strike since.
    """
    if state in (PointState.DEAD, PointState.WRONG, "stopped"):
        return 0.0
    half = timedelta(days=rules.half_life_days)
    fresh = [WORTH[s.kind] * 0.5 ** max(0.0, (now - s.at) / half) for s in signs if s.says is Says.GOOD]
    return round(max(fresh, default=0.0) * 0.5**strikes, 3)


async def edits(session: Session, point_ids: Collection[int]) -> dict[int, Sign]:
    """When the office put each of these on file, in an import later than the first of its source.

    That a first import brings everything says nothing of how old it is.
    """
    change, run = core(ImportChange).c, core(ImportRun).c
    first = sa.select(sa.func.min(run.id)).group_by(run.source)
    query = (
        sa.select(change["keys"], change.row_id, change.before, change.after, run.at, run.source)
        .join(core(ImportRun), run.id == change.import_id)
        .where(change.table_name == core(ContactPoint).name, run.id.not_in(first), run.undone_at.is_(None))
        .where(change.after.is_not(sa.null()) | change.before.is_(sa.null()))
        .order_by(run.at)
    )
    wanted, found = set(point_ids), dict[int, Sign]()
    for keys, row_id, _before, after, at, source in await session.execute(query):
        typed = after is None or bool({"address", "line_type", "label"} & after.keys())
        for point_id in (keys if row_id is None else [row_id]) if typed else ():
            if point_id in wanted:
                found[point_id] = Sign(at, "edited", Says.GOOD, f"written by the office ({source or 'a file'})")
    return found


async def changed(session: Session, point_ids: Collection[int]) -> dict[int, datetime]:
    """When families said of these that they have changed, where nobody has confirmed them since."""
    question, point = core(FreshQuestion).c, core(ContactPoint).c
    query = (
        sa.select(point.id, sa.func.max(question.answered_at))
        .join(core(FreshQuestion), question.contact_point_id == point.id)
        .where(question.answer == CHANGED, people.among(people.dialect(session), point.id))
        .where(sa.or_(point.confirmed_at.is_(None), point.confirmed_at < question.answered_at))
        .group_by(point.id)
    )
    rows = await session.execute(query, {"ids": people.packed(point_ids)})
    return {row[0]: row[1] for row in rows}


async def _stops(session: Session, point: ContactPoint) -> list[Sign]:
    rows = await session.scalars(select(OptOut).where(OptOut.address == point.address))
    return [
        Sign(row.since, "stopped", Says.BAD, f"told us to stop {row.medium.value} ({row.how})")
        for row in rows
        if points.kind_of(row.medium) is point.kind
    ]


async def _replies(session: Session, point: ContactPoint) -> list[Sign]:
    """What came from there: words, and keys pressed in calls."""
    reply, talk = core(Reply).c, core(Conversation).c
    pressed = (reply["keys"] != "").label("pressed")
    medium = Medium.EMAIL if point.kind is PointKind.EMAIL else Medium.SMS
    query = (
        sa.select(pressed, sa.func.count(), sa.func.max(reply.at))
        .join(core(Conversation), talk.id == reply.conversation_id)
        .where(talk.address == point.address, talk.medium == medium)
        .group_by(pressed)
    )
    return [
        Sign(at, "key" if keys else "replied", Says.GOOD, "pressed a key in a call" if keys else "replied", times)
        for keys, times, at in await session.execute(query)
    ]


async def _messages(session: Session, point: ContactPoint) -> list[Sign]:
    """What became of what we sent there."""
    m = core(Message).c
    media = [Medium.EMAIL] if point.kind is PointKind.EMAIL else [Medium.SMS, Medium.VOICE]
    ours = (m.address == point.address, m.medium.in_(media))
    arrived = (MessageState.DELIVERED, MessageState.ACCEPTED)
    query = (
        sa.select(m.medium, m.state, sa.func.count(), sa.func.max(m.changed_at))
        .where(*ours, m.state.in_(arrived))
        .group_by(m.medium, m.state)
    )
    found = [_arrived(*row) for row in await session.execute(query)]
    failed = sa.select(Message).where(*ours, m.state == MessageState.FAILED).order_by(m.changed_at.desc())
    found += [await _failure(session, row) for row in await session.scalars(failed.limit(_LATEST))]
    return [sign for sign in found if sign is not None]


def _arrived(medium: Medium, state: MessageState, times: int, at: datetime) -> Sign | None:
    if state is MessageState.DELIVERED:
        said = {Medium.VOICE: "answered a call and pressed a key", Medium.SMS: "a text was delivered"}
        return Sign(
            at, "key" if medium is Medium.VOICE else "delivered", Says.GOOD, said.get(medium, "delivered"), times
        )
    if medium is Medium.EMAIL:
        return Sign(at, "accepted", Says.GOOD, "its mail server took an email and did not send it back", times)
    return None


async def _failure(session: Session, message: Message) -> Sign:
    """A failure by its class; the provider's own code is shown beside it."""
    query = select(Attempt.code).where(Attempt.message_id == message.id, Attempt.code != "")
    code = (await session.scalars(query.order_by(col(Attempt.number).desc()).limit(1))).first() or ""
    reason = next((one for one in Reason if one.value == message.reason), None)
    counts = points.rule(message.medium, reason) is not None or reason in (Reason.NO_TEXTS, Reason.OPTED_OUT)
    whose = "" if counts else "; says nothing of the number"
    name = {Medium.SMS: "text", Medium.VOICE: "call", Medium.EMAIL: "email"}[message.medium]
    shown = f" (code {code})" if code else ""
    what = f"{name} failed: {message.reason_text or message.reason}{shown}{whose}"
    return Sign(message.changed_at, "failed", Says.BAD if counts else Says.NOTHING, what)


async def _proofs(session: Session, point: ContactPoint) -> list[Sign]:
    query = select(NewDetail).where(NewDetail.new_point_id == point.id, col(NewDetail.proved_at).is_not(None))
    return [
        Sign(row.proved_at, "code", Says.GOOD, "proved by a code")
        for row in await session.scalars(query)
        if row.proved_at
    ]


def plain(one: Evidence, *, now: datetime) -> dict[str, Any]:
    """The same as plain values, for programs and tables."""
    return {
        "point": one.point.id,
        "kind": one.point.kind.value,
        "address": one.point.address,
        "line": one.point.line_type.value,
        "state": one.state,
        "colour": one.colour.value,
        "score": one.score,
        "signs": [
            {
                "at": s.at,
                "days": (now - s.at).days,
                "kind": s.kind,
                "says": s.says.value,
                "what": s.what,
                "times": s.times,
            }
            for s in one.signs
        ],
    }
