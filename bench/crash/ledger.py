"""Counting: what the gateway believes of each message, beside what the outside world wrote down when it came."""

from __future__ import annotations

import base64
import email
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from channels.simulator import journal
from gateway import states
from gateway.database import Database
from gateway.models import Message, MessageState, Notice, Run, Sender

OPEN = (MessageState.HELD, MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
#: A call that was put through may still end as failed: nobody pressed a key, or the world itself was killed in it.
_PUT_THROUGH = frozenset({MessageState.ACCEPTED, MessageState.DELIVERED})


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that a phone or mailbox got. ``owner`` is the message that it names itself, ``""`` for none."""

    medium: Medium
    ref: str
    to: str
    words: str
    owner: str


@dataclass(slots=True)
class Count:
    """What came of one run. ``faults`` are sentences: each of them is a broken promise."""

    messages: Counter[Medium] = field(default_factory=Counter)
    got: int = 0
    lost: int = 0
    doubled: int = 0
    copies: int = 0  #: emails of an urgent notice that came once more, under the same Message-ID
    in_doubt: Counter[Medium] = field(default_factory=Counter)
    in_doubt_got: int = 0  #: of those, how many had come after all
    faults: list[str] = field(default_factory=list)


def taken(file: Path) -> list[Taken]:
    """Everything that the world has written down as got: texts shown, calls put through, mails in a box."""
    texts, calls, mails = {}, {}, []
    for kind, said in journal.entries(file):
        if kind == "text" and said["direction"] == "outbound-api" and said["arrived"]:
            texts[said["sid"]] = Taken(Medium.SMS, said["sid"], said["to"], said["body"], _named(said["callback"]))
        elif kind == "call":
            url = said["form"].get("StatusCallback", [""])[0]
            calls[said["sid"]] = Taken(Medium.VOICE, said["sid"], said["to"], "", _named(url))
        elif kind == "mail":
            mails.append(_mail(said))
    return [*texts.values(), *calls.values(), *mails]


def _mail(said: Mapping[str, str]) -> Taken:
    head = email.message_from_bytes(base64.b64decode(said["raw"]))
    ref = str(head["Message-ID"]).strip()
    return Taken(Medium.EMAIL, ref, said["to"], str(head["Subject"]), ref.strip("<>").partition("@")[0])


def _named(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("m", [""])[0]


async def still_open(database: Database, *, families: int) -> int:
    """How many messages are not at their end, those of notices that are still to be planned among them."""
    t = col(Message.state)
    followed = sa.and_(t == MessageState.ACCEPTED, col(Message.medium) != Medium.EMAIL)
    return await _count(database, sa.select(col(Message.id)).where(t.in_(OPEN) | followed), families=families)


async def still_to_send(database: Database, *, now: datetime, families: int) -> int:
    """How many messages are on the wire or about to be, those of notices that are still to be planned among them.

    Not what is in doubt, and not what a lane has that is held: neither brings a call in the middle of which to kill.
    """
    on_the_way = col(Message.state).in_([MessageState.HELD, MessageState.QUEUED, MessageState.SENDING])
    works = sa.or_(col(Sender.held_until).is_(None), col(Sender.held_until) <= now)
    query = sa.select(col(Message.id)).join(Sender, col(Sender.id) == col(Message.sender_id)).where(on_the_way, works)
    return await _count(database, query, families=families)


async def _count(database: Database, messages: sa.Select[Any], *, families: int) -> int:
    unplanned = sa.select(col(Notice.id)).where(col(Notice.next_fire_at).is_not(None))
    async with database.read() as session:
        found, more = [
            await session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
            for query in (messages, unplanned)
        ]
    return found + families * more


async def count(database: Database, file: Path, *, submitted: Sequence[str], families: int) -> Count:
    """Compare both sides."""
    async with database.read() as session:
        query = select(Message).where(col(Message.state) != MessageState.SKIPPED).order_by(col(Message.id))
        rows = list(await session.scalars(query))
        joined = select(Notice.key, col(Run.id)).join(Run, col(Run.notice_id) == col(Notice.id))
        runs = [(key, run_id) for key, run_id in await session.execute(joined)]
    result = Count()
    _count_plans(result, Counter(row.run_id for row in rows), runs, submitted, families=families)
    boxes = _by_owner(rows, taken(file), result)
    for row in rows:
        result.messages[row.medium] += 1
        _judge(result, row, boxes.get(row.id, []))
    return result


def _count_plans(
    result: Count,
    planned: Counter[int | None],
    runs: Sequence[tuple[str, int | None]],
    submitted: Sequence[str],
    *,
    families: int,
) -> None:
    """Each notice was planned once, for each family once."""
    fired = Counter(key for key, _ in runs)
    for key in submitted:
        if fired[key] != 1:
            result.faults.append(f"{key} was fired {fired[key]} times")
    for key, run_id in runs:
        if planned[run_id] != families:
            result.faults.append(f"{key} has {planned[run_id]} messages for {families} families")


def _by_owner(rows: Sequence[Message], got: Sequence[Taken], result: Count) -> dict[str, list[Taken]]:
    """Whose each of them is: by our id in it, by the provider's id in ours, else by address and words.

    Texts with the same words to the same phone may stand for one another, whichever of them we sent.
    """
    known, by_ref = {row.id for row in rows}, {row.ref: row.id for row in rows if row.ref}
    boxes: defaultdict[str, list[Taken]] = defaultdict(list)
    nameless = []
    for one in got:
        owner = by_ref.get(one.ref, "") if one.medium is Medium.SMS else one.owner or by_ref.get(one.ref, "")
        if owner in known:
            boxes[owner].append(one)
        else:
            nameless.append(one)
    waiting: defaultdict[tuple[Medium, str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.id not in boxes and not row.ref:
            waiting[row.medium, row.address, row.body if row.medium is Medium.SMS else ""].append(row.id)
    for one in nameless:
        owners = waiting[one.medium, one.to, one.words if one.medium is Medium.SMS else ""]
        if owners:
            boxes[owners.pop(0)].append(one)
        else:
            result.doubled += 1
            result.faults.append(f"{one.medium} {one.ref} was got and is no message's")
    return boxes


def _judge(result: Count, row: Message, got: Sequence[Taken]) -> None:
    result.got += len(got)
    told = f"{row.medium} {row.id} ({row.purpose}, {row.state}, reason {row.reason!r}, attempt {row.attempt})"
    if len(got) > 1:
        _judge_copies(result, row, got, told)
    for one in got:
        if one.to != row.address:
            result.faults.append(f"{told} came to somebody else")
    if row.ref and got and row.ref not in {one.ref for one in got}:
        result.faults.append(f"{told} has the provider's id of something else")
    if row.state in _PUT_THROUGH:
        if not got:
            result.lost += 1
            result.faults.append(f"{told} did not come")
    elif row.state is MessageState.FAILED and row.reason == states.IN_DOUBT:
        result.in_doubt[row.medium] += 1
        result.in_doubt_got += bool(got)
        if not row.reason_text:
            result.faults.append(f"{told} does not say why")
    elif row.state is MessageState.FAILED and row.medium is Medium.VOICE and got:
        pass
    elif not got:
        result.lost += 1
        result.faults.append(f"{told} did not come")
    else:
        result.faults.append(f"{told} came")


def _judge_copies(result: Count, row: Message, got: Sequence[Taken], told: str) -> None:
    same = len({one.ref for one in got}) == 1
    if row.medium is Medium.EMAIL and same and row.purpose.goes_again_in_doubt:
        result.copies += len(got) - 1
        return
    result.doubled += len(got) - 1
    result.faults.append(f"{told} came {len(got)} times")
