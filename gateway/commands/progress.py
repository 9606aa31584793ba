"""How far a notice has come: its messages counted by medium, state and reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from gateway import guard
from gateway.commands import showing
from gateway.database import Session
from gateway.models import Message, MessageState
from gateway.models.types import core


@dataclass(frozen=True, slots=True)
class Count:
    """So many messages of one medium in one state for one reason; ``text`` is the reason as a sentence."""

    medium: str
    state: MessageState
    reason: str
    text: str
    messages: int
    pence: float

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


async def counts(session: Session, run_ids: Sequence[int]) -> list[Count]:
    """Count the messages of these runs."""
    t = core(Message).c
    query = (
        sa.select(t.medium, t.state, t.reason, sa.func.max(t.reason_text), sa.func.count(), sa.func.sum(t.pence))
        .where(t.run_id.in_(run_ids))
        .group_by(t.medium, t.state, t.reason)
        .order_by(t.medium, t.state, t.reason)
    )
    return [
        Count(medium.value, state, reason, text or guard.REASONS.get(reason, ""), messages, pence or 0.0)
        for medium, state, reason, text, messages, pence in await session.execute(query)
    ]


async def words(session: Session, run_ids: Sequence[int]) -> list[dict[str, object]]:
    """Count the messages of these runs by medium, language and who had read the words."""
    t = core(Message).c
    columns = (t.medium, t.language, t.words_state)
    query = (
        sa.select(*columns, sa.func.count())
        .where(t.run_id.in_(run_ids), t.language != "")
        .group_by(*columns)
        .order_by(t.medium, sa.func.count().desc(), t.language)
    )
    return [
        {"medium": medium.value, "language": language, "words": state, "messages": messages}
        for medium, language, state, messages in await session.execute(query)
    ]


def show_words(found: Sequence[Mapping[str, object]]) -> None:
    """Print in which languages it came, where there is more than one."""
    if len({count["language"] for count in found}) > 1:
        showing.table(tuple(found[0]), [tuple(count.values()) for count in found], right="messages")


def waiting(found: Sequence[Count]) -> int:
    """How many messages have not left yet."""
    return sum(c.messages for c in found if c.state in (MessageState.HELD, MessageState.QUEUED, MessageState.SENDING))


def show(found: Sequence[Count]) -> None:
    """Print the counts: states by medium, then every reason for which something did not arrive."""
    if not found:
        showing.say("No message of it has been planned yet.")
        return
    states = [state for state in MessageState if any(count.state is state for count in found)]
    by_medium: dict[str, dict[MessageState, int]] = defaultdict(lambda: defaultdict(int))
    for count in found:
        by_medium[count.medium][count.state] += count.messages
    rows = [(medium, *(of[state] or "" for state in states)) for medium, of in sorted(by_medium.items())]
    names = [state.value for state in states]
    showing.table(("medium", *names), rows, right=",".join(names))
    silent = [count for count in found if count.reason]
    if silent:
        showing.table(
            ("messages", "medium", "state", "why"),
            ((c.messages, c.medium, c.state, c.text or c.reason) for c in sorted(silent, key=lambda c: -c.messages)),
            title="What did not arrive, and why",
            right="messages",
        )
    showing.say(f"Expected cost: {showing.money(sum(count.pence for count in found))}.")
