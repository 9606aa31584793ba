"""Urgency: how long an emergency takes to its first phone, while a hundred thousand ordinary texts are on their way."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import sqlalchemy as sa

from bench import house, postgres, rounds, sink
from gateway.models import Attempt, Message, MessageState, Notice, Purpose, Run
from gateway.models.types import core

QUEUED = 100_000
LEAST = 20_000  #: so many must still wait when an emergency is sent; else the queue is filled up again
FAMILIES = 30  #: that an emergency goes to: one form
WITHIN = 1.0  #: seconds, that 99 of 100 are asked to take at most
MOST = 60.0  #: seconds that we wait for one

message, attempt, notice, run = core(Message).c, core(Attempt).c, core(Notice).c, core(Run).c


@dataclass(frozen=True, slots=True)
class Trial:
    """One emergency: seconds from our request to the provider; bulk texts that were claimed, or came, before it."""

    seconds: float
    claimed_first: int
    on_the_wire: int


async def section(*, quick: bool) -> str:
    """Both databases, one after the other."""
    trials = 20 if quick else 150
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}"
        on_sqlite = await _measure(url, Path(folder), trials)
    with postgres.short_lived() as server, tempfile.TemporaryDirectory() as folder:
        async with postgres.empty(server) as url:
            on_postgresql = await _measure(url, Path(folder), trials)
    found = {"SQLite": on_sqlite, "PostgreSQL": on_postgresql}
    return f"""## Urgency

{QUEUED:,} ordinary texts are queued and leave on one number as fast as they can, from a school of {QUEUED:,} families.
Meanwhile a program sends an emergency to the {FAMILIES} families of one form, {trials} times, by `POST /api/v1/notices`
to the running daemon. Measured is the time from that request to the first text of the emergency at the provider:
taking it in, planning, claiming and sending. *Claimed before it* counts ordinary texts that were claimed after the
emergency had been committed and yet before it: there must be none. *On the wire* are those that had been claimed
already and came to the provider in that time.

{_table(found)}
{_missed(found)}"""


async def _measure(url: str, folder: Path, trials: int) -> Sequence[Trial]:
    with sink.running() as provider:
        async with house.house(url, provider, folder) as school:
            await house.people(school.database, QUEUED, form_of=FAMILIES)
            async with school.running(), aiohttp.ClientSession() as session:
                return await _tried(school, session, trials)


async def _tried(school: house.House, session: aiohttp.ClientSession, trials: int) -> Sequence[Trial]:
    sender_id = await school.sender_id()
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    for n in range(trials):
        if await school.count(MessageState.QUEUED) < LEAST:
            filled = range(1, QUEUED + 1)
            await house.messages(school.database, filled, sender_id=sender_id)
        word = f"N{n}"
        sent[word] = time.time()
        await _send(school, session, word, form=f"F{n % (QUEUED // FAMILIES)}")
        seen[word] = await _committed(school, word)
        await asyncio.sleep(0.1)
    arrived = await _arrived(school, session, trials)
    found = [await _trial(school, word, sent[word], seen[word], arrived) for word in sent]
    for name in ("seconds", "claimed_first", "on_the_wire"):
        values = [getattr(one, name) for one in found]
        where = school.database.url.get_backend_name()
        rounds.say(f"{where}: {name} median {statistics.median(values):.3f}, most {max(values):.3f}")
    return found


async def _send(school: house.House, session: aiohttp.ClientSession, word: str, *, form: str) -> None:
    definition = {
        "key": f"urgent-{word.lower()}",
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


async def _committed(school: house.House, word: str) -> float:
    """When the emergency's messages can be seen in the database by others: a little after their commit."""
    query = (
        sa.select(message.id)
        .join(core(Run), run.id == message.run_id)
        .join(core(Notice), notice.id == run.notice_id)
        .where(notice.key == f"urgent-{word.lower()}")
        .limit(1)
    )
    async with asyncio.timeout(MOST):
        while True:
            async with school.database.read() as session:
                if (await session.execute(query)).first():
                    return time.time()
            await asyncio.sleep(0.005)


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


async def _trial(school: house.House, word: str, sent: float, seen: float, arrived: Arrivals) -> Trial:
    place = arrived.first[word]
    came = arrived.times[place]
    urgent = (
        sa.select(sa.func.min(attempt.begun_at))
        .join(core(Message), message.id == attempt.message_id)
        .join(core(Run), run.id == message.run_id)
        .join(core(Notice), notice.id == run.notice_id)
        .where(notice.key == f"urgent-{word.lower()}")
    )
    async with school.database.read() as session:
        claimed_at = (await session.execute(urgent)).scalar_one()
        claims = sa.select(sa.func.count()).where(
            attempt.message_id == message.id,
            message.priority > Purpose.EMERGENCY.priority,
            attempt.begun_at > datetime.fromtimestamp(seen, UTC),
            attempt.begun_at < claimed_at,
        )
        claimed_first = await session.scalar(claims) or 0
    return Trial(
        seconds=came - sent,
        claimed_first=claimed_first,
        on_the_wire=sum(seen < moment for moment in arrived.times[:place]),
    )


def _table(found: Mapping[str, Sequence[Trial]]) -> str:
    lines = []
    for name, trials in found.items():
        seconds = [one.seconds for one in trials]
        wire = [one.on_the_wire for one in trials]
        lines.append(
            [
                name,
                f"{statistics.median(seconds):.2f} s",
                f"{rounds.percentile(seconds, 0.99):.2f} s",
                f"{min(seconds):.2f} to {max(seconds):.2f} s",
                f"≤ {WITHIN:.0f} s",
                str(sum(one.claimed_first for one in trials)),
                f"{statistics.median(wire):.0f} ({max(wire)} at most)",
            ]
        )
    heads = ["", "median", "p99", "lowest to highest", "p99 asked for", "claimed before it", "on the wire"]
    return rounds.rows(heads, lines)


def _missed(found: Mapping[str, Sequence[Trial]]) -> str:
    misses = []
    for name, trials in found.items():
        p99 = rounds.percentile([one.seconds for one in trials], 0.99)
        if p99 > WITHIN:
            misses.append(rounds.miss(f"on {name} 99 of 100 take up to {p99:.2f} s, and {WITHIN:.0f} s is asked for"))
        if overtaken := sum(one.claimed_first for one in trials):
            misses.append(rounds.miss(f"on {name} {overtaken} ordinary texts were claimed before an emergency"))
    return "\n".join(misses)
