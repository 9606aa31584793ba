"""Which addresses a conversation has: two of one person are merged, and part again; one that is given away is left.

Whoever has an address now must not read what was said with whoever had it before.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, conversations, tasks
from gateway.database import Session
from gateway.models import Conversation, ConversationNote, ConversationState, Promise
from gateway.models.types import core


async def merge(
    session: Session, root: Conversation, other: Conversation, *, by: str, log: audit.Log, now: datetime
) -> None:
    """Make one of two: what is said by the other's address stands in this one from now on.

    The caller has made sure that both are one person's and nobody else's. What was promised first holds for both.
    """
    conversations.check(root, "merge")
    conversations.check(other, "merge")
    promises = select(Promise).where(
        col(Promise.conversation_id).in_([root.id, other.id]), col(Promise.kept_at).is_(None)
    )
    open_ones = sorted(await session.scalars(promises), key=lambda one: one.due_at)
    for one in open_ones[1:]:  # before the first moves over: a conversation has one that is not kept
        one.kept_at = now
    await session.flush()
    if other.state is ConversationState.OPEN and root.state is ConversationState.CLOSED:
        await conversations.reopen(session, root, by=by, log=log, now=now)
    for first in open_ones[:1]:
        if first.conversation_id != root.id:  # should it be overdue, staff are told of this one
            first.conversation_id, first.overdue_at = root.id or 0, None
        root.due_at, root.kind = first.due_at, first.kind
    await tasks.over(session, conversations.waiting_subject(other), by=f"handbell: {by}", log=log, now=now)
    moved = sa.update(core(ConversationNote)).where(core(ConversationNote).c.conversation_id == other.id)
    await session.execute(moved.values(conversation_id=root.id))
    t = conversations.conversation_table.c
    whole = sa.or_(t.id == other.id, t.merged_into_id == other.id)
    await session.execute(sa.update(conversations.conversation_table).where(whole).values(merged_into_id=root.id))
    root.urgent, root.owner = root.urgent or other.urgent, root.owner or other.owner
    other.merged_into_id, other.due_at, other.owner, other.urgent = root.id, None, "", False
    other.state, other.outcome, other.closed_at, other.closed_by = ConversationState.CLOSED, "merged", now, by
    session.add_all([root, other])
    await conversations.record(session, root, "merged", {"other": other.id}, by=by, log=log, now=now)


async def part(session: Session, conversation: Conversation, *, log: audit.Log, now: datetime) -> None:
    """Undo a merge: somebody else writes from one of its addresses, and those two must not read as one."""
    root = await conversations.find(session, conversation.id or 0)
    for one in await conversations.members(session, root):
        if one.id != root.id:
            one.merged_into_id = None
            session.add(one)
            if one.waiting_since is not None:
                await conversations.reopen(session, one, log=log, now=now)
            await conversations.record(session, one, "parted", {"from": root.id}, log=log, now=now)


async def leave(session: Session, conversation: Conversation, *, log: audit.Log, now: datetime) -> None:
    """Its address is somebody else's now: what was said, noted and promised stays the old person's.

    Whoever has it now begins a conversation of their own. Staff are told where the old person waits for an answer, and
    no other address of theirs is part of it.
    """
    root = await conversations.find(session, conversation.id or 0)
    conversation.left_at = now
    session.add(conversation)
    await session.flush()
    await conversations.record(session, conversation, "left", {}, log=log, now=now)
    waits = root.due_at is not None or conversation.waiting_since is not None
    if not waits or any(one.left_at is None for one in await conversations.members(session, root)):
        return
    what = "A family waits for an answer, and the number or mailbox that it wrote from is somebody else's now."
    cure = f"handbell conversation show {root.id}. Answer them another way; then conversation close {root.id} answered."
    ask = tasks.Ask("desk.left", conversations.waiting_subject(root), what, cure)
    await tasks.ask(session, ask, log=log, now=now)
