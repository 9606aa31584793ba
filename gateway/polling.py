"""Looks at the providers' lists: the only way in where nobody can call us back, else they catch what was missed.

Two kinds of stream, one row of ``Watermark`` each. ``inbound …`` is what people sent to one of our numbers: it is read
back to the watermark and a little further, and the watermark moves in the transaction that stores the last of it. A
look that stops half-way stores nothing, so that STOP and START are always taken in the order in which they were sent.
``statuses`` is what became of our messages: as long as one is open it is asked about, at every look while it is young,
then ever more rarely; the watermark says up to when everybody's turn has come.

Events have the ids that webhooks give them, so neither an overlap nor a change between both ways takes one twice.
Several processes share one plan (``due_at``); two that look at once do no harm, as a watermark never goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from channels.base import CouldNotLook, Event, Pending, Polled, Reply
from gateway import context, guard, intake, upsert
from gateway.database import Session
from gateway.models import Attempt, Inbound, Message, MessageState, Sender, Watermark
from gateway.models.types import core

logger = structlog.get_logger()

STATUSES = "statuses"
#: How far the first look at a number goes back: what came while an older version, or none, was running.
FIRST_LOOK = timedelta(hours=24)
#: How long a message is asked about. Networks give their last word within hours; some give none at all.
FOLLOWED = timedelta(days=3)
#: Until this age a message is asked about at every look, then when it is twice, four times, eight times as old …
YOUNG = timedelta(minutes=15)
#: After so long without a whole look it is no hiccup any more.
TROUBLED = timedelta(minutes=15)
_AT_ONCE = 200  #: so many older messages are asked about in one look; the others in the next, which follows at once
_IN_ONE_COMMIT = 200
_LEASE = timedelta(minutes=5)  #: a look that has said nothing for so long is taken over by another process
_LONGEST_PAUSE = timedelta(minutes=15)  #: between two tries, whatever failed
_LONGEST_WAIT = timedelta(hours=1)  #: that a provider may ask for
_MANY_FAILURES = 5

watermark_table = core(Watermark)


@dataclass(frozen=True, slots=True)
class Stream:
    """One list of one channel."""

    channel: str
    wire: Polled
    name: str

    @property
    def shown(self) -> str:
        """Its name as it may be logged: without a whole number."""
        kind, _, number = self.name.partition(" ")
        return f"{kind} …{number[-4:]}" if number else kind


def pause(gateway: context.Gateway) -> timedelta | None:
    """How long we wait between two looks; None where none are made."""
    twilio = gateway.settings.twilio
    seconds = twilio.look_every_s(called_back=bool(gateway.public_url))
    return None if seconds is None else timedelta(seconds=seconds)


def streams(gateway: context.Gateway) -> list[Stream]:
    """Every stream of every channel that can be asked."""
    return [
        Stream(name, channel, stream)
        for name, channel in gateway.channels.items()
        if isinstance(channel, Polled)
        for stream in (*channel.streams(), STATUSES)
    ]


class Looks:
    """The looks at one stream: :meth:`tick` is called often, and looks when it is time.

    ``arrived`` is told when something new was stored, ``turned`` of every page. The first tick of a process always
    looks: what is written about the next look may be another mode's, or that of a process which was killed in it.
    """

    def __init__(
        self,
        gateway: context.Gateway,
        stream: Stream,
        pause: timedelta,
        *,
        arrived: Callable[[], None],
        turned: Callable[[], None],
    ) -> None:
        self._gateway, self._stream, self._pause = gateway, stream, pause
        self._arrived, self._turned = arrived, turned
        #: From then on this process looks whatever the plan says; None while it follows the plan.
        self._anyway_from: datetime | None = gateway.now()

    async def tick(self) -> None:
        """Look, if it is time."""
        mark = await self._claim()
        if mark is None:
            return
        counted = self._gateway.metrics.looks
        try:
            more = await (self._follow(mark) if self._stream.name == STATUSES else self._read(mark))
        except CouldNotLook as why:
            counted.labels(self._stream.channel, "failed").inc()
            await self._note_failure(mark, why)
        else:
            counted.labels(self._stream.channel, "whole").inc()
            wait = timedelta(0) if more else self._pause
            now = self._gateway.now()
            await self._note(mark, due_at=now + wait, looked_at=now, failures=0, trouble="")
        self._anyway_from = None

    async def _claim(self) -> Watermark | None:
        """Take this look, unless it is not due or another process has it."""
        now, key = self._gateway.now(), (self._stream.channel, self._stream.name)
        query = select(Watermark).where(Watermark.channel == key[0], Watermark.stream == key[1])
        async with self._gateway.database.read() as session:
            mark = (await session.scalars(query)).one_or_none()
        anyway = self._anyway_from is not None and self._anyway_from <= now
        # One that is due in more than the longest pause was noted by a clock that has been set back since.
        if mark is not None and now < mark.due_at <= now + max(_LONGEST_WAIT, self._pause) and not anyway:
            return None
        async with self._gateway.database.write() as session:
            if mark is None:
                since = await _beginning(session, self._stream, now=now)
                row = {"channel": key[0], "stream": key[1], "since": since, "due_at": now, "failures": 0, "trouble": ""}
                await upsert.insert(session, watermark_table, [row], key=("channel", "stream"))
                mark = (await session.scalars(query)).one()
            taken = sa.update(Watermark).where(col(Watermark.id) == mark.id, col(Watermark.due_at) == mark.due_at)
            won = await session.execute(taken.values(due_at=now + _LEASE).returning(col(Watermark.id)))
            if won.first() is None:
                self._anyway_from = None
                return None
        # Should the database fail us in this look, it cannot be told either, and our lease would put the next one off.
        self._anyway_from = now + min(self._pause, _LEASE)
        return mark

    async def _read(self, mark: Watermark) -> bool:
        """Read what people sent. Raises :class:`CouldNotLook`, and then nothing is stored."""
        since, events = mark.since, list[Event]()
        pages = self._stream.wire.look(self._stream.name, mark.since, now=self._gateway.now())
        async with aclosing(pages):
            async for page in pages:
                self._turned()
                since = page.since
                events.extend(event for event in page.events if not self._is_for_another_school(event))
        events.reverse()  # lists have the newest first, and their dates are whole seconds
        await self._store(mark, sorted(events, key=lambda event: event.at), since)
        return False

    def _is_for_another_school(self, event: Event) -> bool:
        """Whether it came for a number of another school of the trust, with which we share the account of a list."""
        return isinstance(event, Reply) and event.to in self._gateway.elsewhere

    async def _follow(self, mark: Watermark) -> bool:
        """Ask what became of our messages. True when there are more whose turn it is."""
        now = self._gateway.now()
        async with self._gateway.database.read() as session:
            pending = await _open(session, self._stream.channel, now=now)
        asked, until = turns(pending, since=mark.since, now=now)
        if asked:
            pages = self._stream.wire.follow(asked, now=now)
            async with aclosing(pages):
                async for receipts in pages:
                    self._turned()
                    await self._store(mark, receipts, mark.since)
        await self._store(mark, (), until)
        return until < now

    async def _store(self, mark: Watermark, events: Sequence[Event], since: datetime) -> None:
        """Store what is new, oldest first; the watermark moves with the last of it."""
        for start in range(0, max(1, len(events)), _IN_ONE_COMMIT):
            part = events[start : start + _IN_ONE_COMMIT]
            last = start + _IN_ONE_COMMIT >= len(events)
            async with self._gateway.database.write() as session:
                fresh = await _unknown(session, self._stream.channel, part)
                await intake.store(session, self._stream.channel, fresh, now=self._gateway.now())
                if last and since > mark.since:
                    forward = sa.update(Watermark).where(col(Watermark.id) == mark.id, col(Watermark.since) < since)
                    await session.execute(forward.values(since=since))
            self._turned()
            if fresh:
                self._gateway.metrics.looked_up.labels(self._stream.channel).inc(len(fresh))
                self._arrived()

    async def _note(self, mark: Watermark, **values: object) -> None:
        async with self._gateway.database.write() as session:
            await session.execute(sa.update(Watermark).where(col(Watermark.id) == mark.id).values(**values))

    async def _note_failure(self, mark: Watermark, why: CouldNotLook) -> None:
        doubled = self._pause * 2 ** min(mark.failures, 10)
        asked = min(timedelta(seconds=why.wait or 0), _LONGEST_WAIT)
        wait = max(asked, min(doubled, max(_LONGEST_PAUSE, self._pause)))
        failures = mark.failures + 1
        logger.warning(
            "polling.failed",
            channel=self._stream.channel,
            stream=self._stream.shown,
            why=str(why),
            failures=failures,
            again_in=wait.total_seconds(),
        )
        await self._note(mark, due_at=self._gateway.now() + wait, failures=failures, trouble=str(why))


async def _beginning(session: Session, stream: Stream, *, now: datetime) -> datetime:
    """Where a stream that was never read begins: a day ago, or with our oldest message that is still open."""
    if stream.name == STATUSES:
        return now - FOLLOWED
    return min([now - FIRST_LOOK, *(one.since for one in await _open(session, stream.channel, now=now))])


async def _open(session: Session, channel: str, *, now: datetime) -> list[Pending]:
    """Our messages that a provider took, and of which we have no last word.

    A failed one whose second copy still waits is among them: where it has arrived after all, the copy must not go.
    """
    second = core(Message).alias()
    goes_again = sa.exists().where(
        second.c.run_id == col(Message.run_id),
        second.c.slot == col(Message.slot) + guard.AGAIN,
        second.c.state == MessageState.QUEUED,
    )
    is_open = sa.or_(
        col(Message.state) == MessageState.ACCEPTED, sa.and_(col(Message.state) == MessageState.FAILED, goes_again)
    )
    # Since its call began: where evidence came late, the provider's list has it from long before we heard of it.
    this_call = sa.and_(col(Attempt.message_id) == col(Message.id), col(Attempt.number) == col(Message.attempt))
    query = (
        select(col(Message.ref), sa.func.coalesce(col(Attempt.begun_at), col(Message.changed_at)))
        .outerjoin(Attempt, this_call)
        .join(Sender, col(Sender.id) == col(Message.sender_id))
        .where(Sender.channel == channel, is_open, Message.ref != "")
        .where(col(Message.changed_at) > now - FOLLOWED)
    )
    return [Pending(ref, since) for ref, since in await session.execute(query)]


def turns(pending: Sequence[Pending], *, since: datetime, now: datetime) -> tuple[list[Pending], datetime]:
    """Whose turn it is, and the moment up to which everybody's turn has then come.

    The older a message, the more rarely it is asked about: its turn comes at the ages of :data:`YOUNG`, twice that,
    four times that and so on, which nobody needs to write down.
    """
    young = [one for one in pending if now - one.since < YOUNG]
    older = sorted(
        ((turn, one) for one in pending if (turn := _last_turn(one, now=now)) is not None and turn > since),
        key=lambda pair: pair[0],
    )
    if len(older) <= _AT_ONCE:
        return young + [one for _, one in older], now
    until = older[_AT_ONCE - 1][0]  # with all who share that moment, or they would never come
    return young + [one for turn, one in older if turn <= until], until


def _last_turn(one: Pending, *, now: datetime) -> datetime | None:
    age = now - one.since
    if age < YOUNG:
        return None
    step = YOUNG
    while step * 2 <= age:
        step *= 2
    return one.since + step


async def _unknown(session: Session, channel: str, events: Sequence[Event]) -> list[Event]:
    """Those that are not stored yet. The unique key would see to it too, at the price of a write at every look."""
    ids = [event.event_id for event in events]
    query = select(col(Inbound.event_id)).where(Inbound.channel == channel, col(Inbound.event_id).in_(ids))
    known = set(await session.scalars(query)) if ids else set()
    return [event for event in events if event.event_id not in known]


async def troubles(session: Session, gateway: context.Gateway) -> list[str]:
    """A sentence for each stream of which no look has come to its end for long."""
    wait = pause(gateway)
    if wait is None:
        return []
    now, patience = gateway.now(), max(TROUBLED, 3 * wait)
    asked = {(stream.channel, stream.name): stream for stream in streams(gateway)}
    found = []
    for mark in await session.scalars(select(Watermark).order_by(col(Watermark.id))):
        stream = asked.get((mark.channel, mark.stream))
        if stream is None:
            continue
        late = mark.failures >= _MANY_FAILURES if mark.looked_at is None else now - mark.looked_at > patience
        if late:
            ended = "never" if mark.looked_at is None else f"last at {mark.looked_at:%Y-%m-%d %H:%M} UTC"
            why = mark.trouble or "Is the daemon running?"
            found.append(f"The list {stream.shown} of {mark.channel} could be read to its end {ended}. {why}")
    return found
