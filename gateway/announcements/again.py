"""Trying again by another way, because somebody at the office says so: by email to those whose number is not in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from channels.base import Medium
from gateway import chosen, context, errors, guard, homes, people, planner, reach
from gateway.announcements import progress
from gateway.audience import Listener
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.models import Message, MessageState, Notice, NoticeState, Run
from gateway.models.types import core

_STEP: Final = 90  #: after every step of a ladder, and after what is tried again by itself
_MEDIA: Final = (Medium.EMAIL, Medium.SMS, Medium.VOICE)


@dataclass(frozen=True, slots=True)
class Offer:
    """A way that is left: so many families of a group have it, and have not been tried by it."""

    medium: Medium
    families: int


async def offers(
    session: Session, gateway: context.Gateway, notice: Notice, run: Run, found: progress.Progress
) -> dict[str, list[Offer]]:
    """The ways that are left for each group of what was read, by the key of its cause."""
    groups = found.groups
    if notice.state not in (NoticeState.DONE, NoticeState.SCHEDULED) or notice.paused_at is not None:
        return {}
    concerned = sorted({child.id for group in groups for child in group.children})
    if not concerned:
        return {}
    known = await people.load(session, today=gateway.today(), pupil_ids=concerned)
    tried, media = await _tried(session, run), (await context.senders(session)).keys()
    mandatory, offered = notice.purpose.mandatory, dict[str, list[Offer]]()
    for group in groups:
        for medium in _MEDIA:
            if medium not in media:
                continue
            left = _left(known, group, medium, tried, gateway, mandatory=mandatory)
            pupils = {pupil_id for listener in left for pupil_id in listener.pupil_ids}
            if pupils:
                offered.setdefault(group.cause.key, []).append(Offer(medium, homes.count(found.homes, pupils)))
    return offered


async def send(
    session: Session, gateway: context.Gateway, notice: Notice, run: Run, group: progress.Group, medium: Medium, *,
    by: str,
) -> int:  # fmt: skip
    """Send it to these by another way; nobody who was told meanwhile gets it. Gives how many people that is.

    Raises :class:`errors.Conflict` where nothing is left to be tried.
    """
    definition = _by(reading.stored(notice.definition), medium)
    known = await people.load(session, today=gateway.today(), pupil_ids=sorted(child.id for child in group.children))
    tried = await _tried(session, run)
    left = _left(known, group, medium, tried, gateway, mandatory=notice.purpose.mandatory)
    if not left:
        raise errors.Conflict("These families have been tried so already, or that way is not open any more.")
    sent = await chosen.add(session, gateway, run, definition, known, left, author=by, changed=_by_hand)
    return sent.contacts


def _by(definition: model.Definition, medium: Medium) -> model.Definition:
    return definition.model_copy(update={"media": [medium], "ladder": []})


def _by_hand(row: planner.Planned) -> planner.Planned:
    message = row.message
    slot = f"{message.slot}:by hand"
    return row._replace(message=message._replace(step=_STEP, slot=slot, only_if=guard.NOT_REACHED))


async def _tried(session: Session, run: Run) -> set[tuple[Medium, str]]:
    """Every phone and mailbox that this run has something for."""
    message = core(Message).c
    query = sa.select(message.medium, message.address).where(
        message.run_id == run.id, message.state != MessageState.SKIPPED
    )
    return {(Medium(medium), address) for medium, address in await session.execute(query)}


def _left(
    known: people.People, group: progress.Group, medium: Medium, tried: set[tuple[Medium, str]],
    gateway: context.Gateway, *, mandatory: bool,
) -> list[Listener]:  # fmt: skip
    today, found = gateway.today(), list[Listener]()
    for contact_id in sorted(group.contact_ids & known.contacts.keys()):
        about = [
            child.id
            for child in group.children
            if any(tie.contact_id == contact_id and not tie.barred_on(today) for tie in known.ties.get(child.id, ()))
        ]
        if not about or known.contacts[contact_id].deceased:
            continue
        ways = reach.ways(known, contact_id, about, medium=medium, mandatory=mandatory)
        fresh = [pupil for point, pupils in ways.found if (medium, point.address) not in tried for pupil in pupils]
        if fresh:
            found.append(Listener(contact_id, sorted(set(fresh))))
    return found
