"""What a report's status code and its words mean, together: whether the address is dead, and by which code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from channels import mail_parts
from channels.bounces import phrases


class Kind(StrEnum):
    """What became of a message at one address."""

    PERMANENT = "permanent"  #: there is no such mailbox, and there will be none
    TEMPORARY = "temporary"  #: it may arrive at another time: full, busy, out of reach, only late so far
    POLICY = "policy"  #: our sender or our words were refused, or nobody says what: not the address's fault
    COMPLAINT = "complaint"  #: it arrived, and was called unwanted
    DELIVERED = "delivered"  #: it arrived, or went on to a system that says no more


#: Which details of RFC 3463 (with 5248, 7505 and Microsoft's) speak of a dead address, and which of passing trouble.
_PERMANENT = frozenset({"1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "1.20", "1.351", "4.4", "4.310", "6.7"})
_TEMPORARY_SUBJECTS = ("3.", "4.")
#: A mailbox that is switched off (2.1) may be switched on again: email_codes counts it like one that is full.
_TEMPORARY = frozenset({"2.1", "2.2", "2.121", "2.122", "5.3"})
#: Too large: it stands among the system's troubles, and is the message's own.
_POLICY = frozenset({"3.4"})
#: Details that say nothing: the words decide.
_VAGUE = re.compile(r"0\.\d+|1\.0|2\.0|3\.[0125]|[1-7]\.9\d\d|4\.[01]|5\.[0-2]")
_LONGEST = 1_500
_REPLY_CODE = re.compile(r"(?<![\d.\-#/=])([45]\d\d)[ :-]{1,2}(?:#?([45]\.\d\.\d{1,3})(?![.\d]))?")
_ENHANCED = re.compile(r"(?<![\w.-])([45])\.([0-7]\.\d{1,3})(?![.\d]*\d)")
_WEB = re.compile(r"(?:https?://|www\.)\S{1,500}", re.IGNORECASE)
_QUOTES = str.maketrans("", "", "'’‘`\"“”«»<>()[]{}")


class Verdict(NamedTuple):
    """The ``kind``, the ``code`` that says it best, and the code that was ``stated``, ``""`` where words alone tell."""

    kind: Kind
    code: str
    stated: str = ""


def judge(status: str, words: str, *, action: str = "") -> Verdict:
    """Judge one address's report.

    ``status`` and ``action`` are the report's own fields (RFC 3464), ``""`` where it has none; ``words`` are whatever
    else it says of this address. The remote system's own code and words go before a code that says nothing. Nothing
    that is said to be passing is ever permanent.
    """
    action = action.lower()
    if action in ("delivered", "relayed", "expanded"):
        return Verdict(Kind.DELIVERED, _code(status) or "2.0.0", _code(status))
    words = words[:_LONGEST]
    late, detail = _said(status, words)
    stated = f"{4 if late else 5}.{detail}" if detail else ""
    said = tidy(words)
    if not (detail and late):
        detail = _refined(detail, said)
    if action == "delayed" or late:
        return Verdict(Kind.TEMPORARY, f"4.{detail or '0.0'}", stated)
    kind = kind_of(detail)
    passing = kind is Kind.TEMPORARY and not _code(status).startswith("5")
    return Verdict(kind, f"{4 if passing else 5}.{detail or '0.0'}", stated)


def kind_of(detail: str) -> Kind:
    """Give the kind that a detail of a class 5 code stands for."""
    if detail in _PERMANENT:
        return Kind.PERMANENT
    if detail in _TEMPORARY or (detail.startswith(_TEMPORARY_SUBJECTS) and detail not in _POLICY):
        return Kind.TEMPORARY
    return Kind.POLICY


def tidy(words: str) -> str:
    """Give words in the form in which they are compared: lower case, without addresses, links, quotes and accents.

    Many systems leave the accents of their language out.
    """
    words = mail_parts.ADDRESS.sub(" ", _WEB.sub(" ", words.replace("\n", " ")))
    words = unicodedata.normalize("NFD", words.translate(_QUOTES).lower().replace("ł", "l"))
    return " ".join("".join(one for one in words if not unicodedata.combining(one)).split())


def _said(status: str, words: str) -> tuple[bool, str]:
    """Whether the codes say that it passes, and the best detail among them, ``""`` where they say nothing."""
    own = _code(status)
    replies = _REPLY_CODE.findall(words)
    # The remote system's reply, then any code in the words, then the reporter's own: from closest to farthest.
    codes = [enhanced for _, enhanced in replies if enhanced]
    codes += [f"{one}.{detail}" for one, detail in _ENHANCED.findall(words)]
    codes += [own] if own else []
    telling = [code for code in codes if not _VAGUE.fullmatch(code[2:])]
    reply = replies[0][0] if replies else ""
    if telling:
        best = telling[0]
        late = best.startswith("4") and not (reply.startswith("5") and own.startswith("5"))
        return late or (own.startswith("4") and not reply.startswith("5")), best[2:]
    late = own.startswith("4") if own else bool(codes) and codes[0].startswith("4")
    if reply:
        late = reply.startswith("4")
    return late, codes[0][2:] if codes else ""


def _code(status: str) -> str:
    found = re.match(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)", status)
    return found[1] if found else ""


def _refined(detail: str, said: str) -> str:
    """The detail that the words stand for, where the code leaves it open or the words speak more plainly."""
    if _matches(phrases.FULL, said):
        return "2.2"
    sender = _first({"1.8": phrases.POLICY["1.8"]}, said)
    if sender and detail not in ("1.1", "1.6"):
        return detail if detail.startswith("7.") else "1.8"
    dead, policy = _first(phrases.DEAD, said), _first(phrases.POLICY, said)
    if detail == "4.1" and "recipient address rejected: access denied" in said:
        return "1.1"  # Microsoft's directory at the edge, for addresses that it does not have
    if detail and not _VAGUE.fullmatch(detail):
        if (detail.startswith("7.") or detail == "2.1") and dead and not policy:
            return dead[-1]
        if kind_of(detail) is Kind.PERMANENT and policy and not dead and policy[-1] in ("7.1", "7.26"):
            return policy[-1]
        return detail
    if dead and policy:
        return min(dead, policy)[-1]
    if dead or policy:
        return (dead or policy or ("",))[-1]
    found = _first(phrases.PASSING, said) or _first({"1.1": phrases.WEAK["1.1"]}, said)
    found = found or _first({"7.0": phrases.WEAK["7.0"]}, said)
    return found[-1] if found else detail


def _first(table: Mapping[str, tuple[str, ...]], said: str) -> tuple[int, int, str] | None:
    """Where the first of a table's phrases stands, the longest of those that begin there first, and its detail."""
    found = [
        (match.start(), -match.end(), detail) for detail, row in table.items() if (match := _pattern(row).search(said))
    ]
    return min(found) if found else None


def _matches(row: tuple[str, ...], said: str) -> bool:
    return _pattern(row).search(said) is not None


@cache
def _pattern(row: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for a row of phrases, compiled once."""
    row = tuple(sorted(row, key=len, reverse=True))
    each = (r".{0,40}?".join(map(re.escape, tidy(phrase).split("*"))) for phrase in row)
    return re.compile(r"(?<![a-z])(?:" + "|".join(each) + ")")
