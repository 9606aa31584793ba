"""What is planned to go out: what people have scheduled, campaigns by their rules, and what goes by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audience, context, errors
from gateway.absence import expected, rules
from gateway.campaigns import views
from gateway.database import Session
from gateway.definitions import reading
from gateway.models import Campaign, DaySession, Notice, NoticeState, Praise, Survey
from gateway.models.types import core

_MOST: Final = 300
_ALIVE: Final = (NoticeState.SCHEDULED, NoticeState.HELD)


class Kind(StrEnum):
    """What something is to the office; the values are classes of CSS."""

    ANNOUNCEMENT = "an"
    REMINDER = "rem"
    AUTOMATIC = "auto"
    SENT = "done"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that goes out ``at`` a moment, or has. ``key`` is that of its notice, ``""`` where it has none yet.

    ``about`` says whom it goes to, in a few words; ``waits`` what it waits for, a second person or to be let go.
    """

    at: datetime
    kind: Kind
    title: str
    about: str = ""
    key: str = ""
    waits: str = ""


async def read(session: Session, gateway: context.Gateway, *, until: datetime) -> list[Item]:
    """Everything up to a moment, in the order of time."""
    found = [*await _once(session, until), *await _campaigns(session, gateway, until)]
    found += await unwritten(session, until=until)
    found = [one for one in found if one.at < until]
    return sorted(found, key=lambda one: (one.at, one.title))


async def unwritten(session: Session, *, until: datetime) -> list[Item]:
    """What goes by itself up to a moment and is no notice yet."""
    return [*await _praise(session, until), *await _surveys(session, until)]


async def counted(session: Session, gateway: context.Gateway, items: Sequence[Item]) -> list[Item]:
    """The same, each notice with how many children it is about today."""
    keys = {one.key for one in items if one.key}
    notices = {one.key: one for one in await session.scalars(select(Notice).where(col(Notice.key).in_(keys)))}
    about = dict[str, str]()
    for key, notice in notices.items():
        try:
            wanted = reading.stored(notice.definition).audience
            number = await audience.count(session, wanted, today=gateway.today())
        except errors.HandbellError:  # a class that nobody is in any more: it is said when it fires
            continue
        whole = " of the whole school" if wanted.whole_school else ""
        about[key] = f"{number:,} {'child' if number == 1 else 'children'}{whole}"
    return [replace(one, about=about.get(one.key, one.about)) for one in items]


def checks(gateway: context.Gateway) -> Item | None:
    """When absent children are asked about next; None without a school day in sight."""
    decided = rules.load(gateway.settings, gateway.year)
    now, today, days = gateway.now(), gateway.today(), gateway.year.days
    day = today if days.is_school_day(today) else next(days.days_after(today), None)
    if day is not None and expected.first(gateway.year, day, DaySession.AM, decided.timezone).check <= now:
        day = next(days.days_after(day), None)
    if day is None:
        return None
    at = expected.first(gateway.year, day, DaySession.AM, decided.timezone).check
    return Item(at, Kind.AUTOMATIC, "Absence checks", "Every school day, from this time on")


def kind(definition: Mapping[str, Any]) -> Kind:
    """What a stored definition is: one that goes by its distance from a date reminds of it."""
    reminds = str(definition.get("template", "")).endswith("_reminder") or definition.get("schedule", {}).get("when")
    return Kind.REMINDER if reminds else Kind.ANNOUNCEMENT


async def _once(session: Session, until: datetime) -> list[Item]:
    """What goes out once; a notice that has begun is no longer to come."""
    campaign = sa.select(col(Campaign.notice_id)).scalar_subquery()
    query = (
        select(Notice)
        .where(col(Notice.state).in_(_ALIVE), col(Notice.next_fire_at) < until, col(Notice.id).not_in(campaign))
        .order_by(col(Notice.next_fire_at))
        .limit(_MOST)
    )
    return [
        Item(one.next_fire_at, kind(one.definition), one.title, key=one.key, waits=_waits(one))
        for one in await session.scalars(query)
        if one.next_fire_at is not None and not one.purpose.urgent
    ]


def _waits(notice: Notice) -> str:
    if notice.paused_at is not None:
        return "Held until somebody lets it go"
    return "Waits for a second person" if notice.state is NoticeState.HELD else ""


async def _campaigns(session: Session, gateway: context.Gateway, until: datetime) -> list[Item]:
    coming = [one for one in await views.all_coming(session, gateway, until=until, limit=_MOST) if one.at]
    keys = {one.campaign for one in coming}
    found = {one.key: one for one in await session.scalars(select(Notice).where(col(Notice.key).in_(keys)))}
    return [
        Item(one.at, kind(found[one.campaign].definition), one.title, one.why, one.campaign,
             _waits(found[one.campaign]))
        for one in coming if one.at is not None
    ]  # fmt: skip


async def _praise(session: Session, until: datetime) -> list[Item]:
    t = core(Praise).c
    query = (
        sa.select(t.due_at, sa.func.count(), sa.func.count(sa.distinct(t.staff)))
        .where(t.run_id.is_(None), t.withdrawn_at.is_(None), t.due_at < until)
        .group_by(t.due_at)
    )
    return [
        Item(at, Kind.AUTOMATIC, "Good news, held until after school",
             f"{number} {'piece' if number == 1 else 'pieces'}, from {staff} of the staff")
        for at, number, staff in await session.execute(query)
    ]  # fmt: skip


async def _surveys(session: Session, until: datetime) -> list[Item]:
    query = select(Survey).where(col(Survey.remind_at) < until, col(Survey.closed_at).is_(None))
    return [
        Item(one.remind_at, Kind.REMINDER, f"{one.title}: reminder", "Only who has answered nothing")
        for one in await session.scalars(query)
        if one.remind_at is not None
    ]


def horizon(now: datetime) -> datetime:
    """How far “next to go” looks."""
    return now + timedelta(days=21)
