"""Reports that machines write for machines: delivery status (RFC 3464), complaints (RFC 5965), Amazon's notices."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from channels import mail_parts
from channels.bounces import meaning

_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_PARTS = frozenset({
    "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers",
    "message/partial",
})  # fmt: skip
_MOST_RECIPIENTS = 100
_FIELD = re.compile(r"(?im)^(?:final|original)-recipient[ \t]*:")


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of it at one address.

    ``address``  the mailbox that it is about, lower-case
    ``kind``     see :class:`meaning.Kind`
    ``status``   the code of RFC 3463 that says it best; ``stated`` the one that the report has, ``""`` for none
    ``final``    False where the system still tries
    ``asked``    the address that the sender wrote to, where the report says that it was forwarded from there
    """

    address: str
    kind: meaning.Kind
    status: str = ""
    final: bool = True
    asked: str = ""
    stated: str = ""


def is_returned(part: Message) -> bool:
    """Whether the part is the message that came back, or its headers."""
    return part.get_content_type() in _RETURNED_PARTS


def fields(parts: Sequence[Message], told: str) -> list[Message]:
    """Give the fields of each recipient of a delivery status report (RFC 3464 section 2.3).

    They stand in a part of their own, or, where a system or a relay on the way broke the MIME, in the text.
    """
    groups: list[Message] = []
    for part in parts:
        if part.get_content_type() in _STATUS_PARTS:
            groups += _groups(part)
    if not any(map(_names_somebody, groups)) and _FIELD.search(told):
        groups = list(_paragraphs(told))
    return [group for group in groups if _names_somebody(group)][:_MOST_RECIPIENTS]


def _groups(part: Message) -> list[Message]:
    groups = mail_parts.children(part) or []
    if any(map(_names_somebody, groups)):
        return groups
    inner = "\n\n".join(map(mail_parts.text, groups)) or mail_parts.text(part)
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding in ("base64", "quoted-printable"):
        # Not allowed by RFC 3464, and done all the same.
        whole = Message()
        whole["Content-Transfer-Encoding"] = encoding
        whole.set_payload(inner.strip())
        inner = mail_parts.text(whole)
    return list(_paragraphs(inner))


def _paragraphs(told: str) -> Iterator[Message]:
    for paragraph in re.split(r"\n[ \t]*\n", told.replace("\r\n", "\n").replace("\r", "\n")):
        found = _FIELD.search(paragraph)
        if found:
            # Prose may stand right above the fields; then the first line of them is where the fields begin.
            head = re.search(r"(?m)^[A-Za-z-]{1,40}[ \t]*:", paragraph)
            yield HeaderParser().parsestr(paragraph[head.start() if head else found.start() :])


def _names_somebody(group: Message) -> bool:
    return "final-recipient" in group or "original-recipient" in group


def address_in(group: Message, name: str) -> str:
    """Give the address of ``Final-Recipient`` or ``Original-Recipient``, lower-case, ``""`` where there is none."""
    value = mail_parts.header(group, name)
    kind, semicolon, rest = value.partition(";")
    if "|" in rest:
        return ""  # a command that the mail was to be handed to, with addresses in its arguments
    return _plus(mail_parts.first_address(rest if semicolon else kind)).lower()


def _plus(address: str) -> str:
    """Undo the ``xtext`` of RFC 3461 section 4, which some systems leave in."""
    return re.sub(r"\+([2-7][0-9A-F])", lambda found: chr(int(found[1], 16)), address)


def from_group(group: Message, told: str, written_to: Sequence[str]) -> Recipient | None:
    """Judge one recipient by its fields, and by what the report tells people where the fields are vague.

    Some systems name themselves there, a command or nobody: then it is whom we wrote to, where that is one alone.
    """
    asked = address_in(group, "original-recipient")
    address = address_in(group, "final-recipient") or asked or (written_to[0] if len(written_to) == 1 else "")
    if not address:
        return None
    status = mail_parts.header(group, "status")
    action = (mail_parts.header(group, "action").lower().split() or [""])[0].strip("();,.")
    comment = status.partition(" ")[2]
    diagnostic = mail_parts.header(group, "diagnostic-code")
    words = f"{diagnostic.partition(';')[2] or diagnostic}\n{mail_parts.header(group, 'x-powermta-bouncecategory')}"
    found = meaning.judge(status, f"{words}\n{comment}", action=action)
    if found.kind is meaning.Kind.POLICY and found.code in _SAYING_NOTHING and told:
        found = meaning.judge(status, f"{words}\n{comment}\n{told}", action=action)
    final, asked = action != "delayed", "" if asked == address else asked
    return Recipient(address, found.kind, found.code, final=final, asked=asked, stated=found.stated)


