"""Praise by text and mail: from the numbers and mailboxes on the teachers' list, before absences and desk read it.

A text may be ``praise Ana kindness She waited for a friend`` or the answer to a mail of ours, ``1 kindness``. A mail
counts only as the answer to ours: anybody can write a teacher's address into a From line, nobody the name of our mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from channels.base import Medium
from gateway import context, errors, replies, staff
from gateway.database import Session
from gateway.good_news import kinds, nudging, praising, pupils
from gateway.models import Conversation, Inbound, Message, PraiseNudge, Purpose, Reply
from gateway.registers import teachers

_NUMBERED = re.compile(r"\W*(?P<number>[1-9])\b[.):]?\s*(?P<rest>.*)")
_NAMED = re.compile(r"\W*praise\b[:,]?\s*(?P<rest>.+)", re.IGNORECASE)
BACK = re.compile(r"\W*(?:withdraw|take back)\s+(?P<number>\d{1,9})\W*", re.IGNORECASE)


async def hear(session: Session, gateway: context.Gateway, reply: Reply) -> bool:
    """Take a reply that is a teacher's praise, in the transaction of whoever looks at it first: then it is for nobody
    else. False leaves it as it was.
    """
    known = gateway.teachers
    if not known.forms or reply.settled or reply.keyword or reply.seen_at is not None:
        return False
    talk = await session.get_one(Conversation, reply.conversation_id)
    if talk.address not in known.everywhere:
        return False
    drafts = await _drafts(session, reply, talk)
    if talk.medium is Medium.EMAIL and drafts is None:
        return False
    lines = [line for line in reply.body.splitlines() if line.strip()]
    said = [await _line(session, gateway, known, talk.address, line, drafts) for line in lines]
    if not any(said):
        return False
    if not all(said):
        said.append("Nobody has read the other lines: what is for the office goes there by itself.")
    await replies.settle(session, reply, "understood: praise", log=gateway.log, now=gateway.now())
    school = gateway.settings.school.short_name
    await staff.write(
        session,
        gateway,
        [talk.address],
        f"{school}: {' '.join(filter(None, said))}",
        subject=f"{school}: good news",
        slot=f"praise-heard:{reply.id}",
        purpose=Purpose.SERVICE,
        priority=Purpose.SERVICE.priority,
    )
    return True


async def _drafts(session: Session, reply: Reply, talk: Conversation) -> Sequence[int] | None:
    """The pupils whom the mail that this answers has numbered; None where it answers none of our mails."""
    named = (await session.get_one(Inbound, reply.inbound_id)).event.get("in_reply_to", "")
    asked = await session.get(Message, named) if named else None  # not the reply's own: that may be a guess
    if asked is None or not asked.slot.startswith(nudging.SLOT) or asked.address != talk.address:
        return None
    number = asked.slot.removeprefix(nudging.SLOT).partition(":")[0]
    nudge = await session.get(PraiseNudge, int(number))
    return nudge.drafts if nudge is not None else None


async def _line(
    session: Session,
    gateway: context.Gateway,
    known: teachers.Teachers,
    address: str,
    line: str,
    drafts: Sequence[int] | None,
) -> str:
    """Do what a line says, and give what is answered; ``""`` for a line that is no praise."""
    if back := BACK.fullmatch(line):
        return await _taken_back(session, gateway, known, int(back["number"]), address)
    try:
        if drafts and (numbered := _NUMBERED.fullmatch(line)) and int(numbered["number"]) <= len(drafts):
            child = await _pupil(session, gateway, drafts[int(numbered["number"]) - 1])
            kind, words = _kind(numbered["rest"])
        elif named := _NAMED.fullmatch(line):
            child, kind, words = await _named(session, gateway, known, address, named["rest"])
        else:
            return ""
        given = praising.Given(child.source_id, kind, known.called(address), words)
        async with session.begin_nested():
            made = await praising.add(session, gateway, given, by=_signed(known, address))
    except pupils.Several as error:
        return _which(error.found)
    except errors.HandbellError as error:
        return f"Not taken: {error}"
    goes = made.praise.due_at.astimezone(gateway.timezone)
    return (
        f"{child.called}, {kind}: goes home on {goes:%A} at {goes:%H:%M}. To take it back: withdraw {made.praise.id}."
    )


async def _pupil(session: Session, gateway: context.Gateway, pupil_id: int) -> pupils.Found:
    for one in await pupils.on_roll(session, today=gateway.today()):
        if one.id == pupil_id:
            return one
    raise errors.NotFound("This child is not on roll any more.")


def _kind(rest: str) -> tuple[str, str]:
    """What follows a number: a kind and words, or nothing, which is effort. Raises :class:`errors.BadInput`."""
    first, _, words = rest.strip().partition(" ")
    kind = kinds.named(first) if first else "effort"
    if kind is None:
        raise _no_kind("1 kindness She waited for a friend.")
    return kind, words.strip()


def _no_kind(example: str) -> errors.BadInput:
    what = f"The kind is missing ({', '.join(kinds.every())})."
    return errors.BadInput([errors.Problem(what, f"Write: {example}")])


async def _named(
    session: Session, gateway: context.Gateway, known: teachers.Teachers, address: str, rest: str
) -> tuple[pupils.Found, str, str]:
    """A name, a kind and words. The teacher's own form comes first: there a forename is mostly enough."""
    words = rest.split()
    at = next((place for place, word in enumerate(words) if place and kinds.named(word)), None)
    if at is None:
        raise _no_kind("praise Ana kindness She waited for a friend.")
    name, kind = " ".join(words[:at]), kinds.named(words[at]) or ""
    everybody = await pupils.on_roll(session, today=gateway.today())
    own = [one for one in everybody if known.takes(address, one.form)]
    try:
        child = pupils.single(name, own)
    except pupils.Several:
        raise
    except errors.BadInput:
        child = pupils.single(name, everybody)
    return child, kind, " ".join(words[at + 1 :])


def _which(found: Sequence[pupils.Found]) -> str:
    """A question without surnames: it goes to somebody's own telephone."""
    shown = ", ".join(f"{one.called} {one.surname[:1]} ({one.form})" for one in found[:6])
    return f"Which {found[0].called}: {shown}? Write the letter or the form as well."


def _signed(known: teachers.Teachers, address: str) -> str:
    """Who it was, for the audit log, which holds nobody's number."""
    return f"teacher:{known.called(address)}"


async def _taken_back(
    session: Session, gateway: context.Gateway, known: teachers.Teachers, number: int, address: str
) -> str:
    by = _signed(known, address)
    try:
        mine = await praising.of(session, number, by=by)
        await praising.withdraw(session, gateway, mine, by=by)
    except errors.HandbellError as error:
        return str(error)
    return f"{number} is taken back."
