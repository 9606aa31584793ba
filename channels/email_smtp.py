"""Email over SMTP: a small pool of kept connections, and what came of each email.

aiosmtplib connects, encrypts and logs in; ``email_session`` then talks, ``email_transaction`` knows the steps.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import aiosmtplib

from channels import (
    base,
    email_codes,
    email_dkim,
    email_dns,
    email_mime,
    email_session,
    email_transaction,
    loopback,
    names,
    oauth,
    tls,
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Settings of the school's mail relay.

    ``security``        ``starttls`` (must succeed), ``tls`` from the first byte, or ``none``; none only without a
                        password, or on this machine
    ``ca_file``         a PEM file of further authorities, for a relay with a certificate of the school's own
    ``local_hostname``  how we greet; a fixed name, because looking it up can hang
    ``pool_size``       connections at most, ``timeout`` seconds for each step
    ``deadline``        seconds for one email as a whole, with the wait for a connection: at least twice ``timeout``,
                        and less than the caller's own patience, which could not tell at which step it ran out
    ``bounce_domain``   where ``bounce+ID@`` is received; ``""`` where no such mailbox is: bounces go to From then
    ``return_path``     a fixed envelope sender instead of From, where the relay insists on one
    ``tokens``          gives access tokens for a login without a password (XOAUTH2)
    ``from_address``    whose domain :meth:`SmtpEmail.advise` looks up
    ``dkim``            signs every email, for a relay that does not; None leaves it to the relay
    """

    host: str
    port: int = 587
    username: str = ""
    password: str = field(default="", repr=False)
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""
    local_hostname: str = "localhost"
    pool_size: int = 4
    timeout: float = 30.0
    deadline: float = 90.0
    bounce_domain: str = ""
    return_path: str = ""
    school_name: str = ""
    tokens: oauth.Tokens | None = None
    from_address: str = ""
    dkim: email_dkim.Signer | None = None


