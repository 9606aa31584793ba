"""What a mail that came in means to the gateway: receipts for our own mails, or somebody's words.

Nothing in a mail is believed that anybody could have written, except what only its receiver knows: our message ids are
26 random characters, in the Message-ID that an answer names and in the address that a bounce comes to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from email.message import Message

from channels import auto_replies, base, bounces, email_codes, mail_in, mail_parts, quoting

_MOST_WORDS = 10_000  #: characters of an answer that are kept
_LONGEST_HEADER = 900  #: characters of one that is kept: of an id, and of a subject to answer under
_MOST_RECEIPTS = 50
#: Our ids: ULIDs, as gateway.ids makes them.
_ID = re.compile(r"(?<![a-z0-9])([0-7][0-9a-hjkmnp-tv-z]{25})(?![a-z0-9])")
_TAGGED = re.compile(r"(?:bounce|reply)[+=-]([0-7][0-9a-hjkmnp-tv-z]{25})@", re.IGNORECASE)
#: What mail programs put before the subject of the mail that is answered or passed on, in families' languages.
_ANSWERS = re.compile(
    r"(?:re|fwd?|aw|wg|odp|pd|sv|vs|ynt|ilt|rv|tr|rif|r[ée]f|hal|res|enc|atb|ats|vá)\s*:", re.IGNORECASE
)
_SPACES = b" \t\r\n\v\f"
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")


def read(mail: mail_in.Mail) -> Sequence[base.Event]:
    """Give a receipt for each address that a bounce is about, else the one reply. Never raises for what a mail says."""
    message = mail_parts.parse(mail.raw)
    bounce = bounces.read(message)
    if bounce is not None:
        return _receipts(mail, message, bounce)
    return [_reply(mail, message)]


def _receipts(mail: mail_in.Mail, message: Message, bounce: bounces.Bounce) -> list[base.Event]:
    message_id = _tagged(mail, message) or _own_id(bounce.message_id)
    return [
        _receipt(mail, message, recipient, message_id=message_id) for recipient in bounce.recipients[:_MOST_RECEIPTS]
    ]


def _receipt(mail: mail_in.Mail, message: Message, recipient: bounces.Recipient, *, message_id: str) -> base.Receipt:
    state, reason = _state(recipient)
    code = "complaint" if recipient.kind is bounces.Kind.COMPLAINT else recipient.status
    return base.Receipt(
        message_id=message_id,
        ref="",
        state=state,
        event_id=_hash("bounce", _identity(mail, message), message_id, recipient.address, code, state.value),
        at=mail.at,
        reason=reason,
        code=code,
        address=recipient.asked or recipient.address,
    )


def _state(recipient: bounces.Recipient) -> tuple[base.ReceiptState, base.Reason | None]:
    if recipient.kind is bounces.Kind.DELIVERED:
        return base.ReceiptState.DELIVERED, None
    if recipient.kind is bounces.Kind.COMPLAINT:
        return base.ReceiptState.DELIVERED, base.Reason.OPTED_OUT
    if not recipient.final:
        return base.ReceiptState.ACCEPTED, base.Reason.TEMPORARY
    return base.ReceiptState.FAILED, _reason(recipient)


def _reason(recipient: bounces.Recipient) -> base.Reason:
    """The reason that the report's code and words stand for together."""
    said = _said(recipient)
    reason = email_codes.reason(recipient.stated, said=said)
    dead = (base.Reason.BAD_ADDRESS, base.Reason.GONE)
    return said if reason in dead and recipient.kind is not bounces.Kind.PERMANENT else reason


def _said(recipient: bounces.Recipient) -> base.Reason:
    """What the words let us think, by the code that says it best; the kind has the last say."""
    detail = recipient.status.partition(".")[2]
    meaning = email_codes.MEANINGS.get(detail) or email_codes.MEANINGS.get(detail.partition(".")[0] + ".")
    reason = meaning.reason if meaning else base.Reason.OTHER
    match recipient.kind:
        case bounces.Kind.PERMANENT:
            return base.Reason.BAD_ADDRESS
        case bounces.Kind.TEMPORARY:
            return reason if reason in (base.Reason.FULL, base.Reason.GONE) else base.Reason.TEMPORARY
        case _:
            ours = (base.Reason.CONFIG, base.Reason.CONTENT, base.Reason.OTHER)
            return reason if reason in ours else base.Reason.CONFIG


