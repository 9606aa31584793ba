"""Ties everything together. This file and ``cli.py`` are the only ones that name a provider.

What only the daemon needs is imported where it starts: every command pays for what stands at the top.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from sqlmodel import col, select

from channels.base import Channel, Medium, Misconfigured, Receiver
from channels.email_dkim import Signer
from channels.email_smtp import SmtpEmail, SmtpServer
from channels.oauth import Client, Tokens
from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from channels.twilio_voice import TwilioVoice
from config.settings import Settings
from gateway import audit, clock, context, daemon, errors, migrate, senders, sweeping
from gateway.database import Database
from gateway.models import Contact, ContactPoint

if TYPE_CHECKING:
    from channels.simulator import Simulator
    from gateway.importing.report import Report
    from gateway.practice import setup

logger = structlog.get_logger()

#: After so many new objects the interpreter looks for those that only point at one another. A portion of a plan or a
#: batch makes thousands of rows, which never do: by its own 700 it would look through them again and again.
COLLECTED = (10_000, 20, 50)

_TWILIO = "twilio"  #: texts and calls are of one account: what is refused to one is refused to the other


def build(settings: Settings, *, now: Callable[[], datetime] = context.utc_now) -> context.Gateway:
    """Make a gateway from the settings. Nothing is opened yet."""
    secret = audit_key(settings)
    return context.Gateway(
        settings=settings,
        database=Database(settings.database.dsn()),
        log=audit.Log(secret),
        secret=secret,
        channels=channels(settings),
        receivers=receivers(settings),
        now=now,
    )


def audit_key(settings: Settings) -> bytes:
    """The key of the audit log: from the settings, else one of our own, made once and kept beside the database.

    Raises :class:`errors.NotReady` when it can be neither read nor written.
    """
    given = settings.audit.key.get_secret_value()
    if given:
        return given.encode()
    file = settings.database.state_dir / "audit.key"
    try:
        settings.database.state_dir.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as fresh:
            fresh.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    except OSError as error:
        what = f"The key of the audit log cannot be kept in {file}: {error.strerror}."
        raise errors.NotReady(f"{what} Set audit.key, or let Handbell write to that folder.") from None
    key = file.read_text().strip()
    if len(key) < 32:
        raise errors.NotReady(f"{file} does not hold a key of 32 characters or more. Put it back from a copy.")
    return key.encode()


def channels(settings: Settings) -> dict[str, Channel]:
    """The channels that are set up, by name."""
    found: list[Channel] = []
    if settings.twilio.account_sid:
        twilio = settings.twilio
        if texts := len(twilio.sms_senders):
            addresses = [sender.address for sender in twilio.sms_senders]
            found.append(TwilioSms(_account(settings, senders=texts), senders=addresses))
        if callers := len(twilio.voice_senders):
            detect = twilio.answering_machine_detection != "off"
            found.append(TwilioVoice(_account(settings, senders=callers), detect_machines=detect))
    if settings.smtp.host:
        found.append(SmtpEmail(_mail_server(settings), now=context.utc_now))
    return {channel.name: channel for channel in found}


def receivers(settings: Settings) -> tuple[Receiver, ...]:
    """The ways in that are set up. What only they need is imported here, as most schools have none or one."""
    mail = settings.mail_in
    if mail.mode == "imap":
        from channels import imap_session, mail_reading, mailbox_imap

        mailbox = imap_session.Mailbox(
            host=mail.host,
            port=mail.port,
            username=mail.username,
            password=mail.password.get_secret_value(),
            security=mail.security,
            ca_file=str(mail.ca_file or ""),
            folder=mail.folder,
            taken=mail.taken,
            poll=mail.poll_s,
            most_bytes=mail.max_bytes,
            timeout=mail.timeout_s,
            tokens=None if mail.password.get_secret_value() else _tokens(settings),
        )
        keep = timedelta(days=mail.max_age_days)
        return (mailbox_imap.ImapMailbox(mailbox, read=mail_reading.read, now=context.utc_now, keep=keep),)
    if mail.mode == "lmtp":
        from channels import mail_lmtp, mail_reading

        addresses = (settings.smtp.from_address, *mail.addresses)
        door = mail_lmtp.Door(
            host=mail.lmtp_host,
            port=mail.lmtp_port,
            path=mail.lmtp_socket,
            beyond=mail.lmtp_beyond,
            addresses=tuple(address for address in addresses if address),
            bounce_domain=settings.smtp.bounce_domain,
            most_bytes=mail.max_bytes,
        )
        return (mail_lmtp.LmtpDoor(door, read=mail_reading.read, now=context.utc_now),)
    return ()


def _account(settings: Settings, *, senders: int) -> TwilioAccount:
    """The account, for a channel with so many senders."""
    twilio = settings.twilio
    base = twilio.api_base_url.rstrip("/")
    return TwilioAccount(
        account_sid=twilio.account_sid,
        auth_token=twilio.auth_token.get_secret_value(),
        api_base_url="" if base == "https://api.twilio.com" else base,
        accepted_tokens=tuple(token.get_secret_value() for token in twilio.accepted_tokens),
        shared_keys={key.key_id: key.secret.get_secret_value() for key in twilio.shared_keys},
        connect_seconds=twilio.connect_timeout_s,
        read_seconds=twilio.read_timeout_s,
        total_seconds=settings.sending.call_s,
        # A send that had to wait for a place would count as no connection: each has one, and so has each look.
        connections=settings.sending.concurrency * senders + sweeping.LOOKS_AT_ONCE + senders + 1,
    )


def _mail_server(settings: Settings) -> SmtpServer:
    smtp = settings.smtp
    return SmtpServer(
        host=smtp.host,
        port=smtp.port,
        username=smtp.username,
        password=smtp.password.get_secret_value(),
        security=smtp.security,
        ca_file=str(smtp.ca_file or ""),
        pool_size=smtp.pool_size,
        timeout=smtp.timeout_s,
        deadline=settings.sending.call_s,
        bounce_domain=smtp.bounce_domain,
        school_name=smtp.from_name or settings.school.name,
        tokens=_tokens(settings) if smtp.username and not smtp.password.get_secret_value() else None,
        from_address=smtp.from_address,
        dkim=_signer(settings),
    )


def _tokens(settings: Settings) -> Tokens | None:
    oauth = settings.oauth
    if not oauth.token_url:
        return None
    secret, ca_file = oauth.client_secret.get_secret_value(), str(oauth.ca_file or "")
    return Tokens(Client(oauth.token_url, oauth.client_id, secret, oauth.scope, ca_file))


def _signer(settings: Settings) -> Signer | None:
    smtp = settings.smtp
    if not smtp.dkim_selector:
        return None
    domain = smtp.dkim_domain or smtp.from_address.rpartition("@")[2]
    return Signer(domain, smtp.dkim_selector, smtp.dkim_private_key.get_secret_value())


def wanted_senders(settings: Settings) -> list[senders.Wanted]:
    """The senders that the settings name."""
    twilio, smtp = settings.twilio, settings.smtp
    found = [
        senders.Wanted(TwilioSms.name, Medium.SMS, one.address, one.parts_per_second, one.burst, _TWILIO)
        for one in twilio.sms_senders
    ]
    found += [
        senders.Wanted(TwilioVoice.name, Medium.VOICE, one.address, one.calls_per_second, one.burst, _TWILIO)
        for one in twilio.voice_senders
    ]
    if smtp.host and smtp.from_address:
        rate = smtp.messages_per_second
        found.append(senders.Wanted(SmtpEmail.name, Medium.EMAIL, smtp.from_address, rate, max(1.0, rate / 10)))
    return found


def serve(settings: Settings, *, ready: Callable[[], None] = lambda: None) -> None:
    """Run the daemon until SIGTERM or SIGINT; ``ready`` is called once it is working.

    Raises :class:`errors.NotReady` when it cannot start: not migrated, another daemon has this SQLite file, a port is
    taken, or a channel's settings cannot work.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        # What is imported by now stays for good: never to be looked through again for what could be thrown away. That
        # costs a busy lane a third of its time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED)
        runner.run(run(settings, ready=ready))


