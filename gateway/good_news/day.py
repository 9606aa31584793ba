"""Who hears on a day: everybody concerned, and by which phone or mailbox, each by the medium that comes first for them.

Who shares a phone is one family to us; parents who live apart each hear by their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from channels.base import Medium
from gateway import audience, context, people, reach, sorting
from gateway.database import Session
from gateway.definitions import model
from gateway.good_news import hours, words
from gateway.models import LineType, PointKind, Praise


@dataclass(frozen=True, slots=True)
class Day:
    """Everybody concerned today, and what was praised of each child."""

    frame: words.Frame
    known: people.People
    listeners: Sequence[audience.Listener]
    praises: Mapping[int, Sequence[Praise]]


def key(gateway: context.Gateway) -> str:
    """The key of today's notice."""
    return f"good-news-{gateway.today():%Y-%m-%d}"


async def look(session: Session, gateway: context.Gateway, praises: Sequence[Praise]) -> Day:
    """Everybody who is to hear of these praises today."""
    by_child = defaultdict[int, list[Praise]](list)
    for one in praises:
        by_child[one.pupil_id].append(one)
    known = await people.load(session, today=gateway.today(), pupil_ids=sorted(by_child))
    frame = words.Frame(key(gateway), [child.source_id for child in known.pupils.values()], hours.until(gateway))
    # The rule of every notice that names no other: both parents who answer for the child.
    wanted = model.Audience(whole_school=True)
    default = gateway.settings.school.language
    listeners = audience.listeners_of(
        known, list(known.pupils), wanted, today=gateway.today(), default_language=default
    )
    return Day(frame, known, listeners, by_child)


def sort(day: Day, general: model.Definition) -> sorting.Sorting:
    """Who hears by which phone or mailbox: each by the medium that comes first for them."""
    by_medium, whole = defaultdict[Medium, list[audience.Listener]](list), sorting.Sorting()
    for listener in day.listeners:
        for medium, pupil_ids in ways(listener, day.known):
            by_medium[medium].append(audience.Listener(listener.contact_id, pupil_ids, listener.reason))
    for medium, listeners in by_medium.items():
        one = general.model_copy(update={"media": [medium]})
        part = sorting.sort(one, audience.Audience(day.known, listeners, ()))
        whole.drafts.update(part.drafts)
        whole.silences += part.silences
    return whole


def ways(listener: audience.Listener, known: people.People) -> Iterator[tuple[Medium, list[int]]]:
    """By which medium somebody likes to hear of which children: that of the first of their phones and mailboxes that
    may be used. One that a barred person shares may hear of some of the children only."""
    points = known.points.get(listener.contact_id or 0, ())
    order = list(dict.fromkeys(map(_serves, sorted(points, key=_liked)))) or [Medium.SMS]
    left = list(listener.pupil_ids)
    for medium in order:
        found = reach.ways(known, listener.contact_id, left, medium=medium, mandatory=False).found
        if told := [pupil_id for _, pupil_ids in found for pupil_id in pupil_ids]:
            yield medium, told
        left = [pupil_id for pupil_id in left if pupil_id not in told]
    if left:
        yield order[0], left


def _liked(point: people.Point) -> tuple[int, bool]:
    """By rank; a mobile before what has the same, as nearly everybody reads a text."""
    return (point.rank, point.line_type is not LineType.MOBILE)


def _serves(point: people.Point) -> Medium:
    if point.kind is PointKind.EMAIL:
        return Medium.EMAIL
    return Medium.SMS if point.line_type is LineType.MOBILE else Medium.VOICE
