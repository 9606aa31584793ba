"""What families prefer, and how much they get, applied to a run before it has words.

A draft stays as it is, waits for the digest, moves to another medium, or becomes a silence with its reason. What is
urgent passes all of that, what the school must say passes the limit, and each says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from channels.base import Medium
from gateway import people, reach, sorting
from gateway.database import Session
from gateway.definitions import model
from gateway.models import Wish
from gateway.preferences import load, rules, topics, wishes
from templates import library

PREFERENCE_PASSED: Final = "Passes what this family prefers: it cannot wait."
LIMIT_PASSED: Final = "Passes the limit of texts to a family: it has to be said."
IN_DIGEST: Final = "Goes with the day's digest."
OVER_SOON: Final = "Goes by itself: by the next digest it would be over."
ASKS: Final = "Goes by itself: it asks for an answer."
BRINGS_FILES: Final = "Goes by itself: it brings files along."
BY_EMAIL: Final = "By email, as this family prefers."
LIMITED_TO_EMAIL: Final = "By email: the family has had as many texts as it may get."

LIMITED: Final = frozenset({"over_limit", "by_email"})  #: reasons of whom the limit of texts concerns

_MORE: Final = {Wish.OFF: 0, Wish.DIGEST: 1, Wish.AT_ONCE: 2}
_MARGIN = timedelta(minutes=15)  #: a digest needs so long to leave
_OTHERS: Final = {Medium.SMS: (Medium.EMAIL,), Medium.EMAIL: (Medium.SMS,), Medium.VOICE: (Medium.SMS, Medium.EMAIL)}


@dataclass(frozen=True, slots=True)
class When:
    """When the steps of a run are due, and when all of it is over."""

    dues: Sequence[datetime]
    ends: datetime | None


@dataclass(slots=True)
class _Run:
    """A run that is being arranged."""

    definition: model.Definition
    known: people.People
    found: sorting.Sorting
    rules: rules.Rules
    when: When
    media: Collection[Medium]
    passes: str = ""  #: why it goes past the limit though it could wait
    wanted: wishes.Wishes = field(default_factory=wishes.Wishes)
    digests: dict[int, datetime] = field(default_factory=dict[int, datetime])

    def silence(self, draft: sorting.Draft, reason: str, pupil_ids: Sequence[int] = ()) -> None:
        """Let a draft be a silence."""
        self.found.drafts.pop((draft.step, draft.medium, draft.point.address), None)
        pupils = list(pupil_ids or draft.pupil_ids)
        self.found.silences.append(sorting.Silence(draft.step, draft.medium, draft.contact.id, pupils, reason))

    def hold(self, draft: sorting.Draft) -> bool:
        """Let a draft wait for the digest. False, with the reason, where it cannot."""
        at = self.digests.get(draft.step)
        if at is None:
            at = self.digests[draft.step] = self.rules.next_digest(self.when.dues[draft.step])
        if asks(self.definition):
            draft.remark = ASKS
        elif draft.medium is Medium.EMAIL and (self.definition.attachments or self.definition.event):
            draft.remark = BRINGS_FILES
        elif self.when.ends is not None and self.when.ends < at + _MARGIN:
            draft.remark = OVER_SOON
        else:
            draft.digest, draft.due_at, draft.remark = True, at, IN_DIGEST
        return draft.digest

    def move(self, draft: sorting.Draft, media: Sequence[Medium], *, remark: str) -> bool:
        """Let a draft go by another medium that this contact does not decline. False where there is none."""
        mandatory = self.definition.purpose.mandatory
        for medium in media:
            if medium not in self.media:
                continue
            ways = reach.ways(self.known, draft.contact.id, draft.pupil_ids, medium=medium, mandatory=mandatory)
            free = [
                (point, pupils)
                for point, pupils in ways.found
                if self.wanted.of(draft.contact.id, point.address, medium) is not Wish.OFF
            ]
            for point, pupils in free:
                self._put(draft, medium, point, pupils, remark=remark)
            if free:
                self.silence(draft, f"by_{medium.value}")
                return True
        return False

    def _put(
        self, draft: sorting.Draft, medium: Medium, point: people.Point, pupils: Sequence[int], *, remark: str
    ) -> None:
        there = self.found.drafts.get((draft.step, medium, point.address))
        if there is not None:
            there.pupil_ids += [one for one in pupils if one not in there.pupil_ids]
            return
        moved = sorting.Draft(draft.step, medium, draft.contact, point, list(pupils), remark=remark)
        self.found.drafts[draft.step, medium, point.address] = moved
        if self.wanted.of(draft.contact.id, point.address, medium) is Wish.DIGEST:
            self.hold(moved)


async def arrange(
    session: Session,
    ruled: rules.Rules,
    definition: model.Definition,
    known: people.People,
    found: sorting.Sorting,
    *,
    when: When,
    media: Collection[Medium],
    run_id: int | None = None,
    passes: str = "",
) -> load.Load | None:
    """Apply preferences and limits to what was sorted, in place. Gives what the families got this week, if asked for.

    ``media`` are those by which it could go; ``run_id`` is the run that is planned: its own rows are no load.
    ``passes`` is what a row says that goes past the limit though it could wait, ``""`` where none does.
    """
    run = _Run(definition, known, found, ruled, when, media, passes)
    await _prefer(session, run)
    if not load.can_wait(definition):
        return None
    got = await load.week(session, known, at=when.dues[0], timezone=ruled.timezone, without_run=run_id)
    if got.got and ruled.most(definition.purpose).any:
        _limit(run, got)
    _keep_distance(run)
    return got


async def _prefer(session: Session, run: _Run) -> None:
    """What each contact has chosen to hear of, and how."""
    definition, drafts = run.definition, list(run.found.drafts.values())
    topic = topics.declinable(definition)
    if not drafts or not (topic or definition.purpose.urgent):
        return
    contacts = {draft.contact.id for draft in drafts} | _sharers(run.found)
    addresses = {point.address for one in contacts for point in run.known.points.get(one, ())}
    run.wanted = await wishes.load(
        session, topic or definition.topic or topics.OTHER, contact_ids=contacts, addresses=addresses
    )
    if not run.wanted:
        return
    for draft in drafts:
        wish = _wish(run, draft)
        if wish is Wish.AT_ONCE:
            continue
        if definition.purpose.urgent:
            draft.remark = PREFERENCE_PASSED
        elif wish is Wish.DIGEST:
            run.hold(draft)
        elif not run.move(draft, _OTHERS[draft.medium], remark=BY_EMAIL):
            run.silence(draft, "declined")
    _keep_distance(run)


def _wish(run: _Run, draft: sorting.Draft) -> Wish:
    """What is wanted of a draft: of several who share a phone, by the one who wants most; it goes in that name."""
    wish, wants_most = run.wanted.of(draft.contact.id, draft.point.address, draft.medium), None
    for silence in run.found.silences if wish is not Wish.AT_ONCE else ():
        merged = (silence.step, silence.medium, silence.address) == (draft.step, draft.medium, draft.point.address)
        if silence.reason != "merged" or not merged or silence.contact_id is None:
            continue
        theirs = run.wanted.of(silence.contact_id, draft.point.address, draft.medium)
        if _MORE[theirs] > _MORE[wish]:
            wish, wants_most = theirs, silence
    if wants_most is not None and wants_most.contact_id is not None:
        points = run.known.points.get(wants_most.contact_id, ())
        draft.point = next(point for point in points if point.address == draft.point.address)
        other, draft.contact = draft.contact.id, run.known.contacts[wants_most.contact_id]
        wants_most.contact_id = other
    return wish


def _sharers(found: sorting.Sorting) -> set[int]:
    """The contacts who are told by another's phone."""
    return {one.contact_id for one in found.silences if one.reason == "merged" and one.contact_id is not None}


