"""Campaigns as people look at them: which there are, what comes next and why not, and what became of each firing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import context, errors, firing
from gateway.calendars import book
from gateway.campaigns import deciding
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.models import Campaign, CampaignFiring, Message, MessageState, Notice, NoticeState
from gateway.models.types import core
from scheduler import calendar, occasions

_WINDOW = timedelta(days=400)  #: nobody plans school further ahead
_NEAR = timedelta(days=60)  #: no school day is farther away, in term or out of it
_MOST_LEFT_OUT = 400  #: of days that are told beside the firings
_MOST_TOLD = 20  #: firings of one day, each in a sentence
_ALIVE = (NoticeState.SCHEDULED, NoticeState.HELD)
_NOT_SENT = (MessageState.SKIPPED, MessageState.CANCELLED, MessageState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Coming:
    """A firing to come, or a day that is left out: ``at`` is None, and ``why`` says why; so it does of one that moved.

    ``wanted`` is the local time that the rule names.
    """

    campaign: str
    title: str
    at: datetime | None
    wanted: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A campaign, and in words what it does.

    ``standing`` is a sentence on why it does not fire, or not yet; ``""`` while it simply waits for its next firing.
    """

    notice: Notice
    campaign: Campaign | None
    rule: str
    school: str
    standing: str

    @property
    def next_at(self) -> datetime | None:
        """When it fires next; None while it rests: then the notice's own moment is the end of that."""
        resting = self.campaign and self.campaign.paused_at and not self.campaign.by_hand_at
        return None if resting else self.notice.next_fire_at


async def listed(session: Session, gateway: context.Gateway, *, everything: bool = False) -> list[Seen]:
    """The campaigns that may still fire, the next one first, and broken ones; with ``everything`` all that are over."""
    calendars = await gateway.calendars.look(session)
    query = (
        select(Notice, Campaign)
        .outerjoin(Campaign, col(Campaign.notice_id) == col(Notice.id))
        .where(sa.or_(col(Campaign.notice_id).is_not(None), col(Notice.next_fire_at).is_not(None)))
        .order_by(col(Notice.next_fire_at).is_(None), col(Notice.next_fire_at), col(Notice.id))
    )
    if not everything:
        query = query.where(col(Notice.state).in_((*_ALIVE, NoticeState.BROKEN)))
    found = [(notice, campaign) for notice, campaign in await session.execute(query)]
    return [_seen(notice, campaign, calendars, gateway) for notice, campaign in found if _repeats(notice)]


def _repeats(notice: Notice) -> bool:
    schedule = notice.definition.get("schedule", {})
    return any(schedule.get(name) for name in ("cron", "every", "when"))


def _seen(notice: Notice, campaign: Campaign | None, calendars: book.Calendars, gateway: context.Gateway) -> Seen:
    definition = reading.stored(notice.definition)
    school = firing.school(definition, calendars)
    standing = _standing(notice, campaign, school, calendars, gateway)
    return Seen(notice, campaign, in_words(definition.schedule), school, standing)


def _standing(
    notice: Notice, campaign: Campaign | None, school: str, calendars: book.Calendars, gateway: context.Gateway
) -> str:
    if notice.state is NoticeState.BROKEN:
        return f"It could not be planned, and fires no more until somebody resumes it: {notice.trouble}"
    if notice.state not in _ALIVE:
        return {NoticeState.DONE: "It is over.", NoticeState.CANCELLED: "It was cancelled."}[notice.state]
    if campaign and campaign.paused_at:
        until = f"until {_moment(campaign.paused_until, gateway)}" if campaign.paused_until else "until it is resumed"
        return f"It rests {until}: paused by {campaign.paused_by}."
    if school not in ("", *calendars.schools):
        return f"It waits: the calendar has no school “{school}” any more."
    if notice.next_fire_at is None:
        return "No day is in sight: does the calendar go on?"
    return "It waits for approval." if notice.state is NoticeState.HELD else ""


def _moment(at: datetime, gateway: context.Gateway) -> str:
    return f"{at.astimezone(gateway.timezone):%a %d %b %Y %H:%M}"


