"""Texts and emails by GOV.UK Notify: messages out, receipts and families' texts back.

Notify sends templates, not words; ours is one of each kind that holds nothing but ``((body))`` (and ``((subject))``).
It has no idempotency key, but keeps the reference that we give, and can be asked for it: that is our evidence in doubt.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from channels import base, notify_api, notify_codes

_KINDS: Final = {base.Medium.SMS: "sms", base.Medium.EMAIL: "email"}
_BLANKS: Final = {base.Medium.SMS: ("((body))",), base.Medium.EMAIL: ("((body))", "((subject))")}
_Records = list[dict[str, Any]]
_KEPT = timedelta(days=3)  #: so long Notify's lists know a message at the least: its service says 3 to 90 days
_OVERLAP = timedelta(hours=1)  #: what was read already is read again by so much
_SLACK = timedelta(minutes=2)  #: their clock and ours
_MOST_PAGES = 100  #: of 250; a look that would be longer stops, and is told


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What messages of one kind are sent with.

    ``template``  its id at Notify
    ``senders``   what we send as → its id there, ``""`` for the service's own
    ``abroad``    whether the service may text other countries
    """

    template: str
    senders: Mapping[str, str] = field(default_factory=dict[str, str])
    abroad: bool = False


class Notify:
    """One medium of a service. Implements :class:`base.Channel`, :class:`base.Callbacks`, :class:`base.Polled`,
    :class:`base.Choosy` and :class:`base.KnowsIds`.
    """

    def __init__(self, account: notify_api.NotifyAccount, medium: base.Medium, letterhead: Letterhead) -> None:
        self.medium, self._kind = medium, _KINDS[medium]
        self.name = f"notify-{self._kind}"
        self._letterhead = letterhead
        self._api = notify_api.NotifyApi(account)
        self._token = account.callback_token

    async def open(self) -> None:
        """Make the session ready; raises :class:`base.Misconfigured`."""
        await self._api.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    def speaks(self, locale: str) -> bool:
        """Any language can be written; which letters pass is :meth:`takes`'."""
        return True

    def takes(self, to: str, body: str, *, files: bool) -> bool:
        """Whether this can go by Notify as it is."""
        if self.medium is base.Medium.EMAIL:
            return not files
        return (self._letterhead.abroad or to.startswith("+44")) and notify_codes.carries(body)

    async def check(self) -> str:
        """Ask for the template, which proves the key too; raises :class:`base.Misconfigured`."""
        template = self._letterhead.template
        try:
            answer = await self._api.ask("GET", f"/v2/template/{template}")
        except (notify_api.NotSent, notify_api.Doubtful) as error:
            raise base.Misconfigured(f"{error} If this stays so, check the setting notify.api_base_url.") from None
        if answer.status in (401, 403):
            raise base.Misconfigured(answer.refusal()[1].text)
        said = f"{answer.data.get('subject')} {answer.data.get('body')}"
        if answer.status != 200 or answer.data.get("type") != self._kind:
            raise base.Misconfigured(f"Notify has no template of the id notify.{self._kind}_template.")
        if missing := [blank for blank in _BLANKS[self.medium] if blank not in said]:
            raise base.Misconfigured(f"The template of notify.{self._kind}_template lacks {' and '.join(missing)}.")
        return f"Notify answers and has our template ({self._kind})."

    async def send(self, message: base.Outgoing) -> base.SendResult:
        """Hand over one message, once."""
        if not self.takes(message.to, message.body, files=bool(message.attachments)):
            # It never left, so it may be tried again: by then it goes by another way, where there is one.
            why = "Notify cannot carry it: letters, files or a country that it would not let pass."
            return base.SendResult(base.Outcome.RETRY, reason=base.Reason.CONTENT, text=why)
        return await self._api.place(self._kind, self._body(message))

    def _body(self, message: base.Outgoing) -> dict[str, object]:
        sender = self._letterhead.senders.get(message.sender, "")
        body: dict[str, object] = {"template_id": self._letterhead.template, "reference": message.id}
        if self.medium is base.Medium.SMS:
            return body | {
                "phone_number": message.to,
                "personalisation": {"body": message.body},
                **({"sms_sender_id": sender} if sender else {}),
            }
        link = message.unsubscribe_url
        return body | {
            "email_address": message.to,
            "personalisation": {"subject": message.subject, "body": message.body},
            **({"email_reply_to_id": sender} if sender else {}),
            **({"one_click_unsubscribe_url": link} if link.startswith("https://") else {}),
        }

    async def find(self, message: base.Outgoing, since: datetime) -> base.FindResult:
        """Ask for our reference, which no other message has."""
        try:
            answer = await self._api.ask("GET", "/v2/notifications", params={"reference": message.id})
        except (notify_api.NotSent, notify_api.Doubtful):
            return base.FindResult(base.Found.NOT_NOW)
        listed = _records(answer, "notifications")
        if listed is None:
            return base.FindResult(base.Found.NOT_NOW)
        ours = [one for one in listed if one.get("reference") == message.id and notify_api.is_id(one.get("id"))]
        if ours:
            return base.FindResult(base.Found.HERE, tuple(str(one["id"]) for one in reversed(ours)))
        if listed or datetime.now(UTC) - since > _KEPT:  # it shows others', or nothing that old
            return base.FindResult(base.Found.CANNOT_TELL)
        return base.FindResult(base.Found.ABSENT)

    async def find_alike(self, message: base.Outgoing, since: datetime) -> base.FindResult:
        """Read the list for the same address and words; what went there with other words may be it all the same."""
        alike, maybe, oldest = list[str](), False, since - _SLACK
        try:
            async for records in self._pages("/v2/notifications", "notifications", {"template_type": self._kind}):
                moments = [_read(one.get("created_at")) or since for one in records]
                young = [one for one, at in zip(records, moments, strict=True) if at >= oldest]
                there = [one for one in young if _address(one) in ("", message.to.casefold())]
                maybe = maybe or bool(there)
                alike += [str(one["id"]) for one in there if _address(one) and _same(one, message)]
                if len(young) < len(records):
                    break
        except _TooLong:
            return base.FindResult(base.Found.CANNOT_TELL)
        except base.CouldNotLook:
            return base.FindResult(base.Found.NOT_NOW)
        if alike:
            return base.FindResult(base.Found.HERE, tuple(reversed(alike)))
        sure = not maybe and datetime.now(UTC) - since <= _KEPT
        return base.FindResult(base.Found.ABSENT if sure else base.Found.CANNOT_TELL)

    def verify(self, request: base.HookRequest) -> None:
        """Raise :class:`base.BadSignature` unless the call carries our token."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if not self._token:
            raise base.BadSignature("notify.callback_token is not set, so no call of Notify's can be proved.")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            raise base.BadSignature("The call does not carry the token that Notify was given.")

    def parse(self, request: base.HookRequest) -> Sequence[base.Event]:
        """Translate a receipt or a text that came in; anything else gives nothing."""
        data = json.loads(request.body or b"null")
        if not isinstance(data, dict) or not notify_api.is_id(data.get("id")):
            return []
        if request.path.endswith("/status") and "status" in data:
            return [_receipt(data, request.at)]
        if request.path.endswith("/inbound") and "source_number" in data:
            return [_reply(data, "source_number", "destination_number", "message", "date_received", request.at)]
        return []

    def answer(
        self, request: base.HookRequest, events: Sequence[base.Event], message: base.Outgoing | None
    ) -> base.HookResponse:
        """Nothing: Notify wants a 2xx."""
        return base.HookResponse(204, "text/plain", "")

    def streams(self) -> Sequence[str]:
        """The one list of what families texted to the service, where it has a number."""
        return ("inbound",) if any(sender.startswith("+") for sender in self._letterhead.senders) else ()

    async def look(self, stream: str, since: datetime, *, now: datetime) -> AsyncGenerator[base.Look, None]:
        """Read what families texted, newest first; raises :class:`base.CouldNotLook`."""
        newest, oldest = since, since - _OVERLAP
        async for records in self._pages("/v2/received-text-messages", "received_text_messages", {}):
            # A date that cannot be read is no reason to believe that all before it was read.
            moments = [min(_read(one.get("created_at")) or oldest, now) for one in records]
            young = [one for one, at in zip(records, moments, strict=True) if at >= oldest]
            newest = max([newest, *moments])
            yield base.Look([_listed_reply(one, now) for one in young if notify_api.is_id(one.get("id"))], since)
            if len(young) < len(records):
                break
        yield base.Look((), newest)

    async def follow(
        self, pending: Sequence[base.Pending], *, now: datetime
    ) -> AsyncGenerator[Sequence[base.Receipt], None]:
        """What became of our messages; raises :class:`base.CouldNotLook`."""
        wanted = {one.ref for one in pending}
        oldest = min((one.since for one in pending), default=now) - _SLACK
        async for records in self._pages("/v2/notifications", "notifications", {"template_type": self._kind}):
            found = [one for one in records if one.get("id") in wanted]
            wanted -= {one["id"] for one in found}
            yield [_receipt(one, now) for one in found]
            if not wanted or any(_moment(one.get("created_at"), now) < oldest for one in records):
                return

    async def _pages(self, path: str, key: str, params: Mapping[str, str]) -> AsyncGenerator[_Records, None]:
        """Give page after page of a list. Raises :class:`base.CouldNotLook`."""
        before: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            try:
                answer = await self._api.ask("GET", path, params={**params, **before})
            except (notify_api.NotSent, notify_api.Doubtful) as error:
                raise base.CouldNotLook(str(error)) from None
            if 400 <= answer.status < 500:
                raise base.CouldNotLook(answer.refusal()[1].text, wait=answer.wait)
            records = _records(answer, key)
            if records is None:
                raise base.CouldNotLook("What answered did not speak like Notify: is there a filter on the way?")
            yield records
            links = answer.data.get("links")
            if not records or not isinstance(links, dict) or not links.get("next"):
                return
            before = {"older_than": str(records[-1].get("id"))}
        raise _TooLong("Notify's list is longer than we read.")


class _TooLong(base.CouldNotLook):
    """Another time it would be no shorter."""


def _records(answer: notify_api.Answer, key: str) -> _Records | None:
    """A page of a list; None where it is none."""
    listed = answer.data.get(key)
    fine = answer.status == 200 and isinstance(listed, list) and all(isinstance(one, dict) for one in listed)
    return listed if fine else None


def _address(record: Mapping[str, Any]) -> str:
    """Whom a message in the list went to, as ours are written; ``""`` where it does not say."""
    return _number(_text(record.get("phone_number") or record.get("email_address")).strip()).casefold()


def _same(record: Mapping[str, Any], message: base.Outgoing) -> bool:
    """Whether it has the words of a message, whatever became of its spaces."""
    subject = record.get("subject")  # a text has none
    words = _text(record.get("body")).split() == message.body.split()
    named = notify_api.is_id(record.get("id"))
    return named and words and (subject is None or _text(subject).split() == message.subject.split())


def _receipt(data: Mapping[str, Any], now: datetime) -> base.Receipt:
    """A receipt, from Notify's call or its list: both have the same names."""
    said, kind = _text(data.get("status")), _text(data.get("notification_type") or data.get("type"))
    meaning = notify_codes.status(said)
    medium = base.Medium.EMAIL if kind == "email" else base.Medium.SMS
    return base.Receipt(
        message_id=_text(data.get("reference")),
        ref=str(data["id"]),
        state=meaning.state,
        event_id=f"{data['id']}:{said}",
        at=_moment(data.get("completed_at") or data.get("sent_at") or data.get("created_at"), now),
        reason=meaning.reason(medium),
        code=said if meaning.reason(medium) else "",
        raw={"id": str(data["id"]), "status": said, "type": kind},
    )