async def set_up(settings: Settings) -> None:
    """Bring the database to the tables of this version, with the senders in it: a notice can be sent from then on.

    Raises :class:`errors.NotReady` when the database cannot be reached.
    """
    await migrate.upgrade(settings.database.dsn())
    gateway = build(settings)
    try:
        async with gateway.database.write() as session:
            await senders.sync(session, wanted_senders(settings), log=gateway.log, now=gateway.now())
    finally:
        await gateway.database.close()


async def run(settings: Settings, *, ready: Callable[[], None]) -> None:
    """Run the daemon in this loop until SIGTERM or SIGINT; see :func:`serve`."""
    gateway = build(settings, now=clock.Shared(context.utc_now))
    try:
        with _only_one(gateway):
            await _run(gateway, ready=ready)
    except Misconfigured as error:
        raise errors.NotReady(str(error)) from None
    finally:
        await gateway.database.close()


async def _run(gateway: context.Gateway, *, ready: Callable[[], None]) -> None:
    settings = gateway.settings
    await migrate.check(settings.database.dsn())
    if "clock" in settings.roles:  # or a worker whose settings are older would put a new sender out of use
        async with gateway.database.write() as session:
            await senders.sync(session, wanted_senders(settings), log=gateway.log, now=gateway.now())
    async with _simulated(settings) as simulator:
        works = make_daemon(gateway, simulator, ready=ready, names=await _names(gateway) if simulator else {})
        works.listen_for_signals()
        for warning in () if settings.practice.enabled else settings.warnings():
            logger.warning("settings.warning", sentence=warning)
        logger.info("daemon.starting", roles=settings.roles, practice=settings.practice.enabled)
        await works.run()


