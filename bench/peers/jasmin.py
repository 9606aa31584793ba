"""Jasmin, the Python gateway: texts in by HTTP, queued in RabbitMQ, out by SMPP to a sink that speaks it.

By HTTP it hands on only what comes in, so the other sink cannot be used. As published, 0.11.1 logs an error of its own
after each text, when the text has been sent and is off the queue.
"""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp

from bench import house
from bench.peers import bringing, brokers, fetching, processes, smpp_sink
from bench.peers.contract import Peer
from gateway.practice import setup

DOES = (
    "an HTTP request a text brings it in; it waits in RabbitMQ, in queues that do not outlive the broker; the log "
    "alone says what became of it. Its wire is SMPP on one kept connection, which costs less than an HTTP request, and "
    "its sink another one; its limit of one text a second for a connection is taken off"
)
#: It takes a lock in the machine's own /tmp, and one that was killed would keep the next from starting.
_START = """
import lockfile, runpy, sys
kept = lockfile.FileLock
lockfile.FileLock = lambda path: kept("jasmind")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_LISTENERS = ("http-api", "jcli", "router", "client-management", "smpp-server", "smpp-server-pb")
#: The one that logs what became of a text is left as it is.
_QUIET = ("service-smppclient", "deliversm-thrower", "dlr-thrower", "dlr", "amqp-broker", "redis-client", *_LISTENERS)
_SECONDS = 60
_PROMPTS = (b"jcli : ", b"> ")
_SETUP = """group -a
gid bench
ok
user -a
username bench
password bench
uid bench
gid bench
ok
smppccm -a
cid sink
host 127.0.0.1
port {port}
bind transmitter
submit_throughput 0
ok
mtrouter -a
type DefaultRoute
connector smppc(sink)
rate 0.0
ok
smppccm -1 sink
"""


@contextlib.asynccontextmanager
async def peer(folder: Path, session: aiohttp.ClientSession) -> AsyncIterator[Peer]:
    """Its two brokers, its daemon and its sink running."""
    python = await fetching.environment("jasmin", "jasmin", "setuptools<70")  # it still asks for pkg_resources
    async with contextlib.AsyncExitStack() as stack:
        queues = await stack.enter_async_context(brokers.rabbitmq(_made(folder / "rabbitmq")))
        store = await stack.enter_async_context(brokers.redis(_made(folder / "redis")))
        smpp, counted = stack.enter_context(smpp_sink.running())
        ports: Mapping[str, int] = dict(zip(_LISTENERS, setup.free_ports(len(_LISTENERS)), strict=True))
        settings = folder / "jasmin.cfg"
        _write_settings(settings, python, ports, amqp=queues.port, redis=store.port)
        daemon = [str(python), "-c", _START, str(python.with_name("jasmind.py")), "-c", str(settings)]
        env = {**os.environ, "ROOT_PATH": str(folder), "LOG_PATH": str(folder / "log")}
        running = await stack.enter_async_context(processes.running(daemon, folder=folder, env=env))
        await processes.listening(ports["jcli"], folder=folder)
        await _set_up(ports["jcli"], smpp)

        async def send(count: int) -> None:
            before = await processes.count(session, counted)
            await bringing.bring(ports["http-api"], _paths(count), status=b" 200 ")
            await processes.arrived(session, counted, before + count)

        yield Peer(send, [*queues.pids, *store.pids, running.pid], fetching.python_version(python, "jasmin"))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _write_settings(path: Path, python: Path, ports: Mapping[str, int], *, amqp: int, redis: int) -> None:
    """Everything on loopback and in the folder; AMQP's own description comes with its client."""
    [spec] = python.parent.parent.glob("lib/*/site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml")
    settings = configparser.RawConfigParser()
    settings.read_dict({name: {"log_level": "WARNING"} for name in _QUIET})
    settings.read_dict({name: {"bind": "127.0.0.1", "port": port} for name, port in ports.items()})
    settings.read_dict({name: {"store_path": path.parent} for name in ("client-management", "router")})
    settings.read_dict(
        {
            "amqp-broker": {"port": amqp, "spec": spec},
            "redis-client": {"port": redis},
            "http-api": {"access_log": None},
            "jcli": {"authentication": "no"},
        }
    )
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)


async def _set_up(console: int, smpp: int) -> None:
    """Make its user, its connection and its route, and wait until the connection is bound."""
    reader, writer = await asyncio.open_connection("127.0.0.1", console)
    said = b""
    try:
        async with asyncio.timeout(_SECONDS):
            for line in _SETUP.format(port=smpp).splitlines():
                writer.write(f"{line}\r\n".encode())
                said += await _prompt(reader)
            while b"BOUND_T" not in said:
                await asyncio.sleep(0.2)
                writer.write(b"smppccm -l\r\n")
                said += await _prompt(reader)
    except (TimeoutError, EOFError) as why:
        raise RuntimeError(f"it could not be set up: {said[-200:].decode('utf-8', 'replace')}") from why
    finally:
        writer.close()


async def _prompt(reader: asyncio.StreamReader) -> bytes:
    """What the console says until it asks for more."""
    said = b""
    while not said.endswith(_PROMPTS):
        if not (more := await reader.read(4096)):
            raise EOFError
        said += more
    return said


def _paths(count: int) -> Iterator[bytes]:
    head = f"/send?username=bench&password=bench&from={quote(house.SENDER)}&content={quote(house.BODY)}&to="
    return (f"{head}{quote(house.number(n))}".encode() for n in range(count))
