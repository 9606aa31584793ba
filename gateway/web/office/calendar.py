"""Calendar: what goes out and when, what comes next, which days are no school days, and a snow day."""

from __future__ import annotations

import calendar as months
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context, errors
from gateway.agenda import coming, gone, holding, moving
from gateway.calendars import deeds
from gateway.campaigns import rearranging
from gateway.database import Session
from gateway.events import views
from gateway.models import GuestState
from gateway.web import site
from gateway.web.office import door, frame, naming, visitors
from gateway.web.office.rights import Right
from scheduler import calendar

_NEXT: Final = 9  #: lines of what goes next
_EVENTS: Final = 8
_FEWEST: Final = 5  #: days of a week: Monday to Friday, and the weekend's where there is school on them
_DAY: Final = timedelta(days=1)
_YEARS: Final = range(2000, 2200)


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/calendar/2026-11``, an event, and what may be done to a day."""
    shown, see, change, post = Page(pages), Right.SEE_CALENDAR, Right.CHANGE_CALENDAR, ("POST",)
    return [
        door.page("/calendar", shown.now, right=see),
        door.page("/calendar/hold", shown.hold, right=change, methods=post),
        door.page("/calendar/release", shown.release, right=change, methods=post),
        door.page("/calendar/close", shown.close, right=change, methods=post),
        door.page("/calendar/closures/{closure:int}/undo", shown.reopen, right=change, methods=post),
        door.page("/calendar/events/{key}", shown.event, right=Right.SEE_FAMILIES),
        door.page("/calendar/{month}", shown.show, right=see),
    ]


@dataclass(slots=True)
class Cell:
    """A day of the month: why there is no school, ``""`` for a school day, and what goes out."""

    day: date
    why: str
    items: list[coming.Item] = field(default_factory=list[coming.Item])


@dataclass(frozen=True, slots=True)
class Page:
    """The pages."""

    pages: frame.Pages

    async def now(self, request: Request) -> Response:
        """To this month."""
        return door.to(f"/calendar/{site.of(request).gateway.today():%Y-%m}")

    async def show(self, request: Request) -> Response:
        """A month, and what goes next."""
        return await self._page(request, _month(request.path_params["month"]))

    async def hold(self, request: Request) -> Response:
        """A snow day: nothing that was planned goes out today."""
        here = site.of(request)
        async with here.gateway.database.write() as session:
            held = await holding.hold(session, here.gateway, by=visitors.of(request).signature)
        return self.pages.done(request, "/calendar", f"Held: {_what(held)}.", undo="/calendar/release")

    async def release(self, request: Request) -> Response:
        """Let it go again."""
        here = site.of(request)
        async with here.gateway.database.write() as session:
            held = await holding.release(session, here.gateway, by=visitors.of(request).signature)
        here.planned()
        return self.pages.done(request, "/calendar", f"Started again: {_what(held)}.")

    async def close(self, request: Request) -> Response:
        """There is no school on a day: nobody is asked where a child is, and campaigns keep to their rules."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        given = {name: form.get(name, "").strip() for name in ("first", "last", "why")}
        gateway = here.gateway
        try:
            first = _day(given["first"], "first")
            last = _day(given["last"], "last") if given["last"] else first
            async with gateway.database.write() as session:
                made = await deeds.close(
                    session, first, last, why=given["why"], by=by, log=gateway.log, now=gateway.now()
                )
                await rearranging.rearrange(session, gateway)
        except errors.BadInput as error:
            today = gateway.today()
            return await self._page(request, today.replace(day=1), given=given, problems=door.faults(error), status=422)
        undo = f"/calendar/closures/{made.id}/undo"
        days = naming.short_day(first) if first == last else f"{naming.short_day(first)} to {naming.short_day(last)}"
        text = f"There is no school on {days}. Nobody has been told: write an announcement for that."
        return self.pages.done(request, f"/calendar/{first:%Y-%m}", text, undo=undo)

    async def reopen(self, request: Request) -> Response:
        """There is school after all."""
        gateway, by = site.of(request).gateway, visitors.of(request).signature
        async with gateway.database.write() as session:
            closure = request.path_params["closure"]
            made = await deeds.undo(session, closure, by=by, log=gateway.log, now=gateway.now())
            await rearranging.rearrange(session, gateway)
        return self.pages.done(request, f"/calendar/{made.first:%Y-%m}", "There is school again.")

    async def event(self, request: Request) -> Response:
        """Who comes to an event, and which times are free; a teacher sees the families of their own forms."""
        here = site.of(request)
        async with here.gateway.database.read() as session:
            found = await views.whole(session, request.path_params["key"], sees=visitors.of(request).sees)
        return await self.pages.render(
            request, "event.html", here="calendar", found=found, event=found.event, states=GuestState, words=_ANSWERS
        )

    async def _page(
        self,
        request: Request,
        month: date,
        *,
        given: Mapping[str, str] | None = None,
        problems: Sequence[tuple[str, str]] = (),
        status: int = 200,
    ) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            values = await _read(session, gateway, month)
        values |= {
            "given": given or {"first": gateway.today().isoformat(), "last": "", "why": ""},
            "problems": problems,
            "when": lambda at: when(at, gateway),
            "kinds": _KINDS,
        }
        return await self.pages.render(request, "calendar.html", status=status, here="calendar", **values)


