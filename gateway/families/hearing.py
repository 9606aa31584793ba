"""Everything that was sent to a family and heard from it, by every channel, in one row, the newest first.

What went to both parents, or by text and email, is one thing that was said. What is about a child of another family, or
of a form that whoever looks does not see, is not in it: a grown-up may belong to two families.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import answers, people
from gateway.database import Session
from gateway.desk import answering
from gateway.families import known
from gateway.freshness import letters as details
from gateway.models import (
    About,
    Conversation,
    Letter,
    Message,
    MessageState,
    Notice,
    Praise,
    Purpose,
    Reply,
    Run,
    VoiceMessage,
)
from gateway.models.types import core
from gateway.translating import gists

PAGE: Final = 25  #: things that are shown at once
_READ: Final = 240  #: rows that they are made from
_UNSAID: Final = (MessageState.SKIPPED, MessageState.CANCELLED)

#: What may be looked at alone, and how it is called.
KINDS: Final[Mapping[str, str]] = {
    "": "Everything",
    "absences": "Absences",
    "replies": "Replies",
    "good-news": "Good news",
    "announcements": "Announcements",
}
_PURPOSES: Final[Mapping[str, Sequence[Purpose]]] = {
    "absences": (Purpose.SAFEGUARDING,),
    "good-news": (Purpose.GOOD_NEWS,),
    "announcements": tuple(one for one in Purpose if one not in (Purpose.SAFEGUARDING, Purpose.GOOD_NEWS)),
}


@dataclass(frozen=True, slots=True)
class Way:
    """One message of what was said: to whom, by what, in which language, and what became of it."""

    contact: int
    medium: Medium
    language: str
    state: MessageState
    why: str = ""


@dataclass(slots=True)
class Said:
    """One thing. ``kind``: reply, absence, good-news, announcement, emergency, answer, automatic, details or letter.

    ``words``    of a reply, an answer or praise; ``english`` what a computer made of them
    ``contact``  whose reply it is; ``waits`` whether somebody must read it still
    """

    at: datetime
    kind: str
    title: str = ""
    children: Sequence[int] = ()
    ways: list[Way] = field(default_factory=list[Way])
    contact: int = 0
    words: str = ""
    english: str = ""
    medium: Medium | None = None
    conversation: int = 0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """``kind`` is one of :data:`KINDS`; ``before`` a moment, for what is older. ``replies``: whether they may be seen;
    ``own`` whether only what is about these children, and not what is about nobody.
    """

    kind: str = ""
    before: datetime | None = None
    replies: bool = True
    own: bool = False


async def read(session: Session, family: known.Family, wanted: Wanted) -> tuple[list[Said], bool]:
    """The newest of it, and whether there is more."""
    ids = [one.contact.id for one in family.persons]
    children = {one.id for one in family.children}
    said = list[Said]()
    if wanted.kind != "replies":
        said += await _messages(session, ids, children, wanted)
        said += await _letters(session, ids, children, wanted) if wanted.kind in ("", "announcements") else []
    if wanted.replies and wanted.kind in ("", "replies"):
        said += await _replies(session, ids, children, wanted)
    said.sort(key=lambda one: one.at, reverse=True)
    return said[:PAGE], len(said) > PAGE


async def _messages(session: Session, ids: Collection[int], children: set[int], wanted: Wanted) -> list[Said]:
    m, run, notice = core(Message).c, core(Run).c, core(Notice).c
    columns = (m.id, m.run_id, m.contact_id, m.medium, m.language, m.state, m.reason, m.reason_text, m.purpose, m.slot)
    query = (
        sa.select(*columns, m.body, m.created_at, notice.title, notice.event_id)
        .select_from(core(Message).outerjoin(core(Run), run.id == m.run_id))
        .outerjoin(core(Notice), notice.id == run.notice_id)
        .where(people.among(people.dialect(session), m.contact_id), m.state.not_in(_UNSAID))
        .order_by(m.created_at.desc())
        .limit(_READ)
    )
    if wanted.kind in _PURPOSES:
        query = query.where(m.purpose.in_(_PURPOSES[wanted.kind]))
    if wanted.kind == "announcements":
        query = query.where(m.run_id.is_not(None))
    if wanted.before is not None:
        query = query.where(m.created_at < wanted.before)
    rows = (await session.execute(query, {"ids": people.packed(ids)})).all()
    about = await _about(session, [row.id for row in rows])
    found = dict[Any, Said]()
    for row in rows:
        named = about.get(row.id, set())
        if (named and not named & children) or (wanted.own and not named):
            continue
        one = found.get(row.run_id or row.id)
        if one is None:
            one = found[row.run_id or row.id] = _said(row)
        one.children = sorted({*one.children, *(named & children)})
        why = row.reason_text or row.reason if row.state is MessageState.FAILED else ""
        one.ways.append(Way(row.contact_id, row.medium, row.language, row.state, why))
    await _add_praise(session, found, children)
    return list(found.values())


def _said(row: Any) -> Said:
    if row.run_id is None:
        if row.slot.startswith(answering.SLOT):
            return Said(row.created_at, "answer", words=row.body, medium=row.medium)
        kind = "details" if row.slot.startswith(details.SLOT) else "automatic"
        return Said(row.created_at, kind, title="answer" if row.slot.startswith(answers.SLOT) else "")
    kinds = {Purpose.SAFEGUARDING: "absence", Purpose.GOOD_NEWS: "good-news", Purpose.EMERGENCY: "emergency"}
    return Said(row.created_at, kinds.get(row.purpose, "announcement"), title=row.title or "")


async def _about(session: Session, message_ids: Sequence[str]) -> dict[str, set[int]]:
    about, found = core(About).c, defaultdict[str, set[int]](set)
    if message_ids:
        query = sa.select(about.message_id, about.pupil_id).where(about.message_id.in_(message_ids))
        for message_id, pupil_id in await session.execute(query):
            found[message_id].add(pupil_id)
    return found


async def _add_praise(session: Session, found: Mapping[Any, Said], children: Collection[int]) -> None:
    """What the teacher wrote, beside the good news that it went with."""
    runs = [key for key, one in found.items() if one.kind == "good-news"]
    if not runs:
        return
    praise = core(Praise).c
    query = sa.select(praise.run_id, praise.staff, praise.words).where(
        praise.run_id.in_(runs), praise.pupil_id.in_(list(children))
    )
    for run_id, staff, words in await session.execute(query.order_by(praise.id)):
        found[run_id].title = staff
        found[run_id].words = " ".join(filter(None, (found[run_id].words, words)))


async def _replies(session: Session, ids: Collection[int], children: set[int], wanted: Wanted) -> list[Said]:
    reply, talk, voice = core(Reply).c, core(Conversation).c, core(VoiceMessage).c
    query = (
        sa.select(reply.id, reply.contact_id, reply.message_id, reply.at, reply.body, reply["keys"].label("pressed"))
        .add_columns(reply.conversation_id, reply.seen_at, talk.waiting_since, talk.medium, talk.merged_into_id)
        .add_columns(sa.exists().where(voice.inbound_id == reply.inbound_id).label("spoken"))
        .join(core(Conversation), talk.id == reply.conversation_id)
        .where(people.among(people.dialect(session), reply.contact_id))
        .order_by(reply.at.desc())
        .limit(PAGE * 2)
    )
    if wanted.before is not None:
        query = query.where(reply.at < wanted.before)
    rows = (await session.execute(query, {"ids": people.packed(ids)})).all()
    about = await _about(session, [row.message_id for row in rows if row.message_id])
    english = await gists.of(session, [row.id for row in rows])
    return list(_told(rows, about, english, children, own=wanted.own))


def _told(
    rows: Iterable[Any], about: Mapping[str, set[int]], english: Mapping[int, str], children: set[int], *, own: bool
) -> Iterable[Said]:
    for row in rows:
        named = about.get(row.message_id, set())
        if (named and not named & children) or (own and not named):
            continue
        yield Said(
            row.at,
            "reply",
            title="voice" if row.spoken else "keys" if row.pressed else "",
            children=sorted(named & children),
            contact=row.contact_id,
            words=row.pressed or row.body,
            english=english.get(row.id, ""),
            medium=Medium.VOICE if row.spoken or row.pressed else row.medium,
            conversation=row.merged_into_id or row.conversation_id,
            waits=row.waiting_since is not None and row.seen_at is None and row.at >= row.waiting_since,
        )


async def _letters(session: Session, ids: Collection[int], children: set[int], wanted: Wanted) -> list[Said]:
    letter, m, run, notice = core(Letter).c, core(Message).c, core(Run).c, core(Notice).c
    query = (
        sa.select(letter.message_id, letter.contact_id, letter.printed_at, letter.posted_at, notice.title)
        .join(core(Message), m.id == letter.message_id)
        .join(core(Run), run.id == m.run_id)
        .join(core(Notice), notice.id == run.notice_id)
        .where(people.among(people.dialect(session), letter.contact_id))
        .order_by(letter.printed_at.desc())
        .limit(PAGE)
    )
    if wanted.before is not None:
        query = query.where(letter.printed_at < wanted.before)
    rows = (await session.execute(query, {"ids": people.packed(ids)})).all()
    about = await _about(session, [row.message_id for row in rows])
    return [
        Said(row.printed_at, "letter", title=row.title, contact=row.contact_id, waits=row.posted_at is None)
        for row in rows
        if about.get(row.message_id, set()) & children or not (wanted.own or about.get(row.message_id))
    ]
