"""What may happen to a conversation, and what it leaves behind: one row, one audit line, one transaction.

A conversation is one address, for as long as that is the same person's. Two of one person may be merged: then one of
them (the *root*) has owner, due time and state for both, and each still knows what in it waits to be read. Every
function below is given a root, locked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, errors, tasks
from gateway.database import Session
from gateway.models import Conversation, ConversationNote, ConversationState, Promise, Reply
from gateway.models.types import core

#: How a person may close a conversation, and what that means.
OUTCOMES: Final[Mapping[str, str]] = {
    "answered": "The family has its answer, by whatever way.",
    "no_answer_needed": "Nothing was asked.",
    "passed_on": "Somebody else sees to it, outside Handbell.",
    "duplicate": "It is dealt with in another conversation.",
    "not_for_us": "A wrong number, or an advertisement.",
}
READ: Final = "read"  #: the outcome where nothing was promised, and a person has read it

#: What may be done in which state.
DEEDS: Final[Mapping[ConversationState, frozenset[str]]] = {
    ConversationState.OPEN: frozenset({"take", "note", "answer", "kind", "close", "merge"}),
    # To take, or to answer, is to open it again.
    ConversationState.CLOSED: frozenset({"take", "note", "answer", "merge"}),
}

_A_MOMENT = timedelta(seconds=30)  #: so long words may have been in, and not looked at by the desk
conversation_table, promise_table, reply_table = core(Conversation), core(Promise), core(Reply)


async def root(session: Session, conversation_id: int) -> Conversation:
    """The root of a conversation, to look at.

    Raises :class:`errors.NotFound`.
    """
    row = await session.get(Conversation, conversation_id)
    if row is None:
        raise errors.NotFound(f"There is no conversation {conversation_id}.")
    return row if row.merged_into_id is None else await session.get_one(Conversation, row.merged_into_id)


async def find(session: Session, conversation_id: int) -> Conversation:
    """The same, locked.

    Raises :class:`errors.NotFound`.
    """
    await session.flush()  # what is not written yet would be read over
    found = await _locked(session, conversation_id)
    while found is not None and found.merged_into_id is not None:  # merging lifts them all: one step is enough
        found = await _locked(session, found.merged_into_id)
    if found is None:
        raise errors.NotFound(f"There is no conversation {conversation_id}.")
    return found


async def hold(session: Session, ids: Collection[int]) -> None:
    """Lock conversations and their roots in one order, before many of them are changed one after another."""
    t = conversation_table.c
    roots = sa.select(t.merged_into_id).where(t.id.in_(ids), t.merged_into_id.is_not(None))
    query = sa.select(t.id).where(sa.or_(t.id.in_(ids), t.id.in_(roots))).order_by(t.id)
    await session.execute(query.with_for_update(key_share=True))


async def _locked(session: Session, conversation_id: int) -> Conversation | None:
    return await session.get(Conversation, conversation_id, with_for_update={"key_share": True}, populate_existing=True)


async def members(session: Session, root: Conversation) -> Sequence[Conversation]:
    """The root, and whatever was merged into it."""
    query = select(Conversation).where(
        sa.or_(col(Conversation.id) == root.id, col(Conversation.merged_into_id) == root.id)
    )
    return (await session.scalars(query.order_by(col(Conversation.id)))).all()


def check(root: Conversation, deed: str) -> None:
    """Raises :class:`errors.Conflict` where the state does not allow a deed."""
    if deed not in DEEDS[root.state]:
        raise errors.Conflict(f"Conversation {root.id} is {root.state.value} already.")


async def wait(session: Session, conversation: Conversation, *, at: datetime, log: audit.Log, now: datetime) -> None:
    """Words have come that a person must read: from now on it waits, and a closed one is open again."""
    conversation.waiting_since = conversation.waiting_since or at
    session.add(conversation)
    root = await find(session, conversation.id or 0)
    if root.state is ConversationState.CLOSED:
        await reopen(session, root, log=log, now=now)


async def rest(session: Session, conversation: Conversation, outcome: str, *, log: audit.Log, now: datetime) -> bool:
    """See what is left after a reply was read, or settled: whether it still waits.

    Where nothing is left to read, and nothing was promised, it is closed.
    """
    if await _unread_since(session, conversation) is not None:
        return True
    conversation.waiting_since = None
    session.add(conversation)
    root = await find(session, conversation.id or 0)
    waiting = any(one.waiting_since for one in await members(session, root))
    if not waiting and root.due_at is None and root.state is ConversationState.OPEN:
        await _close(session, root, outcome, by="handbell", log=log, now=now)
    return waiting


async def promise(
    session: Session,
    root: Conversation,
    kind: str,
    reply_id: int,
    *,
    due_at: datetime,
    urgent: bool,
    log: audit.Log,
    now: datetime,
) -> Promise | None:
    """Promise an answer by a time. None where the family hears nothing new: one is promised already.

    That one is due sooner where this is; and it is a new one where only these words are urgent, however late it is.
    """
    query = select(Promise).where(Promise.conversation_id == root.id, col(Promise.kept_at).is_(None))
    found = (await session.scalars(query)).one_or_none()
    made = found or Promise(conversation_id=root.id or 0, reply_id=reply_id, kind=kind, made_at=now, due_at=due_at)
    more_urgent = urgent and not root.urgent
    if found is None or due_at < found.due_at or more_urgent:
        made.kind, made.due_at = kind, min(due_at, made.due_at)
        root.kind, root.due_at, root.urgent = kind, made.due_at, root.urgent or urgent
        session.add_all([made, root])
        await session.flush()
        facts = {"kind": kind, "due": due_at, "urgent": root.urgent}
        await record(session, root, "promised", facts, log=log, now=now)
    return made if found is None or more_urgent else None


async def take(session: Session, root: Conversation, owner: str, *, by: str, log: audit.Log, now: datetime) -> None:
    """Make somebody its owner."""
    check(root, "take")
    if root.state is ConversationState.CLOSED:
        await reopen(session, root, by=by, log=log, now=now)
    root.owner = owner
    session.add(root)
    await record(session, root, "taken", {"owner": owner}, by=by, log=log, now=now)


async def sort(
    session: Session, root: Conversation, kind: str, due_at: datetime | None, *, by: str, log: audit.Log, now: datetime
) -> None:
    """Say what it is about, and by when it is due then; None where nothing was promised. So it is urgent no more.

    Raises :class:`errors.Conflict` where it is closed.
    """
    check(root, "kind")
    root.kind, root.due_at, root.urgent = kind, due_at, False
    if due_at is not None:
        await tasks.over(session, waiting_subject(root), by=f"handbell: {by}", log=log, now=now)
        values = {"kind": kind, "due_at": due_at, "overdue_at": None}
        await session.execute(sa.update(promise_table).where(_unkept(root)).values(values))
    session.add(root)
    await record(session, root, "sorted", {"kind": kind, "due": due_at}, by=by, log=log, now=now)


async def note(session: Session, root: Conversation, text: str, *, by: str, log: audit.Log, now: datetime) -> None:
    """Write something beside it that is never sent.

    Raises :class:`errors.BadInput` for nothing.
    """
    check(root, "note")
    if not text.strip():
        raise errors.BadInput([errors.Problem("The note is empty.", "Write something.")])
    row = ConversationNote(conversation_id=root.id or 0, author=by, at=now, text=text.strip())
    session.add(row)
    await session.flush()
    await record(session, root, "noted", {"note": row.id}, by=by, log=log, now=now)


async def answered(
    session: Session,
    root: Conversation,
    message_id: str,
    *,
    by: str,
    log: audit.Log,
    now: datetime,
    up_to: int | None = None,
) -> None:
    """A person has answered: what waited is read, and what was promised is kept. It stays open.

    ``up_to``  the last reply that the person has seen, where that is known: later words wait on
    """
    check(root, "answer")
    if root.state is ConversationState.CLOSED:
        await reopen(session, root, by=by, log=log, now=now)
    root.owner = root.owner or by
    await _done_with(session, root, by=by, log=log, now=now, up_to=up_to)
    await record(session, root, "answered", {"message": message_id}, by=by, log=log, now=now)


async def close(session: Session, root: Conversation, outcome: str, *, by: str, log: audit.Log, now: datetime) -> None:
    """Close it. The next words from there open it again; so do words that came this very moment, which nobody has seen.

    Raises :class:`errors.BadInput` for an outcome that is none, or :class:`errors.Conflict` where it is closed.
    """
    if outcome not in OUTCOMES:
        raise errors.BadInput([errors.Problem(f"“{outcome}” is no outcome.", f"Use one of: {', '.join(OUTCOMES)}.")])
    check(root, "close")
    await _done_with(session, root, by=by, log=log, now=now)
    await _close(session, root, outcome, by=by, log=log, now=now)
    if any(one.waiting_since for one in await members(session, root)):
        await reopen(session, root, log=log, now=now)


async def take_back(
    session: Session, root: Conversation, *, since: datetime, by: str, log: audit.Log, now: datetime
) -> None:
    """Undo one's own answer or close of a moment ago: what it had read waits again, and what was promised is due.

    ``since``  when that was. What has come or was promised anew since then stays as it is.
    """
    every = await members(session, root)
    ids = [one.id for one in every]
    t = reply_table.c
    mine = sa.and_(t.conversation_id.in_(ids), t.seen_by == by, t.seen_at >= since)
    await session.execute(sa.update(reply_table).where(mine).values(seen_at=None, seen_by=""))
    if root.state is ConversationState.CLOSED:
        await reopen(session, root, by=by, log=log, now=now)
    for one in every:
        one.waiting_since = await _unread_since(session, one)
    session.add_all(every)
    kept = select(Promise).where(Promise.conversation_id == root.id).order_by(col(Promise.id).desc()).limit(1)
    last = (await session.scalars(kept)).first()
    if last is not None and (last.kept_at is None or last.kept_at >= since):
        last.kept_at = last.overdue_at = None
        root.kind, root.due_at = last.kind, last.due_at
        root.urgent = await _was_urgent(session, root)
        session.add_all([last, root])
    await record(session, root, "taken_back", {}, by=by, log=log, now=now)
    if root.due_at is None and not any(one.waiting_since for one in every):
        await _close(session, root, READ, by="handbell", log=log, now=now)


async def _was_urgent(session: Session, root: Conversation) -> bool:
    """Whether the open promise was one of urgent words: the audit log has what was last said of it."""
    for line in await audit.lines_about(session, f"conversation:{root.id}"):
        if line.action in ("conversation.promised", "conversation.sorted"):
            return bool(json.loads(line.body).get("urgent"))
    return False


async def reopen(session: Session, root: Conversation, *, log: audit.Log, now: datetime, by: str = "handbell") -> None:
    """A closed one waits for a person again."""
    before = root.outcome
    root.state, root.outcome, root.closed_at, root.closed_by = ConversationState.OPEN, "", None, ""
    root.kind = ""  # its owner it keeps: a family often answers to what it was told at last
    session.add(root)
    await record(session, root, "opened", {"after": before}, by=by, log=log, now=now)


async def _close(session: Session, root: Conversation, outcome: str, *, by: str, log: audit.Log, now: datetime) -> None:
    root.state, root.outcome, root.closed_at, root.closed_by = ConversationState.CLOSED, outcome, now, by
    session.add(root)
    await record(session, root, "closed", {"outcome": outcome}, by=by, log=log, now=now)


async def _done_with(
    session: Session, root: Conversation, *, by: str, log: audit.Log, now: datetime, up_to: int | None = None
) -> None:
    """Nothing waits any more, nothing is due any more, but words that came this very moment: nobody has seen those."""
    every = await members(session, root)
    ids = [one.id for one in every]
    read = sa.and_(
        reply_table.c.conversation_id.in_(ids),
        reply_table.c.seen_at.is_(None),
        reply_table.c.settled == "",
        sa.or_(reply_table.c.sorted_at.is_not(None), reply_table.c.at < now - _A_MOMENT),
        sa.true() if up_to is None else reply_table.c.id <= up_to,
    )
    await session.execute(sa.update(reply_table).where(read).values(seen_at=now, seen_by=by))
    for one in every:
        one.waiting_since = await _unread_since(session, one)
    session.add_all(every)
    if up_to is not None and any(one.waiting_since for one in every):
        return  # the family waits for what it has written since, as long as it was told
    await session.execute(sa.update(promise_table).where(_unkept(root)).values(kept_at=now))
    root.due_at, root.urgent = None, False
    session.add_all([*every, root])
    await tasks.over(session, waiting_subject(root), by=f"handbell: {by}", log=log, now=now)


async def _unread_since(session: Session, conversation: Conversation) -> datetime | None:
    """When the first words came that nobody has read or settled; None where there are none."""
    # A key of the menu needs no reader: it was noted as the answer that it stands for.
    unread = sa.select(sa.func.min(reply_table.c.at)).where(
        reply_table.c.conversation_id == conversation.id,
        reply_table.c.option == "",
        reply_table.c.settled == "",
        reply_table.c.seen_at.is_(None),
    )
    since: datetime | None = await session.scalar(unread)
    return since


def waiting_subject(root: Conversation) -> str:
    """What the tasks are about that say that somebody still waits: over once it is answered or closed."""
    return f"promise:{root.id}"


def _unkept(root: Conversation) -> sa.ColumnElement[bool]:
    return sa.and_(promise_table.c.conversation_id == root.id, promise_table.c.kept_at.is_(None))


async def record(
    session: Session,
    root: Conversation,
    what: str,
    facts: Mapping[str, Any],
    *,
    log: audit.Log,
    now: datetime,
    by: str = "handbell",
) -> None:
    """Write its audit line: ids and facts, and no words."""
    line = audit.Line(f"conversation.{what}", f"conversation:{root.id}", facts, actor=by)
    await log.record(session, line, now=now)
