"""GOV.UK Notify's API on loopback: messages by template, their list, texts that came in, and its calls to us.

Shapes and rules are those of its documentation (REST API, error tables, callbacks, testing); its test numbers are among
:mod:`channels.simulator.magic`. Texts show on the same phones as Twilio's, and emails lie in the same mailboxes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiohttp import web

from channels.simulator import magic, notify_shapes, records
from channels.simulator.callbacks import Hooks
from channels.simulator.faults import Fault, Faults, Kind
from channels.simulator.magic import TextStatus
from channels.simulator.records import Text
from channels.simulator.shapes import Json
from channels.simulator.tasks import Tasks
from channels.simulator.world import World

_CLOCK_SECONDS = 30  #: a token is not taken that is older, or younger, than this
_FROM = "oakfield@notifications.service.gov.uk"
#: How a text or mail ends here, by how it ends on a phone of the simulator's.
_ENDS = {TextStatus.DELIVERED: "delivered", TextStatus.SENT: "sending"}
_TEMPORARY = frozenset({30003, 30008})
_CHARACTERS = 918


@dataclass(frozen=True, slots=True)
class Service:
    """The school's service: its key, and where and how it wants to be called.

    ``templates``  id → kind, the blanks are ((body)) and ((subject)); ``numbers``  id of a text sender → what it shows
    """

    key: str = ""
    callback_token: str = ""
    receipts_url: str = ""
    inbound_url: str = ""
    templates: Mapping[str, str] = field(default_factory=dict[str, str])
    numbers: Mapping[str, str] = field(default_factory=dict[str, str])
    trial: bool = False

    @property
    def ids(self) -> tuple[str, str]:
        """The service's id and the secret, which end the key."""
        return self.key[-73:-37], self.key[-36:]

    @property
    def own_number(self) -> str:
        """What texts come from when none is named."""
        return next(iter(self.numbers.values()), "GOVUK")


