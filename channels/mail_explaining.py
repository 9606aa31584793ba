"""How a mail is read, told plainly: for ``handbell explain`` and for whoever measures it."""

from __future__ import annotations

from collections.abc import Mapping

from channels import auto_replies, bounces, mail_parts, mail_reading, quoting


def bounce(raw: bytes) -> Mapping[str, object]:
    """Say of a mail whether it is a bounce, and of each address that it is about what became of it there."""
    found = bounces.read(mail_parts.parse(raw))
    recipients = found.recipients if found else ()
    arrived = (bounces.Kind.COMPLAINT, bounces.Kind.DELIVERED)
    return {
        "is_bounce": any(one.kind not in arrived for one in recipients),
        "recipients": [{"address": one.address, "kind": one.kind.value} for one in recipients],
    }


def email(raw: bytes, *, suffix: str = ".eml") -> Mapping[str, object]:
    """Say of a mail whether a machine wrote it, and which words are new. A ``.txt`` or ``.html`` is its body alone."""
    if suffix == ".txt":
        return {"is_auto": False, "reply": quoting.new_words(mail_parts.decode(raw))}
    if suffix in (".html", ".htm"):
        return {"is_auto": False, "reply": quoting.from_html(mail_parts.decode(raw))}
    message = mail_parts.parse(raw)
    is_auto = bool(auto_replies.automatic(message)) or bounces.read(message) is not None
    return {"is_auto": is_auto, "reply": mail_reading.content(message)[0]}
