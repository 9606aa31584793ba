"""What people answered, and that somebody has read it."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter, Request
from sqlmodel import col
from starlette.responses import Response

from gateway import replies
from gateway.database import Session
from gateway.models import Contact, Conversation, Gist, Reply
from gateway.phone_line import voicemail
from gateway.web import site
from gateway.web.api import callers, once, paging, shapes

routes = APIRouter(prefix="/inbound", tags=["inbound"])


@routes.get("", summary="List replies, newest first")
async def listing(
    request: Request, limit: paging.Limit = 50, cursor: paging.Number = 0, waiting: bool | None = None
) -> paging.Page[shapes.InboundReply]:
    """Every reply; with `waiting`, those whose conversation waits for a person (or does not)."""
    query = _replies().order_by(col(Reply.id).desc()).limit(limit + 1)
    if cursor:
        query = query.where(col(Reply.id) < cursor)
    if waiting is not None:
        since = col(Conversation.waiting_since)
        query = query.where(since.is_not(None) if waiting else since.is_(None))
    async with site.of(request).gateway.database.read() as session:
        rows = (await session.execute(query)).all()
    return paging.page(rows, limit, shape=lambda row: _shape(*row), cursor=lambda row: row[0].id)


@routes.post("/{reply_id}/seen", response_model=shapes.InboundReply, summary="A person has read this reply")
async def seen(request: Request, reply_id: paging.Id, caller: callers.Caller, gate: once.Once) -> Response:
    """Its conversation waits no more, once nothing in it is left to read."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        await replies.mark_seen(session, reply_id, by=caller.author, log=gateway.log, now=gateway.now())
        row = (await session.execute(_replies().where(col(Reply.id) == reply_id))).one()
        return once.Done(_shape(*row))

    return await gate.do(deed)


@routes.get(
    "/{reply_id}/voice",
    summary="The sound of a voice message",
    response_class=Response,
    responses={200: {"content": {"audio/wav": {}}, "description": "A WAV file"}},
)
async def voice(request: Request, reply_id: paging.Id, caller: callers.Caller) -> Response:
    """What a caller said after the tone. That you listened is written down in the audit log.

    404 for a reply without one; 409 while it is being fetched, and once it was erased.
    """
    gateway = site.of(request).gateway
    async with gateway.database.write() as session:
        played = await voicemail.play(session, gateway, reply_id, by=caller.author)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="reply-{reply_id}.wav"'}
    return Response(played.audio.content, media_type=played.audio.content_type, headers=headers)


def _replies() -> sa.Select[Reply, Conversation, Contact, Gist]:
    return (
        sa.select(Reply, Conversation, Contact, Gist)
        .join(Conversation, col(Conversation.id) == col(Reply.conversation_id))
        .outerjoin(Contact, col(Contact.id) == col(Reply.contact_id))
        .outerjoin(Gist, col(Gist.reply_id) == col(Reply.id))
    )


def _shape(reply: Reply, conversation: Conversation, contact: Contact | None, gist: Gist | None) -> shapes.InboundReply:
    return shapes.InboundReply(
        **shapes.Reply.model_validate(reply).model_dump(),
        conversation=shapes.Conversation.model_validate(conversation),
        contact=contact.full_name if contact else "",
        gist=gist.text if gist else "",
    )
