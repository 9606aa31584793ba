"""The server in our own loop: it stops when it is told, finishes what has begun, and leaves signals alone."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import suppress

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support import closing
from support.waiting import until
from support.website import served

from gateway import errors
from gateway.practice import setup
from gateway.web import server


class Slow:
    """An application whose answer waits until the test lets it go."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.app = Starlette(routes=[Route("/", self.answer)])

    async def answer(self, _request: Request) -> Response:
        self.begun.set()
        await self.go.wait()
        return PlainTextResponse("done")


async def listens(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        return True
    return False


async def nobody_listens(url: str) -> bool:
    """Who still knocks at the last moment may be cut."""
    try:
        async with aiohttp.ClientSession() as client, client.get(url, timeout=aiohttp.ClientTimeout(1)):
            return False
    except aiohttp.ClientConnectorError:
        return True
    except (aiohttp.ClientError, TimeoutError):
        return False


async def test_a_request_that_has_begun_is_finished() -> None:
    slow = Slow()
    async with served(slow.app) as (url, stopping), aiohttp.ClientSession() as client:
        asked = asyncio.ensure_future(client.get(url))
        await slow.begun.wait()
        stopping.set()
        await asyncio.sleep(0.3)
        await until(lambda: nobody_listens(url), "it takes nothing more in")
        slow.go.set()
        async with await asked as answer:
            assert await answer.text() == "done"


async def test_one_that_never_ends_does_not_hold_up_the_daemon() -> None:
    slow = Slow()
    async with served(slow.app, grace_seconds=0) as (url, _), aiohttp.ClientSession() as client:
        asked = asyncio.ensure_future(client.get(url))
        await slow.begun.wait()
    with pytest.raises(aiohttp.ClientError):
        await asked


async def test_signals_stay_the_daemons() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with served(Slow().app):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_port_in_use_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(errors.NotReady, match=f"Port {port} is in use by another program"):
            await server.serve(Slow().app, host="127.0.0.1", port=port)(asyncio.Event())


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
async def test_an_address_that_is_not_ours_is_said_in_a_sentence(host: str) -> None:
    with pytest.raises(errors.NotReady, match="has no address"):
        await server.serve(Slow().app, host=host, port=setup.free_ports(1)[0])(asyncio.Event())


async def test_the_same_port_can_be_used_again_at_once() -> None:
    [port] = setup.free_ports(1)
    for _ in range(2):
        stopping = asyncio.Event()
        task = asyncio.ensure_future(server.serve(Slow().app, host="127.0.0.1", port=port)(stopping))
        await until(lambda: listens(port), "it listens")
        await closing.let_in()
        stopping.set()
        await task
