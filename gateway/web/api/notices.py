"""Notices: submit, preview, approve, cancel, look."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from sqlmodel import col, select
from starlette.responses import Response

from channels.base import Medium
from gateway import context, notices, planner
from gateway.announcements import outlook, progress
from gateway.audience import Audience
from gateway.database import Session
from gateway.good_news import worries
from gateway.models import Message, MessageState, Notice, NoticeState
from gateway.preferences import load
from gateway.web import site
from gateway.web.api import bodies, callers, description, once, paging, shapes

routes = APIRouter(prefix="/notices", tags=["notices"])

Key = Annotated[str, Path(max_length=80, description="Key or id of the notice")]


@routes.post(
    "",
    status_code=201,
    response_model=shapes.NoticeTaken,
    summary="Send a notice, now or when its schedule says",
    openapi_extra=description.TAKES_DEFINITION,
)
async def submit(request: Request, caller: callers.Caller, gate: once.Once) -> Response:
    """Take a definition in. One that needs approval is held until somebody else approves it."""
    here, wanted = site.of(request), await bodies.definition(request)
    async with here.gateway.database.read() as session:
        meter = await notices.meter(session, here.gateway, wanted)

    async def deed(session: Session) -> once.Done:
        notice = await notices.submit(session, here.gateway, wanted, author=caller.author)
        plain = shapes.Notice.model_validate(notice).model_dump()
        worried = await worries.of_audience(session, here.gateway, wanted)
        return once.Done(shapes.NoticeTaken(**plain, load=_load(meter), worries=worried), status=201)

    answer = await gate.do(deed)
    here.planned()
    return answer


@routes.post("/preview", summary="See who would get what", openapi_extra=description.TAKES_DEFINITION)
async def preview(request: Request) -> shapes.Preview:
    """Work everything out and write nothing: who gets what, in which language, at which cost, and who gets nothing."""
    gateway, wanted = site.of(request).gateway, await bodies.definition(request)
    async with gateway.database.read() as session:
        seen = await notices.preview(session, gateway, wanted)
        worried = await worries.of_audience(session, gateway, wanted)
    coming = outlook.of(seen, today=gateway.today(), default_language=gateway.settings.school.language)
    messages = [row.message for row in seen.rows]
    counts = Counter((m.medium, m.state, m.reason) for m in messages)
    return shapes.Preview(
        fires_at=seen.fire_at,
        problems=[str(problem) for problem in seen.audience.problems],
        counts=_counts(counts),
        families=coming.families,
        children=coming.children,
        unreachable=coming.unreachable,
        parts=sum(m.parts for m in messages if m.medium is Medium.SMS and m.state is not MessageState.SKIPPED),
        pence=round(sum(m.pence for m in messages), 4),
        load=_load(seen.meter),
        rows=[_row(row, seen.audience) for row in seen.rows],
        worries=worried,
    )


@routes.get("", summary="List notices, newest first")
async def listing(
    request: Request, limit: paging.Limit = 50, cursor: paging.Cursor = "", state: NoticeState | None = None
) -> paging.Page[shapes.Notice]:
    """Every notice, or those in one state."""
    query = select(Notice).order_by(col(Notice.id).desc()).limit(limit + 1)
    if cursor:
        query = query.where(col(Notice.id) < cursor)
    if state:
        query = query.where(Notice.state == state)
    async with site.of(request).gateway.database.read() as session:
        rows = (await session.scalars(query)).all()
    return paging.page(rows, limit, shape=shapes.Notice.model_validate, cursor=lambda row: row.id)


@routes.get("/{key}", summary="One notice and what came of it")
async def one(request: Request, key: Key) -> shapes.NoticeDetails:
    """The definition and how many messages are in which state."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        notice = await notices.find(session, key)
        tally = await notices.tally(session, notice)
        families = await _families(session, gateway, notice)
    plain = shapes.Notice.model_validate(notice).model_dump()
    return shapes.NoticeDetails(**plain, definition=notice.definition, counts=_counts(tally), families=families)


@routes.post("/{key}/approve", response_model=shapes.Notice, summary="Let a held notice go")
async def approve(request: Request, key: Key, caller: callers.Caller, gate: once.Once) -> Response:
    """The second pair of eyes: not the token that submitted it."""
    here = site.of(request)

    async def deed(session: Session) -> once.Done:
        notice = await notices.approve(session, here.gateway, key, approver=caller.author)
        return once.Done(shapes.Notice.model_validate(notice))

    answer = await gate.do(deed)
    here.planned()
    return answer