def make_daemon(
    gateway: context.Gateway,
    simulator: Simulator | None,
    *,
    ready: Callable[[], None] = lambda: None,
    names: Mapping[str, str] | None = None,
) -> daemon.Daemon:
    """A daemon with its web server, and the practice phones where there is a simulator.

    ``names`` says whose each practice phone and mailbox is.
    """
    from channels.simulator import page
    from gateway.web import app, server

    works = daemon.Daemon(gateway, listen=None, roles=gateway.settings.roles, ready=ready)
    pages = app.build(
        gateway,
        stuck=works.stuck,
        arrived=works.arrived,
        planned=works.planned,
        practice=page.asgi(simulator, name_of=lambda address: (names or {}).get(address, "")) if simulator else None,
    )
    works.listen = partial(server.serve, pages, host=gateway.settings.web.host, port=gateway.settings.web.port)
    return works


async def _names(gateway: context.Gateway) -> dict[str, str]:
    """Who answers each phone and mailbox."""
    found: dict[str, list[str]] = defaultdict(list)
    query = select(ContactPoint.address, Contact).join(Contact, col(Contact.id) == col(ContactPoint.contact_id))
    async with gateway.database.read() as session:
        for address, contact in await session.execute(query.order_by(col(ContactPoint.id))):
            found[address].append(contact.full_name)
    return {address: ", ".join(people) for address, people in found.items()}


def practise(
    place: setup.Place,
    settings: Settings,
    *,
    report: Callable[[Report], None],
    progress: Callable[[int, int], None],
    ready: Callable[[], None],
) -> None:
    """Make the practice database, import the made-up school into it, and run the daemon.

    ``progress(done, total)`` is told bytes of the import; ``ready()`` is called once everything works.
    """
    if place.fresh:
        asyncio.run(_fill(place, settings, report=report, progress=progress))
    serve(settings, ready=ready)


async def _fill(
    place: setup.Place,
    settings: Settings,
    *,
    report: Callable[[Report], None],
    progress: Callable[[int, int], None],
) -> None:
    from gateway.importing import people

    await set_up(settings)
    gateway = build(settings)
    try:
        async with gateway.database.write() as session:
            found = await people.load(
                place.exports, session, log=gateway.log, now=gateway.now(), today=gateway.today(), progress=progress
            )
            report(found)
    finally:
        await gateway.database.close()


@asynccontextmanager
async def _simulated(settings: Settings) -> AsyncIterator[Simulator | None]:
    """In practice mode, the outside world at the addresses that the settings take for the providers'."""
    if not settings.practice.enabled:
        yield None
        return
    simulator = practice_world(settings)
    try:
        await simulator.start()
    except OSError as error:
        what = f"The pretend phones and mailboxes cannot listen on this machine: {error.strerror}."
        cure = "Give twilio.api_base_url and smtp.port other ports, or make the practice school anew."
        raise errors.NotReady(f"{what} {cure}") from None
    try:
        yield simulator
    finally:
        await simulator.stop()


def practice_world(settings: Settings) -> Simulator:
    """The simulator that listens where the settings say that Twilio and the mail server are, else on any port.

    ``config.checks`` has seen to it that both are this machine.
    """
    from channels.simulator import Simulator

    twilio, smtp = settings.twilio, settings.smtp
    return Simulator(
        account_sid=twilio.account_sid,
        auth_token=twilio.auth_token.get_secret_value(),
        http_port=(urlsplit(twilio.api_base_url).port or 0) if twilio.account_sid else 0,
        smtp_port=smtp.port if smtp.host else 0,
        seed=settings.practice.seed,
        inbound_sms_url=f"{settings.web.public_base_url.rstrip('/')}/hooks/{TwilioSms.name}/inbound",
        calls="ring",
        pace=0.5,
    )


@contextmanager
def _only_one(gateway: context.Gateway) -> Iterator[IO[str] | None]:
    """Refuse a second daemon on one SQLite file: its lanes would not know of each other."""
    if not gateway.database.is_sqlite:
        yield None
        return
    file = Path(f"{Path(gateway.database.url.database or '').resolve()}.lock")
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = f"Another Handbell is running on {gateway.database.url.database}."
            raise errors.NotReady(f"{what} Stop it first, or use PostgreSQL for several.") from None
        yield lock


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on this platform: the standard loop does the same, more slowly
        return None
    return uvloop.Loop


def explain_bounce(raw: bytes) -> Mapping[str, object]:
    """Say of a mail whether it is a bounce, and of each address that it is about what became of it there."""
    from channels import mail_explaining

    return mail_explaining.bounce(raw)


def explain_email(raw: bytes, *, suffix: str = ".eml") -> Mapping[str, object]:
    """Say of a mail whether a machine wrote it, and which words are new. A ``.txt`` or ``.html`` is its body alone."""
    from channels import mail_explaining

    return mail_explaining.email(raw, suffix=suffix)
