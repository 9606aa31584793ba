"""What happens between hello and good-bye: the TwiML is played, the keys are pressed, the next TwiML is fetched."""

from __future__ import annotations

import asyncio
import urllib.parse
from dataclasses import dataclass

from channels.simulator import twiml
from channels.simulator.callbacks import Hooks, Patience
from channels.simulator.magic import CallFate
from channels.simulator.recordings import Studio
from channels.simulator.records import Call, Heard
from channels.simulator.twiml import Verb
from channels.simulator.world import World

QUICK = 0.02  #: seconds that stand for any silence when nobody is at the practice page
MOST_DOCUMENTS = 50  #: a call that fetches more goes in circles
LETTERS_PER_SECOND = 15.0  #: pace of a reading voice, for the pretend length of the call
#: What becomes of somebody who is dialled from a call; whoever would have to lift on the practice page does not.
DIALLED = {
    CallFate.ANSWER: "completed",
    CallFate.VOICEMAIL: "completed",
    CallFate.BUSY: "busy",
    CallFate.FAILED: "failed",
}
SORRY = "We are sorry, an application error has occurred. Goodbye."


@dataclass(frozen=True, slots=True)
class Person:
    """Who is on the phone: the keys for one question after the other (``hang up`` is one too), the seconds that are
    spoken after a beep, and the seconds of a hand on the practice page.
    """

    keys: tuple[str, ...] = ()
    says: float = 0.0
    hangs_up: bool = False
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """TwiML at work, and the address that it came from."""

    verbs: tuple[Verb, ...]
    url: str = ""


class HungUp(Exception):
    """The call is over."""


