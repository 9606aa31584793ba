"""``handbell absence``: who is not accounted for, and what people do about it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import marks, opening, options, showing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from gateway.absence.chronology import Page
    from gateway.absence.rules import Rules
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.models import AbsenceCase, Pupil

Case = Annotated[int, typer.Argument(metavar="CASE", help="The case's number, from handbell absence list.")]
_STRANGERS_WITHIN = timedelta(days=14)
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it into this file.")]


def list_all(
    ctx: typer.Context,
    day: marks.Day = "",
    everything: Annotated[bool, typer.Option("--all", help="Those too that are settled, of one day.")] = False,
    json: options.Json = False,
) -> None:
    """List the children who are not accounted for, and the answers that a person must confirm.

    Of every day, unless one is named.
    """
    from gateway.absence import board, rules, states, views
    from gateway.models import CaseState

    async def job(gateway: Gateway) -> None:
        decided = rules.load(gateway.settings, gateway.year)
        wanted = () if everything else sorted({*states.OPEN, CaseState.TO_CONFIRM, CaseState.HANDED_OVER})
        on = marks.day_of(day, gateway.today()) if day or everything else None
        async with gateway.database.read() as session:
            found = await views.listed(session, day=on, states=wanted)
            which = board.session_of(decided, gateway.now())
            whole = await board.read(session, decided, on or gateway.today(), which)
        if json:
            showing.data([_plain(case, pupil) for case, pupil in found])
            return
        showing.table(
            ("case", "child", "form", "date", "session", "state", "by", "code", "next"),
            (_row(case, pupil, gateway.timezone) for case, pupil in found),
        )
        showing.say(f"{whole.headline()}.")

    opening.work(ctx, job)


def _row(case: AbsenceCase, pupil: Pupil, timezone: ZoneInfo) -> tuple[object, ...]:
    code = f"{case.code}{'' if case.decided_by else '?'}" if case.code else ""
    following = case.next_at.astimezone(timezone).strftime("%H:%M") if case.next_at else ""
    name = f"{pupil.called} {pupil.surname}{' (goes first)' if case.fast else ''}"
    return (
        case.id,
        name,
        pupil.form,
        f"{case.date:%d/%m/%Y}",
        case.session.upper(),
        _words(case.state),
        case.by,
        code,
        following,
    )


def _words(state: str) -> str:
    return state.replace("_", " ")


def _plain(case: AbsenceCase, pupil: Pupil) -> dict[str, Any]:
    return case.model_dump(mode="json") | {"pupil": pupil.source_id, "name": pupil.called, "form": pupil.form}


def show(ctx: typer.Context, case: Case, actor: options.As) -> None:
    """Show one case: whom to ring, and everything that happened."""
    from gateway.absence import chronology

    async def job(gateway: Gateway) -> None:
        page = await _page(gateway, case, actor)
        for line in chronology.text(page, timezone=gateway.timezone):
            showing.say(line)

    opening.work(ctx, job)


async def _page(gateway: Gateway, case: int, actor: str) -> Page:
    """The chronology of a case; that somebody looked is written down."""
    from gateway.absence import chronology

    async with gateway.database.write() as session:
        page = await chronology.read(session, case, today=gateway.today())
        await gateway.log.record(session, chronology.shown(case, to=actor), now=gateway.now())
    return page


def chronology_page(ctx: typer.Context, case: Case, actor: options.As, out: Out = None) -> None:
    """Write the chronology of one case as a page to print."""
    from gateway.absence import chronology

    async def job(gateway: Gateway) -> None:
        page = await _page(gateway, case, actor)
        school = gateway.settings.school.name
        written = chronology.html(page, school=school, timezone=gateway.timezone, printed=gateway.now())
        if out is None:
            showing.say(written)
            return
        _write(out, written)
        showing.say(f"Written to {out}.")

    opening.work(ctx, job)


def _write(path: Path, text: str) -> None:
    """For its owner's eyes alone: it is about children."""
    try:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise errors.NotReady(f"{path} cannot be written: {error.strerror}.") from None


