"""The conversation on paper: a state, a key and what is known of the caller give what is said and waited for next.

0 changes the language and 9 repeats, everywhere. Whoever twice presses nothing, or nothing that is of use, is asked for
a message instead: nobody is kept going round in a menu.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from templates.line import Given

MOST_DAYS: Final = 5  #: school days that can be reported by keys; who is away for longer says so in a message
_MOST_CHILDREN: Final = 8  #: 9 and 0 have another meaning
_TRIES: Final = 2
_LONGER, _LANGUAGE, _REPEAT = "6", "0", "9"
_NONE: Final[Mapping[str, Given]] = MappingProxyType({})

#: What the keys of the second question mean.
REASONS: Final[Mapping[str, str]] = MappingProxyType({"1": "ill", "2": "appointment"})


class Step(StrEnum):
    """Where in the conversation a call is: what the key that comes next answers."""

    MENU = "menu"
    CHILD = "child"
    REASON = "reason"
    DAYS = "days"
    CONFIRM = "confirm"
    KEPT = "kept"  #: a message was recorded
    BACK = "back"  #: the office was dialled


@dataclass(frozen=True, slots=True)
class Child:
    """A child of whom the caller may speak."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the caller and of the moment.

    ``children``   of whom the caller may speak; nobody's for a number that is unknown, withheld or shared
    ``languages``  that can be spoken, the caller's own first
    ``days``       the coming school days, the one that can be reported first
    ``office``     whether the office can be put through to now
    ``opens``      when it opens next, on the school's clock; None while it is open, or has no hours
    """

    languages: Sequence[str]
    children: Sequence[Child] = ()
    days: Sequence[date] = ()
    office: bool = False
    opens: datetime | None = None

    def name(self, child_id: int) -> str:
        """The name of a child of the caller's, ``""`` for any other."""
        return next((child.name for child in self.children if child.id == child_id), "")


@dataclass(frozen=True, slots=True)
class State:
    """Where a call is, and what was said in it so far."""

    step: Step
    language: str
    tries: int = 0
    child: int = 0
    reason: str = ""
    first: date | None = None
    last: date | None = None

    def packed(self) -> str:
        """The state as a word for an address; it holds no name."""
        days = [day.isoformat() if day else "" for day in (self.first, self.last)]
        return "~".join([self.step, self.language, str(self.tries), str(self.child), self.reason, *days])


def unpacked(word: str) -> State | None:
    """The state that a word stands for; None for one that we never made."""
    try:
        step, language, tries, child, reason, first, last = word.split("~")
        days = [date.fromisoformat(day) if day else None for day in (first, last)]
        return State(Step(step), language, int(tries), int(child), reason, *days)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Say:
    """A phrase of ``templates/phrases.toml`` in a language, with its values."""

    phrase: str
    language: str
    given: Mapping[str, Given] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True)
class Report:
    """An absence, reported and confirmed by keys; both days are inclusive."""

    child: int
    reason: str
    first: date
    last: date


