"""Twilio's words in ours: error codes, message statuses and call statuses, each translated once.

The codes stand in ``twilio_codes.csv``, one row each. Texts and classes come from courier's table and from the practice
of GOV.UK Notify and VA Notify (domain notes, section 3.9). Twilio says that the causes behind a code may change, so a
code that is not there is :attr:`base.Reason.OTHER`, never an error and never a judgement on somebody's number.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

from channels import base


class Meaning(NamedTuple):
    """What a code says.

    ``kind``       the class of the domain notes, for people
    ``reason``     why, in our words: what follows for phone, lane and staff hangs on it alone
    ``outcome``    whether a call of the API that was answered with it may be tried again
    ``lane_wide``  the trouble is the sender's or the account's. A foreign number that our settings do not reach must
                   not stop a whole school
    """

    text: str
    kind: str
    reason: base.Reason
    outcome: base.Outcome
    lane_wide: bool = False


UNKNOWN = Meaning("not in this list", "unclassified", base.Reason.OTHER, base.Outcome.REFUSED)


@cache
def meanings() -> Mapping[str, Meaning]:
    """Read the table: code -> meaning. Raises ValueError on a word that is not in our vocabulary."""
    text = (resources.files("channels") / "twilio_codes.csv").read_text("utf-8")
    return {
        row["code"]: Meaning(
            row["text"],
            row["class"],
            base.Reason(row["reason"]),
            base.Outcome(row["outcome"]),
            {"yes": True, "no": False}[row["lane_wide"]],
        )
        for row in csv.DictReader(text.splitlines())
    }


MESSAGE_STATES: dict[str, base.ReceiptState] = {
    "accepted": base.ReceiptState.ACCEPTED,
    "scheduled": base.ReceiptState.ACCEPTED,
    "queued": base.ReceiptState.ACCEPTED,
    "sending": base.ReceiptState.ACCEPTED,
    "sent": base.ReceiptState.ACCEPTED,
    # Some of it arrived: no proof that anybody could read it, and a later part may still fail.
    "partially_delivered": base.ReceiptState.ACCEPTED,
    "delivered": base.ReceiptState.DELIVERED,
    "read": base.ReceiptState.DELIVERED,
    "undelivered": base.ReceiptState.FAILED,
    "failed": base.ReceiptState.FAILED,
    "canceled": base.ReceiptState.FAILED,
}

#: A call that was answered is not a person reached: ``completed`` is a failure unless a key was pressed before.
CALL_STATES: dict[str, tuple[base.ReceiptState, base.Reason | None]] = {
    "queued": (base.ReceiptState.ACCEPTED, None),
    "initiated": (base.ReceiptState.ACCEPTED, None),
    "ringing": (base.ReceiptState.ACCEPTED, None),
    "in-progress": (base.ReceiptState.ACCEPTED, None),
    "answered": (base.ReceiptState.ACCEPTED, None),
    "completed": (base.ReceiptState.FAILED, base.Reason.NO_ANSWER),
    "busy": (base.ReceiptState.FAILED, base.Reason.BUSY),
    "no-answer": (base.ReceiptState.FAILED, base.Reason.NO_ANSWER),
    "failed": (base.ReceiptState.FAILED, base.Reason.OTHER),
    "canceled": (base.ReceiptState.FAILED, base.Reason.OTHER),
}

_SENTENCES: dict[base.Reason, str] = {
    base.Reason.BAD_ADDRESS: "Twilio says that there is no such number.",
    base.Reason.NO_TEXTS: "This number takes no texts: it is a landline, or its network cannot be reached.",
    base.Reason.GONE: "The network does not know this number at the moment.",
    base.Reason.OPTED_OUT: "This person answered STOP, so Twilio sends them nothing more from this number.",
    base.Reason.BLOCKED: "The network or the phone refuses messages from us.",
    base.Reason.UNREACHABLE: "The phone cannot be reached at the moment.",
    base.Reason.CONTENT: "The words were refused: too long or empty. Change the wording.",
    base.Reason.FILTERED: "The networks took the text for spam. Change the wording, and leave links out.",
    base.Reason.RATE: "Twilio asks us to slow down.",
    base.Reason.AUTH: "Twilio does not accept our account or its password. Check the account SID and auth token.",
    base.Reason.CONFIG: "Twilio will not send from this sender to this number. Check sender and allowed regions.",
    base.Reason.TEMPORARY: "The network had trouble of its own.",
    base.Reason.EXPIRED: "It could not be delivered in time, so Twilio gave up as we asked.",
}


def meaning(code: object) -> Meaning:
    """Give what a code means; anything that is not in the table is :data:`UNKNOWN`, so that this never raises."""
    return meanings().get(str(code), UNKNOWN)


def sentence(code: object) -> str:
    """Give a sentence for staff. Twilio's own error text is not used: it quotes the whole number."""
    said = _SENTENCES.get(meaning(code).reason, "Twilio refused it, for a reason that is not in our list.")
    return f"{said} (Twilio code {code})"
