"""What an answer means: the one place where understanding comes in.

An *understanding* is a function from what was heard, and the cases that it may be about, to what it says of each child.
The one of this module reads the digits of the menu. One that reads words is put in its place where the daemon is made
(``Jobs``); it says what it says of whom and never touches a table, so it can be tried on paper.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Final

from gateway.models import CaseState, DaySession
from gateway.understanding.meaning import Intent
from templates import library

CHECK: Final = "absence_check"  #: the wording that asks, whose menu this is
CHASE: Final = "absence_chase"  #: the one that asks again on the same day, with the same menu


@dataclass(frozen=True, slots=True)
class Child:
    """A child that an answer may be about; ``case`` and ``state`` where one is open today."""

    pupil_id: int
    name: str
    case: int | None = None
    state: CaseState | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What came in, and from whom.

    ``option``    the code of the menu's answer, ``""`` where it was no key of the menu
    ``unsure``    whether it is a key of the menu that another menu of ours offers, too (``gateway/two_menus.py``)
    ``known``     whether it came from an address on file for these children; otherwise nobody is named
    ``children``  those of the question, or of whom the sender may tell: words that name nobody are about them
    ``also``      the others of these families, so that a brother's name is not taken for nobody's
    ``asked``     whether it answers a question of ours
    ``day``       the one from which its words reckon
    """

    reply_id: int
    body: str
    option: str
    language: str
    children: Sequence[Child]
    also: Sequence[Child]
    known: bool
    asked: bool
    day: date
    at: datetime
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer says of one or several children.

    ``code``    the register code that it suggests, ``""`` for none: only a person may grant some
    ``urgent``  a child may be missing or unsafe
    ``since``   the first day it speaks of, None for the one that it was written on
    ``until``   the last one, None for that day alone
    ``times``   the hours of the day that it names
    ``named``   every day that stands in it, weekdays reckoned ahead
    ``over``    an illness is past; ``away``: the child is not in school, or somewhere else, in so many words
    """

    intent: Intent
    pupil_ids: Sequence[int]
    code: str = ""
    urgent: bool = False
    until: date | None = None
    since: date | None = None
    times: Sequence[time] = ()
    named: Sequence[date] = ()
    over: bool = False
    away: bool = False

    def is_of_day(self, day: date, *, today: date) -> bool:
        """Whether a day that is over is the only one that it names: «on Monday», written on a Tuesday."""
        return bool(self.named) and all(one != today and (one - day).days % 7 == 0 for one in self.named)

    @property
    def is_over(self) -> bool:
        """Whether it tells of an illness that is past."""
        return self.intent is Intent.ILLNESS and self.over

    def sessions(self, noon: time) -> Collection[DaySession]:
        """The sessions that its hours touch, of which the second begins at ``noon``; none where it names no hour."""
        return {DaySession.PM if hour >= noon else DaySession.AM for hour in self.times}

    def is_of_another(self, which: DaySession, noon: time) -> bool:
        """Whether it is an appointment at hours that do not touch this session."""
        touched = self.sessions(noon) if self.intent is Intent.MEDICAL_APPOINTMENT else ()
        return bool(touched) and which not in touched


#: Nothing at all: not understood, a person must read it.
Understanding = Callable[[Heard], Sequence[Meaning]]

#: By the code of an answer of the menu: what it means, the register code, and whether a child may be missing.
BY_CODE: Final[Mapping[str, tuple[Intent, str, bool]]] = MappingProxyType(
    {
        "ill": (Intent.ILLNESS, "I", False),
        "appointment": (Intent.MEDICAL_APPOINTMENT, "M", False),
        "late": (Intent.LATE, "", False),
        "unaware": (Intent.SAYS_PRESENT, "", True),
    }
)


def by_menu(heard: Heard) -> Sequence[Meaning]:
    """Read the digits of the menu; a digit answers for every child that the question named."""
    found = BY_CODE.get(heard.option)
    if found is None or not heard.asked:
        return ()
    intent, code, urgent = found
    return (Meaning(intent, tuple(child.pupil_id for child in heard.children), code, urgent),)


def option(key: str) -> str:
    """What a key of the question's menu stands for, ``""`` for none."""
    return next((answer.code for answer in library.notice(CHECK).answers if answer.key == key), "") if key else ""
