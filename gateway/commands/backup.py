"""``handbell backup``: copies of the database, and what a restored one asks of a person."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from pathlib import Path

    from config.settings import Settings
    from gateway.backup.copies import Kept
    from gateway.backup.gap import Which
    from gateway.context import Gateway
    from gateway.database import Session

_Name = Annotated[str, typer.Argument(metavar="COPY", help="Its name, its folder, or latest.")]
_Notice = Annotated[str, typer.Option(metavar="KEY", help="Only those of this notice.")]
_Absent = Annotated[bool, typer.Option("--absent", help="Only those that a provider's list shows not to have left.")]
_All = Annotated[bool, typer.Option("--all", help="All that are set aside.")]
_Ids = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Only these messages.")]


def make(
    ctx: typer.Context,
    actor: options.As,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing when it went well.")] = False,
) -> None:
    """Copy the database while it is in use, prove the copy, and throw away old ones.

    In it are the database and the settings file. Not in it are audit.key and the other credentials, wherever they are
    written: keep those elsewhere. Of a trust every school is copied, or the one that --school names.
    """
    every = opening.common(ctx).trust.schools is not None and not opening.installation(ctx).school
    for settings in opening.active_schools(ctx).values() if every else [opening.settings(ctx)]:
        said = make_one(settings, opening.installation(ctx).config, actor=actor)
        if not quiet:
            showing.say(said)


def make_one(settings: Settings, config: Path | None, *, actor: str = "handbell") -> str:
    """Make a copy, prove it, forget old ones, and write that down. Gives a sentence.

    The line is left out before an upgrade: the tables are not those of this version.
    """
    from gateway import audit, migrate, wiring
    from gateway.backup import copies

    async def job() -> str:
        gateway = wiring.build(settings)
        try:
            kept = await copies.make(
                settings, secret=gateway.secret, config=config, version=opening.version(), now=gateway.now()
            )
            proved = await copies.verify(kept, settings, secret=gateway.secret)
            gone = copies.forget_old(
                copies.folder(settings), secret=gateway.secret, keep_days=settings.backup.keep_days, now=gateway.now()
            )
            if kept.copy.revision == migrate.head():
                facts = {"copy": kept.name, "bytes": kept.size, "head": kept.copy.head, "forgotten": len(gone)}
                async with gateway.database.write() as session:
                    await gateway.log.record(session, audit.Line(copies.MADE, "", facts, actor), now=gateway.now())
                await wiring.seal(gateway)
        finally:
            await gateway.database.close()
        return f"Copied into {kept.folder}, {_megabytes(kept)}. {proved}"

    return asyncio.run(job())


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List the copies there are, the newest first."""
    settings, timezone = opening.settings(ctx), opening.timezone(ctx)
    from gateway.backup import copies

    found = copies.listed(copies.folder(settings))
    if json:
        told = ("made_at", "version", "revision", "head", "lines")
        named = ({"name": one.name, "bytes": one.size} for one in found)
        showing.data(
            [name | {key: getattr(one.copy, key) for key in told} for name, one in zip(named, found, strict=True)]
        )
        return
    rows = (
        (
            one.name,
            showing.when(one.copy.made_at, timezone),
            one.copy.version,
            f"{one.size / 1e6:.1f} MB",
            one.copy.lines,
        )
        for one in found
    )
    showing.table(("copy", "made", "Handbell", "size", "lines"), rows, right="size, lines")


def _megabytes(kept: Kept) -> str:
    return f"{kept.size / 1e6:.1f} MB"


def verify(ctx: typer.Context, name: _Name = "latest") -> None:
    """Prove that a copy is as it was written, and that the audit log in it verifies."""
    settings = opening.settings(ctx)
    from gateway import wiring
    from gateway.backup import copies

    kept = copies.find(copies.folder(settings), name)
    showing.say(asyncio.run(copies.verify(kept, settings, secret=wiring.audit_key(settings))))


def restore(ctx: typer.Context, name: _Name, actor: options.As) -> None:
    """Put a copy into an empty place.

    Deletes nothing. Nothing leaves the restored school until somebody says handbell backup open: what left after the
    copy was made must not go a second time.
    """
    settings = opening.settings(ctx)
    from gateway import chain, wiring
    from gateway.backup import copies, gap, restoring

    kept = copies.find(copies.folder(settings), name)

    async def job() -> str:
        proved = await copies.verify(kept, settings, secret=wiring.audit_key(settings))
        gateway = wiring.build(settings)
        try:
            await restoring.place(kept, settings.database.dsn(), now=gateway.now())
            async with gateway.database.write() as session:
                await gateway.calendars.look(session)
                await wiring.write_senders(session, gateway)
                await gap.settle(session, gateway, copied_at=kept.copy.made_at, by=actor)
            async with gateway.database.write() as session:
                await gateway.log.seal(session)
            async with gateway.database.read() as session:
                gateway.mark.keep(chain.End(*await chain.head(session)))
                verdict = await gateway.log.verify(session, expect_head=kept.copy.head if kept.copy.lines else "")
        finally:
            await gateway.database.close()
        if verdict.fault:
            raise errors.AuditBroken(f"It was restored, closed, but do not use it: {verdict.fault}")
        return f"{proved} Restored, with {verdict.sealed} lines in the chain."

    with wiring.nobody_runs(settings):
        said = asyncio.run(job())
    showing.say(said)
    for sentence in copies.to_be_put_in(kept):
        showing.say(f"The settings file in the copy: {sentence}")
    showing.say("Nothing leaves now. Start Handbell: it takes answers in and asks the providers what left since.")
    showing.say("Put in again what is missing, look at handbell backup held, then say handbell backup open.")


