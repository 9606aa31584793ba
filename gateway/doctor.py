"""``handbell doctor``: is everything there that Handbell needs, and what is lost where something is not?"""

from __future__ import annotations

import asyncio
import shutil
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy import exc
from sqlmodel import col, select

from channels.base import Advises, Callbacks, Channel, Medium, Misconfigured, Polled, Receiver
from channels.translators.base import NotTranslated
from gateway import audit, context, errors, migrate, own_words, polling
from gateway.absence import rules
from gateway.desk import canned, promise
from gateway.models import ApiToken, Audit, Contact, Sender, VoiceMessage
from gateway.models.types import core
from gateway.translating import glossary
from templates import coverage, languages
from templates import own_words as words

State = Literal["ok", "warn", "bad"]

OURS = ("gateway", "channels", "templates", "scheduler", "config")
_CHECK_SECONDS = 30
_QUICK_LINES = 1000  #: of the audit log; ``handbell audit verify`` looks at all of it
_CLOCK_SECONDS = 2.0
_ROOM_WARN, _ROOM_BAD = 1_000_000_000, 100_000_000  #: bytes
_PRACTICE_WORDS = ("practice", "example", "changeme", "secret")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``cure`` says what to do where it is not well."""

    name: str
    state: State
    sentence: str
    cure: str = ""


async def examine(gateway: context.Gateway, *, secret_files: Sequence[Path] = ()) -> list[Finding]:
    """Look at everything. ``secret_files`` are the files and folders that may hold secrets."""
    findings = [*packages(metadata.packages_distributions()), *_timezone(gateway), *_disk(gateway)]
    reachable = await _database(gateway)
    findings += reachable
    if all(finding.state != "bad" for finding in reachable):
        findings += [*await _clock(gateway), *await _chain(gateway), *await _senders(gateway), *await _looks(gateway)]
        findings += await _voice_messages(gateway)
    findings += [finding async for finding in _channels(gateway)]
    findings += [await _channel(receiver.name, receiver) for receiver in gateway.receivers]
    findings += [*_ways_back(gateway), *_key(gateway), *_files(gateway, secret_files), *_translations(gateway)]
    findings += [*_absence(gateway), *_phone_line(gateway), *_desk(gateway), *await _translation(gateway)]
    findings += [Finding("settings", "warn", sentence) for sentence in gateway.settings.warnings()]
    return findings


def _absence(gateway: context.Gateway) -> Iterator[Finding]:
    """Whether the files of the absence check can be read: its codes, calendar and ladder."""
    if not gateway.settings.absence.enabled:
        return
    try:
        decided = rules.load(gateway.settings)
    except errors.BadInput as error:
        yield from (Finding("absence", "bad", problem.what, f"{problem}") for problem in error.problems)
        return
    if not decided.settings.safeguarding_lead:
        what = "Nobody is named who takes over a child that nobody can account for."
        yield Finding("absence", "warn", what, "Set absence.safeguarding_lead to a person's name.")
    if (
        decided.settings.alert_numbers
        and not gateway.settings.twilio.sms_senders
        and not gateway.settings.practice.enabled
    ):
        what = "Staff are to be texted of what is urgent, and there is no number to text from."
        yield Finding("absence", "bad", what, "Set twilio.sms_senders, or take absence.alert_numbers out.")
    if not decided.year.days.terms:
        yield Finding(
            "absence", "warn", "No terms are set: every weekday counts as a school day.", "Set absence.calendar."
        )
        return
    yield Finding("absence", "ok", f"Codes: {decided.codes.name}. The ladder has {len(decided.ladder.rungs)} rungs.")


def _phone_line(gateway: context.Gateway) -> list[Finding]:
    """Whether families who ring the school can be answered."""
    here, settings = "phone line", gateway.settings.phone_line
    if not settings.enabled:
        return []
    if not gateway.public_url:
        sentence = "Calls to the school cannot be answered: the provider must be able to reach us while somebody rings."
        return [Finding(here, "bad", sentence, "Set web.public_base_url, or phone_line.enabled to false.")]
    rung = ", ".join(gateway.settings.rung_numbers)
    findings = [
        Finding(here, "ok", f"{rung}: “a call comes in” must be {gateway.public_url}/hooks/{name}/call there, by POST.")
        for name in gateway.lines
    ]
    hours = f"{settings.office_opens} to {settings.office_closes} on school days"
    if settings.office_number:
        findings.append(Finding(here, "ok", f"Callers can be put through to the office from {hours}."))
    else:
        findings.append(Finding(here, "warn", "Nobody is put through to the office.", "Set phone_line.office_number."))
    return findings


async def _translation(gateway: context.Gateway) -> list[Finding]:
    """Whether the service that drafts translations answers, and which of the families' languages it can do."""
    here, translator = "translation", gateway.translator
    if translator is None:
        return []
    try:
        glossary.load(gateway.settings.translation.glossary)
        async with gateway.database.read() as session:
            read = set(await session.scalars(select(Contact.written_language).distinct())) - {"", languages.ENGLISH}
        can = await translator.reach(read)
    except errors.BadInput as error:
        return [Finding(here, "bad", problem.what, str(problem)) for problem in error.problems]
    except NotTranslated as error:
        return [Finding(here, "bad", str(error), "Drafts and gists are left out until it answers.")]
    except exc.DBAPIError:
        return []  # it was told above
    replies = "families' answers too" if gateway.settings.translation.replies else "no answers of families"
    findings = [
        Finding(here, "ok", f"{translator.name} answers. It is sent what staff have translated, and {replies}.")
    ]
    if cannot := sorted(languages.table()[tag].english for tag in read - can if tag in languages.table()):
        sentence = f"{translator.name} does not translate into {', '.join(cannot)}."
        findings.append(
            Finding(here, "warn", sentence, "Families who read these get English, or what a person writes.")
        )
    return findings


