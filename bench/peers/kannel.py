"""Kannel, the C gateway: bearerbox and smsbox with the durable spool, texts in by HTTP, out by HTTP to the sink."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp

from bench import house, texts
from bench.peers import bringing, fetching, processes
from bench.peers.contract import Peer
from gateway.practice import setup

DOES = (
    "an HTTP request a text brings it in; spooled to one file each before it is sent, and the disk is never asked to "
    "keep it (no `fsync`): it outlives Kannel's death and not the machine's; no list of what became of it"
)


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
        await processes.listening(core, folder=folder)
        async with processes.running([sms, "-v", "4", str(settings)], folder=folder, env=env) as second:
            await processes.listening(smsbox, folder=folder)

            async def send(count: int) -> None:
                before = await processes.count(session, sink)
                await bringing.bring(smsbox, _paths(count), status=b" 202 ")
                await processes.arrived(session, sink, before + count)
                await _emptied(folder / "spool")

            yield Peer(send, [first.pid, second.pid], fetching.debian_version(root, "kannel"))


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
max-pending-submits = {texts.CONCURRENCY}

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


def _paths(count: int) -> Iterator[bytes]:
    head = f"/cgi-bin/sendsms?username=bench&password=bench&from={quote(house.SENDER)}&text={quote(house.BODY)}&to="
    return (f"{head}{quote(house.number(n))}".encode() for n in range(count))


async def _emptied(spool: Path) -> None:
    """Wait until no text is kept any more: its file goes when the sink has answered."""
    async with asyncio.timeout(60):
        while _holds_files(spool):  # noqa: ASYNC110 - another process empties it
            await asyncio.sleep(0.02)


def _holds_files(folder: Path) -> bool:
    return any(one.is_file() for one in folder.rglob("*"))
