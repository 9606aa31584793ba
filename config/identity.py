"""What British networks make of the name or number that texts come from (domain notes, section 3.14).

Twilio's own rule for names: 11 characters at most, letters, digits and spaces, one letter at least. British routes let
some other characters through, and block names that anybody could use and numbers from abroad.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_LONGEST_NAME: Final = 11
_BLOCKED: Final = frozenset({"ALERT", "INFO", "SMS", "VERIFY", "PASSCODE"})
#: Not on any published list; our own advice.
_RISKY: Final = frozenset({"SCHOOL", "PRIMARY", "ACADEMY", "COLLEGE", "NURSERY", "OFFICE", "ADMIN", "NEWS", "PARENTS"})


def is_name(sender: str) -> bool:
    """Whether a text's sender is a name: families can neither answer it nor stop it."""
    return not (sender.startswith("+") or _MESSAGING_SERVICE.fullmatch(sender) or _SHORT_CODE.fullmatch(sender))


def faults(sender: str) -> Iterator[str]:
    """Give what makes a sender impossible: the ends of sentences that begin with its setting."""
    if not is_name(sender):
        return
    if len(sender) > _LONGEST_NAME:
        yield f"has {len(sender)} characters: networks refuse names of more than {_LONGEST_NAME}"
    if not re.search(r"[A-Za-z]", sender):
        yield "has no letter in it: a name needs one, and a number begins with +44"
    if re.search(r"[^A-Za-z0-9 ._&-]", sender):
        yield "has a character that networks refuse: letters, digits, spaces and . - _ & may pass"


def doubts(sender: str) -> Iterator[str]:
    """Give what may not go as somebody expects: the ends of sentences that begin with its setting."""
    if sender.startswith("+") and not sender.startswith("+44"):
        yield "is no +44 number: British networks block texts from foreign numbers"
    if _SHORT_CODE.fullmatch(sender):
        yield "is a short code: only a contract of your own lets you send as it, and only within its country"
    if not is_name(sender):
        return
    yield "is a name: families cannot answer it, nor stop it by text. Use a +44 number for two-way messages"
    if re.search(r"[._&-]", sender):
        yield "has one of the characters . - _ &: some suppliers let them through, others do not"
    if sender.strip().upper() in _BLOCKED:
        yield "is too general: networks block such names. Use the school's own"
    if sender.strip().upper() in _RISKY:
        yield "could be any school's: families and networks may take it for a fraud. Use the school's own name"
