"""The wire contract of the school's own number: a call that comes in, what is said in it, and what was recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from channels import base

Saying = base.Saying


@dataclass(frozen=True, slots=True)
class Ask:
    """Wait for one key. What comes back has this ``state`` and the key, or no key where nobody pressed one."""

    state: str


@dataclass(frozen=True, slots=True)
class Record:
    """Record after a beep, ``most_seconds`` at most, until a key, a silence, or the end of the call.

    ``empty``  said, before hanging up, to whom nothing was heard of; nothing comes back then
    """

    state: str
    most_seconds: int
    empty: Saying


@dataclass(frozen=True, slots=True)
class Dial:
    """Put the caller through to ``number`` (E.164), letting it ring for so many seconds."""

    state: str
    number: str
    ring_seconds: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class CallStep:
    """What a caller hears next, and what comes after it."""

    says: Sequence[Saying]
    then: Ask | Record | Dial | HangUp


@dataclass(frozen=True, slots=True)
class CallTurn:
    """A call that came in wants to know how it goes on.

    ``ref``       the provider's id of the call
    ``caller``    E.164, or ``""`` for a number that is withheld; networks do not prove it
    ``called``    the number of ours that was rung
    ``state``     what the last step gave along, ``""`` while it rings
    ``key``       the key that was pressed, ``""`` for none
    ``answered``  whether the one who was dialled took the call
    ``recording`` the provider's id of what was just recorded, ``""`` for nothing
    ``over``      the caller has hung up: nothing more is heard
    """

    ref: str
    caller: str
    called: str
    at: datetime
    state: str = ""
    key: str = ""
    answered: bool = False
    recording: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished recording: its id and that of its call, and how long it is."""

    ref: str
    call_ref: str
    seconds: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Audio:
    """What was recorded, as a whole file."""

    content_type: str
    content: bytes


class CouldNotFetch(Exception):
    """A recording could not be had, or not be deleted, now. ``str()`` is a sentence for staff and logs."""


class NoSuchRecording(Exception):
    """The provider has no such recording, or has it no more."""


@runtime_checkable
class PhoneLine(Protocol):
    """A number of the school's that families ring. It speaks and listens for keys; what is said is not its business."""

    name: str

    async def open(self) -> None:
        """Make connections ready, inside the running loop. Raises :class:`base.Misconfigured`."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...

    def verify(self, request: base.HookRequest) -> None:
        """Raise :class:`base.BadSignature` unless the provider signed this request."""
        ...

    def parse(self, request: base.HookRequest) -> CallTurn | Recording | None:
        """Translate into our vocabulary; None for what says nothing to us."""
        ...

    def answer(self, request: base.HookRequest, step: CallStep) -> base.HookResponse:
        """Say the next step in the provider's words."""
        ...

    def speaks(self, locale: str) -> bool:
        """Whether there is a voice for a language."""
        ...

    def recordings(self, since: datetime) -> AsyncGenerator[Recording, None]:
        """Every finished recording that the provider has kept since then. Raises :class:`CouldNotFetch`."""
        ...

    async def fetch(self, ref: str, *, most_bytes: int) -> Audio:
        """A recording, whole. Raises :class:`CouldNotFetch` and :class:`NoSuchRecording`."""
        ...

    async def delete(self, ref: str) -> None:
        """See to it that the provider has it no more. Raises :class:`CouldNotFetch` while that is not certain."""
        ...
