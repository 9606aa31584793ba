"""Surveys: ask, see what was said, and close with what the school does about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.database import Session
from gateway.definitions import model
from gateway.definitions import survey as shape
from gateway.models import Survey
from gateway.models.types import core
from gateway.surveys import asking, closing, results
from gateway.web import site
from gateway.web.api import callers, once, paging, shapes

routes = APIRouter(prefix="/surveys", tags=["surveys"])

Key = Annotated[str, Path(max_length=80, description="Key of the survey")]
Words = Annotated[str | model.ByLanguage, Field(description="Full sentences in English, or by language")]


class Listed(shapes.Shape):
    """A survey, in a list."""

    id: int
    key: str
    title: str
    anonymous: bool
    by: str
    created_at: datetime
    remind_at: datetime | None = Field(description="When those are reminded who have answered nothing, once")
    closed_at: datetime | None
    closed_by: str
    closing: str = Field(description="told: you said, we did; or reason")
    reason: str


class Told(BaseModel):
    """What was answered. Of an anonymous survey `counts` are null where a group is too small to show."""

    key: str
    asked: int
    answered: int
    finished: int
    questions: list[dict[str, Any]]


class Closing(BaseModel):
    """Either what they said and what was done, or the reason why nothing is told."""

    model_config = ConfigDict(extra="forbid")

    you_said: Words = ""
    we_did: Words = ""
    reason: str = Field(default="", max_length=500)


@routes.post("", status_code=201, response_model=Listed, summary="Ask families, one question a text")
async def create(request: Request, given: shape.Survey, caller: callers.Caller, gate: once.Once) -> Response:
    """The first question goes now, or when the schedule says; the next one follows each answer."""
    here = site.of(request)

    async def deed(session: Session) -> once.Done:
        made = await asking.create(session, here.gateway, given, by=caller.author)
        return once.Done(Listed.model_validate(made), status=201)

    answer = await gate.do(deed)
    here.planned()
    return answer


@routes.get("", summary="List surveys, newest first")
async def listing(request: Request, limit: paging.Limit = 50, cursor: paging.Number = 0) -> paging.Page[Listed]:
    """Open and closed ones."""
    t = core(Survey).c
    query = sa.select(Survey).order_by(t.id.desc()).limit(limit + 1)
    async with site.of(request).gateway.database.read() as session:
        rows = (await session.scalars(query.where(t.id < cursor) if cursor else query)).all()
    return paging.page(rows, limit, shape=Listed.model_validate, cursor=lambda row: row.id)


@routes.get("/{key}/results", summary="What was answered, by form and language")
async def read(request: Request, key: Key) -> Told:
    """Of an anonymous survey no group under five, and none that could be worked out from the others."""
    async with site.of(request).gateway.database.read() as session:
        found = await results.read(session, await asking.find(session, key))
    return Told(
        key=key,
        asked=found.asked,
        answered=found.answered,
        finished=found.finished,
        questions=results.as_data(found),
    )


@routes.get("/{key}/results.csv", summary="The same as CSV", response_class=Response)
async def as_csv(request: Request, key: Key) -> Response:
    """A row for each question, group and option."""
    async with site.of(request).gateway.database.read() as session:
        found = await results.read(session, await asking.find(session, key))
    headers = {"Content-Disposition": f'attachment; filename="{found.survey.key}.csv"'}
    return Response(results.csv_of(found), media_type="text/csv; charset=utf-8", headers=headers)


@routes.post("/{key}/close", response_model=Listed, summary="Close with what the school has done, or a reason")
async def close(request: Request, key: Key, given: Closing, caller: callers.Caller, gate: once.Once) -> Response:
    """Those who answered are told; without either it stays open."""
    here = site.of(request)

    async def deed(session: Session) -> once.Done:
        done = await closing.close(
            session, here.gateway, key, you_said=given.you_said, we_did=given.we_did, reason=given.reason,
            by=caller.author,
        )  # fmt: skip
        return once.Done(Listed.model_validate(done.survey))

    answer = await gate.do(deed)
    here.planned()
    return answer