def settle(
    ctx: typer.Context,
    case: Case,
    actor: options.As,
    code: Annotated[str, typer.Option(metavar="CODE", help="Absent, and this is why: the register code.")] = "",
    seen: Annotated[bool, typer.Option("--seen", help="In school.")] = False,
    safe: Annotated[bool, typer.Option("--safe", help="Somebody has made sure that the child is safe.")] = False,
    hand_over: Annotated[str, typer.Option(metavar="NAME", help="This person takes the child over.")] = "",
    who: Annotated[str, typer.Option(metavar="NAME", help="Who says so, such as “Maria Nowak (mother)”.")] = "",
    at: Annotated[str, typer.Option(metavar="TIME", help="When the child came, with --seen.")] = "",
    comment: Annotated[str, typer.Option(metavar="TEXT", help="A remark for the register.")] = "",
) -> None:
    """Write down where a child is. Whoever was asked is told, unless somebody takes it over."""
    from gateway.absence import deeds
    from gateway.models import CaseState

    chosen = [after for after, wanted in (
        (CaseState.SEEN, seen), (CaseState.SAFE, safe), (CaseState.HANDED_OVER, bool(hand_over)),
        (CaseState.EXPLAINED, bool(code) and not (seen or safe or hand_over)),
    ) if wanted]  # fmt: skip
    if len(chosen) != 1:
        raise typer.BadParameter("give one of --code, --seen, --safe and --hand-over.")

    async def deed(session: Session, gateway: Gateway, decided: Rules, found: AbsenceCase) -> AbsenceCase:
        arrived = marks.clock_of(at, found.date, decided)
        made = deeds.Verdict(chosen[0], hand_over or who or actor, code, comment, arrived)
        return await deeds.settle(session, gateway, decided, case, made, by=actor)

    _do(ctx, case, deed)


def confirm(ctx: typer.Context, case: Case, actor: options.As) -> None:
    """Take the code that an answer suggests."""
    from gateway.absence import deeds

    async def deed(session: Session, gateway: Gateway, decided: Rules, _found: AbsenceCase) -> AbsenceCase:
        return await deeds.confirm(session, gateway, decided, case, by=actor)

    _do(ctx, case, deed)


def resume(ctx: typer.Context, case: Case, actor: options.As) -> None:
    """Ask on: the answer says nothing, or is not believed."""
    from gateway.absence import deeds

    async def deed(session: Session, gateway: Gateway, _decided: Rules, _found: AbsenceCase) -> AbsenceCase:
        return await deeds.resume(session, gateway, case, by=actor)

    _do(ctx, case, deed)


def _do(
    ctx: typer.Context, case_id: int, deed: Callable[[Session, Gateway, Rules, AbsenceCase], Awaitable[AbsenceCase]]
) -> None:
    from gateway.absence import rules
    from gateway.models import AbsenceCase

    async def job(gateway: Gateway) -> None:
        decided = rules.load(gateway.settings, gateway.year)
        async with gateway.database.write() as session:
            found = await session.get(AbsenceCase, case_id)
            if found is None:
                raise errors.NotFound(f"There is no absence case {case_id}.")
            done = await deed(session, gateway, decided, found)
        code = f", code {done.code}" if done.code else ""
        showing.say(f"Case {case_id} is {_words(done.state)}, by {done.by or 'nobody yet'}{code}.")

    opening.work(ctx, job)


