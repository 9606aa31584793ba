"""The life of a call: ringing, answering, what is said and pressed, and the callbacks about it."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Mapping, Sequence

from channels.simulator import conversation
from channels.simulator.callbacks import Hooks
from channels.simulator.magic import CallFate
from channels.simulator.recordings import Studio
from channels.simulator.records import Call
from channels.simulator.tasks import Tasks
from channels.simulator.world import World

# What a person, the gateway or the network does to a live call, as words in its queue of events (keys are themselves).
LIFT, DECLINE, HANG_UP, DETOUR = "lift", "decline", "hang up", "detour"

FATES = {CallFate.NO_ANSWER: "no-answer", CallFate.BUSY: "busy", CallFate.FAILED: "failed"}


class NoCall(ValueError):
    """No call is going on on this phone; ``str()`` says so."""


class Exchange:
    """Puts calls through and plays the people at the other end."""

    def __init__(self, *, account_sid: str, world: World, hooks: Hooks, tasks: Tasks) -> None:
        self._account = account_sid
        self._world = world
        self._hooks = hooks
        self._tasks = tasks
        self._studio = Studio(account_sid=account_sid, world=world, hooks=hooks, tasks=tasks)

    def ring(self, number: str, to: str, *, person: conversation.Person) -> Call:
        """Somebody rings a number of the gateway's. Raises :class:`NoCall` where nothing answers there."""
        url, now = self._world.settings.inbound_voice_url, self._world.now()
        if not url:
            raise NoCall("Nobody has said what answers the school's number.")
        if self._world.phone(number).call is not None:
            raise NoCall("A call is going on on this phone already.")
        call = Call(
            sid=self._world.new_sid("CA"),
            sender=number,
            to=to,
            form={"Url": [url]},
            created=now,
            updated=now,
            direction="inbound",
        )
        self._world.add_call(call)
        self._tasks.spawn(self._incoming(call, person))
        return call

    async def _incoming(self, call: Call, person: conversation.Person) -> None:
        self._move(call, "ringing", event="ringing")
        form = self._form(call, "ringing")
        call.started = self._world.now()
        self._move(call, "in-progress", event="answered")
        await self._hold(call, person, form)

    async def _hold(self, call: Call, person: conversation.Person, form: dict[str, str]) -> None:
        talk = conversation.Talk(
            call, person=person, hooks=self._hooks, form=form, world=self._world, studio=self._studio
        )
        trouble = await talk.hold()
        if trouble:
            self._world.complaints.append(trouble)
        call.ended = self._world.now()
        self._move(call, "completed", event="completed")

    def take(self, form: Mapping[str, Sequence[str]]) -> Call:
        """Enter a call that the provider accepted. :meth:`start` makes it ring."""
        now = self._world.now()
        call = Call(
            sid=self._world.new_sid("CA"),
            sender=form["From"][0],
            to=form["To"][0],
            form={name: list(values) for name, values in form.items()},
            created=now,
            updated=now,
        )
        self._world.add_call(call)
        return call

    def start(self, call: Call) -> None:
        """Make it ring."""
        self._tasks.spawn(self._live(call))

    def resume(self) -> None:
        """After a start from a journal: calls that were going on were cut off."""
        for call in [call for call in self._world.calls.values() if call.live]:
            self._move(call, "failed", event="completed")

    def do(self, number: str, event: str) -> Call:
        """A person lifts, declines, hangs up or presses keys (``event`` is then the keys). Raises :class:`NoCall`."""
        phone = self._world.phone(number)
        call = phone.call
        if call is None:
            raise NoCall("No call is going on on this phone.")
        for word in [event] if event in {LIFT, DECLINE, HANG_UP} else list(event):
            call.events.put_nowait(word)
        self._world.touch(phone)
        return call

    def end(self, call: Call, *, status: str) -> None:
        """The gateway ends the call: ``completed`` always, ``canceled`` only while it is not answered."""
        if call.live and (status == "completed" or call.status != "in-progress"):
            call.events.put_nowait(HANG_UP)

    def divert(self, call: Call, *, url: str, method: str, twiml: str) -> None:
        """The gateway gives a live call other words to go on with."""
        call.detour = (url, method, twiml)
        call.events.put_nowait(DETOUR)

    async def _live(self, call: Call) -> None:
        phone = self._world.phone(call.to)
        fate = self._world.call_fate(phone)
        self._move(call, "queued", event="initiated")
        self._move(call, "ringing", event="ringing")
        ending = FATES.get(fate, "")
        if fate is CallFate.RING:
            ending = await self._ring(call)
        if ending:
            self._move(call, ending, event="completed")
            return
        call.started = self._world.now()
        self._detect(call, machine=fate is CallFate.VOICEMAIL)
        self._move(call, "in-progress", event="answered")
        script = self._world.script_of(phone)
        person = conversation.Person(
            keys=() if fate is not CallFate.ANSWER else script.press,
            hangs_up=script.hangs_up and fate is CallFate.ANSWER,
            patience=self._world.settings.patience if fate is CallFate.RING else None,
        )
        await self._hold(call, person, self._form(call, "in-progress"))

    async def _ring(self, call: Call) -> str:
        """Wait for a hand on the practice page. Gives the status that the call ends with, ``""`` if it was answered."""
        try:
            async with asyncio.timeout(self._world.settings.patience):
                while True:
                    match await call.events.get():
                        case "lift":
                            return ""
                        case "decline":
                            return "busy"
                        case "hang up":
                            return "canceled"
        except TimeoutError:
            return "no-answer"

    def _detect(self, call: Call, *, machine: bool) -> None:
        """Answering machine detection (twilio.com/docs/voice/answering-machine-detection)."""
        wish = call.one("MachineDetection")
        if wish not in {"Enable", "DetectMessageEnd"}:
            return
        heard = "machine_end_beep" if wish == "DetectMessageEnd" else "machine_start"
        call.answered_by = heard if machine else "human"
        if call.one("AsyncAmd") == "true" and (url := call.one("AsyncAmdStatusCallback")):
            form = {
                "AccountSid": self._account,
                "AnsweredBy": call.answered_by,
                "CallSid": call.sid,
                "MachineDetectionDuration": "2100",
            }
            method = call.one("AsyncAmdStatusCallbackMethod") or "POST"
            self._post_in_order(call, url, form, method)

    def _move(self, call: Call, status: str, *, event: str) -> None:
        """Change the status and tell it, if that event was asked for. Only ``completed`` comes unasked."""
        call.status, call.updated = status, self._world.now()
        self._world.touch(self._world.phone(call.handset))
        self._world.note(call)
        url = call.one("StatusCallback")
        wanted = {word for value in call.form.get("StatusCallbackEvent", []) for word in value.split()} or {"completed"}
        if not url or event not in wanted:
            return
        form = self._form(call, "initiated" if event == "initiated" else status) | {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(call.sequence),
            "Timestamp": email.utils.format_datetime(call.updated),
        }
        call.sequence += 1
        if event == "completed":
            form["CallDuration"] = str(round(call.seconds))
            form["Duration"] = str(-(-round(call.seconds) // 60))
        self._post_in_order(call, url, form, call.one("StatusCallbackMethod") or "POST")

    def _post_in_order(self, call: Call, url: str, form: dict[str, str], method: str) -> None:
        """Callbacks of one call keep their order, but the call does not wait for a gateway that is down."""
        before = call.telling

        async def post() -> None:
            if before is not None:
                await asyncio.wait([before])
            await self._hooks.call(url, form, method=method)

        call.telling = self._tasks.spawn(post())

    def _form(self, call: Call, status: str) -> dict[str, str]:
        form = {
            "AccountSid": self._account,
            "ApiVersion": "2010-04-01",
            "CallSid": call.sid,
            "CallStatus": status,
            "Called": call.to,
            "Caller": call.sender,
            "Direction": call.direction,
            "From": call.sender,
            "To": call.to,
        }
        if call.answered_by and call.one("AsyncAmd") != "true":
            form["AnsweredBy"] = call.answered_by
        return form