@routes.post("/{key}/cancel", response_model=shapes.Cancelled, summary="Take back what has not left")
async def cancel(request: Request, key: Key, caller: callers.Caller, gate: once.Once) -> Response:
    """And fire no more."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        taken_back = await notices.cancel(session, gateway, key, actor=caller.author)
        return once.Done(shapes.Cancelled(key=key, taken_back=taken_back))

    return await gate.do(deed)


@routes.post("/{key}/pause", response_model=shapes.Notice, summary="Hold back what has not left")
async def pause(request: Request, key: Key, caller: callers.Caller, gate: once.Once) -> Response:
    """Until somebody resumes it; what providers have already may still arrive. Campaigns have a pause of their own."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        await notices.pause(session, gateway, key, by=caller.author)
        return once.Done(shapes.Notice.model_validate(await notices.find(session, key)))

    return await gate.do(deed)


@routes.post("/{key}/resume", response_model=shapes.Notice, summary="Let a paused notice go on")
async def resume(request: Request, key: Key, caller: callers.Caller, gate: once.Once) -> Response:
    """Where it stopped: nobody gets it twice."""
    here = site.of(request)

    async def deed(session: Session) -> once.Done:
        await notices.resume(session, here.gateway, key, by=caller.author)
        return once.Done(shapes.Notice.model_validate(await notices.find(session, key)))

    answer = await gate.do(deed)
    here.planned()
    return answer


@routes.get("/{key}/messages", summary="The messages of a notice")
async def messages(
    request: Request,
    key: Key,
    limit: paging.Limit = 100,
    cursor: paging.Cursor = "",
    state: MessageState | None = None,
    medium: Annotated[Medium | None, Query()] = None,
) -> paging.Page[shapes.Message]:
    """Everybody in the audience has one: those who get nothing are `skipped`, with the reason."""
    async with site.of(request).gateway.database.read() as session:
        notice = await notices.find(session, key)
        run_ids = await notices.run_ids(session, notice)
        query = select(Message).where(col(Message.run_id).in_(run_ids)).order_by(col(Message.id)).limit(limit + 1)
        if cursor:
            query = query.where(col(Message.id) > cursor)
        if state:
            query = query.where(Message.state == state)
        if medium:
            query = query.where(Message.medium == medium)
        rows = (await session.scalars(query)).all()
    return paging.page(rows, limit, shape=shapes.Message.model_validate, cursor=lambda row: row.id)


async def _families(session: Session, gateway: context.Gateway, notice: Notice) -> shapes.Families | None:
    run = await progress.latest_run(session, notice)
    if run is None:
        return None
    share, children = await progress.share(session, run.id or 0, today=gateway.today())
    return shapes.Families(
        all=share.all, children=children, reached=share.reached, on_the_way=share.on_the_way, to_try=share.to_try,
        not_reached=share.not_reached,
    )  # fmt: skip


def _load(meter: load.Meter | None) -> shapes.Load | None:
    if meter is None:
        return None
    return shapes.Load(
        families=meter.families,
        families_by_texts=dict(meter.texts),
        emails=meter.emails,
        calls=meter.calls,
        over=meter.over,
    )


def _counts(tally: Any) -> list[shapes.Count]:
    return [
        shapes.Count(medium=medium, state=state, reason=reason, messages=count)
        for (medium, state, reason), count in sorted(tally.items())
    ]


def _row(planned: planner.Planned, audience: Audience) -> shapes.PreviewRow:
    message, known = planned.message, audience.people
    contact = known.contacts.get(message.contact_id or 0)
    return shapes.PreviewRow(
        contact_id=message.contact_id,
        contact=contact.full_name if contact else "",
        pupils=[shapes.PreviewPupil(id=pupil_id, name=known.pupils[pupil_id].called) for pupil_id in planned.pupil_ids],
        medium=message.medium,
        step=message.step,
        due_at=message.due_at,
        state=message.state,
        reason=message.reason,
        reason_text=message.reason_text,
        remark=message.remark,
        wanted_language=planned.wanted,
        language=message.language,
        translation=message.words_state,
        subject=message.subject,
        text=message.body,
        parts=message.parts,
        pence=message.pence,
    )
