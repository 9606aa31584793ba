"""``handbell marks``: register marks in, from files and by hand."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.absence.rules import Rules
    from gateway.context import Gateway
    from gateway.registers.marks import Change

_SHOWN = 20

Day = Annotated[str, typer.Option("--date", metavar="DATE", help="Which day, as 23/11/2026 or 2026-11-23; else today.")]
Half = Annotated[str, typer.Option("--session", metavar="AM|PM", help="Which session; else the one that it is now.")]


def day_of(raw: str, today: date) -> date:
    """A day as it was typed. Raises :class:`errors.BadInput`."""
    from gateway.definitions import model
    from gateway.importing import cells

    found = cells.day(raw) if raw else today
    if isinstance(found, errors.Problem):
        raise errors.BadInput([found])
    if found.year not in model.YEARS:
        raise errors.BadInput([errors.Problem(f"“{raw}” is in no year that a school plans for.", "Look at the year.")])
    return found


def session_of(raw: str, gateway: Gateway, decided: Rules) -> str:
    """A session as it was typed, or the one that it is now."""
    from gateway.models import DaySession

    if raw:
        return raw
    afternoon = decided.year.moments(gateway.today(), DaySession.PM, decided.timezone).begins
    return (DaySession.PM if gateway.now() >= afternoon else DaySession.AM).value


def import_files(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Exported register marks, CSV.")],
    actor: options.As,
    day: Day = "",
    encoding: Annotated[str, typer.Option(help="Read the files so, if Handbell guesses wrong (cp1252 …).")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    json: options.Json = False,
) -> None:
    """Take over register marks: a row for each mark, or for each pupil with AM and PM.

    Rows with mistakes are named and left out. The same file again changes nothing; a later one changes marks, and what
    follows from them.
    """
    from gateway.absence import registers, rules
    from gateway.registers import marks, reading

    async def job(gateway: Gateway) -> None:
        decided, today = rules.load(gateway.settings, gateway.year), gateway.today()
        shown = []
        async with gateway.database.write() as session:
            for file in files:
                written = reading.read(file, encoding=encoding or None)
                found = await reading.sort(
                    session, written, decided.for_reading, file=file.name, today=today, day=day_of(day, today)
                )
                source = marks.Source(file.name, actor)
                changes = await registers.take_in(session, gateway, decided, found.all, source)
                shown.append((found, changes))
            if dry_run:
                await session.rollback()
        for found, changes in shown:
            _tell(found, changes, json=json)
        if dry_run:
            showing.remark("Nothing was written: this was a dry run.")

    opening.work(ctx, job)


def _tell(found: object, changes: list[Change], *, json: bool) -> None:
    from gateway.registers import reading

    if not isinstance(found, reading.Found):
        raise TypeError("not what was read")
    new = sum(not change.before for change in changes)
    if json:
        showing.data(
            {
                "file": found.file,
                "marks": found.rows,
                "new": new,
                "changed": len(changes) - new,
                "not_taken": found.blank,
                "problems": [str(problem) for problem in found.problems],
            }
        )
        return
    same = found.same(changes)
    showing.say(
        f"{found.file}: {showing.count(found.rows, 'mark')}: {new} new, {len(changes) - new} changed, {same} the same, "
        f"{found.blank} not taken, {len(found.problems)} left out."
    )
    for problem in found.problems[:_SHOWN]:
        showing.say(f"  {problem}")
    if len(found.problems) > _SHOWN:
        showing.say(f"  … and {len(found.problems) - _SHOWN} more (--json shows them)")


def set_one(
    ctx: typer.Context,
    pupil: Annotated[str, typer.Argument(metavar="PUPIL", help="The pupil's MIS id or UPN.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="The register code, such as L; - for no mark.")],
    actor: options.As,
    day: Day = "",
    session: Half = "",
    at: Annotated[str, typer.Option(metavar="TIME", help="When a late pupil came, as 09:42.")] = "",
    comment: Annotated[str, typer.Option(metavar="TEXT", help="A remark for the register.")] = "",
) -> None:
    """Set one mark by hand. No file that says again what it said before undoes it."""
    from gateway.absence import registers, rules
    from gateway.registers import marks, reading

    async def job(gateway: Gateway) -> None:
        decided, today = rules.load(gateway.settings, gateway.year), gateway.today()
        wanted = reading.Written(
            pupil,
            day_of(day, today).isoformat(),
            session_of(session, gateway, decided),
            code,
            arrived=at,
            comment=comment,
        )
        async with gateway.database.write() as opened:
            found = await reading.sort(opened, [wanted], decided.for_reading, file="", today=today)
            if found.problems or not found.all:
                raise errors.BadInput(found.problems or [errors.Problem("That is no mark.", "Give a register code.")])
            source = marks.Source("by hand", actor, filed=False)
            changes = await registers.take_in(opened, gateway, decided, found.all, source)
        before = changes[0].before if changes else ""
        given = found.all[0]
        what = f"was {before or 'not set'}" if changes else "had it already" if given.code else "had none"
        showing.say(f"{pupil}, {given.day:%d/%m/%Y} {given.session.upper()}: {given.code or 'no mark'} ({what}).")

    opening.work(ctx, job)


def codes(ctx: typer.Context, day: Day = "", json: options.Json = False) -> None:
    """Show the register codes in force, and what each sets off."""
    from gateway.registers import codes as registers

    today = datetime.now(opening.timezone(ctx)).date()
    found = list(registers.load(_code_set(ctx)).on(day_of(day, today)))
    if json:
        showing.data([code.model_dump(mode="json", by_alias=True) for code in found])
        return
    rows = (
        (
            code.code,
            code.meaning,
            code.statistic.value.replace("_", " "),
            "yes" if code.asks else "in school" if code.in_school else "",
        )
        for code in found
    )
    showing.table(("code", "meaning", "class", "family is asked"), rows)


def _code_set(ctx: typer.Context) -> str:
    from config import problems, sections

    try:
        return opening.settings(ctx).absence.codes
    except problems.ConfigError:
        return str(sections.Absence.model_fields["codes"].default)


def clock_of(raw: str, day: date, decided: Rules) -> datetime | None:
    """A time of day as it was typed, on a day; None for nothing. Raises :class:`errors.BadInput`."""
    from scheduler import calendar

    if not raw:
        return None
    try:
        clock = time.fromisoformat(raw.replace(".", ":").rjust(5, "0"))
    except ValueError:
        raise errors.BadInput([errors.Problem(f"“{raw}” is no time of day.", "Write it as 09:42.")]) from None
    return calendar.to_utc(datetime.combine(day, clock), decided.timezone)
