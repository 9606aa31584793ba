"""The numbers and From addresses that we send as, and whether anything leaves by them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlmodel import col, select

from gateway.models import Sender
from gateway.web import health, site
from gateway.web.api import shapes

routes = APIRouter(tags=["senders"])


@routes.get("/senders", summary="List senders")
async def listing(request: Request) -> list[shapes.Sender]:
    """Every sender, those that are held back with the reason, and those that the settings no longer name."""
    async with site.of(request).gateway.database.read() as session:
        rows = (await session.scalars(select(Sender).order_by(col(Sender.id)))).all()
    return [shapes.Sender.model_validate(row) for row in rows]


@routes.get("/can-send", summary="Can we send?")
async def can_send(request: Request) -> shapes.CanSend:
    """Whether messages leave and answers come in, why not, and what waits: what the office's page shows."""
    here = site.of(request)
    return shapes.CanSend.of(await health.answer(here), here.gateway.now())
