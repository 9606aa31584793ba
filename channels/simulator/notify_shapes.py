"""What GOV.UK Notify says of a message: in its answer, its list, and its calls to us (its REST API and callbacks)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from channels.simulator import records
from channels.simulator.shapes import Json

_WELSH = frozenset("ÂâÊêÎîÔôÛûŴŵŶŷÁáÍíÓóÚúẂẃÝýÀÈÌÒÙẀẁỲỳËëÏïẄẅŸÿ")  #: sent as they are, though not of that alphabet
PAGE = 250  #: messages on a page of a list


@dataclass(slots=True)
class Notification:
    """One message in the service's list."""

    id: str
    kind: str
    to: str
    template: str
    body: str
    subject: str
    reference: str | None
    created: datetime
    status: str = "created"
    completed: datetime | None = None


def carried(body: str) -> str:
    """What arrives of a text: Notify replaces what it does not let through."""
    return "".join(sign if records.is_gsm(sign) or sign in _WELSH else "?" for sign in body)


def stamp(at: datetime | None) -> str | None:
    """A moment as Notify writes it."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def created(one: Notification, shown: str) -> Json:
    """The answer to a message that was taken; ``shown`` is what it comes from."""
    sender = "from_number" if one.kind == "sms" else "from_email"
    content = {"body": one.body, sender: shown, **({"subject": one.subject} if one.kind == "email" else {})}
    template = {"id": one.template, "version": 1, "uri": f"/v2/template/{one.template}"}
    return {
        "id": one.id,
        "reference": one.reference,
        "content": content,
        "uri": f"/v2/notifications/{one.id}",
        "template": template,
    }


def listed(one: Notification) -> Json:
    """A message in the list."""
    return {
        "id": one.id,
        "reference": one.reference,
        "phone_number": one.to if one.kind == "sms" else None,
        "email_address": one.to if one.kind == "email" else None,
        "type": one.kind,
        "status": one.status,
        "body": one.body,
        "subject": one.subject or None,
        "template": {"id": one.template, "version": 1},
        "created_at": stamp(one.created),
        "sent_at": stamp(one.created),
        "completed_at": stamp(one.completed),
    }


def receipt(one: Notification) -> Json:
    """The call that tells of the end of a message."""
    names = ("id", "reference", "status", "created_at", "sent_at", "completed_at")
    said = listed(one)
    more: Json = {"to": one.to, "notification_type": one.kind, "template_id": one.template, "template_version": 1}
    return {name: said[name] for name in names} | more


def page(request: web.Request, key: str, found: list[Json]) -> Json:
    """A page of a list, newest first, and the way to the next."""
    before = request.query.get("older_than")
    if before is not None:
        at = next((place for place, one in enumerate(found) if one["id"] == before), len(found))
        found = found[at + 1 :]
    links = {"current": str(request.url)}
    if len(found) > PAGE:
        links["next"] = str(request.url.update_query(older_than=str(found[PAGE - 1]["id"])))
    return {key: found[:PAGE], "links": links}
