"""Email over SMTP: a small pool of kept connections, and the knowledge at which step a delivery broke.

MAIL, RCPT and DATA are separate steps, because only the step says whether a message may have been taken: until the text
is written nothing has been, after its final dot only the server's reply can tell (RFC 5321 section 4.2.5 and 6.1).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import aiosmtplib

from channels import base, email_codes, email_dkim, email_dns, email_mime, loopback, oauth, tls

#: A lost or silent connection, or a reply that is not SMTP. Refusals do not come as exceptions here.
_LOST = (aiosmtplib.SMTPException, OSError)
_CLOSING = 421  #: the server ends the connection, at any step (RFC 5321 section 3.8)


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


class _Broken(Exception):
    """The connection ended at ``step``; ``result`` is what that means for the message."""

    def __init__(self, step: email_codes.Step, result: base.SendResult | None = None) -> None:
        super().__init__(step)
        self.step = step
        self.result = result or _cut(step)


class _Envelope(NamedTuple):
    sender: str
    to: str


class _Letter(NamedTuple):
    """The email for any server, and the shorter form for one that takes 8-bit texts, where there is one."""

    plain: bytes
    eight_bit: bytes | None


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
        self._idle: list[aiosmtplib.SMTP] = []
        self._places = asyncio.Semaphore(server.pool_size)

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
            await _quit(self._idle.pop())

    def speaks(self, locale: str) -> bool:
        """Any language can be written."""
        return True

    async def check(self) -> str:
        """Connect, greet and log in. Gives a sentence; raises :class:`base.Misconfigured` with one."""
        try:
            await _quit(await self._connect())
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
        """Hand one email to the relay, once."""
        try:
            letter = await self._write(message)
            envelope = _Envelope(self._return_path(message), email_mime.ascii_domain("To", message.to))
            reference = email_mime.message_id(message)
        except email_mime.BadHeader as error:
            return _unbuildable(error)
        # The answer to the text has its own time, kept for it to the end: whatever is late before that has not left.
        limit = asyncio.get_running_loop().time() + self._server.deadline - self._server.timeout
        try:
            async with asyncio.timeout_at(limit):
                await self._places.acquire()
        except TimeoutError:
            sentence = "Every connection to the mail server was busy for too long."
            return base.SendResult(base.Outcome.RETRY, reason=base.Reason.TEMPORARY, text=sentence)
        try:
            refusal = await self._deliver(envelope, letter, limit=limit)
        finally:
            self._places.release()
        return refusal or base.SendResult(base.Outcome.ACCEPTED, ref=reference)

    async def _write(self, message: base.Outgoing) -> _Letter:
        """Write the email. What is signed stays 7-bit: a relay that recoded it would break the seal (RFC 6376 §5.3)."""
        server, at = self._server, self._now()
        content = email_mime.build(message, school_name=server.school_name, at=at)
        if server.dkim:
            # Some 7 ms of pure Python: in a thread, so that calls and webhooks go on meanwhile.
            return _Letter(await asyncio.to_thread(server.dkim.sign, content), None)
        if (message.body + message.html).isascii():
            return _Letter(content, None)
        return _Letter(content, email_mime.build(message, school_name=server.school_name, at=at, eight_bit=True))

    def _return_path(self, message: base.Outgoing) -> str:
        if self._server.bounce_domain:
            return email_mime.return_path(message, self._server.bounce_domain)
        return email_mime.ascii_domain("From", self._server.return_path or message.sender)

    async def _deliver(self, envelope: _Envelope, letter: _Letter, *, limit: float) -> base.SendResult | None:
        """Give None when the server took it; ``limit`` is the loop's time by which the text must be on its way.

        A kept connection that turns out dead at MAIL is replaced.
        """
        while True:
            kept = self._take_kept()
            try:
                smtp = kept or await self._connect(limit=limit)
                return await self._deliver_by(smtp, envelope, letter, limit=limit)
            except NoConnection as error:
                return error.result
            except _Broken as error:
                if kept and error.step is email_codes.Step.SENDER:
                    continue  # closed while it lay idle: nothing of this message has gone anywhere
                return error.result

    async def _deliver_by(
        self, smtp: aiosmtplib.SMTP, envelope: _Envelope, letter: _Letter, *, limit: float
    ) -> base.SendResult | None:
        whole = False
        try:
            result = await _transact(smtp, envelope, letter, timeout=self._server.timeout, limit=limit)
            whole = smtp.is_connected
        finally:
            if whole:
                self._idle.append(smtp)
            else:
                smtp.close()
        return result

    def _take_kept(self) -> aiosmtplib.SMTP | None:
        while self._idle:
            smtp = self._idle.pop()
            if smtp.is_connected:
                return smtp
        return None

    async def _token(self) -> str:
        """A token for the login. Raises :class:`NoConnection`."""
        try:
            return await asyncio.to_thread(self._server.tokens.give) if self._server.tokens else ""
        except oauth.NoToken as error:
            raise NoConnection(base.Reason.AUTH if error.ours else base.Reason.TEMPORARY, str(error)) from None

    async def _connect(self, *, limit: float | None = None) -> aiosmtplib.SMTP:
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
            async with asyncio.timeout_at(limit):
                await smtp.connect()
                if smtp.is_ehlo_or_helo_needed:  # neither STARTTLS nor a login has done it
                    await smtp.ehlo()
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
        return smtp


async def _transact(
    smtp: aiosmtplib.SMTP,
    envelope: _Envelope,
    letter: _Letter,
    *,
    timeout: float,  # noqa: ASYNC109 - aiosmtplib's own, for one reply
    limit: float,
) -> base.SendResult | None:
    """Go through the steps; give None when the server took it. Raises :class:`_Broken` with the step."""
    options: list[bytes] = []
    content = letter.plain
    if letter.eight_bit is not None and smtp.supports_extension("8bitmime"):
        content = letter.eight_bit
        options.append(b"BODY=8BITMIME")
    if not (envelope.sender + envelope.to).isascii():
        if not smtp.supports_extension("smtputf8"):
            sentence = "The mail server cannot send to an address with letters beyond A to Z: ask for another one."
            return base.SendResult(base.Outcome.REFUSED, reason=base.Reason.BAD_ADDRESS, text=sentence)
        options.append(b"SMTPUTF8")
    if smtp.supports_extension("size"):  # so that a letter that is too long is refused before it is sent (RFC 1870)
        options.append(f"SIZE={len(content)}".encode())
    for step, command, wanted in (
        (email_codes.Step.SENDER, [b"MAIL", f"FROM:<{envelope.sender}>".encode(), *options], (250,)),
        (email_codes.Step.RECIPIENT, [b"RCPT", f"TO:<{envelope.to}>".encode()], (250, 251, 252)),
        (email_codes.Step.START, [b"DATA"], (354,)),
    ):
        try:
            async with asyncio.timeout_at(limit):
                reply = await smtp.execute_command(*command)
        except _LOST:
            raise _Broken(step) from None
        if reply.code not in wanted:
            refusal = email_codes.result(step, reply=reply.code, text=reply.message)
            if reply.code == _CLOSING:
                raise _Broken(step, refusal)
            await _reset(smtp)
            return refusal
    reply = await _send_text(smtp, content, timeout=timeout)
    if reply.code == 250:
        return None
    return email_codes.result(email_codes.Step.TEXT, reply=reply.code, text=reply.message)


async def _send_text(smtp: aiosmtplib.SMTP, content: bytes, *, timeout: float) -> aiosmtplib.SMTPResponse:  # noqa: ASYNC109 - see above
    # aiosmtplib's own DATA does not tell whether the text had gone out when it broke; hence by hand.
    protocol = smtp.protocol
    try:
        if protocol is None:
            raise _Broken(email_codes.Step.START)
        protocol.write(content.replace(b"\r\n.", b"\r\n.."))  # RFC 5321 section 4.5.2
        protocol.write(b".\r\n")
    except _LOST:
        raise _Broken(email_codes.Step.START) from None  # no final dot: the server must forget the rest
    try:
        return await protocol.read_response(timeout=timeout)
    except _LOST:
        raise _Broken(email_codes.Step.TEXT) from None


async def _reset(smtp: aiosmtplib.SMTP) -> None:
    """Make the connection fit for the next message, or close it."""
    try:
        if smtp.is_connected:
            await smtp.rset()
    except _LOST:
        smtp.close()


async def _quit(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.quit()
    except _LOST:
        smtp.close()


def _cut(step: email_codes.Step) -> base.SendResult:
    if step is email_codes.Step.TEXT:
        sentence = "The connection was cut while the mail server read the email: it may have taken it."
        return base.SendResult(base.Outcome.UNKNOWN, reason=base.Reason.TEMPORARY, text=sentence)
    sentence = f"The connection was cut before the email was handed over (at {step})."
    return base.SendResult(base.Outcome.RETRY, reason=base.Reason.TEMPORARY, text=sentence)


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
