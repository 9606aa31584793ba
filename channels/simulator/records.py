"""What the pretend provider keeps: texts, calls and mails."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from functools import cached_property

from channels.simulator.magic import TextStatus

# The basic character set of 3GPP TS 23.038 (what one part of 160 holds) and the signs that cost two.
_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = "^{}\\[~]|€\f"
_IS_PLAIN = re.compile(f"[{re.escape(_GSM)}]*")
_IS_GSM = re.compile(f"[{re.escape(_GSM + _GSM_DOUBLE)}]*")


def is_gsm(words: str) -> bool:
    """Whether it goes in the alphabet of 7 bits."""
    return _IS_GSM.fullmatch(words) is not None


def count_segments(body: str) -> int:
    """Parts that a network charges for: 160/153 septets, or 70/67 UTF-16 units when one sign is not GSM-7."""
    if len(body) <= 160 and _IS_PLAIN.fullmatch(body):
        return 1
    if _IS_GSM.fullmatch(body):
        widths, whole, part = [2 if sign in _GSM_DOUBLE else 1 for sign in body], 160, 153
    else:
        widths, whole, part = [2 if ord(sign) > 0xFFFF else 1 for sign in body], 70, 67
    if sum(widths) <= whole:
        return 1
    parts, room = 1, part
    for width in widths:  # a pair is never split over two parts
        if width > room:
            parts, room = parts + 1, part
        room -= width
    return parts


@dataclass(slots=True)
class Text:
    """A text in the provider's list.

    ``arrived``      it really got to the handset: the truth that tests compare with
    ``by_provider``  the provider's own answer to STOP, START or HELP, not a text of the gateway's
    ``read_aloud``   it went to a landline
    ``told``         the gateway was told its end
    ``redacted``     the provider has its words no more; the handset has
    """

    sid: str
    sender: str
    to: str
    body: str
    direction: str
    status: TextStatus
    created: datetime
    updated: datetime
    sent: datetime | None = None
    error_code: int | None = None
    segments: int = 1
    media: int = 0
    service_sid: str | None = None
    callback: str = ""
    arrived: bool = False
    by_provider: bool = False
    read_aloud: bool = False
    told: bool = False
    redacted: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether the gateway asked for it."""
        return self.direction == "outbound-api"


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that the person, or the machine, heard. ``kind`` is ``say``, ``play`` or ``error``."""

    kind: str
    text: str
    language: str = ""
    voice: str = ""


@dataclass(slots=True)
class Call:
    """A call in the provider's list. ``seconds`` is the pretend length, ``events`` what a person does to it."""

    sid: str
    sender: str
    to: str
    form: dict[str, list[str]]
    created: datetime
    updated: datetime
    status: str = "queued"
    started: datetime | None = None
    ended: datetime | None = None
    answered_by: str | None = None
    seconds: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    detour: tuple[str, str, str] | None = None  #: (url, method, twiml) put in by an update of the live call
    sequence: int = 0
    events: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    telling: asyncio.Task[None] | None = None
    direction: str = "outbound-api"

    @property
    def handset(self) -> str:
        """The number of the practice phone at the family's end."""
        return self.sender if self.direction == "inbound" else self.to

    def one(self, name: str) -> str:
        """The first value of a parameter that the call was placed with, ``""`` if it was not given."""
        values = self.form.get(name)
        return values[0] if values else ""

    @property
    def live(self) -> bool:
        """Whether it is not over yet."""
        return self.status in {"queued", "ringing", "in-progress"}


@dataclass(frozen=True, slots=True)
class Recording:
    """What somebody said after the beep, as a WAV file, in the provider's list."""

    sid: str
    call_sid: str
    seconds: int
    created: datetime
    content: bytes = field(repr=False)


@dataclass
class Mail:
    """A mail in one mailbox, as it came over the wire. Parsed when looked at."""

    number: int
    sender: str  #: the envelope's
    to: str  #: the envelope's
    raw: bytes
    at: datetime

    @cached_property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """The Subject line, decoded."""
        return str(self.message.get("Subject", ""))

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets."""
        return str(self.message.get("Message-ID", "")).strip()

    @property
    def text(self) -> str:
        """The plain part, ``""`` if there is none."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part, ``""`` if there is none."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""
