"""One message and everything that happened to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from sqlmodel import col, select

from gateway import digest, messages
from gateway.database import Session
from gateway.models import About, Attempt, Inbound, Message, Notice, Reply, Run
from gateway.web import site
from gateway.web.api import shapes

routes = APIRouter(prefix="/messages", tags=["messages"])

_MOST_LINES = 500


@routes.get("/{message_id}", summary="One message with its whole history")
async def one(request: Request, message_id: Annotated[str, Path(max_length=40)]) -> shapes.MessageDetails:
    """Its words, every call of a provider, every receipt and reply, and its lines of the audit log."""
    async with site.of(request).gateway.database.read() as session:
        message = await messages.find(session, message_id)
        about = select(About.pupil_id).where(About.message_id == message.id).order_by(col(About.pupil_id))
        attempts = select(Attempt).where(Attempt.message_id == message.id).order_by(col(Attempt.number))
        replies = select(Reply).where(Reply.message_id == message.id).order_by(col(Reply.id))
        lines = await messages.deeds(session, message.id, limit=_MOST_LINES)
        return shapes.MessageDetails(
            **shapes.Message.model_validate(message).model_dump(),
            notice=await _notice(session, message),
            digest=await digest.of(session, message.id),
            holds=await digest.within(session, message.id),
            address=message.address,
            subject=message.subject,
            body=message.body,
            pupil_ids=list(await session.scalars(about)),
            attempts=[shapes.Attempt.model_validate(row) for row in await session.scalars(attempts)],
            receipts=[_receipt(row) for row in await messages.receipts(session, message)],
            deeds=[
                shapes.Deed(at=line.at, actor=line.actor, action=line.action, facts=messages.facts(line, message.id))
                for line in reversed(lines)
            ],
            replies=[shapes.Reply.model_validate(row) for row in await session.scalars(replies)],
        )


async def _notice(session: Session, message: Message) -> str:
    query = select(Notice.key).join(Run, col(Run.notice_id) == col(Notice.id)).where(col(Run.id) == message.run_id)
    return (await session.scalar(query)) or ""


def _receipt(row: Inbound) -> shapes.Receipt:
    return shapes.Receipt(
        state=row.event["state"],
        reason=row.event["reason"] or "",
        code=row.event["code"],
        received_at=row.received_at,
        outcome=row.outcome,
    )
