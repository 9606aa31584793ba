"""The audit log: the seal in words, and every deed in a line that a secretary understands."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from gateway import audit, audit_export, context
from gateway.accounts import staff
from gateway.database import Session
from gateway.models import Audit
from gateway.web import site
from gateway.web.office import audit_subjects, audit_words, door, frame, naming, visitors
from gateway.web.office.rights import Right
from scheduler import calendar

PAGE: Final = 50  #: lines on one page
_COUNTED: Final = 10_000  #: no more lines than so are counted
_LONGEST: Final = 80  #: characters of what is looked for
_LARGEST_ID: Final = 2**62
_WHEN: Final = {"": "Today", "week": "This week", "month": "The last 30 days", "all": "Ever"}
_DAYS: Final = {"week": 6, "month": 29}


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/audit``, having it verified, and its lines as a file."""
    shown, see = Pages(pages), Right.SEE_AUDIT
    return [
        door.page("/audit", shown.show, right=see),
        door.page("/audit/verify", shown.to_show, right=see),
        door.page("/audit/verify", shown.verify, right=see, methods=("POST",)),
        door.page("/audit.jsonl", shown.export, right=see),
    ]


@dataclass(frozen=True, slots=True)
class Seal:
    """What the last verification of the whole log found; ``added`` lines were written since."""

    at: datetime
    by: str
    lines: int
    head: str
    fault: str
    added: int


