"""Small servers on loopback that misbehave on demand. They share nothing with the simulator: each checks the other."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl

import pytest
import trustme
from support import closing

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CUT, HANG = "<cut>", "<hang>"


class Wire:
    """A server on a free port of 127.0.0.1; connections are cut when it closes."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self._handler, self._tls = handler, tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0

    async def open(self) -> Wire:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, limit=2**20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # the other side went away, or the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if self._tls or writer.transport.is_closing() else writer.close()

    async def close(self) -> None:
        await closing.close(self._server)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()


@dataclass
class HttpRequest:
    method: str
    target: str
    headers: dict[str, str]
    form: dict[str, str]
    pairs: list[tuple[str, str]]
    body: str = ""


@dataclass
class HttpSink:
    """The next answers: ``(status, headers, body)``, :data:`CUT` or :data:`HANG`, in turn; the last one stays."""

    answers: list[tuple[int, Mapping[str, str], str] | str] = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
            is_form = bool(body) and "json" not in headers.get("content-type", "")
            pairs = parse_qsl(body if is_form else "", keep_blank_values=True, strict_parsing=is_form)
            self.requests.append(HttpRequest(method, target, headers, dict(pairs), pairs, body))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer == HANG:
                await asyncio.sleep(60)
            if isinstance(answer, str):
                return
            status, more, text = answer
            content = text.encode()
            lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
            lines += [f"{name}: {value}" for name, value in more.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
            await writer.drain()


@dataclass
class SmtpSink:
    """Replies by verb (``.`` is the final dot, ``greeting`` the first line); of a list each in turn, its last stays.

    DATA after a refused sender or recipient is refused. ``offers`` are further words of EHLO.
    """

    replies: dict[str, str | list[str]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    offers: tuple[str, ...] = ()
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    _usual: ClassVar = {
        "greeting": "220 mail.example.com ESMTP",
        "EHLO": "250-mail.example.com\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME",
        "MAIL": "250 2.1.0 ok",
        "RCPT": "250 2.1.5 ok",
        "DATA": "354 go ahead",
        ".": "250 2.0.0 ok: queued as 4XYZ",
        "RSET": "250 2.0.0 ok",
        "QUIT": "221 2.0.0 bye",
        "AUTH": "235 2.7.0 ok",
        "STARTTLS": "220 2.0.0 go ahead",
    }

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._reply(writer, "greeting"):
            return
        while line := await reader.readline():
            verb = line.split()[0].decode().upper()
            self.commands.append(line.decode().strip())
            if not await self._reply(writer, verb) or verb == "QUIT":
                return
            if verb == "STARTTLS" and self.tls:
                await writer.start_tls(self.tls)
            if verb == "DATA" and self.commands[-1] == "DATA" and self._last.startswith("354"):
                self.messages.append(await self._text(reader))
                if not await self._reply(writer, "."):
                    return

    async def _text(self, reader: asyncio.StreamReader) -> bytes:
        lines = []
        while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    async def _reply(self, writer: asyncio.StreamWriter, verb: str) -> bool:
        chosen = self.replies.get(verb, self._usual.get(verb, "502 5.5.1 what?"))
        if isinstance(chosen, list):
            chosen = chosen.pop(0) if len(chosen) > 1 else chosen[0]
        if verb == "EHLO" and chosen.startswith("250"):
            offers = "".join(f"250-{word}\r\n" for word in self.offers)
            first, last = chosen.rpartition("250 ")[::2]
            chosen = f"{first}{offers}250 {last}"
        if verb == "DATA" and not self._may_send:
            chosen = "503 5.5.1 nobody to send to"
        if chosen == HANG:
            await asyncio.sleep(60)
        if chosen == CUT:
            return False
        self._last = chosen
        if verb in ("MAIL", "RCPT"):
            self._may_send = chosen.startswith("25") and (verb == "MAIL" or self._may_send)
        writer.write(chosen.encode() + b"\r\n")
        await writer.drain()
        return not chosen.startswith("421")


@pytest.fixture
async def wire() -> AsyncIterator[Callable[..., Awaitable[Wire]]]:
    """Open servers; they are closed after the test."""
    opened: list[Wire] = []

    async def start(handler: Handler, tls: ssl.SSLContext | None = None) -> Wire:
        opened.append(await Wire(handler, tls).open())
        return opened[-1]

    yield start
    for each in opened:
        await each.close()


@pytest.fixture
def http_sink() -> HttpSink:
    return HttpSink()


@pytest.fixture
def smtp_sink() -> SmtpSink:
    return SmtpSink()


@pytest.fixture
async def http_url(wire: Callable[..., Awaitable[Wire]], http_sink: HttpSink) -> str:
    return f"http://127.0.0.1:{(await wire(http_sink.handle)).port}"


@pytest.fixture
async def smtp_port(wire: Callable[..., Awaitable[Wire]], smtp_sink: SmtpSink) -> int:
    return (await wire(smtp_sink.handle)).port


@pytest.fixture
async def closed_port(wire: Callable[..., Awaitable[Wire]], http_sink: HttpSink) -> int:
    """A port that nobody listens on."""
    server = await wire(http_sink.handle)
    await server.close()
    return server.port


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """A certificate authority of our own and the file that trusts it."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


@pytest.fixture
def server_tls(authority: tuple[trustme.CA, Path]) -> ssl.SSLContext:
    """The server's side, with a certificate for 127.0.0.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority[0].issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The shared test material; tests that need it are skipped where it is not."""
    path = Path(os.environ.get("HANDBELL_CORPORA") or Path(__file__).resolve().parents[3] / "shared" / "corpora")
    if not path.is_dir():
        pytest.skip("The shared corpora are not on this machine: set HANDBELL_CORPORA to their folder.")
    return path
