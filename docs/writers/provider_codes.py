"""``docs/provider-codes.md``: what each code of a provider means, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from channels import email_codes, notify_codes, twilio_codes
from channels.base import Medium, Outcome, Reason
from docs.writers import markdown
from gateway import failures, points, receipts

_INTRO = """
A channel puts its provider's codes into our own vocabulary of reasons; everything that follows hangs on the reason.
Twilio says itself that the causes behind a code may change, so a code that is not in these tables is `other`: the
message has failed, nobody's number is blamed, and staff are asked to look the code up.
"""
_EFFECTS = """
The same whether the provider says it at once or in a later receipt. A strike is one bad day: two failures of a kind on
one day, or two reports of one message, are one. Strikes are forgotten when anything arrives, and in time. `dead`:
nothing is sent to it any more. `doubtful`: it is still tried, and staff are asked to look.
"""
_TWILIO = """
`retry` is what happens when a call of Twilio's API is answered with the code. A code that comes in a receipt, after
Twilio had taken the text, follows the table above. Codes of three digits are HTTP statuses that came
without a code of Twilio's: a proxy or a filter answered before it. Any other 4xx of that kind is `temporary` and tried
again, and five in a row hold the lane.
"""
_NOTIFY = """
By HTTP status, kind of error, and the field that a validation error begins with: Notify says of its sentences that they
may change, so no more is read out of them. A refusal that is not in the table is `other`. `alone`: without a kind of
error, so a proxy or a filter answered before Notify; any other 4xx of that kind is `temporary` and tried again, and
five in a row hold the lane.
"""
_STATUSES = """
What Notify says of a message later, by callback or in its list. It says no more than this of a failure, and a state
that nobody knows is no end.
"""
_MAIL = """
The second and third figure of an enhanced status code (RFC 3463); `4.` stands for a whole subject. A first figure of 4
is `temporary` whatever follows, but for a full mailbox. Where a bounce's own words and its status differ, the one that
blames the mailbox less counts. What is nowhere is `other`, or `gone` where the words speak of a dead mailbox.
"""


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def _parts() -> Iterator[str]:
    sources = "channels/twilio_codes.csv, channels/notify_codes.py, channels/email_codes.py and gateway/points.py"
    yield markdown.head("Providers' codes", sources)
    yield _INTRO
    yield "## What follows from a reason"
    yield _EFFECTS
    yield markdown.table(("reason", "number or mailbox", "goes again", "staff are asked"), map(_effects, Reason))
    yield "## Twilio"
    yield _TWILIO
    yield markdown.table(
        ("code", "text", "class", "reason", "answered at once"),
        [
            (markdown.code(code), one.text, one.kind, markdown.code(one.reason), _outcome(one.outcome, one.lane_wide))
            for code, one in twilio_codes.meanings().items()
        ],
    )
    yield "## GOV.UK Notify"
    yield _NOTIFY
    yield markdown.table(
        ("answer", "reason", "answered at once", "staff read"),
        [
            (markdown.code(answer), markdown.code(one.reason), _outcome(one.outcome, one.lane_wide), one.text)
            for answer, one in notify_codes.REFUSALS.items()
        ],
    )
    yield _STATUSES
    yield markdown.table(
        ("status", "our state", "reason, of a text", "reason, of an email"),
        [
            (
                markdown.code(word),
                one.state.value,
                *(markdown.code(why) if why else "" for why in one[1:]),
            )
            for word, one in notify_codes.STATUSES.items()
        ],
    )
    yield "## Mail"
    yield _MAIL
    yield markdown.table(
        ("status", "reason"),
        [(markdown.code(status), markdown.code(one.reason)) for status, one in email_codes.MEANINGS.items()],
    )


def _effects(reason: Reason) -> tuple[str, str, str, str]:
    again = receipts.AGAIN_AFTER.get(reason)
    errand = failures.ERRANDS.get(reason)
    asked = {Reason.OPTED_OUT: "stopped", Reason.NO_TEXTS: "landline", Reason.OTHER: "unclassified (texts, calls)"}
    told = errand.kind + (", urgent" if errand.urgent else "") if errand else asked.get(reason, "")
    told = told or ("address, once it is dead or doubtful" if points.rule(Medium.EMAIL, reason) else "")
    if reason is Reason.RATE:
        told += ", in an emergency"
    return markdown.code(reason), _point(reason), f"a text once, after {_span(again)}" if again else "", told


def _point(reason: Reason) -> str:
    if reason is Reason.NO_TEXTS:
        return "a landline from now: called, not texted"
    if reason is Reason.OPTED_OUT:
        return "opted out of the medium; a complaint by mail, of what is not mandatory"
    rule = points.rule(Medium.EMAIL, reason)
    if rule is None:
        return ""
    here = "" if points.rule(Medium.SMS, reason) else "mail only: "
    if rule.strikes == 1:
        return f"{here}{rule.then} at once"
    return f"{here}{rule.then} after {rule.strikes} strikes within {rule.within.days} days"


def _outcome(outcome: Outcome, lane_wide: bool) -> str:
    return f"{outcome}, and the whole lane waits" if lane_wide else outcome.value


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60} hours" if minutes >= 60 else f"{minutes} minutes"
