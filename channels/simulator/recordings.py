"""What people say after the beep: recorded as a WAV file, told to the gateway, listed, given out and deleted."""

from __future__ import annotations

import io
import math
import struct
import urllib.parse
import wave

from channels.simulator.callbacks import Hooks
from channels.simulator.records import Call, Recording
from channels.simulator.tasks import Tasks
from channels.simulator.twiml import Verb
from channels.simulator.world import World

_RATE = 8000  #: samples a second, as on a telephone


class Studio:
    """Records, and tells of it."""

    def __init__(self, *, account_sid: str, world: World, hooks: Hooks, tasks: Tasks) -> None:
        self._account = account_sid
        self._world = world
        self._hooks = hooks
        self._tasks = tasks

    def record(self, call: Call, verb: Verb, seconds: float, *, base: str) -> dict[str, str]:
        """Record so many seconds, at most ``maxLength``. Gives what the action of ``<Record>`` is told of it."""
        most = int(verb.number("maxLength", 3600))
        taken = Recording(
            sid=self._world.new_sid("RE"),
            call_sid=call.sid,
            seconds=min(max(1, round(seconds)), most),
            created=self._world.now(),
            content=tone(min(seconds, most)),
        )
        self._world.recordings[taken.sid] = taken
        url = f"https://api.twilio.com/2010-04-01/Accounts/{self._account}/Recordings/{taken.sid}"
        facts = {"RecordingSid": taken.sid, "RecordingUrl": url, "RecordingDuration": str(taken.seconds)}
        if address := verb.get("recordingStatusCallback"):
            form = facts | {
                "AccountSid": self._account,
                "CallSid": call.sid,
                "RecordingStatus": "completed",
                "RecordingChannels": "1",
                "RecordingSource": "RecordVerb",
            }
            method = verb.get("recordingStatusCallbackMethod", "POST")
            self._tasks.spawn(self._tell(urllib.parse.urljoin(base, address), form, method))
        return facts

    async def _tell(self, url: str, form: dict[str, str], method: str) -> None:
        await self._hooks.call(url, form, method=method)


def tone(seconds: float) -> bytes:
    """A WAV file in which somebody hums, 8 kHz, 16 bits, one channel."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        second = struct.pack(f"<{_RATE}h", *(int(8000 * math.sin(2 * math.pi * 220 * n / _RATE)) for n in range(_RATE)))
        file.writeframes((second * (int(seconds) + 1))[: 2 * max(1, int(seconds * _RATE))])
    return out.getvalue()
