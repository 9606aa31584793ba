"""Campaigns: notices that go out again and again, when they do, and why not. They are handed in as notices."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from gateway.campaigns import deeds, views
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Notice, NoticeState
from gateway.web import site
from gateway.web.api import callers, once, paging, shapes

routes = APIRouter(prefix="/campaigns", tags=["campaigns"])

Key = Annotated[str, Path(max_length=80, description="Key or id of the campaign")]


class Campaign(BaseModel):
    """A campaign, in a list."""

    key: str
    title: str
    state: NoticeState
    rule: str = Field(description="When it fires, in words")
    school: str = Field(description="Whose school days it goes by; empty: those of all")
    next_fire_at: datetime | None = Field(description="When it fires next; null while it rests, or no day is in sight")
    paused_at: datetime | None
    paused_until: datetime | None
    paused_by: str
    standing: str = Field(description="Why it does not fire, or not yet; empty while it waits for its next firing")


#: In OpenAPI a date-time has a time zone, so this is none.
LocalTime = Annotated[datetime, WithJsonSchema({"type": "string"})]


class Coming(BaseModel):
    """A firing to come, or a day that is left out."""

    campaign: str
    at: datetime | None = Field(description="When it fires; null on a day that is left out")
    wanted: LocalTime = Field(description="The local time that its rule names, such as 2026-11-23T15:00:00")
    why: str = Field(description="Why it is moved or left out")


class Firing(shapes.Shape):
    """What became of a firing, or of several in a row."""

    id: int
    outcome: str = Field(description="fired, made_up, by_hand, missed or paused")
    first_at: datetime
    fire_at: datetime = Field(description="When the last of them was due")
    count: int
    why: str
    by: str
    run_id: int | None


class Explained(BaseModel):
    """Why a campaign goes out on a day, or does not, or what became of it."""

    day: date
    sentences: list[str]


class Pausing(BaseModel):
    """For how long."""

    model_config = ConfigDict(extra="forbid")

    until: Annotated[datetime, AfterValidator(model.sensible_year)] | None = Field(
        default=None, description="When it goes on by itself, with its time zone; else when somebody resumes it"
    )


@routes.get("", summary="The campaigns, the one that fires next first")
async def listing(
    request: Request, everything: Annotated[bool, Query(alias="all", description="Those that are over, too")] = False
) -> list[Campaign]:
    """Every notice that fires again, or by its distance from a date."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        return [_plain(one) for one in await views.listed(session, gateway, everything=everything)]


@routes.get("/next", summary="The coming firings of all campaigns")
async def all_coming(
    request: Request,
    days: Annotated[int, Query(ge=1, le=400, description="How far ahead")] = 14,
    limit: paging.Limit = 200,
) -> list[Coming]:
    """In the order of time, with the days that are left out and why."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        until = gateway.now() + timedelta(days=days)
        found = await views.all_coming(session, gateway, until=until, limit=limit)
    return [_coming(one) for one in found]


@routes.get("/{key}", summary="One campaign")
async def one(request: Request, key: Key) -> Campaign:
    """Its rule in words, and when it fires next."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        return _plain(await views.one(session, gateway, await deeds.find(session, key)))


@routes.get("/{key}/next", summary="The coming firings of a campaign")
async def coming(request: Request, key: Key, limit: paging.Limit = 10) -> list[Coming]:
    """With every day between them that is left out, and why."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        notice = await deeds.find(session, key)
        return [_coming(one) for one in await views.coming(session, gateway, notice, limit=limit)]


@routes.get("/{key}/firings", summary="What became of the firings of a campaign, newest first")
async def firings(
    request: Request, key: Key, limit: paging.Limit = 100, cursor: paging.Number = 0
) -> paging.Page[Firing]:
    """Those that were made up, missed or paused say why."""
    async with site.of(request).gateway.database.read() as session:
        notice = await deeds.find(session, key)
        rows = await views.firings(session, notice, limit=limit + 1, before=cursor)
    return paging.page(rows, limit, shape=Firing.model_validate, cursor=lambda row: row.id)


@routes.get("/{key}/explain", summary="Why a campaign goes out on a day, or does not")
async def explain(
    request: Request,
    key: Key,
    day: Annotated[model.Day | None, Query(alias="date", description="Which day; today, if none is given")] = None,
) -> Explained:
    """In sentences for staff."""
    gateway = site.of(request).gateway
    wanted = day or gateway.today()
    async with gateway.database.read() as session:
        notice = await deeds.find(session, key)
        said = await views.explain(session, gateway, notice, datetime.combine(wanted, time()))
    return Explained(day=wanted, sentences=said)


@routes.post("/{key}/pause", response_model=Campaign, summary="Let a campaign rest")
async def pause(request: Request, key: Key, wanted: Pausing, caller: callers.Caller, gate: once.Once) -> Response:
    """What falls into the pause is not made up."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        return await _done(session, request, await deeds.pause(
            session, gateway, key, until=_aware(wanted.until, request), by=caller.author
        ))  # fmt: skip

    return await gate.do(deed)


def _aware(moment: datetime | None, request: Request) -> datetime | None:
    """A moment without a zone is on the school's clock."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=site.of(request).gateway.timezone)


@routes.post("/{key}/resume", response_model=Campaign, summary="Let a campaign go on that is paused or broken")
async def resume(request: Request, key: Key, caller: callers.Caller, gate: once.Once) -> Response:
    """It fires at its next time; what would have gone out meanwhile is over."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        return await _done(session, request, await deeds.resume(session, gateway, key, by=caller.author))

    return await gate.do(deed)


@routes.post("/{key}/run-now", response_model=Campaign, summary="Have a campaign go out now")
async def run_now(request: Request, key: Key, caller: callers.Caller, gate: once.Once) -> Response:
    """Beside its own firings, which stay as they are."""
    here = site.of(request)

    async def deed(session: Session) -> once.Done:
        return await _done(session, request, await deeds.run_now(session, here.gateway, key, by=caller.author))

    answer = await gate.do(deed)
    here.planned()
    return answer


async def _done(session: Session, request: Request, notice: Notice) -> once.Done:
    return once.Done(_plain(await views.one(session, site.of(request).gateway, notice)))


def _plain(seen: views.Seen) -> Campaign:
    paused = seen.campaign
    return Campaign(
        key=seen.notice.key,
        title=seen.notice.title,
        state=seen.notice.state,
        rule=seen.rule,
        school=seen.school,
        next_fire_at=seen.next_at,
        paused_at=paused.paused_at if paused else None,
        paused_until=paused.paused_until if paused else None,
        paused_by=paused.paused_by if paused else "",
        standing=seen.standing,
    )


def _coming(one: views.Coming) -> Coming:
    return Coming(campaign=one.campaign, at=one.at, wanted=one.wanted, why=one.why)
