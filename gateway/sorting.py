"""Who hears by which phone or mailbox, before there are words.

One text per phone, naming every child it is about: contacts who share a phone are merged, and a child is left out of
every phone and mailbox that also belongs to somebody who is barred from that child.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from channels.base import Medium
from gateway import people, reach
from gateway.audience import Audience, Listener
from gateway.definitions import model
from gateway.models import Purpose


@dataclass(slots=True)
class Draft:
    """A message in the making: one phone or mailbox at one step, and the pupils it is about.

    What families prefer, and how much they get, decides the last three fields (``gateway/preferences``).
    """

    step: int
    medium: Medium
    contact: people.Adult
    point: people.Point
    pupil_ids: list[int]
    due_at: datetime | None = None  #: when it goes at the earliest, where that is not its step's time
    digest: bool = False  #: whether it goes then together with others
    remark: str = ""  #: what it waits for, was moved by, or passes

    @property
    def slot(self) -> str:
        """What makes it unique in its run."""
        return f"{self.medium.value}:{self.point.address}:{self.step}"


@dataclass(slots=True)
class Silence:
    """Somebody who gets nothing by one medium at one step, and why."""

    step: int
    medium: Medium
    contact_id: int | None
    pupil_ids: Sequence[int]
    reason: str
    address: str = ""  #: of the phone or mailbox that tells them together with another contact

    @property
    def slot(self) -> str:
        """What makes it unique in its run."""
        who = f"contact:{self.contact_id}" if self.contact_id is not None else f"pupil:{self.pupil_ids[0]}"
        return f"{who}:{self.medium.value}:{self.step}:{self.reason}{self.address}"


@dataclass(slots=True)
class Sorting:
    """Who hears by which phone or mailbox, and who by none: the rows of a run before they have words."""

    drafts: dict[tuple[int, Medium, str], Draft] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)

    def slots(self) -> list[str]:
        """The place of every row in its run."""
        rows: list[Draft | Silence] = [*self.drafts.values(), *self.silences]
        return [row.slot for row in rows]

    def without(self, slots: Set[str]) -> Sorting:
        """But for rows that are there already."""
        return self._where(lambda row: row.slot not in slots) if slots else self

    def about(self, pupil_ids: Collection[int]) -> Sorting:
        """But for rows about other pupils only."""
        ours = set(pupil_ids)
        return self._where(lambda row: not ours.isdisjoint(row.pupil_ids))

    def about_before(self, pupil_id: int) -> Sorting:
        """But for rows about none of the pupils before this one."""
        return self._where(lambda row: min(row.pupil_ids) < pupil_id)

    def _where(self, wanted: Callable[[Draft | Silence], bool]) -> Sorting:
        return Sorting(
            {key: draft for key, draft in self.drafts.items() if wanted(draft)},
            [silence for silence in self.silences if wanted(silence)],
        )


def sort(definition: model.Definition, audience: Audience) -> Sorting:
    """Choose a phone or mailbox for every listener, step and medium, and merge those who share one."""
    sorting, known, purpose = Sorting(), audience.people, definition.purpose
    own = {} if purpose is Purpose.EMERGENCY else _own_ladders(definition.steps, known.orders)
    for step, rung in enumerate(definition.steps):
        for medium in rung.media:
            for listener in audience.listeners:
                if listener.contact_id not in own:
                    _place(sorting, listener, known, step=step, medium=medium, purpose=purpose)
        for listener in audience.listeners if own else ():
            for medium in own.get(listener.contact_id or 0, {}).get(step, ()):
                _place(sorting, listener, known, step=step, medium=medium, purpose=purpose)
    return sorting


def _own_ladders(
    steps: Sequence[model.Step], orders: Mapping[int, Sequence[Medium]]
) -> dict[int, dict[int, Sequence[Medium]]]:
    """The ladder of those with whom another order works: the same steps and waiting times, what reaches them first."""
    if len(steps) < 2:
        return {}

    def turn(step: model.Step, order: Sequence[Medium]) -> int:
        return min([order.index(medium) for medium in step.media if medium in order], default=len(order))

    own = dict[int, dict[int, Sequence[Medium]]]()
    for contact_id, order in orders.items():
        own[contact_id] = dict(enumerate(step.media for step in sorted(steps, key=lambda one: turn(one, order))))
    return own


def _place(
    sorting: Sorting, listener: Listener, known: people.People, *, step: int, medium: Medium, purpose: Purpose
) -> None:
    contact_id, about, silences = listener.contact_id, listener.pupil_ids, sorting.silences
    if listener.reason or contact_id is None:
        silences.append(Silence(step, medium, contact_id, about, listener.reason or "nobody"))
        return
    if purpose.needs_consent and not known.contacts[contact_id].marketing_consent:
        silences.append(Silence(step, medium, contact_id, about, "no_consent"))
        return
    ways = reach.ways(known, contact_id, about, medium=medium, mandatory=purpose.mandatory)
    for point, pupil_ids in ways.found:
        place = (step, medium, point.address)
        draft = sorting.drafts.get(place)
        if draft is None:
            sorting.drafts[place] = Draft(step, medium, known.contacts[contact_id], point, list(pupil_ids))
        else:
            draft.pupil_ids += [pupil_id for pupil_id in pupil_ids if pupil_id not in draft.pupil_ids]
            silences.append(Silence(step, medium, contact_id, pupil_ids, "merged", point.address))
    if ways.left_out:
        silences.append(Silence(step, medium, contact_id, ways.left_out, ways.reason))
