"""Apprise: its Twilio plugin, one notification a person. It has no queue and keeps nothing: a loop in one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from bench import house
from bench.peers import fetching, processes
from bench.peers.contract import Peer

DOES = "a call of a library a text; nothing is kept: no queue, no status, nothing after a crash"
#: The plugin knows Twilio's address alone, and waits between two calls out of politeness.
_LOOP = """
import sys
from apprise import Apprise
from apprise.plugins.twilio import NotifyTwilio
sink, body = sys.argv[1:]
NotifyTwilio.notify_sms_url = sink + "/2010-04-01/Accounts/{sid}/Messages.json"
NotifyTwilio.request_rate_per_sec = 0
for line in sys.stdin:
    for n in range(int(line)):
        one = Apprise()
        one.add(f"twilio://AC{'0' * 32}:{'0' * 32}@441134960001/4477009{n:05d}")
        if not one.notify(body=body):
            sys.exit("Apprise could not send")
    print("done", flush=True)
"""


@contextlib.asynccontextmanager
async def peer(sink: str, folder: Path, session: aiohttp.ClientSession) -> AsyncIterator[Peer]:
    """The loop waiting for work."""
    python = await fetching.environment("apprise", "apprise")
    with (folder / "apprise.log").open("ab") as log:
        child = await asyncio.create_subprocess_exec(
            str(python),
            *("-c", _LOOP, sink, house.BODY),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    pipe_in, pipe_out = child.stdin, child.stdout
    assert pipe_in is not None
    assert pipe_out is not None

    async def send(count: int) -> None:
        before = await processes.count(session, sink)
        pipe_in.write(f"{count}\n".encode())
        if await pipe_out.readline() != b"done\n":
            raise RuntimeError(f"Apprise ended: {(folder / 'apprise.log').read_text('utf-8')[-500:]}")
        await processes.arrived(session, sink, before + count)

    try:
        yield Peer(send, [child.pid])
    finally:
        pipe_in.close()
        await child.wait()
