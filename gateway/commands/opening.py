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
    """Which Handbell is meant: the settings file, or None for the environment and credentials alone.

    ``school``  the key of one school of a trust; ``""`` where there is one school
    """

    config: Path | None
    school: str = ""


def installation(ctx: typer.Context) -> Installation:
    """What the global options said."""
    found = ctx.find_object(Installation)
    return found or Installation(None)


def credentials() -> Path | None:
    """Systemd's folder of credentials, inside a unit."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


def version() -> str:
    """Which Handbell this is."""
    from importlib import metadata

    return metadata.version("handbell")


def settings(ctx: typer.Context) -> Settings:
    """Read the settings; of a trust, those of the school that ``--school`` names.

    Raises ``ConfigError`` with every problem in them, and where a trust's school is not named.
    """
    from config import problems, trust

    found = common(ctx)
    if found.trust.schools is None or installation(ctx).school:
        return found
    keys = ", ".join(trust.keys(found)) or "none yet: write a file for each into trust.schools"
    raise problems.ConfigError([f"This installation has several schools: say which, by --school. There are: {keys}."])


def common(ctx: typer.Context, school: str | None = None) -> Settings:
    """Read the settings of the named school; without one, what is common to all of a trust.

    Raises ``ConfigError`` with every problem in them.
    """
    from config import settings as reading

    where = installation(ctx)
    chosen = where.school if school is None else school
    return reading.load(where.config, environ=os.environ, credentials=credentials(), school=chosen)


def schools(ctx: typer.Context, *, left_out: Callable[[str, str], None] | None = None) -> dict[str, Settings]:
    """The settings of every school of a trust, by key.

    Raises ``ConfigError`` with every problem in any of them. Where ``left_out`` is to be told a school and each of its
    problems, that school is left out instead; what two of them must not share is never passed over.
    """
    from config import problems, trust

    common_settings, found, wrong = common(ctx, ""), dict[str, "Settings"](), list[str]()
    if common_settings.trust.schools is None:
        raise problems.ConfigError(["trust.schools is not set: this installation has one school. See docs/trust.md."])
    for key in trust.keys(common_settings):
        try:
            found[key] = common(ctx, key)
        except problems.ConfigError as error:
            if left_out:
                for sentence in error.problems:
                    left_out(key, sentence)
            else:
                wrong += [f"{key}: {sentence}" for sentence in error.problems]
    wrong += trust.clashes(found)
    if wrong:
        raise problems.ConfigError(wrong)
    return found


def active_schools(ctx: typer.Context) -> dict[str, Settings]:
    """The settings of the schools of a trust that have a place in their database and are not retired.

    Raises ``ConfigError``, and :class:`errors.NotReady` when a database cannot be reached.
    """
    found = schools(ctx)
    from gateway.trust import register

    kept = asyncio.run(register.everywhere(one.database.dsn() for one in found.values()))
    return {key: one for key, one in found.items() if key in kept and kept[key].retired_at is None}


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
        return settings(ctx).text_senders
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
    """The school's quiet hours, as far as files say; none where there are no settings."""
    from config import problems
    from gateway.calendars import schooldays
    from scheduler.quiet import QuietHours

    try:
        chosen, file = settings(ctx).quiet, settings(ctx).calendar_file
    except problems.ConfigError:
        return None
    if file and (kept := schooldays.read(file).quiet):
        return kept.hours()
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
    """Do a job with the gateway and give what it gives. In a trial every command says so, as every page does.

    Raises ``ConfigError``, or :class:`errors.NotReady` when the database is away or has other tables.
    """
    loaded = settings(ctx)
    from gateway import logs, migrate, trial, wiring  # after the settings: a mistake in them is told at once
    from gateway.commands import showing

    logs.configure("warning", "console")

    async def opened() -> Result:
        await migrate.check(loaded.database.dsn())
        gateway = wiring.build(loaded)
        try:
            async with gateway.database.read() as session:
                await gateway.calendars.look(session)
                if await trial.goes_on(session):
                    showing.remark("Trial: only guests get anything, families nothing, not even an alarm.")
            try:
                return await job(gateway)
            finally:
                await wiring.seal(gateway)
        finally:
            await gateway.database.close()

    return asyncio.run(opened())
