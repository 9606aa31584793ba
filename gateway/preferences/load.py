"""How much a family got this week, by every medium: what was said once to both parents counts once.

What a family is says :mod:`gateway.homes`. A week begins on Monday. Emergencies, a child's safety and answers to a
person do not count: nobody would want them to keep others away.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels.base import Medium
from gateway import homes, people
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Message, MessageState, Purpose
from gateway.models.types import core, fixed
from scheduler import calendar

_WEEK = timedelta(days=7)
_WAITED = timedelta(days=4)  #: by so much at most a message is made before the day on which it goes
_CAN_WAIT = 2  #: the priority of what is no emergency, no child's safety and no answer
_COUNTS = (
    MessageState.HELD,
    MessageState.QUEUED,
    MessageState.SENDING,
    MessageState.UNKNOWN,
    MessageState.ACCEPTED,
    MessageState.DELIVERED,
)


class Got(NamedTuple):
    """Something that a family got: by what, on which day, what it was, and why it was sent."""

    medium: Medium
    day: date
    what: str
    purpose: Purpose


class Most(NamedTuple):
    """How many texts a family may get in a day and a week, and in a week of one purpose; 0 for any number."""

    per_day: int
    per_week: int
    of_purpose: int
    purpose: Purpose

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.per_day or self.per_week or self.of_purpose)


@dataclass(frozen=True, slots=True)
class Load:
    """What each family got in a week. ``family`` is by contact."""

    family: Mapping[int, int]
    got: Mapping[int, set[Got]] = field(default_factory=dict[int, set[Got]])

    def of(self, contact_id: int) -> set[Got]:
        """What the family of a contact got."""
        return self.got.get(self.family.get(contact_id, contact_id), set())

    def texts(self, contact_id: int, day: date | None = None, *, purpose: Purpose | None = None) -> int:
        """How many texts the family of a contact got, in the week or on one day of it, of all purposes or of one."""
        got = (one for one in self.of(contact_id) if one.medium is Medium.SMS)
        return sum(day in (None, one.day) and purpose in (None, one.purpose) for one in got)


class Meter(NamedTuple):
    """What the families that a notice would reach got this week: ``texts[3]`` families had three."""

    families: int
    texts: Mapping[int, int]
    emails: int
    calls: int
    over: int  #: families that have as many texts as they may get, today or this week


def families(known: people.People) -> dict[int, int]:
    """A family for every contact, as everywhere (:mod:`gateway.homes`)."""
    return homes.of_contacts(known.ties.values(), known.contacts)


async def week(
    session: Session, known: people.People, *, at: datetime, timezone: ZoneInfo, without_run: int | None = None
) -> Load:
    """What the families of these people got in the week of a moment; ``without_run`` leaves one run out."""
    family, (begins, ends) = families(known), _bounds(at, timezone)
    given = {"ids": people.packed(family), "since": begins - _WAITED, "begins": begins, "ends": ends}
    got = dict[int, set[Got]]()
    days = dict[datetime, date]()
    rows = await session.execute(_question(people.dialect(session)), given | {"run": without_run or 0})
    for contact_id, medium, due_at, run_id, message_id, purpose in rows:
        day = days.get(due_at)
        if day is None:
            day = days[due_at] = due_at.astimezone(timezone).date()
        what = str(run_id) if run_id is not None else message_id
        got.setdefault(family[contact_id], set()).add(Got(Medium(medium), day, what, Purpose(purpose)))
    return Load(family, got)


def _bounds(at: datetime, timezone: ZoneInfo) -> tuple[datetime, datetime]:
    """From Monday to Monday, on the school's clock."""
    day = at.astimezone(timezone).date()
    monday = datetime.combine(day - timedelta(days=day.weekday()), time())
    return calendar.to_utc(monday, timezone), calendar.to_utc(monday + _WEEK, timezone)


@functools.cache
def _question(dialect: str) -> sa.Select[Any, Any, Any, Any, Any, Any]:
    t = core(Message).c
    since, begins, ends = (sa.bindparam(name, type_=t.due_at.type) for name in ("since", "begins", "ends"))
    words = (sa.type_coerce(t.medium, sa.Text), sa.type_coerce(t.purpose, sa.Text))
    return sa.select(t.contact_id, words[0], t.due_at, t.run_id, t.id, words[1]).where(
        people.among(dialect, t.contact_id),
        t.created_at >= since,
        t.due_at >= begins,
        t.due_at < ends,
        t.sender_id.is_not(None),  # what is within a digest counts as that
        t.priority >= sa.literal_column(str(_CAN_WAIT), type_=sa.Integer),
        t.state.in_([fixed(state) for state in _COUNTS]),
        sa.func.coalesce(t.run_id, 0) != sa.bindparam("run", type_=sa.Integer),
    )


def is_over(load: Load, contact_id: int, day: date | None, most: Most) -> bool:
    """Whether a family has as many texts as it may get, on a day (None: on any) or in its week."""
    if day is not None and most.per_day and load.texts(contact_id, day) >= most.per_day:
        return True
    if most.of_purpose and load.texts(contact_id, purpose=most.purpose) >= most.of_purpose:
        return True
    return bool(most.per_week) and load.texts(contact_id) >= most.per_week


def meter(load: Load, contact_ids: Iterable[int], day: date, most: Most) -> Meter:
    """Count what the families of these contacts got."""
    reached = {load.family.get(one, one): one for one in contact_ids}
    texts = Counter(load.texts(one) for one in reached.values())
    others = Counter(got.medium for one in reached.values() for got in load.of(one))
    over = sum(is_over(load, one, day, most) for one in reached.values())
    return Meter(len(reached), dict(sorted(texts.items())), others[Medium.EMAIL], others[Medium.VOICE], over)


def sentences(meter: Meter) -> list[str]:
    """How many families have had how many texts this week, the most first."""
    heard = [(texts, number) for texts, number in sorted(meter.texts.items(), reverse=True) if texts]
    if not heard and not meter.emails and not meter.calls:
        return [f"None of the {meter.families} families has had anything this week that could wait."]
    each = ", ".join(f"{number} already {'have' if number != 1 else 'has'} {texts}" for texts, number in heard)
    said = f"Texts this week: of {meter.families} families {each or 'none has any'}."
    more = f" They also had {meter.emails} emails and {meter.calls} calls."
    over = f" {meter.over} of them have as many texts as they may get." if meter.over else ""
    return [said + (more if meter.emails or meter.calls else "") + over]


def without_database(definition: model.Definition) -> list[str]:
    """What can be said of it where nobody is on file."""
    if not can_wait(definition):
        return []
    return ["handbell notice preview says how many texts these families have had this week already."]


def can_wait(definition: model.Definition) -> bool:
    """Whether it has texts, and they are not urgent: then they are part of what a family gets in a week."""
    return not definition.purpose.urgent and any(Medium.SMS in step.media for step in definition.steps)
