"""What an announcement would come to, in families: counted from the same rows that would be planned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from channels.base import Medium
from gateway import context, homes, notices, planner, runs
from gateway.announcements import causes, progress
from gateway.audience import Audience
from gateway.database import Session
from gateway.definitions import model
from gateway.models import MessageState, Purpose
from templates import languages

_MEDIA: Final = (Medium.SMS, Medium.EMAIL, Medium.VOICE)


@dataclass(frozen=True, slots=True)
class Sample:
    """The words of one medium as the first family of a language would get them."""

    subject: str
    text: str
    script: Mapping[str, Any] | None
    language: str
    state: str
    parts: int
    each: float  #: pence of one


@dataclass(slots=True)
class Language:
    """The families that read one language. ``samples`` are there for the media that anybody of them is told by."""

    tag: str
    families: int = 0
    reached: int = 0
    parts: int = 0  #: of all first texts together
    pence: float = 0.0
    samples: dict[Medium, Sample] = field(default_factory=dict[Medium, Sample])

    @property
    def name(self) -> str:
        """In English."""
        return languages.english(self.tag)

    @property
    def sample(self) -> Sample | None:
        """The words by the first medium that there are any for."""
        return next((self.samples[medium] for medium in _MEDIA if medium in self.samples), None)


@dataclass(frozen=True, slots=True)
class Outlook:
    """All of it. ``first_by`` are families by what reaches them first; ``pence`` is expected, ``most_pence`` where no
    step is spared; ``barred`` people are left out; ``meter`` says what the families got this week.
    """

    seen: notices.Preview
    families: int
    children: int
    groups: Sequence[progress.Group]
    languages: Sequence[Language]
    first_by: Mapping[Medium, int]
    parts: int
    pence: float
    most_pence: float
    people: int
    barred: int

    @property
    def unreachable(self) -> int:
        """Families of whom some child's news would reach nobody."""
        return progress.families_of(self.groups)

    @property
    def reachable(self) -> int:
        """All others."""
        return self.families - self.unreachable


async def read(session: Session, gateway: context.Gateway, definition: model.Definition) -> Outlook:
    """Work it out; writes nothing. Raises :class:`errors.BadDefinition` when the words cannot be made."""
    seen = await notices.preview(session, gateway, definition)
    return of(seen, today=gateway.today(), default_language=gateway.settings.school.language)


def of(seen: notices.Preview, *, today: date, default_language: str) -> Outlook:
    """The same from a preview that is there already."""
    families = families_of(seen.audience, today=today)
    concerned = {pupil_id for row in seen.rows for pupil_id in row.pupil_ids} | set(seen.audience.pupil_ids)
    going = [row for row in seen.rows if row.message.state is not MessageState.SKIPPED]
    groups = _groups(seen, concerned, families)
    lost = {families.get(child.id, child.id) for group in groups for child in group.children}
    expected = _first_of_each(going)
    spoken = _languages(seen, concerned, families, default_language)
    return Outlook(
        seen,
        homes.count(families, concerned),
        len(concerned),
        groups,
        _by_language(expected, spoken, families, lost, seen, default_language),
        _first_by(expected, families),
        sum(row.message.parts for row in expected if row.message.medium is Medium.SMS),
        sum(row.message.pence for row in expected),
        sum(row.message.pence for row in going),
        len({row.message.contact_id for row in going}),
        len({listener.contact_id for listener in seen.audience.listeners if listener.reason == "barred"}),
    )


def families_of(chosen: Audience, *, today: date) -> dict[int, int]:
    """The family of each child of an audience."""
    ties = (tie for several in chosen.people.ties.values() for tie in several)
    return homes.of(map(homes.home_of, ties), today=today)


def _first_of_each(going: Sequence[planner.Planned]) -> list[planner.Planned]:
    """What each person is told by first; later steps are only for those whom it does not reach."""
    first = dict[int, int]()
    for row in going:
        contact_id = row.message.contact_id or 0
        first[contact_id] = min(first.get(contact_id, row.message.step), row.message.step)
    return [row for row in going if row.message.step == first[row.message.contact_id or 0]]


def _first_by(expected: Sequence[planner.Planned], families: Mapping[int, int]) -> dict[Medium, int]:
    ways = dict[int, tuple[int, int]]()
    for row in expected:
        way = (row.message.step, _MEDIA.index(row.message.medium))
        for pupil_id in row.pupil_ids:
            family = families.get(pupil_id, pupil_id)
            ways[family] = min(ways.get(family, way), way)
    count = Counter(_MEDIA[place] for _, place in ways.values())
    return {medium: count[medium] for medium in _MEDIA if count[medium]}


