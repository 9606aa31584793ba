"""Emails beside another program that sends them: Apprise, as the other gateways send texts alone."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from bench import email, postgres, rounds
from bench.peers import apprise_loop, opening
from bench.peers.contract import Peer

_SHARE = 0.02  #: of all emails for Apprise, or it would take minutes


async def piece(*, quick: bool, server: postgres.Postgres, folder: Path) -> str:
    """A part of the page."""
    count, turns = (1_000, 2) if quick else (5_000, 5)
    few = max(20, int(count * _SHARE))
    with email.sink() as port:

        async def on_sqlite() -> float:
            with tempfile.TemporaryDirectory() as place:
                return await email.ours(port, count, f"sqlite+aiosqlite:///{Path(place) / 'bench.sqlite'}")

        async def on_postgresql() -> float:
            async with postgres.empty(server) as database:
                return await email.ours(port, count, database)

        sides: dict[str, rounds.Side] = {"Handbell, SQLite": on_sqlite, "Handbell, PostgreSQL": on_postgresql}
        async with contextlib.AsyncExitStack() as stack:
            opens = {"Apprise": lambda: apprise_loop.emails(port, folder)}
            opened, absent = await opening.opened(opens, stack)
            sides |= {name: _rate(peer, few) for name, peer in opened.items()}
            measured = await rounds.alternate(sides, rounds=turns)
    goals = [rounds.Goal(side, name, 1) for name in opened for side in sides if side != name]
    size = statistics.mean(len(content) for content in email.ready_made(100))
    return f"""### Emails

The same words to the same mail server, {"Postfix's `smtp-sink`" if email.program("smtp-sink") else "a sink"}: {count:,}
a round ({few} by Apprise), of {size:,.0f} bytes as Handbell writes them, plain text and HTML. Handbell's lie in the
outbox when the clock starts, and leave by {email.POOL} kept connections, every commit durable. Apprise opens a
connection for each, and reads the machine's list of certificate authorities before it, even where there is no TLS, as
here; it keeps nothing. Kannel and Jasmin know no emails, and the Celery worker is written for texts.

{rounds.table(measured, goals, unit="emails a second")}
{opening.left_out(absent)}"""


def _rate(peer: Peer, count: int) -> Callable[[], Coroutine[None, None, float]]:
    async def run() -> float:
        begun = time.perf_counter()
        await peer.send(count)
        return count / (time.perf_counter() - begun)

    return run