def _limit(run: _Run, got: load.Load) -> None:
    """What goes beyond the texts that a family may get."""
    ruled, purpose = run.rules, run.definition.purpose
    days = [due.astimezone(ruled.timezone).date() for due in run.when.dues]
    for draft in list(run.found.drafts.values()):
        if draft.medium is not Medium.SMS or draft.digest:
            continue
        if not load.is_over(got, draft.contact.id, days[draft.step], ruled.most(purpose)):
            continue
        if purpose.mandatory or run.passes:
            draft.remark = draft.remark or run.passes or LIMIT_PASSED
        elif ruled.over == "digest" and run.hold(draft):
            continue
        elif ruled.over == "skip" or not run.move(draft, (Medium.EMAIL,), remark=LIMITED_TO_EMAIL):
            run.silence(draft, "over_limit")


def _keep_distance(run: _Run) -> None:
    """Later steps for whoever waits for the digest wait as long after it as they would have otherwise."""
    waiting = {d.contact.id: d for d in run.found.drafts.values() if d.digest}
    if not waiting:
        return
    for draft in run.found.drafts.values():
        first = waiting.get(draft.contact.id)
        if first is not None and first.due_at is not None and draft.step > first.step and not draft.digest:
            dues = run.when.dues
            draft.due_at = first.due_at + (dues[draft.step] - dues[first.step])


def asks(definition: model.Definition) -> bool:
    """Whether families are to answer, which they cannot where several notices are one text."""
    wording = library.notices().get(definition.template)
    replies = definition.replies
    return bool(replies.expected or replies.options or (wording and wording.answers))
