"""What ``handbell preference show`` says of a contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, people
from gateway.commands import showing
from gateway.database import Session
from gateway.models import Guardianship, Wish
from gateway.models.types import core
from gateway.preferences import load, topics, wishes


@dataclass(frozen=True, slots=True)
class Found:
    """How a contact hears of each topic, what it or its phones said, and what its family got this week."""

    table: Mapping[str, Mapping[Medium, Wish]]
    chosen: Sequence[wishes.Chosen]
    texts: int
    emails: int
    calls: int
    most: int

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        return {
            "topics": {
                topic: {medium.value: wish for medium, wish in row.items()} for topic, row in self.table.items()
            },
            "chosen": [
                {
                    "topic": o.topic,
                    "medium": o.medium,
                    "wish": o.wish,
                    "since": o.since,
                    "how": o.how,
                    "by_phone": bool(o.address),
                }
                for o in self.chosen
            ],
            "this_week": {"texts": self.texts, "emails": self.emails, "calls": self.calls, "texts_at_most": self.most},
        }


async def find(session: Session, gateway: context.Gateway, contact_id: int) -> Found:
    """Look it all up. Raises :class:`errors.NotFound`."""
    chosen = await wishes.shown(session, contact_id)
    tie = core(Guardianship).c
    pupils = list(await session.scalars(sa.select(tie.pupil_id).where(tie.contact_id == contact_id)))
    known = await people.load(session, today=gateway.today(), pupil_ids=pupils)
    got = (await load.week(session, known, at=gateway.now(), timezone=gateway.timezone)).of(contact_id)
    by = {medium: sum(one.medium is medium for one in got) for medium in Medium}
    keys = [*gateway.preferences.topics.topics, topics.OTHER]
    table = wishes.table(chosen, keys)
    return Found(table, chosen, by[Medium.SMS], by[Medium.EMAIL], by[Medium.VOICE], gateway.preferences.per_week)


def show(found: Found, timezone: ZoneInfo) -> None:
    """Print it."""
    rows = [(topic, *(row[medium].replace("_", " ") for medium in wishes.MEDIA)) for topic, row in found.table.items()]
    showing.table(("topic", "by text", "by email", "by call"), rows)
    for one in found.chosen:
        who = "A phone of theirs said so by text" if one.address else f"Chosen by {one.how}"
        topic = "all topics" if one.topic == topics.EVERY else one.topic
        wish = one.wish.replace("_", " ")
        showing.say(f"{topic} by {one.medium}: {wish}. {who}, {showing.when(one.since, timezone)}.")
    most = f" of {found.most}" if found.most else ""
    showing.say(
        f"This week its family got {found.texts}{most} texts that could wait, {showing.count(found.emails, 'email')} "
        f"and {showing.count(found.calls, 'call')}."
    )
    showing.say("Emergencies and a child's safety come at once, whatever stands here.")