async def _voice_messages(gateway: context.Gateway) -> list[Finding]:
    """Whether voice messages come home, and are gone at the provider."""
    t = core(VoiceMessage).c
    query = sa.select(sa.func.count()).where(t.due_at.is_not(None), t.trouble != "")
    async with gateway.database.read() as session:
        stuck = await session.scalar(query)
    if not stuck:
        return []
    messages = f"{stuck} voice message{'' if stuck == 1 else 's'}"
    sentence = f"{messages} could not be fetched, or not be deleted at the provider, so far."
    return [Finding("phone line", "warn", sentence, "Does the provider answer? The journal says why (voice.put_off).")]


def _desk(gateway: context.Gateway) -> Iterator[Finding]:
    """Whether the desk's files can be read: its canned answers, and the calendar that it counts by."""
    try:
        promise.load(gateway.settings)
        answers = canned.load(gateway.settings).answers
    except errors.BadInput as error:
        yield from (Finding("desk", "bad", problem.what, f"{problem}") for problem in error.problems)
        return
    yield Finding("desk", "ok", f"Canned answers: {len(answers)}.")


def packages(owners: Mapping[str, Sequence[str]], *, ours: str = "handbell") -> list[Finding]:
    """Whether another distribution has written over one of our five packages, whose names are common.

    ``owners`` is ``importlib.metadata.packages_distributions()``. A checkout owns none of them, which is well.
    """
    strangers = {
        name: sorted(set(owners.get(name, ())) - {ours}) for name in OURS if set(owners.get(name, ())) - {ours}
    }
    if not strangers:
        return [Finding("packages", "ok", f"The packages {', '.join(OURS)} are Handbell's own.")]
    return [
        Finding(
            "packages",
            "bad",
            f"The package {name} is also in {', '.join(others)}: one of them has overwritten the other.",
            "Give Handbell a virtual environment of its own, and install it there afresh.",
        )
        for name, others in strangers.items()
    ]


def _timezone(gateway: context.Gateway) -> Iterator[Finding]:
    name = gateway.settings.school.timezone
    try:
        here = gateway.now().astimezone(ZoneInfo(name))
    except ZoneInfoNotFoundError:
        yield Finding(
            "time zone", "bad", f"The data of the time zone {name} is missing.", "Install the package tzdata."
        )
        return
    yield Finding("time zone", "ok", f"{name}: it is {here:%H:%M on %A, %d %B %Y}.")


def _disk(gateway: context.Gateway) -> Iterator[Finding]:
    folder = Path(gateway.database.url.database or "") if gateway.database.is_sqlite else _state_dir(gateway) / "x"
    folder = next((parent for parent in folder.absolute().parents if parent.is_dir()), Path("/"))
    free = shutil.disk_usage(folder).free
    state: State = "bad" if free < _ROOM_BAD else "warn" if free < _ROOM_WARN else "ok"
    cure = "" if state == "ok" else "Make room: without it nothing can be written down, so nothing is sent."
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free for {folder}.", cure)


def _state_dir(gateway: context.Gateway) -> Path:
    return gateway.settings.database.state_dir


async def _database(gateway: context.Gateway) -> list[Finding]:
    name = gateway.database.url.render_as_string(hide_password=True)
    try:
        await migrate.check(gateway.settings.database.dsn())
        async with gateway.database.write() as session:
            # Changes nothing, but only where something could be changed.
            await session.execute(sa.delete(ApiToken).where(col(ApiToken.id) < 0))
    except errors.NotReady as error:
        return [Finding("database", "bad", str(error))]
    except exc.DBAPIError as error:
        cure = "Look at the rights of the file or of the database's user."
        return [Finding("database", "bad", f"{name} cannot be written: {error.orig}.", cure)]
    return [Finding("database", "ok", f"{name} is reachable, writable and up to date (revision {migrate.head()}).")]