def in_words(schedule: model.Schedule) -> str:
    """A rule as a person wrote it, with what becomes of days without school."""
    if schedule.cron:
        said = f"cron {schedule.cron}"
    elif schedule.every and schedule.from_:
        said = f"every {schedule.every} from {schedule.from_:%a %d %b %Y %H:%M}"
    else:
        said = ", ".join(schedule.when)
        said += f" (counted from {schedule.date})" if schedule.date else ""
    days = {"any": "", "skip": "; school days only", "next": "; else on the next school day",
            "previous": "; else on the school day before"}[schedule.school_days]  # fmt: skip
    return said + days


async def one(session: Session, gateway: context.Gateway, notice: Notice) -> Seen:
    """One campaign."""
    calendars = await gateway.calendars.look(session)
    return _seen(notice, await session.get(Campaign, notice.id), calendars, gateway)


async def coming(
    session: Session, gateway: context.Gateway, notice: Notice, *, limit: int, until: datetime | None = None
) -> list[Coming]:
    """The next firings of a campaign in order, ``limit`` of them, and between them every day that is left out.

    A campaign that is paused is shown as it would go on now, or when its pause ends.
    """
    calendars = await gateway.calendars.look(session)
    definition = await deciding.as_it_is(session, gateway, notice, reading.stored(notice.definition))
    made = firing.timetable(definition, timezone=gateway.timezone, calendars=calendars)
    if made is None or notice.state not in _ALIVE:
        return []
    now, campaign = gateway.now(), await session.get(Campaign, notice.id)
    begin = max(now, campaign.paused_until) if campaign and campaign.paused_until else now
    if campaign and not campaign.paused_at:
        begin = min(begin, max(campaign.decided_until, now - deciding.LATE))
    done = await deciding.known(session, notice, made, now=now)
    found: list[Coming] = []
    fires = left_out = 0
    for occasion in made.coming(begin, until=until or now + _WINDOW, done=done):
        fires, left_out = fires + (occasion.at is not None), left_out + (occasion.at is None)
        if fires > limit or left_out > _MOST_LEFT_OUT:
            break
        found.append(Coming(notice.key, notice.title, occasion.at, occasion.wanted, occasion.why))
    while found and found[-1].at is None and fires <= limit and until is None:
        found.pop()  # of days after the last firing nobody asks
    return found


async def all_coming(session: Session, gateway: context.Gateway, *, until: datetime, limit: int) -> list[Coming]:
    """The firings of all campaigns up to a moment, and the days that are left out, in the order of time."""
    found: list[Coming] = []
    for seen in await listed(session, gateway):
        if not (seen.campaign and seen.campaign.paused_at and not seen.campaign.paused_until):
            found += await coming(session, gateway, seen.notice, limit=limit, until=until)
    return sorted(found, key=lambda one: one.at or calendar.to_utc(one.wanted, gateway.timezone))[:limit]


async def firings(session: Session, notice: Notice, *, limit: int, before: int = 0) -> Sequence[CampaignFiring]:
    """What became of the firings of a campaign, the newest first; ``before`` an id, for the next page."""
    query = select(CampaignFiring).where(col(CampaignFiring.notice_id) == notice.id)
    if before:
        query = query.where(col(CampaignFiring.id) < before)
    return (await session.scalars(query.order_by(col(CampaignFiring.id).desc()).limit(limit))).all()


async def explain(session: Session, gateway: context.Gateway, notice: Notice, day: datetime) -> list[str]:
    """Why a campaign fires, or fired, or does not on a local day: sentences, the most telling first."""
    seen = await one(session, gateway, notice)
    definition = await deciding.as_it_is(session, gateway, notice, reading.stored(notice.definition))
    made = firing.timetable(definition, timezone=gateway.timezone, calendars=await gateway.calendars.look(session))
    if made is None:
        raise errors.NotFound(f"“{notice.key}” is no campaign: it goes out once.")
    begin = calendar.to_utc(day, gateway.timezone)
    end = calendar.to_utc(day + timedelta(days=1), gateway.timezone)
    said = await _became(session, gateway, notice, begin, end)
    if seen.standing and (end > gateway.now() or not said):
        said.append(seen.standing)
    why = made.days.why_not(day.date())
    said.append(f"{day:%A %d %B %Y} is no school day: {why}." if why else f"{day:%A %d %B %Y} is a school day.")
    return said + _named(made, definition, day, begin, end, gateway)


