"""The list: what is being written, what waits, what goes out now, and how many families the rest has reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.absence import sending as absences
from gateway.announcements import drafts, progress, waiting
from gateway.database import Session
from gateway.models import Notice, NoticeState, Purpose, Run
from gateway.web import site
from gateway.web.office import door, frame, live, visitors
from gateway.web.office.announcements import stage
from gateway.web.office.rights import Right

_SHOWN: Final = 12  #: on a page: each is counted by families
_WAITING: Final = (NoticeState.SCHEDULED, NoticeState.HELD)
_OTHERS: Final = (Purpose.GOOD_NEWS,)  #: on pages of their own
_SHOWS: Final = ("all", "drafts", "waiting", "sent")
_WORDS: Final = {1: "One", 2: "Two", 3: "Three", 4: "Four", 5: "Five"}


def routes(_pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/announcements?show=``."""
    parts = ("state", "tabs", "rows")
    view = streams.add(live.View("announcements", "announcements.html", parts, Right.SEE_ANNOUNCEMENTS, read, own=True))

    async def show(request: Request) -> Response:
        """The list, alive."""
        return await streams.show(request, view)

    return [door.page("/announcements", show, right=Right.SEE_ANNOUNCEMENTS)]


@dataclass(frozen=True, slots=True)
class Row:
    """One announcement of the list."""

    notice: Notice
    path: str
    word: str
    colour: str
    to: str
    at: str
    share: progress.Share | None


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft of the list."""

    id: str
    title: str
    who: str
    when: str


async def read(here: site.Site, visitor: visitors.Visitor, given: Mapping[str, str]) -> Mapping[str, Any]:
    """Everything on the page, from one view of the database."""
    gateway = here.gateway
    show = given.get("show", "all") if given.get("show") in _SHOWS else "all"
    author = visitor.signature if visitor.role == "teacher" else ""
    async with gateway.database.read() as session:
        writes = visitor.may(Right.WRITE_ANNOUNCEMENTS)
        being_written = await drafts.listed(session, author=author) if writes else []
        found = await _notices(session, show, author, before=given.get("before", ""))
        waits = await _count(session, author, waiting.waits())
        held = await _count(session, author, waiting.is_held())
        runs = await _runs(session, [notice.id for notice in found[:_SHOWN]])
        shares = await progress.shares(session, [run.id or 0 for run in runs.values()], today=gateway.today())
    rows = [_row(here, notice, runs.get(notice.id), shares) for notice in found[:_SHOWN]]
    zone, today = gateway.timezone, gateway.today()
    shown = [
        Draft(one.id, one.title, stage.by(one.changed_by), stage.day_and_time(one.changed_at, zone, today))
        for one in being_written
    ]
    return {
        "show": show,
        "drafts": shown if show in ("all", "drafts") and not given.get("before") else [],
        "rows": rows,
        "older": found[_SHOWN - 1].id if len(found) > _SHOWN else "",
        "tabs": [("all", "All", 0), *([("drafts", "Drafts", len(being_written))] if writes else []),
                 ("waiting", "Waiting", waits), ("sent", "Sent", 0)],
        "headline": _headline(sum(row.word == "Sending now" for row in rows), held, waits - held),
    }  # fmt: skip


def _headline(going: int, held: int, due: int) -> str:
    said = [f"{_WORDS.get(going, going)} {'is' if going == 1 else 'are'} going out now."] if going else []
    if held:
        said.append(f"{_WORDS.get(held, held)} {'waits' if held == 1 else 'wait'} for a second person.")
    if due:
        said.append(f"{_WORDS.get(due, due)} {'is' if due == 1 else 'are'} waiting for their time."
                    if due != 1 else "One is waiting for its time.")  # fmt: skip
    return " ".join(said) or "Nothing is going out now, and nothing waits."


def _ours(author: str) -> list[sa.ColumnElement[bool]]:
    query: list[sa.ColumnElement[bool]] = [
        col(Notice.author) != absences.AUTHOR,
        col(Notice.author) != "handbell",
        col(Notice.purpose).not_in(_OTHERS),
    ]
    return [*query, col(Notice.author) == author] if author else query


async def _notices(session: Session, show: str, author: str, *, before: str) -> Sequence[Notice]:
    if show == "drafts":
        return []
    query = select(Notice).where(*_ours(author))
    if show == "waiting":
        query = query.where(waiting.waits())
    elif show == "sent":
        query = query.where(col(Notice.state).not_in(_WAITING))
    if before:
        query = query.where(col(Notice.id) < before)
    return (await session.scalars(query.order_by(col(Notice.id).desc()).limit(_SHOWN + 1))).all()


async def _count(session: Session, author: str, which: sa.ColumnElement[bool]) -> int:
    return await session.scalar(sa.select(sa.func.count()).select_from(Notice).where(*_ours(author), which)) or 0


async def _runs(session: Session, notice_ids: Sequence[str]) -> dict[str, Run]:
    """The latest run of each."""
    latest = sa.select(sa.func.max(col(Run.id))).where(col(Run.notice_id).in_(notice_ids)).group_by(col(Run.notice_id))
    return {run.notice_id: run for run in await session.scalars(select(Run).where(col(Run.id).in_(latest)))}


def _row(here: site.Site, notice: Notice, run: Run | None, shares: Mapping[int, progress.Share]) -> Row:
    gateway = here.gateway
    share = shares.get(run.id or 0) if run else None
    how = stage.of(notice, run, share, now=gateway.now())
    at = run.fire_at if run and how.key != "waiting" else notice.next_fire_at
    when = stage.day_and_time(at, gateway.timezone, gateway.today()) if at else ""
    when = f"{when[:1].upper()}{when[1:]}" + (f", by {stage.by(notice.author)}" if how.key != "waiting" else "")
    return Row(notice, stage.path(notice), how.word, how.colour, stage.to(notice), when.lstrip(", "), share)
