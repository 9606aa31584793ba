"""How people, words and times stand on a page. With names hidden no name, number or word of a family is in it at all.

The computer of an office faces the hatch. These are filters of the templates, and the only place where a name becomes
letters: whoever writes a page writes ``{{ pupil|who }}`` and need not think of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup, escape

from gateway import numbers
from templates import languages

HIDE: Final = "hide"  #: the value of a page that says whether names are hidden
_COVERED: Final = Markup(
    '<span class="hidden-words"><span aria-hidden="true">•••</span><span class="vh">{}</span></span>'
)
_SALUTATIONS: Final = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev", "sir", "lady"})


def initials(name: str) -> str:
    """``A. N.`` of Ana Nowak; titles are left out."""
    parts = [part for part in re.split(r"[\s\-]+", name) if part.strip(".").casefold() not in _SALUTATIONS]
    return " ".join(f"{part[0]}." for part in parts if part[:1].isalpha()) or "–"


def called(person: Any) -> str:
    """The whole name of a pupil, a contact, or whoever is given as text already."""
    if isinstance(person, str):
        return person
    if hasattr(person, "full_name"):
        return str(person.full_name)
    return f"{person.called} {person.surname}".strip()


def plain(person: Any, *, hide: bool) -> str:
    """A name where no mark-up may stand: a title, a label, a toast."""
    return initials(called(person)) if hide else called(person)


@jinja2.pass_context
def _who(context: Mapping[str, Any], person: Any) -> Markup:
    return Markup("<bdi>{}</bdi>").format(plain(person, hide=context[HIDE]))


@jinja2.pass_context
def _plain(context: Mapping[str, Any], person: Any) -> str:
    return plain(person, hide=context[HIDE])


@jinja2.pass_context
def _first(context: Mapping[str, Any], pupil: Any) -> Markup:
    name = plain(pupil, hide=True) if context[HIDE] else (pupil if isinstance(pupil, str) else pupil.called)
    return Markup("<bdi>{}</bdi>").format(name)


@jinja2.pass_context
def _words(context: Mapping[str, Any], text: str, language: str = "") -> Markup:
    if context[HIDE]:
        return _COVERED.format("Words hidden")
    if not language:
        return Markup('<span dir="auto">{}</span>').format(text)
    direction = languages.direction(language)  # a sentence of Arabic that begins with a Latin name is one all the same
    return Markup('<span dir="{}" lang="{}">{}</span>').format(direction, language, text)


@jinja2.pass_context
def _number(context: Mapping[str, Any], number: str) -> Markup:
    return _COVERED.format("Number hidden") if context[HIDE] else escape(numbers.at_home(number))


@jinja2.pass_context
def _address(context: Mapping[str, Any], address: str) -> Markup:
    """A number, or an email address, as it may stand on a page."""
    if context[HIDE] or numbers.is_phone(address):
        return _number(context, address)
    return Markup("<bdi>{}</bdi>").format(address)


def count(number: int, one: str, many: str = "") -> str:
    """``3 children``: a number with its word."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sentence(text: str) -> str:
    """A sentence that stands alone on a page: elsewhere a file and a line stand before it."""
    whole = text.strip()
    return whole[:1].upper() + whole[1:]


def listed(names: list[Any]) -> Markup:
    """``A, B and C``."""
    parts = [escape(name) for name in names]
    if len(parts) < 2:
        return parts[0] if parts else Markup()
    return Markup("{} and {}").format(Markup(", ").join(parts[:-1]), parts[-1])


def clock(at: datetime, timezone: ZoneInfo) -> str:
    """``9:52``, as in lists."""
    local = at.astimezone(timezone)
    return f"{local.hour}:{local.minute:02}"


def moment(at: datetime, timezone: ZoneInfo) -> str:
    """``9:52am``, as in sentences."""
    local = at.astimezone(timezone)
    return f"{local.hour % 12 or 12}:{local.minute:02}{'am' if local.hour < 12 else 'pm'}"


When = Callable[[datetime], str]


def when(now: Callable[[], datetime], timezone: ZoneInfo) -> When:
    """Makes of a moment ``today at 9:41``, ``yesterday at 9:41``, ``12 November``, or ``12 November 2025``."""

    def said(at: datetime) -> str:
        local, today = at.astimezone(timezone), now().astimezone(timezone).date()
        days = (today - local.date()).days
        if days in (0, 1):
            return f"{'yesterday' if days else 'today'} at {clock(at, timezone)}"
        return short_day(local) if local.year == today.year else f"{local.day} {local:%B %Y}"

    return said


def long_day(day: date | datetime) -> str:
    """``Thursday 19 November 2026``."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def short_day(day: date | datetime) -> str:
    """``19 November``."""
    return f"{day.day} {day:%B}"


def minutes(span: timedelta) -> str:
    """``14 minutes``, ``3 hours``."""
    whole = max(1, round(span.total_seconds() / 60))
    return count(whole, "minute") if whole < 100 else count(round(whole / 60), "hour")


def short_time(at: time) -> str:
    """``8am``, ``4:15pm``: an hour of the school's clock."""
    past = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{past}{'am' if at.hour < 12 else 'pm'}"


def lately(at: datetime, today: date, timezone: ZoneInfo) -> str:
    """``9:52`` of today, ``Yesterday``, or ``19 November``."""
    day = at.astimezone(timezone).date()
    if day == today:
        return clock(at, timezone)
    return "Yesterday" if (today - day).days == 1 else short_day(day)


def filters(timezone: ZoneInfo, now: Callable[[], datetime]) -> dict[str, Callable[..., Any]]:
    """The filters of all templates: docs/pages.md lists them."""
    return {
        "when": when(now, timezone),
        "address": _address,
        "who": _who,
        "plain": _plain,
        "first": _first,
        "words": _words,
        "number": _number,
        "count": count,
        "listed": listed,
        "clock": lambda at: clock(at, timezone),
        "moment": lambda at: moment(at, timezone),
        "minutes": minutes,
        "short_time": short_time,
        "lately": lambda at, today: lately(at, today, timezone),
        "day": long_day,
        "short_day": short_day,
    }
