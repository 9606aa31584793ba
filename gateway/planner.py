"""From a notice to messages: everybody in the audience gets a row, with words or with the reason why not.

One text per phone, naming every child it is about: contacts who share a phone are merged, and a child is left out of
every phone and mailbox that also belongs to somebody who is barred from that child.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from channels.base import Medium
from config import identity
from gateway import guard, people, reach, wording
from gateway.audience import Audience, Listener
from gateway.definitions import model
from gateway.models import Contact, ContactPoint, Message, MessageState, Pupil, Purpose, Sender
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


@dataclass(slots=True)
class Draft:
    """A message in the making: one phone or mailbox at one step, and the pupils it is about."""

    step: int
    medium: Medium
    contact: Contact
    point: ContactPoint
    pupil_ids: list[int]


@dataclass(slots=True)
class Silence:
    """Somebody who gets nothing by one medium at one step, and why."""

    step: int
    medium: Medium
    contact_id: int | None
    pupil_ids: Sequence[int]
    reason: str
    address: str = ""  #: of the phone or mailbox that tells them together with another contact


@dataclass(frozen=True, slots=True)
class Planned:
    """A message row and the pupils it is about. ``wanted`` is the language the family reads or hears."""

    message: Message
    pupil_ids: Sequence[int]
    wanted: str = ""
    state: str = ""


@dataclass(slots=True)
class _Sorting:
    drafts: dict[tuple[int, Medium, str], Draft] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)


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
    sorting = _sort(definition, audience)
    rows = [
        _planned(draft, definition, audience.people, means, fire_at=fire_at, now=now, held=held)
        for draft in sorting.drafts.values()
    ]
    rows += [_silent(silence, definition, means, fire_at=fire_at, now=now) for silence in sorting.silences]
    return rows


def _sort(definition: model.Definition, audience: Audience) -> _Sorting:
    """Choose a phone or mailbox for every listener, step and medium, and merge those who share one."""
    sorting = _Sorting()
    for step, rung in enumerate(definition.steps):
        for medium in rung.media:
            for listener in audience.listeners:
                _place(sorting, listener, audience.people, step=step, medium=medium, purpose=definition.purpose)
    return sorting


def _place(
    sorting: _Sorting, listener: Listener, known: people.People, *, step: int, medium: Medium, purpose: Purpose
) -> None:
    def silent(reason: str, pupil_ids: Sequence[int], address: str = "") -> None:
        sorting.silences.append(Silence(step, medium, listener.contact_id, pupil_ids, reason, address))

    if listener.reason or listener.contact_id is None:
        silent(listener.reason or "nobody", listener.pupil_ids)
        return
    if purpose.needs_consent and not known.contacts[listener.contact_id].marketing_consent:
        silent("no_consent", listener.pupil_ids)
        return
    ways = reach.ways(known, listener.contact_id, listener.pupil_ids, medium=medium, mandatory=purpose.mandatory)
    for point, pupil_ids in ways.found:
        draft = sorting.drafts.get((step, medium, point.address))
        if draft is None:
            contact = known.contacts[listener.contact_id]
            sorting.drafts[step, medium, point.address] = Draft(step, medium, contact, point, list(pupil_ids))
        else:
            draft.pupil_ids += [pupil_id for pupil_id in pupil_ids if pupil_id not in draft.pupil_ids]
            silent("merged", pupil_ids, point.address)
    if ways.left_out:
        silent(ways.reason, ways.left_out)


def _planned(
    draft: Draft,
    definition: model.Definition,
    known: people.People,
    means: Means,
    *,
    fire_at: datetime,
    now: datetime,
    held: bool,
) -> Planned:
    message_id = means.new_id()
    contact, medium = draft.contact, draft.medium
    wanted = _language(contact, medium, means.composer.school.language)
    mandatory = definition.purpose.mandatory
    composed = means.composer.compose(
        medium,
        wanted,
        children=[
            known.pupils[pupil_id].called
            for pupil_id in sorted(draft.pupil_ids, key=lambda p: _eldest(known.pupils[p]))
        ],
        recipient=contact.full_name,
        unsubscribe_url="" if mandatory or medium is not Medium.EMAIL else means.unsubscribe_url(message_id),
    )
    sender = _sender(means.senders.get(medium, ()), draft.point.address, answered=bool(composed.keys))
    state, reason = (MessageState.HELD if held else MessageState.QUEUED), ""
    if sender is None:
        state, reason = MessageState.SKIPPED, "no_sender"
    elif medium is Medium.SMS and composed.parts > guard.MOST_PARTS:
        state, reason = MessageState.SKIPPED, "too_long"
    message = Message(
        id=message_id,
        contact_id=contact.id,
        contact_point_id=draft.point.id,
        sender_id=sender.id if sender else None,
        medium=medium,
        address=draft.point.address,
        slot=f"{medium}:{draft.point.address}:{draft.step}",
        step=draft.step,
        purpose=definition.purpose,
        priority=definition.purpose.priority,
        language=composed.language,
        subject=composed.subject,
        body=composed.text,
        script=composed.script,
        keys=composed.keys,
        parts=composed.parts,
        pence=means.costs.of(medium, parts=composed.parts, characters=len(composed.text)) if sender else 0.0,
        state=state,
        reason=reason,
        reason_text=guard.REASONS.get(reason, ""),
        due_at=max(fire_at, now) + _waited(definition, draft.step),
        not_after=not_after(definition, fire_at, means.timezone),
        only_if=""
        if draft.step == 0
        else guard.NOT_ANSWERED
        if definition.stop_when == "answered"
        else guard.NOT_REACHED,
        created_at=now,
        changed_at=now,
    )
    return Planned(message, draft.pupil_ids, wanted, composed.state)


def _silent(
    silence: Silence, definition: model.Definition, means: Means, *, fire_at: datetime, now: datetime
) -> Planned:
    who = f"contact:{silence.contact_id}" if silence.contact_id is not None else f"pupil:{silence.pupil_ids[0]}"
    message = Message(
        id=means.new_id(),
        contact_id=silence.contact_id,
        medium=silence.medium,
        address=silence.address,
        slot=f"{who}:{silence.medium}:{silence.step}:{silence.reason}{silence.address}",
        step=silence.step,
        purpose=definition.purpose,
        priority=definition.purpose.priority,
        state=MessageState.SKIPPED,
        reason=silence.reason,
        reason_text=guard.REASONS[silence.reason],
        due_at=fire_at,
        parts=0,
        created_at=now,
        changed_at=now,
    )
    return Planned(message, silence.pupil_ids)


def _language(contact: Contact, medium: Medium, default: str) -> str:
    spoken = contact.spoken_language if medium is Medium.VOICE else ""
    return spoken or contact.written_language or default


def _eldest(pupil: Pupil) -> tuple[str, int]:
    """Children are named eldest first, as families do; twins keep the order of the roll."""
    return (pupil.born.isoformat() if pupil.born else "9999", pupil.id or 0)


def _sender(senders: Sequence[Sender], address: str, *, answered: bool) -> Sender | None:
    """The same sender for the same family, so that a conversation stays on one number.

    What is to be answered does not come from a name where there is a number.
    """
    if answered:
        numbers = [sender for sender in senders if sender.medium is Medium.SMS and not identity.is_name(sender.address)]
        senders = numbers or senders
    return senders[zlib.crc32(address.encode()) % len(senders)] if senders else None


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
