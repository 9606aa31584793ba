"""``handbell calendar``: when school is, and a snowy morning."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import marks, opening, options, showing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from gateway.agenda.holding import Held
    from gateway.calendars.book import Calendars
    from gateway.calendars.ics import Found
    from gateway.calendars.schooldays import SchoolYear
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.models import CalendarClosure, CalendarFeed

School = Annotated[
    str, typer.Option("--school", metavar="NAME", help="One of several schools, by its name in the calendar.")
]
_MOST_DAYS = 800
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def show(ctx: typer.Context, school: School = "", json: options.Json = False) -> None:
    """Show the calendar that holds: its terms, what is closed, its hours, and where it comes from."""
    from gateway.calendars import deeds, feeds

    async def job(gateway: Gateway) -> None:
        calendars, today = gateway.calendars.known, gateway.today()
        year = calendars.year(school)
        async with gateway.database.read() as session:
            closures = await deeds.closures(session, since=today)
            known = await feeds.listed(session)
        if json:
            plain = calendars.document.plain() | {"closures": [one.model_dump(mode="json") for one in closures]}
            showing.data(plain)
            return
        _show_year(year, today)
        _show_closures(closures)
        if quiet := gateway.quiet:
            also = "".join(f", all {_WEEK[day]}" for day in sorted(quiet.days))
            showing.say(f"Quiet hours are from {quiet.start:%H:%M} to {quiet.end:%H:%M}{also}.")
        showing.say(_origin(gateway, calendars))
        for feed in known:
            showing.say(_of_feed(feed, gateway))
        if not school and calendars.schools:
            showing.say(f"Schools with days of their own: {', '.join(calendars.schools)} (--school NAME).")

    opening.work(ctx, job)


def _show_year(year: SchoolYear, today: date) -> None:
    from gateway.models import DaySession

    showing.table(
        ("from", "to", "school days"),
        ((_long(first), _long(last), year.days.count(first - timedelta(days=1), last))
         for first, last in year.days.terms if last >= today),
        title="Terms" if year.days.terms else "No terms are set: every weekday is a school day",
        right="school days",
    )  # fmt: skip
    closed = sorted((day, why) for day, why in year.days.closed.items() if today <= day <= year.days.ends)
    showing.table(("day", "why"), ((_long(day), why) for day, why in closed[:40]), title="Closed")
    for name, session in ((DaySession.AM, "morning"), (DaySession.PM, "afternoon")):
        times = year.sessions[name]
        showing.say(f"The {session} begins at {times.begins:%H:%M}; its register closes at {times.closes:%H:%M}.")
    if year.office:
        showing.say(f"The office is open from {year.office.opens:%H:%M} to {year.office.closes:%H:%M}.")


def _show_closures(closures: list[CalendarClosure]) -> None:
    for one in closures:
        whom = f" of {one.school}" if one.school else ""
        showing.say(f"Closure {one.id}{whom}: {_span(one.first, one.last)}, {one.why} (by {one.by}).")


def _origin(gateway: Gateway, calendars: Calendars) -> str:
    if calendars.is_kept:
        return "It was handed in by the API or handbell calendar import; the settings' file is not used."
    file = gateway.settings.calendar_file
    return f"It is read from {file}." if file else "No calendar is set (calendar.file): this is the one of Handbell."


def _of_feed(feed: CalendarFeed, gateway: Gateway) -> str:
    whom = f" of {feed.school}" if feed.school else ""
    when = showing.when(feed.fetched_at, gateway.timezone) or "never"
    left_out = f" {showing.count(len(feed.problems), 'event')} could not be read." if feed.problems else ""
    trouble = f" The last look failed: {feed.trouble}" if feed.trouble else ""
    return f"Feed{whom}: {feed.source}, read last {when}.{left_out}{trouble}"


def _long(day: date) -> str:
    return f"{day:%a %d %b %Y}"


def _span(first: date, last: date) -> str:
    return _long(first) if first == last else f"{_long(first)} to {_long(last)}"


def days(
    ctx: typer.Context,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day; else today.")] = "",
    last: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day; else four weeks later.")] = "",
    school: School = "",
    json: options.Json = False,
) -> None:
    """List days: school or not, and why not."""
    from gateway.calendars import book

    async def job(gateway: Gateway) -> None:
        year = gateway.calendars.known.year(school)
        begin = marks.day_of(first, gateway.today())
        end = marks.day_of(last, begin + timedelta(days=27))
        if not 0 <= (end - begin).days < _MOST_DAYS:
            raise typer.BadParameter("the last day is before the first, or more than two years later.")
        found = [book.plain(year, begin + timedelta(days=number)) for number in range((end - begin).days + 1)]
        if json:
            showing.data(found)
            return
        showing.table(("day", "school", "why not"), ((_long(one["day"]), "yes" if one["school"] else "", one["why"])
                                                     for one in found))  # fmt: skip
        open_days = sum(one["school"] for one in found)
        showing.say(f"{showing.count(open_days, 'school day')} of {showing.count(len(found), 'day')}.")

    opening.work(ctx, job)


def check(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A calendar (.toml) or .ics file.")] = None,
) -> None:
    """Read a calendar and say what is wrong or odd in it; without a file, the one that holds. Changes nothing."""
    if file is not None and file.suffix.lower() == ".ics":
        _check_ics(ctx, file)
        return
    if file is not None:
        from gateway.calendars import book, schooldays

        _remark(book.Calendars(None, schooldays.read(file)), datetime.now(opening.timezone(ctx)).date())
        return

    async def job(gateway: Gateway) -> None:
        _remark(gateway.calendars.known, gateway.today())

    opening.work(ctx, job)


def _check_ics(ctx: typer.Context, file: Path) -> None:
    found = _read_ics(file, opening.timezone(ctx))
    showing.table(("term", "from", "to"), ((term.name, _long(term.first), _long(term.last)) for term in found.terms))
    showing.table(("closed", "why"), ((_span(one.days()[0], one.days()[-1]), one.why) for one in found.closed))
    for problem in found.problems:
        showing.say(problem)
    showing.say(f"{found.understood} of {showing.count(found.events, 'event')} say something about school days.")


def _read_ics(file: Path, timezone: ZoneInfo) -> Found:
    from gateway.calendars import ics

    try:
        with file.open("rb") as opened:
            content = opened.read(ics.LARGEST + 1)
    except OSError as error:
        raise errors.BadInput(
            [errors.Problem(f"it cannot be read: {error.strerror}.", "Look at its name.", file=file.name)]
        ) from None
    return ics.read(content, timezone=timezone, today=datetime.now(timezone).date())


def _remark(calendars: Calendars, today: date) -> None:
    from gateway.calendars import remarks

    for remark in remarks.of(calendars, today):
        showing.say(remark)
    showing.say("The calendar can be read.")


def import_file(
    ctx: typer.Context,
    actor: options.As,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A calendar (.toml) or .ics file.")] = None,
    school: School = "",
    forget: Annotated[
        bool, typer.Option("--forget", help="Go back to the file of the settings, without what was handed in.")
    ] = False,
) -> None:
    """Hold a calendar from now on: a whole one (.toml), or the terms and closed days of an .ics file.

    Campaigns are laid out anew at once.
    """
    if (file is None) != forget:
        raise typer.BadParameter("name a file, or give --forget.")
    from gateway.calendars import deeds, feeds, fetching, schooldays

    async def job(gateway: Gateway) -> None:
        async def deed(session: Session) -> str:
            now = gateway.now()
            if file is None:
                await deeds.forget(session, by=actor, log=gateway.log, now=now)
                return "The calendar of the settings' file holds again."
            if file.suffix.lower() != ".ics":
                wanted = schooldays.read(file)
                await deeds.put(session, wanted, by=actor, log=gateway.log, now=now)
                return f"{file.name} holds from now on. It is a copy: import it again when you change it."
            gateway.calendars.known.year(school)
            found = _read_ics(file, gateway.timezone)
            for problem in found.problems:
                showing.say(problem)
            try:
                await feeds.keep(session, school, file.name, found, by=actor, log=gateway.log, now=now)
            except fetching.NotFetched as error:
                raise errors.BadInput([errors.Problem(str(error), "Is it the right file?", file=file.name)]) from None
            return f"{len(found.terms)} terms and {len(found.closed)} closures of {file.name} hold from now on."

        await _change(gateway, deed)

    opening.work(ctx, job)


async def _change(gateway: Gateway, deed: Callable[[Session], Awaitable[str]]) -> None:
    """Change the calendar, lay the campaigns out by it, and say what that did."""
    from gateway.campaigns import rearranging

    async with gateway.database.write() as session:
        said = await deed(session)
        moved = await rearranging.rearrange(session, gateway)
    showing.say(said)
    if moved:
        showing.say(
            f"Of {showing.count(moved, 'campaign')} the next firing is at another time now: handbell campaign next"
        )


def close(
    ctx: typer.Context,
    day: Annotated[str, typer.Argument(metavar="DAY", help="Such as 12/01/2027 or 2027-01-12.")],
    because: Annotated[str, typer.Option("--because", metavar="WHY", help="Such as Snow. Staff read it.")],
    actor: options.As,
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day, where there are several.")] = "",
    school: School = "",
) -> None:
    """Close a day: snow, no heating. No absence is asked about, and campaigns keep to their rule for such days.

    It tells nobody: send a notice for that.
    """
    from gateway.calendars import deeds

    async def job(gateway: Gateway) -> None:
        async def deed(session: Session) -> str:
            year, first = gateway.calendars.known.year(school), marks.day_of(day, gateway.today())
            last = marks.day_of(until, first)
            made = await deeds.close(
                session, first, last, why=because, school=school, by=actor, log=gateway.log, now=gateway.now()
            )
            odd = "" if year.days.is_school_day(first) else f" There was no school anyway: {year.days.why_not(first)}."
            odd += " That has gone by: is the year right?" if last < gateway.today() else ""
            return f"{_span(first, last)} is closed.{odd} Take it back with: handbell calendar undo {made.id}"

        await _change(gateway, deed)

    opening.work(ctx, job)


def undo(
    ctx: typer.Context,
    closure: Annotated[int, typer.Argument(metavar="ID", help="The closure's number, from handbell calendar show.")],
    actor: options.As,
) -> None:
    """Take a closure back: there is school after all."""
    from gateway.calendars import deeds

    async def job(gateway: Gateway) -> None:
        async def deed(session: Session) -> str:
            made = await deeds.undo(session, closure, by=actor, log=gateway.log, now=gateway.now())
            return f"There is school again: {_span(made.first, made.last)}."

        await _change(gateway, deed)

    opening.work(ctx, job)


def hold(ctx: typer.Context, actor: options.As) -> None:
    """Hold everything that was to go out today, until it is released. Absence checks and alarms go on.

    What is sent meanwhile goes out.
    """
    from gateway.agenda import holding

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            held = await holding.hold(session, gateway, by=actor)
        showing.say(f"{_what(held)} held. Let it go with: handbell calendar release")

    opening.work(ctx, job)


def release(ctx: typer.Context, actor: options.As) -> None:
    """Let go what is held: it goes now, as far as it is still worth saying."""
    from gateway.agenda import holding

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            held = await holding.release(session, gateway, by=actor)
        showing.say(f"{_what(held)} may go again.")

    opening.work(ctx, job)


def _what(held: Held) -> str:
    praises = showing.count(held.praises, "piece of good news", "pieces of good news")
    return f"{showing.count(held.notices, 'notice')} and {praises}"
