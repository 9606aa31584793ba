"""The outbox: messages wait here, are claimed, and are settled. Never lost, never twice (architecture.md §4).

``claim`` takes what will be sent at once and writes that down before the first byte leaves. ``settle`` writes down what
came of it. ``sweep`` and ``resolve`` decide by evidence what a crash, a time-out or a 5xx left in doubt.
"""

from gateway.outbox.claiming import PUT_OFF, URGENT, Claim, Slots, claim, stop
from gateway.outbox.queue import (
    by_sender,
    cancel,
    change,
    copy,
    due_again,
    expire_held,
    held_too_long,
    hold,
    overdue,
    release,
    remark,
    waiting,
)
from gateway.outbox.settling import Sent, accept, settle
from gateway.outbox.sweeping import Doubt, doubts, expire_leases, resolve, unowned

__all__ = [
    "PUT_OFF",
    "URGENT",
    "Claim",
    "Doubt",
    "Sent",
    "Slots",
    "accept",
    "by_sender",
    "cancel",
    "change",
    "claim",
    "copy",
    "doubts",
    "due_again",
    "expire_held",
    "expire_leases",
    "held_too_long",
    "hold",
    "overdue",
    "release",
    "remark",
    "resolve",
    "settle",
    "stop",
    "unowned",
    "waiting",
]
