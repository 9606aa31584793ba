"""Until when: the days of which an answer speaks, reckoned from the day on which it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from gateway.understanding import evidence, finding
from gateway.understanding.meaning import Days

_NEAR = 3  #: words between "until" and its day
_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{2,4}))?")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_MOST_DAYS = 120


@dataclass(frozen=True, slots=True)
class _Mention:
    """A day in the text, and the places of the words that name it."""

    day: date
    start: int
    end: int


def read(found: evidence.Read, *, today: date) -> Days:
    """Give the days that are spoken of in one language's reading of a text."""
    mentions = sorted(_mentions(found, today), key=lambda one: one.start)
    until = back = since = None
    for mention in mentions:
        if _near(found, "back", mention):
            back = mention.day
        elif _near(found, "until", mention):
            until = mention.day
    length = _length(found, today)
    if length is not None and until is None and back is None:
        until = length
    named = [one.day for one in mentions if one.day not in (until, back)]
    if back is not None and until is None:
        until = max(back - timedelta(days=1), today)
    elif until is None and named:
        until = max(named)
    if named:
        since = min(named)
    return Days(since=since, until=until, back=back)


def _mentions(found: evidence.Read, today: date) -> Iterator[_Mention]:
    months = {at: int(name.rpartition(".")[2]) + 1 for name, one in _named(found, "months") for at in one.taken}
    for name, one in _named(found, ""):
        kind, _, number = name.partition(".")
        match kind:
            case "today":
                yield _Mention(today, one.start, one.end)
            case "tomorrow":
                yield _Mention(today + timedelta(days=1), one.start, one.end)
            case "weekdays":
                ahead = (int(number) - today.weekday()) % 7 or 7
                yield _Mention(today + timedelta(days=ahead), one.start, one.end)
            case "this_week":
                friday = today + timedelta(days=max(4 - today.weekday(), 0))
                yield _Mention(friday, one.start, one.end)
            case "next_week":
                monday = today + timedelta(days=7 - today.weekday())
                yield _Mention(monday, one.start, one.end)
            case _:
                pass
    yield from _dates(found.forms, months, today)


def _dates(forms: finding.Forms, months: dict[int, int], today: date) -> Iterator[_Mention]:
    """5th January, January 5, the 14th, 12/12."""
    for at in range(len(forms)):
        word = forms.forms[at][0]
        if written := _DATE.fullmatch(word):
            if ":" not in word and (day := _date(int(written[1]), int(written[2]), today)) and _is_date(word, today):
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
        if month and (day := _date(int(word), month, today)):
            yield _Mention(day, at - (at > 0 and at - 1 in months), behind + (behind in months))


def _is_date(word: str, today: date) -> bool:
    """Whether 10.30 is a date: it is a time unless it has a stroke, or a year, or no time has such figures."""
    first, second = re.split(r"[/.-]", word)[:2]
    return "." not in word or word.count(".") > 1 or not (int(first) < 24 and len(second) == 2 and int(second) < 60)


def _date(day: int, month: int, today: date) -> date | None:
    """The next such day, or the last one if it is little ago."""
    for year in (today.year, today.year + 1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today - timedelta(days=14):
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
        if not 0 < number * unit <= _MOST_DAYS:
            continue
        if name == "hours" or _near(found, "lasting", _Mention(today, one.start - 1, one.end)):
            return today + timedelta(days=number * unit - 1)
    return None


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


def _half(forms: finding.Forms, at: int) -> int:
    """«half ten» is half past ten."""
    return 30 if at > 0 and forms.forms[at - 1][0] == "half" else 0


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
        elif word.isdigit() and len(word) <= 2:
            times.append((int(word), _half(forms, at)))
        elif word in forms.numbers and _half(forms, at):
            times.append((forms.numbers[word], 30))
    day = [(hour + 12 if 1 <= hour <= 4 else hour, minute) for hour, minute in times]
    return [time(hour, minute) for hour, minute in day if 7 <= hour <= 16 and minute < 60]
