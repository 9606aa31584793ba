"""The pretend phones and mailboxes of practice mode, as their page knows them; ``wiring`` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from channels.base import Event

Deed = Literal["lift", "decline", "hang up"]


@dataclass(frozen=True, slots=True)
class Line:
    """A text on a phone, or (with a ``stamp`` in place of words) a call that nobody took."""

    at: datetime
    words: str = ""
    mine: bool = False
    language: str = ""
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that was heard in a call: ``say`` with its words, ``play`` of a recording, or a ``beep``."""

    kind: str
    words: str
    language: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call that goes on. ``other`` is the number at the school's end."""

    other: str
    rings: bool
    heard: Sequence[Heard]


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone. ``gone`` is a number that is not in use; ``keys`` are those of the menu in its last text."""

    number: str
    on: bool
    gone: bool
    lines: Sequence[Line]
    keys: Sequence[str]
    call: Call | None
    last_sender: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in a mailbox."""

    number: int
    to: str
    subject: str
    text: str
    html: str
    language: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A phone or mailbox on which something happened, and when last."""

    address: str
    calls: bool
    at: datetime


class World(Protocol):
    """Everything that the page can see and do. What cannot be done raises :class:`errors.Conflict` with a sentence."""

    def places(self) -> list[Place]:
        """Every phone and mailbox that got or wrote something."""
        ...

    def changed(self) -> object:
        """Another thing once anything has happened."""
        ...

    def complaints(self) -> Sequence[str]:
        """What Handbell did wrong, in sentences."""
        ...

    def phone(self, number: str) -> Phone | None:
        """A phone; None where nothing has happened on it."""
        ...

    def mails(self, address: str) -> Sequence[Mail]:
        """The mails of a mailbox, oldest first."""
        ...

    def mail(self, number: int) -> Mail | None:
        """One mail."""
        ...

    def reply(self, number: str, words: str, *, to: str) -> None:
        """The person with this phone texts a number of the school's."""
        ...

    def answer(self, mail: Mail, words: str, *, now: datetime) -> Sequence[Event]:
        """The person with this mailbox answers a mail. Gives what comes in of it."""
        ...

    def ring(self, number: str) -> None:
        """The person with this phone rings the school."""
        ...

    def do(self, number: str, what: str) -> None:
        """Lift, decline, hang up (a :data:`Deed`) or press a key."""
        ...

    def switch(self, number: str, *, on: bool) -> None:
        """Switch a phone off, or on again."""
        ...

    def give_up(self, number: str, *, gone: bool) -> None:
        """Let a number be out of use, or work again."""
        ...

    async def reset(self) -> None:
        """Empty every phone and mailbox."""
        ...