@dataclass(frozen=True, slots=True)
class Deed:
    """A line as it stands on the page."""

    line: Audit
    who: str
    is_person: bool
    icon: str
    what: str
    about: audit_subjects.About | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    q: str
    who: str
    what: str
    when: str
    before: int

    @property
    def address(self) -> str:
        """The same as the end of an address, without the place in the list."""
        given = {"q": self.q, "who": self.who, "what": self.what, "when": self.when}
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def whole(self) -> str:
        """The same, with the traffic among it."""
        return replace(self, what=audit_words.EVERYTHING).address


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def show(self, request: Request) -> Response:
        """The seal, the filters, and a page of lines."""
        gateway, visitor, asked = site.of(request).gateway, visitors.of(request), _asked(request.query_params)
        async with gateway.database.read() as session:
            wanted = await _wanted(session, gateway, asked)
            lines = await audit.listed(session, wanted, before=asked.before, limit=PAGE + 1)
            values: dict[str, Any] = {
                "seal": await _seal(session),
                "first": await audit.first(session),
                "names": sorted(one.name for one in await staff.listed(session)),
                "count": await audit.count(session, wanted, most=_COUNTED),
                "left": await _left(session, wanted),
                "deeds": await _deeds(session, lines[:PAGE], visitor),
            }
        older = lines[PAGE - 1].id if len(lines) > PAGE else None
        day = _day(asked.when)
        return await self.pages.render(
            request, "audit.html", here="audit", asked=asked, older=older, groups=audit_words.GROUPS, spans=_WHEN,
            many=_COUNTED, chosen_day=day, period=_period(asked.when, day), local=_local(gateway),
            said_at=_said_at(gateway), **values,
        )  # fmt: skip

    async def to_show(self, _request: Request) -> Response:
        """Whoever loads the address of the check again sees the log."""
        return door.to("/audit")

    async def verify(self, request: Request) -> Response:
        """Recompute every seal of the whole log, and write down what came of it."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        begun, seen = time.monotonic(), gateway.mark.kept()  # as the log goes on meanwhile
        async with gateway.database.read() as session:
            verdict = await gateway.log.verify(session, seen=seen)
        seconds = time.monotonic() - begun
        async with gateway.database.write() as session:
            await audit.note_verified(
                session, verdict, seconds=seconds, by=visitor.signature, log=gateway.log, now=gateway.now()
            )
        lines = verdict.sealed + verdict.unsealed
        said = f"Checked again in {_span(seconds)}: " + (
            "something is wrong." if verdict.fault else f"all {lines:,} lines are unbroken."
        )
        return self.pages.done(request, "/audit", said)

    async def export(self, request: Request) -> Response:
        """The lines that the address asks for, with their seals, one JSON object a line; that is written down, too.

        Where it does not say of what, every line: a file that is evidence leaves nothing out.
        """
        gateway, visitor, asked = site.of(request).gateway, visitors.of(request), _asked(request.query_params)
        whole = replace(asked, what=asked.what or audit_words.EVERYTHING)
        async with gateway.database.write() as session:
            line = audit.Line(audit_words.EXPORTED, "", {"what": asked.what, "when": asked.when}, visitor.signature)
            await gateway.log.record(session, line, now=gateway.now())
        headers = {"Content-Disposition": f'attachment; filename="audit-{gateway.today():%Y-%m-%d}.jsonl"'}
        return StreamingResponse(_lines(gateway, whole), media_type="application/x-ndjson", headers=headers)


async def _lines(gateway: context.Gateway, asked: Asked) -> AsyncIterator[str]:
    async with gateway.database.read() as session:
        async for page in audit.every(session, await _wanted(session, gateway, asked)):
            yield "".join(f"{audit_export.packed(line)}\n" for line in page)


def _asked(given: QueryParams) -> Asked:
    """What the address asks for; what makes no sense in it is left out."""
    what, when, before = given.get("what", ""), given.get("when", ""), given.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 0
    return Asked(
        " ".join(given.get("q", "").split())[:_LONGEST],
        given.get("who", "")[:_LONGEST],
        what if what in (*audit_words.GROUPS, audit_words.EVERYTHING) else "",
        when if when in _WHEN or _day(when) else "",
        min(number, _LARGEST_ID),
    )


async def _wanted(session: Session, gateway: context.Gateway, asked: Asked) -> audit.Wanted:
    since, until = _bounds(gateway, asked.when)
    _, actions = audit_words.GROUPS.get(asked.what, ("", ()))
    without = () if asked.what else audit_words.TRAFFIC
    wanted = audit.Wanted(since, until, audit_words.actors(asked.who), actions, without)
    return replace(wanted, mentions=await audit_subjects.mentions(session, asked.q)) if asked.q else wanted


async def _left(session: Session, wanted: audit.Wanted) -> int:
    """How many lines are like that, but for what is left out."""
    if not wanted.without:
        return 0
    return await audit.count(session, replace(wanted, actions=wanted.without, without=()), most=_COUNTED)


def _bounds(gateway: context.Gateway, when: str) -> tuple[datetime | None, datetime | None]:
    """From when, and until when."""
    if when == "all":
        return None, None
    first = _day(when) or gateway.today() - timedelta(days=_DAYS.get(when, 0))
    midnight = datetime.min.time()
    since = calendar.to_utc(datetime.combine(first, midnight), gateway.timezone)
    if not _day(when):
        return since, None
    return since, calendar.to_utc(datetime.combine(first + timedelta(days=1), midnight), gateway.timezone)


def _day(when: str) -> date | None:
    try:
        found = date.fromisoformat(when)
    except ValueError:
        return None
    return found if 2000 < found.year < 3000 else None


def _period(when: str, day: date | None) -> str:
    if day:
        return f"on {naming.short_day(day)} {day.year}"
    return {"": "today", "week": "in seven days", "month": "in 30 days", "all": "in all"}[when]


async def _seal(session: Session) -> Seal | None:
    """The last verification, as its own line tells of it; None where there was none."""
    (*found,) = await audit.lines_about(session, action=audit.VERIFIED, limit=1)
    if not found:
        return None
    line, facts = found[0], json.loads(found[0].body)
    checked = facts["sealed"] + facts["unsealed"]
    added = await audit.written_since(session, line)
    return Seal(line.at, audit_words.who(line.actor, line.action)[0], checked, facts["head"], facts["fault"], added)


async def _deeds(session: Session, lines: Sequence[Audit], visitor: visitors.Visitor) -> list[Deed]:
    about = await audit_subjects.read(session, [line.subject for line in lines], visitor)
    found = list[Deed]()
    for line in lines:
        said = audit_words.words(line.action, json.loads(line.body))
        who, is_person = audit_words.who(line.actor, line.action)
        found.append(Deed(line, who, is_person, said.icon, said.sentences[0], about.get(line.subject)))
    return found


def _local(gateway: context.Gateway) -> Any:
    return lambda at: at.astimezone(gateway.timezone)


def _said_at(gateway: context.Gateway) -> Any:
    """Makes ``at 9:45am today`` of a moment, or ``on 19 November at 9:45am``."""

    def said(at: datetime) -> str:
        clock, local = naming.moment(at, gateway.timezone), at.astimezone(gateway.timezone)
        return f"at {clock} today" if local.date() == gateway.today() else f"on {naming.short_day(local)} at {clock}"

    return said


def _span(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < 60 else f"{seconds / 60:.1f} minutes"
