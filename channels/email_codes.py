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
_FULL = Meaning(base.Reason.FULL)

#: By subject and detail; a whole subject stands under ``4.``. What is nowhere is ``other``: two strikes decide.
MEANINGS: dict[str, Meaning] = {
    "1.1": _DEAD,  # no such mailbox
    "1.2": _DEAD,  # no such domain
    "1.3": _DEAD,  # bad syntax
    "1.6": _DEAD,  # moved, no forwarding
    "1.10": _DEAD,  # null MX: takes no mail at all
    "1.7": _OURS,  # our sender's syntax
    "1.8": _OURS,  # our sender's domain
    "2.1": Meaning(base.Reason.GONE),  # switched off: dead only when it happens again
    "2.2": _FULL,  # full
    "2.3": _WORDS,  # too long for this mailbox
    "3.4": _WORDS,  # too long for this system
    "3.": Meaning(base.Reason.TEMPORARY, passing=True),
    "4.": Meaning(base.Reason.TEMPORARY, passing=True),
    "6.": _WORDS,  # cannot be converted
    "6.7": _DEAD,  # the address needs SMTPUTF8 and somebody on the way cannot
    "7.": _OURS,  # policy, authentication, spam: our fault until shown otherwise, never the parent's
}

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_OUR_FAULT = (base.Reason.CONFIG, base.Reason.CONTENT, base.Reason.FILTERED, base.Reason.AUTH)
#: Basic replies that ask for, or refuse, our login (RFC 4954).
_LOGIN_REPLIES = frozenset({530, 534, 535, 538})


def result(step: Step, *, reply: int, text: str) -> base.SendResult:
    """Give what a reply other than success means for the message at this step.

    The server's own words are never passed on: they quote the whole address.
    """
    found = _ENHANCED.match(text)
    code = f"{reply} {found[0]}" if found else str(reply)
    meaning = _meaning(found)
    if reply in _LOGIN_REPLIES:
        sentence = "The mail server wants a login before it takes mail: check the settings username and password."
        return base.SendResult(base.Outcome.RETRY, code=code, reason=base.Reason.AUTH, text=sentence, lane_wide=True)
    if step is Step.TEXT and not 400 <= reply < 600:
        sentence = "The mail server's answer to the email is none that SMTP knows: it may have taken it."
        return base.SendResult(base.Outcome.UNKNOWN, code=code, reason=base.Reason.TEMPORARY, text=sentence)
    if not 500 <= reply < 600:
        # Before a recipient is named it is the server that cannot, whatever we bring.
        return _not_yet(meaning, code, lane_wide=step is Step.SENDER)
    if step is Step.SENDER:
        return _bad_sender(meaning, code)
    if meaning.passing and step is not Step.TEXT:
        return _not_yet(meaning, code)
    reason = meaning.reason
    if step is Step.TEXT and reason is base.Reason.CONFIG:
        reason = base.Reason.CONTENT  # policy after the text was read is about the text
    return base.SendResult(base.Outcome.REFUSED, code=code, reason=reason, text=_sentence(reason, code))


def reason(code: str, *, said: base.Reason | None) -> base.Reason:
    """Give why a mail came back, by the status in a bounce (``5.1.1`` or ``550 5.1.1``).

    ``said`` is what the bounce's words let its reader think. Of the two, the one counts that blames the mailbox less: a
    spam filter that says 5.1.1 in its policy's name has killed nobody, nor has a policy (5.7.1) that says "unknown".
    Where there is no status, words of a dead mailbox are believed when they come twice (:attr:`base.Reason.GONE`).
    """
    if said is not None and said in _OUR_FAULT:
        return said
    found = _ENHANCED.search(code)
    meaning = _meaning(found)
    if found and found[1] == "2":  # of a relay that was content: it says nothing of the failure
        found, meaning = None, Meaning(base.Reason.OTHER)
    if found and found[1] == "4":
        return meaning.reason if meaning is _FULL else base.Reason.TEMPORARY
    if said is base.Reason.TEMPORARY and meaning.reason in (base.Reason.BAD_ADDRESS, base.Reason.GONE):
        return said
    if meaning.reason is not base.Reason.OTHER:
        return meaning.reason
    return base.Reason.GONE if said is base.Reason.BAD_ADDRESS else said or base.Reason.OTHER


def _meaning(found: re.Match[str] | None) -> Meaning:
    if found is None:
        return Meaning(base.Reason.OTHER)
    return MEANINGS.get(f"{found[2]}.{found[3]}") or MEANINGS.get(f"{found[2]}.") or Meaning(base.Reason.OTHER)


def _not_yet(meaning: Meaning, code: str, *, lane_wide: bool = False) -> base.SendResult:
    soft = meaning.reason in (base.Reason.FULL, base.Reason.TEMPORARY)
    reason = meaning.reason if soft else base.Reason.TEMPORARY
    text = _sentence(reason, code)
    return base.SendResult(base.Outcome.RETRY, code=code, reason=reason, text=text, lane_wide=lane_wide)


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
    base.Reason.GONE: "The mailbox is switched off.",
    base.Reason.FULL: "The mailbox is full.",
    base.Reason.CONTENT: "The mail server refused the words: too long, or taken for spam. Change the wording.",
    base.Reason.CONFIG: "The mail server does not let us send this: check the sender address, SPF, DKIM and DMARC.",
    base.Reason.TEMPORARY: "The mail server asks us to try again later.",
}


def _sentence(reason: base.Reason, code: str) -> str:
    return f"{_SENTENCES.get(reason, 'The mail server refused it and did not say why.')} (SMTP {code})"