async def _clock(gateway: context.Gateway) -> list[Finding]:
    """The clock against the database's own, less the time that asking took."""
    begun = time.monotonic()
    now = sa.func.strftime("%Y-%m-%dT%H:%M:%fZ", "now") if gateway.database.is_sqlite else sa.func.now()
    async with gateway.database.read() as session:
        theirs: Any = await session.scalar(sa.select(now))
    ours, took = gateway.now(), time.monotonic() - begun
    moment = datetime.fromisoformat(theirs) if isinstance(theirs, str) else theirs.astimezone(UTC)
    apart = max(0.0, abs((ours - moment).total_seconds()) - took)
    if apart <= _CLOCK_SECONDS:
        return [Finding("clock", "ok", "The clock agrees with the database's.")]
    sentence = f"The clock is {apart:.0f} seconds apart from the database's."
    return [Finding("clock", "bad", sentence, "Let both machines set their clocks by NTP.")]


async def _chain(gateway: context.Gateway) -> list[Finding]:
    """The newest lines of the audit log; each chains to the one before it."""
    query = select(Audit).where(col(Audit.link).is_not(None)).order_by(col(Audit.link).desc()).limit(_QUICK_LINES + 1)
    async with gateway.database.read() as session:
        rows = list((await session.scalars(query)).all())[::-1]
    begins_at_first = bool(rows) and rows[0].link == 1
    before = audit.GENESIS if begins_at_first or not rows else rows[0].hash
    for row in rows if begins_at_first else rows[1:]:
        mac = gateway.log.mac(at=row.at, actor=row.actor, action=row.action, subject=row.subject, body=row.body)
        before = audit.chained(before, row.mac)
        if mac != row.mac or before != row.hash:
            cure = "Run handbell audit verify, and compare with a copy of the database. Was audit.key changed?"
            return [Finding("audit log", "bad", f"Line {row.link} (row {row.id}) was changed, or its key was.", cure)]
    return [Finding("audit log", "ok", f"The newest {len(rows)} lines are as they were written.")]


async def _senders(gateway: context.Gateway) -> list[Finding]:
    async with gateway.database.read() as session:
        known = await context.senders(session)
        held = [
            row
            for row in await session.scalars(select(Sender))
            if row.open_since or (row.held_until and row.held_until > gateway.now())
        ]
    findings = [
        Finding(
            "senders", "warn", f"{row.address} is held back: {row.held_because}", f"handbell sender release {row.id}"
        )
        for row in held
    ]
    for medium in Medium:
        names = [sender.address for sender in known.get(medium, ())]
        if names:
            findings.append(Finding("senders", "ok", f"{medium}: sent as {', '.join(names)}."))
        elif any(channel.medium is medium for channel in gateway.channels.values()):
            sentence = f"{medium}: no sender is in the database yet."
            findings.append(Finding("senders", "warn", sentence, "handbell run writes it there when it starts."))
        else:
            findings.append(Finding("senders", "warn", f"{medium}: not set up, so nothing goes out that way."))
    return findings


async def _channels(gateway: context.Gateway) -> AsyncIterator[Finding]:
    if not gateway.channels:
        yield Finding(
            "channels", "bad", "There is no way out: no provider is set up.", "See handbell config reference."
        )
    for name, channel in gateway.channels.items():
        yield await _channel(name, channel)
        if isinstance(channel, Advises) and not gateway.settings.practice.enabled:
            for advice in await channel.advise():
                state: State = "bad" if advice.severe else "warn" if advice.cure else "ok"
                yield Finding(name, state, advice.sentence, advice.cure)


async def _channel(name: str, channel: Channel | Receiver) -> Finding:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await channel.open()
            try:
                return Finding(name, "ok", await channel.check())
            finally:
                await channel.close()
    except Misconfigured as error:
        return Finding(name, "bad", str(error))
    except (OSError, TimeoutError) as error:
        return Finding(name, "bad", f"It does not answer ({error or 'no answer in time'}).", "Is the network up?")


def _ways_back(gateway: context.Gateway) -> Iterator[Finding]:
    """By which way receipts and answers reach us, what that costs, and what is lost."""
    url, here = gateway.public_url, "ways back"
    if not any(isinstance(channel, Callbacks) for channel in gateway.channels.values()):
        return
    if url and not url.startswith("https://") and not gateway.settings.practice.enabled:
        yield Finding(here, "bad", f"{url} is this machine alone: no provider can call it.", "Set an https address.")
    pause = polling.pause(gateway)
    for name, channel in gateway.channels.items():
        if isinstance(channel, Callbacks):
            yield from _way_back(name, channel, url, pause if isinstance(channel, Polled) else None)
    if not url:
        yield Finding(
            here,
            "warn",
            "There is no public address. No key press in a call can reach us: calls say the school's name and number "
            "and hang up, and count as not heard. A link to unsubscribe works inside the school's network alone.",
            "Set web.public_base_url to an https address that leads to this machine.",
        )


