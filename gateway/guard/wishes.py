"""Of what families prefer: whether they have declined what a message is about, by the way that it would go."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway.guard.asked import exists, item, message, notice, preference, run
from gateway.models import DigestItem, Message, Notice, NoticeState, Preference, Run, SchoolEvent, Wish
from gateway.models.types import core, fixed


def declined() -> sa.ColumnElement[bool]:
    """Its topic is declined: by the phone itself, or by the contact, for this topic or for all without a word on it.

    Most notices have no topic, and nothing is looked up for them.
    """
    return sa.case((notice.topic != fixed(""), _declined(message, notice)), else_=sa.false())


def _declined(message: Any, notice: Any) -> sa.ColumnElement[bool]:
    """Of these columns: a digest asks about the messages within it."""
    own = core(Preference).alias("own")
    off, by_this = preference.wish == fixed(Wish.OFF), preference.medium == message.medium
    here = preference.topic == notice.topic
    of_phone = exists([core(Preference)], preference.address == message.address, by_this, here, off)
    a_word_on_it = exists(
        [own], own.c.contact_id == message.contact_id, own.c.medium == message.medium, own.c.topic == notice.topic
    )
    whoever = preference.contact_id == message.contact_id
    of_contact = exists([core(Preference)], whoever, by_this, here, off)
    of_all = exists([core(Preference)], whoever, by_this, preference.topic == fixed("*"), off)
    return sa.or_(of_phone, of_contact, sa.and_(of_all, ~a_word_on_it))


def changed() -> sa.ColumnElement[bool]:
    """Something that a digest says was taken back, declined, or is of an event that was changed, since it was made."""
    said, happening = core(Message).alias("said"), core(SchoolEvent).alias("happening")
    of_event = happening.c.id == notice.event_id
    theirs = [core(DigestItem), said, core(Run), core(Notice)]
    return exists(
        theirs,
        item.digest_id == message.id,
        said.c.id == item.message_id,
        run.id == said.c.run_id,
        notice.id == run.notice_id,
        sa.or_(
            notice.state == fixed(NoticeState.CANCELLED),
            sa.and_(notice.topic != fixed(""), _declined(said.c, notice)),
            exists([happening], of_event, happening.c.changed_at > said.c.created_at),
        ),
    )
