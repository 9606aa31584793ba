"""Whether texts, mails and calls leave: what every page warns of, and what Today answers under "Can we send?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, select

from channels.base import Medium
from gateway import outbox
from gateway.database import Session
from gateway.models import Sender

_SLOW: Final = timedelta(minutes=1)  #: what is due for longer than so does not leave as it should
#: In the order in which an office asks; with what they do, as the words around them want it.
WORDS: Final = {Medium.SMS: "Texts", Medium.EMAIL: "Emails", Medium.VOICE: "Calls"}


@dataclass(frozen=True, slots=True)
class Carrier:
    """One medium.

    ``down_since``  when the provider stopped dealing with us, of the last sender that has one
    ``because``     what is known of that, as a sentence
    ``waiting``     messages that are queued; ``oldest`` since when the first of them has been due
    """

    medium: Medium
    down_since: datetime | None
    because: str
    waiting: int
    oldest: datetime | None

    @property
    def name(self) -> str:
        """How people call them: Texts."""
        return WORDS[self.medium]

    def wait(self, now: datetime) -> timedelta:
        """How long what is due has been waiting; nothing where all is well."""
        waits = now - self.oldest if self.oldest else timedelta(0)
        return waits if waits > _SLOW else timedelta(0)


async def read(session: Session) -> Sequence[Carrier]:
    """Every medium by which the school sends anything. One is down where every sender of it is."""
    senders = list(await session.scalars(select(Sender).where(col(Sender.active)).order_by(col(Sender.id))))
    queued = await outbox.waiting(session)
    found: list[Carrier] = []
    for medium in WORDS:
        of = [sender for sender in senders if sender.medium is medium]
        if not of:
            continue
        down = [sender for sender in of if sender.open_since is not None]
        since = max((sender.open_since for sender in down if sender.open_since), default=None)
        mine = [one for (name, _), one in queued.items() if name == medium.value]
        oldest = min((since for _, since in mine if since), default=None)
        found.append(
            Carrier(
                medium,
                since if len(down) == len(of) else None,
                down[-1].held_because if down else "",
                sum(number for number, _ in mine),
                oldest,
            )
        )
    return found
