"""The simulator's phones and mailboxes, as the page of practice mode sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Final

from channels import mail_in, mail_reading
from channels.base import Event
from gateway import errors
from gateway.practice import phones

if TYPE_CHECKING:  # it stays out of a real school's memory
    from channels.simulator import Simulator
    from channels.simulator.records import Call, Mail
    from channels.simulator.world import Phone

_LINES: Final = 8  #: the latest that a phone shows
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GONE: Final = ("permanent", "failed")  #: how texts and calls end at a number that is not in use
_WORKS: Final = ("delivered", "ring")
#: A lone digit, as a menu has it: none of a time, a date or a number.
_KEY: Final = re.compile(r"(?<![\d.:/])([1-9])(?![\d.:/])")


class Pretend:
    """A :class:`phones.World` made of a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator, self._world = simulator, simulator.world

    def places(self) -> list[phones.Place]:
        """Every phone and mailbox that got or wrote something."""
        world = self._world
        found = []
        for phone in world.phones.values():
            moments = [*(text.created for text in phone.texts[-1:]), *(call.updated for call in phone.calls[-1:])]
            moments += [text.created for text in world.texts_by_to.get(phone.number, ())[-1:]]
            found.append(phones.Place(phone.number, phone.call is not None, max(moments, default=_LONG_AGO)))
        boxes = world.mailboxes.items()
        return [*found, *(phones.Place(address, False, mails[-1].at) for address, mails in boxes if mails)]

    def changed(self) -> object:
        """Another thing once anything has happened."""
        calls = [phone.call for phone in self._world.phones.values()]
        live = [(call.sid, call.status, len(call.heard)) for call in calls if call is not None]
        return self._world.clock, len(self._world.mails), live

    def complaints(self) -> Sequence[str]:
        """What Handbell did wrong."""
        return list(self._world.complaints)

    def phone(self, number: str) -> phones.Phone | None:
        """A phone; None where nothing has happened on it."""
        from channels.simulator import magic

        phone = self._world.phones.get(number)
        if phone is None:
            return None
        fate = phone.text_fate
        ours = [text for text in phone.texts if text.is_ours]
        return phones.Phone(
            number,
            phone.on,
            fate is not None and fate == magic.TEXT_FATES[_GONE[0]],
            _lines(phone),
            _keys(phone.texts[-1].body) if phone.texts and phone.texts[-1].is_ours else (),
            _call(phone.call) if phone.call else None,
            ours[-1].sender if ours else "",
        )

    def mails(self, address: str) -> Sequence[phones.Mail]:
        """The mails of a mailbox, oldest first."""
        return [_mail(one) for one in self._world.mails_to(address)]

    def mail(self, number: int) -> phones.Mail | None:
        """One mail."""
        mails = self._world.mails
        return _mail(mails[number - 1]) if 1 <= number <= len(mails) else None

    def reply(self, number: str, words: str, *, to: str) -> None:
        """Text the school. Raises :class:`errors.Conflict`."""
        from channels.simulator.texts import CannotReply

        try:
            self._simulator.reply(number, words, to=to)
        except CannotReply as no:
            raise errors.Conflict(str(no)) from None

    def answer(self, mail: phones.Mail, words: str, *, now: datetime) -> Sequence[Event]:
        """Answer a mail, as mail programs do."""
        came = self._world.mails[mail.number - 1]
        answer = EmailMessage()
        answer["From"], answer["Date"] = mail.to, format_datetime(now)
        answer["To"] = str(came.message.get("Reply-To") or came.message.get("From", ""))
        answer["Subject"] = f"Re: {mail.subject}"
        answer["Message-ID"] = make_msgid(domain=mail.to.rpartition("@")[2])
        answer["In-Reply-To"] = answer["References"] = came.message_id
        answer.set_content(words)
        return mail_reading.read(mail_in.Mail(answer.as_bytes(), now, mail.to, (came.sender,)))

    def ring(self, number: str) -> None:
        """Ring the school. Raises :class:`errors.Conflict`."""
        from channels.simulator.calls import NoCall

        try:
            self._simulator.ring(number, hands_on=True)
        except NoCall as no:
            raise errors.Conflict(str(no)) from None

    def do(self, number: str, what: str) -> None:
        """Do something to a call. Raises :class:`errors.Conflict`."""
        from channels.simulator.calls import NoCall

        try:
            self._simulator.do(number, what)
        except NoCall:
            raise errors.Conflict("No call is going on on this phone any more.") from None

    def switch(self, number: str, *, on: bool) -> None:
        """Switch a phone off, or on again."""
        self._world.switch(number, on=on)

    def give_up(self, number: str, *, gone: bool) -> None:
        """Let a number be out of use, or work again."""
        text, calls = _GONE if gone else _WORKS
        self._world.behave(number, text=text, calls=calls)
        self._world.touch(self._world.phone(number))

    async def reset(self) -> None:
        """Empty every phone and mailbox."""
        await self._simulator.reset()


def _lines(phone: Phone) -> list[phones.Line]:
    from channels.simulator import wall

    said = [
        phones.Line(text.created, text.body, text.direction == "inbound", wall.guess_language(text.body))
        for text in phone.texts[-_LINES:]
    ]
    missed = [call for call in phone.calls if call.started is None and not call.live]
    said += [phones.Line(call.created, stamp="Missed call") for call in missed[-_LINES:]]
    return sorted(said, key=lambda line: line.at)[-_LINES:]


def _keys(words: str) -> list[str]:
    there = set(_KEY.findall(words))
    keys = [key for key in "123456789" if key in there]
    return keys if keys[:2] == ["1", "2"] else []


def _call(call: Call) -> phones.Call:
    heard = [phones.Heard(one.kind, one.text, one.language.partition("-")[0]) for one in call.heard]
    return phones.Call(
        call.to if call.direction == "inbound" else call.sender, call.status in ("queued", "ringing"), heard
    )


def _mail(mail: Mail) -> phones.Mail:
    from channels.simulator import wall

    text = mail.text
    return phones.Mail(mail.number, mail.to, mail.subject, text, mail.html, wall.guess_language(text), mail.at)
