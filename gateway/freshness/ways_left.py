"""By which media, in which languages and on which days somebody can still be asked, after silence.

What they have declined is no way, nor is what there are no words or no sender for; and of what can wait a family gets
no more texts than it may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from channels.base import Medium
from gateway import context, people, planner, reach, runs, tongues
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Wish
from gateway.preferences import load, topics, wishes
from scheduler import calendar

NO_WAY: Final = "no phone or mailbox of theirs works"
DECLINED: Final = "they want no messages of this kind by any way that is left"
ENOUGH: Final = "the family has had as many texts this week as it may get"

_USUAL: Final = (Medium.SMS, Medium.EMAIL, Medium.VOICE)
_AHEAD: Final = 14  #: days within which an hour comes that is neither quiet nor taken


@dataclass(frozen=True, slots=True)
class Again:
    """A notice that is said again: as it was written, in its other words, and what makes and sends them.

    ``media`` are those by which it could go at all, its own first.
    """

    definition: model.Definition
    words: model.Definition
    media: Sequence[Medium]
    means: planner.Means


@dataclass(frozen=True, slots=True)
class Asked:
    """A contact who is to be asked again, about these pupils, and the people around it."""

    notice: Again
    known: people.People
    contact: people.Adult
    pupil_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Ways:
    """What is left for a contact.

    ``languages`` are by medium those that there are words in for them, the best first, each with the tag of theirs that
    gives it; ``taken`` the days on which the family has had its texts; ``because``: why there is no medium.
    """

    languages: Mapping[Medium, Mapping[str, str]]
    taken: frozenset[date] = frozenset()
    because: str = ""

    def spoken(self) -> dict[Medium, list[str]]:
        """The languages by medium."""
        return {medium: list(tags) for medium, tags in self.languages.items()}


async def prepare(session: Session, gateway: context.Gateway, definition: model.Definition) -> Again:
    """What all who are asked again by one notice have in common."""
    able = await runs.able(session, gateway, definition)
    media = [one for one in _media(gateway, definition) if one in able]
    words = definition.said_again()
    whole = words.model_copy(update={"media": media, "ladder": []}) if media else words
    return Again(definition, words, media, await runs.means(session, gateway, whole))


async def find(session: Session, gateway: context.Gateway, asked: Asked) -> Ways:
    """What is left for a contact, the notice's own media first."""
    media = [one for one in asked.notice.media if _places(asked, one)]
    if not media:
        return Ways({}, because=NO_WAY)
    media = await _wanted(session, asked, media)
    if not media:
        return Ways({}, because=DECLINED)
    enough, taken = await _had(session, gateway, asked) if Medium.SMS in media else (False, frozenset[date]())
    media = [one for one in media if not (enough and one is Medium.SMS)]
    if not media:
        return Ways({}, because=ENOUGH)
    return Ways({medium: _languages(gateway, asked, medium) for medium in media}, taken)


def _media(gateway: context.Gateway, definition: model.Definition) -> list[Medium]:
    own = [medium for step in definition.steps for medium in step.media]
    wired = {channel.medium for channel in gateway.channels.values()}
    return list(dict.fromkeys([*own, *(medium for medium in _USUAL if medium in wired)]))


def _places(asked: Asked, medium: Medium) -> list[str]:
    """The phones or mailboxes by which this contact may hear of these pupils."""
    mandatory = asked.notice.definition.purpose.mandatory
    ways = reach.ways(asked.known, asked.contact.id, asked.pupil_ids, medium=medium, mandatory=mandatory)
    return [point.address for point, _ in ways.found]


async def _wanted(session: Session, asked: Asked, media: Sequence[Medium]) -> list[Medium]:
    """The media by which this contact has not declined what the notice is about."""
    topic = topics.declinable(asked.notice.definition)
    if not topic:
        return list(media)
    places = {medium: _places(asked, medium) for medium in media}
    addresses = {one for those in places.values() for one in those}
    wanted = await wishes.load(session, topic, contact_ids=[asked.contact.id], addresses=addresses)

    def declined(medium: Medium) -> bool:
        return any(wanted.of(asked.contact.id, one, medium) is Wish.OFF for one in places[medium])

    return [medium for medium in media if not declined(medium)]


async def _had(session: Session, gateway: context.Gateway, asked: Asked) -> tuple[bool, frozenset[date]]:
    """Whether the family has had its texts of the week, and on which days those of the day."""
    purpose = asked.notice.definition.purpose
    most = gateway.preferences.most(purpose)
    if purpose.mandatory or purpose.urgent or not most.any:
        return False, frozenset()
    got = await load.week(session, asked.known, at=gateway.now(), timezone=gateway.timezone)
    days = {one.day for one in got.of(asked.contact.id) if load.is_over(got, asked.contact.id, one.day, most)}
    return load.is_over(got, asked.contact.id, None, most), frozenset(days)


def _languages(gateway: context.Gateway, asked: Asked, medium: Medium) -> Mapping[str, str]:
    """The languages in which this contact would get it: what has no words in a language is none of that language."""
    school, composer = gateway.school(), asked.notice.means.composer
    mandatory = asked.notice.definition.purpose.mandatory
    link = "" if mandatory or medium is not Medium.EMAIL else gateway.unsubscribe_url("0")
    found = dict[str, str]()
    for tag in tongues.chain(medium, asked.contact, school.language, school.instead):
        made = composer.compose(medium, tag, children=["A"], unsubscribe_url=link)
        found.setdefault(made.language, tag)
    return found


def hours(gateway: context.Gateway, definition: model.Definition, every: Sequence[time]) -> Sequence[time]:
    """Those of the school's hours at which the notice may leave at all; all of them where it may at none."""
    opens = definition.valid.not_before
    return [one for one in every if opens is None or one >= opens] or every


def next_time(
    gateway: context.Gateway, definition: model.Definition, hour: time, *, taken: frozenset[date]
) -> datetime:
    """The next time that this hour comes on the school's clock, out of its quiet hours and on no day that is taken."""
    today, quiet = gateway.today(), None if definition.purpose.urgent else gateway.quiet
    ahead = [today + timedelta(days=number) for number in range(_AHEAD)]
    moments = [datetime.combine(day, hour) for day in ahead]
    later = [one for one in moments if calendar.to_utc(one, gateway.timezone) > gateway.now()]
    free = (one for one in later if one.date() not in taken and (quiet is None or not quiet.is_quiet(one)))
    return calendar.to_utc(next(free, later[0]), gateway.timezone)
