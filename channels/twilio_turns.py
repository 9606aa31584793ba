"""The turns of a call of ours: a key was pressed, or the office rung, and what is heard next."""

from __future__ import annotations

from collections.abc import Sequence

from channels import base, twilio_account, twilio_script, twilio_voices

HOOKS = "/hooks/twilio-voice"
COMPLETED = "completed"  #: Twilio's word for a call that was answered, and has ended
_OTHER = "other"


class Turn:
    """One webhook of a call, and what is heard next."""

    def __init__(
        self,
        request: base.HookRequest,
        message: base.Outgoing,
        script: base.CallScript,
        voices: twilio_voices.Voices,
    ) -> None:
        self._message, self._script, self._voices = message, script, voices
        self._step, self._pressed = request.query.get("step"), request.one("Digits")
        self._answered = request.one("DialCallStatus") == COMPLETED
        self._tried = request.query.get("round") == "2"
        self._spoken = request.query.get("v", "")
        self._keys = _menu_keys(message.keys)

    def words(self, events: Sequence[base.Event]) -> str:
        """The next TwiML."""
        speech = self._speech(self._spoken)
        match self._step:
            case "open" | "answer" if self._pressed == "0" and self._script.other is not None:
                self._spoken = "" if self._spoken else _OTHER
                return self._speech(self._spoken).message(self._answer_url(), self._keys)
            case "open" | "answer" if self._pressed == "0" and self._script.office is not None:
                return self._person(speech, self._script.office)
            case "dialled" if self._answered:
                return speech.goodbye()
            case "dialled" | "person":
                nobody = self._script.office.nobody if self._script.office else ""
                return speech.message(self._answer_url(), self._keys, before=nobody)
            case "open" if self._pressed:
                return speech.message(self._answer_url(), self._keys)
            case "answer" if any(isinstance(event, base.Reply) for event in events):
                return speech.thanks()
            case "answer" if self._pressed and not self._tried:
                return speech.again(self._answer_url(("round", "2")), self._keys)
            case _:
                return speech.goodbye()

    def _person(self, speech: twilio_script.Speech, office: base.Office) -> str:
        if not office.number:
            return twilio_script.redirect(_keys_url(self._message, "person"))
        return speech.put_through(office, _keys_url(self._message, "dialled"), caller_id=self._message.sender)

    def _speech(self, spoken: str) -> twilio_script.Speech:
        return twilio_script.Speech(version(self._message, spoken), self._voices)

    def _answer_url(self, *more: tuple[str, str]) -> str:
        # Back again says nothing of what the family wants: only the call's own language is left for good.
        spoken = [("v", self._spoken)] if self._spoken else _zero(self._message)
        return _keys_url(self._message, "answer", ("k", ",".join(self._keys)), *spoken, *more)


def version(message: base.Outgoing, spoken: str = "") -> base.CallVersion:
    """The call in its own language, or in the other one."""
    script = message.script or base.CallScript("", "")
    if spoken == _OTHER and script.other is not None:
        return script.other
    return base.CallVersion(message.locale, message.body, script)


def can_be_said(message: base.Outgoing, voices: twilio_voices.Voices) -> bool:
    """Whether a voice speaks the language, or every part that is heard has a recording."""
    sounds = message.script.sounds if message.script else {}
    return voices.find(message.locale) is not None or {"opening", "body", "fallback"} <= sounds.keys()


def opening_url(message: base.Outgoing) -> str:
    """Where the first key leads."""
    return _keys_url(message, "open", *_zero(message))


def _zero(message: base.Outgoing) -> list[tuple[str, str]]:
    """Say in an address that key 0 leads to the call's other language, where it has one."""
    return [("z", "language")] if message.script and message.script.other else []


def _keys_url(message: base.Outgoing, step: str, *more: tuple[str, str]) -> str:
    return twilio_account.hook_url(message, f"{HOOKS}/keys", [("step", step), *more])


def _menu_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Give those answers that a telephone has keys for; words are for texts."""
    return tuple(key for key in keys if key and set(key) <= set("0123456789*#"))
