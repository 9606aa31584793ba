"""An emergency in sentences and plain data, for the command line, the API and the page. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from channels.base import Medium
from gateway import guard, people
from gateway.emergency import alarm, passing, roll_call, timing
from gateway.models import Emergency
from templates import languages

_NAMES = {Medium.SMS: "text", Medium.VOICE: "call", Medium.EMAIL: "email"}


def times(channels: Iterable[timing.Channel]) -> list[str]:
    """How long it takes by each channel, a sentence for each, the first thing that anybody should read."""
    return [_time(channel) for channel in channels] or ["Nobody would be told by anything."]


def _time(channel: timing.Channel) -> str:
    what = count(channel.messages, _NAMES[channel.medium])
    if channel.medium is Medium.SMS:
        what += f" in {count(channel.parts, 'part')}"
    rates = " and ".join(f"{lane.rate:g} a second from {lane.address}" for lane in channel.lanes)
    languages_ = ", ".join(
        f"{languages.english(tag) if tag else '?'} {messages}" + (f" ({parts})" if parts != messages else "")
        for tag, (messages, parts) in channel.by_language.items()
    )
    took = f"{timing.span(channel.seconds)} for {what}, {rates}."
    trouble = " ".join(f"{lane.address} is {lane.trouble}." for lane in channel.lanes if lane.trouble)
    return " ".join(filter(None, [f"{took} By language: {languages_}.", trouble]))


def count(number: int, one: str, many: str = "") -> str:
    """``1 child``, ``2 children``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def remarks(outlook: alarm.Outlook) -> list[str]:
    """What else is to be known before it is sent."""
    children = count(outlook.children, "child", "children")
    lost = len(outlook.unreached)
    told = f"{outlook.children - lost:,} of {children}" if lost else children
    said = [f"{count(outlook.people, 'person is', 'people are')} told of {told}."]
    if lost:
        said.append(f"Of {count(lost, 'child', 'children')} nobody would be told by anything: see to them yourselves.")
    worth = outlook.seen.definition.valid.for_
    late = [one for one in outlook.channels if worth and one.seconds > worth.total_seconds()]
    said += [
        f"The last {_NAMES[one.medium]}s would not leave: they take longer than emergency.worth_saying." for one in late
    ]
    said += passing.sentences(outlook.passes)
    if outlook.call_again_after:
        after = timing.span(outlook.call_again_after.total_seconds())
        said.append(f"{after} later those are rung once more who have not said that they have read it.")
    if not outlook.can_be_answered:
        said.append("Texts come from a name: nobody can answer them, so nobody can say that they have read it.")
    if outlook.second_person:
        said.append("It is held until a second person approves it.")
    said += [
        f"{one.key} by {one.by} is not over: an update tells those whom it reached, and alarms nobody twice."
        for one in outlook.going_on
    ]
    return said + [f"To correct: {problem}" for problem in outlook.seen.audience.problems]


def examples(outlook: alarm.Outlook) -> list[tuple[str, str]]:
    """A text in each language, by the language's name: the words as a family reads them."""
    found: dict[str, str] = {}
    for message in (row.message for row in outlook.seen.rows):
        if message.medium is Medium.SMS and not message.reason:
            found.setdefault(languages.english(message.language), message.body)
    return sorted(found.items(), key=lambda one: (one[0] != "English", one[0]))


def unreached(outlook: alarm.Outlook) -> list[dict[str, Any]]:
    """The children of whom nobody would be told, and every reason for it."""
    why: dict[int, dict[str, None]] = {pupil_id: {} for pupil_id in outlook.unreached}
    for row in outlook.seen.rows:
        for pupil_id in row.pupil_ids:
            if pupil_id in why:
                why[pupil_id][row.message.reason] = None
    return children_without(outlook.seen.audience.people, why)


def children_without(known: people.People, why: Mapping[int, Iterable[str]]) -> list[dict[str, Any]]:
    """Children of whom nobody is told, by name, with the reasons as sentences."""
    return [
        {
            "pupil": child.source_id,
            "name": f"{child.called} {child.surname}",
            "form": child.form,
            "why": [guard.REASONS.get(reason, reason) for reason in reasons if reason != "merged"],
        }
        for child, reasons in ((known.pupils[pupil_id], reasons) for pupil_id, reasons in why.items())
    ]


def outlook_data(outlook: alarm.Outlook) -> dict[str, Any]:
    """A preview as plain data."""
    return {
        "children": outlook.children,
        "people": outlook.people,
        "second_person": outlook.second_person,
        "passes": dict(outlook.passes),
        "channels": [channel_data(channel) for channel in outlook.channels],
        "pence": round(sum(channel.pence for channel in outlook.channels), 2),
        "examples": dict(examples(outlook)),
        "sentences": [*times(outlook.channels), *remarks(outlook)],
        "unreached": unreached(outlook),
    }


def channel_data(channel: timing.Channel) -> dict[str, Any]:
    """How long one channel takes, as plain data."""
    return {
        "medium": channel.medium.value,
        "seconds": round(channel.seconds, 1),
        "messages": channel.messages,
        "parts": channel.parts,
        "pence": round(channel.pence, 2),
        "by_language": [
            {"language": tag, "messages": messages, "parts": parts}
            for tag, (messages, parts) in channel.by_language.items()
        ],
        "senders": [
            {"address": one.address, "per_second": one.rate, "seconds": round(one.seconds, 1), "trouble": one.trouble}
            for one in channel.lanes
        ],
    }


def emergency_data(one: Emergency) -> dict[str, Any]:
    """An emergency in a list, as plain data."""
    return {
        "key": one.key, "began_at": one.began_at, "by": one.by, "over_at": one.over_at, "over_by": one.over_by,
    }  # fmt: skip


def headline(found: roll_call.RollCall) -> str:
    """How many are not covered yet."""
    all_, open_ = len(found.children), len(found.uncovered)
    if not all_:
        return "Nobody has been alarmed yet"
    if not open_:
        return f"Of all {all_} children somebody who answers for them has read it"
    return f"{open_} of {all_} children: nobody who answers for them has read it yet"


def answers(child: roll_call.Child) -> str:
    """What was said of a child."""
    noted = [f"{child.word.by} noted: {child.word.how}"] if child.word else []
    return "; ".join([*noted, *(_answer(one) for one in child.said)])


def _answer(one: roll_call.Said) -> str:
    who = f"{one.name} ({one.relation})" if one.relation else one.name
    if not one.read:
        return f"{who} wrote: “{one.words}”"
    return f"{who} has read it" + ("" if one.answers_for else ", and does not answer for the child")


def roll_call_data(found: roll_call.RollCall) -> dict[str, Any]:
    """The list as plain data."""
    return emergency_data(found.emergency) | {
        "passed": dict(found.passed),
        "troubles": list(found.troubles),
        "at": found.at,
        "children": len(found.children),
        "covered": len(found.children) - len(found.uncovered),
        "not_covered": [_child(child) for child in found.uncovered],
        "covered_children": [_child(child) for child in found.children if child.covered],
    }


def _child(child: roll_call.Child) -> dict[str, Any]:
    said = [
        {"name": one.name, "relation": one.relation, "answers_for": one.answers_for, "medium": one.medium.value,
         "at": one.at, "read": one.read, "words": one.words}
        for one in child.said
    ]  # fmt: skip
    noted = {"by": child.word.by, "at": child.word.at, "how": child.word.how} if child.word else None
    known = {"pupil": child.source_id, "name": child.name, "form": child.form, "way": child.way}
    return known | {"said": said, "noted": noted}
