"""``handbell person``: what is held of somebody is shown to them, put right, or erased."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.privacy.erasing import Plan

Who = Annotated[str, typer.Argument(metavar="PERSON", help="As contact:12 or pupil:7; the numbers are Handbell's own.")]


def export(
    ctx: typer.Context,
    who: Who,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the files.")],
    by: options.As,
    asked_by: Annotated[
        str, typer.Option("--for", metavar="CONTACT", help="Of a child: who asks, as contact:12; their words stay.")
    ] = "",
    health: Annotated[bool, typer.Option("--health", help="With what may tell of somebody's health.")] = False,
) -> None:
    """Write everything that is held of a person into a folder: a page to read and the same as JSON.

    Other people's names, numbers and words are taken out. Read it before you hand it over: a machine has done that.
    """
    from gateway.privacy import belongings, exporting

    async def job(gateway: Gateway) -> None:
        asked = exporting.Asked(belongings.named(who), belongings.contact_named(asked_by) if asked_by else None, health)
        async with gateway.database.read() as session:
            found = await exporting.read(session, gateway, asked)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise errors.Conflict(f"The folder {folder} cannot be made: {error.strerror}.") from None
        async with gateway.database.write() as session:
            await exporting.record(session, gateway, asked, by=by)
        school = gateway.settings.school.name
        files = {
            "record.html": exporting.html(found, school=school),
            "record.json": exporting.json_of(found),
        }
        for name, text in files.items():
            place = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(place, "w", encoding="utf-8") as file:
                file.write(text)
        rows = sum(len(rows) for rows in found.tables.values())
        showing.say(
            f"{folder}: {showing.count(rows, 'row')} of {len(found.tables)} kinds. Read it before you hand it over."
        )

    opening.work(ctx, job)


def correct(
    ctx: typer.Context,
    who: Who,
    fields: Annotated[list[str], typer.Argument(metavar="FIELD=VALUE…", help="As surname=Nowak or born=2015-03-31.")],
    by: options.As,
) -> None:
    """Put right what is held of a person.

    Correct it in the school's own records, too: the next import brings their version.
    """
    from gateway.privacy import belongings, correcting

    async def job(gateway: Gateway) -> None:
        values = {name: value for name, _, value in (field.partition("=") for field in fields)}
        async with gateway.database.write() as session:
            changed = await correcting.correct(session, gateway, belongings.named(who), values, by=by)
        showing.say(f"Changed: {', '.join(changed)}." if changed else "It was so already.")

    opening.work(ctx, job)


def erase(
    ctx: typer.Context,
    who: Who,
    by: options.As,
    why: Annotated[str, typer.Option(help="Why, in a word, for the audit log; no names.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this it is only shown.")] = False,
    json: options.Json = False,
) -> None:
    """Show what erasing a person takes and leaves, and with --yes erase them. It cannot be taken back.

    What the law asks a school to keep stays and names nobody. A number that told us to stop is never written to, should
    it come back.
    """
    from gateway.privacy import belongings, erasing

    async def job(gateway: Gateway) -> None:
        person = belongings.named(who)
        if yes:
            async with gateway.database.write() as session:
                found = await erasing.erase(session, gateway, person, by=by, why=why)
            await erasing.scour(gateway.database)
        else:
            async with gateway.database.read() as session:
                found = await erasing.plan(session, gateway, person)
        if json:
            showing.data({"goes": found.goes, "emptied": found.emptied, "stays": found.stays, "done": yes})
            return
        _say(found)
        showing.say(f"{who} is erased." if yes else "Nothing was changed. The same with --yes does it, for ever.")

    opening.work(ctx, job)


def _say(found: Plan) -> None:
    from gateway.privacy import holdings

    rows = [(holdings.HOLDINGS[name].what, count, "goes") for name, count in found.goes.items()]
    rows += [(holdings.HOLDINGS[name].what, count, "emptied") for name, count in found.emptied.items()]
    showing.table(("what", "rows", ""), rows)
    for sentence in [*found.stays, *(f"Mind: {one}" for one in found.minds)]:
        showing.say(sentence)


def retention(ctx: typer.Context, json: options.Json = False) -> None:
    """Show how long everything is kept, what would go tonight, and when that was done last."""
    from gateway.privacy import retention as clocks
    from gateway.privacy import scrubbing

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await clocks.due(session, gateway)
            last = await clocks.last_night(session)
            waiting, done = await scrubbing.waiting(session)
        if json:
            rules = [{"clock": o.rule.clock, "what": o.rule.called, "days": o.days, "due": o.rows} for o in found]
            ran, gone = (last.at, last.gone) if last else (None, {})
            provider = {"waiting": waiting, "done": done}
            showing.data({"rules": rules, "last_run": ran, "last_gone": gone, "at_provider": provider})
            return
        rows = [(one.rule.clock.value, one.days, one.rule.called, one.rows) for one in found]
        showing.table(("clock", "days", "what", "due now"), rows)
        said = "never"
        if last:
            said = f"{showing.when(last.at, gateway.timezone)}, {showing.count(sum(last.gone.values()), 'row')}"
        showing.say(f"Done last: {said}. Words at the provider: {done} deleted, {waiting} still to be.")

    opening.work(ctx, job)
