"""Bounces: what mail systems write back when a mail did not arrive, was late, did arrive, or was called unwanted.

Order of trust: a complaint report, a delivery status report, Amazon's notification, prose, and last the one address
that the returned message was to. Sources: RFC 3461 to 3464, 5248, 5965 and 6522, qmail's QSBMF, and the mail systems'
own documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message

from channels import mail_html, mail_parts
from channels.bounces import meaning, plain, reports
from channels.bounces.meaning import Kind
from channels.bounces.reports import Recipient

__all__ = ["Bounce", "Kind", "Recipient", "read"]


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a mail system says of one message.

    ``message_id``  the Message-ID of the message that it is about, as it stands between its brackets, ``""`` where
                    nothing of that message came back
    """

    recipients: tuple[Recipient, ...]
    message_id: str = ""


def read(message: Message) -> Bounce | None:
    """Give what a mail says as a bounce, or None: it is none, or names nobody. Never raises for what a mail says."""
    parts = list(mail_parts.parts(message))
    told = _told(parts)
    report, returned_text = plain.split(told)
    returned = _returned(parts, returned_text)
    message_id = _message_id(returned)
    found = reports.complaints(message, parts)
    if found:
        return Bounce(_once(found), message_id)
    if _may_report(message):
        groups = reports.fields(parts, told)
        written_to = mail_parts.addresses(returned, "to") if returned is not None else []
        found = [one for group in groups if (one := reports.from_group(group, report, written_to))]
        if found:
            return Bounce(_once(found), message_id)
    found, amazon_id = reports.amazon(told)
    if found:
        return Bounce(_once(found), amazon_id)
    found = _from_prose(message, report, returned)
    return Bounce(_once(found), message_id) if found else None


def _may_report(message: Message) -> bool:
    """Whether fields of a report in it are its own: not of a bounce that a person forwards or writes about."""
    if message.get_content_type() == "multipart/report":
        return not mail_parts.header(message, "in-reply-to") or plain.is_daemon(message)
    return plain.is_daemon(message)


def _told(parts: Sequence[Message]) -> str:
    """What the report tells people: its text parts before the message that came back."""
    plain_words, html_words = [], []
    for part in parts:
        kind = part.get_content_type()
        if reports.is_returned(part):
            break
        if kind == "text/html":
            html_words.append(part)
        elif kind == "text/plain" or (
            kind.startswith(("multipart/", "message/")) and mail_parts.children(part) is None
        ):
            plain_words.append(mail_parts.text(part))
        if len(plain_words) >= 3:
            break
    if not any(words.strip() for words in plain_words) and html_words:
        return mail_html.to_text(mail_parts.text(html_words[0]))
    return "\n".join(plain_words)


def _returned(parts: Sequence[Message], text: str) -> Message | None:
    for part in parts:
        if reports.is_returned(part):
            return next(reports.returned(part), None)
    for part in parts:
        if part.get_content_type() in ("text/plain", "application/octet-stream") and part is not parts[0]:
            words = mail_parts.text(part)[:20_000].lstrip()
            if words.lower().startswith(("received:", "return-path:", "message-id:", "from:", "date:")):
                return reports.headers_of(words)
    return reports.headers_of(text) if text else None


def _message_id(returned: Message | None) -> str:
    return mail_parts.header(returned, "message-id").strip("<> ") if returned is not None else ""


def _from_prose(message: Message, report: str, returned: Message | None) -> list[Recipient]:
    named = mail_parts.addresses(message, "x-failed-recipients")
    if not plain.is_report(message, report):
        return []
    ours = mail_parts.addresses(message, "to", "from")
    written_to = mail_parts.addresses(returned, "to") if returned is not None else []
    not_these = set(ours) - set(named)
    title = mail_parts.header(message, "subject")
    found = plain.recipients(report, title=title, named=named, not_these=not_these)
    # People do write to themselves: our own address counts where it stands as plainly as a recipient does.
    found = found or plain.recipients(report, title=title, named=(), not_these=(), plainly=True)
    if found or len(written_to) != 1 or written_to[0] in not_these:
        return found
    return plain.recipients(report, title=title, named=written_to, not_these=())


def _once(found: Sequence[Recipient]) -> tuple[Recipient, ...]:
    """Each address once; where a report speaks of one twice, by its last word, unless that says less."""
    best: dict[str, Recipient] = {}
    for one in found:
        known = best.get(one.address)
        if one.address and (known is None or known.kind is meaning.Kind.POLICY):
            best[one.address] = one
    return tuple(best.values())
