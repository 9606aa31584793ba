"""Texts by Twilio: Messages out, signed status callbacks and parents' answers in."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from twilio.base import values
from twilio.rest.api.v2010.account.message import MessageInstance, MessagePage

from channels import base, twilio_account, twilio_codes, twilio_polling, twilio_scrubbing

#: What ``ValidityPeriod`` may be, in seconds (Twilio, Message resource).
_VALIDITY = (1, 36_000)
#: A trial account puts this before every text, so that a sent message is found again all the same.
_TRIAL_PREFIX = "Sent from your Twilio trial account - "
_HOOKS = "/hooks/twilio-sms"
#: So far back a doubtful text is looked for: our clock may have been an hour fast when it went, and set right since.
#: What has the same words and is nobody's is as good as ours; of calls, which have no words, that cannot be said.
_SET_BACK = timedelta(hours=2)
#: A school may be called MGS Leeds: two letters make no messaging service.
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")


class TwilioSms:
    """The channel for texts. Implements :class:`base.Channel`, :class:`base.Callbacks` and :class:`base.Polled`.

    ``senders``  what we send as: numbers and messaging services are looked at for answers, names can have none
    """

    name = "twilio-sms"
    medium = base.Medium.SMS

    def __init__(self, account: twilio_account.TwilioAccount, *, senders: Sequence[str] = ()) -> None:
        self._streams = tuple(f"inbound {sender}" for sender in senders if _can_be_answered(sender))
        self._api = twilio_account.TwilioApi(account)
        self._signatures = twilio_account.signatures(account)

    async def open(self) -> None:
        """Make the session ready; raises :class:`base.Misconfigured`."""
        await self._api.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    def speaks(self, locale: str) -> bool:
        """Any language can be written."""
        return True

    @property
    def ahead(self) -> timedelta | None:
        """By how much Twilio's clock is ahead of ours, as of its last answer."""
        return self._api.ahead

    async def check(self) -> str:
        """Ask Twilio for the account; raises :class:`base.Misconfigured`."""
        return await self._api.check()

    async def send(self, message: base.Outgoing) -> base.SendResult:
        """Hand one text to Twilio, once. There is no idempotency key: what is in doubt comes back as unknown."""

        async def create() -> MessageInstance:
            by_service = _is_service(message.sender)
            return await self._api.client.messages.create_async(
                to=message.to,
                from_=values.unset if by_service else message.sender,
                messaging_service_sid=message.sender if by_service else values.unset,
                body=message.body,
                status_callback=_status_url(message),
                validity_period=_validity(message.valid_seconds),
                # Off, so that what was previewed is what is sent; templates fold look-alikes themselves.
                smart_encoded=False,
            )

        return await twilio_account.place(create)

    async def find(self, message: base.Outgoing, since: datetime) -> base.FindResult:
        """Look for this recipient, sender and body in Twilio's list."""

        async def records() -> AsyncIterator[MessageInstance]:
            found: AsyncIterator[MessageInstance] = await self._api.client.messages.stream_async(
                to=message.to, **twilio_account.list_limits()
            )
            return found

        return await twilio_account.find(
            self._api, records, lambda record: _is_same(record, message), since, slack=_SET_BACK
        )

    async def scrub(self, ref: str) -> None:
        """Delete the words and pictures of a text there; raises :class:`base.CouldNotScrub`."""
        await twilio_scrubbing.scrub(self._api, ref)

    def verify(self, request: base.HookRequest) -> None:
        """Raise :class:`base.BadSignature` unless Twilio signed this request."""
        self._signatures.verify(request)

    def parse(self, request: base.HookRequest) -> Sequence[base.Event]:
        """Translate a status callback or an inbound text; another path gives nothing."""
        if request.path.endswith(f"{_HOOKS}/status"):
            return [_receipt(request)]
        if request.path.endswith(f"{_HOOKS}/inbound"):
            return [_reply(request)]
        return []

    def answer(
        self,
        request: base.HookRequest,
        events: Sequence[base.Event],
        message: base.Outgoing | None,
    ) -> base.HookResponse:
        """An empty response: an answer to a parent is a message of its own, with a row of its own."""
        return base.HookResponse()

    def streams(self) -> Sequence[str]:
        """One for each number or messaging service that people can answer."""
        return self._streams

    def look(self, stream: str, since: datetime, *, now: datetime) -> AsyncGenerator[base.Look, None]:
        """Read the texts that people sent to one of our numbers; raises :class:`base.CouldNotLook`.

        A messaging service has numbers that we do not know, so for it the whole account's list is read.
        """
        ours = stream.removeprefix("inbound ")
        by_service = _is_service(ours)
        to = values.unset if by_service else ours

        async def first() -> MessagePage:
            return await self._api.client.messages.page_async(to=to, page_size=twilio_polling.PAGE_SIZE)

        def read(record: MessageInstance) -> base.Event | None:
            is_ours = record.messaging_service_sid == ours if by_service else record.to == ours
            return _listed_reply(record, now) if record.direction == "inbound" and is_ours else None

        return twilio_polling.look(first, read, since, now=now)

    def follow(self, pending: Sequence[base.Pending], *, now: datetime) -> AsyncGenerator[Sequence[base.Receipt], None]:
        """What became of our texts; raises :class:`base.CouldNotLook`."""
        return twilio_polling.follow(
            lambda: self._api.client.messages, lambda record: _listed_receipt(record, now), pending
        )


