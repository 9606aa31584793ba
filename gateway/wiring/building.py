"""A gateway by the settings, and its database made ready. Nothing runs yet."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from channels.base import Channel
from config.settings import Settings
from gateway import audit, chain, clock, context, end_seen, errors, migrate, own_words, senders, trial
from gateway.database import Database, Pools, Session
from gateway.trust import register, walls
from gateway.wiring import mail, notify, phones, translation


def build(
    settings: Settings, *, now: Callable[[], datetime] | None = None, pools: Pools | None = None
) -> context.Gateway:
    """Make a gateway from the settings, by the clock on the wall (or that of practice mode) unless another is given.

    Nothing is opened yet. ``pools`` are the connections of a process that runs several schools.
    """
    secret = audit_key(settings)
    own_words.use(settings)
    return context.Gateway(
        settings=settings,
        database=Database(settings.database.dsn(), pools=pools),
        log=audit.Log(secret),
        secret=secret,
        end_file=settings.database.state_dir / "audit.end",
        channels=channels(settings),
        receivers=mail.receivers(settings),
        lines=phones.lines(settings),
        translator=translation.translator(settings),
        now=now or practice_clock(settings) or context.utc_now,
    )


def practice_clock(settings: Settings) -> clock.Movable | None:
    """The clock that practice mode may put on; None for every real school."""
    if not settings.practice.enabled:
        return None
    return clock.Movable(context.utc_now, settings.database.state_dir / "practice.clock")


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
    found = [*phones.channels(settings), *mail.channels(settings), *notify.channels(settings)]
    return {channel.name: channel for channel in found}


def wanted_senders(settings: Settings) -> list[senders.Wanted]:
    """The senders that the settings name."""
    return phones.wanted_senders(settings) + mail.wanted_senders(settings) + notify.wanted_senders(settings)


async def write_senders(session: Session, gateway: context.Gateway) -> None:
    """Let the database have the senders of the settings. With the first ones a real school's trial begins."""
    settings, log, now = gateway.settings, gateway.log, gateway.now()
    await trial.begin_if_new(session, wanted=settings.sending.trial and not settings.practice.enabled, log=log, now=now)
    await senders.sync(session, wanted_senders(settings), log=log, now=now)


async def set_up(settings: Settings) -> None:
    """Bring the database to the tables of this version, with the senders in it: a notice can be sent from then on.

    What the schools of a trust share is brought up to date with any of them.
    Raises :class:`errors.NotReady` when the database cannot be reached.
    """
    url = settings.database.dsn()
    is_new = not await migrate.at(url)
    if settings.school_key and await walls.stand(url):
        async with register.opened(url) as connection:
            await walls.build(connection, settings.school_key)
    await migrate.upgrade(url)
    gateway = build(settings)
    before = gateway.mark.kept() or chain.End()
    if is_new:  # an older one's log ended elsewhere
        gateway.mark.keep(chain.End())
    try:
        async with gateway.database.write() as session:
            if is_new and before.link:
                line = audit.Line(end_seen.MADE, facts={"lines_before": before.link})
                await gateway.log.record(session, line, now=gateway.now())
            await write_senders(session, gateway)
        await seal(gateway)
    finally:
        await gateway.database.close()


async def seal(gateway: context.Gateway) -> None:
    """Seal what this process has written into the audit log: no daemon may run, and it could be taken out unseen."""
    if not gateway.log.has_written:
        return
    with suppress(DBAPIError, OSError):  # what was to be done is done; the next one seals it
        async with gateway.database.write() as session:
            if await gateway.mark.fault(session):
                return  # the doctor says so, and no daemon starts
            await gateway.mark.seal(session)
        gateway.mark.committed()
