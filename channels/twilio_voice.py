"""Calls by Twilio: a voice, keys as answers, and nothing private before a key is pressed.

The way of a call: the opening is spoken inside ``<Gather>``; a key brings the webhook ``keys?step=open``, whose answer
is the message and its menu; the next key brings ``keys?step=answer``. The menu's keys travel in the signed address as
``k``, because ``parse`` has no message at hand.

Key 0 is for another language where the call has one (``z=language`` in the address of the opening, ``v=other`` in
those that follow), else for a person: the office is rung, and where nobody is there or answers (``step=dialled``,
``step=person``) the message goes on, and the gateway hears a reply with the key 0.

Twilio sends ``completed`` for every call that was answered, by a person or a machine, and after the keys. It comes out
as ``FAILED`` with code ``completed`` and reason ``voicemail`` or ``no_answer``; **the gateway must ignore that receipt
for a message that a key press has already delivered**. This module remembers nothing, so it cannot do so itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime, timedelta

from twilio.base import values
from twilio.rest.api.v2010.account.call import CallInstance

from channels import (
    base,
    twilio_account,
    twilio_codes,
    twilio_polling,
    twilio_script,
    twilio_turns,
    twilio_voices,
)

_HOOKS = twilio_turns.HOOKS
#: The code of the receipt that a key press overrules.
COMPLETED = twilio_turns.COMPLETED


class TwilioVoice:
    """The channel for calls. Implements :class:`base.Channel`, :class:`base.Callbacks` and :class:`base.Polled`.

    ``detect_machines``  let Twilio listen whether a machine answered (it costs per call); the call is not held up by it
    ``ring_seconds``     how long to let it ring
    ``voices``           who speaks which language
    """

    name = "twilio-voice"
    medium = base.Medium.VOICE

    def __init__(
        self,
        account: twilio_account.TwilioAccount,
        *,
        detect_machines: bool = False,
        ring_seconds: int = 30,
        voices: twilio_voices.Voices | None = None,
    ) -> None:
        self._voices = voices or twilio_voices.Voices()
        self._api = twilio_account.TwilioApi(account)
        self._detect_machines = detect_machines
        self._ring_seconds = ring_seconds
        self._signatures = twilio_account.signatures(account)

    async def open(self) -> None:
        """Make the session ready; raises :class:`base.Misconfigured`."""
        await self._api.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    def speaks(self, locale: str) -> bool:
        """Whether Twilio has a voice for this language."""
        return self._voices.find(locale) is not None

    @property
    def ahead(self) -> timedelta | None:
        """By how much Twilio's clock is ahead of ours, as of its last answer."""
        return self._api.ahead

    async def check(self) -> str:
        """Ask Twilio for the account; raises :class:`base.Misconfigured`."""
        return await self._api.check()

    async def send(self, message: base.Outgoing) -> base.SendResult:
        """Ask Twilio for one call, once.

        Without a ``callback_url`` no key can reach us, so only the fallback is spoken: nothing private, and no answer.
        """
        if not twilio_turns.can_be_said(message, self._voices):
            sentence = f"No machine voice speaks the language {message.locale!r}: send it by text, or ring yourself."
            return base.SendResult(base.Outcome.REFUSED, reason=base.Reason.CONFIG, text=sentence)
        if message.script is None or not message.script.fallback:
            sentence = "The call has no words for a machine or a silent line; without them nothing is said."
            return base.SendResult(base.Outcome.REFUSED, reason=base.Reason.CONTENT, text=sentence)
        speech = twilio_script.Speech(twilio_turns.version(message), self._voices)
        called_back = bool(message.callback_url)
        twiml = speech.opening(twilio_turns.opening_url(message)) if called_back else speech.only_fallback()
        status_url = twilio_account.hook_url(message, f"{_HOOKS}/status") if called_back else values.unset
        detect = self._detect_machines and called_back

        async def create() -> CallInstance:
            return await self._api.client.calls.create_async(
                to=message.to,
                from_=message.sender,
                twiml=twiml,
                timeout=self._ring_seconds,
                status_callback=status_url,  # "completed" is its default event, and all that is needed
                machine_detection="Enable" if detect else values.unset,
                async_amd="true" if detect else values.unset,
                async_amd_status_callback=(
                    twilio_account.hook_url(message, f"{_HOOKS}/machine") if detect else values.unset
                ),
            )

        return await twilio_account.place(create)

    async def find(self, message: base.Outgoing, since: datetime) -> base.FindResult:
        """Look for calls from this sender to this number since then.

        A call in Twilio's list has no words, so two calls to one person within the time look alike: the caller must
        leave out what another row owns.
        """

        async def records() -> AsyncIterator[CallInstance]:
            found: AsyncIterator[CallInstance] = await self._api.client.calls.stream_async(
                to=message.to, from_=message.sender, **twilio_account.list_limits()
            )
            return found

        def fits(record: CallInstance) -> bool:
            return bool(record.to == message.to and record._from == message.sender)

        return await twilio_account.find(self._api, records, fits, since)

    def verify(self, request: base.HookRequest) -> None:
        """Raise :class:`base.BadSignature` unless Twilio signed this request."""
        self._signatures.verify(request)

    def parse(self, request: base.HookRequest) -> Sequence[base.Event]:
        """Translate a key press, a call status or a word about a machine; another path gives nothing."""
        if request.path.endswith(f"{_HOOKS}/keys"):
            return _key_events(request)
        if request.path.endswith(f"{_HOOKS}/status"):
            return [_status(request)]
        if request.path.endswith(f"{_HOOKS}/machine"):
            return [_machine(request)]
        return []

    def answer(
        self,
        request: base.HookRequest,
        events: Sequence[base.Event],
        message: base.Outgoing | None,
    ) -> base.HookResponse:
        """What the call says next. A call about a message that we do not know any more just ends."""
        if not request.path.endswith(f"{_HOOKS}/keys"):
            return base.HookResponse()
        if message is None or message.script is None or not twilio_turns.can_be_said(message, self._voices):
            return base.HookResponse(body="<?xml version='1.0' encoding='UTF-8'?><Response><Hangup/></Response>")
        return base.HookResponse(body=twilio_turns.Turn(request, message, message.script, self._voices).words(events))

    def streams(self) -> Sequence[str]:
        """None: a list of calls has no key presses in it, so nobody's answer is ever found there."""
        return ()

    def look(self, stream: str, since: datetime, *, now: datetime) -> AsyncGenerator[base.Look, None]:
        """Not asked for, as there are no streams."""
        raise ValueError(f"There is no stream {stream!r} of calls.")

    def follow(self, pending: Sequence[base.Pending], *, now: datetime) -> AsyncGenerator[Sequence[base.Receipt], None]:
        """What became of our calls; raises :class:`base.CouldNotLook`."""
        return twilio_polling.follow(
            lambda: self._api.client.calls, lambda record: _listed_status(record, now), pending
        )