class Refused(Exception):
    """An error of Notify's: HTTP status, kind and sentence."""

    def __init__(self, status: int, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.answer = status, {"status_code": status, "errors": [{"error": kind, "message": sentence}]}


class NotifyApi:
    """The other provider's front door."""

    def __init__(self, service: Service, *, world: World, hooks: Hooks, faults: Faults, tasks: Tasks) -> None:
        self.service = service
        self.sent: dict[str, notify_shapes.Notification] = {}
        self.received: list[Json] = []
        self._world, self._hooks, self._faults, self._tasks = world, hooks, faults, tasks

    def routes(self) -> list[web.RouteDef]:
        """All addresses."""
        return [
            web.post("/v2/notifications/{kind}", self._guard("notify.create", self._create)),
            web.get("/v2/notifications", self._guard("notify.list", self._list)),
            web.get("/v2/received-text-messages", self._guard("notify.received", self._received)),
            web.get("/v2/template/{id}", self._guard("notify.template", self._template)),
        ]

    def answers_for(self, sender: str) -> bool:
        """Whether a number is the service's: what people text to it comes in here."""
        return sender in self.service.numbers.values()

    def receive(self, text: Text) -> None:
        """A person has texted one of the service's numbers."""
        record: Json = {
            "id": self._new_id(),
            "created_at": notify_shapes.stamp(text.created),
            "content": text.body,
            "notify_number": text.to.replace("+44", "0"),
            "service_id": self.service.ids[0],
            "user_number": text.sender.removeprefix("+"),
        }
        self.received.append(record)
        names = {"id": "id", "source_number": "user_number", "destination_number": "notify_number"}
        names |= {"message": "content", "date_received": "created_at"}
        if self.service.inbound_url:
            self._tell(self.service.inbound_url, {ours: record[theirs] for ours, theirs in names.items()})

    def reset(self) -> None:
        """Forget everything."""
        self.sent.clear()
        self.received.clear()

    def _guard(
        self, place: str, deed: Callable[[web.Request], Awaitable[tuple[int, Json]]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Check the token, misbehave if told to, and turn refusals into Notify's errors."""

        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self._faults.take(place)
            if fault is not None and not fault.taken:
                return await _misbehave(request, fault, web.json_response({}, status=500))
            try:
                self._admit(request)
                status, answer = await deed(request)
            except Refused as refused:
                status, answer = refused.answer
            response = web.json_response(answer, status=status)
            return response if fault is None else await _misbehave(request, fault, response)

        return handle

    def _admit(self, request: web.Request) -> None:
        service, secret = self.service.ids
        head, _, given = request.headers.get("Authorization", "").removeprefix("Bearer ").rpartition(".")
        signature = base64.urlsafe_b64encode(hmac.digest(secret.encode(), head.encode(), hashlib.sha256))
        if not secret or not hmac.compare_digest(signature.rstrip(b"=").decode(), given):
            raise Refused(403, "AuthError", "Invalid token: API key not found")
        claims = json.loads(base64.urlsafe_b64decode(head.partition(".")[2] + "=="))
        if claims.get("iss") != service:
            raise Refused(403, "AuthError", "Invalid token: service not found")
        if abs(claims["iat"] - time.time()) > _CLOCK_SECONDS:
            raise Refused(403, "AuthError", "Error: Your system clock must be accurate to within 30 seconds")

    async def _create(self, request: web.Request) -> tuple[int, Json]:
        kind, asked = request.match_info["kind"], await request.json()
        address = {"sms": "phone_number", "email": "email_address"}.get(kind, "")
        given, to = asked.get("personalisation") or {}, str(asked.get(address) or "")
        if kind == "sms" and not re.fullmatch(r"\+[0-9]{8,15}", to):
            raise Refused(400, "ValidationError", "phone_number Not a UK mobile number")
        if kind == "email" and "@" not in to:
            raise Refused(400, "ValidationError", "email_address Not a valid email address")
        if self.service.templates.get(asked.get("template_id")) != kind:
            raise Refused(400, "BadRequestError", "Template not found")
        blanks = ["body", "subject"] if kind == "email" else ["body"]
        if missing := [name for name in blanks if not isinstance(given.get(name), str)]:
            raise Refused(400, "BadRequestError", f"Missing personalisation: {', '.join(missing)}")
        if kind == "sms" and len(given["body"]) > _CHARACTERS:
            raise Refused(400, "BadRequestError", "Text messages cannot be longer than 918 characters.")
        sender = asked.get("sms_sender_id")
        if sender is not None and sender not in self.service.numbers:
            raise Refused(400, "BadRequestError", f"sms_sender_id {sender} does not exist in database for service id")
        if self.service.trial:
            raise Refused(400, "BadRequestError", "Can’t send to this recipient when service is in trial mode")
        return 201, self._take(kind, to, asked, given)

    def _take(self, kind: str, to: str, asked: Mapping[str, Any], given: Mapping[str, str]) -> Json:
        one = notify_shapes.Notification(
            self._new_id(), kind, to, asked["template_id"], given["body"], given.get("subject", ""),
            asked.get("reference"), self._world.now(),
        )  # fmt: skip
        self.sent[one.id] = one
        shown = self.service.numbers.get(asked.get("sms_sender_id") or "", self.service.own_number)
        answer = notify_shapes.created(one, shown if kind == "sms" else _FROM)
        one.status = "sending"
        if kind == "sms":
            self._text(one, shown)
        else:
            self._mail(one)
        one.completed = None if one.status == "sending" else self._world.now()
        if self.service.receipts_url and one.completed:
            self._receipts(one)
        return answer

    def _text(self, one: notify_shapes.Notification, shown: str) -> None:
        world, now = self._world, self._world.now()
        text = Text(
            one.id, shown, one.to, notify_shapes.carried(one.body), "outbound-api", TextStatus.QUEUED, now, now,
            segments=records.count_segments(notify_shapes.carried(one.body)),
        )  # fmt: skip
        world.finish(text, world.text_fate(world.phone(one.to)))
        failed = "temporary-failure" if text.error_code in _TEMPORARY else "permanent-failure"
        one.status = _ENDS.get(text.status, failed)

    def _mail(self, one: notify_shapes.Notification) -> None:
        fate = magic.mail_fate(one.to)
        if fate is not None:
            one.status = "temporary-failure" if fate.answer.startswith("4") else "permanent-failure"
            return
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = _FROM, one.to, one.subject
        mail.set_content(one.body)
        self._world.add_mail(sender=_FROM, to=one.to, raw=mail.as_bytes())
        one.status = "delivered"

    def _receipts(self, one: notify_shapes.Notification) -> None:
        fault = self._faults.take("receipts")
        if fault is not None and fault.kind is Kind.LOSE:
            return
        for _ in range(2 if fault is not None and fault.kind is Kind.DOUBLE else 1):
            self._tell(self.service.receipts_url, notify_shapes.receipt(one))

    def _tell(self, url: str, said: Json) -> None:
        async def tell() -> None:
            await self._hooks.post(url, said, bearer=self.service.callback_token)

        self._tasks.spawn(tell())

    async def _list(self, request: web.Request) -> tuple[int, Json]:
        wanted = request.query
        found = [
            one
            for one in reversed(self.sent.values())
            if wanted.get("reference") in (None, one.reference)
            and wanted.get("template_type") in (None, one.kind)
            and wanted.get("status") in (None, one.status)
        ]
        return 200, notify_shapes.page(request, "notifications", [notify_shapes.listed(one) for one in found])

    async def _received(self, request: web.Request) -> tuple[int, Json]:
        return 200, notify_shapes.page(request, "received_text_messages", list(reversed(self.received)))

    async def _template(self, request: web.Request) -> tuple[int, Json]:
        kind = self.service.templates.get(request.match_info["id"])
        if kind is None:
            raise Refused(404, "NoResultFound", "No result found")
        subject = "((subject))" if kind == "email" else None
        return 200, {"id": request.match_info["id"], "type": kind, "body": "((body))", "subject": subject, "version": 1}

    def _new_id(self) -> str:
        said = f"{self._world.random.getrandbits(128):032x}"
        return "-".join((said[:8], said[8:12], said[12:16], said[16:20], said[20:]))


async def _misbehave(request: web.Request, fault: Fault, answer: web.Response) -> web.StreamResponse:
    match fault.kind:
        case Kind.STATUS:
            kind = "RateLimitError" if fault.status == 429 else "Exception"
            body = {"status_code": fault.status, "errors": [{"error": kind, "message": "Exceeded rate limit"}]}
            return web.json_response(body, status=fault.status)
        case Kind.GARBAGE:
            return web.Response(text="<html><body>It works!</body></html>", content_type="text/html")
        case Kind.HANG:
            await asyncio.sleep(fault.seconds)
            if fault.taken:
                return answer
    if request.transport is not None:
        request.transport.abort()
    return answer  # goes nowhere: the line is cut
