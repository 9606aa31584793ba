"""Calls that families make to the school's number, by Twilio: what is said and which key was pressed, as TwiML.

Set the number's "a call comes in" address to ``…/hooks/twilio-line/call``. Every answer of ours carries the state of a
call in the address that Twilio calls next, ``?s=…``: Twilio signs the whole address, so nobody else can have made it,
and a webhook that comes twice gets the same answer twice.

Twilio tells of a recording by ``…/hooks/twilio-line/recording``, also when the caller hung up in the middle of it; it
tries again on failures of ours only because the address asks for it (connection overrides, after the ``#``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from urllib.parse import quote, urlsplit

from twilio.twiml.voice_response import Gather, VoiceResponse

from channels import base, calls_in, twilio_account, twilio_recordings, twilio_script, twilio_voices

_HOOKS = "/hooks/twilio-line"
#: Five more tries, also after an answer of 5xx (Twilio, "Webhooks connection overrides").
_AGAIN = "#rc=5&rp=5xx,ct,rt"
#: What Twilio gives for a number that is withheld: words, and +ANONYMOUS and the like spelt in keys.
_WITHHELD = frozenset({"+266696687", "+7378742833", "+2562533", "+8566", "+86282452253", "+464"})
_KEY_SECONDS, _SILENCE_SECONDS = 8, 5


class TwilioLine:
    """The school's number. Implements :class:`calls_in.PhoneLine`."""

    name = "twilio-line"

    def __init__(self, account: twilio_account.TwilioAccount, *, voices: twilio_voices.Voices | None = None) -> None:
        self._voices = voices or twilio_voices.Voices()
        self._api = twilio_account.TwilioApi(account)
        self._signatures = twilio_account.signatures(account)

    async def open(self) -> None:
        """Make the session ready; raises :class:`base.Misconfigured`."""
        await self._api.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    def verify(self, request: base.HookRequest) -> None:
        """Raise :class:`base.BadSignature` unless Twilio signed this request."""
        self._signatures.verify(request)

    def speaks(self, locale: str) -> bool:
        """Whether Twilio has a voice for this language."""
        return self._voices.find(locale) is not None

    def parse(self, request: base.HookRequest) -> calls_in.CallTurn | calls_in.Recording | None:
        """Translate a ringing call, a key, a dialled call's end, or a finished recording."""
        call = request.one("CallSid")
        if not twilio_account.is_id(call):
            return None
        if request.path.endswith(f"{_HOOKS}/recording"):
            return _recording(request, call)
        if not request.path.endswith(f"{_HOOKS}/call"):
            return None
        return calls_in.CallTurn(
            ref=call,
            caller=_caller(request.one("From")),
            called=request.one("To"),
            at=request.at,
            state=request.query.get("s", ""),
            # After a recording, Digits is what ended it; "hangup" is Twilio's word for no key at all.
            key=request.one("Digits") if len(request.one("Digits")) == 1 else "",
            answered=request.one("DialCallStatus") == "completed",
            recording=ref if twilio_account.is_id(ref := request.one("RecordingSid")) else "",
            over=request.one("CallStatus") in ("completed", "canceled"),
        )

    def answer(self, request: base.HookRequest, step: calls_in.CallStep) -> base.HookResponse:
        """Say a step as TwiML. A language without a voice is left out: nobody would understand what was read."""
        response = VoiceResponse()
        then = step.then
        if isinstance(then, calls_in.Ask):
            gather = Gather(
                input="dtmf",
                num_digits=1,
                timeout=_KEY_SECONDS,
                finish_on_key="",  # so that the hash key counts as a key like any other
                action=_address(request, then.state),
                method="POST",
                action_on_empty_result=True,
            )
            twilio_script.say(gather, step.says, self._voices)
            response.append(gather)
            return base.HookResponse(body=str(response))
        twilio_script.say(response, step.says, self._voices)
        match then:
            case calls_in.Record():
                response.record(
                    action=_address(request, then.state),
                    method="POST",
                    max_length=then.most_seconds,
                    timeout=_SILENCE_SECONDS,
                    play_beep=True,
                    recording_status_callback=f"{_root(request)}{_HOOKS}/recording{_AGAIN}",
                    recording_status_callback_event="completed",
                )
                # Reached only where nothing was heard: then Twilio records nothing and asks for no more.
                twilio_script.say(response, [then.empty], self._voices)
                response.hangup()
            case calls_in.Dial():
                response.dial(
                    then.number, action=_address(request, then.state), method="POST", timeout=then.ring_seconds
                )
            case calls_in.HangUp():
                response.hangup()
        return base.HookResponse(body=str(response))

    def recordings(self, since: datetime) -> AsyncGenerator[calls_in.Recording, None]:
        """What Twilio has kept of recordings made since then."""
        return twilio_recordings.listed(self._api, since)

    async def fetch(self, ref: str, *, most_bytes: int) -> calls_in.Audio:
        """One recording as a WAV file."""
        return await twilio_recordings.fetch(self._api, ref, most_bytes=most_bytes)

    async def delete(self, ref: str) -> None:
        """Delete one recording; one that is gone is as good."""
        await twilio_recordings.delete(self._api, ref)


def _recording(request: base.HookRequest, call: str) -> calls_in.Recording | None:
    ref, seconds = request.one("RecordingSid"), request.one("RecordingDuration")
    if not twilio_account.is_id(ref) or request.one("RecordingStatus") not in ("", "completed"):
        return None
    if not seconds.isdecimal() or len(seconds) > 5:
        return None  # nobody may take it for a click: the provider's list will tell how long it is
    return calls_in.Recording(ref, call, int(seconds), request.at)


def _caller(number: str) -> str:
    return number if number.startswith("+") and number not in _WITHHELD else ""


def _root(request: base.HookRequest) -> str:
    """Our public address, as Twilio called it."""
    parts = urlsplit(request.url)
    path = parts.path.partition(f"{_HOOKS}/")[0]
    return f"{parts.scheme}://{parts.netloc}{path}"


def _address(request: base.HookRequest, state: str) -> str:
    return f"{_root(request)}{_HOOKS}/call?s={quote(state, safe='')}"