_SAYING_NOTHING = frozenset({"5.0.0", "5.7.0", "5.2.0", "5.1.0", "5.5.0"})


def complaints(message: Message, parts: Sequence[Message]) -> list[Recipient]:
    """Give whom a complaint (RFC 5965) is from. A report that mail was *not* unwanted, or about forgery, is none."""
    report = next((part for part in parts if part.get_content_type() == "message/feedback-report"), None)
    if report is None:
        old = next((part for part in _inner(parts) if part.get("x-hmxmroriginalrecipient")), None)
        found = mail_parts.first_address(str(old.get("x-hmxmroriginalrecipient"))) if old is not None else ""
        return [Recipient(found.lower(), meaning.Kind.COMPLAINT)] if found else []
    inner = mail_parts.children(report)
    group = inner[0] if inner else headers_of(mail_parts.text(report))
    if not len(group):  # some leave a line empty before the fields
        group = headers_of(mail_parts.text(group))
    sort = mail_parts.header(group, "feedback-type").lower()
    if sort in ("not-spam", "auth-failure", "dmarc", "dkim", "virus"):
        return []
    names = ("original-rcpt-to", "removal-recipient", "original-recipient")
    found_all = [
        address
        for name in names
        for value in group.get_all(name, [])[:_MOST_RECIPIENTS]
        if (address := mail_parts.first_address(str(value)).lower())
    ]
    if not found_all:
        found_all = next((to for one in _inner(parts) if (to := mail_parts.addresses(one, "to"))), [])[:1]
    return [Recipient(address, meaning.Kind.COMPLAINT) for address in dict.fromkeys(found_all)]


def _inner(parts: Sequence[Message]) -> Iterator[Message]:
    for part in parts:
        if is_returned(part):
            yield from returned(part)


def returned(part: Message) -> Iterator[Message]:
    """Give the message that came back, as far as its part holds it."""
    inner = mail_parts.children(part)
    yield from inner if inner is not None else [headers_of(mail_parts.text(part))]


def headers_of(words: str) -> Message:
    """Give the headers of a message that stands in a text, after whatever line announces it."""
    lines = words[:20_000].splitlines()
    begin = next((at for at, line in enumerate(lines) if re.match(r"[A-Za-z][\w-]{1,60}:", line)), len(lines))
    return HeaderParser().parsestr("\n".join(lines[begin:]))


def amazon(told: str) -> tuple[list[Recipient], str]:
    """Read Amazon SES's notification as SNS mails it, and the Message-ID that it is about.

    Source: Amazon's page "Notification contents".
    """
    start, end = told.find('{"'), told.rfind("}")
    if start < 0 or "ecipients" not in told or not re.search('"(?:notification|event)Type"', told):
        return [], ""
    flat = re.sub(r"\r?\n ?", "", told[start : end + 1])
    try:
        facts = json.loads(flat, strict=False)
    except (ValueError, RecursionError):
        return [], ""
    if not isinstance(facts, dict):
        return [], ""
    found = list(_amazon_recipients(facts))
    mail = _dictionary(facts, "mail")
    common = _dictionary(mail, "commonHeaders")
    return found[:_MOST_RECIPIENTS], str(common.get("messageId") or "")


def _amazon_recipients(facts: dict[str, object]) -> Iterator[Recipient]:
    bounce, complaint = _dictionary(facts, "bounce"), _dictionary(facts, "complaint")
    passing = str(bounce.get("bounceType", "")).lower() == "transient"
    for one in _list(bounce, "bouncedRecipients"):
        address, status = _address(one), str(one.get("status", ""))
        words, action = str(one.get("diagnosticCode", "")), str(one.get("action", ""))
        kind, code, stated = meaning.judge(status, words, action=action)
        if passing and kind is meaning.Kind.PERMANENT:
            kind = meaning.Kind.TEMPORARY
        elif (
            kind is meaning.Kind.POLICY and code == "5.0.0" and not passing and bounce.get("bounceType") == "Permanent"
        ):
            kind, code = meaning.Kind.PERMANENT, "5.1.1"
        yield Recipient(address, kind, code, stated=stated)
    for one in _list(complaint, "complainedRecipients"):
        yield Recipient(_address(one), meaning.Kind.COMPLAINT)
    arrived = _dictionary(facts, "delivery").get("recipients")
    for named in arrived if isinstance(arrived, list) else []:
        yield Recipient(mail_parts.first_address(str(named)).lower(), meaning.Kind.DELIVERED, "2.0.0")


def _dictionary(facts: dict[str, object], name: str) -> dict[str, object]:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def _list(facts: dict[str, object], name: str) -> list[dict[str, object]]:
    found = facts.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _address(facts: dict[str, object]) -> str:
    return mail_parts.first_address(str(facts.get("emailAddress", ""))).lower()
