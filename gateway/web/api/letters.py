"""Letters: who needs one, a batch with its PDF, and that it was posted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway import people
from gateway.database import Session
from gateway.letters import needing, pdf, printing
from gateway.web import site
from gateway.web.api import bodies, callers, once, paging

routes = APIRouter(tags=["letters"])

Batch = Annotated[str, Path(max_length=40, description="The name that printing gave it")]


class Need(BaseModel):
    """A letter that is to be printed."""

    notice: str
    message: str = Field(description="The message that it stands in for")
    contact: int
    name: str
    pupils: list[str] = Field(description="MIS ids")
    why: str
    address: list[str] = Field(description="Lines; none where nobody knows it: then no letter is printed")
    stop: str = Field(description="Why none may be printed after all, else empty")


class Printed(BaseModel):
    """A letter that was printed, and of which nobody has said that it was posted."""

    id: int
    batch: str
    name: str
    printed_at: datetime
    stop: str = Field(description="Why it must not be posted after all, else empty")


class Alone(BaseModel):
    """Somebody whom nothing but a letter would reach."""

    contact: int
    name: str
    pupils: list[str]
    address: list[str]


class Letters(BaseModel):
    """Everything about letters that waits for somebody."""

    needed: list[Need]
    not_posted: list[Printed]
    by_letter_alone: list[Alone]


class Wanted(BaseModel):
    """Which letters."""

    model_config = ConfigDict(extra="forbid")

    notice: str = Field(default="", max_length=120, description="Of this notice only, by key or id")


class Made(BaseModel):
    """A batch. Its sheets are at `/letters/BATCH/pdf`."""

    batch: str
    letters: list[int]
    without: list[Need] = Field(description="Whose address nobody knows, or who may get none")
    failed: list[Need] = Field(description="Whose words could not be made: see the journal")


class Posted(BaseModel):
    """What was handed to the post: a batch, or single letters."""

    model_config = ConfigDict(extra="forbid")

    batch: str = Field(default="", max_length=40)
    letters: list[bodies.Row] = Field(default=[], max_length=1000)


class Count(BaseModel):
    """How many letters that were."""

    letters: int


class Home(BaseModel):
    """Where a contact lives."""

    model_config = ConfigDict(extra="forbid")

    lines: list[Annotated[str, Field(max_length=100)]] = Field(
        max_length=8, description="From the house to the postcode; none: nobody knows any more"
    )


@routes.get("/letters", summary="Who needs a letter")
async def listing(request: Request, notice: Annotated[str, Query(max_length=120)] = "") -> Letters:
    """What is to be printed, what was printed and not posted, and whom nothing but a letter would reach."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        needs = await needing.every(session, gateway, key=notice)
        lying = await printing.lying(session, gateway)
        alone = await needing.by_letter_alone(session, gateway)
    return Letters(
        needed=[_need(one) for one in needs],
        not_posted=[
            Printed(
                id=one.letter.id or 0,
                batch=one.letter.batch,
                name=one.name,
                printed_at=one.letter.printed_at,
                stop=one.stop,
            )
            for one in lying
        ],
        by_letter_alone=[
            Alone(contact=who.contact.id, name=who.contact.full_name, pupils=_ids(who.children), address=[*who.lines])
            for who in alone
        ],
    )


@routes.post("/letters", status_code=201, response_model=Made, summary="Make a batch of what is to be printed")
async def make(request: Request, wanted: Wanted, caller: callers.Caller, gate: once.Once) -> Response:
    """From then on nobody else prints these letters. Where there are none, the batch is empty."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        made = await printing.make(session, gateway, by=caller.author, key=wanted.notice)
        return once.Done(
            Made(
                batch=made.name if made.letters else "",
                letters=[row.id or 0 for row in made.letters],
                without=[_need(one) for one in made.without],
                failed=[_need(one) for one in made.failed],
            ),
            status=201,
        )

    return await gate.do(deed)


@routes.get("/letters/{batch}/pdf", summary="The sheets of a batch", response_class=Response)
async def sheets(request: Request, batch: Batch, caller: callers.Caller) -> Response:
    """As often as they are wanted; each time is written down. 503 with the cure where a font is missing."""
    gateway = site.of(request).gateway
    async with gateway.database.write() as session:
        letters = await printing.again(session, gateway, batch, by=caller.author)
    made = await asyncio.to_thread(pdf.make, printing.page(gateway, letters))
    headers = {"Content-Disposition": f'attachment; filename="letters-{letters[0].batch}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers | {"Cache-Control": "no-store"})


@routes.post("/letters/posted", response_model=Count, summary="Note that letters were posted")
async def posted(request: Request, said: Posted, caller: callers.Caller, gate: once.Once) -> Response:
    """Gives how many were not noted as posted before."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        count = await printing.posted(session, gateway, by=caller.author, batch=said.batch, letter_ids=said.letters)
        return once.Done(Count(letters=count))

    return await gate.do(deed)


@routes.put("/contacts/{contact_id}/address", response_model=Home, summary="Write down where a contact lives")
async def move(
    request: Request, contact_id: paging.Id, home: Home, caller: callers.Caller, gate: once.Once
) -> Response:
    """Where no import brings it; a file that says an address replaces it."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        found = await printing.move(session, gateway, contact_id, home.lines, by=caller.author)
        return once.Done(Home(lines=found.postal_address.splitlines()))

    return await gate.do(deed)


def _need(one: needing.Need) -> Need:
    return Need(
        notice=one.notice.key,
        message=one.message_id,
        contact=one.contact.id,
        name=one.contact.full_name,
        pupils=_ids(one.children),
        why=one.why,
        address=list(one.lines),
        stop=one.stop,
    )


def _ids(children: Sequence[people.Child]) -> list[str]:
    return [child.source_id for child in children]
