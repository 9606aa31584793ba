"""The coming firings of a rule, in the order of time, each with the reason where a day is moved or left out.

Pure functions over :mod:`scheduler.calendar` (at which instant a clock shows a time), :mod:`scheduler.terms` (which
days are school days) and :mod:`scheduler.phrases` (what a school's words mean).

Rules are written in the school's wall-clock time and a **wall time fires once**:

- on the night the clocks go back, a time that the clock shows twice fires at its first showing only;
- in spring, a time that the clock leaps over fires at the first instant after the leap, and is never skipped.

So a rule for every five minutes rests for the repeated hour in autumn. That is the price of one simple promise, paid at
one o'clock on a Sunday morning.
"""

from __future__ import annotations

import calendar as months
import heapq
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from itertools import groupby
from typing import Literal, NamedTuple

import cronsim

from scheduler import calendar, phrases, terms

Move = Literal["any", "skip", "next", "previous"]
Unit = Literal["day", "week", "month"]

_DAY = timedelta(days=1)
_HORIZON = timedelta(days=9 * 366)  #: 29 February comes every eight years at the worst
_LAST_WEEKS = timedelta(days=60)  #: no holiday is longer


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many days, weeks or months from a local date and time on.

    A month is counted from the first date, so that the 31st is the last day of a shorter month and the 31st again.
    """

    first: datetime
    count: int
    unit: Unit

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 400:
            raise calendar.BadRule("“every” is from 1 to 400 days, weeks or months.")


@dataclass(frozen=True, slots=True)
class Named:
    """By phrases; those without an anchor of their own count from ``given``, a local date and time."""

    phrases: tuple[phrases.Phrase, ...]
    given: datetime | None = None


Rule = calendar.Cron | Every | Named


class Occasion(NamedTuple):
    """A firing, or one that is left out because of its day.

    ``at``      when it fires, aware UTC; None where it is left out
    ``wanted``  the local time that the rule names: the latest one, where several were moved to the same day
    ``keys``    what those are known by, however the calendar changes
    ``why``     why it is moved or left out, in a few words
    """

    at: datetime | None
    wanted: datetime
    keys: tuple[str, ...]
    why: str = ""


class _Wish(NamedTuple):
    wall: datetime
    key: str


def occasions(
    rule: Rule,
    after: datetime,
    tz: tzinfo,
    *,
    days: terms.Terms,
    move: Move = "any",
    until: datetime | None = None,
    done: Container[str] = (),
) -> Iterator[Occasion]:
    """Every firing later than ``after`` and no later than ``until`` (aware UTC), and what is left out between them.

    ``move`` says what becomes of a day without school: it fires all the same, is skipped, or moves to the next or the
    previous school day at the same time of day; what is moved to one moment fires once. Of wishes whose key is
    ``done`` nothing is told. Ends where the calendar does. Raises :class:`ValueError` for instants without a zone.
    """
    if after.tzinfo is None or (until is not None and until.tzinfo is None):
        raise ValueError("Instants must be aware: give them in UTC.")
    before = after.astimezone(UTC)
    local = before.astimezone(tz).replace(tzinfo=None)
    for day, wishes in _placed(_by_day(rule, _begin(local, days, move), days), days, move):
        left = [wish for wish in wishes if wish.key not in done]
        if day is None:
            if left and left[-1].wall > local and (until is None or calendar.to_utc(left[-1].wall, tz) <= until):
                yield Occasion(
                    None, left[-1].wall, tuple(wish.key for wish in left), days.why_not(left[-1].wall.date())
                )
            elif left and until is not None and calendar.to_utc(left[0].wall, tz) > until:
                return
            continue
        for at, together in groupby(sorted(left, key=_clock), key=partial(_instant, day, tz)):
            if until is not None and at > until:
                return
            if at > before:
                found = sorted(together)
                yield Occasion(
                    at, found[-1].wall, tuple(wish.key for wish in found), _why_moved(day, found, days, move)
                )
                before = at


def _clock(wish: _Wish) -> time:
    return wish.wall.time()


def _instant(day: date, tz: tzinfo, wish: _Wish) -> datetime:
    return calendar.to_utc(datetime.combine(day, wish.wall.time()), tz)


def _begin(local: datetime, days: terms.Terms, move: Move) -> date:
    """The first day whose wish may come after a moment: one that is moved ahead may be weeks old."""
    if move != "next":
        return local.date()
    earlier = days.last_until(local.date() - _DAY)
    return earlier + _DAY if earlier else local.date() - _LAST_WEEKS


def _why_moved(day: date, wishes: list[_Wish], days: terms.Terms, move: Move) -> str:
    """Why something fires on another day than its rule names; ``""`` where the rule names this day as well."""
    if any(wish.wall.date() == day for wish in wishes):
        return ""
    wanted = wishes[-1].wall.date()
    return f"{wanted:%a %d %b} is no school day ({days.why_not(wanted)}): moved to the {move} one"


def _placed(
    dated: Iterable[tuple[date, list[_Wish]]], days: terms.Terms, move: Move
) -> Iterator[tuple[date | None, list[_Wish]]]:
    """Wishes by the day on which they come true, None for those left out; days in order."""
    waiting: list[_Wish] = []
    to: date | None = None
    for day, wishes in dated:
        if move != "any" and day > days.ends:
            break
        lands = _lands(day, days, move)
        if move in ("any", "skip") or lands is None:
            yield lands, wishes
            continue
        if lands != to:
            if to is not None:
                yield to, waiting
            waiting, to = [], lands
        waiting += wishes
    if to is not None:
        yield to, waiting


def _lands(day: date, days: terms.Terms, move: Move) -> date | None:
    if move == "any" or days.is_school_day(day):
        return day
    if move == "skip":
        return None
    return days.next_from(day) if move == "next" else days.last_until(day)


def _by_day(rule: Rule, begin: date, days: terms.Terms) -> Iterator[tuple[date, list[_Wish]]]:
    match rule:
        case calendar.Cron():
            yield from _cron_days(rule.text, begin)
        case Every():
            yield from _grouped(_every_walls(rule, begin))
        case Named():
            many = [_named_walls(place, rule, begin, days) for place in range(len(rule.phrases))]
            yield from _grouped(heapq.merge(*many))


def _grouped(wishes: Iterable[_Wish]) -> Iterator[tuple[date, list[_Wish]]]:
    for day, together in groupby(wishes, key=lambda wish: wish.wall.date()):
        yield day, list(together)


def _cron_days(text: str, begin: date) -> Iterator[tuple[date, list[_Wish]]]:
    times = cronsim.CronSim(text, datetime.combine(begin, time()) - timedelta(seconds=1))
    walls = (_Wish(wall, f"{wall:%Y-%m-%dT%H:%M}") for wall in times)
    for day, wishes in _grouped(walls):
        if day - begin > _HORIZON:
            return
        yield day, wishes


def _every_walls(rule: Every, begin: date) -> Iterator[_Wish]:
    first, number = rule.first, 0
    if begin > first.date():
        away = (begin - first.date()).days
        length = {"day": 1, "week": 7, "month": 31}[rule.unit] * rule.count
        number = max(0, away // length - 1)
    while True:
        wall = _every_wall(rule, number)
        if wall.date() - begin > _HORIZON:
            return
        if wall.date() >= begin:
            yield _Wish(wall, f"{wall:%Y-%m-%dT%H:%M}")
        number += 1


def _every_wall(rule: Every, number: int) -> datetime:
    ahead = number * rule.count
    if rule.unit != "month":
        return rule.first + timedelta(days=ahead * (7 if rule.unit == "week" else 1))
    year, month = divmod(rule.first.year * 12 + rule.first.month - 1 + ahead, 12)
    longest = months.monthrange(year, month + 1)[1]
    return rule.first.replace(year=year, month=month + 1, day=min(rule.first.day, longest))


def _named_walls(place: int, rule: Named, begin: date, days: terms.Terms) -> Iterator[_Wish]:
    for wall, name in phrases.walls(rule.phrases[place], rule.given, begin, days):
        yield _Wish(wall, f"{place}:{name}")
