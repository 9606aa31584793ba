"""Email addresses as people write them in a cell, checked for what a mail server would refuse anyway."""

from __future__ import annotations

import re
import unicodedata
from email.utils import parseaddr

from gateway.errors import Problem

_CURE = "Check it with the family and correct it in the school's records."
# RFC 5321 §4.1.2: Dot-string and sub-domains. Quoted local parts and address literals are legal and nobody's.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def read(raw: str) -> str | Problem:
    """Read one address and give it in lower case, without a name, angle brackets or ``mailto:`` around it.

    Nothing is looked up: whether somebody reads it, only a message can tell. Gives a problem for what cannot be an
    address (RFC 5321: local part up to 64 characters, all of it up to 254) or is more than one.
    """
    text = "".join(c for c in unicodedata.normalize("NFKC", raw) if unicodedata.category(c) != "Cf").strip()
    text = re.sub(r"^mailto:", "", text, flags=re.IGNORECASE)
    if "<" in text:
        text = parseaddr(text)[1]
    if not text:
        return Problem("There is no email address in this cell.", "Write one address, or leave the cell empty.")
    if text.count("@") > 1:
        return Problem("There is more than one email address here.", "Separate addresses with a semicolon.")
    local, at, domain = text.partition("@")
    if not at:
        return Problem("This email address has no @.", _CURE)
    fault = _fault(local, domain)
    return Problem(fault, _CURE) if fault else f"{local}@{_ascii(domain)}".lower()


def split(raw: str) -> list[str]:
    """Part a cell that holds several addresses, separated by semicolons, commas, bars or line breaks."""
    return [part.strip() for part in re.split(r"[;,|\r\n]+", raw) if part.strip()]


def _fault(local: str, domain: str) -> str:
    if re.search(r"\s", local + domain):
        return "There is a space in this email address."
    if not local.isascii():
        return "The part before the @ has a letter with an accent, or of another script, which mail servers refuse."
    if not _LOCAL.fullmatch(local) or len(local) > 64:
        return "The part before the @ is not a mailbox name."
    labels = _ascii(domain).split(".")
    if len(labels) < 2 or len(domain) + len(local) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "The part after the @ is not the name of a mail domain."
    if labels[-1].isdigit():
        return "The part after the @ does not end like a mail domain."
    return ""


def _ascii(domain: str) -> str:
    """The domain as mail servers write it (IDNA), or ``""`` when it cannot be written so."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
