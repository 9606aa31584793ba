"""A school's year of campaigns in simulated time: the product's own planning, restarted and killed at random."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from gateway import context, errors, notices
from gateway.calendars import deeds, document
from gateway.campaigns import rearranging
from gateway.database import Database
from gateway.models import CampaignFiring, Message, Notice, Run
from gateway.models.types import core
from support import desk, school
from support.year_oracle import DAY, WEEKDAYS, Apart, Away, Daily, Days, Plan

START, END = datetime(2027, 9, 1, 6, 0, 30, tzinfo=UTC), datetime(2029, 1, 12, 12, 0, 30, tzinfo=UTC)
HALF_TERM = "first half", "second half"
YEARS = (
    (
        ("Autumn", date(2027, 9, 2), date(2027, 10, 22)), ("Autumn", date(2027, 11, 1), date(2027, 12, 17)),
        ("Spring", date(2028, 1, 4), date(2028, 2, 11)), ("Spring", date(2028, 2, 21), date(2028, 3, 31)),
        ("Summer", date(2028, 4, 18), date(2028, 5, 26)), ("Summer", date(2028, 6, 5), date(2028, 7, 21)),
    ),
    (("Autumn", date(2028, 9, 4), date(2028, 10, 20)), ("Autumn", date(2028, 10, 30), date(2028, 12, 21)),
     ("Spring", date(2029, 1, 3), date(2029, 2, 9))),
)  # fmt: skip
#: Of England and Wales, on days of term: written here once more, so that nobody's list proves itself.
BANK = frozenset({date(2028, 5, 1), date(2027, 12, 27), date(2028, 1, 3), date(2028, 4, 14), date(2028, 5, 29)})
INSET = (date(2027, 9, 2), date(2027, 11, 1), date(2028, 6, 30), date(2028, 10, 30))
INFANTS = (date(2027, 11, 26), date(2028, 3, 10), date(2028, 12, 1))
SNOW = (date(2028, 1, 13), date(2028, 1, 14))
Change = tuple[datetime, Callable[["Year"], Coroutine[Any, Any, None]]]


def calendar(years: int) -> document.Calendar:
    """The calendar as it is handed in, with the terms of so many school years."""
    terms = [
        {"name": f"{name}, {HALF_TERM[place % 2]}", "first": first, "last": last}
        for year in YEARS[:years]
        for place, (name, first, last) in enumerate(year)
    ]
    hours = {"begins": time(8, 45), "closes": time(9, 15), "until": time(12)}
    noon = {"begins": time(13), "closes": time(13, 10), "until": time(15, 15)}
    return document.Calendar.model_validate({
        "terms": terms,
        "closed": [{"day": day, "why": "INSET day"} for day in INSET],
        "sessions": {"am": hours, "pm": noon},
        "schools": {"infants": {"years": ["R"], "closed": [{"day": day, "why": "INSET day"} for day in INFANTS]}},
    })  # fmt: skip


def known(years: int, *closed: date, infants: tuple[date, ...] = ()) -> dict[str, Days]:
    """The same for the oracle, with days that were closed since."""
    stretches = tuple((first, last) for year in YEARS[:years] for _, first, last in year)
    terms = tuple(
        (year[place][1], year[place + 1][2] if place + 1 < len(year) else year[place][2])
        for year in YEARS[:years]
        for place in range(0, len(year), 2)
    )
    all_closed = BANK | frozenset(INSET) | frozenset(closed)
    return {
        "": Days(stretches, terms, all_closed),
        "infants": Days(stretches, terms, all_closed | frozenset(INFANTS) | frozenset(infants)),
    }


async def _snow(year: Year) -> None:
    await year.close(SNOW[0], SNOW[1])


async def _boiler(year: Year) -> None:
    await year.close(date(2028, 3, 31), date(2028, 3, 31), school_name="infants")


async def _thaw(year: Year) -> None:
    async with year.database.write() as session:
        await deeds.undo(session, 1, by="office", log=desk.LOG, now=year.clock())


async def _next_year(year: Year) -> None:
    async with year.database.write() as session:
        await deeds.put(session, calendar(2), by="office", log=desk.LOG, now=year.clock())


async def _storm(year: Year) -> None:
    await year.close(date(2028, 12, 21), date(2028, 12, 21))


def changes() -> list[tuple[Change, dict[str, Days]]]:
    """What people do to the calendar in the year, and what it is from then on."""

    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    infants = (date(2028, 3, 31),)
    return [
        ((at("2028-01-13T06:10:17"), _snow), known(1, *SNOW)),
        ((at("2028-01-13T18:45:17"), _thaw), known(1)),  # nobody came on the 13th; the 14th is on again
        ((at("2028-03-30T16:20:17"), _boiler), known(1, infants=infants)),
        ((at("2028-06-12T10:05:17"), _next_year), known(2, infants=infants)),
        ((at("2028-12-20T20:10:17"), _storm), known(2, date(2028, 12, 21), infants=infants)),
    ]


@dataclass
class Year:
    """The gateway through the year: ``pick`` decides when it stands still, is made anew, or dies before it commits."""

    database: Database
    plans: list[Plan]
    pick: random.Random
    others: list[Database] = field(default_factory=list)  #: further doors to the same database, for more tickers
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    clock: desk.Clock = field(default_factory=lambda: desk.Clock(START))
    deaths: int = 0
    refused: list[Plan] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.gateways = [desk.gateway(one, self.clock, quiet=False) for one in (self.database, *self.others)]

    async def open(self) -> None:
        """Hand everything in: a family, the calendar, the campaigns."""
        child = await school.pupil(self.database, year="R", form="RA")
        mother = await school.contact(self.database, "Maria")
        await school.tie(self.database, child, mother, priority=1, parental_responsibility=True)
        await school.point(self.database, mother, "+447700900001")
        await school.sender(self.database)
        async with self.database.write() as session:
            await deeds.put(session, calendar(1), by="office", log=desk.LOG, now=self.clock())
            await rearranging.rearrange(session, self.gateways[0])
        for plan in self.plans:
            valid = {"valid": {"for": f"{plan.valid // timedelta(minutes=1)}m"}} if plan.valid else {}
            wanted = desk.definition(key=plan.key, text={"en": "A word from school."}, schedule=plan.schedule, **valid)
            with suppress(errors.BadDefinition):
                async with self.database.write() as session:
                    await notices.submit(session, self.gateways[0], wanted, author="office")
                continue
            self.refused.append(plan)
        self.plans = [plan for plan in self.plans if plan not in self.refused]

    async def close(self, first: date, last: date, *, school_name: str = "") -> None:
        async with self.database.write() as session:
            await deeds.close(
                session, first, last, why="snow", school=school_name, by="office", log=desk.LOG, now=self.clock()
            )  # fmt: skip

    async def live(self) -> None:
        """Go from one thing to the next: a firing that is due, a change of the calendar, the end of an outage."""
        waiting = [change for change, _ in changes()]
        while (moment := await self._next(waiting)) is not None:
            self.clock.now = moment
            if waiting and waiting[0][0] == moment:
                await waiting.pop(0)[1](self)
                await self._rearrange()
            if self._away(moment) is None:
                await self._tick()

    async def _next(self, waiting: list[Change]) -> datetime | None:
        async with self.database.read() as session:
            due = await session.scalar(sa.select(sa.func.min(Notice.next_fire_at)))
        seen = self._away(max(due, self.clock.now)) or max(due, self.clock.now) if due else None
        found = min((at for at in (seen, waiting[0][0] if waiting else None) if at), default=None)
        return found if found is not None and found < END else None

    def _away(self, at: datetime) -> datetime | None:
        return next((back for gone, back in self.outages if gone <= at < back), None)

    async def _rearrange(self) -> None:
        """Do what the ticker does a few seconds later, in whichever process comes first."""
        for gateway in self.gateways:
            async with gateway.database.read() as session:
                due = await rearranging.is_due(session, gateway)
            if due:
                async with gateway.database.write() as session:
                    await rearranging.rearrange(session, gateway)

    async def _tick(self) -> None:
        if self.pick.random() < 0.1:
            self._start()
        if self.pick.random() < 0.05:
            await self._die()
        await asyncio.gather(*(self._plan(gateway) for gateway in self.gateways))

    async def _plan(self, gateway: context.Gateway) -> None:
        while True:
            async with gateway.database.write_here() as session:
                if await notices.plan_due(session, gateway) is None:
                    return

    async def _die(self) -> None:
        """Plan, and die before it is committed; somebody else goes on."""
        try:
            async with self.database.write_here() as session:
                await notices.plan_due(session, self.gateways[0])
                raise Killed
        except Killed:
            self.deaths += 1
            self._start()

    async def came_to(self) -> tuple[dict[str, list[tuple[datetime, str]]], dict[str, int], dict[str, list[datetime]]]:
        """What the tables say: firings by campaign, how many were missed, and the moments of messages."""
        firing, notice, run, message = (core(table).c for table in (CampaignFiring, Notice, Run, Message))
        fired: dict[str, list[tuple[datetime, str]]] = {plan.key: [] for plan in self.plans}
        missed = dict.fromkeys(fired, 0)
        sent: dict[str, list[datetime]] = {plan.key: [] for plan in self.plans}
        async with self.database.read() as session:
            query = sa.select(notice.key, firing.fire_at, firing.outcome, firing.count).where(
                notice.id == firing.notice_id
            )
            for key, at, outcome, count in await session.execute(query.order_by(firing.fire_at)):
                if outcome == "missed":
                    missed[key] += count
                else:
                    fired[key].append((at, outcome))
            told = sa.select(notice.key, run.fire_at).where(notice.id == run.notice_id, message.run_id == run.id)
            for key, at in await session.execute(told.order_by(run.fire_at)):
                sent[key].append(at)
        return fired, missed, sent


class Killed(Exception):
    """The process is gone."""


def outages(pick: random.Random, count: int) -> list[tuple[datetime, datetime]]:
    """Spans of minutes to days in which nobody plans, none of them over another."""
    found: list[tuple[datetime, datetime]] = []
    gone = START + 3 * DAY
    for _ in range(count):
        gone += timedelta(seconds=pick.randrange(3600, (END - START) // timedelta(seconds=1) // count))
        length = pick.choice([timedelta(minutes=20), timedelta(hours=4), timedelta(hours=30), timedelta(days=5)])
        back = gone + timedelta(seconds=int(length.total_seconds() * (0.5 + pick.random())))
        found.append((gone, back))
        gone = back
    return found


def plans(pick: random.Random, count: int) -> list[Plan]:
    """So many campaigns of every kind; the first ones are those that have gone wrong in other programs."""
    found = [
        _cron("clock", (time(1, 30),), move="any", weekdays=(6,)),  # twice and not at all on two Sundays
        _cron("leap-day", (time(8),), move="any", month_days=(29,), in_months=(2,)),
        _cron("years-end", (time(23, 59),), move="any", month_days=(31,), in_months=(12,)),
        _cron("last-of-month", (time(0),), move="previous", month_days=(0,)),
        _away("first-day", 0, "day", time(8), move="any", ordinal=1, which="school day", span="term"),
        _away("last-day", 0, "day", time(15), move="any", ordinal=-1, which="school day", span="half-term"),
        _away("eve", -1, "day", time(18), move="any", ordinal=-1, which="school day", span="term"),
        _cron("mondays", (time(7, 30),), move="next", weekdays=(0,)),
        _cron("fridays", (time(15, 30),), move="previous", weekdays=(4,)),
    ]
    makers = (_any_cron, _any_every, _any_date, _any_anchor)
    while len(found) < count:
        found.append(pick.choice(makers)(pick, f"c{len(found)}"))
    return found[:count]


def _cron(
    key: str,
    clocks: tuple[time, ...],
    *,
    move: str,
    weekdays: tuple[int, ...] = (),
    month_days: tuple[int, ...] = (),
    in_months: tuple[int, ...] = (),
    **rest: Any,
) -> Plan:
    minutes, hours = {clock.minute for clock in clocks}, sorted(clock.hour for clock in clocks)
    assert len(minutes) == 1
    days = ",".join("L" if day == 0 else str(day) for day in month_days) or "*"
    named = ",".join(str((day + 1) % 7) for day in weekdays) or "*"
    text = f"{minutes.pop()} {','.join(map(str, hours))} {days} {','.join(map(str, in_months)) or '*'} {named}"
    rule = Daily(
        clocks, frozenset(weekdays or range(7)), frozenset(month_days or range(1, 32)),
        frozenset(in_months or range(1, 13)),
    )  # fmt: skip
    return _plan(key, {"cron": text}, (rule,), move=move, **rest)


def _away(key: str, number: int, unit: str, clock: time, *, move: str, **anchor: Any) -> Plan:
    rule = Away(number, unit, clock, **anchor)
    return _plan(key, {"when": [_words(rule)]}, (rule,), move=move)


def _plan(
    key: str,
    schedule: dict[str, object],
    rules: tuple[Daily | Apart | Away, ...],
    *,
    move: str,
    school_name: str = "",
    valid: timedelta | None = None,
    until: datetime | None = None,
) -> Plan:
    extra: dict[str, object] = {"school_days": move, "school": school_name}
    if until is not None:
        extra["until"] = until.isoformat()
    return Plan(key, schedule | extra, rules, move, school_name, valid, until)


def _words(rule: Away) -> str:
    side = "before" if rule.count < 0 else "after"
    offset = f"{abs(rule.count)} {rule.unit}{'' if abs(rule.count) == 1 else 's'} {side} " if rule.count else ""
    ordinal = {1: "first", 2: "second", 3: "third", -1: "last"}[rule.ordinal]
    anchor = f"the {ordinal} {rule.which} of {rule.span} " if rule.span else ("" if offset else "on the day ")
    return f"{offset}{anchor}at {rule.clock.hour}.{rule.clock.minute:02}"


def _rest(pick: random.Random) -> dict[str, Any]:
    return {
        "move": pick.choice(["any", "skip", "skip", "next", "previous"]),
        "school_name": pick.choice(["", "", "infants"]),
        "valid": pick.choice([None, None, timedelta(hours=2), timedelta(hours=40)]),
    }


def _clock(pick: random.Random) -> time:
    return time(pick.choice([0, 1, 1, 7, 8, 12, 15, 18, 23]), pick.choice([0, 15, 30, 59]))


def _any_cron(pick: random.Random, key: str) -> Plan:
    clock = _clock(pick)
    clocks = (clock, clock.replace(hour=19)) if pick.random() < 0.2 else (clock,)
    if pick.random() < 0.7:
        weekdays = tuple(sorted(pick.sample(range(7), pick.choice([1, 1, 2, 3]))))
        return _cron(key, clocks, weekdays=weekdays, **_rest(pick))
    days = tuple(sorted(pick.sample([0, 1, 13, 25, 28, 29, 30, 31], 2)))
    until = datetime(2028, 7, 1, 12, 30, tzinfo=UTC) if pick.random() < 0.3 else None
    return _cron(key, clocks, month_days=days, until=until, **_rest(pick))


def _any_every(pick: random.Random, key: str) -> Plan:
    first = datetime.combine(date(2027, 8, 20) + pick.randrange(60) * DAY, _clock(pick))
    count, unit = pick.choice([(2, "week"), (1, "week"), (10, "day"), (5, "day"), (1, "month"), (2, "month")])
    if unit == "month":
        first = first.replace(month=8, day=pick.choice([1, 30, 31]))
    rule = Apart(first, count * (7 if unit == "week" else 1), "month" if unit == "month" else "day")
    schedule: dict[str, object] = {"every": f"{count} {unit}s", "from": first.isoformat()}
    return _plan(key, schedule, (rule,), **_rest(pick))


def _any_date(pick: random.Random, key: str) -> Plan:
    given = date(2027, 9, 20) + pick.randrange(420) * DAY
    rules = tuple(
        Away(number, unit, _clock(pick), given)
        for number, unit in pick.sample([(-7, "day"), (-1, "day"), (0, "day"), (-3, "school day"), (2, "day")], 3)
    )
    schedule: dict[str, object] = {"when": [_words(rule) for rule in rules], "date": given.isoformat()}
    return _plan(key, schedule, rules, **_rest(pick))


def _any_anchor(pick: random.Random, key: str) -> Plan:
    span = pick.choice(["term", "half-term", "month", "week"])
    which = pick.choice(["school day", "school day", "day", *WEEKDAYS[:5]])
    ordinal = pick.choice([1, 2, -1]) if which in ("school day", "day") or span != "week" else 1
    number, unit = pick.choice([(0, "day"), (0, "day"), (-1, "day"), (-7, "day"), (-2, "school day"), (1, "day")])
    rule = Away(number, unit, _clock(pick), ordinal=ordinal, which=which, span=span)
    return _plan(key, {"when": [_words(rule)]}, (rule,), **_rest(pick))