class Talk:
    """One answered call."""

    def __init__(
        self, call: Call, *, person: Person, hooks: Hooks, form: dict[str, str], world: World, studio: Studio
    ) -> None:
        self._call = call
        self._world = world
        self._studio = studio
        self._person = person
        self._hooks = hooks
        self._form = form
        self._keys = iter(person.keys)
        self._fetched = 0

    async def hold(self) -> str:
        """Play until the end. Gives a sentence about what the gateway did wrong, or ``""``."""
        call = self._call
        try:
            document: Document | None = await self._begin()
            while document is not None:
                document = await self._play(document)
        except HungUp:
            return ""
        except twiml.BadTwiml as problem:
            call.heard.append(Heard("error", SORRY))
            return f"A call broke off: {problem}."
        return ""

    async def _begin(self) -> Document:
        call = self._call
        if inline := call.one("Twiml"):
            return Document(twiml.parse(inline))
        return await self._fetch(call.one("Url"), call.one("Method") or "POST")

    async def _play(self, document: Document) -> Document | None:
        for verb in document.verbs:
            self._look()
            if self._call.detour:
                break
            match verb.name:
                case "Hangup" | "Reject":
                    return None
                case "Redirect":
                    url = urllib.parse.urljoin(document.url, verb.text)
                    return await self._fetch(url, verb.get("method", "POST"))
                case "Gather":
                    digits = await self._gather(verb)
                    if digits is None:
                        break
                    if digits or verb.get("actionOnEmptyResult") == "true":
                        return await self._act(verb, document, Digits=digits)
                case "Record":
                    if (seconds := await self._speak(verb)) > 0:
                        return await self._recorded(verb, document, seconds)
                case "Dial":
                    status = DIALLED.get(self._world.call_fate(self._world.phone(verb.text)), "no-answer")
                    self._call.heard.append(Heard("dial", f"{verb.text}: {status}"))
                    return await self._act(verb, document, DialCallStatus=status)
                case _:
                    self._hear(verb)
        if self._call.detour:
            return await self._turn()
        return None

    async def _act(self, verb: Verb, document: Document, **extra: str) -> Document:
        url = urllib.parse.urljoin(document.url, verb.get("action"))
        if not url:
            raise twiml.BadTwiml(f"{verb.name} in inline TwiML has no action to go on with")
        return await self._fetch(url, verb.get("method", "POST"), **extra)

    async def _speak(self, verb: Verb) -> float:
        """Give how many seconds somebody speaks after the beep; 0 for silence."""
        self._call.heard.append(Heard("beep", ""))
        if self._person.patience is None:
            return self._person.says
        begun = self._world.now()
        most = min(verb.number("maxLength", 3600), self._person.patience)
        try:
            async with asyncio.timeout(most):
                ended = await self._call.events.get()
        except TimeoutError:
            return most
        if ended == "hang up":
            self._call.events.put_nowait(ended)
        return max(1.0, (self._world.now() - begun).total_seconds())

    async def _recorded(self, verb: Verb, document: Document, seconds: float) -> Document:
        facts = self._studio.record(self._call, verb, seconds, base=document.url)
        self._call.seconds += seconds
        gone = next(self._keys, "") == "hang up" if self._person.patience is None else not self._call.events.empty()
        if gone:  # the action is told of that too, and nobody hears its answer
            await self._act(verb, document, **facts, Digits="hangup", CallStatus="completed")
            raise HungUp
        return await self._act(verb, document, **facts)

    async def _turn(self) -> Document:
        url, method, inline = self._call.detour or ("", "", "")
        self._call.detour = None
        return Document(twiml.parse(inline)) if inline else await self._fetch(url, method)

    async def _fetch(self, url: str, method: str, **extra: str) -> Document:
        self._fetched += 1
        if self._fetched > MOST_DOCUMENTS:
            raise twiml.BadTwiml("The call goes round in circles")
        answer = await self._hooks.call(url, self._form | extra, method=method, patience=Patience.TWILIO)
        if not answer.fine and (fallback := self._call.one("FallbackUrl")) and fallback != url:
            more = {"ErrorCode": "11200", "ErrorUrl": url}
            method = self._call.one("FallbackMethod") or "POST"
            answer = await self._hooks.call(fallback, self._form | more, method=method, patience=Patience.TWILIO)
        if not answer.fine:
            raise twiml.BadTwiml(f"11200, the TwiML could not be fetched (status {answer.status})")
        return Document(twiml.parse(answer.body), answer.url)

    def _hear(self, verb: Verb) -> None:
        call = self._call
        if verb.name == "Pause":
            call.seconds += verb.number("length", 1)
            return
        if self._person.hangs_up:
            raise HungUp
        call.seconds += len(verb.text) / LETTERS_PER_SECOND if verb.name == "Say" else 5.0
        call.heard.append(Heard(verb.name.lower(), verb.text, verb.get("language"), verb.get("voice")))

    async def _gather(self, verb: Verb) -> str | None:
        """Ask, and wait for keys. Gives them without the finishing key, or None if the gateway changed the words."""
        for part in verb.inside:
            self._hear(part)
        want, last = int(verb.number("numDigits", 0)), verb.get("finishOnKey", "#")
        scripted = self._scripted()
        if scripted == "hang up":
            raise HungUp
        pressed = scripted or await self._listen(want, last, silence=verb.number("timeout", 5))
        if pressed is None:
            return None
        digits = pressed.split(last)[0] if last else pressed
        digits = digits[:want] if want else digits
        if digits:
            self._call.pressed.append(digits)
        return digits

    def _scripted(self) -> str:
        """What the script presses at this question, unless somebody's own keys are waiting."""
        return next(self._keys, "") if self._call.events.empty() else ""

    async def _listen(self, want: int, last: str, *, silence: float) -> str | None:
        """Take keys until there are enough, the finishing key comes, or all is silent."""
        hands_on = self._person.patience
        pressed, wait = "", QUICK if hands_on is None else max(silence, hands_on)
        while not (want and len(pressed) >= want) and not (last and last in pressed):
            try:
                key = await asyncio.wait_for(self._call.events.get(), wait)
            except TimeoutError:
                self._call.seconds += silence
                break
            if key == "hang up":
                raise HungUp
            if key == "detour":
                return None
            if len(key) == 1:
                pressed += key
                wait = min(wait, silence)
        return pressed

    def _look(self) -> None:
        """Between two verbs: has somebody hung up meanwhile? Keys pressed early stay for the next question."""
        events = self._call.events
        kept = []
        while not events.empty():
            event = events.get_nowait()
            if event == "hang up":
                raise HungUp
            if len(event) == 1:
                kept.append(event)
        for key in kept:
            events.put_nowait(key)
