"""The magic numbers and mailboxes of the practice world: one table, Notify-style.

All numbers are from Ofcom's ranges for drama. 07700 900002 (permanent) and 07700 900003 (temporary) are GOV.UK
Notify's own test numbers; every other magic number lies in 07700 9009xx and ends in the last two digits of Twilio's
error code, so that a made-up school may use 07700 900100 to 900899 freely. Every other number gets its texts and
answers its calls as the world is set up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TextStatus(StrEnum):
    """Twilio's words for the state of a text (``message_enum_status`` of its OpenAPI), those that we use."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    RECEIVED = "received"


class CallFate(StrEnum):
    """What becomes of a call to a phone."""

    ANSWER = "answer"  #: a person answers at once and presses what the script says
    RING = "ring"  #: rings until somebody answers on the practice page
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"  #: a machine answers and takes down what is said
    FAILED = "failed"  #: the network cannot put the call through


@dataclass(frozen=True, slots=True)
class TextFate:
    """What becomes of a text.

    ``status``   where it ends; ``SENT`` means that no final receipt ever comes
    ``code``     Twilio's error code in the record and the receipt, 0 for none
    ``refused``  Twilio's error code in the answer to the POST: the text is not taken at all
    """

    status: TextStatus = TextStatus.DELIVERED
    code: int = 0
    refused: int = 0


#: Fates by name, as the practice page and ``/_sim/behaviour`` call them.
TEXT_FATES = {
    "delivered": TextFate(),
    "temporary": TextFate(TextStatus.UNDELIVERED, 30003),
    "permanent": TextFate(TextStatus.UNDELIVERED, 30005),
    "blocked": TextFate(TextStatus.UNDELIVERED, 30004),
    "landline": TextFate(TextStatus.UNDELIVERED, 30006),
    "filtered": TextFate(TextStatus.FAILED, 30007),
    "unknown": TextFate(TextStatus.UNDELIVERED, 30008),
    "expired": TextFate(TextStatus.FAILED, 30036),
    "stopped-late": TextFate(TextStatus.FAILED, 21610),
    "no-receipt": TextFate(TextStatus.SENT),
    "refused-stopped": TextFate(refused=21610),
    "refused-invalid": TextFate(refused=21211),
    "refused-no-route": TextFate(refused=21612),
    "refused-not-mobile": TextFate(refused=21614),
    "refused-region": TextFate(refused=21408),
    "refused-queue-full": TextFate(refused=21611),
}

#: Mobile numbers to which texts behave oddly.
MAGIC_TEXTS = {
    "+447700900002": "permanent",
    "+447700900003": "temporary",
    "+447700900901": "no-receipt",
    "+447700900903": "temporary",
    "+447700900904": "blocked",
    "+447700900905": "permanent",
    "+447700900906": "landline",
    "+447700900907": "filtered",
    "+447700900908": "unknown",
    "+447700900909": "stopped-late",
    "+447700900910": "refused-stopped",
    "+447700900911": "refused-invalid",
    "+447700900912": "refused-no-route",
    "+447700900914": "refused-not-mobile",
    "+447700900936": "expired",
    "+447700900948": "refused-region",
    "+447700900961": "refused-queue-full",
}


@dataclass(frozen=True, slots=True)
class CallManner:
    """How a magic number takes a call. ``press`` are the keys for one question after the other."""

    fate: CallFate
    press: tuple[str, ...] = ()
    hangs_up: bool = False


#: Numbers to which calls behave oddly.
MAGIC_CALLS = {
    "+447700900002": CallManner(CallFate.FAILED),
    "+447700900003": CallManner(CallFate.NO_ANSWER),
    "+447700900905": CallManner(CallFate.FAILED),
    "+447700900920": CallManner(CallFate.NO_ANSWER),
    "+447700900921": CallManner(CallFate.BUSY),
    "+447700900922": CallManner(CallFate.VOICEMAIL),
    "+447700900923": CallManner(CallFate.FAILED),
    "+447700900924": CallManner(CallFate.ANSWER),  # listens, presses nothing
    "+447700900925": CallManner(CallFate.ANSWER, hangs_up=True),  # lays the phone down at the first word
}

#: Landlines of the drama ranges. Texts to them are "delivered" (read aloud by some networks) and marked in the world.
LANDLINES = ("+442079460", "+441134960")


@dataclass(frozen=True, slots=True)
class MailFate:
    """What becomes of a mail: an SMTP answer at ``stage`` (``rcpt`` or ``data``)."""

    stage: str
    answer: str


#: Magic mailboxes; any domain that starts with ``simulator.`` will do.
MAGIC_MAILBOXES = {
    "temp-fail": MailFate("rcpt", "451 4.3.0 Mailbox is not available just now, try again later"),
    "perm-fail": MailFate("rcpt", "550 5.1.1 No such mailbox here"),
    "full": MailFate("rcpt", "452 4.2.2 Mailbox full"),
    "disabled": MailFate("rcpt", "550 5.2.1 Mailbox disabled"),
    "spam": MailFate("data", "554 5.7.1 Message refused as spam"),
    "temp-data": MailFate("data", "451 4.3.0 Try again later"),
}


def is_landline(number: str) -> bool:
    """Whether an E.164 number is one of the pretend landlines."""
    return number.startswith(LANDLINES)


def mail_fate(address: str) -> MailFate | None:
    """What is fated to an address, or None for an ordinary mailbox."""
    local, _, domain = address.lower().rpartition("@")
    return MAGIC_MAILBOXES.get(local) if domain.startswith("simulator.") else None
