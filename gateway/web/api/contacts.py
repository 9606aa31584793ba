"""Contacts: who they are, how they can be reached, and what they asked us to stop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fastapi import APIRouter, Request
from sqlmodel import col, select
from starlette.responses import Response

from gateway import context, errors, points
from gateway.database import Session
from gateway.models import Contact, ContactPoint, Guardianship, OptOut, Pupil
from gateway.one_person import joining, showing
from gateway.preferences import topics, wishes
from gateway.web import site
from gateway.web.api import callers, once, paging, shapes

routes = APIRouter(prefix="/contacts", tags=["contacts"])


@routes.get("", summary="List contacts")
async def listing(
    request: Request, limit: paging.Limit = 100, cursor: paging.Number = 0
) -> paging.Page[shapes.Contact]:
    """Every contact, by id."""
    query = select(Contact).where(col(Contact.id) > cursor).order_by(col(Contact.id)).limit(limit + 1)
    async with site.of(request).gateway.database.read() as session:
        rows = (await session.scalars(query)).all()
    return paging.page(rows, limit, shape=shapes.Contact.model_validate, cursor=lambda row: row.id)


@routes.get("/{contact_id}", summary="One contact with points and children")
async def one(request: Request, contact_id: paging.Id) -> shapes.ContactDetails:
    """Every way to reach the contact, what the evidence says of it, and the children, those it is barred from too."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        contact = await _find(session, contact_id)
        ties = (
            select(Guardianship, Pupil)
            .join(Pupil, col(Pupil.id) == col(Guardianship.pupil_id))
            .where(Guardianship.contact_id == contact_id)
            .order_by(col(Pupil.id))
        )
        children = [
            shapes.Child(
                pupil_id=tie.pupil_id,
                name=f"{pupil.called} {pupil.surname}",
                form=pupil.form,
                relation=tie.relation,
                priority=tie.priority,
                parental_responsibility=tie.parental_responsibility,
                lives_with=tie.lives_with,
                barred=tie.barred_on(gateway.today()),
            )
            for tie, pupil in await session.execute(ties)
        ]
        plain = shapes.Contact.model_validate(contact)
        return shapes.ContactDetails(**plain.model_dump(), points=await _points(session, contact_id), children=children)


@routes.post("/{contact_id}/opt-out", response_model=shapes.StoppedNow, summary="Stop a medium for a contact")
async def opt_out(
    request: Request, contact_id: paging.Id, wish: shapes.StopWish, caller: callers.Caller, gate: once.Once
) -> Response:
    """For a person who told the office. It holds for the addresses, and so for everybody who shares them."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        await _find(session, contact_id)
        kind = points.kind_of(wish.medium)
        query = select(ContactPoint.address).where(ContactPoint.contact_id == contact_id, ContactPoint.kind == kind)
        stopped = [
            await points.opt_out(
                session,
                wish.medium,
                address,
                how=caller.author,
                log=gateway.log,
                now=gateway.now(),
                mandatory_too=wish.mandatory_too,
            )
            for address in (await session.scalars(query)).all()
        ]
        return once.Done(shapes.StoppedNow(addresses=sum(stopped)))

    return await gate.do(deed)


@routes.get("/{contact_id}/preferences", summary="What a contact wants to hear of")
async def preferences(request: Request, contact_id: paging.Id) -> shapes.Preferences:
    """By topic and medium: at once, in the day's digest, or not at all. Where nothing was chosen it is at once."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        return await _preferences(session, gateway, contact_id)


@routes.put("/{contact_id}/preferences", response_model=shapes.Preferences, summary="Choose what a contact hears of")
async def prefer(
    request: Request, contact_id: paging.Id, wish: shapes.PreferenceWish, caller: callers.Caller, gate: once.Once
) -> Response:
    """For one topic; media that are not named stay as they are. Emergencies and a child's safety come all the same."""
    gateway = site.of(request).gateway
    topic = topics.named(gateway.preferences.topics, wish.topic)

    async def deed(session: Session) -> once.Done:
        await wishes.choose(
            session, contact_id, topic, wish.media, by=caller.author, log=gateway.log, now=gateway.now()
        )
        return once.Done(await _preferences(session, gateway, contact_id))

    return await gate.do(deed)


@routes.get("/{contact_id}/merge/{other_id}", summary="What making one of two contacts would do")
async def shown(request: Request, contact_id: paging.Id, other_id: paging.Id) -> shapes.Merge:
    """The whole of it. Nothing is changed."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        whole = await showing.whole(session, contact_id, other_id, now=gateway.now())
    return shapes.Merge(**showing.plain(whole))


@routes.post("/{contact_id}/merge/{other_id}", response_model=shapes.Merge, summary="Make one of two contacts")
async def merge(
    request: Request, contact_id: paging.Id, other_id: paging.Id, caller: callers.Caller, gate: once.Once
) -> Response:
    """The second becomes part of the first; no import makes two of them again. Look at it first."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        whole = await joining.merge(session, contact_id, other_id, by=caller.author, log=gateway.log, now=gateway.now())
        return once.Done(shapes.Merge(**showing.plain(whole)))

    return await gate.do(deed)


async def _preferences(session: Session, gateway: context.Gateway, contact_id: int) -> shapes.Preferences:
    chosen = await wishes.shown(session, contact_id)
    table = wishes.table(chosen, [*gateway.preferences.topics.topics, topics.OTHER])
    phones = [shapes.Declined(topic=one.topic, medium=one.medium, since=one.since) for one in chosen if one.address]
    return shapes.Preferences(topics=table, declined_by_phone=phones)


async def _find(session: Session, contact_id: int) -> Contact:
    contact = await session.get(Contact, contact_id)
    if contact is None:
        raise errors.NotFound(f"There is no contact {contact_id}.")
    return contact


async def _points(session: Session, contact_id: int) -> list[shapes.Point]:
    query = (
        select(ContactPoint)
        .where(ContactPoint.contact_id == contact_id)
        .order_by(col(ContactPoint.kind), col(ContactPoint.rank), col(ContactPoint.id))
    )
    rows: Sequence[ContactPoint] = (await session.scalars(query)).all()
    stops: dict[str, list[shapes.Stopped]] = defaultdict(list)
    for stop in await session.scalars(select(OptOut).where(col(OptOut.address).in_([row.address for row in rows]))):
        stops[stop.address].append(shapes.Stopped.model_validate(stop))
    return [shapes.Point(**row.model_dump(), stopped=stops[row.address]) for row in rows]
