"""What a call says, as TwiML. Until a key is pressed nothing private is heard: a machine hears the school's name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twilio.twiml.voice_response import Gather, VoiceResponse

from channels import base, twilio_voices

#: How often a question is put before the call ends, and how many seconds a key is waited for after each.
_ROUNDS, _KEY_SECONDS = 2, 8
#: XML 1.0 has no place for these, and Twilio hangs up on a document that it cannot read (error 12100).
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Speech:
    """Builds the answers for one call in one language."""

    def __init__(self, version: base.CallVersion, voices: twilio_voices.Voices) -> None:
        self._version = version
        self._script = version.script
        self._voices = voices

    def opening(self, action: str) -> str:
        """Who calls and which key to press, twice; then the fallback for a machine or a silent line."""
        response = VoiceResponse()
        for _ in range(_ROUNDS):
            gather = self._gather(action, "opening")
            if self._script.zero is not None:
                say(gather, [self._script.zero], self._voices)
            response.append(gather)
        return self._farewell(response, "fallback")

    def only_fallback(self) -> str:
        """For a gateway that Twilio cannot call back: no key can reach us, so the school's name and number, twice."""
        return self._farewell(VoiceResponse(), "fallback", "fallback")

    def message(self, action: str, keys: tuple[str, ...], *, before: str = "") -> str:
        """The private part, after a key: twice with the menu, or twice and goodbye when no answer is expected.

        ``before``  words that come first
        """
        response = VoiceResponse()
        say(response, [base.Saying(self._version.locale, before)], self._voices)
        if not keys:
            return self._farewell(response, "body", "body")
        for _ in range(_ROUNDS):
            response.append(self._gather(action, "body", "menu", digits=_digits(keys)))
        return self._farewell(response, "fallback")

    def again(self, action: str, keys: tuple[str, ...]) -> str:
        """A key that is not on the menu was pressed: say so, and the menu once more."""
        response = VoiceResponse()
        response.append(self._gather(action, "again", "menu", digits=_digits(keys)))
        return self._farewell(response, "fallback")

    def thanks(self) -> str:
        """The answer is in."""
        return self._farewell(VoiceResponse(), "thanks")

    def goodbye(self) -> str:
        """Nothing more can be done by keys: the number to ring."""
        return self._farewell(VoiceResponse(), "fallback")

    def put_through(self, office: base.Office, action: str, *, caller_id: str) -> str:
        """Ring the office; ``action`` is told what came of it."""
        response = VoiceResponse()
        say(response, [base.Saying(self._version.locale, office.through)], self._voices)
        response.dial(office.number, action=action, method="POST", timeout=office.ring_seconds, caller_id=caller_id)
        return str(response)

    def _gather(self, action: str, *parts: str, digits: int = 1) -> Gather:
        # finish_on_key is empty so that the hash key counts as a key like any other.
        gather = Gather(
            input="dtmf", num_digits=digits, timeout=_KEY_SECONDS, finish_on_key="", action=action, method="POST"
        )
        self._say(gather, *parts)
        return gather

    def _farewell(self, response: VoiceResponse, *parts: str) -> str:
        self._say(response, *parts)
        response.hangup()
        return str(response)

    def _say(self, parent: VoiceResponse | Gather, *parts: str) -> None:
        for part in parts:
            text = self._version.body if part == "body" else getattr(self._script, part)
            say(parent, self._script.sounds.get(part) or [base.Saying(self._version.locale, text)], self._voices)


def say(parent: VoiceResponse | Gather, words: Sequence[base.Saying], voices: twilio_voices.Voices) -> None:
    """Play what is recorded and speak the rest, each in the voice of its language; without a voice it is left out."""
    for one in words:
        if one.url:
            parent.play(one.url)
            continue
        voice = voices.find(one.locale)
        if voice is not None and one.text:
            parent.say(_NOT_XML.sub("", one.text), voice=voice.name, language=voice.language or None)


def redirect(action: str) -> str:
    """Go on at another address."""
    response = VoiceResponse()
    response.redirect(action, method="POST")
    return str(response)


def _digits(keys: tuple[str, ...]) -> int:
    return max(len(key) for key in keys)
