"""From a notice to messages: everybody in the audience gets a row, with words or with the reason why not.

:mod:`gateway.sorting` says who hears by which phone or mailbox; here the rows are written out, with words, sender,
cost and times.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from channels.base import Medium
from config import identity
from gateway import guard, people, sorting, wording
from gateway.audience import Audience
from gateway.definitions import model
from gateway.models import MessageState, Purpose, Sender
from scheduler import calendar


@dataclass(frozen=True, slots=True)
class Means:
    """What planning needs beside the people: words, prices, senders by medium, ids, and the unsubscribe address."""

    composer: wording.Composer
    costs: wording.Costs
    senders: Mapping[Medium, Sequence[Sender]]
    new_id: Callable[[], str]
    timezone: ZoneInfo
    unsubscribe_url: Callable[[str], str]


class Row(NamedTuple):  # not the ORM's object: it would cost as much as the words of the message
    """What becomes a row of :class:`gateway.models.Message`; the fields are its columns."""

    id: str
    contact_id: int | None
    medium: Medium
    address: str
    slot: str
    step: int
    purpose: Purpose
    priority: int
    state: MessageState
    due_at: datetime
    created_at: datetime
    changed_at: datetime
    reason: str = ""
    reason_text: str = ""
    parts: int = 0
    contact_point_id: int | None = None
    sender_id: int | None = None
    language: str = ""
    subject: str = ""
    body: str = ""
    script: dict[str, str] | None = None
    keys: str = ""
    pence: float = 0.0
    not_after: datetime | None = None
    only_if: str = ""


class Planned(NamedTuple):
    """A message row and the pupils it is about. ``wanted`` is the language the family reads or hears."""

    message: Row
    pupil_ids: Sequence[int]
    wanted: str = ""
    state: str = ""


@dataclass(slots=True)
class _Words:
    """What was put into words already: both parents of a child mostly get the same ones."""

    composer: wording.Composer
    _made: dict[tuple[Medium, str, tuple[str, ...], str, str], wording.Composed] = field(default_factory=dict)

    def of(
        self, medium: Medium, language: str, children: tuple[str, ...], contact: people.Adult, unsubscribe_url: str
    ) -> wording.Composed:
        """The words for one contact. Raises :class:`errors.BadDefinition`."""
        recipient = contact.full_name if self.composer.greets(medium, language) else ""
        key = (medium, language, children, recipient, unsubscribe_url)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self.composer.compose(
                medium, language, children=children, recipient=recipient, unsubscribe_url=unsubscribe_url
            )
        return made


@dataclass(frozen=True, slots=True)
class _Common:
    """What the rows of one step have in common."""

    purpose: Purpose
    priority: int
    mandatory: bool
    state: MessageState
    due_at: datetime
    not_after: datetime | None
    only_if: str


def plan(
    definition: model.Definition,
    audience: Audience,
    means: Means,
    *,
    fire_at: datetime,
    now: datetime,
    held: bool = False,
) -> list[Planned]:
    """Plan every message of one run; writes nothing.

    Raises :class:`errors.BadDefinition` when the words cannot be made.
    """
    sorted_out = sorting.sort(definition, audience)
    return write(sorted_out, definition, audience.people, means, fire_at=fire_at, now=now, held=held)


def write(
    sorted_out: sorting.Sorting,
    definition: model.Definition,
    known: people.People,
    means: Means,
    *,
    fire_at: datetime,
    now: datetime,
    held: bool = False,
) -> list[Planned]:
    """Make rows of what was sorted, with the words; writes nothing to the database.

    Raises :class:`errors.BadDefinition` when the words cannot be made.
    """
    ends = not_after(definition, fire_at, means.timezone)
    further = guard.NOT_ANSWERED if definition.stop_when == "answered" else guard.NOT_REACHED
    purpose, state = definition.purpose, MessageState.HELD if held else MessageState.QUEUED
    # By the minute, so that what many parts of a run write is due at few moments: a release goes through them.
    begins = max(fire_at, now.replace(second=0, microsecond=0))
    steps = [
        _Common(
            purpose, purpose.priority, purpose.mandatory, state,
            begins + _waited(definition, step), ends, further if step else "",
        )
        for step in range(len(definition.steps))
    ]  # fmt: skip
    words = _Words(means.composer)
    rows = [
        _planned(draft, known, means, words, common=steps[draft.step], now=now) for draft in sorted_out.drafts.values()
    ]
    return rows + [_silent(silence, definition, means, fire_at=fire_at, now=now) for silence in sorted_out.silences]


def _planned(
    draft: sorting.Draft, known: people.People, means: Means, words: _Words, *, common: _Common, now: datetime
) -> Planned:
    message_id = means.new_id()
    contact, medium, address = draft.contact, draft.medium, draft.point.address
    wanted = language(medium, contact.written_language, contact.spoken_language, means.composer.school.language)
    children = [known.pupils[pupil_id] for pupil_id in draft.pupil_ids]
    if len(children) > 1:
        children.sort(key=_eldest)
    url = "" if medium is not Medium.EMAIL or common.mandatory else means.unsubscribe_url(message_id)
    composed = words.of(medium, wanted, tuple([child.called for child in children]), contact, url)
    sender = _sender(means.senders.get(medium, ()), address, answered=bool(composed.keys))
    state, reason = common.state, ""
    if sender is None:
        state, reason = MessageState.SKIPPED, "no_sender"
    elif medium is Medium.SMS and composed.parts > guard.MOST_PARTS:
        state, reason = MessageState.SKIPPED, "too_long"
    message = Row(
        id=message_id,
        contact_id=contact.id,
        contact_point_id=draft.point.id,
        sender_id=sender.id if sender else None,
        medium=medium,
        address=address,
        slot=draft.slot,
        step=draft.step,
        purpose=common.purpose,
        priority=common.priority,
        language=composed.language,
        subject=composed.subject,
        body=composed.text,
        script=composed.script,
        keys=composed.keys,
        parts=composed.parts,
        pence=means.costs.of(medium, parts=composed.parts, characters=len(composed.text)) if sender else 0.0,
        state=state,
        reason=reason,
        reason_text=guard.REASONS[reason] if reason else "",
        due_at=common.due_at,
        not_after=common.not_after,
        only_if=common.only_if,
        created_at=now,
        changed_at=now,
    )
    return Planned(message, draft.pupil_ids, wanted, composed.state)


def _silent(
    silence: sorting.Silence, definition: model.Definition, means: Means, *, fire_at: datetime, now: datetime
) -> Planned:
    message = Row(
        id=means.new_id(),
        contact_id=silence.contact_id,
        medium=silence.medium,
        address=silence.address,
        slot=silence.slot,
        step=silence.step,
        purpose=definition.purpose,
        priority=definition.purpose.priority,
        state=MessageState.SKIPPED,
        reason=silence.reason,
        reason_text=guard.REASONS[silence.reason],
        due_at=fire_at,
        created_at=now,
        changed_at=now,
    )
    return Planned(message, silence.pupil_ids)


def language(medium: Medium, written: str, spoken: str, default: str) -> str:
    """The language that somebody wants a medium in: calls in the spoken one, where there is one."""
    return (spoken if medium is Medium.VOICE else "") or written or default


def _eldest(child: people.Child) -> tuple[date, int]:
    """Children are named eldest first, as families do; twins keep the order of the roll."""
    return (child.born or date.max, child.id)


def _sender(senders: Sequence[Sender], address: str, *, answered: bool) -> Sender | None:
    """The same sender for the same family, so that a conversation stays on one number.

    What is to be answered does not come from a name where there is a number.
    """
    if answered:
        numbers = [sender for sender in senders if sender.medium is Medium.SMS and not identity.is_name(sender.address)]
        senders = numbers or senders
    if len(senders) < 2:
        return senders[0] if senders else None
    return senders[zlib.crc32(address.encode()) % len(senders)]


def _waited(definition: model.Definition, step: int) -> timedelta:
    return sum((rung.after for rung in definition.steps[: step + 1]), timedelta(0))


def not_after(definition: model.Definition, fire_at: datetime, timezone: ZoneInfo) -> datetime | None:
    """The moment after which the notice is no longer worth saying; that of an event, until it begins."""
    ends = [fire_at + definition.valid.for_] if definition.valid.for_ else []
    if definition.valid.until:
        ends.append(moment(definition.valid.until, timezone))
    if definition.event and not ends:
        # An invitation or a reminder; what is said later is of how it went.
        begins = moment(definition.event.starts, timezone)
        ends += [begins] if fire_at < begins else []
    return min(ends, default=None)


def moment(written: datetime, timezone: ZoneInfo) -> datetime:
    """The moment that a date and time in a definition means: local wall time, unless it names its own zone."""
    return written.astimezone(UTC) if written.tzinfo else calendar.to_utc(written, timezone)
