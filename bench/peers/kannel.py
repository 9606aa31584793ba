"""Kannel, the C gateway: bearerbox and smsbox with the durable spool, texts in by HTTP, out by HTTP to the sink."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp

from bench import house
from bench.peers import fetching, processes
from bench.peers.contract import Peer
from gateway.practice import setup

DOES = "an HTTP request a text brings it in; spooled to one file each before it is sent; no list of what became of it"
_CONNECTIONS = 50


@contextlib.asynccontextmanager
async def peer(sink: str, folder: Path, session: aiohttp.ClientSession) -> AsyncIterator[Peer]:
    """Both boxes running."""
    root = await fetching.unpacked("kannel")
    env = fetching.libraries(root)
    core, smsbox, admin, smsc = setup.free_ports(4)
    (folder / "spool").mkdir()
    settings = folder / "kannel.conf"
    settings.write_text(_settings(sink, folder, core=core, smsbox=smsbox, admin=admin, smsc=smsc))
    bearer, sms = str(root / "usr/sbin/bearerbox"), str(root / "usr/sbin/smsbox")
    async with processes.running([bearer, "-v", "4", str(settings)], folder=folder, env=env) as first:
        await processes.listening(core)
        async with processes.running([sms, "-v", "4", str(settings)], folder=folder, env=env) as second:
            await processes.listening(smsbox)

            async def send(count: int) -> None:
                before = await processes.count(session, sink)
                await _brought(smsbox, count)
                await processes.arrived(session, sink, before + count)

            yield Peer(send, [first.pid, second.pid])


def _settings(sink: str, folder: Path, *, core: int, smsbox: int, admin: int, smsc: int) -> str:
    return f"""
group = core
admin-port = {admin}
admin-password = bench
admin-interface = 127.0.0.1
smsbox-port = {core}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = spool
store-location = {folder / "spool"}
log-level = 3

group = smsc
smsc = http
smsc-id = sink
system-type = generic
port = {smsc}
connect-allow-ip = 127.0.0.1
send-url = "{sink}/send?To=%p&From=%P&Body=%b"
status-success-regex = "queued"
max-pending-submits = 100

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {core}
sendsms-port = {smsbox}
sendsms-interface = 127.0.0.1
log-level = 3

group = sendsms-user
username = bench
password = bench
concatenation = true
max-messages = 3

group = sms-service
keyword = default
max-messages = 0
text = "no"
"""


async def _brought(port: int, count: int) -> None:
    """Bring texts in, by as many kept connections as a busy program would hold."""
    numbers = iter(range(count))

    async def bring() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for n in numbers:
                path = f"/cgi-bin/sendsms?username=bench&password=bench&from={quote(house.SENDER)}"
                path += f"&to={quote(house.number(n))}&text={quote(house.BODY)}"
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                if b" 202 " not in head.splitlines()[0]:
                    raise RuntimeError(f"Kannel did not take a text: {head.splitlines()[0].decode()}")
        finally:
            writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(bring())
