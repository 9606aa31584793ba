"""Today, the morning board: which absent children nobody can account for yet, and who must do what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context
from gateway.absence import board, expected, export, needs, rules, strangers, sweep, views
from gateway.absence.board import Stand
from gateway.agenda import moving
from gateway.announcements import waiting
from gateway.database import Session
from gateway.desk import thread
from gateway.models import DaySession, Notice, NoticeState, Register
from gateway.web import site
from gateway.web.office import door, frame, live, visitors
from gateway.web.office.rights import Right
from scheduler import calendar

_DAY: Final = timedelta(days=1)
_GOING: Final = 4  #: announcements that are named
_COMING: Final = 6  #: automatic steps that are named


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/today``, the day's codes as a file, and letting a register be asked about that was held back."""
    view = streams.add(
        live.View(
            "today",
            "today.html",
            (
                "moment",
                "here",
                "state",
                "beads",
                "registers",
                "needs",
                "classes",
                "next",
                "odd",
                "replies",
                "health",
                "going",
            ),
            Right.SEE_TODAY,
            partial(read, moving.Kept()),
        )
    )

    async def show(request: Request) -> Response:
        """The board, alive."""
        return await streams.show(request, view)

    async def release(request: Request) -> Response:
        """A person has looked at a register that so many are missing in: ask their families now."""
        here, given = site.of(request), await door.form(request)
        which = DaySession.PM if given.get("session") == DaySession.PM.value else DaySession.AM
        async with here.gateway.database.write() as session:
            await sweep.release(session, here.gateway, here.gateway.today(), which, by=visitors.of(request).signature)
        here.planned()
        return pages.done(request, "/today", "The families are asked now.")

    return [
        door.page("/today", show, right=Right.SEE_TODAY),
        door.page("/today/codes.csv", codes, right=Right.ACT_ON_ABSENCES),
        door.page("/today/release", release, right=Right.ACT_ON_ABSENCES, methods=("POST",)),
    ]


async def codes(request: Request) -> Response:
    """The same as ``handbell absence export``; that they were taken is written down."""
    gateway = site.of(request).gateway
    day = _asked_day(request.query_params.get("date", ""), gateway.today())
    async with gateway.database.write() as session:
        lines = await views.day_list(session, rules.load(gateway.settings, gateway.year), day)
        await gateway.log.record(session, export.shown(day, to=visitors.of(request).signature), now=gateway.now())
    headers = {"Content-Disposition": f'attachment; filename="absences-{day:%Y-%m-%d}.csv"'}
    return Response(
        export.csv_of(lines, timezone=gateway.timezone), media_type="text/csv; charset=utf-8", headers=headers
    )


def _asked_day(given: str, today: date) -> date:
    try:
        return date.fromisoformat(given) if given else today
    except ValueError:
        return today


async def read(
    kept: moving.Kept, here: site.Site, visitor: visitors.Visitor, _given: Mapping[str, str]
) -> Mapping[str, Any]:
    """Everything on the page, in one view of the database."""
    gateway = here.gateway
    decided, now, today = rules.load(gateway.settings, gateway.year), gateway.now(), gateway.today()
    which = board.session_of(decided, now)
    async with gateway.database.read() as session:
        found = await board.read(session, decided, today, which, forms=visitor.forms)
        children = found.children
        wanted = [child for child in children if child.stand in board.NEEDS]
        values: dict[str, Any] = {
            "board": found,
            "lead": decided.lead,
            "meanings": {code.code: code.meaning.partition(" (")[0] for code in decided.codes.on(today)},
            "needs": await needs.read(session, wanted, today=today),
            "coming": needs.coming(children, decided, now=now)[:_COMING],
            "teacher": {form.name: _teacher(decided, form.name) for form in found.forms},
            "opens": expected.first(decided.year, today, which, decided.timezone),
            "held": await _held(session, today, which),
            "ageing": await _ageing(session, decided, today) if not visitor.forms else [],
            "later": decided.codes.undecided,
            "strangers": [],
            "going": [],
            "waiting": None,
            "stands": Stand,
        }
        if not visitor.forms:
            values["strangers"] = await strangers.listed(session, after=now - _DAY, today=today)
            values["going"] = await _going(session, gateway, today, kept)
        if visitor.may(Right.SEE_REPLIES):
            values["waiting"] = await _waiting(session, visitor, now, today)
    return values


def _teacher(decided: rules.Rules, form: str) -> str:
    """Who takes a form's register, where the school's file names them."""
    names = (decided.teachers.names.get(address, "") for address in decided.teachers.of(form))
    return next((name for name in names if name), "")


async def _ageing(session: Session, decided: rules.Rules, today: date) -> list[views.Ageing]:
    """Reasons of earlier days that are still to be found: the board itself asks about today's."""
    return [one for one in await views.ageing(session, decided, today=today) if one.day < today]


async def _held(session: Session, day: date, which: DaySession) -> Register | None:
    """The register that a person must look at before anybody is asked."""
    query = select(Register).where(
        Register.date == day,
        Register.session == which,
        col(Register.held_at).is_not(None),
        col(Register.released_at).is_(None),
    )
    return (await session.scalars(query)).one_or_none()


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many families wait for an answer, and until when the first was promised one."""

    count: int
    due_at: datetime | None


async def _waiting(session: Session, visitor: visitors.Visitor, now: datetime, today: date) -> Waiting:
    query = thread.listed("waiting", owner=visitor.name if visitor.forms else "", now=now, today=today).subquery()
    row = (await session.execute(sa.select(sa.func.count(), sa.func.min(query.c.due_at)).select_from(query))).one()
    return Waiting(row[0], row[1])


async def _going(session: Session, gateway: context.Gateway, today: date, kept: moving.Kept) -> Sequence[moving.Going]:
    """What has begun to go out today and has not come to its end, and what is still to go today."""
    ends = calendar.to_utc(datetime.combine(today + _DAY, datetime.min.time()), gateway.timezone)
    found = [*await moving.read(session, gateway, today, limit=_GOING, kept=kept)]
    due = (
        select(Notice)
        .where(sa.or_(col(Notice.next_fire_at) < ends, waiting.is_held()), waiting.waits())
        .order_by(col(Notice.state) != NoticeState.HELD, col(Notice.next_fire_at))
        .limit(_GOING)
    )
    found += [
        moving.Going(one.key, one.title, one.next_fire_at or one.created_at, one.state is NoticeState.HELD)
        for one in await session.scalars(due)
    ]
    return found[:_GOING]
