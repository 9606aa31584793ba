"""Twilio's words in ours: error codes, message statuses and call statuses, each translated once.

The classes come from courier's table and from the practice of GOV.UK Notify and VA Notify (domain notes, section 3.9).
Twilio says that the causes behind a code may change, so a code that is not here is :attr:`base.Reason.OTHER`, never an
error and never a judgement on somebody's number.
"""

from __future__ import annotations

from typing import NamedTuple

from channels import base

_REFUSED, _RETRY = base.Outcome.REFUSED, base.Outcome.RETRY


class Meaning(NamedTuple):
    """What a code says: why, whether a call that was answered with it may be tried again, and whose trouble it is."""

    reason: base.Reason
    outcome: base.Outcome
    lane_wide: bool = False


_DEAD = Meaning(base.Reason.BAD_ADDRESS, _REFUSED)
_BLOCKED = Meaning(base.Reason.BLOCKED, _REFUSED)
_WORDS = Meaning(base.Reason.CONTENT, _REFUSED)
_PASSING = Meaning(base.Reason.TEMPORARY, _RETRY)
_QUEUE_FULL = Meaning(base.Reason.RATE, _RETRY, lane_wide=True)
_SENDER = Meaning(base.Reason.CONFIG, _RETRY, lane_wide=True)
#: Our settings do not reach this one destination. Not lane wide: one foreign number must not stop a whole school.
_ROUTE = Meaning(base.Reason.CONFIG, _REFUSED)
_ACCOUNT = Meaning(base.Reason.AUTH, _RETRY, lane_wide=True)

UNKNOWN = Meaning(base.Reason.OTHER, _REFUSED)

MEANINGS: dict[str, Meaning] = {
    "21211": _DEAD,  # invalid To
    "21217": _DEAD,  # number does not appear to be valid
    "21401": _DEAD,  # invalid number
    "21421": _DEAD,  # invalid number
    "21614": _DEAD,  # not a mobile
    "21635": _DEAD,  # landline
    "30006": _DEAD,  # landline or unreachable carrier
    "30005": _DEAD,  # unknown handset
    "13224": _DEAD,  # Twilio cannot call this number
    "30003": Meaning(base.Reason.UNREACHABLE, _REFUSED),  # switched off, roaming, no service
    "21214": Meaning(base.Reason.UNREACHABLE, _REFUSED),  # the number cannot be called
    "30004": _BLOCKED,  # blocked by network or handset
    "13225": _BLOCKED,  # on Twilio's block list
    "21216": _BLOCKED,  # on Twilio's block list
    "21610": Meaning(base.Reason.OPTED_OUT, _REFUSED),  # answered STOP
    "30007": _WORDS,  # filtered: ours to put right, by wording or sender
    "21617": _WORDS,  # longer than 1,600 characters
    "21602": _WORDS,  # empty
    "21654": _WORDS,  # template id missing
    "30008": _PASSING,  # the network gave no cause
    "30009": _PASSING,  # a part got lost
    "30017": _PASSING,  # congestion
    "30410": _PASSING,  # the network did not answer
    "30036": Meaning(base.Reason.EXPIRED, _REFUSED),  # ValidityPeriod is over
    "14107": Meaning(base.Reason.RATE, _RETRY),  # a loop guard for one number, not for the sender
    "30001": _QUEUE_FULL,  # messaging service queue
    "21611": _QUEUE_FULL,  # number's queue, ten hours deep
    "30022": _QUEUE_FULL,  # rate limit of the registration
    "20429": _QUEUE_FULL,  # too many calls of the API
    "63038": _QUEUE_FULL,  # daily cap of the account
    "21606": _SENDER,  # From is not ours or cannot send
    "21212": _SENDER,  # invalid From
    "21703": _SENDER,  # messaging service has no fitting number
    "21704": _SENDER,  # messaging service is empty
    "21408": _ROUTE,  # region not allowed
    "21612": _ROUTE,  # no route from this sender to this number
    "30018": _ROUTE,  # the destination wants a registered sender
    "30024": _ROUTE,  # sender not provisioned at the destination
    "13227": _ROUTE,  # calls to this region not allowed
    "21215": _ROUTE,  # calls to this region not allowed
    "30002": _ACCOUNT,  # suspended
    "20003": _ACCOUNT,  # wrong credentials
    "10001": _ACCOUNT,  # not active
    "20404": _ACCOUNT,  # no such account
    # An answer without a code of Twilio's: the library gives the HTTP status instead.
    "401": _ACCOUNT,
    "403": _ACCOUNT,
    "404": _ACCOUNT,
    "407": Meaning(base.Reason.CONFIG, _RETRY, lane_wide=True),  # a proxy on the way wants a password
    "408": _PASSING,
    "429": _QUEUE_FULL,
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
    base.Reason.BAD_ADDRESS: "Twilio says that there is no such number, or that it cannot be reached in this way.",
    base.Reason.OPTED_OUT: "This person answered STOP, so Twilio sends them nothing more from this number.",
    base.Reason.BLOCKED: "The network or the phone refuses messages from us.",
    base.Reason.UNREACHABLE: "The phone cannot be reached at the moment.",
    base.Reason.CONTENT: "The words were refused: too long, empty, or taken for spam. Change the wording.",
    base.Reason.RATE: "Twilio asks us to slow down.",
    base.Reason.AUTH: "Twilio does not accept our account or its password. Check the account SID and auth token.",
    base.Reason.CONFIG: "Twilio will not send from this sender to this number. Check sender and allowed regions.",
    base.Reason.TEMPORARY: "The network had trouble of its own.",
    base.Reason.EXPIRED: "It could not be delivered in time, so Twilio gave up as we asked.",
}


def meaning(code: object) -> Meaning:
    """Give what a code means; anything that is not in the table is :data:`UNKNOWN`, so that this never raises."""
    return MEANINGS.get(str(code), UNKNOWN)


def sentence(code: object) -> str:
    """Give a sentence for staff. Twilio's own error text is not used: it quotes the whole number."""
    said = _SENTENCES.get(meaning(code).reason, "Twilio refused it, for a reason that is not in our list.")
    return f"{said} (Twilio code {code})"
