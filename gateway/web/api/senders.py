"""The numbers and From addresses that we send as."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import col, select

from gateway.models import Sender
from gateway.web import site
from gateway.web.api import shapes

routes = APIRouter(prefix="/senders", tags=["senders"])


@routes.get("", summary="List senders")
async def listing(request: Request) -> list[shapes.Sender]:
    """Every sender, those that are held back with the reason, and those that the settings no longer name."""
    async with site.of(request).gateway.database.read() as session:
        rows = (await session.scalars(select(Sender).order_by(col(Sender.id)))).all()
    return [shapes.Sender.model_validate(row) for row in rows]