def _way_back(name: str, channel: Callbacks, url: str, pause: timedelta | None) -> Iterator[Finding]:
    if url:
        sentence = f"{name}: called back at {url}, for receipts, answers and key presses."
        if pause:
            sentence += f" What that missed is asked for every {_span(pause)}{_requests(channel, pause)}."
        yield Finding("ways back", "ok", sentence)
    elif pause:
        sentence = f"{name}: asked every {_span(pause)}, so answers and receipts come so much later"
        yield Finding("ways back", "ok", f"{sentence}{_requests(channel, pause)}.")
    else:
        yield Finding(
            "ways back",
            "warn",
            f"{name}: it stays unknown what became of its messages, and nobody's answer comes in. Only the provider "
            "itself hears a STOP.",
            "Set twilio.poll to auto.",
        )


def _requests(channel: object, pause: timedelta) -> str:
    """What looking costs: Twilio names no price for reading its lists, so it is counted in requests."""
    lists = len(channel.streams()) if isinstance(channel, Polled) else 0
    day = round(lists * timedelta(days=1) / pause)
    while_open = "while messages are on the way"
    return f" ({day:,} requests a day, and more {while_open})" if day else f" (requests are made only {while_open})"


def _span(pause: timedelta) -> str:
    seconds = pause.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"


async def _looks(gateway: context.Gateway) -> list[Finding]:
    """Whether the lists of the providers can really be read."""
    async with gateway.database.read() as session:
        found = await polling.troubles(session, gateway)
    state: State = "warn" if gateway.public_url else "bad"
    cure = "See the channel above: does the provider answer, and is handbell.service running?"
    return [Finding("ways back", state, sentence, cure) for sentence in found]


def _key(gateway: context.Gateway) -> Iterator[Finding]:
    key = gateway.settings.audit.key.get_secret_value()
    if gateway.settings.practice.enabled:
        yield Finding("audit key", "ok", "Practice needs no key of its own.")
    elif not key:
        yield Finding("audit key", "bad", "audit.key is not set.", "Give it as a credential, 32 characters or more.")
    elif len(set(key)) < 8 or any(word in key.casefold() for word in _PRACTICE_WORDS):
        yield Finding("audit key", "bad", "audit.key can be guessed.", "Make one with: openssl rand -hex 32")
    else:
        yield Finding("audit key", "ok", "audit.key is set. Keep a copy away from this machine.")


def _files(gateway: context.Gateway, secret_files: Sequence[Path]) -> Iterator[Finding]:
    """Whether other accounts of the machine may read secrets or families' data."""
    if sys.platform == "win32":
        return
    paths = [*secret_files, _state_dir(gateway) / "audit.key"]
    paths += [file for folder in secret_files if folder.is_dir() for file in folder.iterdir()]
    if gateway.database.is_sqlite:
        paths.append(Path(gateway.database.url.database or ""))
    open_to_all = [path for path in paths if path.is_file() and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)]
    for path in open_to_all:
        yield Finding("files", "bad", f"Every account of this machine may read {path}.", f"chmod o= {path}")
    if not open_to_all:
        yield Finding("files", "ok", "No other account may read the settings, the keys or the database.")


def _translations(gateway: context.Gateway) -> Iterator[Finding]:
    for sentence in words.read(own_words.folder(gateway.settings))[1]:
        yield Finding(
            "languages", "bad", f"Words of the school's own are not used: {sentence}", "See docs/languages.md."
        )
    found = coverage.by_trust()
    drafts = [*found["partly"], *found["draft"]]
    yield Finding("languages", "ok", f"Words that a person has checked: {', '.join(found['reviewed'])}.")
    if found["partly"]:
        yield Finding(
            "languages", "ok", f"Languages of which a person has checked a part: {', '.join(found['partly'])}."
        )
    if drafts and gateway.settings.languages.allow_drafts:
        cure = (
            ""
            if gateway.settings.practice.enabled
            else "Have a speaker read them, or set languages.allow_drafts to false."
        )
        yield Finding("languages", "warn", f"Drafts that nobody has checked are sent: {', '.join(drafts)}.", cure)
    elif drafts:
        sentence = f"Drafts that nobody has checked are not used, English goes instead: {', '.join(drafts)}."
        yield Finding("languages", "warn", sentence, "Have a speaker read them: see handbell words coverage.")
