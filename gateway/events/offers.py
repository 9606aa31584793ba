"""Which times a household is shown, and what each digit of its message means.

Times outside working hours go first to households that have never come to anything: others are shown them only where
there are more than those need. Whoever is asked at the same time is shown different times, those that were shown least
so far, so that few of them want the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from channels.base import Medium
from gateway.definitions import model
from gateway.events import slots
from gateway.models import EventGuest, EventSlot
from templates import formats, languages, library, phrases, translations

COMING: Final = "coming"
NOT_COMING: Final = "not_coming"
NO_TIME: Final = "no_time"  #: can make none of the times
INTERPRETER: Final = "interpreter"
SLOT: Final = "slot "  #: before the id of a time

Meaning = Literal["coming", "not_coming", "no_time", "interpreter"]
DIGITS: Final = 9  #: 1 to 9: what families who share a phone have together
_MOST_TIMES: Final = 6
_CALL_AFTER: Final = timedelta(minutes=15)
_INVITATION: Final = "event_invitation"  #: whose answers are in every language


@dataclass(frozen=True, slots=True)
class Offer:
    """A menu: what each digit means, and its words by language; empty where there is nothing to choose."""

    menu: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Sequence[model.Option] = ()

    @property
    def replies(self) -> model.Replies:
        """As a definition has it."""
        return model.Replies(expected=bool(self.menu), options=list(self.options))


@dataclass(slots=True)
class Book:
    """The times of an event, as they are given out. Made for one portion of guests, or for one of them.

    ``shown`` counts how often each was shown; ``newcomers``, by form, are those who come first and are still silent.
    """

    found: Sequence[EventSlot]
    out_of_hours: frozenset[int]
    shown: Counter[int] = field(default_factory=Counter[int])
    newcomers: Mapping[str, int] = field(default_factory=dict[str, int])

    def times(self, guest: EventGuest, form: str, *, most: int) -> list[EventSlot]:
        """The free times that a guest is shown, by the clock."""
        free = [one for one in self.found if slots.is_free(one) and slots.is_for(one, form) and not one.again]
        late = [one for one in free if (one.id or 0) in self.out_of_hours]
        early = [one for one in free if (one.id or 0) not in self.out_of_hours]
        if guest.newcomer:
            chosen = self._spread(late, most)
            chosen += self._spread(early, most - len(chosen))
        else:
            places = sum(most if one.capacity is None else one.capacity - one.taken for one in late)
            first = sum(count for form, count in self.newcomers.items() if any(slots.is_for(one, form) for one in late))
            chosen = self._spread([*early, *(late if places > first else [])], most)
        self.shown.update(one.id or 0 for one in chosen)
        return sorted(chosen, key=_by_clock)

    def _spread(self, some: Sequence[EventSlot], most: int) -> list[EventSlot]:
        """So many of them, those that were shown least; of as many as those, some from the whole evening."""
        chosen: list[EventSlot] = []
        for times in sorted({self.shown[one.id or 0] for one in some}):
            alike = sorted((one for one in some if self.shown[one.id or 0] == times), key=_by_clock)
            room = min(most - len(chosen), len(alike))
            chosen += [alike[int((place + 0.5) * len(alike) / room)] for place in range(room)]
        return chosen


def _by_clock(slot: EventSlot) -> tuple[datetime, str]:
    return slot.starts_at, slot.host


def of_times(guest: EventGuest, times: Sequence[EventSlot], *, timezone: ZoneInfo, tags: Sequence[str]) -> Offer:
    """A menu of times, then «none of them», then an interpreter for families who read another language."""
    several = len(slots.days(times, timezone)) > 1
    hosts = len({one.host for one in times}) > 1
    means: list[tuple[str, dict[str, str]]] = []
    for one in times:
        local = one.starts_at.astimezone(timezone).replace(tzinfo=None)
        label = {tag: formats.write(local if several else local.time(), tag) for tag in tags}
        if hosts:
            label = {tag: f"{words}, {one.host}" for tag, words in label.items()}
        means.append((f"{SLOT}{one.id}", label))
    means.append((NO_TIME, said(NO_TIME, tags)))
    return _numbered(guest, means, tags)


def of_coming(guest: EventGuest, definition: model.Definition, *, tags: Sequence[str]) -> Offer:
    """Coming or not; where the author has written answers of their own, those."""
    own = definition.replies.options
    if own and guest.keys == DIGITS:
        return Offer({one.key: one.means for one in own if one.means}, own)
    if own:  # somebody else has digits on the same phone
        if len(own) > guest.keys:
            return Offer()
        keyed = [one.model_copy(update={"key": str(guest.first_key + place)}) for place, one in enumerate(own)]
        return Offer({one.key: one.means for one in keyed if one.means}, keyed)
    return _numbered(guest, [(COMING, said(COMING, tags)), (NOT_COMING, said(NOT_COMING, tags))], tags)


def _numbered(guest: EventGuest, means: list[tuple[str, dict[str, str]]], tags: Sequence[str]) -> Offer:
    if len(means) > guest.keys:
        return Offer()
    if any(tag != languages.ENGLISH for tag in tags) and len(means) < guest.keys:
        means = [*means, (INTERPRETER, said(INTERPRETER, tags))]
    keyed = [(str(guest.first_key + place), what, label) for place, (what, label) in enumerate(means)]
    return Offer({key: what for key, what, _ in keyed}, [model.Option(key=key, label=label) for key, _, label in keyed])


def most_times(guest: EventGuest) -> int:
    """How many times its digits leave room for, beside «none of them»."""
    return max(0, min(_MOST_TIMES, guest.keys - 1))


def said(what: str, tags: Sequence[str]) -> dict[str, str]:
    """The words of an answer in these languages, English for those that we do not write."""
    if what in (COMING, NOT_COMING):
        notice = library.notice(_INVITATION)
        [answer] = [one for one in notice.answers if one.code == what]
        return {tag: translations.put(notice.answer_source(answer), language=tag) for tag in tags}
    return {tag: phrases.event(what, tag) for tag in tags}


def tags_of(written: Sequence[str]) -> list[str]:
    """The languages in which a menu is made: those of the household, and English."""
    known = [found for tag in written if tag and (found := languages.match(tag))]
    return sorted({languages.ENGLISH, *known})


def asks(definition: model.Definition) -> bool:
    """Whether families are asked to answer at all."""
    details = definition.event
    notice = library.notices().get(definition.template)
    with_places = details is not None and bool(details.sessions or details.capacity)
    return bool(with_places or definition.replies.expected or definition.replies.options or (notice and notice.answers))


def steps_of(definition: model.Definition) -> list[model.Step]:
    """Every medium of a definition, but a call only for whom nothing else has reached: a second word is no alarm."""
    media = list(dict.fromkeys(medium for step in definition.steps for medium in step.media))
    written = [medium for medium in media if medium is not Medium.VOICE]
    if not written or len(written) == len(media):
        return [model.Step(media=media)]
    return [model.Step(media=written), model.Step(media=[Medium.VOICE], after=_CALL_AFTER)]
