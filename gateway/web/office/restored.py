"""After a restore: what is set aside is let go or given up, by notice, and the school is opened again.

The deeds are those of ``handbell backup``; see :mod:`gateway.backup.gap`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import audit, errors, states
from gateway.backup import gap
from gateway.database import Session
from gateway.models import Notice
from gateway.web import site
from gateway.web.office import audit_words, door, frame, naming, visitors
from gateway.web.office.rights import Right

_HERE: Final = "/settings/restored"
#: What becomes of messages, as the form says it.
ABSENT, ALL, CANCEL = "absent", "all", "cancel"
_ONE: Final = {Medium.SMS: "text", Medium.EMAIL: "email", Medium.VOICE: "call"}
_KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    states.RESTORED_ABSENT: ("has not left", "have not left"),
    states.RESTORED_UNCLEAR: ("may have left: nobody can tell", "may have left: nobody can tell"),
    states.RESTORED: ("is still asked about at the provider", "are still asked about at the provider"),
}

Faults = Sequence[tuple[str, str]]


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/settings/restored``, opening the school, and deciding what becomes of messages."""
    shown, change = Pages(pages), Right.CHANGE_SENDING
    return [
        door.page(_HERE, shown.show, right=Right.SEE_SETTINGS),
        door.page(f"{_HERE}/open", shown.open_again, right=change, methods=("POST",)),
        door.page(f"{_HERE}/decide", shown.decide, right=change, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Restore:
    """When the database was restored, by whom, and when the copy was made."""

    at: datetime
    by: str
    copied_at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """What is set aside of one notice, or of answers to families (``key`` is ``""``).

    ``known``   sentences such as ``3 calls may have left: nobody can tell``
    ``absent``  how many have certainly not left; ``late`` how many are no longer worth saying
    """

    key: str
    title: str
    count: int
    known: Sequence[str]
    absent: int
    late: int


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def show(self, request: Request) -> Response:
        """How it stands, what is to be done, and what is set aside."""
        return await self._show(request)

    async def open_again(self, request: Request) -> Response:
        """Let new messages leave again; what is set aside stays so."""
        here, by = site.of(request), visitors.of(request).signature
        gateway = here.gateway
        await door.form(request)
        try:
            async with gateway.database.write() as session:
                aside = await gap.open_again(session, by=by, log=gateway.log, now=gateway.now())
        except errors.Conflict as error:
            return await self._show(request, problems=[("", str(error))])
        here.planned()
        said = f"{naming.count(aside, 'message is', 'messages are')} set aside." if aside else "Nothing is set aside."
        return self.pages.done(request, _HERE, f"New messages leave from now on. {said}")

    async def decide(self, request: Request) -> Response:
        """Let messages go that were set aside, or give them up: all there are, or those of one notice."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        gateway, what = here.gateway, form.get("what", "")
        which = gap.Which(form.get("notice", ""), what == ABSENT, answers_only="answers" in form)
        if what not in (ABSENT, ALL, CANCEL):
            return await self._show(request, problems=[("", "Choose what becomes of them")])
        try:
            async with gateway.database.write() as session:
                deed = gap.cancel if what == CANCEL else gap.release
                number = await deed(session, which, by=by, log=gateway.log, now=gateway.now())
        except errors.Conflict:
            return await self._show(request, problems=[("", "Nothing leaves yet: open the school first")])
        if what == CANCEL:
            return self.pages.done(request, _HERE, f"{naming.count(number, 'message')} given up.")
        here.planned()
        said = f"{naming.count(number, 'message goes', 'messages go')} out now, as far as still worth saying."
        return self.pages.done(request, _HERE, said)

    async def _show(self, request: Request, *, problems: Faults = ()) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            standing, found = await gap.standing(session), await gap.listed(session, gap.Which())
            groups = await _groups(session, found, now=gateway.now())
            restore = await _restore(session)
        return await self.pages.render(
            request, "restored.html", status=422 if problems else 200, here="settings", problems=problems,
            closed=standing.closed, groups=groups, aside=len(found), restore=restore,
            absent=sum(one.absent for one in groups), local=lambda at: at.astimezone(gateway.timezone),
            asking=sum(one.reason == states.RESTORED for one in found),
        )  # fmt: skip


async def _groups(session: Session, found: Sequence[gap.Aside], *, now: datetime) -> list[Group]:
    by_notice = dict[str, list[gap.Aside]]()
    for one in found:
        by_notice.setdefault(one.notice, []).append(one)
    query = select(col(Notice.key), col(Notice.title)).where(col(Notice.key).in_(by_notice.keys() - {""}))
    titles = {row.key: row.title for row in await session.execute(query)}
    return [
        Group(
            key, titles.get(key, "") or key if key else gap.ANSWERS.capitalize(), len(theirs), _sentences(theirs),
            sum(one.reason == states.RESTORED_ABSENT for one in theirs),
            sum(one.not_after is not None and one.not_after <= now for one in theirs),
        )
        for key, theirs in by_notice.items()
    ]  # fmt: skip


def _sentences(theirs: Sequence[gap.Aside]) -> list[str]:
    said = list[str]()
    for (_, medium, reason), number in sorted(gap.counted(theirs).items()):
        one, many = _KNOWN[reason]
        said.append(f"{naming.count(number, _ONE[medium])} {one if number == 1 else many}")
    return said


async def _restore(session: Session) -> Restore | None:
    """The last restore, as its own line of the log tells of it."""
    lines = await audit.lines_about(session, action=gap.RESTORED, limit=1)
    if not lines:
        return None
    copied_at = datetime.fromisoformat(json.loads(lines[0].body)["copied_at"])
    return Restore(lines[0].at, audit_words.who(lines[0].actor, lines[0].action)[0], copied_at)
