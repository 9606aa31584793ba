"""When a notice fires: its schedule as a rule, and the rule laid beside the school's calendar."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from gateway import planner
from gateway.calendars import book
from gateway.definitions import model
from scheduler import calendar, occasions, phrases, terms

#: From so many missed firings on they are not counted any more: a gateway that was off for a year with a rule for every
#: minute would be busy with it for long.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Timetable:
    """A definition's rule, the days that it goes by, and its last moment."""

    rule: occasions.Rule
    days: terms.Terms
    move: occasions.Move
    until: datetime | None
    timezone: ZoneInfo

    def coming(
        self, after: datetime, *, until: datetime | None = None, done: Collection[str] = ()
    ) -> Iterator[occasions.Occasion]:
        """What fires later than a moment, and what is left out between; see :func:`occasions.occasions`."""
        ends = min((moment for moment in (until, self.until) if moment), default=None)
        return occasions.occasions(
            self.rule, after, self.timezone, days=self.days, move=self.move, until=ends, done=done
        )

    def following(self, after: datetime, *, done: Collection[str] = ()) -> datetime | None:
        """The first firing later than a moment; None when none is in sight."""
        return next((one.at for one in self.coming(after, done=done) if one.at), None)

    @property
    def moves(self) -> bool:
        """Whether what a firing is known by says more than its moment."""
        return isinstance(self.rule, occasions.Named) or self.move in ("next", "previous")


@dataclass(frozen=True, slots=True)
class Overdue:
    """The last firing that is due, and how many are before it that nobody made."""

    last: occasions.Occasion
    missed: int = 0
    first_missed: datetime | None = None
    last_missed: datetime | None = None
    missed_keys: tuple[str, ...] = ()


def first(
    definition: model.Definition, *, now: datetime, timezone: ZoneInfo, calendars: book.Calendars | None = None
) -> datetime | None:
    """When the notice fires first: now, without a schedule; None when its schedule never fires.

    Without ``calendars`` every weekday is a school day.
    """
    schedule = definition.schedule
    if schedule.at:
        return planner.moment(schedule.at, timezone)
    made = timetable(definition, timezone=timezone, calendars=calendars or book.Calendars(None))
    return made.following(now) if made else now


def timetable(definition: model.Definition, *, timezone: ZoneInfo, calendars: book.Calendars) -> Timetable | None:
    """What a campaign goes by; None for what fires once.

    Where the calendar has its school no more nothing falls on a school day: it waits until somebody has seen to that.
    """
    made, schedule = rule(definition), definition.schedule
    if made is None:
        return None
    until = planner.moment(schedule.until, timezone) if schedule.until else None
    days = calendars.days(school(definition, calendars))
    return Timetable(made, days, schedule.school_days, until, timezone)


def rule(definition: model.Definition) -> occasions.Rule | None:
    """The rule of a definition; None for what fires once."""
    schedule = definition.schedule
    if schedule.cron:
        return calendar.Cron(schedule.cron)
    if schedule.every and schedule.from_:
        count, unit = phrases.read_every(schedule.every)
        return occasions.Every(schedule.from_, count, cast(occasions.Unit, unit))
    if schedule.when:
        given = schedule.date or (definition.event.starts if definition.event else None)
        if given is not None and not isinstance(given, datetime):
            given = datetime.combine(given, time())
        return occasions.Named(tuple(phrases.read(text) for text in schedule.when), given)
    return None


def school(definition: model.Definition, calendars: book.Calendars) -> str:
    """Whose days count: the named school's, or that of all the year groups in the audience; ``""`` for everybody's."""
    audience = definition.audience
    others = audience.whole_school or audience.forms or audience.groups or audience.pupils
    return definition.schedule.school or ("" if others else calendars.of_year_groups(audience.years))


def is_over(made: Timetable, now: datetime) -> bool:
    """Whether what has no firing in sight never fires again, however the calendar goes on or is changed."""
    if made.until is not None and made.until <= now:
        return True
    by_terms = isinstance(made.rule, occasions.Named) and any(one.anchor for one in made.rule.phrases)
    if by_terms or made.move == "any":
        return not by_terms
    if not isinstance(made.rule, occasions.Named):
        return False
    last = _last_wish(made.rule, made.days)
    if last is None or last > planner.local(now, made.timezone):
        return False
    return made.move != "next" or last.date() <= made.days.ends


def _last_wish(rule: occasions.Named, days: terms.Terms) -> datetime | None:
    """The last local time that phrases name which count from a date; None where the calendar does not know it."""
    named = [next(phrases.walls(one, rule.given, date.min, days), None) for one in rule.phrases]
    return None if None in named else max(wall for wall, _ in filter(None, named))


def overdue(made: Timetable, after: datetime, now: datetime, *, done: Collection[str] = ()) -> Overdue | None:
    """What is due and has not been decided; None when nothing is."""
    found: list[occasions.Occasion] = []
    for one in made.coming(after, until=now, done=done):
        if one.at is not None:
            found.append(one)
        if len(found) > MOST_COUNTED:
            return Overdue(_latest(made, now, done), MOST_COUNTED, found[0].at)
    if not found:
        return None
    *missed, last = found
    if not missed:
        return Overdue(last)
    keys = tuple(key for one in missed for key in one.keys) if made.moves else ()
    return Overdue(last, len(missed), missed[0].at, missed[-1].at, keys)


def _latest(made: Timetable, now: datetime, done: Collection[str]) -> occasions.Occasion:
    """The last of very many: widening looks back find it without going through them all."""
    for days in (1, 32, 366, 20 * 366):
        last = None
        for one in made.coming(now - timedelta(days=days), until=now, done=done):
            last = one if one.at else last
        if last is not None:
            return last
    raise AssertionError("there were more than a thousand")
