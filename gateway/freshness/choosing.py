"""What is tried after silence: another way than the last, and none that has failed twice running.

*Modify what they have tried and try again* (domain notes, section 6.1). Pure functions over what was tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from itertools import product
from typing import Final

from channels.base import Medium

TWICE: Final = 2  #: what has failed so often running is not done a third time
_NAMES: Final = {Medium.SMS: "texts", Medium.VOICE: "calls", Medium.EMAIL: "emails"}
_ONE: Final = {Medium.SMS: "a text", Medium.VOICE: "a call", Medium.EMAIL: "an email"}
_TIMES: Final = {1: "once", 2: "twice"}


class Outcome(StrEnum):
    """What came of a try. ``OPEN``: nobody can say yet, or nothing was asked: neither for nor against."""

    ANSWERED = "answered"
    REACHED = "delivered"
    SILENT = "unanswered"
    FAILED = "not delivered"
    OPEN = "open"


BAD: Final = frozenset({Outcome.SILENT, Outcome.FAILED})


@dataclass(frozen=True, slots=True)
class Way:
    """How something is tried: by which medium, at which of the school's hours, in which language."""

    medium: Medium
    hour: time
    language: str


@dataclass(frozen=True, slots=True)
class Try:
    """One that was made. ``at`` is local."""

    way: Way
    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Choice:
    """What is tried next, in what it differs from the last try, and why, for people."""

    way: Way
    differs: Sequence[str]
    because: str


def slot(at: time, hours: Sequence[time]) -> time:
    """The one of the school's hours that a moment is nearest to."""
    return min(hours, key=lambda hour: abs(_minutes(hour) - _minutes(at)))


def running(tries: Sequence[Try]) -> int:
    """How many of these, oldest first, have failed since one of them last worked.

    That a text arrived makes up for those that did not; only an answer makes up for silence.
    """
    count, arrives = 0, False
    for one in reversed(tries):
        if one.outcome is Outcome.ANSWERED:
            break
        arrives = arrives or one.outcome is Outcome.REACHED
        count += one.outcome is Outcome.SILENT or (one.outcome is Outcome.FAILED and not arrives)
    return count


def choose(tries: Sequence[Try], ways: Mapping[Medium, Sequence[str]], hours: Sequence[time]) -> Choice | None:
    """What to try next, after these tries (oldest first); None where everything has failed twice running.

    ``ways`` are the media by which somebody can be reached, in the usual order, each with the languages that there are
    words in for them, the best first. What worked before comes first, then what has failed least, then another hour,
    then another language.
    """
    media = list(ways)
    last = tries[-1].way if tries else None
    answered = Counter(one.way.hour for one in tries if one.outcome is Outcome.ANSWERED)

    def weight(way: Way) -> tuple[int, int, int, int, int, int]:
        by = [one for one in tries if one.way.medium is way.medium]
        return (
            min(running(by), TWICE),
            -sum(one.outcome is Outcome.ANSWERED for one in by),
            -answered[way.hour],
            last is not None and way.hour == last.hour,
            ways[way.medium].index(way.language),
            media.index(way.medium),
        )

    every = [Way(*one) for medium, spoken in ways.items() for one in product([medium], hours, spoken)]
    left = [
        way for way in every if way != last and running([one for one in tries if one.way == way]) < TWICE
    ]  # the same failing thing is never done three times
    if not left:
        return None
    best = min(left, key=weight)
    return Choice(best, differences(last, best), because(tries, best, last))


def differences(last: Way | None, way: Way) -> list[str]:
    """In what a way differs from the last one."""
    if last is None:
        return []
    names = ("channel", "hour", "language")
    before, after = (last.medium, last.hour, last.language), (way.medium, way.hour, way.language)
    return [name for name, old, new in zip(names, before, after, strict=True) if old != new]


def because(tries: Sequence[Try], way: Way, last: Way | None) -> str:
    """Why, in plain words: «texts unanswered twice at 8.30, so a call at 17.30»."""
    if last is None:
        return f"nothing tried yet, so {_ONE[way.medium]} at {clock(way.hour)}"
    same = [one for one in tries if one.way.medium is last.medium]
    streak = running(same)
    said = next((one.outcome.value for one in reversed(same) if one.outcome in BAD), "unanswered")
    hours = {one.way.hour for one in same[-streak:]} if streak else {last.hour}
    at = f" at {clock(last.hour)}" if len(hours) == 1 else ""
    what = f"{_NAMES[last.medium]} {said} {_TIMES.get(max(streak, 1), f'{streak} times')}{at}"
    other = " in another language" if way.language != last.language else ""
    worked = any(one.outcome is Outcome.ANSWERED and one.way.medium is way.medium for one in tries)
    known = f", as {_NAMES[way.medium]} were answered before" if worked and way.medium is not last.medium else ""
    return f"{what}, so {_ONE[way.medium]} at {clock(way.hour)}{other}{known}"


def clock(at: time) -> str:
    """A time as people write it: 8.30."""
    return f"{at.hour}.{at.minute:02d}"


def summed(tries: Sequence[Try], medium: Medium) -> str:
    """What came of one medium, in words: «texts: 3 answered, 2 unanswered», ``""`` where it was not tried."""
    by = [one for one in tries if one.way.medium is medium]
    counts = Counter(one.outcome for one in by if one.outcome is not Outcome.OPEN)
    told = ", ".join(f"{number} {outcome.value}" for outcome, number in sorted(counts.items()))
    return f"{_NAMES[medium]}: {told}" if told else ""


def order(tries: Sequence[Try], usual: Sequence[Medium]) -> tuple[list[Medium], str]:
    """In which order somebody is rather reached, and why; nothing where the usual order has not failed.

    A medium that has failed twice running goes behind those that have not.
    """
    streak = {medium: running([one for one in tries if one.way.medium is medium]) for medium in usual}
    tired = [medium for medium in usual if streak[medium] >= TWICE]
    rested = [medium for medium in usual if streak[medium] < TWICE]
    if not tired or not rested:
        return [], ""
    why = ", ".join(f"{_NAMES[one]} unanswered or not delivered {streak[one]} times running" for one in tired)
    return [*rested, *tired], f"{why}, so {' and '.join(_NAMES[one] for one in rested)} first"


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
