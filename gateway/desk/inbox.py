"""Conversations as the office's list has them: whose parent it is, the last words, and which absence they are about."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col

from gateway import context, people
from gateway.database import Session
from gateway.desk import thread
from gateway.models import (
    AbsenceCase,
    AbsenceStep,
    Contact,
    Conversation,
    Gist,
    Guardianship,
    Message,
    Promise,
    Pupil,
    Reply,
)
from gateway.models.types import core
from gateway.roles import Role
from gateway.translating import gists

_FOUND = 60  #: of what somebody looks for


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose conversations somebody reads: everybody's, or those of their forms that were given to them."""

    owner: str = ""
    forms: frozenset[str] | None = None

    def sees(self, root: Conversation, ties: Sequence[Tie]) -> bool:
        """Whether a conversation is one of them."""
        if self.forms is None:
            return True
        mine = root.owner.removeprefix("office:") == self.owner
        return mine and any(tie.pupil.form in self.forms for tie in ties)


def of(role: Role, name: str, forms: frozenset[str]) -> Scope:
    """What somebody with a role may read. A teacher reads what was given to them, and that of their own forms only."""
    return Scope(name, forms) if role is Role.TEACHER else Scope()


@dataclass(frozen=True, slots=True)
class Tie:
    """What somebody is to a pupil who is on roll."""

    contact_id: int
    relation: str
    pupil: Pupil
    barred: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in the list; ``reply`` is the last one, ``english`` a machine's rendering of it."""

    root: Conversation
    contact: Contact | None
    ties: Sequence[Tie]
    reply: Reply | None
    english: str
    language: str
    cases: Sequence[AbsenceCase]


def query(which: thread.Which, scope: Scope, gateway: context.Gateway) -> sa.Select[Conversation, Contact]:
    """The conversations of a list, as far as somebody may read them."""
    found = thread.listed(which, owner=scope.owner, now=gateway.now(), today=gateway.today())
    if scope.forms is None:
        return found
    tie, pupil = core(Guardianship).c, core(Pupil).c
    theirs = sa.select(tie.contact_id).join(core(Pupil), pupil.id == tie.pupil_id).where(pupil.form.in_(scope.forms))
    return found.where(col(Conversation.contact_id).in_(theirs))


async def sizes(session: Session, **lists: sa.Select[Conversation, Contact]) -> dict[str, int]:
    """How many conversations each of these lists has, as one question."""
    ids = (found.with_only_columns(col(Conversation.id)).subquery() for found in lists.values())
    each = [sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in ids]
    (row,) = await session.execute(sa.select(*each))
    return dict(zip(lists, row, strict=True))


async def count(session: Session, which: thread.Which, scope: Scope, gateway: context.Gateway) -> int:
    """How many conversations a list has."""
    return (await sizes(session, it=query(which, scope, gateway)))["it"]


