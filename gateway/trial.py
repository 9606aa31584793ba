"""Trial mode: a new installation sends to a list of guests alone, until it is ended (``docs/going-live.md``).

The wall holds back everything else (``gateway/guard/trial.py``), and never lets it go later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import addresses, audit, errors, numbers, upsert
from gateway.database import Session
from gateway.models import Sender, Trial, TrialGuest
from gateway.models.types import core

_ONLY: Final = 1  #: the id of the one trial


async def begin_if_new(session: Session, *, wanted: bool, log: audit.Log, now: datetime) -> None:
    """Begin the trial of an installation that has never had a sender: it cannot have sent anything yet.

    To be called before the senders of the settings are written down. Whether it is ``wanted`` is the settings' word.
    """
    if not wanted or await session.scalar(sa.select(core(Sender).c.id).limit(1)) is not None:
        return
    row = {"id": _ONLY, "began_at": now, "ended_at": None, "ended_by": ""}
    if await upsert.insert_new(session, core(Trial), [row], key=("id",)):
        await log.record(session, audit.Line("trial.began"), now=now)


async def found(session: Session) -> Trial | None:
    """The trial that there is or was."""
    return await session.get(Trial, _ONLY)


async def goes_on(session: Session) -> bool:
    """Whether only guests get anything now."""
    t = core(Trial).c
    return await session.scalar(sa.select(t.id).where(t.ended_at.is_(None))) is not None


async def guests(session: Session) -> Sequence[TrialGuest]:
    """The guest list, in the order in which they came."""
    return (await session.scalars(select(TrialGuest).order_by(col(TrialGuest.id)))).all()


async def add_guest(
    session: Session, address: str, name: str, *, actor: str, log: audit.Log, now: datetime
) -> TrialGuest:
    """Let a phone or mailbox get messages. Raises :class:`errors.BadInput` for what is neither."""
    row = {"address": read(address), "name": name, "added_at": now, "added_by": actor}
    added = await upsert.insert_new(session, core(TrialGuest), [row], key=("address",))
    guest = (await session.scalars(select(TrialGuest).where(TrialGuest.address == row["address"]))).one()
    if added:
        await log.record(session, audit.Line("trial.guest_added", f"guest:{guest.id}", actor=actor), now=now)
    return guest


async def remove_guest(session: Session, address: str, *, actor: str, log: audit.Log, now: datetime) -> None:
    """Take a phone or mailbox off the list. Raises :class:`errors.NotFound` where it is not on it."""
    t = core(TrialGuest).c
    gone = await session.scalar(sa.delete(TrialGuest).where(t.address == read(address)).returning(t.id))
    if gone is None:
        raise errors.NotFound("That phone or mailbox is not on the guest list. See handbell trial status.")
    await log.record(session, audit.Line("trial.guest_removed", f"guest:{gone}", actor=actor), now=now)


async def end(session: Session, *, waived: Sequence[str], actor: str, log: audit.Log, now: datetime) -> None:
    """Let messages reach families from now on; ``waived`` are the findings that somebody answers for.

    Raises :class:`errors.Conflict` where no trial goes on.
    """
    t = core(Trial).c
    ended = sa.update(Trial).where(t.ended_at.is_(None)).values(ended_at=now, ended_by=actor).returning(t.id)
    if await session.scalar(ended) is None:
        raise errors.Conflict("No trial goes on: messages reach families.")
    await log.record(session, audit.Line("trial.ended", facts={"waived": sorted(waived)}, actor=actor), now=now)


def read(address: str) -> str:
    """A phone or mailbox as messages have it. Raises :class:`errors.BadInput`."""
    if "@" in address:
        mailbox = addresses.read(address)
        if isinstance(mailbox, errors.Problem):
            raise errors.BadInput([mailbox])
        return mailbox
    number = numbers.read(address)
    if isinstance(number, errors.Problem):
        raise errors.BadInput([number])
    return number.e164