def _can_be_answered(sender: str) -> bool:
    return sender.startswith("+") or sender.isdecimal() or _is_service(sender)


def _is_service(sender: str) -> bool:
    return _SERVICE.fullmatch(sender) is not None


def _status_url(message: base.Outgoing) -> str | object:
    return twilio_account.hook_url(message, f"{_HOOKS}/status") if message.callback_url else values.unset


def _validity(seconds: int | None) -> int | object:
    return values.unset if seconds is None else min(max(seconds, _VALIDITY[0]), _VALIDITY[1])


def _is_same(record: MessageInstance, message: base.Outgoing) -> bool:
    if _is_service(message.sender):
        same_sender = record.messaging_service_sid in (None, message.sender)
    else:
        same_sender = record.from_ == message.sender
    body = (record.body or "").removeprefix(_TRIAL_PREFIX)
    return same_sender and record.to == message.to and _plain(body) == _plain(message.body)


def _plain(body: str) -> str:
    return body.replace("\r\n", "\n").strip()


def _receipt(request: base.HookRequest) -> base.Receipt:
    sid = request.one("MessageSid") or request.one("SmsSid")
    status = request.one("MessageStatus") or request.one("SmsStatus")
    code = request.one("ErrorCode")
    state, reason = _meaning(status, code)
    return base.Receipt(
        message_id=request.query.get("m", ""),
        ref=sid,
        state=state,
        event_id=f"{sid}:{status}",
        at=_done_at(request.one("RawDlrDoneDate"), request.at),
        reason=reason,
        code=code,
        attempt=twilio_account.attempt_of(request),
        lane_wide=twilio_codes.meaning(code).lane_wide,
        raw=twilio_account.first_values(request),
    )


def _listed_receipt(record: MessageInstance, now: datetime) -> base.Receipt:
    """The same word as the status callback's, with the same event id, from Twilio's list."""
    status, code = str(record.status or ""), str(record.error_code or "")
    state, reason = _meaning(status, code)
    return base.Receipt(
        message_id="",
        ref=record.sid or "",
        state=state,
        event_id=f"{record.sid}:{status}",
        at=min(record.date_updated or record.date_created or now, now),
        reason=reason,
        code=code,
        lane_wide=twilio_codes.meaning(code).lane_wide,
        raw={"sid": record.sid or "", "status": status, "error_code": code},
    )


def _meaning(status: str, code: str) -> tuple[base.ReceiptState, base.Reason | None]:
    state = twilio_codes.MESSAGE_STATES.get(status)
    if state is None or code or state is base.ReceiptState.FAILED:
        return state or base.ReceiptState.ACCEPTED, twilio_codes.meaning(code).reason
    return state, None


def _done_at(stamp: str, received: datetime) -> datetime:
    """Give the time that the network put on its receipt, as UTC, or the time of arrival.

    The stamp is ``YYMMDDhhmm`` in a time zone that Twilio does not know either (changelog of 14 February 2023), so one
    that lies ahead of us is not believed.
    """
    try:
        done = datetime.strptime(stamp, "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        return received
    return min(done, received)


def _reply(request: base.HookRequest) -> base.Reply:
    return base.Reply(
        medium=base.Medium.SMS,
        sender=request.one("From"),
        to=request.one("To"),
        body=request.one("Body"),
        event_id=request.one("MessageSid") or request.one("SmsSid"),
        at=request.at,
        media=_count(request.one("NumMedia")),
        raw=twilio_account.first_values(request),
    )


def _listed_reply(record: MessageInstance, now: datetime) -> base.Reply:
    """The same answer as the inbound webhook's, with the same event id, from Twilio's list."""
    sender, to, media = record.from_ or "", record.to or "", str(record.num_media or "")
    return base.Reply(
        medium=base.Medium.SMS,
        sender=sender,
        to=to,
        body=(record.body or "").replace("\0", ""),  # no text column holds it
        event_id=record.sid or "",
        at=min(record.date_sent or record.date_created or now, now),
        media=_count(media),
        raw={"sid": record.sid or "", "from": sender, "to": to, "num_media": media, "status": str(record.status or "")},
    )


def _count(media: str) -> int:
    return int(media) if media.isdecimal() and len(media) < 4 else 0
