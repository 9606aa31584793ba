"""Until when: the days of which an answer speaks, reckoned from the day on which it was written.

A day that is merely named is no day away: «ill. Her party is on Friday». It counts where its own words say so (until,
back, from, all week), or where it stands with today. An appointment or a holiday is planned: the first day named is its
day. Where an illness and a day stand together and nothing says how, a person reads it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from gateway.understanding import evidence, finding
from gateway.understanding.meaning import Days, Intent

_NEAR = 3  #: words between "until" and its day
_NEXT = 2  #: words between "since" and its day, or between two days of a list
_FAR = 5  #: words between "been" and for how long
_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{2,4}))?")
_YEAR = re.compile(r"(19|20)\d\d")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_MOST_DAYS = 120
_SATURDAY = 5
_PARTS = {"morning": time(9), "afternoon": time(14)}
_HOURS = frozenset(
    {"am", "pm", "h", "hr", "hrs", "ish", "oclock"}
)  #: what may be written in one with a number of hours
_ABSENT = frozenset({"no_reason", "safe"})  #: what says as much as a reason that a child is away on a day
_TOLD = frozenset({*(one.value for one in Intent), *_ABSENT})


@dataclass(frozen=True, slots=True)
class _Mention:
    """A day in the text, by its kind, and the places of the words that name it."""

    day: date
    start: int
    end: int
    kind: str = "date"


def read(found: evidence.Read, *, today: date, reason: Intent = Intent.ILLNESS) -> Days:
    """Give the days that are spoken of in one language's reading of a text whose ``reason`` is known."""
    mentions = sorted(_mentions(found, today), key=lambda one: one.start)
    until = back = None
    plain = list[_Mention]()
    for mention in mentions:
        if _is_past(found, mention):
            continue
        if _near(found, "back", mention):
            back = mention.day
        elif _near(found, "until", mention) or _ends_range(found, mention, mentions):
            again = mention.kind == "weekdays" and mention.day == today + timedelta(days=7)
            until = today if again else mention.day  # «until Friday» on a Friday
        else:
            plain.append(mention)
    if until is None and back is None:
        until = _length(found, today)
    meant, doubted = _meant(found, plain, today, reason)
    week = [one.day for one in meant if one.kind == "this_week"]
    days = [one.day for one in meant if one.kind != "this_week"]
    if back is not None and until is None:
        until = max(back - timedelta(days=1), today)
    elif until is None and (week or days):
        until = max(week or days)
    named = tuple(one.day for one in mentions)
    if until is not None and until < today:
        return Days(named=named, sure=False)
    return Days(since=min(days, default=None), until=until, back=back, named=named, sure=bool(until) or not doubted)


def _meant(
    found: evidence.Read, plain: Sequence[_Mention], today: date, reason: Intent
) -> tuple[Sequence[_Mention], bool]:
    """The days, of those without "until" or "back", on which the child is away; and whether others may be meant.

    Nobody is excused from a Saturday: «ill on Saturday» is how it began.
    """
    ahead = [one for one in plain if one.day >= today or _near(found, "from", one)]
    if reason is not Intent.ILLNESS:
        ahead = [one for one in ahead if one.kind != "this_week" or _is_of_absence(found, one, reason)]
        ahead = [one for one in ahead if one.day <= today + timedelta(days=_MOST_DAYS)]
        first = min(ahead, key=lambda one: one.day, default=None)
        return _with_list(found, [first] if first else [], ahead), False
    sure = [one for one in ahead if _is_said(found, one, today)]
    meant = _with_list(found, sure, ahead)
    left = [one for one in ahead if one not in meant and one.kind in ("weekdays", "date")]
    left = [one for one in left if one.kind == "date" or one.day.weekday() < _SATURDAY]
    return meant, not meant and any(_is_of_absence(found, one, reason) for one in left)


def _is_said(found: evidence.Read, one: _Mention, today: date) -> bool:
    """Whether a family that writes of an illness says plainly that it is of this day, too."""
    if one.day == today or _near(found, "from", one):
        return True
    return one.kind in ("tomorrow", "this_week", "next_week") and _is_of_absence(found, one, Intent.ILLNESS)


def _is_of_absence(found: evidence.Read, mention: _Mention, reason: Intent) -> bool:
    """Whether what is said nearest before a day, in the same part of a sentence, is that the child is away; else what
    is said behind it."""
    begin, end = mention.start, mention.end
    while not found.forms.is_break(begin - 1):
        begin -= 1
    while not found.forms.is_break(end):
        end += 1
    places = found.forms.origin
    inside = [one for one in found.evidence if one.section in _TOLD and places[begin] <= one.start <= places[end - 1]]
    before = [one.start for one in inside if one.start <= places[mention.start]]
    nearest = max(before) if before else min((one.start for one in inside), default=None)
    return any(one.start == nearest and one.section in {reason.value, *_ABSENT} for one in inside)


