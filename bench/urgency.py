"""Urgency: how long an emergency takes to its first phone, while a hundred thousand ordinary texts are on their way."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bench import house, postgres, rounds, sink
from gateway.models import Attempt, Audit, Message, MessageState, Notice, Purpose, Run
from gateway.models.types import core

QUEUED = 100_000
LEAST = 20_000  #: so many must still wait when an emergency is sent; else the queue is filled up again
FAMILIES = 30  #: that an emergency goes to: one form
WITHIN = 1.0  #: seconds, that 99 of 100 are asked to take at most
PAUSE = 0.3  #: seconds between two emergencies
MOST = 60.0  #: seconds that we wait for one

message, attempt, notice, line = core(Message).c, core(Attempt).c, core(Notice).c, core(Audit).c


@dataclass(frozen=True, slots=True)
class Trial:
    """One emergency: seconds from our request to the provider; bulk texts that were claimed, or came, before it."""

    seconds: float
    claimed_first: int
    on_the_wire: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Every trial on one database, and how many texts a second came to the provider meanwhile."""

    trials: Sequence[Trial]
    meanwhile: float


async def section(*, quick: bool) -> str:
    """Both databases, one after the other."""
    trials = 20 if quick else 150
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}"
        on_sqlite = await _measure(url, Path(folder), trials)
    with tempfile.TemporaryDirectory(prefix="handbell-postgres-") as data, tempfile.TemporaryDirectory() as folder:
        with postgres.server(Path(data)) as server:
            await server.execute("ALTER SYSTEM SET track_commit_timestamp = on")  # from its next start on
        with postgres.server(Path(data)) as server:
            async with postgres.empty(server) as url:
                on_postgresql = await _measure(url, Path(folder), trials)
    found = {"SQLite": on_sqlite, "PostgreSQL": on_postgresql}
    return f"""## Urgency

{QUEUED:,} ordinary texts are queued and leave on one number as fast as they can, from a school of {QUEUED:,} families.
Meanwhile a program sends an emergency to the {FAMILIES} families of one form, {trials} times, by `POST /api/v1/notices`
to the running daemon. Measured is the time from that request to the first text of the emergency at the provider:
taking it in, planning, claiming and sending. *Claimed before it* counts ordinary texts that were claimed after the
emergency's plan was committed and yet before it: there must be none. *On the wire* are those that came to the provider
between its claim and its arrival, as they had been claimed already.

{_table(found)}
{_missed(found)}"""


async def _measure(url: str, folder: Path, trials: int) -> Figures:
    with sink.running() as provider:
        async with house.house(url, provider, folder) as school:
            await house.people(school.database, QUEUED, form_of=FAMILIES)
            async with school.running(), aiohttp.ClientSession() as session:
                return await _tried(school, session, trials)


async def _tried(school: house.House, session: aiohttp.ClientSession, trials: int) -> Figures:
    sender_id = await school.sender_id()
    sent: dict[str, float] = {}
    for n in range(trials):
        if await school.count(MessageState.QUEUED) < LEAST:
            await house.messages(school.database, range(1, QUEUED + 1), sender_id=sender_id)
        word = f"N{n}"
        sent[word] = time.time()
        await _send(school, session, word, form=f"F{n % (QUEUED // FAMILIES)}")
        await asyncio.sleep(PAUSE)
    arrived = await _arrived(school, session, trials)
    begun, ended = min(sent.values()), max(sent.values())
    meanwhile = sum(begun < moment < ended for moment in arrived.times) / (ended - begun)
    found = Figures([await _trial(school, word, sent[word], arrived) for word in sent], meanwhile)
    p99 = rounds.percentile([one.seconds for one in found.trials], 0.99)
    rounds.say(f"{school.database.url.get_backend_name()}: p99 {p99:.3f} s, {meanwhile:,.0f} texts a second meanwhile")
    return found


async def _send(school: house.House, session: aiohttp.ClientSession, word: str, *, form: str) -> None:
    definition = {
        "key": _key(word),
        "title": "Emergency",
        "purpose": Purpose.EMERGENCY.value,
        "text": {"en": f"{sink.URGENT.decode()} {word} at school: please come to the gate."},
        "audience": {"forms": [form]},
        "media": ["sms"],
    }
    headers = {"Authorization": f"Bearer {school.bearer}"}
    async with session.post(f"{school.url}/api/v1/notices", json=definition, headers=headers) as answer:
        if answer.status != 201:
            raise RuntimeError(f"The emergency was not taken: {answer.status} {await answer.text()}")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What the provider saw: when each request came, and the place of each emergency's first text among them."""

    times: Sequence[float]
    first: Mapping[str, int]


