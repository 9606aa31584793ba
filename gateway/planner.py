"""From a notice to messages: everybody in the audience gets a row, with words or with the reason why not.

:mod:`gateway.sorting` says who hears by which phone or mailbox; here the rows are written out, with words, sender,
cost and times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from channels.base import Medium
from gateway import guard, people, routing, sorting, tongues, wording, zero
from gateway.audience import Audience
from gateway.definitions import model
from gateway.models import MessageState, Purpose
from gateway.preferences import arranging
from scheduler import calendar
from scheduler.quiet import QuietHours

#: What a row says of its hour.
QUIET_WAITS = "Waits for the end of the quiet hours."
QUIET_PASSED = "Passes the quiet hours: it cannot wait."


@dataclass(frozen=True, slots=True)
class Means:
    """What planning needs beside the people: words, prices, ways out, ids, and the unsubscribe address."""

    composer: wording.Composer
    costs: wording.Costs
    router: routing.Router
    new_id: Callable[[], str]
    timezone: ZoneInfo
    unsubscribe_url: Callable[[str], str]
    quiet: QuietHours | None = None
    files: bool = False  #: something goes along with the emails


class Row(NamedTuple):  # not the ORM's object: it would cost as much as the words of the message
    """What becomes a row of :class:`gateway.models.Message`; the fields are its columns, its own ones first.

    From ``medium`` on they are those of all rows of one step by one medium.
    """

    id: str
    contact_id: int | None
    contact_point_id: int | None
    sender_id: int | None
    address: str
    slot: str
    language: str
    words_state: str
    subject: str
    body: str
    script: dict[str, str] | None
    keys: str
    parts: int
    pence: float
    state: MessageState
    reason: str
    reason_text: str
    remark: str
    medium: Medium
    step: int
    purpose: Purpose
    priority: int
    due_at: datetime
    not_after: datetime | None
    only_if: str
    created_at: datetime
    changed_at: datetime


class Planned(NamedTuple):
    """A message row and the pupils it is about.

    ``wanted`` is the language the family reads or hears, ``saved`` the parts saved by writing it without accents,
    ``added`` those of the line in that language below English words.
    """

    message: Row
    pupil_ids: Sequence[int]
    wanted: str = ""
    saved: int = 0
    added: int = 0


class _Common(NamedTuple):
    """What the rows of one step by one medium have in common: the last fields of :class:`Row`."""

    medium: Medium
    step: int
    purpose: Purpose
    priority: int
    due_at: datetime
    not_after: datetime | None
    only_if: str
    created_at: datetime
    changed_at: datetime


class _Said(NamedTuple):
    """Words for one or more contacts, with what follows from them: what is asked for, the price, whether they go."""

    composed: wording.Composed
    pence: float
    ask: routing.Ask
    state: MessageState
    reason: str


@dataclass(slots=True)
class _Rung:
    """One step by one medium: what its rows share, and what was put into words already: both parents of a child mostly
    get the same ones.
    """

    means: Means
    common: _Common
    state: MessageState
    remark: str
    _said: dict[tuple[int, tuple[str, ...], str, str, str], _Said] = field(default_factory=dict)
    _wordings: dict[tuple[str, str, str], wording.Wording] = field(default_factory=dict)

    def words(self, contact: people.Adult) -> wording.Wording:
        """The words in the first of a contact's languages that there are any in.

        Raises :class:`errors.BadDefinition`.
        """
        key = (contact.written_language, contact.spoken_language, contact.further_languages)
        found = self._wordings.get(key)
        if found is None:
            school = self.means.composer.school
            chain = tongues.chain(self.common.medium, contact, school.language, school.instead)
            found = self._wordings[key] = self.means.composer.wording(self.common.medium, chain)
        return found

    def say(
        self,
        words: wording.Wording,
        children: tuple[str, ...],
        contact: people.Adult,
        *,
        unsubscribe_url: str,
        likely: str,
    ) -> _Said:
        """These words for one contact. ``likely`` is a language that a call may be changed to, ``""`` for none.

        Raises :class:`errors.BadDefinition`.
        """
        recipient = contact.full_name if words.greets else ""
        key = (id(words), children, recipient, unsubscribe_url, likely)
        said = self._said.get(key)
        if said is None:
            composed = words.compose(children, recipient=recipient, unsubscribe_url=unsubscribe_url)
            if self.common.medium is Medium.VOICE:
                composed = zero.offer(self.means.composer, composed, children, recipient=recipient, likely=likely)
            said = self._said[key] = self._weighed(composed)
        return said

    def _weighed(self, composed: wording.Composed) -> _Said:
        medium = self.common.medium
        ask = routing.Ask(
            medium,
            composed.text,
            composed.parts if medium is Medium.SMS else 1,
            answered=bool(composed.keys),
            urgent=self.common.purpose.urgent,
            files=self.means.files,
        )
        if not self.means.router.senders.get(medium):
            return _Said(composed, 0.0, ask, MessageState.SKIPPED, "no_sender")
        pence = self.means.costs.of(medium, parts=composed.parts, characters=len(composed.text))
        if medium is Medium.SMS and composed.parts > guard.MOST_PARTS:
            return _Said(composed, pence, ask, MessageState.SKIPPED, "too_long")
        return _Said(composed, pence, ask, self.state, "")


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
    purpose, asked = definition.purpose, _asked(fire_at, now)
    times = when(definition, fire_at=fire_at, now=now, quiet=means.quiet, timezone=means.timezone)
    further = guard.NOT_ANSWERED if definition.stop_when == "answered" else guard.NOT_REACHED
    rungs = dict[tuple[int, Medium], _Rung]()

    def rung(step: int, medium: Medium) -> _Rung:
        found = rungs.get((step, medium))
        if found is None:
            due_at, only_if = times.dues[step], further if step else ""
            common = _Common(medium, step, purpose, purpose.priority, due_at, times.ends, only_if, now, now)
            state = MessageState.HELD if held else MessageState.QUEUED
            remark = _waits(purpose, asked + _waited(definition, step), due_at, means)
            found = rungs[step, medium] = _Rung(means, common, state, remark)
        return found

    rows = [_planned(draft, known, means, rung(draft.step, draft.medium)) for draft in sorted_out.drafts.values()]
    for silence in sorted_out.silences:
        step, medium = silence.step, silence.medium
        common = _Common(medium, step, purpose, purpose.priority, fire_at, None, "", now, now)
        rows.append(_silent(silence, means, common))
    return rows


def _planned(draft: sorting.Draft, known: people.People, means: Means, rung: _Rung) -> Planned:
    message_id, contact, point, common = means.new_id(), draft.contact, draft.point, rung.common
    ready = rung.words(contact)
    link = common.medium is Medium.EMAIL and not common.purpose.mandatory
    said = rung.say(
        ready,
        _called(draft.pupil_ids, known),
        contact,
        unsubscribe_url=means.unsubscribe_url(message_id) if link else "",
        likely=_likely(contact, draft.pupil_ids, known) if common.medium is Medium.VOICE else "",
    )
    words, reason = said.composed, said.reason
    sender_id, pence = _way(said, point.address, means)
    if draft.due_at is not None and not reason:
        common = common._replace(due_at=max(draft.due_at, common.due_at))
        sender_id = None if draft.digest else sender_id
    message = Row(
        message_id, contact.id, point.id, sender_id, point.address, draft.slot,
        words.language, words.state, words.subject, words.text, words.script, words.keys, words.parts, pence,
        said.state, reason, guard.REASONS[reason] if reason else "", draft.remark or rung.remark, *common,
    )  # fmt: skip
    return Planned(message, draft.pupil_ids, ready.wanted, words.saved, words.added)


def _silent(silence: sorting.Silence, means: Means, common: _Common) -> Planned:
    message = Row(
        means.new_id(), silence.contact_id, None, None, silence.address, silence.slot,
        "", "", "", "", None, "", 0, 0.0,
        MessageState.SKIPPED, silence.reason, guard.REASONS[silence.reason], "", *common,
    )  # fmt: skip
    return Planned(message, silence.pupil_ids)


def _called(pupil_ids: Sequence[int], known: people.People) -> tuple[str, ...]:
    """The names of children, eldest first, as families do; twins keep the order of the roll."""
    if len(pupil_ids) == 1:
        return (known.pupils[pupil_ids[0]].called,)
    children = sorted([known.pupils[pupil_id] for pupil_id in pupil_ids], key=_eldest)
    return tuple([child.called for child in children])


def _likely(contact: people.Adult, pupil_ids: Sequence[int], known: people.People) -> str:
    """A language that something suggests for a contact of whom none is on file, ``""`` for none."""
    if contact.spoken_language or contact.written_language:
        return contact.likely_language
    homes = {known.pupils[pupil_id].home_language for pupil_id in pupil_ids}
    return contact.likely_language or (homes.pop() if len(homes) == 1 else "")


def _eldest(child: people.Child) -> tuple[date, int]:
    return (child.born or date.max, child.id)


def _way(said: _Said, address: str, means: Means) -> tuple[int | None, float]:
    """As whom it goes, and what that costs."""
    choice = means.router.lone(said.ask) or means.router.choose(said.ask, address)
    sender = routing.same_for(choice.senders, address)
    if sender is None:
        return None, said.pence
    if not said.reason:
        means.router.take(sender, said.ask.parts)
    return sender.id, said.pence if choice.pence is None else choice.pence


def _waited(definition: model.Definition, step: int) -> timedelta:
    return sum((rung.after for rung in definition.steps[: step + 1]), timedelta(0))


def when(
    definition: model.Definition, *, fire_at: datetime, now: datetime, quiet: QuietHours | None, timezone: ZoneInfo
) -> arranging.When:
    """When the steps of a run are due, and when it is over."""
    begins = leaves(definition, _asked(fire_at, now), quiet=quiet, timezone=timezone)
    steps = [begins + _waited(definition, step) for step in range(len(definition.steps))]
    dues = [leaves(definition, step, quiet=quiet, timezone=timezone) for step in steps]
    return arranging.When(dues, not_after(definition, fire_at, timezone, begins=begins))


def _asked(fire_at: datetime, now: datetime) -> datetime:
    # By the minute, so that what many portions of a run write is due at few moments: a release goes through them.
    return max(fire_at, now.replace(second=0, microsecond=0))


def _waits(purpose: Purpose, wished: datetime, due_at: datetime, means: Means) -> str:
    """What a row says of its hour, ``""`` where there is nothing to say."""
    if means.quiet is None or not means.quiet.is_quiet(local(wished, means.timezone)):
        return ""
    return QUIET_PASSED if purpose.urgent else QUIET_WAITS


def leaves(definition: model.Definition, wished: datetime, *, quiet: QuietHours | None, timezone: ZoneInfo) -> datetime:
    """When something that is wished for at a moment may leave: out of quiet hours, and not before its own time of day.

    What is urgent is held back by its own time of day alone.
    """
    found = wished
    if quiet is not None and not definition.purpose.urgent:
        found = quiet.next_allowed(wished, timezone)
    if definition.valid.not_before:
        opens = datetime.combine(local(found, timezone).date(), definition.valid.not_before)
        found = max(found, calendar.to_utc(opens, timezone))
    return found


def local(at: datetime, timezone: ZoneInfo) -> datetime:
    """The school's own time of a moment, without a zone."""
    return at.astimezone(timezone).replace(tzinfo=None)


def not_after(
    definition: model.Definition, fire_at: datetime, timezone: ZoneInfo, *, begins: datetime | None = None
) -> datetime | None:
    """The moment after which the notice is no longer worth saying; that of an event, until it begins.

    ``begins`` is when its first messages may leave, where that is later than it fires.
    """
    ends = [fire_at + definition.valid.for_] if definition.valid.for_ else []
    if definition.valid.not_after:
        closes = datetime.combine(local(begins or fire_at, timezone).date(), definition.valid.not_after)
        ends.append(calendar.to_utc(closes, timezone))
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