def _key_events(request: base.HookRequest) -> Sequence[base.Event]:
    pressed, step = request.one("Digits"), request.query.get("step")
    if step == "person" or (step == "dialled" and request.one("DialCallStatus") != COMPLETED):
        return [_key(request, "0", "person")]
    if not pressed:
        return []
    chosen = pressed == "0" and request.query.get("z") == "language"
    if step == "open":
        heard = base.Receipt(
            message_id=request.query.get("m", ""),
            ref=request.one("CallSid"),
            state=base.ReceiptState.DELIVERED,
            event_id=f"{request.one('CallSid')}:pressed",
            at=request.at,
            attempt=twilio_account.attempt_of(request),
            raw=twilio_account.first_values(request),
        )
        return [heard, _key(request, pressed, "language")] if chosen else [heard]
    if step == "answer" and chosen:
        return [_key(request, pressed, "language")]
    if step != "answer" or pressed not in request.query.get("k", "").split(","):
        return []
    return [_key(request, pressed, "keys")]


def _key(request: base.HookRequest, key: str, what: str) -> base.Reply:
    """A key that somebody pressed; a call brings one of each kind at most, however often we are told."""
    outbound = not request.one("Direction").startswith("inbound")
    return base.Reply(
        medium=base.Medium.VOICE,
        sender=request.one("To" if outbound else "From"),
        to=request.one("From" if outbound else "To"),
        body="",
        event_id=f"{request.one('CallSid')}:{what}",
        at=request.at,
        keys=key,
        in_reply_to=request.query.get("m", ""),
        raw=twilio_account.first_values(request),
    )


def _status(request: base.HookRequest) -> base.Receipt:
    call, status, code = request.one("CallSid"), request.one("CallStatus"), request.one("ErrorCode")
    state, reason = _meaning(status, code, heard=request.one("AnsweredBy"))
    return base.Receipt(
        message_id=request.query.get("m", ""),
        ref=call,
        state=state,
        event_id=f"{call}:{status}",
        at=request.at,
        reason=reason,
        code=code,
        attempt=twilio_account.attempt_of(request),
        hung_up=status == COMPLETED,
        lane_wide=twilio_codes.meaning(code).lane_wide,
        raw=twilio_account.first_values(request),
    )


def _listed_status(record: CallInstance, now: datetime) -> base.Receipt:
    """The same word as the status callback's, with the same event id, from Twilio's list.

    A call that could not be called back about has spoken the school's name and number, and nobody could press a key:
    its ``completed`` is no proof that anybody listened, so it is the same failure as a call without a key.
    """
    status, heard = str(record.status or ""), str(record.answered_by or "")
    state, reason = _meaning(status, "", heard=heard)
    return base.Receipt(
        message_id="",
        ref=record.sid or "",
        state=state,
        event_id=f"{record.sid}:{status}",
        at=min(record.end_time or record.date_updated or record.date_created or now, now),
        reason=reason,
        hung_up=status == COMPLETED,
        raw={"sid": record.sid or "", "status": status, "answered_by": heard},
    )


def _meaning(status: str, code: str, *, heard: str) -> tuple[base.ReceiptState, base.Reason | None]:
    state, reason = twilio_codes.CALL_STATES.get(status, (base.ReceiptState.ACCEPTED, base.Reason.OTHER))
    if status == COMPLETED:
        return state, base.Reason.VOICEMAIL if _is_machine(heard) else reason
    if status == "failed" and code:
        return state, twilio_codes.meaning(code).reason
    return state, reason


def _machine(request: base.HookRequest) -> base.Receipt:
    call = request.one("CallSid")
    return base.Receipt(
        message_id=request.query.get("m", ""),
        ref=call,
        state=base.ReceiptState.ACCEPTED,
        event_id=f"{call}:machine:{request.one('AnsweredBy')}",
        at=request.at,
        reason=base.Reason.VOICEMAIL if _is_machine(request.one("AnsweredBy")) else None,
        raw=twilio_account.first_values(request),
    )


def _is_machine(heard: str) -> bool:
    return heard.startswith(("machine", "fax"))
