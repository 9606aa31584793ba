"""What a call says, as TwiML. Until a key is pressed nothing private is heard: a machine hears the school's name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twilio.twiml.voice_response import Gather, VoiceResponse

from channels import base, calls_in, twilio_voices

#: How often a question is put before the call ends, and how many seconds a key is waited for after each.
_ROUNDS, _KEY_SECONDS = 2, 8
#: XML 1.0 has no place for these, and Twilio hangs up on a document that it cannot read (error 12100).
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Speech:
    """Builds the answers for one call in one voice. ``script`` and ``body`` come from the message."""

    def __init__(self, message: base.Outgoing, voice: twilio_voices.Voice) -> None:
        self._script = message.script or base.CallScript("", "")
        self._body = message.body
        self._voice = voice

    def opening(self, action: str) -> str:
        """Who calls and which key to press, twice; then the fallback for a machine or a silent line."""
        response = VoiceResponse()
        for _ in range(_ROUNDS):
            response.append(self._gather(action, self._script.opening))
        return self._farewell(response, self._script.fallback)

    def only_fallback(self) -> str:
        """For a gateway that Twilio cannot call back: no key can reach us, so the school's name and number, twice."""
        return self._farewell(VoiceResponse(), self._script.fallback, self._script.fallback)

    def message(self, action: str, keys: tuple[str, ...]) -> str:
        """The private part, after a key: twice with the menu, or twice and goodbye when no answer is expected."""
        if not keys:
            return self._farewell(VoiceResponse(), self._body, self._body)
        response = VoiceResponse()
        for _ in range(_ROUNDS):
            response.append(self._gather(action, self._body, self._script.menu, digits=_digits(keys)))
        return self._farewell(response, self._script.fallback)

    def again(self, action: str, keys: tuple[str, ...]) -> str:
        """A key that is not on the menu was pressed: say so, and the menu once more."""
        response = VoiceResponse()
        response.append(self._gather(action, self._script.again, self._script.menu, digits=_digits(keys)))
        return self._farewell(response, self._script.fallback)

    def thanks(self) -> str:
        """The answer is in."""
        return self._farewell(VoiceResponse(), self._script.thanks)

    def goodbye(self) -> str:
        """Nothing more can be done by keys: the number to ring."""
        return self._farewell(VoiceResponse(), self._script.fallback)

    def _gather(self, action: str, *texts: str, digits: int = 1) -> Gather:
        # finish_on_key is empty so that the hash key counts as a key like any other.
        gather = Gather(
            input="dtmf", num_digits=digits, timeout=_KEY_SECONDS, finish_on_key="", action=action, method="POST"
        )
        self._say(gather, *texts)
        return gather

    def _farewell(self, response: VoiceResponse, *texts: str) -> str:
        self._say(response, *texts)
        response.hangup()
        return str(response)

    def _say(self, parent: VoiceResponse | Gather, *texts: str) -> None:
        for text in texts:
            if text:
                parent.say(_NOT_XML.sub("", text), voice=self._voice.name, language=self._voice.language or None)


def say(parent: VoiceResponse | Gather, words: Sequence[calls_in.Saying]) -> None:
    """Speak words, each in the voice of its language; a language without a voice is left out."""
    for one in words:
        voice = twilio_voices.voice_for(one.locale)
        if voice is not None and one.text:
            parent.say(_NOT_XML.sub("", one.text), voice=voice.name, language=voice.language or None)


def _digits(keys: tuple[str, ...]) -> int:
    return max(len(key) for key in keys)
