"""The times of an event, and what can be wrong with them that the shape of a definition does not show."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway import errors
from gateway.definitions import model

TWICE: Final = errors.Problem(
    "two times with the same host begin at the same moment.", "Give each a host of its own, or another time."
)


def of(one: model.EventSession) -> list[tuple[datetime, datetime]]:
    """The times of a session, in local time: what is left over at its end is no time."""
    if one.minutes is None:
        return [(one.starts, one.ends)]
    length = timedelta(minutes=one.minutes)
    count = (one.ends - one.starts) // length
    return [(one.starts + number * length, one.starts + (number + 1) * length) for number in range(count)]


def problems(definition: model.Definition) -> list[errors.Problem]:
    """What is wrong with a new event; one that was taken in before may have been moved since."""
    found, details = list[errors.Problem](), definition.event
    if details is None:
        return found
    if definition.again:
        what = "“again” is for notices: whoever does not answer an invitation is asked once more by its reminder."
        found.append(errors.Problem(what, "Take it out; event.remind says when.", field="again"))
    begins = [(starts, one.host) for one in details.sessions for starts, _ in of(one)]
    if len(set(begins)) < len(begins):
        found.append(errors.Problem(TWICE.what, TWICE.cure, field="event.sessions"))
    if any(one.starts < details.starts for one in details.sessions):
        what = "a session begins before the event."
        found.append(errors.Problem(what, "Let the event begin with its first session.", field="event.starts"))
    return found