def _with_list(found: evidence.Read, sure: Sequence[_Mention], every: Sequence[_Mention]) -> list[_Mention]:
    """These days with those of the same list: «today and tomorrow», «Monday, Tuesday and Wednesday»."""
    meant = list(sure)
    for one in every:
        if one not in meant and any(_listed(found, other.end, one.start) for other in meant):
            meant.append(one)
    return meant


def _listed(found: evidence.Read, start: int, end: int) -> bool:
    words = {at for _, one in _named(found, "and") for at in one.taken}
    return 0 <= end - start <= _NEXT and all(at in words or found.forms.forms[at][0] == "," for at in range(start, end))


def _is_past(found: evidence.Read, mention: _Mention) -> bool:
    """Whether "since", "last" or "born" stands right before a day."""
    return any(
        (0 <= mention.start - one.end <= _NEXT) if kind == "since" else (0 <= one.start - mention.end <= 1)
        for kind in ("since", "since_after")
        for _, one in _named(found, kind)
    )


def _ends_range(found: evidence.Read, mention: _Mention, mentions: Collection[_Mention]) -> bool:
    """«Monday to Wednesday»: "to" speaks of a day only right behind another one."""
    ends = {one.end for one in mentions}
    return any(one.end == mention.start and one.start in ends for _, one in _named(found, "to"))


def _mentions(found: evidence.Read, today: date) -> Iterator[_Mention]:
    months = {at: int(name.rpartition(".")[2]) + 1 for name, one in _named(found, "months") for at in one.taken}
    for name, one in _named(found, ""):
        kind, _, number = name.partition(".")
        days = {
            "yesterday": -1,
            "today": 0,
            "tomorrow": 1,
            "this_week": max(4 - today.weekday(), 0),
            "next_week": 7 - today.weekday(),
        }
        if kind == "weekdays":
            days[kind] = (int(number) - today.weekday()) % 7 or 7
        if kind in days:
            yield _Mention(today + timedelta(days=days[kind]), one.start, one.end, kind)
    yield from _dates(found.forms, months, today)


def _dates(forms: finding.Forms, months: dict[int, int], today: date) -> Iterator[_Mention]:
    """5th January, January 5, the 14th, 12/12."""
    for at in range(len(forms)):
        word = forms.forms[at][0]
        if written := _DATE.fullmatch(word):
            year = int(written[3]) if written[3] else None
            day = _date(int(written[1]), int(written[2]), today, year=year)
            if ":" not in word and day and _is_date(word):
                yield _Mention(day, at, at + 1)
            continue
        if not word.isdigit() or not 1 <= int(word) <= 31:
            continue
        behind = at + 1
        ordinal = behind < len(forms) and forms.forms[behind][0] in _ORDINALS
        behind += ordinal
        behind += behind < len(forms) and forms.forms[behind][0] == "of"
        month = months.get(behind) or (months.get(at - 1) if at else None)
        if month is None and ordinal:
            month = today.month if int(word) >= today.day else today.month % 12 + 1
        behind += behind in months
        year = int(forms.forms[behind][0]) if behind < len(forms) and _YEAR.fullmatch(forms.forms[behind][0]) else None
        if month and (day := _date(int(word), month, today, year=year)):
            yield _Mention(day, at - (at > 0 and at - 1 in months), behind + (year is not None))


def _is_date(word: str) -> bool:
    """Whether 10.30 is a date: it is a time unless it has a stroke, or a year, or no time has such figures."""
    first, second = re.split(r"[/.-]", word)[:2]
    return "." not in word or word.count(".") > 1 or not (int(first) < 24 and len(second) == 2 and int(second) < 60)


def _date(day: int, month: int, today: date, *, year: int | None) -> date | None:
    """That day; without a year the next such one, or the last one if it is little ago."""
    for one in (today.year, today.year + 1) if year is None else (year if year > 99 else 2000 + year,):
        try:
            found = date(one, month, day)
        except ValueError:
            continue
        if year is not None or found >= today - timedelta(days=14):
            return found
    return None


