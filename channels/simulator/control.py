"""``/_sim/…``: the world told and asked as JSON, for tests in another process.

Every POST takes a JSON object. That also keeps web pages out: no page of another site can send JSON unasked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from channels.simulator import shapes
from channels.simulator.calls import NoCall
from channels.simulator.faults import Fault, Kind
from channels.simulator.magic import CallFate
from channels.simulator.records import Call, Mail, Text
from channels.simulator.shapes import Json
from channels.simulator.texts import CannotReply
from channels.simulator.world import Phone

if TYPE_CHECKING:
    from channels.simulator.server import Simulator

Asked = Mapping[str, Any]
Deed = Callable[["Simulator", Asked], Awaitable[Json]]


def routes(simulator: Simulator) -> list[web.RouteDef]:
    """All addresses."""
    looks = {"phones": _phones, "mailboxes": _mailboxes, "records": _records}
    deeds: dict[str, Deed] = {
        "reply": _reply,
        "ring": _ring,
        "press": _press,
        "do": _do,
        "script": _script,
        "switch": _switch,
        "behaviour": _behave,
        "settings": _set,
        "faults": _fault,
        "reset": _reset,
    }
    found = [web.get(f"/_sim/{name}", _looking(simulator, look)) for name, look in looks.items()]
    found += [web.post(f"/_sim/{name}", _doing(simulator, deed)) for name, deed in deeds.items()]
    return [*found, web.delete("/_sim/faults", _doing(simulator, _behave_well, with_body=False))]


def _looking(
    simulator: Simulator, look: Callable[[Simulator, Asked], Json]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(look(simulator, request.query))

    return handle


def _doing(
    simulator: Simulator, deed: Deed, *, with_body: bool = True
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        if with_body and request.content_type != "application/json":
            return web.json_response({"error": "Send JSON."}, status=415)
        try:
            return web.json_response(await deed(simulator, await request.json() if with_body else {}))
        except (CannotReply, NoCall) as no:
            return web.json_response({"error": str(no)}, status=409)
        except (KeyError, TypeError, ValueError) as wrong:
            return web.json_response({"error": f"{type(wrong).__name__}: {wrong}"}, status=400)

    return handle


def _phones(simulator: Simulator, asked: Asked) -> Json:
    number = asked.get("number")
    phones = simulator.world.phones
    wanted = [phones[number]] if number in phones else [] if number else list(phones.values())
    return {"phones": [_phone(phone) for phone in wanted]}


def _phone(phone: Phone) -> Json:
    return {
        "number": phone.number,
        "on": phone.on,
        "stopped": sorted(phone.stopped),
        "got": phone.got,
        "texts": [text(item) for item in phone.texts],
        "calls": [call(item) for item in phone.calls],
    }


def text(item: Text) -> Json:
    """A text as plain values."""
    return {
        "sid": item.sid,
        "from": item.sender,
        "to": item.to,
        "body": item.body,
        "direction": item.direction,
        "status": item.status.value,
        "error_code": item.error_code,
        "arrived": item.arrived,
        "by_provider": item.by_provider,
        "read_aloud": item.read_aloud,
        "at": item.created.isoformat(),
    }


def call(item: Call) -> Json:
    """A call as plain values."""
    return {
        "sid": item.sid,
        "from": item.sender,
        "to": item.to,
        "status": item.status,
        "answered_by": item.answered_by,
        "heard": [dataclasses.asdict(heard) for heard in item.heard],
        "pressed": list(item.pressed),
        "at": item.created.isoformat(),
    }


def _mailboxes(simulator: Simulator, asked: Asked) -> Json:
    address = asked.get("address", "").lower()
    boxes = simulator.world.mailboxes
    wanted = {address: boxes.get(address, [])} if address else boxes
    return {"mailboxes": [{"address": name, "mails": [mail(item) for item in box]} for name, box in wanted.items()]}


def mail(item: Mail) -> Json:
    """A mail as plain values."""
    return {
        "number": item.number,
        "from": item.sender,
        "to": item.to,
        "subject": item.subject,
        "message_id": item.message_id,
        "text": item.text,
        "html": item.html,
        "raw": item.raw.decode("utf-8", "replace"),
        "at": item.at.isoformat(),
    }


def _records(simulator: Simulator, asked: Asked) -> Json:
    """Counts; the lists too with ``?full=1``."""
    world = simulator.world
    arrived = sum(phone.got for phone in world.phones.values())
    counts: Json = {
        "texts": sum(item.is_ours for item in world.texts.values()),
        "arrived": arrived,
        "inbound": sum(item.direction == "inbound" for item in world.texts.values()),
        "calls": len(world.calls),
        "mails": len(world.mails),
        "recordings": list(world.recordings),
        "deleted_recordings": list(world.deleted),
        "landline_texts": len(world.landline_texts()),
        "complaints": list(world.complaints),
    }
    if asked.get("full"):
        counts["messages"] = [shapes.message(item, simulator.account_sid) for item in world.texts.values()]
        counts["call_records"] = [shapes.call(item, simulator.account_sid) for item in world.calls.values()]
    return counts


async def _reply(simulator: Simulator, asked: Asked) -> Json:
    sent = simulator.reply(asked["number"], asked["text"], to=asked.get("to", ""), media=int(asked.get("media", 0)))
    return {"sid": sent.sid}


async def _ring(simulator: Simulator, asked: Asked) -> Json:
    keys, says = tuple(str(key) for key in asked.get("keys", ())), float(asked.get("says", 0))
    hands_on = bool(asked.get("hands_on"))
    return {"sid": simulator.ring(asked["number"], asked.get("to", ""), keys=keys, says=says, hands_on=hands_on).sid}


async def _press(simulator: Simulator, asked: Asked) -> Json:
    keys = str(asked["keys"])
    if not keys or set(keys) - set("0123456789*#"):
        raise ValueError("keys are digits, * and #")
    return {"sid": simulator.do(asked["number"], keys).sid}


async def _do(simulator: Simulator, asked: Asked) -> Json:
    if asked["event"] not in {"lift", "decline", "hang up"}:
        raise ValueError("event is lift, decline or hang up")
    return {"sid": simulator.do(asked["number"], asked["event"]).sid}


async def _script(simulator: Simulator, asked: Asked) -> Json:
    simulator.world.script(**asked)
    return {}


async def _switch(simulator: Simulator, asked: Asked) -> Json:
    simulator.world.switch(asked["number"], on=bool(asked["on"]))
    return {}


async def _behave(simulator: Simulator, asked: Asked) -> Json:
    simulator.world.behave(asked["number"], text=asked.get("text", ""), calls=asked.get("calls", ""))
    return {}


async def _set(simulator: Simulator, asked: Asked) -> Json:
    settings = simulator.world.settings
    kinds: dict[str, Callable[[Any], object]] = {
        "calls": CallFate,
        "pace": float,
        "patience": float,
        "inbound_sms_url": str,
        "inbound_voice_url": str,
        "school_number": str,
        "service_number": str,
    }
    for name, value in asked.items():
        setattr(settings, name, kinds[name](value))
    return {}


async def _fault(simulator: Simulator, asked: Asked) -> Json:
    order = Fault(**{**asked, "kind": Kind(asked["kind"])})
    simulator.faults.add(order)
    return {}


async def _behave_well(simulator: Simulator, asked: Asked) -> Json:
    simulator.faults.clear()
    return {}


async def _reset(simulator: Simulator, asked: Asked) -> Json:
    await simulator.reset()
    return {}