async def _became(
    session: Session, gateway: context.Gateway, notice: Notice, begin: datetime, end: datetime
) -> list[str]:
    """What became of the firings of a day."""
    query = (
        select(CampaignFiring)
        .where(col(CampaignFiring.notice_id) == notice.id, col(CampaignFiring.fire_at) >= begin,
               col(CampaignFiring.first_at) < end)
        .order_by(col(CampaignFiring.fire_at))
    )  # fmt: skip
    found = list(await session.scalars(query.limit(_MOST_TOLD + 1)))
    t = core(Message).c
    counts: dict[int | None, Counter[MessageState]] = {}
    of_runs = t.run_id.in_([one.run_id for one in found if one.run_id])
    for run_id, state, count in await session.execute(
        sa.select(t.run_id, t.state, sa.func.count()).where(of_runs).group_by(t.run_id, t.state)
    ):
        counts.setdefault(run_id, Counter())[state] = count
    return _first_of([_told(one, counts.get(one.run_id, Counter()), gateway) for one in found])


def _first_of(said: list[str]) -> list[str]:
    return [*said[:_MOST_TOLD], "And more."] if len(said) > _MOST_TOLD else said


def _told(one: CampaignFiring, messages: Counter[MessageState], gateway: context.Gateway) -> str:
    at = f"{one.fire_at.astimezone(gateway.timezone):%H:%M}"
    several = f" ({one.count} firings in all)" if one.count > 1 else ""
    why = f": {one.why}" if one.why else ""
    if one.outcome in (deciding.MISSED, deciding.PAUSED):
        return f"It was due at {at} and did not go out{several}{why}."
    what = f"{one.by} had it go out at {at}" if one.outcome == deciding.BY_HAND else f"It was due at {at}"
    if messages[MessageState.HELD]:
        return f"{what}, and waits for approval{why}."
    told = messages.total() - sum(messages[state] for state in _NOT_SENT)
    if not told:
        return f"{what}, and nobody got anything: handbell notice show says why."
    later = " and went out later" if one.outcome == deciding.MADE_UP else " and went out"
    return f"{what}{'' if one.outcome == deciding.BY_HAND else later}{why}. It has {told} messages."


def _named(
    made: firing.Timetable,
    definition: model.Definition,
    day: datetime,
    begin: datetime,
    end: datetime,
    gateway: context.Gateway,
) -> list[str]:
    """What its rule says of a day."""
    just_before, last = begin - timedelta(microseconds=1), end - timedelta(microseconds=1)
    wishes = list(islice(made.coming(just_before, until=last), _MOST_TOLD + 1))
    said = _first_of([_wish(one, gateway) for one in wishes])
    if made.move in ("next", "previous"):
        around = made.coming(begin - _NEAR, until=end + _NEAR)
        said += [_moved(one, one.at, gateway) for one in around if one.at and one not in wishes and _wants(one, day)]
    if said:
        return said
    if made.until is not None and made.until < begin:
        return [f"It has ended: {_moment(made.until, gateway)} was its last moment."]
    if made.days.ends < day.date():
        return [f"The calendar ends on {made.days.ends:%A %d %B %Y}: with the next terms it goes on."]
    return [f"Its rule ({in_words(definition.schedule)}) names no time on this day."]


def _wants(one: occasions.Occasion, day: datetime) -> bool:
    """Whether a firing of another day is the one that the rule names on this day."""
    return one.wanted.date() == day.date() or any(key.startswith(f"{day:%Y-%m-%d}T") for key in one.keys)


def _moved(one: occasions.Occasion, at: datetime, gateway: context.Gateway) -> str:
    local = at.astimezone(gateway.timezone)
    return f"Its rule names {one.wanted:%H:%M} on this day, and it is moved to {local:%A %d %B %H:%M}."


def _wish(one: occasions.Occasion, gateway: context.Gateway) -> str:
    if one.at is None:
        return f"Its rule names {one.wanted:%H:%M} and leaves the day out: {one.why}."
    local = one.at.astimezone(gateway.timezone)
    moved = f" ({one.why})" if one.why else ""
    return f"Its rule names {local:%H:%M}{moved}."
