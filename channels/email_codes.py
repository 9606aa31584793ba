"""What a mail server's refusal means: enhanced status codes (RFC 3463, RFC 5248) in our words, step by step."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from channels import base


class Step(StrEnum):
    """Where in the conversation a message was."""

    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    START = "DATA"  #: the server has not seen the text yet
    TEXT = "text"  #: the final dot is written


class Meaning(NamedTuple):
    """``passing`` says that a permanent code stands for passing trouble all the same (routing, system)."""

    reason: base.Reason
    passing: bool = False


_DEAD = Meaning(base.Reason.BAD_ADDRESS)
_OURS = Meaning(base.Reason.CONFIG)
_WORDS = Meaning(base.Reason.CONTENT)
_FULL = Meaning(base.Reason.UNREACHABLE)

#: By subject and detail; a whole subject stands under ``4.``. What is nowhere is ``other``: two strikes decide.
MEANINGS: dict[str, Meaning] = {
    "1.1": _DEAD,  # no such mailbox
    "1.2": _DEAD,  # no such domain
    "1.3": _DEAD,  # bad syntax
    "1.6": _DEAD,  # moved, no forwarding
    "1.10": _DEAD,  # null MX: takes no mail at all
    "1.7": _OURS,  # our sender's syntax
    "1.8": _OURS,  # our sender's domain
    "2.1": _FULL,  # switched off: dead only when it happens again
    "2.2": _FULL,  # full
    "2.3": _WORDS,  # too long for this mailbox
    "3.4": _WORDS,  # too long for this system
    "3.": Meaning(base.Reason.TEMPORARY, passing=True),
    "4.": Meaning(base.Reason.TEMPORARY, passing=True),
    "6.": _WORDS,  # cannot be converted
    "6.7": _DEAD,  # the address needs SMTPUTF8 and somebody on the way cannot
    "7.": _OURS,  # policy, authentication, spam: our fault until shown otherwise, never the parent's
}

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
#: Basic replies that ask for, or refuse, our login (RFC 4954).
_LOGIN_REPLIES = frozenset({530, 534, 535, 538})


def result(step: Step, *, reply: int, text: str) -> base.SendResult:
    """Give what a reply other than success means for the message at this step.

    The server's own words are never passed on: they quote the whole address.
    """
    found = _ENHANCED.match(text)
    subject_and_detail = f"{found[2]}.{found[3]}" if found else ""
    code = f"{reply} {found[0]}" if found else str(reply)
    meaning = MEANINGS.get(subject_and_detail) or MEANINGS.get(subject_and_detail.partition(".")[0] + ".")
    meaning = meaning or Meaning(base.Reason.OTHER)
    if reply in _LOGIN_REPLIES:
        sentence = "The mail server wants a login before it takes mail: check the settings username and password."
        return base.SendResult(base.Outcome.RETRY, code=code, reason=base.Reason.AUTH, text=sentence, lane_wide=True)
    if not 500 <= reply < 600:
        return _not_yet(meaning, code)
    if step is Step.SENDER:
        return _bad_sender(meaning, code)
    if meaning.passing and step is not Step.TEXT:
        return _not_yet(meaning, code)
    reason = meaning.reason
    if step is Step.TEXT and reason is base.Reason.CONFIG:
        reason = base.Reason.CONTENT  # policy after the text was read is about the text
    return base.SendResult(base.Outcome.REFUSED, code=code, reason=reason, text=_sentence(reason, code))


def _not_yet(meaning: Meaning, code: str) -> base.SendResult:
    soft = meaning.reason in (base.Reason.UNREACHABLE, base.Reason.TEMPORARY)
    reason = meaning.reason if soft else base.Reason.TEMPORARY
    return base.SendResult(base.Outcome.RETRY, code=code, reason=reason, text=_sentence(reason, code))


def _bad_sender(meaning: Meaning, code: str) -> base.SendResult:
    # Before any recipient was named, only the text's length or ourselves can be the matter.
    if meaning.reason is base.Reason.CONTENT:
        return base.SendResult(
            base.Outcome.REFUSED, code=code, reason=meaning.reason, text=_sentence(meaning.reason, code)
        )
    if meaning.passing:
        return _not_yet(meaning, code)
    reason = base.Reason.CONFIG
    return base.SendResult(base.Outcome.RETRY, code=code, reason=reason, text=_sentence(reason, code), lane_wide=True)


_SENTENCES = {
    base.Reason.BAD_ADDRESS: "There is no such mailbox.",
    base.Reason.UNREACHABLE: "The mailbox is full or switched off.",
    base.Reason.CONTENT: "The mail server refused the words: too long, or taken for spam. Change the wording.",
    base.Reason.CONFIG: "The mail server does not let us send this: check the sender address, SPF, DKIM and DMARC.",
    base.Reason.TEMPORARY: "The mail server asks us to try again later.",
}


def _sentence(reason: base.Reason, code: str) -> str:
    return f"{_SENTENCES.get(reason, 'The mail server refused it and did not say why.')} (SMTP {code})"
