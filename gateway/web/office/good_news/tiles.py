"""What stands on a class's page: each child with its wait, what has not left yet, and what families wrote back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from gateway import context, people
from gateway.absence import board
from gateway.database import Session
from gateway.good_news import balance, hours, kinds, nudging, praising
from gateway.models import Pupil
from gateway.models.types import core
from gateway.translating import gists
from gateway.web.office import naming, visitors
from gateway.web.office.rights import Right

#: From so many weeks on a tile has the colour of its step; the longest wait first.
_STEPS: Final = ((7, 4), (4, 3), (2, 2), (0, 1))
_SAID_BACK: Final = timedelta(days=60)  #: how old an answer may be that is shown
_MOST_WAITING: Final = 200

#: How each kind is called on its button.
LABELS: Final[Mapping[str, str]] = {
    "kindness": "Kind",
    "effort": "Worked hard",
    "progress": "Getting better",
    "attendance": "Always here",
    kinds.OTHER: "My own words",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One child; ``name`` is short, and that of nobody else in the class.

    ``days`` since the last good news left, None for never; ``goes_at`` where some waits to leave.
    """

    child: balance.Child
    name: str
    days: int | None
    goes_at: datetime | None

    @property
    def weeks(self) -> int | None:
        """Whole weeks of waiting."""
        return None if self.days is None else self.days // 7

    @property
    def step(self) -> int:
        """How strongly the tile is tinted, from 1 to 4."""
        weeks = self.weeks
        return 4 if weeks is None else next(step for least, step in _STEPS if weeks >= least)

    @property
    def wait(self) -> str:
        """In words."""
        if self.weeks is None:
            return "None yet"
        return "This week" if self.weeks == 0 else f"{naming.count(self.weeks, 'week')} ago"


async def forms(session: Session, visitor: visitors.Visitor, today: date) -> list[str]:
    """The classes that somebody may write about, in the order of years."""
    pupil = core(Pupil).c
    query = sa.select(pupil.form).where(people.on_roll(today), pupil.form != "").distinct()
    return sorted((form for form in await session.scalars(query) if visitor.sees(form)), key=board.by_year)


async def read(
    session: Session, gateway: context.Gateway, visitor: visitors.Visitor, form: str, *, by_name: bool
) -> dict[str, Any]:
    """The values of a class's page."""
    found = await balance.of(session, gateway, balance.Wanted(hours.counted_from(gateway), form))
    children = [one for one in found.children if one.pupil.form == form]
    waiting = await praising.listed(session, waiting=True, form=form, limit=_MOST_WAITING)
    goes = {one.praise.pupil_id: one.praise.due_at for one in waiting}
    names, today = nudging.names_of(children), gateway.today()
    if visitor.hide_names:
        names = {one.pupil.id: naming.plain(one.pupil, hide=True) for one in children}
    made = [
        Tile(one, names[one.pupil.id], (today - one.last_good).days if one.last_good else None, goes.get(one.pupil.id))
        for one in children
    ]
    if by_name:
        made.sort(key=lambda tile: (tile.child.pupil.called.casefold(), tile.child.pupil.surname.casefold()))
    said = list[tuple[praising.Heard, str]]()
    if visitor.may(Right.SEE_REPLIES):
        heard = await praising.heard_back(session, form, since=gateway.now() - _SAID_BACK)
        english = await gists.of(session, [one.reply.id or 0 for one in heard])
        said = [(one, english.get(one.reply.id or 0, "")) for one in heard]
    return {
        "form": form,
        "tiles": made,
        "by_name": by_name,
        "title": title(made, form),
        "good": sum(one.good for one in children),
        "since": found.since,
        "waiting": waiting,
        "said_back": said,
        "leaves_at": hours.following(gateway),
        "most": gateway.settings.good_news.most_characters,
        "kinds": [(kind, LABELS.get(kind, kind.capitalize())) for kind in dict.fromkeys([*LABELS, *kinds.every()])],
        "labels": LABELS,
    }


def title(tiles: Sequence[Tile], form: str) -> str:
    """The state of affairs: who has waited for longest, and never how much a teacher has praised."""
    left = [tile for tile in tiles if tile.goes_at is None]
    never = sum(tile.days is None for tile in left)
    if not tiles:
        return f"Nobody is in {form}"
    if never:
        return f"{_number(never)} {'has' if never == 1 else 'have'} had no good news yet"
    for least, _ in _STEPS[:3]:
        waits = sum((tile.weeks or 0) >= least for tile in left)
        if waits:
            return f"{_number(waits)} {'has' if waits == 1 else 'have'} waited {least} weeks or more"
    return f"Everybody in {form} has had good news in the last two weeks"


_WORDS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def _number(count: int) -> str:
    return f"{_WORDS[count] if count < len(_WORDS) else count} {'child' if count == 1 else 'children'}"
