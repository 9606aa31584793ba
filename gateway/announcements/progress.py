"""How far an announcement has come, by family: the numbers of the page, the API and the command line.

A family is reached when each of its children has had somebody told of it by what arrived. What counts as arrived is
what stops a ladder (``gateway/guard/ladders.py``): a receipt, a key that was pressed, or a mail server that took it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import context, homes
from gateway.announcements import causes
from gateway.database import Session
from gateway.models import About, Contact, Message, MessageState, Notice, Pupil, Run
from gateway.models.types import core
from templates import languages

REACHED, ON_THE_WAY, TO_TRY, NOT_REACHED = 3, 2, 1, 0

#: Rows of people who are nobody's audience: they say nothing of the family's language, nor why it was not reached.
NOT_ASKED: Final = ("barred", "other_language", "deceased", "merged")
#: What says nothing of a channel: it was never to leave, or was taken back.
_NONE: Final = (MessageState.SKIPPED, MessageState.CANCELLED)
_IDLE: Final = (MessageState.QUEUED, MessageState.HELD, MessageState.EXPIRED)
_MEDIA: Final = (Medium.SMS, Medium.EMAIL, Medium.VOICE)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of a whole in each of four states: what a bar shows."""

    reached: int = 0
    on_the_way: int = 0
    to_try: int = 0
    not_reached: int = 0

    @property
    def all(self) -> int:
        """The whole."""
        return self.reached + self.on_the_way + self.to_try + self.not_reached

    @property
    def open(self) -> int:
        """Of whom nobody can say yet."""
        return self.on_the_way + self.to_try

    @property
    def bar(self) -> list[tuple[str, int]]:
        """For the bar of a page."""
        return [("seg-del", self.reached), ("seg-way", self.on_the_way), ("seg-try", self.to_try),
                ("seg-fail", self.not_reached)]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Untold:
    """A child of a family that was not reached."""

    id: int
    name: str
    form: str

    @property
    def full_name(self) -> str:
        """As lists have it."""
        return self.name


@dataclass(frozen=True, slots=True)
class Group:
    """Families that were not reached for one cause, their children, and those for whom an email or a text is left."""

    cause: causes.Cause
    families: int
    children: Sequence[Untold]
    contact_ids: frozenset[int]


@dataclass(slots=True)
class Progress:
    """All of it. ``by_medium`` counts messages, everything else families."""

    families: Share = field(default_factory=Share)
    children: int = 0
    by_medium: Mapping[Medium, Share] = field(default_factory=dict[Medium, Share])
    retrying: Mapping[Medium, int] = field(default_factory=dict[Medium, int])
    reached_by: Mapping[Medium, int] = field(default_factory=dict[Medium, int])
    by_language: Sequence[tuple[str, Share]] = ()
    groups: Sequence[Group] = ()
    homes: Mapping[int, int] = field(default_factory=dict[int, int])  #: the family of each child


def as_data(share: Share) -> dict[str, int]:
    """For JSON."""
    return {"all": share.all, "reached": share.reached, "on_the_way": share.on_the_way, "to_try": share.to_try,
            "not_reached": share.not_reached}  # fmt: skip


def level() -> sa.ColumnElement[int]:
    """How far a message has brought its news; the best of a child's messages says how far the child's have."""
    message = core(Message).c
    arrived = sa.or_(
        message.state == MessageState.DELIVERED,
        sa.and_(message.state == MessageState.ACCEPTED, message.medium == Medium.EMAIL),
        sa.and_(message.state == MessageState.SKIPPED, message.reason.in_(("answered", "reached"))),
    )
    return sa.case(
        (arrived, REACHED),
        (message.state.in_((MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED)), ON_THE_WAY),
        (message.state.in_((MessageState.QUEUED, MessageState.HELD)), TO_TRY),
        else_=NOT_REACHED,
    )


async def latest_run(session: Session, notice: Notice) -> Run | None:
    """The run of which a page, the API and the command line tell how far a notice has come."""
    query = select(Run).where(Run.notice_id == notice.id).order_by(col(Run.id).desc()).limit(1)
    return (await session.scalars(query)).first()


async def shares(session: Session, run_ids: Sequence[int], *, today: date) -> dict[int, Share]:
    """The families of each of these runs: what a list of announcements shows."""
    levels = await _levels(session, run_ids) if run_ids else {}
    children = {pupil_id for of in levels.values() for pupil_id in of}
    families = await homes.load(session, children, today=today) if levels else {}
    return {run_id: _share(_worst(of, families)) for run_id, of in levels.items()}


