"""Phones and mailboxes: the evidence, what families say is new, and who can hardly be reached."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from channels.base import Medium
from gateway import audit
from gateway.database import Session
from gateway.freshness import approving, evidence, export, reports
from gateway.models import DetailState, LineType, PointKind
from gateway.web import site
from gateway.web.api import callers, once, paging

routes = APIRouter(tags=["details"])

_MOST = 1000


class Sign(BaseModel):
    """One piece of evidence."""

    at: datetime
    days: int = Field(description="How old it is")
    kind: str
    says: Literal["good", "bad", "nothing"] = Field(description="What it says of the phone or mailbox")
    what: str
    times: int


class PointEvidence(BaseModel):
    """A phone or mailbox with what speaks for and against it, the newest first."""

    point: int
    kind: PointKind
    address: str
    line: LineType
    state: str = Field(description="unproven, working, doubtful, dead, wrong or stopped")
    colour: evidence.Colour
    score: float = Field(description="From 0 to 1; a sign of life counts for half after the half-life")
    signs: list[Sign]


class NewDetail(BaseModel):
    """A new phone or mailbox of which a family has told us."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    contact_id: int
    kind: PointKind
    address: str
    old_address: str
    replaces: bool = Field(description="The family says that the old one is no more")
    state: DetailState
    told_on: Medium
    made_at: datetime
    proved_at: datetime | None
    decided_at: datetime | None
    decided_by: str
    why: str


class ListedDetail(NewDetail):
    """The same, with what the office should know before it decides."""

    contact: str
    said: str = Field(description="The words in which it was told")
    also_of: list[str] = Field(description="Others who have it on file")
    barred: bool = Field(description="One of them must not be contacted about a child of this contact")


class Approval(BaseModel):
    """How it is used from now on."""

    model_config = ConfigDict(extra="forbid")

    unproved: bool = Field(default=False, description="No code has proved it: the office has asked the family")
    keep_old: bool = Field(default=False, description="The old one stays in use, after the new one")


class Refusal(BaseModel):
    """Why not."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(default="", max_length=500)


@routes.get("/contacts/{contact_id}/evidence", summary="The evidence for a contact's phones and mailboxes")
async def of_contact(request: Request, contact_id: paging.Id) -> list[PointEvidence]:
    """Each with its age, in the order of their use."""
    gateway = site.of(request).gateway
    now = gateway.now()
    async with gateway.database.read() as session:
        found = await evidence.of(session, contact_id, gateway.settings.freshness, now=now)
        return [PointEvidence.model_validate(evidence.plain(one, now=now)) for one in found]


@routes.get("/details", summary="New phones and mailboxes that families tell of")
async def listing(request: Request, everything: bool = False) -> list[ListedDetail]:
    """Those that wait for the office, proved ones first; or all, the newest first."""
    async with site.of(request).gateway.database.read() as session:
        found = await approving.listed(session, everything=everything, limit=_MOST)
    return [
        ListedDetail(
            **NewDetail.model_validate(one.row).model_dump(),
            contact=one.contact.full_name,
            said=one.said,
            also_of=list(one.also_of),
            barred=one.barred,
        )
        for one in found
    ]


@routes.get("/details/export", summary="What was approved, as CSV for the MIS", response_class=Response)
async def exported(request: Request, caller: callers.Caller, everything: bool = False) -> Response:
    """It marks nothing as exported: that is the command's to do, where somebody has the file in hand."""
    gateway = site.of(request).gateway
    async with gateway.database.write() as session:
        found = await export.approved(session, everything=everything)
        line = audit.Line("details.list_shown", "", {"count": len(found)}, caller.author)
        await gateway.log.record(session, line, now=gateway.now())
    headers = {"Content-Disposition": 'attachment; filename="new-details.csv"'}
    text = export.csv_of(found, timezone=gateway.timezone)
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@routes.get("/details/reports/{which}", summary="Families who can hardly be reached")
async def report(request: Request, which: reports.Which) -> list[dict[str, Any]]:
    """``nobody`` to ring, ``few`` independent numbers, ``one-way``, ``landline`` alone, or ``shared`` phones."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        return await reports.rows(session, gateway, which)


@routes.post("/details/{detail_id}/approve", response_model=NewDetail, summary="Use a new phone or mailbox")
async def approve(
    request: Request, detail_id: paging.Id, how: Approval, caller: callers.Caller, gate: once.Once
) -> Response:
    """First of its kind, confirmed, and not undone by any file. The old one is told."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        row = await approving.approve(
            session, gateway, detail_id, by=caller.author, unproved=how.unproved, keep_old=how.keep_old
        )
        return once.Done(NewDetail.model_validate(row))

    return await gate.do(deed)


@routes.post("/details/{detail_id}/refuse", response_model=NewDetail, summary="Refuse a new phone or mailbox")
async def refuse(
    request: Request, detail_id: paging.Id, said: Refusal, caller: callers.Caller, gate: once.Once
) -> Response:
    """Everything stays as it is."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        row = await approving.refuse(session, gateway, detail_id, by=caller.author, why=said.why)
        return once.Done(NewDetail.model_validate(row))

    return await gate.do(deed)