Then = Literal["ask", "record", "dial", "end"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What is said, and what comes then. ``report`` is to be written down before it is said."""

    says: tuple[Say, ...]
    then: Then
    state: State
    report: Report | None = None


def begin(situation: Situation) -> Turn:
    """The telephone rings: a greeting, and the first menu."""
    state = State(Step.MENU, situation.languages[0])
    return _after([Say("greeting", state.language)], _question(state, situation))


def go_on(state: State, key: str, situation: Situation, *, answered: bool = False) -> Turn:
    """What follows on a key, on none (``""``), on a recording, or on the office's ringing (``answered`` or not)."""
    if state.language not in situation.languages:
        state = replace(state, language=situation.languages[0])
    if state.step is Step.KEPT:
        return _end(state, "kept")
    if state.step is Step.BACK:
        return Turn((), "end", state) if answered else _record(state, "nobody")
    if state.step not in (Step.MENU, Step.CHILD) and not situation.name(state.child):
        return _question(_menu(state), situation)  # the child is not, or no more, one of whom the caller may speak
    if key == _REPEAT:
        return _question(state, situation)
    if key == _LANGUAGE and len(situation.languages) > 1:
        at = list(situation.languages).index(state.language) + 1
        return _question(replace(state, language=situation.languages[at % len(situation.languages)]), situation)
    if key and (found := _HEARD[state.step](state, key, situation)):
        return found
    if state.tries + 1 >= _TRIES:
        return _record(state)
    again = _question(replace(state, tries=state.tries + 1), situation)
    return _after([Say("wrong_key", state.language)], again) if key else again


def _heard_menu(state: State, key: str, situation: Situation) -> Turn | None:
    match key:
        case "1":
            if not situation.children:
                return _record(state)
            return _question(replace(_menu(state), step=Step.CHILD), situation)
        case "2":
            return _record(state)
        case "3" if situation.office:
            return Turn((Say("through", state.language),), "dial", replace(state, step=Step.BACK))
    return None


def _heard_child(state: State, key: str, situation: Situation) -> Turn | None:
    children = situation.children[:_MOST_CHILDREN]
    if not key.isdecimal() or not 1 <= int(key) <= len(children):
        return None
    return _question(replace(state, step=Step.REASON, tries=0, child=children[int(key) - 1].id), situation)


def _heard_reason(state: State, key: str, situation: Situation) -> Turn | None:
    if key == "3":
        return _record(state)
    if key not in REASONS:
        return None
    return _question(replace(state, step=Step.DAYS, tries=0, reason=REASONS[key]), situation)


def _heard_days(state: State, key: str, situation: Situation) -> Turn | None:
    if key == _LONGER:
        return _record(state)
    days = situation.days[:MOST_DAYS]
    if not key.isdecimal() or not 1 <= int(key) <= len(days):
        return None
    # The days travel on as they were read back: what is confirmed is what was heard, even past midnight.
    said = replace(state, step=Step.CONFIRM, tries=0, first=days[0], last=days[int(key) - 1])
    return _question(said, situation)


def _heard_confirm(state: State, key: str, situation: Situation) -> Turn | None:
    if state.first is None or state.last is None or state.reason not in REASONS.values():
        return _question(_menu(state), situation)
    if key == "2":
        return _question(replace(_menu(state), step=Step.CHILD), situation)
    if key != "1":
        return None
    report = Report(state.child, state.reason, state.first, state.last)
    thanks = Say("reported", state.language)
    if len(situation.children) == 1:
        return replace(_after([thanks], _end(state)), report=report)
    return replace(_after([thanks], _question(_menu(state), situation)), report=report)


_HEARD: Final[Mapping[Step, Callable[[State, str, Situation], Turn | None]]] = MappingProxyType(
    {
        Step.MENU: _heard_menu,
        Step.CHILD: _heard_child,
        Step.REASON: _heard_reason,
        Step.DAYS: _heard_days,
        Step.CONFIRM: _heard_confirm,
    }
)


def _question(state: State, situation: Situation) -> Turn:
    """The question of a step, with what is always to be had."""
    asked = _ASKED[state.step](state, situation)
    others = [Say("language", other) for other in situation.languages if other != state.language]
    return Turn((*asked, Say("repeat", state.language), *others), "ask", state)


def _ask_menu(state: State, situation: Situation) -> list[Say]:
    language = state.language
    says = [Say("closed", language, {"opens": situation.opens}), Say("danger", language)] if situation.opens else []
    choices = ["absence", "message"] if situation.children else ["stranger"]
    choices += ["office"] if situation.office else []
    return says + [Say(choice, language) for choice in choices]


def _ask_child(state: State, situation: Situation) -> list[Say]:
    children = enumerate(situation.children[:_MOST_CHILDREN], 1)
    named = [Say("child", state.language, {"child": child.name, "key": key}) for key, child in children]
    return [Say("which", state.language), *named]


def _ask_reason(state: State, situation: Situation) -> list[Say]:
    return [Say("reason", state.language, {"child": situation.name(state.child)})]


def _ask_days(state: State, situation: Situation) -> list[Say]:
    days = situation.days[:MOST_DAYS]
    return [Say("days", state.language, {"first": days[0], "most": len(days)})]


def _ask_confirm(state: State, situation: Situation) -> list[Say]:
    if state.first is None or state.last is None:
        return _ask_menu(state, situation)
    given: dict[str, Given] = {"child": situation.name(state.child), "first": state.first}
    if state.first == state.last:
        said = Say(f"{state.reason}_one", state.language, given)
    else:
        said = Say(f"{state.reason}_until", state.language, given | {"last": state.last})
    return [said, Say("confirm", state.language)]


_ASKED: Final[Mapping[Step, Callable[[State, Situation], list[Say]]]] = MappingProxyType(
    {
        Step.MENU: _ask_menu,
        Step.CHILD: _ask_child,
        Step.REASON: _ask_reason,
        Step.DAYS: _ask_days,
        Step.CONFIRM: _ask_confirm,
    }
)


def _menu(state: State) -> State:
    """Back at the beginning, in the same language."""
    return State(Step.MENU, state.language)


def _record(state: State, *before: str) -> Turn:
    says = tuple(Say(phrase, state.language) for phrase in (*before, "record"))
    return Turn(says, "record", replace(state, step=Step.KEPT))


def _end(state: State, *before: str) -> Turn:
    return Turn(tuple(Say(phrase, state.language) for phrase in (*before, "goodbye")), "end", state)


def _after(says: Sequence[Say], turn: Turn) -> Turn:
    return replace(turn, says=(*says, *turn.says))