def _listed_reply(record: Mapping[str, Any], now: datetime) -> base.Reply:
    """The same text as the webhook's, with the same event id, from Notify's list."""
    return _reply(record, "user_number", "notify_number", "content", "created_at", now)


def _reply(data: Mapping[str, Any], sender: str, to: str, body: str, at: str, now: datetime) -> base.Reply:
    said_by, said_to = _text(data.get(sender)), _text(data.get(to))
    return base.Reply(
        medium=base.Medium.SMS,
        sender=_number(said_by),
        to=_number(said_to),
        body=_text(data.get(body)),
        event_id=str(data["id"]),
        at=_moment(data.get(at), now),
        raw={"id": str(data["id"]), "from": said_by, "to": said_to},
    )


def _text(value: object) -> str:
    """What Notify says, without what no text column holds (NUL)."""
    return str(value or "").replace("\0", "")


def _number(written: str) -> str:
    """Notify writes numbers as 447700… or 07700…"""
    if not written.isascii() or not written.isdigit():
        return written
    return f"+44{written[1:]}" if written.startswith("0") else f"+{written}"


def _moment(stamp: object, now: datetime) -> datetime:
    """A moment as Notify writes it; one that cannot be read, or lies ahead of us, is now."""
    return min(_read(stamp) or now, now)


def _read(stamp: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
