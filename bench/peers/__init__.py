"""``make bench-peers``: other programs beside Handbell, same texts, same sink, same run."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench import postgres, rounds, sink, texts
from bench.peers import apprise_loop, celery_worker, emails, jasmin, kannel, opening, ours, processes
from bench.peers.contract import Peer


@dataclass(frozen=True, slots=True)
class Side:
    """One program: how to open it, what it does, and how many of all messages a round it is given."""

    open: opening.Open
    does: str
    share: float = 1.0


@dataclass(slots=True)
class Used:
    """What a program used, round by round: seconds of processor a message, and MB afterwards."""

    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


async def section(*, quick: bool) -> str:
    """Every program that can be had, in turn."""
    count, turns = (1_000, 2) if quick else (10_000, 5)
    with sink.running() as url, postgres.short_lived() as server, tempfile.TemporaryDirectory() as folder:
        async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
            sides = _sides(url, Path(folder), session, server)
            opened, absent = await opening.opened({name: side.open for name, side in sides.items()}, stack)
            used = {name: Used() for name in opened}
            runs = {name: _run(opened[name], used[name], int(count * sides[name].share)) for name in opened}
            measured = await rounds.alternate(runs, rounds=turns)
        mailed = await emails.piece(quick=quick, server=server, folder=Path(folder))
    return f"""## Peers

The same texts to the same sink in the same run: {count:,} a round (fewer for those that would take minutes), in {turns}
rounds; the sink, and whoever brings the texts, share the machine. Time runs from the first text handed over until the
last has arrived and its end is written down, where the program writes anything down. Handbell's texts are committed to
the outbox in portions, as planning does it, and a lane sends them, without the daemon's other jobs (web, clock, sealing
the audit log); the others are brought theirs one by one, as they take them. Handbell and Kannel may have
{texts.CONCURRENCY} calls under way at once, a worker. Processor time and memory are those of all processes of a
program, its queues with it, without PostgreSQL; memory that they share is counted once.

{_table(measured, used)}
{_ratios(measured)}
{_does(sides, opened, absent)}
{mailed}"""


def _sides(url: str, folder: Path, session: aiohttp.ClientSession, server: postgres.Postgres) -> Mapping[str, Side]:
    def place(name: str) -> Path:
        made = folder / name
        made.mkdir()
        return made

    @contextlib.asynccontextmanager
    async def on_postgresql(workers: int) -> AsyncIterator[Peer]:
        made = place(f"postgresql-{workers}")
        async with postgres.empty(server) as database, ours.peer(url, database, made, workers=workers) as one:
            yield one

    @contextlib.asynccontextmanager
    async def celery() -> AsyncIterator[Peer]:
        made = place("celery")
        async with postgres.empty(server) as database, celery_worker.peer(url, made, session, database) as one:
            yield one

    on_sqlite = f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}"
    return {
        ours.SQLITE: Side(lambda: ours.peer(url, on_sqlite, place("sqlite")), ours.DOES),
        ours.POSTGRESQL: Side(lambda: on_postgresql(1), ours.DOES),
        ours.TWO_WORKERS: Side(lambda: on_postgresql(2), ours.DOES),
        "Kannel": Side(lambda: kannel.peer(url, place("kannel"), session), kannel.DOES),
        "Jasmin": Side(lambda: jasmin.peer(place("jasmin"), session), jasmin.DOES, share=0.2),
        "Celery": Side(celery, celery_worker.DOES, share=0.1),
        "Apprise": Side(lambda: apprise_loop.texts(url, place("apprise"), session), apprise_loop.DOES, share=0.05),
    }


def _run(peer: Peer, used: Used, count: int) -> Callable[[], Awaitable[float]]:
    async def run() -> float:
        cpu, begun = processes.cpu_seconds(peer.pids), time.perf_counter()
        await peer.send(count)
        taken = time.perf_counter() - begun
        used.cpu.append((processes.cpu_seconds(peer.pids) - cpu) / count)
        used.memory.append(processes.resident_mb(peer.pids))
        return count / taken

    return run


def _table(measured: rounds.Rounds, used: Mapping[str, Used]) -> str:
    lines = [
        [
            name,
            f"{statistics.median(rates):,.0f}",
            f"{min(rates):,.0f} to {max(rates):,.0f}",
            f"{statistics.median(used[name].cpu) * 1e6:,.0f} µs",
            f"{max(used[name].memory):,.0f} MB",
        ]
        for name, rates in measured.rates.items()
    ]
    return rounds.rows(["", "texts a second, median", "lowest to highest", "CPU a text", "memory"], lines)


def _ratios(measured: rounds.Rounds) -> str:
    lines, misses = [], []
    for peer in (name for name in measured.rates if name not in ours.SIDES):
        for side in ours.SIDES:
            ratios = measured.ratios(side, peer)
            median = statistics.median(ratios)
            lines.append([f"{side} to {peer}", f"{median:.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}", "> 1"])
            if median <= 1:
                misses.append(rounds.miss(f"{side} is not ahead of {peer} ({median:.2f})"))
    return "\n".join([rounds.rows(["ratio", "median", "lowest to highest", "asked for"], lines), *misses])


def _does(sides: Mapping[str, Side], opened: Mapping[str, Peer], absent: Mapping[str, str]) -> str:
    said = [f"- **Handbell**: {ours.DOES}."]
    said += [
        f"- **{name}** {peer.version}: {sides[name].does}." for name, peer in opened.items() if name not in ours.SIDES
    ]
    return "\n".join([*said, opening.left_out(absent)])