def _reply(mail: mail_in.Mail, message: Message) -> base.Reply:
    words, attachments = content(message)
    answered = _answered(mail, message)
    return base.Reply(
        medium=base.Medium.EMAIL,
        sender=sender(message),
        to=next(iter((*mail.envelope_to, *mail_parts.addresses(message, "delivered-to", "to"))), "").lower(),
        body=(words or _own_subject(message, answered))[:_MOST_WORDS],
        event_id=_hash("mail", _identity(mail, message)),
        at=mail.at,
        in_reply_to=answered,
        media=attachments,
        automatic=auto_replies.automatic(message, envelope_from=mail.envelope_from),
        raw={"message-id": _one_line(message.get("message-id")), "subject": _subject(message)},
    )


def _own_subject(message: Message, answered: str) -> str:
    """What a mail without a word says: its subject, unless that is only the one of the mail that it answers."""
    subject = _subject(message)
    return "" if answered or _ANSWERS.match(subject) else subject


def _subject(message: Message) -> str:
    """Its subject as people read it: an answer bears it again."""
    return mail_parts.header(message, "subject")[:_LONGEST_HEADER]


def _one_line(header: object) -> str:
    return " ".join(str(header or "")[:_LONGEST_HEADER].split())


def sender(message: Message) -> str:
    """Give whom a mail says it is from, lower-case; ``""`` where it names nobody, or more than one."""
    if len(message.get_all("from", [])) != 1:
        return ""
    # Parsed before encoded words are decoded: a name that decodes to an address must not become one.
    found = mail_parts.addresses(message, "from")
    return found[0] if len(found) == 1 else ""


def content(message: Message) -> tuple[str, int]:
    """Give a mail's new words and how many files are attached."""
    plain, html, attachments = "", "", 0
    for part in mail_parts.parts(message):
        kind = part.get_content_type()
        attached = part.get_content_disposition() == "attachment" or bool(mail_parts.file_name(part))
        if attached or not kind.startswith(("text/", "multipart/")):
            attachments += 1
        elif kind == "text/html":
            html = html or mail_parts.text(part)
        elif kind != "text/calendar" and not plain.strip():
            plain = mail_parts.text(part)
    if plain.strip():
        return quoting.new_words(plain), attachments
    return (quoting.from_html(html) if html else ""), attachments


def _answered(mail: mail_in.Mail, message: Message) -> str:
    """Which message of ours it answers: by the address that it came to, else by the ids that it names, newest last."""
    tagged = _tagged(mail, message)
    if tagged:
        return tagged
    named = " ".join(str(message.get(name, ""))[:4_000] for name in ("references", "in-reply-to"))
    found = _ID.findall(named.lower())
    return found[-1] if found else ""


def _tagged(mail: mail_in.Mail, message: Message) -> str:
    """Our id in the address that it was delivered to (VERP), ``""`` where there is none."""
    for address in _reached(mail, message):
        found = _TAGGED.search(address)
        if found:
            return found[1].lower()
    return ""


def _reached(mail: mail_in.Mail, message: Message) -> Iterator[str]:
    yield from mail.envelope_to
    for name in _DELIVERED_TO:
        for value in message.get_all(name, [])[:20]:
            yield str(value)


def _own_id(message_id: str) -> str:
    found = _ID.search(message_id.lower())
    return found[1] if found else ""


def _identity(mail: mail_in.Mail, message: Message) -> str:
    """What is the same whenever this mail is read, whatever headers the ways in put on top and how they end lines."""
    names = ("message-id", "from", "date") if message.get("message-id") else ("from", "date", "subject")
    known = [mail_parts.header(message, name) for name in names]
    if not message.get("message-id"):
        known.append(hashlib.sha256(mail_parts.body(mail.raw).translate(None, _SPACES)).hexdigest())
    return "\x1f".join(known)


def _hash(*pieces: str) -> str:
    return hashlib.sha256("\x1f".join(pieces).encode("utf-8", "surrogatepass")).hexdigest()[:40]
