"""What is done again and again: planning, the leases, the doubts, the seal, the looks, the gauges.

Every process with the role ``clock`` may do all of it; whatever must happen once is a row or a lock in the database.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial

from gateway import (
    alerting,
    bell,
    chain,
    clock,
    context,
    digest,
    failover,
    gauges,
    heads,
    lanes,
    notices,
    outbox,
    polling,
    pulse,
    senders,
    sweeping,
    turns,
)
from gateway.absence import dropping, meaning, reminding, rounds, rules
from gateway.backup import looking
from gateway.campaigns import feeding, rearranging
from gateway.desk import arriving, overdue, promise
from gateway.events import waiting
from gateway.freshness import rounds as details
from gateway.good_news import nudging, telling
from gateway.phone_line import voicemail
from gateway.privacy import retention, scrubbing
from gateway.surveys import going_on
from gateway.translating import gists
from gateway.understanding import language, library
from scheduler.ticker import Ticker

_JITTER_SECONDS = 2.0  #: over which the first runs of all jobs are spread
_LOOK_TICK = 5.0  #: how often it is asked whether a look is due, in seconds
_REMINDERS_SECONDS = 300.0  #: how often it is looked for absences whose reason is still missing
_FOLDER_SECONDS = 2.0  #: how often it is looked whether the MIS has dropped a file of marks
_MISSED_SECONDS, _ERASE_SECONDS = 300.0, 3600.0
_MISSED_SINCE = timedelta(days=2)  #: how far back recordings are looked for of which nobody told us
ABSENCE = "absence"  #: the name of the job that sees to absences, for whoever wants it done now
DESK = "desk"  #: the one that promises families an answer
_SILENCE_SECONDS = 300.0  #: how often it is looked for families of whom nothing is heard
_SILENCE_TURNS = 200  #: short transactions of that, one after another: a question to the whole school is soon through
_DIGEST_SECONDS = 2.0  #: how often it is looked for a digest that is due, and for news of one
_GISTS_SECONDS = 5.0  #: how often it is looked for answers in other languages
_CALENDAR_SECONDS = 5.0  #: how often it is looked whether the school's calendar has changed
_FEEDS_SECONDS = 60.0  #: how often it is asked whether a feed of it is due
_GOOD_NEWS_SECONDS = 15.0  #: how often it is looked whether the kind hour has come
_RESTORED_SECONDS = 5.0  #: how often it is looked whether the database was restored, and what left since
_HEAD_SECONDS = 30.0  #: how often it is asked whether the day's head of the audit log is due
_NIGHT_SECONDS = 60.0  #: how often it is asked whether something's time is over
_CLOCK_SECONDS = 60.0  #: how often our clock is compared with the database's


class Jobs:
    """The regular jobs of one process.

    ``arrived``  is told when a look brought something in
    ``understanding``  says what a family's words mean for an absence
    """

    def __init__(
        self,
        gateway: context.Gateway,
        *,
        lanes: lanes.Lanes,
        pulse: pulse.Pulse,
        stopping: asyncio.Event,
        arrived: Callable[[], None],
        understanding: meaning.Understanding = meaning.by_menu,
    ):
        self.ticker = Ticker(on_error=self._failed, now=gateway.now, jitter_s=_JITTER_SECONDS * gateway.calm)
        self._gateway, self._lanes, self._pulse = gateway, lanes, pulse
        self._stopping, self._arrived = stopping, arrived
        self._understanding = understanding
        # When leases were last looked through. Before that: the clock may have been set back while nobody ran.
        self._expired_at = datetime.max.replace(tzinfo=UTC)
        self._decided = rules.load(gateway.settings, gateway.year) if gateway.settings.absence.enabled else None

    @property
    def _rules(self) -> rules.Rules | None:
        """What is decided about absences, by the calendar of now."""
        return dataclasses.replace(self._decided, year=self._gateway.year) if self._decided else None

    @cached_property
    def _languages(self) -> Mapping[str, language.Language]:
        return library.load(self._gateway.settings.answers.words)

    def every(self, seconds: float, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Let the ticker run a job, measure it, and see that it comes round."""

        async def timed() -> None:
            try:
                with self._gateway.metrics.job_seconds.labels(name).time():
                    await job()
            finally:
                # Not the ticker's last_run, which counts good ends alone: a database that is away for an hour is no
                # reason to be started again and again until systemd gives up.
                self._pulse.turn(f"{name} job")

        seconds *= self._gateway.calm
        self._pulse.expect(f"{name} job", pulse.STUCK_JOB_SECONDS + seconds)
        self.ticker.every(seconds, name, timed)

    def schedule(self) -> None:
        """Set up the jobs of the role ``clock``."""
        settings = self._gateway.settings
        self.every(settings.sending.poll_s, "plan", self.plan)
        self.every(settings.sending.sweep_s, "leases", self.expire)
        self.every(settings.sending.sweep_s, "sweep", self.sweep)
        self.every(settings.sending.sweep_s, "failover", self.failover)
        self.every(settings.audit.seal_every_s, "seal", self.seal)
        self.every(_RESTORED_SECONDS, "restored", self.restored)
        self.every(_HEAD_SECONDS, "audit head", self.publish_head)
        self.every(15, "gauges", partial(gauges.refresh, self._gateway))
        self.every(settings.sending.poll_s, DESK, self.desk)
        self.every(_CALENDAR_SECONDS, "campaigns", self.campaigns)
        self.every(_FEEDS_SECONDS, "calendar feeds", self.feeds)
        self.every(settings.sending.poll_s, "events", self.events)
        self.every(settings.sending.poll_s, "surveys", self.surveys)
        self.every(_GOOD_NEWS_SECONDS, "good news", self.good_news)
        self.every(settings.sending.poll_s, "contact details", self.contact_details)
        self.every(_SILENCE_SECONDS, "silence", self.silence)
        self.every(_DIGEST_SECONDS, "digest", self.digest)
        if settings.absence.alert_numbers:
            self.every(settings.sending.poll_s, "alerts", self.alerts)
        if self._rules is not None:
            self.every(settings.sending.poll_s, ABSENCE, self.absence)
            self.every(_REMINDERS_SECONDS, "absence reminders", self.remind)
            if settings.absence.marks_folder is not None:
                watched = dropping.Dropping(self._gateway, self._rules, settings.absence.marks_folder)
                self.every(_FOLDER_SECONDS, "marks folder", watched.look)
        if self._gateway.lines:
            self.every(settings.sending.poll_s, "voice messages", self.voice_messages)
            self.every(_MISSED_SECONDS, "missed recordings", self.missed_recordings)
            self.every(_ERASE_SECONDS, "voice retention", self.erase_voices)
        self.every(_NIGHT_SECONDS, "retention", self.retain)
        self.every(_NIGHT_SECONDS, "scrub", self.scrub)
        if gists.is_on(self._gateway):
            self.every(_GISTS_SECONDS, "gists", self.gists)
        self._schedule_looks()

    def _schedule_looks(self) -> None:
        """One job for each list that a provider is asked for. It ticks more often than it looks."""
        pause = polling.pause(self._gateway)
        if pause is None:
            return
        for number, stream in enumerate(polling.streams(self._gateway), start=1):
            name = f"look {number} {stream.channel}"
            turned = partial(self._pulse.turn, f"{name} job")
            looks = polling.Looks(self._gateway, stream, pause, arrived=self._arrived, turned=turned)
            self.every(min(_LOOK_TICK, pause.total_seconds()), name, looks.tick)

    async def keep_time(self) -> None:
        """Go by the database's clock, from now on, where there are several workers."""
        if isinstance(self._gateway.now, clock.Shared) and not self._gateway.database.is_sqlite:
            ask = partial(self._gateway.now.ask, self._gateway.database)
            await ask()
            self.every(_CLOCK_SECONDS, "clock", ask)

    async def keep_calendar(self) -> None:
        """Know the school's calendar, from now on, as it changes."""
        await self.calendar()
        self.every(_CALENDAR_SECONDS, "calendar", self.calendar)

    async def calendar(self) -> None:
        """Look whether the calendar has changed."""
        async with self._gateway.database.read() as session:
            await self._gateway.calendars.look(session)

    async def campaigns(self) -> None:
        """Lay the campaigns out by the calendar of now, should it be another one."""
        async with self._gateway.database.read() as session:
            if not await rearranging.is_due(session, self._gateway):
                return

        async def rearrange() -> None:
            async with self._gateway.database.write() as session:
                await rearranging.rearrange(session, self._gateway)

        await turns.again(rearrange)

    async def feeds(self) -> None:
        """Fetch every .ics feed whose turn it is; what one said before holds while it cannot be had."""
        due = await feeding.claim(self._gateway)
        for one in due:
            if not self._stopping.is_set():
                await feeding.follow(self._gateway, one)
        if due:
            await self.campaigns()

    def _failed(self, name: str, _error: BaseException) -> None:
        self._gateway.metrics.job_failures.labels(name).inc()

    async def plan(self) -> None:
        """Plan every notice that is due, each in a transaction of its own."""
        while not self._stopping.is_set():
            async with self._gateway.database.write_here() as session:
                planned = await notices.plan_due(session, self._gateway)
            self._pulse.turn("plan job")
            if planned is None:
                return
            self._lanes.wake()

    async def absence(self) -> None:
        """See to the absences, should anything of them be due."""
        if self._rules is None:
            return
        async with self._gateway.database.read() as session:
            if not await rounds.is_due(session, self._gateway, self._rules):
                return
        decided = self._rules

        async def turn() -> None:
            async with self._gateway.database.write() as session:
                await rounds.turn(session, self._gateway, decided, self._understanding)

        await turns.again(turn)
        self.ticker.soon(DESK)  # what they have not understood
        self._lanes.wake()

    async def voice_messages(self) -> None:
        """Take over every voice message that is due, one after the other."""
        while not self._stopping.is_set() and await voicemail.work(self._gateway):
            self._pulse.turn("voice messages job")

    async def missed_recordings(self) -> None:
        """Look for recordings that no webhook told of."""
        await voicemail.look_for_missed(self._gateway, self._gateway.now() - _MISSED_SINCE)
        self._arrived()

    async def erase_voices(self) -> None:
        """Erase voice messages whose time is over."""
        async with self._gateway.database.write() as session:
            await voicemail.erase_old(session, self._gateway)

    async def retain(self) -> None:
        """Let go what was kept for as long as the school keeps it, once a night; at the provider, a little later."""
        async with self._gateway.database.read() as session:
            if not await retention.is_due(session, self._gateway):
                return
        gone = dict[str, int]()
        for rule in retention.RULES:
            count = retention.AT_ONCE
            while count == retention.AT_ONCE and not self._stopping.is_set():
                async with self._gateway.database.write() as session:
                    count = await retention.apply(session, self._gateway, rule)
                gone[rule.table] = gone.get(rule.table, 0) + count
                self._pulse.turn("retention job")
        noted = True
        while noted and not self._stopping.is_set():
            async with self._gateway.database.write() as session:
                noted = bool(await scrubbing.note(session, self._gateway))
            self._pulse.turn("retention job")
        if self._stopping.is_set():  # the rest of this night's turn comes after the start
            return
        async with self._gateway.database.write() as session:
            await retention.record(session, self._gateway, gone)

    async def scrub(self) -> None:
        """Delete words at the provider that were noted at night."""
        while not self._stopping.is_set() and await scrubbing.work(self._gateway):
            self._pulse.turn("scrub job")

    async def remind(self) -> None:
        """Remind families of reasons that are still missing, should any be due."""
        if self._rules is None:
            return
        async with self._gateway.database.read() as session:
            if not await reminding.is_due(session, self._gateway, self._rules):
                return
        async with self._gateway.database.write() as session:
            await reminding.remind(session, self._gateway, self._rules)
        self._lanes.wake()

    async def desk(self) -> None:
        """Promise families an answer who have written, and tell staff what nobody has answered in time."""
        gateway = self._gateway
        async with gateway.database.read() as session:
            late = await overdue.any_untold(session, now=gateway.now())
            if not late and not await arriving.any_waiting(session, gateway):
                return

        async def look() -> int:
            async with gateway.database.write() as session:
                await overdue.tell(session, log=gateway.log, now=gateway.now())
                promised = promise.load(gateway.settings, gateway.year)
                return await arriving.turn(session, gateway, promised, self._languages)

        while await turns.again(look) and not self._stopping.is_set():
            self._lanes.wake()

    async def events(self) -> None:
        """Offer places that have become free to those who wait for one."""
        async with self._gateway.database.read() as session:
            if not await waiting.is_due(session, self._gateway):
                return

        async def offer() -> int:
            async with self._gateway.database.write() as session:
                return await waiting.turn(session, self._gateway)

        while await turns.again(offer) and not self._stopping.is_set():
            self._lanes.wake()

    async def surveys(self) -> None:
        """Put the next question to whoever has answered one, and remind those who have answered none."""
        async with self._gateway.database.read() as session:
            if not await going_on.is_due(session, self._gateway):
                return

        async def ask() -> None:
            async with self._gateway.database.write() as session:
                await going_on.turn(session, self._gateway)

        await turns.again(ask)
        self._lanes.wake()

    async def good_news(self) -> None:
        """Send the day's praise once its hour has come, and the week's word to teachers."""
        nudged = await nudging.turn(self._gateway)
        if (await telling.turn(self._gateway)).messages or nudged:
            self._lanes.wake()

    async def silence(self) -> None:
        """Remember what works with whom, and try again, differently, with those who have not answered."""
        async with self._gateway.database.read() as session:
            if not await details.slow_is_due(session, self._gateway):
                return

        async def turn() -> bool:
            async with self._gateway.database.write() as session:
                return await details.slow_turn(session, self._gateway)

        for _ in range(_SILENCE_TURNS):
            if not await turns.again(turn):
                break
            self._lanes.wake()
            self._pulse.turn("silence job")

    async def contact_details(self) -> None:
        """Take what families say of their own phones and mailboxes."""
        async with self._gateway.database.read() as session:
            if not await details.is_due(session, self._gateway):
                return

        async def turn() -> None:
            async with self._gateway.database.write() as session:
                await details.turn(session, self._gateway)

        await turns.again(turn)
        self._lanes.wake()

    async def digest(self) -> None:
        """Put together what families prefer to hear once a day, and follow what became of that."""

        async def turn() -> bool:
            return await digest.work(self._gateway)

        while not self._stopping.is_set() and await turns.again(turn):
            self._pulse.turn("digest job")
            self._lanes.wake()

    async def alerts(self) -> None:
        """Text staff about what a person must act on at once."""
        async with self._gateway.database.read() as session:
            if not await alerting.is_due(session, self._gateway):
                return

        async def tell() -> None:
            async with self._gateway.database.write() as session:
                await alerting.alert(session, self._gateway)

        await turns.again(tell)
        self._lanes.wake()

    async def gists(self) -> None:
        """Put into English what families have answered in other languages."""
        while not self._stopping.is_set() and await gists.work(self._gateway, self._languages):
            self._pulse.turn("gists job")

    async def expire(self) -> None:
        """Turn calls whose worker never reported into doubts; what waits for a sender that is gone goes by another."""
        gateway, now = self._gateway, self._gateway.now()
        set_back = now < self._expired_at

        async def expire() -> None:
            async with gateway.database.write() as session:
                if set_back:
                    await outbox.due_again(session, now=now)
                await outbox.expire_leases(session, policy=gateway.policy(), log=gateway.log, now=gateway.now())
                await senders.hand_over(session, log=gateway.log, now=gateway.now())

        await turns.again(expire)
        self._expired_at = now

    async def sweep(self) -> None:
        """Look for evidence about the doubts."""
        turned = partial(self._pulse.turn, "sweep job")
        looked = await sweeping.sweep(
            self._gateway, outgoing=self._lanes.outgoing, stopping=self._stopping, turned=turned
        )
        if looked:
            self._lanes.wake()
            async with self._gateway.database.write() as session:
                await bell.ring(session)

    async def failover(self) -> None:
        """Let what waits for a provider in trouble go by another one."""

        async def move() -> int:
            async with self._gateway.database.write() as session:
                return await failover.move(session, self._gateway)

        if await turns.again(move):
            self._lanes.wake()

    async def restored(self) -> None:
        """Of a database that was restored from a copy, ask the providers what left since that was made."""
        while await looking.look(self._gateway, outgoing=self._lanes.outgoing, stopping=self._stopping):
            self._pulse.turn("restored job")

    async def seal(self) -> None:
        """Chain what was written into the audit log since."""
        async with self._gateway.database.write() as session:
            oldest = await chain.oldest_unsealed(session)
            await self._gateway.mark.seal(session)
        self._gateway.mark.committed()
        if oldest is not None:
            self._gateway.metrics.seal_delay.observe(max(0.0, (self._gateway.now() - oldest).total_seconds()))

    async def publish_head(self) -> None:
        """Publish the day's head of the audit log, once."""
        async with self._gateway.database.read() as session:
            if not await heads.is_due(session, self._gateway):
                return
        async with self._gateway.database.write() as session:
            await heads.publish(session, self._gateway)
        self._lanes.wake()