def hold(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(metavar="TIME", help="When it was as it is now, such as 2026-11-29T02:00:00Z.")],
    actor: options.As,
) -> None:
    """Say that this database is an older state that came back by other means, such as a machine's snapshot.

    Then it is closed, as a restored one is. Handbell must not run meanwhile.
    """
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise typer.BadParameter(f"“{since}” is no moment such as 2026-11-29T02:00:00Z.") from None
    if moment.tzinfo is None:
        raise typer.BadParameter("Say the time zone too, such as 2026-11-29T02:00:00Z.")
    from gateway import chain, context, wiring
    from gateway.backup import gap

    # The providers' lists are asked from there on: what left before it would be taken for what has not left.
    if moment > context.utc_now():
        raise typer.BadParameter(f"“{since}” lies ahead: say when the database was as it is now.")

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            await session.run_sync(lambda plain: gap.close(plain.connection(), now=gateway.now()))
            await wiring.write_senders(session, gateway)
            await gap.settle(session, gateway, copied_at=moment, by=actor)
        async with gateway.database.read() as session:
            gateway.mark.keep(chain.End(*await chain.head(session)))
            verdict = await gateway.log.verify(session)
        if verdict.fault:
            raise errors.AuditBroken(f"It is closed, but the log of this state is not whole: {verdict.fault}")

    with wiring.nobody_runs(opening.settings(ctx)):
        opening.work(ctx, job)
    showing.say("Nothing leaves now, until somebody says handbell backup open. See handbell backup held.")


def held(
    ctx: typer.Context,
    each: Annotated[bool, typer.Option("--each", help="Every message, with its id.")] = False,
    notice: _Notice = "",
    json: options.Json = False,
) -> None:
    """List what is set aside since the database was restored, and what is known of it."""
    from gateway.backup import gap

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await gap.listed(session, gap.Which(notice))
            closed = await gap.is_closed(session)
        now = gateway.now()
        if json:
            showing.data([asdict(one) for one in found])
            return
        if closed:
            showing.say("Nothing leaves, until somebody says handbell backup open.")
        if each:
            late = "; no longer worth saying"
            rows = (
                (one.id, one.notice, one.medium, one.contact_id or "", showing.when(one.due_at, gateway.timezone),
                 gap.KNOWN[one.reason] + (late if one.not_after and one.not_after <= now else ""))
                for one in found
            )  # fmt: skip
            showing.table(("message", "notice", "medium", "contact", "was due", "what is known"), rows)
            return
        sums = ((*key[:2], gap.KNOWN[key[2]], count) for key, count in sorted(gap.counted(found).items()))
        showing.table(("notice", "medium", "what is known", "messages"), sums, right="messages")

    opening.work(ctx, job)


def release(
    ctx: typer.Context,
    actor: options.As,
    ids: _Ids = None,
    notice: _Notice = "",
    absent: _Absent = False,
    everything: _All = False,
) -> None:
    """Let messages go that were set aside. Whoever got one already gets it again."""
    from gateway.backup import gap

    count = _decide(ctx, gap.release, _which(ids, notice, absent, everything), actor=actor)
    showing.say(f"Let go, as far as still worth saying: {count}.")


def cancel(
    ctx: typer.Context,
    actor: options.As,
    ids: _Ids = None,
    notice: _Notice = "",
    absent: _Absent = False,
    everything: _All = False,
) -> None:
    """Give messages up that were set aside."""
    from gateway.backup import gap

    count = _decide(ctx, gap.cancel, _which(ids, notice, absent, everything), actor=actor)
    showing.say(f"Given up: {count}.")


def open_again(ctx: typer.Context, actor: options.As) -> None:
    """Let new messages leave again after a restore. What is set aside stays so."""
    from gateway.backup import gap

    async def job(session: Session, gateway: Gateway) -> int:
        return await gap.open_again(session, by=actor, log=gateway.log, now=gateway.now())

    aside = showing.count(_write(ctx, job), "message")
    showing.say(f"New messages leave from now on. {aside} set aside: see handbell backup held.")


def _which(ids: list[str] | None, notice: str, absent: bool, everything: bool) -> Which:
    from gateway.backup import gap

    if not (ids or notice or absent or everything):
        raise typer.BadParameter("say which: ids, --notice KEY, --absent or --all.")
    return gap.Which(notice, absent, tuple(ids or ()))


def _decide(ctx: typer.Context, deed: Callable[..., Awaitable[int]], which: Which, *, actor: str) -> str:
    """Do something with what is set aside. Gives with how many messages, in words."""

    async def job(session: Session, gateway: Gateway) -> int:
        return await deed(session, which, by=actor, log=gateway.log, now=gateway.now())

    return showing.count(_write(ctx, job), "message")


def _write(ctx: typer.Context, job: Callable[[Session, Gateway], Awaitable[int]]) -> int:
    async def written(gateway: Gateway) -> int:
        async with gateway.database.write() as session:
            return await job(session, gateway)

    return opening.work(ctx, written)
