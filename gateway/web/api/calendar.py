"""The school's calendar: terms, closed days, sessions; and a snow day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway import errors
from gateway.agenda import holding
from gateway.calendars import book, deeds, document
from gateway.campaigns import rearranging
from gateway.database import Session
from gateway.definitions import model
from gateway.models import CalendarClosure
from gateway.web import site
from gateway.web.api import callers, once, paging, shapes

routes = APIRouter(prefix="/calendar", tags=["calendar"])

_MOST_DAYS = 800

School = Annotated[str, Query(max_length=40, description="One of several schools; empty: what holds for all")]


class Closure(shapes.Shape):
    """Days on which nobody comes after all, both inclusive."""

    id: int
    school: str
    first: date
    last: date
    why: str
    at: datetime
    by: str
    undone_at: datetime | None
    undone_by: str


class TheCalendar(BaseModel):
    """The calendar that holds."""

    handed_in: bool = Field(description="By this API or a command; else it is read from the file of the settings")
    calendar: dict[str, Any] = Field(description="In the shape in which it is handed in")
    closures: list[Closure]


class Day(BaseModel):
    """One day."""

    day: date
    school: bool
    why: str = Field(description="Why there is no school")


class Closing(BaseModel):
    """Close these days."""

    model_config = ConfigDict(extra="forbid")

    first: model.Day
    last: model.Day | None = Field(default=None, description="The last day, where there are several")
    why: str = Field(min_length=1, max_length=200)
    school: str = Field(default="", max_length=40)


@routes.get("", summary="The calendar that holds")
async def get(request: Request) -> TheCalendar:
    """What was handed in, or the file of the settings; and the closures of today and later."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        calendars = await gateway.calendars.look(session)
        return await _plain(session, calendars, gateway.today())


async def _plain(session: Session, calendars: book.Calendars, today: date) -> TheCalendar:
    closures = await deeds.closures(session, since=today)
    return TheCalendar(
        handed_in=calendars.is_kept,
        calendar=calendars.document.plain(),
        closures=[Closure.model_validate(one) for one in closures],
    )


@routes.put("", response_model=TheCalendar, summary="Hold this calendar from now on")
async def put(request: Request, wanted: document.Calendar, caller: callers.Caller, gate: once.Once) -> Response:
    """It is held instead of the file of the settings; closures stay. Campaigns are laid out anew.

    Addresses of feeds cannot be given here, as Handbell would fetch them from inside the school's network: name them
    in the file, or keep those that are there.
    """
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        _check_feeds(await gateway.calendars.look(session), wanted)
        await deeds.put(session, wanted, by=caller.author, log=gateway.log, now=gateway.now())
        await rearranging.rearrange(session, gateway)
        calendars = await gateway.calendars.look(session)
        return once.Done(await _plain(session, calendars, gateway.today()))

    return await gate.do(deed)


def _check_feeds(calendars: book.Calendars, wanted: document.Calendar) -> None:
    for school in ("", *wanted.schools):
        address = book.feed_of(wanted, school)
        if address and address != book.feed_of(calendars.document, school):
            problem = errors.Problem("a feed's address cannot be given here.", "Name it in the file.", field="feed")
            raise errors.BadInput([problem])


@routes.get("/days", summary="Which days are school days")
async def days(
    request: Request,
    first: Annotated[model.Day | None, Query(description="The first day; today, if none is given")] = None,
    last: Annotated[model.Day | None, Query(description="The last day; else four weeks later")] = None,
    school: School = "",
) -> list[Day]:
    """Each day with why there is no school, where there is none; two years at most."""
    gateway = site.of(request).gateway
    begin = first or gateway.today()
    end = last or begin + timedelta(days=27)
    if not 0 <= (end - begin).days < _MOST_DAYS:
        problem = errors.Problem("these days are in the wrong order, or too many.", "Look at them.", field="last")
        raise errors.BadInput([problem])
    async with gateway.database.read() as session:
        year = (await gateway.calendars.look(session)).year(school)
    return [Day(**book.plain(year, begin + timedelta(days=number))) for number in range((end - begin).days + 1)]


@routes.post("/closures", status_code=201, response_model=Closure, summary="Close a day, for snow or the like")
async def close(request: Request, wanted: Closing, caller: callers.Caller, gate: once.Once) -> Response:
    """It tells nobody: send a notice for that."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        (await gateway.calendars.look(session)).year(wanted.school)
        made = await deeds.close(
            session, wanted.first, wanted.last or wanted.first, why=wanted.why, school=wanted.school, by=caller.author,
            log=gateway.log, now=gateway.now(),
        )  # fmt: skip
        return await _rearranged(session, request, made, status=201)

    return await gate.do(deed)


@routes.post("/closures/{closure_id}/undo", response_model=Closure, summary="Take a closure back")
async def undo(request: Request, closure_id: paging.Id, caller: callers.Caller, gate: once.Once) -> Response:
    """There is school after all."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        made = await deeds.undo(session, closure_id, by=caller.author, log=gateway.log, now=gateway.now())
        return await _rearranged(session, request, made)

    return await gate.do(deed)


class Held(BaseModel):
    """What was to go out on a day, and is held."""

    since: datetime
    by: str
    notices: int
    praises: int


@routes.get("/hold", summary="Whether everything of a day is held")
async def held(request: Request) -> Held | None:
    """Null where nothing is."""
    async with site.of(request).gateway.database.read() as session:
        found = await holding.current(session)
    return _held(found) if found else None


@routes.post("/hold", status_code=201, response_model=Held, summary="Hold everything that was to go out today")
async def hold(request: Request, caller: callers.Caller, gate: once.Once) -> Response:
    """Until it is released; absence checks and alarms go on, and so does what is sent meanwhile."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        return once.Done(_held(await holding.hold(session, gateway, by=caller.author)), status=201)

    return await gate.do(deed)


@routes.post("/release", response_model=Held, summary="Let go what is held")
async def release(request: Request, caller: callers.Caller, gate: once.Once) -> Response:
    """It goes now, as far as it is still worth saying."""
    here = site.of(request)

    async def deed(session: Session) -> once.Done:
        return once.Done(_held(await holding.release(session, here.gateway, by=caller.author)))

    answer = await gate.do(deed)
    here.planned()
    return answer


def _held(found: holding.Held) -> Held:
    return Held(since=found.hold.at, by=found.hold.by, notices=found.notices, praises=found.praises)


async def _rearranged(session: Session, request: Request, made: CalendarClosure, *, status: int = 200) -> once.Done:
    await rearranging.rearrange(session, site.of(request).gateway)
    return once.Done(Closure.model_validate(made), status=status)
