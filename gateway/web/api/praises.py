"""Good news in, and the balance of good and bad."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.database import Session
from gateway.definitions import model
from gateway.good_news import balance, hours, kinds, praising, telling
from gateway.web import site
from gateway.web.api import callers, once, paging

routes = APIRouter(tags=["good news"])


class PraiseGiven(BaseModel):
    """What a teacher says of a child."""

    model_config = ConfigDict(extra="forbid")

    pupil: str = Field(max_length=120, description="MIS id, UPN, or a name that one pupil only has")
    kind: str = Field(max_length=20, description="effort, kindness, progress, attendance or other")
    staff: str = Field(max_length=60, description="Who praises, as families read it: Ms Okafor")
    words: str = Field(default="", max_length=1000, description="A few words of their own, in English")
    since: model.Day | None = Field(default=None, description="With attendance: since when; else since this term began")
    form: str = Field(default="", max_length=40, description="The child's form, where the name is not enough")
    sure: bool = Field(default=False, description="Send words all the same that are doubted")


class Praise(BaseModel):
    """Good news of a child, and how far it has come."""

    id: int
    pupil: str = Field(description="MIS id")
    name: str
    form: str
    kind: str
    words: str
    since: date | None
    staff: str
    by: str
    said_at: datetime
    goes_at: datetime | None = Field(description="When it leaves; null once it has, or was taken back")
    told_at: datetime | None
    withdrawn_at: datetime | None
    state: str = Field(
        description="waits, withdrawn, on its way, with the digest, told, told by letter, or told nobody"
    )


class Standing(BaseModel):
    """Good and bad of one pupil."""

    pupil: str
    name: str
    form: str
    groups: list[str]
    good: int
    bad: int
    last_good: date | None


class Sum(BaseModel):
    """Good and bad of a form, group or teacher."""

    name: str
    pupils: int
    good: int
    bad: int
    without: int = Field(description="Pupils of a form or group with no good news in this time")


class Balance(BaseModel):
    """Counted since a day: pupils, those longest without good news first, or lines."""

    since: date
    pupils: list[Standing]
    lines: list[Sum]


@routes.post("/praises", status_code=201, response_model=Praise, summary="Send praise home at the kind hour")
async def give(request: Request, given: PraiseGiven, caller: callers.Caller, gate: once.Once) -> Response:
    """It leaves with all else that is good news for the family that day. Words that are doubted are refused, unless
    `sure` is given.
    """
    gateway = site.of(request).gateway
    said = praising.Given(given.pupil, given.kind, given.staff, given.words, given.since, given.form, given.sure)

    async def deed(session: Session) -> once.Done:
        return once.Done(_shape(await praising.add(session, gateway, said, by=caller.author), {}), status=201)

    return await gate.do(deed)


@routes.get("/praises/kinds", summary="What may be praised")
async def every_kind() -> list[str]:
    """Each but `other` has a sentence of ours, in every language."""
    return list(kinds.every())


@routes.get("/praises", summary="Praise, newest first")
async def listing(
    request: Request, limit: paging.Limit = 50, cursor: paging.Number = 0, waiting: bool = False
) -> paging.Page[Praise]:
    """All of it, or what has not left yet."""
    async with site.of(request).gateway.database.read() as session:
        rows = await praising.listed(session, waiting=waiting, before=cursor or None, limit=limit + 1)
        states = await telling.outcomes(session, [row.praise for row in rows])
    return paging.page(rows, limit, shape=lambda row: _shape(row, states), cursor=lambda row: row.praise.id)


@routes.post("/praises/{praise_id}/withdraw", response_model=Praise, summary="Take praise back that has not left")
async def withdraw(request: Request, praise_id: paging.Id, caller: callers.Caller, gate: once.Once) -> Response:
    """409 once it has."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        return once.Done(_shape(await praising.withdraw(session, gateway, praise_id, by=caller.author), {}))

    return await gate.do(deed)


@routes.get("/balance", summary="Good and bad news by pupil, form, group or teacher")
async def standing(
    request: Request,
    by: Literal["pupil", "form", "group", "teacher"] = "pupil",
    form: Annotated[str, Query(max_length=40)] = "",
    group: Annotated[str, Query(max_length=80, description="Such as SEN, EAL or FSM")] = "",
    since: Annotated[model.Day | None, Query(description="Else since this term or school year began")] = None,
) -> Balance:
    """Bad are absence checks and notices marked as worrying."""
    gateway = site.of(request).gateway
    wanted = balance.Wanted(since or hours.counted_from(gateway), form, group)
    async with gateway.database.read() as session:
        if by == "teacher":
            lines = await balance.by_teacher(session, gateway, wanted)
            return Balance(since=wanted.since, pupils=[], lines=[_sum(one) for one in lines])
        found = await balance.of(session, gateway, wanted)
    lines = found.by_form() if by == "form" else found.by_group() if by == "group" else []
    children = found.children if by == "pupil" else []
    return Balance(since=wanted.since, pupils=[_standing(one) for one in children], lines=[_sum(one) for one in lines])


def _shape(one: praising.Listed, states: dict[int, str]) -> Praise:
    praise, pupil = one.praise, one.pupil
    state = "withdrawn" if praise.withdrawn_at else states.get(praise.id or 0, "waits")
    kept = ("kind", "words", "since", "staff", "by", "said_at", "told_at", "withdrawn_at")
    return Praise(
        id=praise.id or 0,
        pupil=pupil.source_id,
        name=pupil.called,
        form=pupil.form,
        goes_at=praising.goes(praise),
        state=state,
        **{name: getattr(praise, name) for name in kept},
    )


def _standing(one: balance.Child) -> Standing:
    pupil = one.pupil
    return Standing(
        pupil=pupil.source_id,
        name=f"{pupil.called} {pupil.surname}",
        form=pupil.form,
        groups=list(one.groups),
        good=one.good,
        bad=one.bad,
        last_good=one.last_good,
    )


def _sum(one: balance.Line) -> Sum:
    return Sum(name=one.name, pupils=one.pupils, good=one.good, bad=one.bad, without=one.without)