def _languages(seen: notices.Preview, concerned: set[int], families: Mapping[int, int], default: str) -> dict[int, str]:
    """What each family reads. Where those who are told read several languages, one that is not ours counts."""
    tags = dict[int, str]()
    for listener in seen.audience.listeners:
        contact = seen.audience.people.contacts.get(listener.contact_id or 0)
        if contact is None or listener.reason:
            continue
        tag = contact.written_language or default
        for pupil_id in set(listener.pupil_ids) & concerned:
            family = families.get(pupil_id, pupil_id)
            known = tags.get(family, default)
            tags[family] = tag if known == default else min(known, tag) if tag != default else known
    return {family: tags.get(family, default) for family in {families.get(one, one) for one in concerned}}


def _by_language(
    expected: Sequence[planner.Planned],
    spoken: Mapping[int, str],
    families: Mapping[int, int],
    lost: set[int],
    seen: notices.Preview,
    default: str,
) -> list[Language]:
    found = dict[str, Language]()
    for family, tag in spoken.items():
        one = found.setdefault(tag, Language(tag))
        one.families += 1
        one.reached += family not in lost
    for row in expected:
        family = families.get(row.pupil_ids[0], row.pupil_ids[0])
        one = found[spoken.get(family, default)]
        one.pence += row.message.pence
        one.parts += row.message.parts if row.message.medium is Medium.SMS else 0
    for row in seen.rows:
        message = row.message
        read_by = found.get(row.wanted)
        if message.body and read_by is not None and message.medium not in read_by.samples:
            read_by.samples[message.medium] = Sample(
                message.subject, message.body, message.script, message.language, message.words_state, message.parts,
                message.pence,
            )  # fmt: skip
    return sorted(found.values(), key=lambda one: (one.tag != default, -one.families, one.name))


def _groups(seen: notices.Preview, concerned: set[int], families: Mapping[int, int]) -> list[progress.Group]:
    """The children of whom nobody would be told, by what is to be done about it."""
    told = {one for row in seen.rows if row.message.state is not MessageState.SKIPPED for one in row.pupil_ids}
    reasons, people = defaultdict[int, list[str]](list), defaultdict[int, set[int]](set)
    for row in seen.rows:
        for pupil_id in set(row.pupil_ids) - told:
            reasons[pupil_id].append(row.message.reason)
            if row.message.contact_id is not None:
                people[pupil_id].add(row.message.contact_id)
    by_cause = defaultdict[causes.Cause, list[int]](list)
    for pupil_id in sorted(concerned - told):
        others = [reason for reason in reasons[pupil_id] if reason not in progress.NOT_ASKED]
        by_cause[causes.of(others or reasons[pupil_id])].append(pupil_id)
    pupils = seen.audience.people.pupils
    found = [
        progress.Group(
            cause,
            homes.count(families, ids),
            sorted(
                (progress.Untold(one, f"{pupils[one].called} {pupils[one].surname}", pupils[one].form) for one in ids),
                key=lambda child: (child.form, child.name),
            ),
            frozenset().union(*(people[one] for one in ids)),
        )
        for cause, ids in by_cause.items()
    ]
    return sorted(found, key=lambda group: (-group.families, causes.EVERY.index(group.cause)))


async def count(session: Session, gateway: context.Gateway, definition: model.Definition) -> Outlook:
    """The same before there are words: who would be told, and who not. It has no samples and costs nothing."""
    chosen = await runs.resolve(session, gateway, definition)
    found, _ = await runs.sort(session, gateway, definition, chosen, fire_at=gateway.now())
    now = gateway.now()
    rows = [_bare(one.step, one.medium, one.contact.id, one.pupil_ids, "", now) for one in found.drafts.values()]
    rows += [_bare(one.step, one.medium, one.contact_id, one.pupil_ids, one.reason, now) for one in found.silences]
    seen = notices.Preview(definition, chosen, rows, now)
    return of(seen, today=gateway.today(), default_language=gateway.settings.school.language)


def _bare(
    step: int, medium: Medium, contact_id: int | None, pupil_ids: Sequence[int], reason: str, now: datetime
) -> planner.Planned:
    state = MessageState.SKIPPED if reason else MessageState.QUEUED
    row = planner.Row(
        "", contact_id, None, None, "", "", "", "", "", "", None, "", 0, 0.0, state, reason, "", "", medium, step,
        Purpose.SERVICE, 0, now, None, "", now, now,
    )  # fmt: skip
    return planner.Planned(row, pupil_ids)