async def _arrived(school: house.House, session: aiohttp.ClientSession, trials: int) -> Arrivals:
    async with asyncio.timeout(MOST):
        while True:
            async with session.get(f"{school.provider}/arrivals") as answer:
                told = await answer.json()
            first: dict[str, int] = {}
            for word, place in told["urgent"]:
                first.setdefault(word, place)
            if len(first) == trials:
                return Arrivals(told["arrivals"], first)
            await asyncio.sleep(0.5)


async def _trial(school: house.House, word: str, sent: float, arrived: Arrivals) -> Trial:
    """The audit log has the order of deeds: the lines from the plan of an emergency to its claim tell who was first."""
    place = arrived.first[word]
    async with school.database.read() as session:
        ours = {row.id: row.begun_at for row in await session.execute(_claimed(word))}
        claims = sa.select(line.body).where(line.action == "outbox.claimed", line.id > _planned(word).scalar_subquery())
        before = list[str]()
        for body in await session.scalars(claims.order_by(line.id).limit(100)):
            taken = json.loads(body)["messages"]
            if ours.keys() & taken:
                break
            before += taken
        first = await _after_its_commit(session, word, before)
    claimed_at = min(ours.values()).timestamp()
    on_the_wire = sum(claimed_at < moment for moment in arrived.times[max(0, place - 1000) : place])
    return Trial(arrived.times[place] - sent, first, on_the_wire)


async def _after_its_commit(session: AsyncSession, word: str, before: Sequence[str]) -> int:
    """How many of these messages were claimed when the emergency's plan was there to be seen.

    SQLite's writers come one after another. PostgreSQL's work side by side, and a line has its number before it is
    committed: a claim of then had looked for what is due before there was an emergency to see.
    """
    if session.get_bind().dialect.name == "sqlite":
        return len(before)
    committed = sa.select(sa.func.pg_xact_commit_timestamp(sa.literal_column("audit.xmin")))
    seen_from = await session.scalar(committed.where(line.id == _planned(word).scalar_subquery()))
    later = sa.select(sa.func.count()).where(attempt.message_id.in_(before), attempt.begun_at > seen_from)
    return await session.scalar(later) or 0


def _planned(word: str) -> sa.Select[int]:
    """The number of the line that says of an emergency that it was planned."""
    return sa.select(sa.func.max(line.id)).where(line.action == "notice.planned", line.subject == _subject(word))


def _subject(word: str) -> sa.ScalarSelect[str]:
    return sa.select(sa.literal("notice:") + notice.id).where(notice.key == _key(word)).scalar_subquery()


def _claimed(word: str) -> sa.Select[str, datetime]:
    query = (
        sa.select(message.id, attempt.begun_at)
        .join_from(core(Message), core(Attempt))
        .join(core(Run))
        .join(core(Notice))
    )
    return query.where(notice.key == _key(word))


def _key(word: str) -> str:
    return f"urgent-{word.lower()}"


def _table(found: Mapping[str, Figures]) -> str:
    lines = []
    for name, figures in found.items():
        seconds = [one.seconds for one in figures.trials]
        wire = [one.on_the_wire for one in figures.trials]
        lines.append(
            [
                name,
                f"{statistics.median(seconds):.2f} s",
                f"{rounds.percentile(seconds, 0.99):.2f} s",
                f"{min(seconds):.2f} to {max(seconds):.2f} s",
                f"≤ {WITHIN:.0f} s",
                str(sum(one.claimed_first for one in figures.trials)),
                f"{statistics.median(wire):.0f} ({max(wire)} at most)",
                f"{figures.meanwhile:,.0f}/s",
            ]
        )
    heads = ["", "median", "p99", "lowest to highest", "p99 asked for", "claimed before it", "on the wire", "all texts"]
    return rounds.rows(heads, lines)


def _missed(found: Mapping[str, Figures]) -> str:
    misses = []
    for name, figures in found.items():
        p99 = rounds.percentile([one.seconds for one in figures.trials], 0.99)
        if p99 > WITHIN:
            misses.append(rounds.miss(f"on {name} 99 of 100 take up to {p99:.2f} s, and {WITHIN:.0f} s is asked for"))
        if overtaken := sum(one.claimed_first for one in figures.trials):
            misses.append(rounds.miss(f"on {name} {overtaken} ordinary texts were claimed before an emergency"))
    return "\n".join(misses)
