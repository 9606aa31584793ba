"""What our messages in another language say in English: the office reads what the family got."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from gateway import context, errors, wording
from gateway.database import Session
from gateway.definitions import reading
from gateway.desk import canned, thread
from gateway.models import About, Message, Notice, Pupil, Run
from gateway.models.types import core
from templates import languages


async def beside(session: Session, gateway: context.Gateway, found: thread.Thread) -> thread.Thread:
    """The same thread, with the English of ready answers and of notices beside them."""
    file = canned.load(gateway.settings)
    foreign = [one for one in found.said if one.kind in ("answer", "notice") and _is_foreign(one)]
    english = {one.id: canned.english(file, one.language, one.text) for one in foreign if one.kind == "answer"}
    english |= await _notices(session, gateway, [one.id for one in foreign if one.kind == "notice"])
    said = [replace(one, english=english[one.id]) if english.get(one.id) else one for one in found.said]
    return replace(found, said=said)


def _is_foreign(one: thread.Said) -> bool:
    """Words that were let go after their time are not made anew."""
    return bool(one.text) and one.language not in ("", languages.ENGLISH)


async def _notices(session: Session, gateway: context.Gateway, message_ids: Sequence[str]) -> dict[str, str]:
    """What these messages of notices would have said in English, about the same children."""
    if not message_ids:
        return {}
    message, run, about, pupil = core(Message).c, core(Run).c, core(About).c, core(Pupil).c
    children = defaultdict[str, list[str]](list)
    named = sa.select(about.message_id, Pupil).join(Pupil, pupil.id == about.pupil_id)
    for message_id, child in await session.execute(named.where(about.message_id.in_(message_ids)).order_by(pupil.id)):
        children[message_id].append(child.called)
    sent = (
        sa.select(message.id, message.medium, Notice)
        .join_from(core(Message), core(Run), run.id == message.run_id)
        .join(Notice, core(Notice).c.id == run.notice_id)
        .where(message.id.in_(message_ids))
    )
    english = dict[str, str]()
    for message_id, medium, notice in await session.execute(sent):
        composer = wording.Composer(reading.stored(notice.definition), gateway.school(), gateway.speaks)
        try:
            english[message_id] = composer.compose(medium, languages.ENGLISH, children=children[message_id]).text
        except errors.BadInput:  # it needs what only the planner knows, such as a link
            continue
    return english
