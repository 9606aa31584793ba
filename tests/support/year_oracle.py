"""What a year of campaigns must come to, by brute force: days and minutes are walked through one by one.

It shares no code with the product and reads no schedule: each campaign comes as figures beside the words that the
product reads. Slow and plain on purpose.
"""

from __future__ import annotations

import calendar as months
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Days:
    """A calendar as it is known at some moment: stretches of school, whole terms, and closed days."""

    stretches: tuple[tuple[date, date], ...]
    terms: tuple[tuple[date, date], ...]
    closed: frozenset[date]

    def school(self, day: date) -> bool:
        within = any(first <= day <= last for first, last in self.stretches)
        return day.weekday() < 5 and within and day not in self.closed


@dataclass(frozen=True)
class Daily:
    """At these times, on days of these weekdays, months, and days of the month (0 is the last one)."""

    clocks: tuple[time, ...]
    weekdays: frozenset[int] = frozenset(range(7))
    month_days: frozenset[int] = frozenset(range(1, 32))
    months: frozenset[int] = frozenset(range(1, 13))


@dataclass(frozen=True)
class Apart:
    """So many days or months apart."""

    first: datetime
    count: int
    unit: str  # day or month


@dataclass(frozen=True)
class Away:
    """So many days (or school days) from a date, or from the n-th something of each span, at a time."""

    count: int
    unit: str  # day or school day
    clock: time
    given: date | None = None
    ordinal: int = 1
    which: str = ""  # day, school day, or a weekday
    span: str = ""  # term, half-term, month or week


@dataclass(frozen=True)
class Plan:
    """One campaign. ``schedule`` is what the product reads; all else is for the oracle."""

    key: str
    schedule: dict[str, object]
    rules: tuple[Daily | Apart | Away, ...]
    move: str = "any"
    school: str = ""
    valid: timedelta | None = None
    until: datetime | None = None


@dataclass
class Told:
    """What became of a campaign: each firing with its outcome, and how many were missed."""

    fired: list[tuple[datetime, str]] = field(default_factory=list)
    missed: int = 0


