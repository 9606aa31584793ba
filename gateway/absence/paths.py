"""The way round a STOP: whoever wants no texts is still asked where a child is, by another way, or the next are.

STOP closes texts to that phone for good, and the guard sees to it. An email is another way; so is a call, where the
school says so. Staff have one task, which says what is lost and what takes its place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from channels.base import Medium
from gateway import people, reach, tasks
from gateway.absence import rules
from gateway.database import Session
from gateway.models import Conversation, Guardianship, OptOut, PointKind
from gateway.models.types import core

_INSTEAD = {
    Medium.EMAIL: "Absences are asked about by email instead.",
    Medium.VOICE: "Absences are asked about by a call instead.",
    None: "An absence cannot be asked about there at all: the next contact is asked at once, or nobody can be.",
}
_LOST = "Somebody has stopped our texts: absence checks and emergencies do not reach that phone as a text any more. "
_CURE = "Agree another way with them, or ask them to text START to our number. See handbell contact show."


def media(
    known: people.People, contact_id: int, pupil_ids: Sequence[int], wanted: Sequence[Medium], *, calls: bool
) -> Sequence[Medium]:
    """By which media somebody is asked where these are wanted: with another one in place of texts that they stopped."""
    if not _has_stopped(known, contact_id):
        return wanted
    allowed = [one for one in wanted if one is not Medium.VOICE or calls]
    if Medium.SMS not in wanted or any(_reaches(known, contact_id, pupil_ids, one) for one in allowed):
        return allowed
    instead = instead_of_texts(known, contact_id, pupil_ids, calls=calls)
    return [*allowed, instead] if instead else allowed


def instead_of_texts(known: people.People, contact_id: int, pupil_ids: Sequence[int], *, calls: bool) -> Medium | None:
    """What takes the place of texts for somebody, None for nothing."""
    others = (Medium.EMAIL, Medium.VOICE) if calls else (Medium.EMAIL,)
    return next((one for one in others if _reaches(known, contact_id, pupil_ids, one)), None)


def has_question(
    asked: Collection[tuple[int, Medium]], known: people.People, contact_id: int, by: Sequence[Medium]
) -> bool:
    """Whether somebody has a question by one of these media; a text that was answered with STOP is none."""
    stopped = _has_stopped(known, contact_id)
    return any((contact_id, one) in asked for one in by if not (stopped and one is Medium.SMS))


def _has_stopped(known: people.People, contact_id: int) -> bool:
    return any(
        known.opted_out.get((Medium.SMS, point.address), False)
        for point in known.points.get(contact_id, ())
        if point.kind is PointKind.PHONE
    )


def _reaches(known: people.People, contact_id: int, pupil_ids: Sequence[int], medium: Medium) -> bool:
    return bool(reach.ways(known, contact_id, pupil_ids, medium=medium, mandatory=True).found)


async def tell_staff(
    session: Session, conversation: Conversation, owners: Sequence[int], decided: rules.Rules, *, known: people.People
) -> None:
    """Let the task that a STOP has opened say what is lost for these people, and what takes its place."""
    t, tie = core(OptOut).c, core(Guardianship).c
    stop = await session.scalar(
        sa.select(t.id).where(t.medium == Medium.SMS, t.address == conversation.address, t.mandatory_too)
    )
    if stop is None:
        return
    found = list[str]()
    for contact_id in owners:
        query = sa.select(tie.pupil_id).where(tie.contact_id == contact_id)
        pupil_ids = [one for one in await session.scalars(query) if one in known.pupils]
        instead = instead_of_texts(known, contact_id, pupil_ids, calls=decided.settings.call_after_stop)
        found.append(_INSTEAD[instead])
    what = _LOST + " ".join(dict.fromkeys(found))
    await tasks.reword(session, tasks.Ask("stopped", f"opt_out:{stop}", what, _CURE))
