"""The web server, inside the daemon's own loop: the daemon says when to stop, and signals stay the daemon's."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog
import uvicorn
from starlette.types import ASGIApp

from gateway import errors

logger = structlog.get_logger()

GRACE_SECONDS = 10  #: how long requests that have begun may take when the daemon stops
#: Connections at once. Beyond, callers get 503 and come again, instead of all of them becoming slow.
MOST_CONNECTIONS = 1000


class Run(Protocol):
    """Answers until ``stopping`` is set, then lets requests that have begun finish; sets ``answering`` once it does."""

    def __call__(self, stopping: asyncio.Event, answering: asyncio.Event | None = None) -> Awaitable[None]:
        """Run."""
        ...


class _Server(uvicorn.Server):
    """Without uvicorn's signal handlers, which would take SIGTERM away from the daemon; and says when it answers."""

    def __init__(self, config: uvicorn.Config, answering: asyncio.Event | None) -> None:
        super().__init__(config)
        self._answering = answering

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if self._answering:
            self._answering.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield


def serve(
    app: ASGIApp, *, host: str, port: int, proxies: Sequence[str] = (), grace_seconds: int = GRACE_SECONDS
) -> Run:
    """Listen at once, and give the coroutine function that answers.

    ``proxies``  the addresses whose word is taken for whom they speak: guesses at passwords are counted by address

    Raises :class:`errors.NotReady` when nothing can listen there: before anybody was told that we are ready.
    """
    listening = listen(host, port)

    async def run(stopping: asyncio.Event, answering: asyncio.Event | None = None) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,  # it would write addresses, and the keys that stand in them
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=grace_seconds,
        )
        web = _Server(config, answering)
        serving = asyncio.create_task(web.serve(sockets=[listening]), name="uvicorn")
        stop = asyncio.create_task(stopping.wait(), name="web-stop")
        logger.info("web.listening", host=host, port=port)
        try:
            await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            web.should_exit = True
            await serving

    return run


def listen(host: str, port: int) -> socket.socket:
    """Listen on a host name or address (IPv4 or IPv6).

    Raises :class:`errors.NotReady` with what to do about it.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise errors.NotReady(_sentence(error, host, port)) from None
    # Connections take it over. asyncio does it only where the protocol is given by number: without it an answer in two
    # pieces waits for the other side's delayed acknowledgement, 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _sentence(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address “{host}”: correct web.host, or use 127.0.0.1 behind a proxy."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. Stop that one, or set web.port to a free one."
    if error.errno == errno.EACCES:
        return f"Port {port} is for the system's own services: set web.port to 1024 or more, behind a proxy."
    return f"Nothing can listen on {host}, port {port}: {error.strerror}."
