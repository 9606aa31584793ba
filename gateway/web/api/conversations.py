"""Conversations with families: who answers, by when, and what was said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col
from starlette.responses import Response

from channels.base import Medium
from gateway import conversations
from gateway.database import Session
from gateway.desk import answering, deeds, thread
from gateway.models import Contact, Conversation, ConversationState
from gateway.web import site
from gateway.web.api import bodies, callers, once, paging, shapes

routes = APIRouter(prefix="/conversations", tags=["conversations"])

Which = Annotated[
    Literal["open", "waiting", "needs", "them", "overdue", "closed", "all"],
    Query(
        description="Which of them; needs: words wait, or an absence of today has no code yet; them: the family is to "
        "answer; overdue: due by now"
    ),
]


class Conversed(shapes.Shape):
    """A conversation, in a list."""

    id: int
    medium: Medium
    address: str
    contact_id: int | None = Field(description="Null for an address that nobody has, or that two people share")
    contact: str = Field(default="", description="Name of the contact; empty when it is not known")
    state: ConversationState
    kind: str = Field(description="absence, question or complaint; empty while nothing was promised")
    owner: str
    due_at: datetime | None = Field(description="Until when somebody answers, as was promised")
    urgent: bool = Field(description="A child may not be safe: it is due at once")
    waiting_since: datetime | None
    last_at: datetime
    outcome: str = Field(description="How it was closed last")
    closed_at: datetime | None
    closed_by: str


class Line(shapes.Shape):
    """One thing that was said, or noted."""

    at: datetime
    kind: Literal["reply", "answer", "automatic", "notice", "note"]
    who: str = Field(description="Who of the family, or who noted it; empty where nobody can be sure")
    medium: Medium | None
    text: str
    state: str = Field(description="Of our messages their state; of replies what they were taken for")
    id: str = Field(description="Of the message or the reply; empty for a note")
    gist: str = Field(default="", description=shapes.GIST)


class ConversedDetails(Conversed):
    """A conversation with everything that was said both ways, the oldest first."""

    addresses: list[str]
    said: list[Line]
    left_out: bool = Field(description="Whether something of somebody who had an address before is not shown")


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Taken(_Given):
    """Who is to answer."""

    owner: str = Field(min_length=1, max_length=80)


class Noted(_Given):
    """Something that is never sent."""

    text: str = Field(min_length=1, max_length=4000)


class Sorted(_Given):
    """What it is about."""

    kind: Literal["absence", "question", "complaint"]


class Answered(_Given):
    """Words, or a canned answer."""

    text: str = Field(default="", max_length=4000, description="Words of your own")
    language: str = Field(default="en", max_length=20, description="The language of those words")
    canned: str = Field(default="", max_length=80, description="Or the key of a canned answer")
    values: dict[str, str] = Field(default={}, description="The blanks of the canned answer")
    up_to: bodies.Row | None = Field(default=None, description="The last reply that you have seen: later ones wait on")


class Merged(_Given):
    """The conversation that becomes part of this one."""

    other: bodies.Row


class Closed(_Given):
    """How it ends."""

    outcome: Literal["answered", "no_answer_needed", "passed_on", "duplicate", "not_for_us"]


@routes.get("", summary="List conversations, newest first")
async def listing(
    request: Request,
    which: Which = "open",
    owner: Annotated[str, Query(max_length=80, description="Only those of this person")] = "",
    limit: paging.Limit = 50,
    cursor: paging.Number = 0,
) -> paging.Page[Conversed]:
    """Those in which somebody of the school has still something to do, or others."""
    gateway = site.of(request).gateway
    query = thread.listed(which, owner=owner, now=gateway.now(), today=gateway.today()).order_by(
        col(Conversation.id).desc()
    )
    if cursor:
        query = query.where(col(Conversation.id) < cursor)
    async with gateway.database.read() as session:
        rows = (await session.execute(query.limit(limit + 1))).all()
    return paging.page(rows, limit, shape=lambda row: _shape(*row), cursor=lambda row: row[0].id)


@routes.get("/{conversation_id}", summary="One conversation, both ways")
async def one(request: Request, conversation_id: paging.Id) -> ConversedDetails:
    """What was said with somebody else who had the number before is not shown."""
    async with site.of(request).gateway.database.read() as session:
        found = await thread.read(session, conversation_id)
    known: dict[str, Any] = Conversed.model_validate(found.root).model_dump(exclude={"contact"})
    return ConversedDetails(
        **known,
        contact=found.contact,
        addresses=[member.address for member in found.addresses],
        said=[Line.model_validate(line) for line in found.said],
        left_out=found.others,
    )


@routes.post("/{conversation_id}/take", response_model=Conversed, summary="Say who answers")
async def take(
    request: Request, conversation_id: paging.Id, given: Taken, caller: callers.Caller, gate: once.Once
) -> Response:
    """A closed conversation is open again."""
    gateway = site.of(request).gateway
    deed = deeds.take
    return await _do(gate, conversation_id, lambda s: deed(s, gateway, conversation_id, given.owner, by=caller.author))


@routes.post("/{conversation_id}/note", response_model=Conversed, summary="Note something beside it")
async def note(
    request: Request, conversation_id: paging.Id, given: Noted, caller: callers.Caller, gate: once.Once
) -> Response:
    """It is never sent to anybody."""
    gateway = site.of(request).gateway
    deed = deeds.note
    return await _do(gate, conversation_id, lambda s: deed(s, gateway, conversation_id, given.text, by=caller.author))


@routes.post("/{conversation_id}/kind", response_model=Conversed, summary="Say what it is about")
async def kind(
    request: Request, conversation_id: paging.Id, given: Sorted, caller: callers.Caller, gate: once.Once
) -> Response:
    """By when it is due is counted anew."""
    gateway = site.of(request).gateway
    deed = deeds.sort
    return await _do(gate, conversation_id, lambda s: deed(s, gateway, conversation_id, given.kind, by=caller.author))


@routes.post("/{conversation_id}/answer", response_model=Conversed, summary="Answer the family")
async def answer(
    request: Request, conversation_id: paging.Id, given: Answered, caller: callers.Caller, gate: once.Once
) -> Response:
    """By the way that they wrote last. 409 with a sentence where they may not be written to."""
    gateway = site.of(request).gateway
    said = answering.Answer(given.text, given.language, given.canned, given.values, given.up_to)
    deed = answering.answer
    return await _do(gate, conversation_id, lambda s: deed(s, gateway, conversation_id, said, by=caller.author))


@routes.post("/{conversation_id}/merge", response_model=Conversed, summary="Merge another of the same person into it")
async def merge(
    request: Request, conversation_id: paging.Id, given: Merged, caller: callers.Caller, gate: once.Once
) -> Response:
    """409 where they are of two people."""
    gateway = site.of(request).gateway
    deed = deeds.merge
    return await _do(gate, conversation_id, lambda s: deed(s, gateway, conversation_id, given.other, by=caller.author))


@routes.post("/{conversation_id}/close", response_model=Conversed, summary="Close it with its outcome")
async def close(
    request: Request, conversation_id: paging.Id, given: Closed, caller: callers.Caller, gate: once.Once
) -> Response:
    """The family's next words open it again."""
    gateway = site.of(request).gateway
    deed = deeds.close
    return await _do(
        gate, conversation_id, lambda s: deed(s, gateway, conversation_id, given.outcome, by=caller.author)
    )


async def _do(gate: once.Gate, conversation_id: int, act: Callable[[Session], Awaitable[Any]]) -> Response:
    async def deed(session: Session) -> once.Done:
        await act(session)
        await session.flush()
        found = await conversations.root(session, conversation_id)
        contact = await session.get(Contact, found.contact_id) if found.contact_id else None
        return once.Done(_shape(found, contact))

    return await gate.do(deed)


def _shape(conversation: Conversation, contact: Contact | None) -> Conversed:
    known = Conversed.model_validate(conversation)
    return known.model_copy(update={"contact": contact.full_name if contact else ""})