class NoConnection(Exception):
    """No usable connection came about, so nothing of any message was sent. ``result`` says why."""

    def __init__(self, reason: base.Reason, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        self.result = base.SendResult(base.Outcome.RETRY, code=code, reason=reason, text=sentence, lane_wide=True)


class SmtpEmail:
    """The channel for email. ``now`` gives the time for the Date header, aware; ``records`` asks DNS."""

    name = "smtp"
    medium = base.Medium.EMAIL

    def __init__(
        self, server: SmtpServer, *, now: Callable[[], datetime], records: email_dns.Records | None = None
    ) -> None:
        self._server = server
        self._now = now
        self._records = records or email_dns.Records()
        self._tls: ssl.SSLContext | None = None
        self._eight_bit = True  # whether the server takes 8-bit texts, as far as we know: the session decides
        self._idle: list[email_session.Session] = []
        self._places = asyncio.Semaphore(server.pool_size)
        self._lookups = names.Lookups()

    async def open(self) -> None:
        """Read the certificates, once: it takes some 30 ms. Raises :class:`base.Misconfigured`."""
        server = self._server
        if server.tokens:
            server.tokens.check()
        if (
            server.security == "none"
            and (server.password or server.tokens)
            and not loopback.is_this_machine(server.host)
        ):
            raise base.Misconfigured("With security = none the mail password would travel openly: use starttls or tls.")
        if server.dkim:
            server.dkim.check()
        if server.security != "none":
            self._tls = await asyncio.to_thread(tls.context, server.ca_file, setting="smtp.ca_file")

    async def close(self) -> None:
        """Say goodbye on every kept connection."""
        while self._idle:
            await self._quit(self._idle.pop())

    def speaks(self, locale: str) -> bool:
        """Any language can be written."""
        return True

    async def check(self) -> str:
        """Connect, greet and log in. Gives a sentence; raises :class:`base.Misconfigured` with one."""
        try:
            await self._quit(await self._connect())
        except NoConnection as error:
            raise base.Misconfigured(str(error)) from None
        login = " and accepts our login" if self._server.username else ""
        return f"The mail server {self._server.host} answers{login}."

    async def advise(self) -> list[base.Advice]:
        """Look at the DNS records that decide whether mailboxes believe our mail."""
        domain = self._server.from_address.rpartition("@")[2]
        if not domain:
            return []
        return await email_dns.advise(self._records, domain, relay=self._server.host, signer=self._server.dkim)

    async def find(self, message: base.Outgoing, since: datetime) -> base.FindResult:
        """A relay keeps no list that could be asked, so it can never be told."""
        return base.FindResult(base.Found.CANNOT_TELL)

    async def send(self, message: base.Outgoing) -> base.SendResult:
        """Hand one email to the relay, once. It is written when a connection is free: many may wait with long files."""
        # The answer to the text has its own time, kept for it to the end: whatever is late before that has not left.
        limit = asyncio.get_running_loop().time() + self._server.deadline - self._server.timeout
        if not await self._place(limit=limit):
            sentence = "Every connection to the mail server was busy for too long."
            return base.SendResult(base.Outcome.RETRY, reason=base.Reason.TEMPORARY, text=sentence)
        try:
            reference = email_mime.message_id(message)
            refusal = await self._deliver(await self._write(message), limit=limit)
        except email_mime.BadHeader as error:
            return _unbuildable(error)
        finally:
            self._places.release()
        return refusal or base.SendResult(base.Outcome.ACCEPTED, ref=reference)

    async def _place(self, *, limit: float) -> bool:
        """Take a place in the pool; False where none came free in time."""
        if not self._places.locked():
            return await self._places.acquire()  # at once
        try:
            async with asyncio.timeout_at(limit):
                return await self._places.acquire()
        except TimeoutError:
            return False

    async def _write(self, message: base.Outgoing) -> email_transaction.Letter:
        """Write the email. What is signed stays 7-bit: a relay that recoded it would break the seal (RFC 6376 §5.3)."""
        server, at = self._server, self._now()

        def write(eight_bit: bool) -> bytes:
            return email_mime.build(message, school_name=server.school_name, at=at, eight_bit=eight_bit)

        sender, to = self._return_path(message), email_mime.ascii_domain("To", message.to)
        if server.dkim:
            # Some 7 ms of pure Python: in a thread, so that calls and webhooks go on meanwhile.
            signed = await asyncio.to_thread(server.dkim.sign, write(False))
            return email_transaction.Letter(sender, to, lambda _: signed, signed, False)
        return email_transaction.Letter(sender, to, write, write(self._eight_bit), self._eight_bit)

    def _return_path(self, message: base.Outgoing) -> str:
        if self._server.bounce_domain:
            return email_mime.return_path(message, self._server.bounce_domain)
        return email_mime.ascii_domain("From", self._server.return_path or message.sender)

    async def _deliver(self, letter: email_transaction.Letter, *, limit: float) -> base.SendResult | None:
        """Give None when the server took it; ``limit`` is the loop's time by which the text must be on its way.

        A kept connection that turns out dead at MAIL is replaced.
        """
        while True:
            kept = self._take_kept()
            try:
                session = kept or await self._connect(limit=limit)
                return await self._deliver_by(session, letter, limit=limit)
            except NoConnection as error:
                return error.result
            except email_transaction.Broken as error:
                if kept and error.step is email_codes.Step.SENDER:
                    continue  # closed while it lay idle: nothing of this message has gone anywhere
                return error.result

    async def _deliver_by(
        self, session: email_session.Session, letter: email_transaction.Letter, *, limit: float
    ) -> base.SendResult | None:
        try:
            return await email_transaction.deliver(session, letter, patience=self._server.timeout, limit=limit)
        finally:
            if session.fit:
                self._idle.append(session)
            else:
                session.close()

    def _take_kept(self) -> email_session.Session | None:
        while self._idle:
            session = self._idle.pop()
            if session.fit:
                return session
            session.close()
        return None

    async def _quit(self, session: email_session.Session) -> None:
        try:
            session.command(b"QUIT")
            await session.reply(until=asyncio.get_running_loop().time() + self._server.timeout)
        except email_session.Lost:
            pass
        session.close()

    async def _token(self) -> str:
        """A token for the login. Raises :class:`NoConnection`."""
        try:
            return await asyncio.to_thread(self._server.tokens.give) if self._server.tokens else ""
        except oauth.NoToken as error:
            raise NoConnection(base.Reason.AUTH if error.ours else base.Reason.TEMPORARY, str(error)) from None

    async def _connect(self, *, limit: float | None = None) -> email_session.Session:
        server = self._server
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username or None,
            password=server.password or None,
            oauth_token_generator=self._token if server.tokens else None,
            local_hostname=server.local_hostname,
            timeout=server.timeout,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=self._tls,
        )
        try:
            async with asyncio.timeout(server.timeout):  # first, as it can hang: the library would look it up elsewhere
                await self._lookups.addresses(server.host, server.port)
            async with asyncio.timeout_at(limit):
                await smtp.connect()
                if smtp.is_ehlo_or_helo_needed:  # neither STARTTLS nor a login has done it
                    await smtp.ehlo()
            transport = smtp.transport
            if transport is None:
                raise aiosmtplib.SMTPServerDisconnected("closed right after the greeting")
        except asyncio.CancelledError:
            smtp.close()
            raise
        except NoConnection:
            smtp.close()
            raise
        except (aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            if server.tokens and isinstance(error, aiosmtplib.SMTPAuthenticationError):
                server.tokens.forget()
            raise _why_not(error) from None
        session = email_session.take_over(transport, {name.lower() for name in smtp.esmtp_extensions})
        self._eight_bit = session.eight_bit
        return session


def _unbuildable(error: email_mime.BadHeader) -> base.SendResult:
    if error.field == "From":
        sentence = f"The sender address in the settings is not usable. {error}"
        return base.SendResult(base.Outcome.RETRY, reason=base.Reason.CONFIG, text=sentence, lane_wide=True)
    reason = base.Reason.BAD_ADDRESS if error.field == "To" else base.Reason.CONTENT
    return base.SendResult(base.Outcome.REFUSED, reason=reason, text=str(error))


def _why_not(error: Exception) -> NoConnection:
    """Give the reason why no connection came about, in words that name the setting."""
    code = str(error.code) if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        sentence = (
            "The mail server's certificate does not fit its name or is not trusted: check host, security, ca_file."
        )
        return NoConnection(base.Reason.CONFIG, sentence)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        sentence = f"The mail server does not accept our login (SMTP {code}): check username and password."
        return NoConnection(base.Reason.AUTH, sentence, code=code)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        reason = base.Reason.CONFIG if error.code >= 500 else base.Reason.TEMPORARY
        return NoConnection(reason, f"The mail server turned us away at the greeting (SMTP {code}).", code=code)
    if isinstance(error, (OSError, TimeoutError)):
        sentence = "No connection to the mail server: check host and port, and whether the network is up."
        return NoConnection(base.Reason.TEMPORARY, sentence)
    sentence = "The mail server does not offer what the settings ask for: check security, username and port."
    return NoConnection(base.Reason.CONFIG, sentence)