#: What each kind is called, and the colour of its tag.
_KINDS: Final = {
    coming.Kind.ANNOUNCEMENT: ("Announcement", "brand"),
    coming.Kind.REMINDER: ("Reminder", "blue"),
    coming.Kind.AUTOMATIC: ("Automatic", ""),
    coming.Kind.SENT: ("Sent", ""),
}
_ANSWERS: Final = {
    GuestState.INVITED: ("Has not answered", ""),
    GuestState.COMING: ("Coming", "green"),
    GuestState.NOT_COMING: ("Not coming", ""),
    GuestState.WAITING: ("Waits for a place", "amber"),
    GuestState.OFFERED: ("Is offered a place", "blue"),
    GuestState.PHONE: ("Can make none of the times: ring them", "red"),
}


async def _read(session: Session, gateway: context.Gateway, month: date) -> dict[str, Any]:
    year = (await gateway.calendars.look(session)).year()
    width = max(_FEWEST, *(day + 1 for day in year.days.weekdays))
    weeks, now, today = _weeks(month, width), gateway.now(), gateway.today()
    begins, ends = _midnight(weeks[0][0], gateway), _midnight(weeks[-1][0] + 7 * _DAY, gateway)
    planned = await coming.read(session, gateway, until=max(ends, coming.horizon(now)))
    items = [*await gone.read(session, begins, min(ends, now)), *(one for one in planned if one.at >= begins)]
    cells = {day: Cell(day, year.days.why_not(day)) for week in weeks for day in week}
    for one in items:
        local = one.at.astimezone(gateway.timezone).date()
        shown = local - max(0, local.weekday() - width + 1) * _DAY  # of a weekend: with the Friday before
        if shown in cells:
            cells[shown].items.append(one)
    check = coming.checks(gateway)
    following = sorted(planned + ([check] if check else []), key=lambda one: one.at)
    lines = (await views.listed(session, limit=200, since=_midnight(today, gateway)))[-_EVENTS:]
    return {
        "month": month,
        "before": (month - _DAY).replace(day=1),
        "after": (month + 32 * _DAY).replace(day=1),
        "width": width,
        "weeks": [[cells[day] for day in week] for week in weeks],
        "moving": await moving.read(session, gateway, today, limit=4),
        "next": await coming.counted(session, gateway, following[:_NEXT]),
        "held": await holding.current(session),
        "closures": await deeds.closures(session, since=today),
        "events": [line for line in reversed(lines) if line.event.cancelled_at is None],
        "places": await views.places(session, [line.event.id or 0 for line in lines]),
        "states": GuestState,
    }


def when(at: datetime, gateway: context.Gateway) -> str:
    """``Now``, ``Today 3:45pm``, ``Fri 8:50am`` within a week, ``4 December 8am`` later."""
    local, today = at.astimezone(gateway.timezone).date(), gateway.today()
    clock = naming.moment(at, gateway.timezone).replace(":00", "")
    if at <= gateway.now():
        return "Now"
    if local == today:
        return f"Today {clock}"
    return f"{local:%a} {clock}" if local < today + 7 * _DAY else f"{naming.short_day(local)} {clock}"


def _what(held: holding.Held) -> str:
    found = [naming.count(held.notices, "announcement")] if held.notices or not held.praises else []
    if held.praises:
        found.append(naming.count(held.praises, "piece of good news", "pieces of good news"))
    return " and ".join(found)


def _weeks(month: date, width: int) -> list[list[date]]:
    """The weeks of a month from Monday, so many days of each; one of which only the weekend is in it is left out."""
    found = [week[:width] for week in months.Calendar().monthdatescalendar(month.year, month.month)]
    return [week for week in found if any(day.month == month.month for day in week)]


def _midnight(day: date, gateway: context.Gateway) -> datetime:
    return calendar.to_utc(datetime.combine(day, datetime.min.time()), gateway.timezone)


def _month(written: str) -> date:
    """The first day of ``2026-11``. Raises 404."""
    try:
        found = date.fromisoformat(f"{written}-01")
    except ValueError:
        raise HTTPException(404) from None
    if found.year not in _YEARS:
        raise HTTPException(404)
    return found


def _day(written: str, name: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise errors.BadInput([errors.Problem("Give the day, such as 2027-01-12.", field=name)]) from None
