"""A rehearsal: the whole ladder of a day on the real people, on paper. Nothing is written and nothing is sent.

Every pupil is taken as absent and every question as unanswered, unless pupils are named. So it shows whom each family's
ladder would ask, and the children of whom nobody could be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from channels.base import Medium
from gateway import context, guard, people, planner, runs
from gateway.absence import asking, ladder, rules, sending
from gateway.database import Session
from gateway.models import DaySession, MessageState, Pupil
from gateway.models.types import core


@dataclass(frozen=True, slots=True)
class RungShown:
    """What one rung would do: messages by medium, and why others would get none."""

    number: int
    what: str
    after: timedelta
    messages: Counter[str]
    silent: Counter[str]
    pence: float


@dataclass(frozen=True, slots=True)
class Unreached:
    """A pupil of whom no rung could ask anybody, and why."""

    pupil_id: str
    name: str
    form: str
    reasons: Sequence[str]


@dataclass(slots=True)
class Shown:
    """The rehearsal of one session."""

    day: date
    session: DaySession
    begins: datetime
    school_day: str  #: why it is no school day, ``""`` where it is one
    pupils: int = 0
    rungs: list[RungShown] = field(default_factory=list[RungShown])
    unreached: list[Unreached] = field(default_factory=list[Unreached])
    one_way_only: int = 0


async def rehearse(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    day: date,
    which: DaySession,
    *,
    pupil_ids: Collection[int] | None = None,
) -> Shown:
    """Climb the ladder on paper for a session of a day.

    Raises :class:`errors.BadDefinition` when the words cannot be made.
    """
    moments = decided.year.moments(day, which, decided.timezone)
    shown = Shown(day, which, moments.check, decided.year.days.why_not(day))
    wanted = sorted(pupil_ids) if pupil_ids is not None else await _everybody(session, day)
    known = await people.load(session, today=day, pupil_ids=wanted)
    shown.pupils = len(known.pupils)
    if not known.pupils:
        return shown
    notes = _Notes({pupil_id: set() for pupil_id in known.pupils})
    waited = timedelta(0)
    for number, rung in enumerate(decided.ladder.rungs, 1):
        waited += rung.after
        rows: Sequence[planner.Planned] = ()
        if rung.ask is not None:
            calls = decided.settings.call_after_stop
            choice = asking.choose(
                known, known.pupils, rung, today=day, calls=calls, asked=notes.asked, show_barred=number == 1
            )
            definition = asking.question(
                rung, known, list(known.pupils), key="rehearsal", day=day, worth=decided.ladder.worth_asking,
                again=number > 1,
            )  # fmt: skip
            found = asking.sort(definition, known, choice.listeners.values(), calls=calls)
            means = await runs.means(session, gateway, definition)
            rows = sending.plan(definition, found, known, means, now=moments.check + waited)
            notes.take(rows)
        shown.rungs.append(_shown(rung, number, waited, rows))
    shown.unreached = [
        Unreached(child.source_id, child.called, child.form, notes.why(child.id))
        for child in known.pupils.values()
        if not notes.ways[child.id]
    ]
    shown.one_way_only = sum(len(addresses) == 1 for addresses in notes.ways.values())
    return shown


@dataclass(slots=True)
class _Notes:
    """What earlier rungs have done: by which addresses each pupil's family was asked, who was, and why others not."""

    ways: dict[int, set[str]]
    asked: dict[int, set[tuple[int, Medium]]] = field(default_factory=dict[int, set[tuple[int, Medium]]])
    reasons: dict[int, dict[str, None]] = field(default_factory=dict[int, dict[str, None]])

    def take(self, rows: Sequence[planner.Planned]) -> None:
        """Note the rows of a rung."""
        for row in rows:
            for pupil_id in row.pupil_ids:
                if row.message.state is MessageState.SKIPPED:
                    self.reasons.setdefault(pupil_id, {})[row.message.reason] = None
                else:
                    self.ways[pupil_id].add(row.message.address)
                    self.asked.setdefault(pupil_id, set()).add((row.message.contact_id or 0, row.message.medium))

    def why(self, pupil_id: int) -> list[str]:
        """Why nobody could be asked about a pupil, in sentences."""
        reasons = self.reasons.get(pupil_id, {"nobody": None})
        return [guard.REASONS.get(reason, reason) for reason in reasons if reason != "merged"]


def _shown(rung: ladder.Rung, number: int, waited: timedelta, rows: Sequence[planner.Planned]) -> RungShown:
    leaving = [row.message for row in rows if row.message.state is not MessageState.SKIPPED]
    silent = Counter(row.message.reason for row in rows if row.message.state is MessageState.SKIPPED)
    what = f"task: {rung.task}" if rung.task else f"ask {rung.ask} by {' and '.join(one.value for one in rung.media)}"
    messages = Counter(message.medium.value for message in leaving)
    return RungShown(number, what, waited, messages, silent, sum(message.pence for message in leaving))


async def _everybody(session: Session, day: date) -> list[int]:
    query = sa.select(core(Pupil).c.id).where(people.on_roll(day)).order_by(core(Pupil).c.id)
    return list(await session.scalars(query))
