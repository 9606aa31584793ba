"""A morning at the office for pages to show: one child in each state, and a stranger who has written."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from gateway import context
from gateway.absence import deeds
from gateway.database import Database
from gateway.models import CaseState
from support import absences, desk, website

STRANGER = "+447700900199"
WORDS = "Hugo Example in 3A stays with me today, his back hurts. Please don't ring his mum"


@dataclass
class Office:
    """A gateway whose pages answer, and a case in each state."""

    site: website.Running
    cases: dict[CaseState, int]

    @property
    def url(self) -> str:
        return self.site.url


@contextlib.asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Office]:
    """The office of Monday 23 November 2026, at ten to ten."""
    async with again(database, await played(database)) as office:
        yield office


@dataclass(frozen=True)
class Played:
    """What has happened by ten to ten: the cases by their state, and the moment."""

    cases: dict[CaseState, int]
    now: datetime


async def played(database: Database) -> Played:
    """Let the morning come to ten to ten in a database, of which others may be given copies."""
    morning = await absences.Morning(database).open()
    return Played(await _play(morning), morning.clock.now)


@contextlib.asynccontextmanager
async def again(database: Database, then: Played) -> AsyncIterator[Office]:
    """The office on such a database, or on a copy of one."""
    clock = desk.Clock()
    clock.now = then.now

    def changed(gateway: context.Gateway) -> context.Gateway:
        return replace(gateway, settings=absences.settings(), now=clock)

    async with website.running_on(database, changed=changed) as site:
        yield Office(site, dict(then.cases))


async def _play(morning: absences.Morning) -> dict[CaseState, int]:
    names = {
        CaseState.ASKING: "Ana",
        CaseState.UNREAD: "Benedict-Alexander",
        CaseState.EXPECTED: "Zoë",
        CaseState.TO_CONFIRM: "Łucja",
        CaseState.ALARM: "نور",
        CaseState.SEEN: "Fay",
        CaseState.EXPLAINED: "Gia",
        CaseState.SAFE: "Hugo",
        CaseState.HANDED_OVER: "Ines",
    }
    mothers = {state: await morning.parent(f"Mother of {name}") for state, name in names.items()}
    fast = {CaseState.ALARM: {"year": "R", "form": "RB"}}
    children = {
        state: await morning.child(name, mothers[state], **fast.get(state, {})) for state, name in names.items()
    }
    await morning.mark_all(await morning.child("In School", await morning.parent()))
    await morning.mark_all(*children.values(), code="N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.at("09:44")
    await morning.deliver()
    said = {
        CaseState.UNREAD: "she is with her nan i think, or was that tomorrow",
        CaseState.EXPECTED: "3",
        CaseState.TO_CONFIRM: "1",
        CaseState.ALARM: "4",
    }
    for state, words in said.items():
        await morning.answer(mothers[state].number, words)
    await morning.answer(STRANGER, WORDS)
    await morning.mark(children[CaseState.SEEN], "L", at="09:42")
    of = {state: (await morning.case(pupil_id)).id or 0 for state, pupil_id in children.items()}
    for state, who, code in (
        (CaseState.EXPLAINED, "Mother of Gia", "M"),
        (CaseState.SAFE, "Mrs Office, at the door", ""),
        (CaseState.HANDED_OVER, "Mrs Okafor", ""),
    ):
        async with morning.database.write() as session:
            verdict = deeds.Verdict(state, who, code, "")
            await deeds.settle(session, morning.gateway, morning.rules, of[state], verdict, by="Mrs Office")
    await morning.at("09:50")
    await morning.deliver()
    return of
