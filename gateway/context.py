"""What the loops, the web pages and the command line share: one object, made in ``wiring`` from the settings."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from channels.base import Channel, Medium, Receiver
from channels.calls_in import PhoneLine
from channels.translators.base import Translator
from config.settings import Settings
from gateway import answers, audit, end_seen, ids, retry, routing, tongues, wording
from gateway.arrivals import Arrivals
from gateway.calendars import book, schooldays
from gateway.commits import Commits
from gateway.database import Database, Session
from gateway.definitions import model
from gateway.metrics import Metrics
from gateway.models import Sender
from gateway.preferences import rules
from gateway.registers import teachers
from gateway.understanding import language, library
from scheduler.quiet import QuietHours

_HOUR = 3600
_COMPOSERS = 4  #: of so many notices the wordings are kept ready


def utc_now() -> datetime:
    """The clock on the wall, as an aware UTC moment."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Gateway:
    """The whole gateway. ``channels`` are by name; ``now`` and ``new_id`` are its only clock and dice.

    ``lines`` are the numbers that families ring, by name. ``receivers`` are run by whichever process has the role
    ``web``: it is the one that the world comes to. ``translator`` drafts other languages, where the school has one.
    ``end_file`` is where this machine remembers the end of the audit log; None for one that forgets it.

    Of a trust's school, ``elsewhere`` are the numbers of the other ones: what comes for those is none of ours. ``calm``
    says how many times more rarely than in the settings it is looked for what has become due, where there are many
    schools; what is handed in or comes in is seen to at once, as always.
    """

    settings: Settings
    database: Database
    log: audit.Log
    secret: bytes
    channels: Mapping[str, Channel]
    receivers: Sequence[Receiver] = ()
    lines: Mapping[str, PhoneLine] = field(default_factory=dict[str, PhoneLine])
    elsewhere: frozenset[str] = frozenset()
    calm: float = 1.0
    translator: Translator | None = None
    end_file: Path | None = None
    metrics: Metrics = field(default_factory=Metrics)
    now: Callable[[], datetime] = utc_now
    new_id: Callable[[], str] = field(default_factory=ids.Source)

    @cached_property
    def commits(self) -> Commits:
        """Shared commits, for the many small writes of webhooks."""
        return Commits(self.database)

    @cached_property
    def arrivals(self) -> Arrivals:
        """Shared commits for what providers bring."""
        return Arrivals(self.database)

    @cached_property
    def mark(self) -> end_seen.Mark:
        """Where this machine saw the audit log end."""
        return end_seen.Mark(self.end_file, self.log, now=self.now)

    @cached_property
    def _composers(self) -> dict[str, wording.Composer]:
        return {}

    def composer(self, definition: model.Definition) -> wording.Composer:
        """What makes the words of a notice, kept from one portion of its run to the next; it knows nobody's name."""
        found = self._composers.pop(definition.key, None)
        if found is None or found.definition != definition:
            found = wording.Composer(definition, self.school(), self.speaks)
        self._composers[definition.key] = found
        while len(self._composers) > _COMPOSERS:
            del self._composers[next(iter(self._composers))]
        return found

    @cached_property
    def calendars(self) -> book.Book:
        """The school's calendars, as this process knows them."""
        return book.Book(self.settings.calendar_file)

    @property
    def year(self) -> schooldays.SchoolYear:
        """The school's days and hours, as its calendar says. Raises :class:`errors.BadInput`."""
        return self.calendars.known.year()

    @cached_property
    def teachers(self) -> teachers.Teachers:
        """Who takes the register of which form. Raises :class:`errors.BadInput`."""
        return teachers.load(self.settings.absence.teachers)

    @cached_property
    def known_words(self) -> Mapping[str, language.Language]:
        """The words by which families are understood, ours and the school's. Raises :class:`errors.BadInput`."""
        return library.load(self.settings.answers.words)

    @property
    def timezone(self) -> ZoneInfo:
        """The school's time zone."""
        return ZoneInfo(self.settings.school.timezone)

    @cached_property
    def preferences(self) -> rules.Rules:
        """The topics, and how much a family gets. Raises :class:`errors.BadInput`."""
        # By the calendar of whatever moment it is asked in: these rules are kept, and terms and snow days change.
        return rules.of(self.settings.load, lambda day: self.year.days.is_school_day(day), self.timezone)

    @property
    def quiet(self) -> QuietHours | None:
        """When nothing leaves that can wait, by the calendar, else by the settings; None where the school keeps none.

        Raises :class:`errors.BadInput` where the calendar cannot be read.
        """
        if kept := self.calendars.known.document.quiet:
            return kept.hours()
        return QuietHours(*self.settings.quiet.hours) if self.settings.quiet.enabled else None

    def is_quiet(self, at: datetime) -> bool:
        """Whether a moment lies in the quiet hours."""
        return self.quiet is not None and self.quiet.is_quiet(at.astimezone(self.timezone).replace(tzinfo=None))

    @property
    def public_url(self) -> str:
        """Where providers and families reach us, without a slash at the end; ``""`` when they cannot."""
        return self.settings.web.public_base_url.rstrip("/")

    @property
    def office_url(self) -> str:
        """Where staff reach the office's pages, without a slash at the end."""
        web = self.settings.web
        return web.office_url.rstrip("/") or self.public_url or web.here

    def today(self) -> date:
        """The school's date."""
        return self.now().astimezone(self.timezone).date()

    def school(self) -> wording.School:
        """How the school is called in messages."""
        school, chosen = self.settings.school, self.settings.languages
        return wording.School(
            school.name, school.short_name, school.phone, school.language, chosen.allow_drafts,
            frozenset(chosen.fold_accents), tongues.instead(chosen),
        )  # fmt: skip

    def costs(self) -> wording.Costs:
        """What the providers charge, in pence."""
        costs = self.settings.costs
        return wording.Costs(costs.pence_per_text_part, costs.pence_per_call_minute, costs.pence_per_email)

    def around(self) -> routing.Surroundings:
        """What the rules of routing need to know."""
        sending, costs = self.settings.sending, self.costs()
        wished = {Medium.SMS: routing.rules(sending.text_routes), Medium.EMAIL: routing.rules(sending.email_routes)}
        return routing.Surroundings(wished, self.channels, {Medium.SMS: costs.text_part, Medium.EMAIL: costs.email})

    async def router(self, session: Session) -> routing.Router:
        """What chooses by which provider a message goes, as things stand now."""
        known = await senders(session)
        waiting = await routing.queued(session, known)
        return routing.Router(known, self.around(), today=self.today(), now=self.now(), queued=waiting)

    def answering(self) -> answers.Answering:
        """What Handbell needs to answer a family by itself."""
        return answers.Answering(
            self.school(), self.costs(), self.settings.answers, self.preferences.topics, self.new_id
        )

    def policy(self) -> retry.Policy:
        """When to try again."""
        sending = self.settings.sending
        rules = {Medium.SMS: sending.retry.sms, Medium.EMAIL: sending.retry.email, Medium.VOICE: sending.retry.voice}
        backoff = {m: retry.Backoff(rule.base_s, rule.max_s, rule.max_attempts - 1) for m, rule in rules.items()}
        grace, patience = sending.in_doubt_grace_s, sending.in_doubt_patience_s
        return retry.Policy(
            backoff,
            grace=timedelta(seconds=grace),
            patience=timedelta(seconds=patience),
            call=timedelta(seconds=sending.call_s + retry.AHEAD_SECONDS),
            lane_seconds=sending.lane_hold_s,
        )

    def speaks(self, locale: str) -> bool:
        """Whether the voice channel has a voice for a language."""
        voices = [channel for channel in self.channels.values() if channel.medium is Medium.VOICE]
        return any(channel.speaks(locale) for channel in voices)

    def sign(self, purpose: str, subject: str) -> str:
        """A token for a link: nobody can make one for another purpose or another subject without our secret."""
        key = hmac.new(self.secret, f"link:{purpose}".encode(), hashlib.sha256).digest()
        return hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()[:32]

    def signed(self, purpose: str, subject: str, token: str) -> bool:
        """Whether a token is ours."""
        return hmac.compare_digest(self.sign(purpose, subject).encode(), token.encode())

    def unsubscribe_url(self, message_id: str) -> str:
        """The one-click address of a message (RFC 8058)."""
        return f"{self.public_url or self.settings.web.here}/u/{message_id}/{self.sign('unsubscribe', message_id)}"

    def clip_url(self, clip_id: int) -> str:
        """Where a recording is to be had for an hour or two: the provider fetches it while a call goes on.

        The address is the same for an hour, so that the provider need not fetch it anew for calls that follow closely.
        """
        until = (int(self.now().timestamp()) // _HOUR + 2) * _HOUR
        return f"{self.public_url}/media/voice/{clip_id}?until={until}&token={self.sign('voice', f'{clip_id}:{until}')}"


async def senders(session: Session) -> dict[Medium, Sequence[Sender]]:
    """The active senders by medium."""
    found: dict[Medium, list[Sender]] = {}
    for sender in await session.scalars(select(Sender).where(col(Sender.active)).order_by(col(Sender.id))):
        found.setdefault(sender.medium, []).append(sender)
    return dict(found)