def looked_for(words: str, scope: Scope, gateway: context.Gateway) -> sa.Select[Conversation, Contact]:
    """The conversations in which a name or words stand, the newest first."""
    like = "%{}%".format(words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_"))
    c, reply, gist, message, tie, pupil = (
        core(Contact).c, core(Reply).c, core(Gist).c, core(Message).c, core(Guardianship).c, core(Pupil).c,
    )  # fmt: skip
    called = sa.select(c.id).where((c.forename + " " + c.surname).ilike(like, escape="\\"))
    names = (pupil.forename + " " + pupil.surname).ilike(like, escape="\\") | pupil.known_as.ilike(like, escape="\\")
    children = sa.select(tie.contact_id).join(core(Pupil), pupil.id == tie.pupil_id).where(names)
    said = (
        sa.select(reply.conversation_id)
        .outerjoin(core(Gist), gist.reply_id == reply.id)
        .where(reply.body.ilike(like, escape="\\") | gist.text.ilike(like, escape="\\"))
    )
    merged = sa.select(core(Conversation).c.merged_into_id).where(core(Conversation).c.id.in_(said))
    answered = sa.select(message.address).where(message.slot.like("desk:%"), message.body.ilike(like, escape="\\"))
    one = col(Conversation.id)
    found = query("all", scope, gateway).where(
        sa.or_(
            col(Conversation.contact_id).in_(called),
            col(Conversation.contact_id).in_(children),
            one.in_(said),
            one.in_(merged.where(core(Conversation).c.merged_into_id.is_not(None))),
            col(Conversation.address).in_(answered),
        )
    )
    return thread.in_turn(found, "all").limit(_FOUND)


async def rows(session: Session, found: Sequence[tuple[Conversation, Contact | None]], *, today: date) -> list[Row]:
    """The lines of these conversations: five questions to the database, however many they are."""
    ids = [root.id or 0 for root, _ in found]
    ties = await ties_of(session, {contact.id or 0 for _, contact in found if contact}, today=today)
    last = await _last_replies(session, ids)
    said = await gists.made(session, [reply.id or 0 for reply in last.values()])
    cases = await _cases(session, ids, today)
    made = []
    for root, contact in found:
        reply = last.get(root.id or 0)
        gist = said.get(reply.id or 0) if reply else None
        made.append(
            Row(
                root,
                contact,
                ties.get(contact.id or 0, ()) if contact else (),
                reply,
                gist.text if gist else "",
                gist.language if gist else "",
                cases.get(root.id or 0, ()),
            )
        )
    return made


async def ties_of(session: Session, contact_ids: set[int], *, today: date) -> dict[int, list[Tie]]:
    """Whose parents these people are, of pupils on roll."""
    tie, pupil = core(Guardianship).c, core(Pupil).c
    wanted = (
        sa.select(Guardianship, Pupil)
        .join(Pupil, pupil.id == tie.pupil_id)
        .where(tie.contact_id.in_(contact_ids), people.on_roll(today))
        .order_by(pupil.form, pupil.forename, pupil.id)
    )
    found: dict[int, list[Tie]] = {}
    for one, child in await session.execute(wanted):
        found.setdefault(one.contact_id, []).append(Tie(one.contact_id, one.relation, child, one.barred_on(today)))
    return found


async def _last_replies(session: Session, ids: Sequence[int]) -> dict[int, Reply]:
    """The last reply in each of these conversations, or in what was merged into it."""
    reply, c = core(Reply).c, core(Conversation).c
    root = sa.func.coalesce(c.merged_into_id, c.id)
    newest = (
        sa.select(sa.func.max(reply.id))
        .join(core(Conversation), c.id == reply.conversation_id)
        .where(sa.or_(c.id.in_(ids), c.merged_into_id.in_(ids)))
        .group_by(root)
    )
    wanted = sa.select(Reply, root).join(core(Conversation), c.id == reply.conversation_id).where(reply.id.in_(newest))
    return {root_id: one for one, root_id in await session.execute(wanted)}


async def _cases(session: Session, ids: Sequence[int], today: date) -> Mapping[int, list[AbsenceCase]]:
    """Today's absences that were answered in these conversations."""
    case, step, reply, c = core(AbsenceCase).c, core(AbsenceStep).c, core(Reply).c, core(Conversation).c
    root = sa.func.coalesce(c.merged_into_id, c.id)
    wanted = (
        sa.select(root, AbsenceCase)
        .join_from(core(AbsenceCase), core(AbsenceStep), step.case_id == case.id)
        .join(core(Reply), reply.id == step.reply_id)
        .join(core(Conversation), c.id == reply.conversation_id)
        .where(case.date == today, step.kind == "answer", root.in_(ids))
        .order_by(case.id)
    )
    found: dict[int, list[AbsenceCase]] = {}
    for root_id, one in await session.execute(wanted):
        if one not in found.setdefault(root_id, []):
            found[root_id].append(one)
    return found


async def usual_wait(session: Session, since: datetime) -> timedelta | None:
    """How long families have waited for an answer since then: as long or longer as half of them; None for nobody."""
    t = core(Promise).c
    kept = sa.select(t.made_at, t.kept_at).where(t.kept_at >= since)
    spans = [row.kept_at - row.made_at for row in await session.execute(kept)]
    return statistics.median_low(spans) if spans else None
