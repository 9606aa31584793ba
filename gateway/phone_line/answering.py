"""One turn of a call: what is known of the caller, the dialogue's next step, and what is to be written down.

A report is stored as the reply that a text would have been, with its exact meaning beside it, and is heard by the same
way (``intake``, then ``absence/hearing``). Its event has an id made of the call and of what was said: a webhook that
comes twice finds it there.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from channels import base, calls_in
from channels.base import Medium
from gateway import audit, context, intake, upsert
from gateway.database import Session
from gateway.models import Inbound, PhoneCall, PhoneReport
from gateway.models.types import core
from gateway.phone_line import callers, dialogue, studio
from templates import languages, line

WITHHELD = "withheld, call {}"  #: stands for the address of whoever shows no number: each call is its own
call_table, report_table, inbound_table = core(PhoneCall), core(PhoneReport), core(Inbound)


async def turn(
    session: Session, gateway: context.Gateway, phone: calls_in.PhoneLine, asked: calls_in.CallTurn
) -> calls_in.CallStep:
    """Say how a call goes on. Whatever is said to be written down is in the caller's transaction."""
    caller = await callers.who(session, gateway, asked.caller)
    call_id = await _call(session, gateway, phone, asked, caller)
    if asked.over:
        return calls_in.CallStep((), calls_in.HangUp())
    at_the_door = studio.unpacked(asked.state)
    if at_the_door is not None:
        return await studio.turn(session, gateway, asked, at_the_door, line=phone.name, call_id=call_id)
    known = callers.situation(gateway, phone, caller)
    state = dialogue.unpacked(asked.state) if asked.state else None
    knocks = asked.key == studio.DOOR and state is not None and state.step is dialogue.Step.MENU
    if knocks and await studio.is_open(session, gateway):
        return studio.begin()
    found = dialogue.go_on(state, asked.key, known, answered=asked.answered) if state else dialogue.begin(known)
    if found.report is not None:
        name = known.name(found.report.child)
        await _write_down(session, gateway, phone, asked, found.report, call_id=call_id, name=name)
    return step(gateway, found)


def step(gateway: context.Gateway, found: dialogue.Turn) -> calls_in.CallStep:
    """A turn of the dialogue in words."""
    settings, state = gateway.settings.phone_line, found.state
    says = [_say(gateway, one) for one in found.says]
    match found.then:
        case "ask":
            return calls_in.CallStep(says, calls_in.Ask(state.packed()))
        case "record":
            silence = _say(gateway, dialogue.Say("silence", state.language))
            return calls_in.CallStep(says, calls_in.Record(state.packed(), settings.longest_message_s, silence))
        case "dial":
            return calls_in.CallStep(says, calls_in.Dial(state.packed(), settings.office_number, settings.ring_s))
        case "end":
            return calls_in.CallStep(says, calls_in.HangUp())


def trouble(gateway: context.Gateway) -> calls_in.CallStep:
    """What is said where the call cannot go on; it needs no database, and promises nothing."""
    return calls_in.CallStep([_say(gateway, dialogue.Say("trouble", languages.ENGLISH))], calls_in.HangUp())


def _say(gateway: context.Gateway, one: dialogue.Say) -> calls_in.Saying:
    school = {"school": gateway.settings.school.name} if one.phrase == "greeting" else {}
    return calls_in.Saying(one.language, line.say(one.phrase, one.language, **one.given, **school))


async def _call(
    session: Session,
    gateway: context.Gateway,
    phone: calls_in.PhoneLine,
    asked: calls_in.CallTurn,
    caller: callers.Caller,
) -> int:
    """The row of a call, made when we first hear of it."""
    contact_id = caller.contact.id if caller.contact else None
    row = {
        "line": phone.name,
        "ref": asked.ref,
        "caller": asked.caller,
        "called": asked.called,
        "contact_id": contact_id,
        "began_at": asked.at,
    }
    made = await upsert.insert_new(session, call_table, [row], key=["line", "ref"])
    if made:
        facts = {"contact": contact_id, "children": len(caller.children), "withheld": not asked.caller}
        await gateway.log.record(
            session, audit.Line("phone.rang", f"call:{made[0][0]}", facts, "caller"), now=gateway.now()
        )
        return int(made[0][0])
    query = sa.select(call_table.c.id).where(call_table.c.line == phone.name, call_table.c.ref == asked.ref)
    return int(await session.scalar(query) or 0)


async def _write_down(
    session: Session,
    gateway: context.Gateway,
    phone: calls_in.PhoneLine,
    asked: calls_in.CallTurn,
    report: dialogue.Report,
    *,
    call_id: int,
    name: str,
) -> None:
    days = f"{report.first:%A %d %B}" + (f" until {report.last:%A %d %B}" if report.last > report.first else "")
    words = {"ill": "is ill", "appointment": "has an appointment"}[report.reason]
    event_id = f"{asked.ref}:report:{report.child}:{report.reason}:{report.first}:{report.last}"
    body = f"By telephone keys: {name} {words}, {days}."
    inbound_id = await store(
        session, phone.name, caller=asked.caller or WITHHELD.format(call_id), called=asked.called, event_id=event_id,
        body=body, at=asked.at, now=gateway.now(),
    )  # fmt: skip
    row = {
        "call_id": call_id,
        "inbound_id": inbound_id,
        "pupil_id": report.child,
        "reason": report.reason,
        "first": report.first,
        "last": report.last,
    }
    await upsert.insert(session, report_table, [row], key=["inbound_id"])


async def store(
    session: Session, channel: str, *, caller: str, called: str, event_id: str, body: str, at: datetime, now: datetime
) -> int:
    """Store what a caller said as a reply that answers nothing of ours. Gives the id of its event, new or not."""
    event = base.Reply(medium=Medium.VOICE, sender=caller, to=called, body=body, event_id=event_id, at=at, unasked=True)
    await intake.store(session, channel, [event], now=now)
    t = inbound_table.c
    query = sa.select(t.id).where(t.channel == channel, t.event_id == event_id)
    return int(await session.scalar(query) or 0)
