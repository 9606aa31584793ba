"""One email through one connection, with the knowledge at which step it broke.

Only the step says whether a message may have been taken: until the text is written nothing has been, after its final
dot only the server's reply can tell (RFC 5321 section 4.2.5 and 6.1). Where the server offers PIPELINING, MAIL, RCPT
and DATA go in one packet; their replies are read one by one all the same, and no text follows unless each was good
(RFC 2920 section 3.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from channels import base, email_codes, email_session

_CLOSING = 421  #: the server ends the connection, at any step (RFC 5321 section 3.8)
_GO_AHEAD = 354
_TAKEN = range(200, 300)  #: whatever its digits, it has taken the text (RFC 5321 section 4.2.1)


class Broken(Exception):
    """The connection ended at ``step``; ``result`` is what that means for the message."""

    def __init__(self, step: email_codes.Step, result: base.SendResult | None = None) -> None:
        super().__init__(step)
        self.step = step
        self.result = result or _cut(step)


@dataclass(slots=True)
class Letter:
    """An email and its envelope. ``write`` makes the form for a server that takes 8-bit texts, or for any server.

    ``content`` is the form that was written last, for a server that was guessed: mostly they all are alike.
    """

    sender: str
    to: str
    write: Callable[[bool], bytes]
    content: bytes
    eight_bit: bool

    def content_for(self, session: email_session.Session) -> bytes:
        """The form that this server takes."""
        if self.eight_bit != session.eight_bit:
            self.content, self.eight_bit = self.write(session.eight_bit), session.eight_bit
        return self.content


class _Command(NamedTuple):
    step: email_codes.Step
    line: bytes
    wanted: Collection[int]


async def deliver(
    session: email_session.Session,
    letter: Letter,
    *,
    patience: float,
    limit: float,
) -> base.SendResult | None:
    """Go through the steps; give None when the server took it, else its refusal. Raises :class:`Broken` with the step.

    ``patience`` is in seconds for each reply; by ``limit``, the loop's time, the text must be on its way.
    """
    content = letter.content_for(session)
    if not (letter.sender + letter.to).isascii() and not session.utf8:
        sentence = "The mail server cannot send to an address with letters beyond A to Z: ask for another one."
        return base.SendResult(base.Outcome.REFUSED, reason=base.Reason.BAD_ADDRESS, text=sentence)
    commands = _commands(session, letter, content)
    if session.pipelining:
        refusal = await _in_one_packet(session, commands, patience=patience, limit=limit)
    else:
        refusal = await _one_by_one(session, commands, patience=patience, limit=limit)
    if refusal:
        return refusal
    try:
        session.text(content)
        await session.leave(until=limit)  # from then on the server has our patience, and may have the text
    except email_session.Lost:
        raise Broken(email_codes.Step.START) from None  # no final dot: the server must forget the rest
    return await _outcome(session, _Command(email_codes.Step.TEXT, b"", _TAKEN), until=_now() + patience)


def _commands(session: email_session.Session, letter: Letter, content: bytes) -> list[_Command]:
    options = ""
    if not content.isascii() and session.eight_bit:
        options += " BODY=8BITMIME"
    if not (letter.sender + letter.to).isascii():
        options += " SMTPUTF8"
    if session.size:  # so that a letter that is too long is refused before it is sent (RFC 1870)
        options += f" SIZE={len(content)}"
    return [
        _Command(email_codes.Step.SENDER, f"MAIL FROM:<{letter.sender}>{options}".encode(), (250,)),
        _Command(email_codes.Step.RECIPIENT, f"RCPT TO:<{letter.to}>".encode(), (250, 251, 252)),
        _Command(email_codes.Step.START, b"DATA", (_GO_AHEAD,)),
    ]


async def _one_by_one(
    session: email_session.Session, commands: list[_Command], *, patience: float, limit: float
) -> base.SendResult | None:
    for command in commands:
        _say(session, command.step, command.line)
        if refusal := await _outcome(session, command, until=min(limit, _now() + patience)):
            await _reset(session, until=_now() + patience)
            return refusal
    return None


async def _in_one_packet(
    session: email_session.Session, commands: list[_Command], *, patience: float, limit: float
) -> base.SendResult | None:
    _say(session, email_codes.Step.SENDER, *(command.line for command in commands))
    until = min(limit, _now() + patience)
    refusal = await _outcome(session, commands[0], until=until)
    for command in commands[1:]:
        if refusal is None:
            refusal = await _outcome(session, command, until=until)
        else:
            await _pass_over(session, until=until)
    if refusal:
        await _reset(session, until=_now() + patience)
    return refusal


def _say(session: email_session.Session, step: email_codes.Step, *lines: bytes) -> None:
    try:
        session.command(*lines)
    except email_session.Lost:
        raise Broken(step) from None


async def _outcome(session: email_session.Session, command: _Command, *, until: float) -> base.SendResult | None:
    """Read one reply: None where it is the one wanted, else what it means. Raises :class:`Broken`."""
    try:
        reply = await session.reply(until=until)
    except email_session.Lost:
        raise Broken(command.step) from None
    if reply.code in command.wanted:
        return None
    refusal = email_codes.result(command.step, reply=reply.code, text=reply.text)
    if refusal.outcome is base.Outcome.UNKNOWN:
        session.close()  # who answers out of turn may have more to say, which would be taken for the next one's
    if reply.code == _CLOSING:
        session.close()
        if command.step is not email_codes.Step.TEXT:
            raise Broken(command.step, refusal)
    return refusal


async def _pass_over(session: email_session.Session, *, until: float) -> None:
    """Read the reply to what was said behind a refused command."""
    try:
        reply = await session.reply(until=until)
        if reply.code == _GO_AHEAD:  # it asks for a text that has nobody to go to: an empty one, as RFC 2920 §3.1 says
            session.text(b"")
            await session.reply(until=until)
    except email_session.Lost:
        session.close()


async def _reset(session: email_session.Session, *, until: float) -> None:
    """Make the connection fit for the next message, or close it."""
    try:
        if session.fit:
            session.command(b"RSET")
            await session.reply(until=until)
    except email_session.Lost:
        session.close()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _cut(step: email_codes.Step) -> base.SendResult:
    if step is email_codes.Step.TEXT:
        sentence = "The connection was cut while the mail server read the email: it may have taken it."
        return base.SendResult(base.Outcome.UNKNOWN, reason=base.Reason.TEMPORARY, text=sentence)
    sentence = f"The connection was cut before the email was handed over (at {step})."
    return base.SendResult(base.Outcome.RETRY, reason=base.Reason.TEMPORARY, text=sentence)
