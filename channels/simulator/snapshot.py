"""The world as one piece of JSON, so that a rehearsal can go on after the simulator was restarted."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import datetime
from typing import Any

from channels.simulator.magic import CallFate, TextFate, TextStatus
from channels.simulator.records import Call, Heard, Text
from channels.simulator.world import Phone, Script, World

#: What lives only as long as the process.
PASSING = {"events", "telling", "detour"}


def dump(world: World) -> str:
    """Write it down. Calls that are going on are over when it is read again."""
    return json.dumps(
        {
            "phones": [_phone(phone) for phone in world.phones.values()],
            "texts": [plain(text) for text in world.texts.values()],
            "calls": [plain(call) for call in world.calls.values()],
            "mails": [
                {"sender": mail.sender, "to": mail.to, "raw": base64.b64encode(mail.raw).decode(), "at": str(mail.at)}
                for mail in world.mails
            ],
            "complaints": list(world.complaints),
        }
    )


def load(world: World, written: str) -> None:
    """Put an empty world back into the state that was written down. Raises ``ValueError`` or ``KeyError`` otherwise."""
    state = json.loads(written)
    world.reset()
    for one in state["texts"]:
        world.add_text(text(one))
    for one in state["calls"]:
        found = call(one)
        found.status = "failed" if found.live else found.status
        world.calls[found.sid] = found
    for one in state["phones"]:
        world.phones[one["number"]] = _read_phone(world, one)
        world.clock = max(world.clock, one["touched"])
    for one in state["mails"]:
        mail = world.add_mail(sender=one["sender"], to=one["to"], raw=base64.b64decode(one["raw"]))
        mail.at = datetime.fromisoformat(one["at"])
    world.complaints.extend(state["complaints"])


def text(one: dict[str, Any]) -> Text:
    """A text as :func:`plain` wrote it down."""
    return Text(**{**_timed(one), "status": TextStatus(one["status"])})


def call(one: dict[str, Any]) -> Call:
    """A call as :func:`plain` wrote it down."""
    return Call(**{**_timed(one), "heard": [Heard(**part) for part in one["heard"]]})


def plain(record: Text | Call) -> dict[str, Any]:
    """A text or a call as plain values."""
    kept = {
        field.name: getattr(record, field.name) for field in dataclasses.fields(record) if field.name not in PASSING
    }
    if isinstance(record, Call):
        kept["heard"] = [dataclasses.asdict(part) for part in record.heard]
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in kept.items()}


def _timed(one: dict[str, Any]) -> dict[str, Any]:
    times = {"created", "updated", "sent", "started", "ended"}
    return {name: datetime.fromisoformat(value) if name in times and value else value for name, value in one.items()}


def _phone(phone: Phone) -> dict[str, Any]:
    return {
        "number": phone.number,
        "on": phone.on,
        "text_fate": dataclasses.asdict(phone.text_fate) if phone.text_fate else None,
        "call_fate": phone.call_fate,
        "script": dataclasses.asdict(phone.script) if phone.script else None,
        "stopped": sorted(phone.stopped),
        "texts": [text.sid for text in phone.texts],
        "calls": [call.sid for call in phone.calls],
        "got": phone.got,
        "touched": phone.touched,
    }


def _read_phone(world: World, one: dict[str, Any]) -> Phone:
    phone = Phone(one["number"], on=one["on"], got=one["got"], touched=one["touched"], stopped=set(one["stopped"]))
    phone.texts = [world.texts[sid] for sid in one["texts"]]
    phone.calls = [world.calls[sid] for sid in one["calls"]]
    phone.call_fate = CallFate(one["call_fate"]) if one["call_fate"] else None
    if fate := one["text_fate"]:
        phone.text_fate = TextFate(TextStatus(fate["status"]), code=fate["code"], refused=fate["refused"])
    if script := one["script"]:
        phone.script = Script(
            replies=tuple(script["replies"]),
            after=script["after"],
            press=tuple(script["press"]),
            calls=CallFate(script["calls"]) if script["calls"] else None,
            hangs_up=script["hangs_up"],
        )
    return phone
