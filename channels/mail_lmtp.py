"""A door for a school's own mail server: it hands mail over by LMTP (RFC 2033), one answer for each recipient.

250 is said only once the mail is stored. Before that, whatever breaks, the mail server still has the mail and comes
again; so there is nothing here that could lose one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import random
import socket
import stat
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from channels import base, email_mime, lmtp_line, loopback, mail_in

_log = logging.getLogger(__name__)

_GREETING = "Handbell"
_MOST_RECIPIENTS = 200  #: RFC 5321 section 4.5.3.1.8 wants 100 at least
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  #: seconds between two tries to listen
_CHECK_SECONDS = 5.0
_LATER = "451 4.3.0 Not stored, please try again later"


@dataclass(frozen=True, slots=True)
class Door:
    """Where to listen, and for whom.

    ``path``           a Unix socket instead of host and port; its group, that of its folder, may connect
    ``beyond``         listen also on an address that other machines reach: LMTP asks nobody who they are
    ``addresses``      ours, each also with a ``+tag``; ``bounce_domain``: and every ``bounce+ID@`` there
    ``connections``    at once; ``timeout`` seconds between two commands, and for one mail as a whole
    """

    host: str = "127.0.0.1"
    port: int = 8024
    path: Path | None = None
    beyond: bool = False
    addresses: tuple[str, ...] = ()
    bounce_domain: str = ""
    most_bytes: int = mail_in.MOST_BYTES
    connections: int = 20
    timeout: float = 120.0

    def is_ours(self, address: str) -> bool:
        """Whether mail for an address is for us."""
        mailbox, _, domain = _plain(address).rpartition("@")
        name, _, tag = mailbox.partition("+")
        if tag and name == "bounce" and self.bounce_domain and domain == _plain(f"x@{self.bounce_domain}")[2:]:
            return True
        return f"{name}@{domain}" in {_plain(one) for one in self.addresses}

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        return str(self.path) if self.path else f"{self.host}, port {self.port}"


class LmtpDoor:
    """A way in for mail. ``read`` says what a mail means, and runs in a thread; ``now`` is the clock."""

    name = "mail-in"

    def __init__(
        self,
        door: Door,
        *,
        read: mail_in.Read,
        now: Callable[[], datetime],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.trouble = ""
        self._door, self._read, self._now, self._jitter = door, read, now, jitter
        self._lines: set[lmtp_line.Line] = set()
        self._reading = asyncio.Lock()  # one mail at a time: more threads would only keep the senders waiting
        self._deliver: base.Deliver | None = None

    async def open(self) -> None:
        """Look at the settings. Raises :class:`base.Misconfigured`."""
        door = self._door
        if not (door.path or door.beyond or loopback.is_this_machine(door.host)):
            sentence = f"Anybody who reaches {door.host} could hand in mail, as LMTP asks for no password"
            raise base.Misconfigured(f"{sentence}: set mail_in.lmtp_host to 127.0.0.1, or mail_in.lmtp_beyond to true.")
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd writes every address to its INFO log

    async def close(self) -> None:
        """Nothing is left: ``receive`` closes what it has opened."""

    async def check(self) -> str:
        """Knock. Gives a sentence; raises :class:`base.Misconfigured` where somebody else has taken the place."""
        door = self._door
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                if door.path:
                    reader, writer = await asyncio.open_unix_connection(str(door.path))
                else:
                    reader, writer = await asyncio.open_connection(door.host, door.port)
                greeting = await reader.readline()
                writer.close()
        except TimeoutError:
            greeting = b""
        except OSError:
            return f"Nobody listens at {door.place} yet: handbell run does, for the mail server."
        if _GREETING.encode() not in greeting:
            raise base.Misconfigured(f"Another program listens at {door.place}: give one of the two another place.")
        return f"The mail server can hand in mail at {door.place}."

    async def receive(self, deliver: base.Deliver) -> None:
        """Hand in what comes, until cancelled."""
        self._deliver = deliver
        pause = _SHORTEST_PAUSE
        while True:
            try:
                server = await self._listen()
            except OSError as error:
                reason = error.strerror or type(error).__name__
                self._tell(f"Nothing can listen at {self._door.place} ({reason}): is another program there?")
                await asyncio.sleep(pause * (1 - self._jitter() / 2))
                pause = min(_LONGEST_PAUSE, 2 * pause)
                continue
            self._tell("")
            try:
                await asyncio.Event().wait()
            finally:
                await self._leave(server)

    async def _listen(self) -> asyncio.Server:
        loop, door = asyncio.get_running_loop(), self._door
        if door.path is None:
            return await loop.create_server(self._new_line, door.host, door.port)
        listening = _bind(door.path)
        try:
            return await loop.create_unix_server(self._new_line, sock=listening)
        except BaseException:
            listening.close()
            raise

    async def _leave(self, server: asyncio.Server) -> None:
        server.close()
        for line in list(self._lines):
            if transport := cast(
                asyncio.WriteTransport | None, line.transport
            ):  # uvloop's are of no class of asyncio's
                transport.abort()
            await line.gone.wait()
        await server.wait_closed()
        if self._door.path:
            self._door.path.unlink(missing_ok=True)

    def _new_line(self) -> asyncio.BaseProtocol:
        if len(self._lines) >= self._door.connections:
            return lmtp_line.Full()
        line = lmtp_line.Line(
            self,
            data_size_limit=self._door.most_bytes,
            enable_SMTPUTF8=True,
            hostname="handbell",
            ident=_GREETING,
            timeout=self._door.timeout,
            loop=asyncio.get_running_loop(),
        )
        line.open_lines, line.gone = self._lines, asyncio.Event()
        return line

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's hook
        self, server: LMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """LHLO."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """RCPT TO."""
        if not self._door.is_ours(address):
            return "550 5.1.1 Handbell takes no mail for this address"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's hook
        self, server: LMTP, session: Session, envelope: Envelope
    ) -> str:
        """The mail itself, which is read and stored once, for however many addresses: one answer for all of them."""
        return await self._take_in(envelope)

    async def handle_exception(self, error: Exception) -> str:
        """A bug, or a line that is no LMTP: without its words, which are somebody's."""
        _log.error("A mail server's line could not be handled: %s.", type(error).__name__)
        return "451 4.3.0 Something went wrong here, please try again later"

    async def _take_in(self, envelope: Envelope) -> str:
        content = envelope.content or b""
        mail = mail_in.Mail(
            content if isinstance(content, bytes) else content.encode(),
            self._now(),
            envelope_from=_clean(envelope.mail_from or "").removeprefix("<").removesuffix(">"),
            envelope_to=tuple(map(_clean, envelope.rcpt_tos)),
        )
        try:
            async with self._reading:
                events = tuple(await asyncio.to_thread(self._read, mail))
        except Exception as error:  # a bug of ours: the mail server keeps the mail until it is mended
            where = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("A mail cannot be read: %s at %s:%s.", type(error).__name__, where.filename, where.lineno)
            return _LATER
        try:
            if events and self._deliver:
                await self._deliver(events)
        except Exception as error:  # whatever the store raises
            self._tell("Mail that came in cannot be stored; the mail server keeps it and tries again.")
            _log.warning("A mail could not be stored (%s); the mail server keeps it.", type(error).__name__)
            return _LATER
        self._tell("")
        return "250 2.0.0 Stored"

    def _tell(self, trouble: str) -> None:
        """Once for each change."""
        if trouble and trouble != self.trouble:
            _log.warning("No mail can be taken in: %s", trouble)
        elif self.trouble and not trouble:
            _log.warning("Mail is taken in again.")
        self.trouble = trouble


def _bind(path: Path) -> socket.socket:
    """A Unix socket that the mail server may connect to; one that was left behind is replaced, one in use is not."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(errno.EADDRINUSE, "a file is there")
        with socket.socket(socket.AF_UNIX) as knock:
            if knock.connect_ex(str(path)) == 0:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        path.chmod(0o660)  # before it listens
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def _plain(address: str) -> str:
    """An address to compare by: small letters, and the domain as it is in the DNS."""
    try:
        return email_mime.ascii_domain("To", address).casefold()
    except email_mime.BadHeader:
        return address.casefold()


def _clean(address: str) -> str:
    """Without bytes that are no UTF-8: aiosmtpd gives them as lone surrogates, which nothing could store."""
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