async def share(session: Session, run_id: int, *, today: date) -> tuple[Share, int]:
    """The families of one run, and how many children it is about."""
    levels = (await _levels(session, [run_id])).get(run_id, {})
    families = await homes.load(session, levels, today=today) if levels else {}
    return _share(_worst(levels, families)), len(levels)


async def _levels(session: Session, run_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """How far the news of each child has come, by run."""
    message, about = core(Message).c, core(About).c
    query = (
        sa.select(message.run_id, about.pupil_id, sa.func.max(level()))
        .join(core(About), about.message_id == message.id)
        .where(message.run_id.in_(run_ids))
        .group_by(message.run_id, about.pupil_id)
    )
    levels = defaultdict[int, dict[int, int]](dict)
    for run_id, pupil_id, best in await session.execute(query):
        levels[run_id][pupil_id] = best
    return levels


def _worst(levels: Mapping[int, int], families: Mapping[int, int]) -> dict[int, int]:
    """The level of each family: that of the child of whom least is known."""
    found = dict[int, int]()
    for pupil_id, best in levels.items():
        family = families.get(pupil_id, pupil_id)
        found[family] = min(found.get(family, REACHED), best)
    return found


def _share(levels: Mapping[int, int]) -> Share:
    return _counted(Counter(levels.values()))


def _counted(count: Counter[int]) -> Share:
    return Share(count[REACHED], count[ON_THE_WAY], count[TO_TRY], count[NOT_REACHED])


async def read(session: Session, run_id: int, *, today: date, default_language: str) -> Progress:
    """How far one run has come."""
    message, about, contact = core(Message).c, core(About).c, core(Contact).c
    asked = message.reason.not_in(NOT_ASKED)
    written = sa.func.coalesce(sa.func.nullif(contact.written_language, ""), default_language)
    foreign = sa.case((sa.and_(asked, written != default_language), written))
    place = sa.case({medium.value: number for number, medium in enumerate(_MEDIA)}, value=message.medium)
    query = (
        sa.select(
            about.pupil_id,
            sa.func.max(level()),
            sa.func.min(sa.case((level() == REACHED, message.step * len(_MEDIA) + place))),
            sa.func.min(foreign),
        )
        .join(core(About), about.message_id == message.id)
        .outerjoin(core(Contact), contact.id == message.contact_id)
        .where(message.run_id == run_id)
        .group_by(about.pupil_id)
    )
    levels, first, spoken = dict[int, int](), dict[int, int](), dict[int, str]()
    for pupil_id, best, way, language in await session.execute(query):
        levels[pupil_id], first[pupil_id], spoken[pupil_id] = best, way, language
    if not levels:
        return Progress()
    families = await homes.load(session, levels, today=today)
    worst = _worst(levels, families)
    lost = [pupil_id for pupil_id, best in levels.items() if best == NOT_REACHED]
    by_medium, retrying = await _by_medium(session, run_id)
    return Progress(
        _share(worst),
        len(levels),
        by_medium,
        retrying,
        _reached_by(worst, first, families),
        _by_language(worst, spoken, families, default_language),
        await _groups(session, run_id, lost, families) if lost else [],
        families,
    )


async def finish(session: Session, run_id: int, *, now: datetime) -> datetime | None:
    """By when the last of a run should have left, as it is due and as fast as its senders go; None for nothing to go.

    A later step is counted whole: most of it will not be needed.
    """
    message = core(Message).c
    query = (
        sa.select(message.medium, sa.func.count(), sa.func.max(message.due_at))
        .where(message.run_id == run_id, message.state == MessageState.QUEUED)
        .group_by(message.medium)
    )
    senders, ends = await context.senders(session), list[datetime]()
    for medium, number, due_at in await session.execute(query):
        rate = sum(sender.rate for sender in senders.get(Medium(medium), ()))
        if rate:
            ends.append(max(now, due_at) + timedelta(seconds=number / rate))
    return max(ends, default=None)


def _reached_by(
    worst: Mapping[int, int], first: Mapping[int, int | None], families: Mapping[int, int]
) -> dict[Medium, int]:
    """Families by what reached them first."""
    ways = dict[int, int]()
    for pupil_id, way in first.items():
        family = families.get(pupil_id, pupil_id)
        if way is not None and worst[family] == REACHED:
            ways[family] = max(ways.get(family, 0), way)
    count = Counter(_MEDIA[way % len(_MEDIA)] for way in ways.values())
    return {medium: count[medium] for medium in _MEDIA if count[medium]}


def _by_language(
    worst: Mapping[int, int], spoken: Mapping[int, str | None], families: Mapping[int, int], default: str
) -> list[tuple[str, Share]]:
    """Families by the language that they read. Where those who are told read several, one that is not ours counts."""
    tags = dict[int, str]()
    for pupil_id, tag in spoken.items():
        family = families.get(pupil_id, pupil_id)
        if tag:
            tags[family] = min(tags.get(family, tag), tag)
    counts = defaultdict[str, Counter[int]](Counter)
    for family, how in worst.items():
        counts[tags.get(family, default)][how] += 1
    found = [(tag, _counted(count)) for tag, count in counts.items()]
    return sorted(found, key=lambda one: (-one[1].all, languages.english(one[0])))


async def _by_medium(session: Session, run_id: int) -> tuple[dict[Medium, Share], dict[Medium, int]]:
    """Messages by medium; those of a later step that nobody needed any more are no part of it."""
    message, other = core(Message).c, core(Message).alias("other").c
    arrived = sa.select(other.id).where(
        other.run_id == message.run_id, other.contact_id == message.contact_id, other.step < message.step,
        sa.or_(
            other.state == MessageState.DELIVERED,
            sa.and_(other.state == MessageState.ACCEPTED, other.medium == Medium.EMAIL),
        ),
    )  # fmt: skip
    idle = sa.and_(message.step > 0, message.state.in_(_IDLE), arrived.correlate(core(Message)).exists())
    query = (
        sa.select(message.medium, level(), sa.func.count(), sa.func.sum(sa.case((message.retries > 0, 1), else_=0)))
        .where(message.run_id == run_id, message.state.not_in(_NONE), ~idle)
        .group_by(message.medium, level())
    )
    counts, again = defaultdict[Medium, Counter[int]](Counter), Counter[Medium]()
    for medium, how, number, retried in await session.execute(query):
        counts[Medium(medium)][how] += number
        again[Medium(medium)] += retried if how == TO_TRY else 0
    return {medium: _counted(counts[medium]) for medium in _MEDIA if counts[medium]}, again


async def _groups(session: Session, run_id: int, lost: Sequence[int], families: Mapping[int, int]) -> list[Group]:
    """Those of whom nobody was told, by what a person does about it."""
    message, about, pupil = core(Message).c, core(About).c, core(Pupil).c
    query = (
        sa.select(about.pupil_id, message.contact_id, message.reason)
        .join(core(Message), message.id == about.message_id)
        .where(message.run_id == run_id, about.pupil_id.in_(lost))
    )
    reasons, people = defaultdict[int, list[str]](list), defaultdict[int, set[int]](set)
    for pupil_id, contact_id, reason in await session.execute(query):
        reasons[pupil_id].append(reason or "other")
        if contact_id is not None and reason not in NOT_ASKED:
            people[pupil_id].add(contact_id)
    called = sa.func.coalesce(sa.func.nullif(pupil.known_as, ""), pupil.forename)
    names = sa.select(pupil.id, called, pupil.surname, pupil.form).where(pupil.id.in_(lost))
    children = {row[0]: Untold(row[0], f"{row[1]} {row[2]}".strip(), row[3]) for row in await session.execute(names)}
    by_cause = defaultdict[causes.Cause, list[int]](list)
    for pupil_id in lost:
        others = [reason for reason in reasons[pupil_id] if reason not in NOT_ASKED]
        by_cause[causes.of(others or reasons[pupil_id])].append(pupil_id)
    found = [
        Group(
            cause,
            homes.count(families, ids),
            sorted((children[one] for one in ids), key=lambda child: (child.form, child.name)),
            frozenset().union(*(people[one] for one in ids)),
        )
        for cause, ids in by_cause.items()
    ]
    return sorted(found, key=lambda group: (-group.families, causes.EVERY.index(group.cause)))


def families_of(groups: Iterable[Group]) -> int:
    """How many families could not be reached."""
    return sum(group.families for group in groups)
