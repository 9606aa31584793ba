"""Whether lanes kept their own rules of backing off, by what they wrote down: however slow the machine is."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from channels.base import Medium
from gateway import circuits
from gateway.models import Attempt, Audit, Message
from gateway.models.types import core
from support.engine import CONCURRENCY, URGENT_SLOTS, Engine

call, deed, message = core(Attempt).c, core(Audit).c, core(Message).c

ROUTINE = CONCURRENCY - URGENT_SLOTS  #: calls at once
ENOUGH = 5  #: so many calls in a row that broke say that it is the provider

#: Calls before a hold: all but one of those that must break, those that end with the last one, and those that begin in
#: the turn that hears of it.
MOST = ENOUGH - 1 + 2 * ROUTINE


@dataclass
class Circuit:
    """What the lanes of one circuit may do, as their deeds are read one after another."""

    ids: frozenset[int]
    held_until: datetime | None = None
    open_since: datetime | None = None
    reason: str = ""
    calls: int = 0  #: since the last hold
    holds: int = 0
    tries: int = 0  #: of an open circuit

    def call(self, at: datetime) -> None:
        assert self.held_until is None or at >= self.held_until, f"a call at {at}, but held until {self.held_until}"
        if self.open_since is not None:  # one message tries, and nothing more until the next pause is over
            self.tries += 1
            self.held_until = at + circuits.pause(self.open_since, reason=self.reason, now=at)
            return
        self.calls += 1
        assert self.calls <= MOST * len(self.ids), f"at {at} it is {self.calls} calls without a hold"

    def deed(self, at: datetime, action: str, body: dict[str, Any]) -> None:
        match action:
            case "sender.held":
                self._hold(datetime.fromisoformat(body["until"]))
            case "circuit.opened" if self.ids.intersection(body["senders"]):
                self.open_since, self.reason = at, body["reason"]
                self._hold(at + circuits.pause(at, reason=self.reason, now=at))
            case "circuit.closed" if self.ids.intersection(body["senders"]):
                self.open_since = self.held_until = None

    def _hold(self, until: datetime) -> None:
        self.held_until, self.calls = until, 0
        self.holds += 1


async def kept(works: Engine, *media: Medium) -> Circuit:
    """Assert that no call was begun while its lane was held, and that no hold came later than the rule says.

    ``media``  the lane, or the lanes that have one circuit
    """
    circuit = Circuit(frozenset(works.senders[medium] for medium in media))
    for at, action, body in await _deeds(works, circuit.ids):
        if action:
            circuit.deed(at, action, json.loads(body))
        else:
            circuit.call(at)
    return circuit


async def _deeds(works: Engine, ids: Collection[int]) -> Iterable[tuple[datetime, str, str]]:
    """The calls and the holds, in their order. Where a call and a hold share a moment, the call was first."""
    mine = sa.and_(deed.action == "sender.held", deed.subject.in_([f"sender:{one}" for one in ids]))
    written = sa.select(deed.at, deed.action, deed.body).where(sa.or_(deed.action.like("circuit.%"), mine))
    calls = sa.select(call.begun_at).join(core(Message), message.id == call.message_id)
    async with works.database.read() as session:
        deeds = [(at, action, body) for at, action, body in await session.execute(written.order_by(deed.id))]
        deeds += [(at, "", "") for (at,) in await session.execute(calls.where(message.sender_id.in_(ids)))]
    return sorted(deeds, key=lambda one: (one[0], bool(one[1])))