class Oracle:
    """``start`` and ``end`` are moments; ``changes`` the calendars of each school by the moment from which they hold;
    ``outages`` the spans in which nobody plans.
    """

    def __init__(
        self,
        start: datetime,
        end: datetime,
        changes: Sequence[tuple[datetime, dict[str, Days]]],
        outages: Sequence[tuple[datetime, datetime]],
    ) -> None:
        self.start, self.end, self.changes, self.outages = start, end, changes, outages
        self.shown = _first_showings(start - 2 * DAY, end + 2 * DAY)
        first = start.astimezone(LONDON).date() - 100 * DAY
        self.dates = [first + number * DAY for number in range((end - start).days + 300)]

    def tells(self, plan: Plan) -> Told:
        """Go through the year: at each moment when somebody looks, the last that is due goes out if it is true."""
        told, cursor, done, epoch = Told(), self.start, set[str](), 0
        cache: list[tuple[datetime, list[str]]] | None = None
        while True:
            begins, calendars = self.changes[epoch]
            ends = self.changes[epoch + 1][0] if epoch + 1 < len(self.changes) else self.end
            if cache is None:
                cache = self._firings(plan, calendars[plan.school])
            due = [(at, left) for at, names in cache if at > cursor and (left := [n for n in names if n not in done])]
            due = [(at, names) for at, names in due if plan.until is None or at <= plan.until]
            seen = self._seen(max(due[0][0], begins)) if due else None
            if seen is None or seen >= ends:
                epoch, cache = epoch + 1, None
                if epoch == len(self.changes):
                    return told
                continue
            now_due = [(at, names) for at, names in due if at <= seen]
            last = now_due[-1][0]
            told.missed += len(now_due) - 1
            if seen < (last + plan.valid if plan.valid else self._midnight_after(last)):
                told.fired.append((last, "fired" if seen - last <= timedelta(minutes=5) else "made_up"))
            else:
                told.missed += 1
            cursor = last
            done |= {name for _, names in now_due for name in names}

    def _seen(self, at: datetime) -> datetime:
        return next((back for gone, back in self.outages if gone <= at < back), at)

    def _midnight_after(self, at: datetime) -> datetime:
        return self.shown[datetime.combine(at.astimezone(LONDON).date() + DAY, time())]

    def _firings(self, plan: Plan, days: Days) -> list[tuple[datetime, list[str]]]:
        """Every moment at which a campaign fires by a calendar, with the wishes that come together there."""
        found: dict[datetime, list[str]] = {}
        for number, rule in enumerate(plan.rules):
            for wall, name in self._wishes(rule, days):
                lands = self._lands(wall.date(), plan.move, days)
                moment = self.shown.get(datetime.combine(lands, wall.time())) if lands else None
                if moment is not None:
                    found.setdefault(moment, []).append(f"{number}:{name}")
        return sorted(found.items())

    def _lands(self, day: date, move: str, days: Days) -> date | None:
        if move == "any":
            return day
        if day > max(last for _, last in days.stretches):
            return None
        if days.school(day):
            return day
        if move == "skip":
            return None
        step = DAY if move == "next" else -DAY
        for _ in range(400):
            day += step
            if days.school(day):
                return day
        return None

    def _wishes(self, rule: Daily | Apart | Away, days: Days) -> Iterator[tuple[datetime, str]]:
        if isinstance(rule, Away):
            yield from self._away(rule, days)
            return
        for day in self.dates:
            longest = months.monthrange(day.year, day.month)[1]
            if isinstance(rule, Daily):
                last = 0 in rule.month_days and day.day == longest
                if day.weekday() in rule.weekdays and day.month in rule.months and (day.day in rule.month_days or last):
                    for clock in rule.clocks:
                        yield datetime.combine(day, clock), f"{day} {clock}"
            elif day >= rule.first.date():
                away = (day.year - rule.first.year) * 12 + day.month - rule.first.month
                by_days = rule.unit == "day" and (day - rule.first.date()).days % rule.count == 0
                by_months = rule.unit == "month" and away % rule.count == 0
                if by_days or (by_months and day.day == min(rule.first.day, longest)):
                    yield datetime.combine(day, rule.first.time()), f"{day}"

    def _away(self, rule: Away, days: Days) -> Iterator[tuple[datetime, str]]:
        anchors = [(rule.given, "given")] if rule.given else list(self._anchors(rule, days))
        for anchor, name in anchors:
            day, left = anchor, abs(rule.count)
            step = DAY if rule.count > 0 else -DAY
            while left and abs((day - anchor).days) < 400:
                day += step
                left -= rule.unit == "day" or days.school(day)
            if not left:
                yield datetime.combine(day, rule.clock), name

    def _anchors(self, rule: Away, days: Days) -> Iterator[tuple[date, str]]:
        for first, last in self._spans(rule.span, days):
            inside = [day for day in self.dates if first <= day <= last]
            if rule.which == "school day":
                inside = [day for day in inside if days.school(day)]
            elif rule.which != "day":
                inside = [day for day in inside if day.weekday() == WEEKDAYS.index(rule.which)]
            place = rule.ordinal - 1 if rule.ordinal > 0 else len(inside) - 1
            if 0 <= place < len(inside):
                yield inside[place], f"{first:%Y-%m}" if "term" in rule.span else f"{first}"

    def _spans(self, span: str, days: Days) -> Iterator[tuple[date, date]]:
        if span == "term":
            yield from days.terms
        elif span == "half-term":
            yield from days.stretches
        else:
            begins = [d for d in self.dates if (d.day == 1 if span == "month" else d.weekday() == 0)]
            for first, following in pairwise(begins):
                if first <= max(last for _, last in days.stretches):
                    yield first, following - DAY


@cache
def _first_showings(start: datetime, end: datetime) -> dict[datetime, datetime]:
    """When each wall minute is reached first, found by watching the clock minute by minute."""
    shown: dict[datetime, datetime] = {}
    at = start.astimezone(UTC).replace(second=0)
    latest = at.astimezone(LONDON).replace(tzinfo=None) - MINUTE
    while at < end:
        wall = at.astimezone(LONDON).replace(tzinfo=None)
        while latest < wall:  # more than one minute where the clock leaps; none while it repeats itself
            latest += MINUTE
            shown[latest] = at
        at += MINUTE
    return shown
