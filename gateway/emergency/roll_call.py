"""Who has read the alarm, child by child.

A child is covered when one who answers for it has said that they have read: by ``1`` in a text or an email, or by key 1
in a call, to the alarm or to an update. Who answers for a child has parental responsibility or lives with it; where
nobody does, everybody on file. Other words are shown for a person to judge, and cover nobody: staff who have judged
them, or have rung, note that themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import alarm_answers, audit, context, errors, notices, people, upsert
from gateway.database import Session
from gateway.emergency import alarm, alarmed, passing
from gateway.models import (
    About,
    Emergency,
    EmergencyNotice,
    EmergencyPart,
    EmergencyWord,
    Message,
    MessageState,
    Notice,
    NoticeState,
    Pupil,
    Reply,
)
from gateway.models.types import core
from gateway.understanding import menu

_HAS_WORDS: Final = (EmergencyPart.ALARM, EmergencyPart.UPDATE)
_LONGEST: Final = 200

#: How far the alarm has come, the farthest first.
_WAYS: Final = (
    ("reached", (MessageState.DELIVERED,)),
    ("sent", (MessageState.ACCEPTED,)),
    ("on its way", (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)),
    ("held", (MessageState.HELD,)),
)
NOBODY: Final = "nobody"


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
    """One child, what was said of it, and how far the alarm has come: ``reached``, ``sent``, ``on its way``,
    ``held`` or ``nobody``. ``word`` is what somebody of the school has noted.
    """

    id: int
    source_id: str
    name: str
    form: str
    said: list[Said] = field(default_factory=list[Said])
    way: str = NOBODY
    word: EmergencyWord | None = None

    @property
    def covered(self) -> bool:
        """Whether one who answers for it has read, or was told by somebody of the school."""
        return self.word is not None or any(one.read and one.answers_for for one in self.said)


@dataclass(frozen=True)
class RollCall:
    """The list as it is now: those whom nobody covers first, by form and name; ``troubles`` hold it up."""

    emergency: Emergency
    at: datetime
    parts: Sequence[tuple[EmergencyNotice, Notice]]
    children: Sequence[Child]
    passed: passing.Passed
    troubles: Sequence[str] = ()

    @cached_property
    def uncovered(self) -> list[Child]:
        """Of whom nobody who answers for them has read."""
        return [child for child in self.children if not child.covered]


async def read(session: Session, gateway: context.Gateway, emergency: Emergency) -> RollCall:
    """The list of an emergency. It is asked for every second while people watch it: a question for all, however many
    they are, and the people on file of those alone who have been answered for.
    """
    parts = await alarm.parts(session, emergency)
    asking = [
        run_id for part, notice in parts if part.part in _HAS_WORDS for run_id in await notices.run_ids(session, notice)
    ]
    children = await _children(session, gateway, asking)
    await _add_answers(session, gateway, asking, children)
    t = core(EmergencyWord).c
    for word in await session.scalars(sa.select(EmergencyWord).where(t.emergency_id == emergency.id)):
        if word.pupil_id in children:
            children[word.pupil_id].word = word
    order = sorted(children.values(), key=lambda child: (child.covered, child.form, child.name))
    troubles = [] if emergency.over_at else _troubles(parts)
    return RollCall(emergency, gateway.now(), parts, order, await passing.of(session, asking), troubles)


def _troubles(parts: Sequence[tuple[EmergencyNotice, Notice]]) -> list[str]:
    """What keeps an alarm from going out, for whoever watches the list and waits."""
    found = list[str]()
    for part, notice in parts:
        match notice.state:
            case NoticeState.HELD:
                found.append(f"It waits for somebody other than {part.by}: handbell emergency approve {notice.key}")
            case NoticeState.SCHEDULED:
                found.append("It is being planned. If that does not end in seconds, handbell run is not running.")
            case NoticeState.BROKEN:
                found.append(f"It was broken off: {notice.trouble} Send it anew.")
            case NoticeState.CANCELLED if part.part is EmergencyPart.ALARM:
                found.append("It was cancelled: what had not left did not leave.")
            case _:
                pass
    return found


async def _children(session: Session, gateway: context.Gateway, run_ids: Sequence[int]) -> dict[int, Child]:
    """Every pupil on roll whom it is about, and how far it has come for them; nobody disappears without a row."""
    message, about, pupil = core(Message).c, core(About).c, core(Pupil).c
    # Of an email nobody is told more than that a mail server took it.
    taken = sa.and_(message.state == MessageState.ACCEPTED, message.medium == Medium.EMAIL)
    farthest = sa.case(
        (taken, len(_WAYS)),
        *[(message.state.in_(states), len(_WAYS) - number) for number, (_, states) in enumerate(_WAYS)],
        else_=0,
    )
    way = (
        sa.select(about.pupil_id, sa.func.max(farthest).label("far"))
        .join(core(Message), message.id == about.message_id)
        .where(message.run_id.in_(run_ids))
        .group_by(about.pupil_id)
        .subquery()
    )
    query = (
        sa.select(pupil.id, pupil.source_id, pupil.forename, pupil.known_as, pupil.surname, pupil.form, way.c.far)
        .join(way, way.c.pupil_id == pupil.id)
        .where(people.on_roll(gateway.today()))
    )
    return {
        id_: Child(id_, source, f"{known_as or forename} {surname}", form, way=_WAYS[-far][0] if far else NOBODY)
        for id_, source, forename, known_as, surname, form, far in await session.execute(query)
    }


async def _add_answers(
    session: Session,
    gateway: context.Gateway,
    run_ids: Sequence[int],
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
        .where(message.run_id.in_(run_ids), reply.run_id.is_not(None))
        .order_by(reply.id, about.pupil_id)
    )  # fmt: skip
    today = gateway.today()
    rows = [row for row in await session.execute(query) if row.pupil_id in children]
    known = await people.load(session, today=today, pupil_ids={row.pupil_id for row in rows})
    for row in rows:
        child = children[row.pupil_id]
        # A digit alone that was not taken for our answer may have been meant for another question.
        in_words = not menu.digit(row.body) and alarm_answers.says_read(row.body, row.language)
        has_read = row.option == alarm_answers.READ or in_words
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


async def note(
    session: Session, gateway: context.Gateway, emergency: Emergency, pupil: str, *, how: str, by: str
) -> EmergencyWord | None:
    """Somebody of the school has told one who answers for a child, by MIS id or UPN; with ``""`` that was a mistake.

    Raises :class:`errors.NotFound` for a child that the emergency does not concern, :class:`errors.BadInput`.
    """
    if len(how) > _LONGEST or "\0" in how:
        raise errors.BadInput([errors.Problem("these words cannot be kept.", f"Write {_LONGEST} characters at most.")])
    concerned = await alarmed.concerned(session, await alarm.run_ids(session, emergency, *_HAS_WORDS))
    t, now = core(Pupil).c, gateway.now()
    ids = await session.scalars(sa.select(t.id).where(sa.or_(t.source_id == pupil, t.upn == pupil)))
    pupil_id = next((one for one in ids if one in concerned), None) if pupil else None
    if pupil_id is None:
        raise errors.NotFound(f"{emergency.key} concerns no child “{pupil}”. Write an MIS id or UPN from its list.")
    table, row = core(EmergencyWord), {"emergency_id": emergency.id, "pupil_id": pupil_id}
    if how.strip():
        word = row | {"at": now, "by": by, "how": how.strip()}
        await upsert.insert(session, table, [word], key=["emergency_id", "pupil_id"], update=["at", "by", "how"])
    else:
        mine = (table.c.emergency_id == emergency.id, table.c.pupil_id == pupil_id)
        await session.execute(sa.delete(table).where(*mine))
    facts = {"pupil": pupil_id, "covered": bool(how.strip())}
    await gateway.log.record(session, audit.Line("emergency.noted", f"emergency:{emergency.id}", facts, by), now=now)
    return await session.get(EmergencyWord, (emergency.id, pupil_id), populate_existing=True)
