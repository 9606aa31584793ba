"""What is remarked beside bad news that is about to be sent: since when nothing good was said of the child."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from gateway import context, runs
from gateway.database import Session
from gateway.definitions import model
from gateway.good_news import balance
from gateway.models import Pupil
from gateway.models.types import core

_NAMED = 5  #: children of whom each is spoken of by name
RECENT = timedelta(days=14)  #: good news as young as that still stands beside bad


def is_one(definition: model.Definition) -> bool:
    """Whether a notice is bad news of a child: its author says so, or its wording is."""
    return balance.is_worry({"worrying": definition.worrying, "template": definition.template})


def without_database(definition: model.Definition) -> list[str]:
    """What can be said of a worry where nobody is on file."""
    if not is_one(definition):
        return []
    return ["This is bad news of a child: handbell notice preview says who has had no good news for long."]


async def of_audience(session: Session, gateway: context.Gateway, definition: model.Definition) -> list[str]:
    """Sentences for whoever is about to send it; none for a notice that is no worry."""
    if not is_one(definition):
        return []
    chosen = await runs.resolve(session, gateway, definition)
    return await remarks(session, gateway, chosen.pupil_ids)


async def remarks(session: Session, gateway: context.Gateway, pupil_ids: Sequence[int]) -> list[str]:
    """Which of these children have had no good news for long, or ever."""
    last, today = await balance.last_good(session, gateway, pupil_ids), gateway.today()
    dry = [one for one in sorted(set(pupil_ids)) if one not in last or last[one] < today - RECENT]
    if len(dry) > _NAMED:
        never = sum(one not in last for one in dry)
        none = f"{len(dry)} of these children have had no good news for {RECENT.days} days, {never} of them never"
        return [f"{none}: handbell balance shows whom."]
    pupil = core(Pupil).c
    query = sa.select(pupil.id, pupil.known_as, pupil.forename, pupil.source_id).where(pupil.id.in_(dry))
    return [
        f"{known_as or forename}: no good news {_since(last.get(one), today)}: add one? "
        f"handbell praise {source_id} effort --from NAME"
        for one, known_as, forename, source_id in await session.execute(query.order_by(pupil.id))
    ]


def _since(last: date | None, today: date) -> str:
    if last is None:
        return "yet"
    return f"since {last.day} {last:%B}{'' if last.year == today.year else f' {last.year}'}"
