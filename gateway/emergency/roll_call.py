"""Who has read the alarm, child by child.

A child is covered when one who answers for it has said that they have read: by ``1`` in a text or an email, or by key 1
in a call, to the alarm or to an update. Who answers for a child has parental responsibility or lives with it; where
nobody does, everybody on file. Other words are shown for a person to judge, and cover nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, people
from gateway.database import Session
from gateway.emergency import alarm, alarmed, passing
from gateway.models import About, Emergency, EmergencyPart, Message, MessageState, Reply
from gateway.models.types import core
from gateway.understanding import choice, menu
from templates import languages, library, words

READ_KEY: Final = "1"
_HAS_WORDS: Final = (EmergencyPart.ALARM, EmergencyPart.UPDATE)
_REACHED: Final = (MessageState.ACCEPTED, MessageState.DELIVERED)
_ON_ITS_WAY: Final = (MessageState.HELD, MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of somebody about one child. ``words`` where it is not the key alone."""

    name: str
    relation: str
    answers_for: bool
    medium: Medium
    at: datetime
    read: bool
    words: str = ""


@dataclass(slots=True)
class Child:
    """One child, what was said of it, and how far the alarm has come: ``reached``, ``on its way`` or ``nobody``."""

    id: int
    source_id: str
    name: str
    form: str
    said: list[Said] = field(default_factory=list[Said])
    way: str = "nobody"

    @property
    def covered(self) -> bool:
        """Whether one who answers for it has read."""
        return any(one.read and one.answers_for for one in self.said)


@dataclass(frozen=True, slots=True)
class RollCall:
    """The list as it is now: those whom nobody covers first, by form and name."""

    emergency: Emergency
    at: datetime
    children: Sequence[Child]
    passed: passing.Passed

    @property
    def uncovered(self) -> list[Child]:
        """Of whom nobody who answers for them has read."""
        return [child for child in self.children if not child.covered]


async def read(session: Session, gateway: context.Gateway, emergency: Emergency) -> RollCall:
    """The list of an emergency."""
    asking = await alarm.run_ids(session, emergency, *_HAS_WORDS)
    concerned = await alarmed.concerned(session, asking)
    known = await people.load(session, today=gateway.today(), pupil_ids=concerned)
    children = {
        child.id: Child(child.id, child.source_id, f"{child.called} {child.surname}", child.form)
        for child in known.pupils.values()
    }
    for pupil_id, way in (await _ways(session, asking)).items():
        if pupil_id in children:
            children[pupil_id].way = way
    await _add_answers(session, gateway, asking, known, children)
    order = sorted(children.values(), key=lambda child: (child.covered, child.form, child.name))
    return RollCall(emergency, gateway.now(), order, await passing.of(session, asking))


async def _ways(session: Session, run_ids: Sequence[int]) -> dict[int, str]:
    """How far the alarm has come for each pupil."""
    message, about = core(Message).c, core(About).c
    query = (
        sa.select(about.pupil_id, message.state)
        .join(core(Message), message.id == about.message_id)
        .where(message.run_id.in_(run_ids), message.step == 0)
        .distinct()
    )
    found = defaultdict[int, set[MessageState]](set)
    for pupil_id, state in await session.execute(query):
        found[pupil_id].add(state)
    return {pupil_id: _way(states) for pupil_id, states in found.items()}


def _way(states: set[MessageState]) -> str:
    if states.intersection(_REACHED):
        return "reached"
    return "on its way" if states.intersection(_ON_ITS_WAY) else "nobody"


async def _add_answers(
    session: Session,
    gateway: context.Gateway,
    run_ids: Sequence[int],
    known: people.People,
    children: dict[int, Child],
) -> None:
    message, about, reply = core(Message).c, core(About).c, core(Reply).c
    query = (
        sa.select(
            about.pupil_id, reply.id, reply.at, reply.body, reply["keys"], reply.option, reply.contact_id,
            message.address, message.medium, message.language,
        )
        .join(core(Message), message.id == reply.message_id)
        .join(core(About), about.message_id == message.id)
        .where(message.run_id.in_(run_ids), reply.run_id.is_not(None), reply.keyword.is_(None))
        .order_by(reply.id, about.pupil_id)
    )  # fmt: skip
    today, called = gateway.today(), dict[str, dict[str, list[str]]]()
    for row in await session.execute(query):
        child = children.get(row.pupil_id)
        if child is None:
            continue
        words_ = called.get(row.language) or called.setdefault(row.language, labels(row.language))
        # A digit alone that was not taken for our answer may have been meant for another question.
        has_read = row.option == READ_KEY or (not menu.digit(row.body) and choice.key(row.body, words_) == READ_KEY)
        ties = [tie for tie in known.ties.get(child.id, ()) if not tie.barred_on(today)]
        speakers = _speakers(ties, known, row.contact_id, row.address)
        answering = [tie for tie in ties if tie.parental_responsibility or tie.lives_with] or ties
        names = " or ".join(known.contacts[tie.contact_id].full_name for tie in speakers) or "somebody not on file"
        child.said.append(
            Said(
                names,
                " or ".join(tie.relation for tie in speakers if tie.relation),
                any(tie in answering for tie in speakers),
                Medium(row.medium),
                row.at,
                has_read,
                "" if has_read else row.body or f"key {row.keys}",
            )
        )


def _speakers(
    ties: Sequence[people.Tie], known: people.People, contact_id: int | None, address: str
) -> list[people.Tie]:
    """Whose answer it is: of a phone that two share nobody can say which of them answered."""
    if contact_id is not None:
        return [tie for tie in ties if tie.contact_id == contact_id]
    return [tie for tie in ties if any(point.address == address for point in known.points.get(tie.contact_id, ()))]


def labels(language: str) -> dict[str, list[str]]:
    """What the key of the alarm is called in English and in a language: families send the words too."""
    notice = library.notices()[alarm.WORDING]
    found: dict[str, list[str]] = {answer.key: [answer.label] for answer in notice.answers}
    if language and languages.base(language) != languages.ENGLISH:
        for key, label in words.prepare(alarm.WORDING, language=language, medium="sms").answers(None):
            found.setdefault(key, []).append(label)
    return found
