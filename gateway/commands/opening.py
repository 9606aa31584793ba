"""What a command opens before it can work: the settings, the gateway, the database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.context import Gateway
    from gateway.preferences.topics import Topics
    from scheduler.quiet import QuietHours

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Installation:
    """Which Handbell is meant: the settings file, or None for the environment and credentials alone."""

    config: Path | None


def installation(ctx: typer.Context) -> Installation:
    """What the global options said."""
    found = ctx.find_object(Installation)
    return found or Installation(None)


def credentials() -> Path | None:
    """Systemd's folder of credentials, inside a unit."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


def settings(ctx: typer.Context) -> Settings:
    """Read the settings.

    Raises ``ConfigError`` with every problem in them.
    """
    from config import settings as reading

    return reading.load(installation(ctx).config, environ=os.environ, credentials=credentials())


def timezone(ctx: typer.Context) -> ZoneInfo:
    """The school's time zone; that of the default settings where there are none, as on an author's own machine."""
    from config import problems, sections

    try:
        name = settings(ctx).school.timezone
    except problems.ConfigError:
        name = sections.School.model_fields["timezone"].default
    return ZoneInfo(name)


def text_senders(ctx: typer.Context) -> tuple[str, ...]:
    """What texts are sent as; nothing where there are no settings, as on an author's own machine."""
    from config import problems

    try:
        return tuple(sender.address for sender in settings(ctx).twilio.sms_senders)
    except problems.ConfigError:
        return ()


def part_pence(ctx: typer.Context) -> float:
    """What a part of a text costs, in pence; 0 where there are no settings."""
    from config import problems

    try:
        return settings(ctx).costs.pence_per_text_part
    except problems.ConfigError:
        return 0.0


def quiet(ctx: typer.Context) -> QuietHours | None:
    """The school's quiet hours; none where there are no settings."""
    from config import problems
    from scheduler.quiet import QuietHours

    try:
        chosen = settings(ctx).quiet
    except problems.ConfigError:
        return None
    return QuietHours(*chosen.hours) if chosen.enabled else None


def topics(ctx: typer.Context) -> Topics:
    """The school's topics; those of Handbell where there are no settings."""
    from config import problems
    from gateway.preferences import topics

    try:
        return topics.load(settings(ctx).load.topics)
    except problems.ConfigError:
        return topics.load(None)


def fold_accents(ctx: typer.Context) -> tuple[str, ...]:
    """The languages texted without accents; none where there are no settings."""
    from config import problems

    try:
        return tuple(settings(ctx).languages.fold_accents)
    except problems.ConfigError:
        return ()


def use_own_words(ctx: typer.Context) -> None:
    """Use the school's own translations, where there are settings, in a command that opens no gateway."""
    from config import problems
    from gateway import own_words

    try:
        own_words.use(settings(ctx))
    except problems.ConfigError:
        return


def allows_drafts(ctx: typer.Context) -> bool:
    """Whether translations go out that nobody has reviewed; not where there are no settings."""
    from config import problems

    try:
        return settings(ctx).languages.allow_drafts
    except problems.ConfigError:
        return False


def words_folder(ctx: typer.Context) -> Path | None:
    """The school's own words for understanding answers; none where there are no settings."""
    from config import problems

    try:
        return settings(ctx).answers.words
    except problems.ConfigError:
        return None


def work(ctx: typer.Context, job: Callable[[Gateway], Awaitable[Result]]) -> Result:
    """Do a job with the gateway and give what it gives.

    Raises ``ConfigError``, or :class:`errors.NotReady` when the database is away or has other tables.
    """
    loaded = settings(ctx)
    from gateway import logs, migrate, wiring  # after the settings: a mistake in them is told at once

    logs.configure("warning", "console")

    async def opened() -> Result:
        await migrate.check(loaded.database.dsn())
        gateway = wiring.build(loaded)
        try:
            async with gateway.database.read() as session:
                await gateway.calendars.look(session)
            return await job(gateway)
        finally:
            await gateway.database.close()

    return asyncio.run(opened())