def _length(found: evidence.Read, today: date) -> date | None:
    """The last day of «for two days», «48 hours», «3 weeks»."""
    spoken = {at: int(name.rpartition(".")[2]) + 1 for name, one in _named(found, "numbers") for at in one.taken}
    for name, one in _named(found, ""):
        unit = {"day": 1, "week": 7, "hours": 0}.get(name)
        if unit is None:
            continue
        number = _number_before(found.forms, one.start, spoken)
        if number is None:
            continue
        if name == "hours":
            number, unit = (number // 24, 1) if number >= 24 and number % 24 == 0 else (0, 1)
        if not 0 < number * unit <= _MOST_DAYS or _is_so_far(found, one.start):
            continue
        if name == "hours" or _near(found, "lasting", _Mention(today, one.start - 1, one.end)):
            return today + timedelta(days=number * unit - 1)
    return None


def _is_so_far(found: evidence.Read, at: int) -> bool:
    """«He has been off for two days» says nothing of the next ones."""
    return any(
        0 <= at - one.end <= _FAR and not _broken(found.forms, one.end, at) for _, one in _named(found, "so_far")
    )


def _number_before(forms: finding.Forms, at: int, spoken: dict[int, int]) -> int | None:
    for place in (at - 1, at - 2):
        if place >= 0 and not forms.is_break(place):
            word = forms.forms[place][0]
            if word.isdigit():
                return int(word) if len(word) < 4 else None
            if place in spoken:
                return spoken[place]
    return None


def _near(found: evidence.Read, kind: str, mention: _Mention) -> bool:
    """Whether a word such as "until" stands close before a day, or right behind it, as in Urdu and Turkish."""
    for _, one in _named(found, kind):
        before, behind = mention.start - one.end, one.start - mention.end
        if 0 <= before <= _NEAR and not _broken(found.forms, one.end, mention.start):
            return True
        if 0 <= behind <= 1 and kind != "back" and not _broken(found.forms, mention.end, one.start):
            return kind != "until" or _postposed(found, one)
    return False


def _postposed(found: evidence.Read, one: finding.Found) -> bool:
    """«until» behind a day belongs to that day only where no other day follows it: «today until Friday»."""
    return not any(
        0 <= other.start - one.end <= _NEAR
        for name, other in _named(found, "")
        if name.split(".")[0] in ("weekdays", "tomorrow", "months")
    )


def _broken(forms: finding.Forms, start: int, end: int) -> bool:
    return any(forms.is_edge(at) for at in range(start, end))


def _named(found: evidence.Read, kind: str) -> Iterator[tuple[str, finding.Found]]:
    for one in found.days:
        name = one.pattern.section.removeprefix("days.")
        if not kind or name.split(".")[0] == kind:
            yield name, one


def _is_form(forms: finding.Forms, at: int) -> bool:
    """Whether it is the number of a class: 3A is no hour, 3pm is one."""
    written = at + 1 < len(forms) and forms.origin[at] == forms.origin[at + 1]
    return written and forms.forms[at + 1][0] not in _HOURS


def _half(forms: finding.Forms, at: int) -> int:
    """«half ten» is half past ten."""
    return 30 if at > 0 and forms.forms[at - 1][0] == "half" else 0


def hours(found: evidence.Read) -> Sequence[time]:
    """The hours of a school day that are named, with those that "this morning" and "after lunch" stand for."""
    parts = [(name, one) for name, one in _named(found, "") if name in _PARTS]
    return [*clock_times(found), *(_PARTS[name] for name, _ in parts)]


def clock_times(found: evidence.Read) -> Sequence[time]:
    """Times of a school day that are named: 10.30, 11, half 9. A number of minutes, days or years is none."""
    units = {one.start for kind in ("minutes", "hours", "day", "week", "months") for _, one in _named(found, kind)}
    within = {one.end for _, one in _named(found, "within")}
    times = []
    forms = found.forms
    for at in range(len(forms)):
        word = forms.forms[at][0]
        if at + 1 in units or at in within or (at + 1 < len(forms) and forms.forms[at + 1][0] in _ORDINALS):
            continue
        if written := re.fullmatch(r"(\d{1,2})[:.](\d{2})", word):
            times.append((int(written[1]), int(written[2])))
        elif _is_form(forms, at):
            continue
        elif word.isdigit() and len(word) <= 2:
            times.append((int(word), _half(forms, at)))
        elif word in forms.numbers and _half(forms, at):
            times.append((forms.numbers[word], 30))
    day = [(hour + 12 if 1 <= hour <= 4 else hour, minute) for hour, minute in times]
    return [time(hour, minute) for hour, minute in day if 7 <= hour <= 16 and minute < 60]