def report(
    ctx: typer.Context,
    pupil: Annotated[str, typer.Argument(metavar="PUPIL", help="The pupil's MIS id or UPN.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="The register code of the reason, such as I.")],
    actor: options.As,
    who: Annotated[str, typer.Option(metavar="NAME", help="Who says so, such as “Maria Nowak (mother)”.")] = "a parent",
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day; else today.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day; else the first.")] = "",
    session: Annotated[str, typer.Option("--session", metavar="AM|PM", help="This session only.")] = "",
) -> None:
    """Take down that a child is or will be away, as a parent tells the office: nobody is asked about it then."""
    from gateway.absence import deeds, reasons, rules

    async def job(gateway: Gateway) -> None:
        decided, today = rules.load(gateway.settings, gateway.year), gateway.today()
        begins = marks.day_of(first, today)
        ends = marks.day_of(until, begins)
        if session and session.lower() not in ("am", "pm"):
            raise errors.BadInput([errors.Problem(f"“{session}” is no session.", "Write AM or PM.")])
        async with gateway.database.write() as opened:
            row = await deeds.pupil_named(opened, pupil, today=today)
            said = reasons.Said(
                row.id or 0, begins, ends, "", code.strip().upper(), who, session.lower(), taken_by=actor
            )
            outcome = await deeds.report(opened, gateway, decided, said)
        showing.say(f"{row.called} is away from {begins:%d/%m/%Y} until {ends:%d/%m/%Y}. {outcome}")

    opening.work(ctx, job)


def release(ctx: typer.Context, actor: options.As, day: marks.Day = "", session: marks.Half = "") -> None:
    """Let a register be asked about that is held back, because so many are absent in it."""
    from gateway.absence import rules, sweep
    from gateway.models import DaySession

    async def job(gateway: Gateway) -> None:
        decided = rules.load(gateway.settings, gateway.year)
        which = DaySession(marks.session_of(session, gateway, decided).lower())
        async with gateway.database.write() as opened:
            await sweep.release(opened, gateway, marks.day_of(day, gateway.today()), which, by=actor)
        showing.say("The families are asked now.")

    opening.work(ctx, job)


def export(ctx: typer.Context, actor: options.As, day: marks.Day = "", out: Out = None) -> None:
    """Write a day's codes and comments for the MIS, as CSV, with who decided and when."""
    from gateway.absence import export as writing
    from gateway.absence import rules, views

    async def job(gateway: Gateway) -> None:
        decided, on = rules.load(gateway.settings, gateway.year), marks.day_of(day, gateway.today())
        async with gateway.database.write() as session:
            lines = await views.day_list(session, decided, on)
            await gateway.log.record(session, writing.shown(on, to=actor), now=gateway.now())
        text = writing.csv_of(lines, timezone=gateway.timezone)
        if out is None:
            typer.echo(text, nl=False)
            return
        _write(out, text)
        showing.say(f"{showing.count(len(lines), 'line')} of {on:%d/%m/%Y} written to {out}.")

    opening.work(ctx, job)


def ageing(ctx: typer.Context, json: options.Json = False) -> None:
    """List absences whose reason is still to be found, with the school days that are left for it."""
    from gateway.absence import rules, views

    async def job(gateway: Gateway) -> None:
        decided = rules.load(gateway.settings, gateway.year)
        async with gateway.database.read() as session:
            found = await views.ageing(session, decided, today=gateway.today())
        if json:
            showing.data([{name: getattr(one, name) for name in one.__slots__} for one in found])
            return
        later = decided.codes.later
        rows = (
            (one.left if one.left > 0 else f"over: {later}", one.day, one.session.upper(), one.name, one.form, one.case)
            for one in found
        )
        showing.table(("days left", "date", "session", "child", "form", "case"), rows, right="days left")

    opening.work(ctx, job)


def strangers(ctx: typer.Context, json: options.Json = False) -> None:
    """List what was written of absences by somebody who may speak of no child, with a guess at whose child it is.

    For staff alone: nothing of it was or is sent back.
    """
    from gateway.absence import strangers as reading

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await reading.listed(session, after=gateway.now() - _STRANGERS_WITHIN, today=gateway.today())
        rows = [
            {
                "id": one.reply.id,
                "at": one.reply.at,
                "from": one.sender,
                "medium": one.medium,
                "words": one.reply.body,
                "perhaps": [
                    {"pupil": guess.pupil.source_id, "name": guess.name, "because": list(guess.because)}
                    for guess in one.guesses
                ],
            }
            for one in found
        ]
        if json:
            showing.data(rows)
            return
        showing.table(
            ("id", "at", "from", "words", "perhaps about"),
            (
                (one.reply.id, showing.when(one.reply.at, gateway.timezone), one.sender, one.reply.body,
                 " or ".join(guess.name for guess in one.guesses) or "nobody can tell")
                for one in found
            ),
        )  # fmt: skip
        if found:
            showing.say(
                "Ring the family by a number on file. Then: handbell replies seen ID, and handbell absence report."
            )

    opening.work(ctx, job)
