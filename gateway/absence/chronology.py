"""One case from its first mark to the state of the child, as a page to print for safeguarding or the police."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import jinja2
import sqlalchemy as sa

from gateway import audit, errors, numbers
from gateway.absence import cases, states, telling, views
from gateway.database import Session
from gateway.models import (
    About,
    AbsenceCase,
    AbsenceStep,
    CaseState,
    Contact,
    Guardianship,
    Message,
    MessageState,
    Pupil,
    Reply,
)
from gateway.models.types import core

_MEDIA = {"sms": "text", "email": "email", "voice": "call"}
_WENT = {
    MessageState.DELIVERED: "arrived",
    MessageState.ACCEPTED: "sent",
    MessageState.FAILED: "did not arrive",
    MessageState.SKIPPED: "was not sent",
    MessageState.EXPIRED: "came too late to send",
    MessageState.CANCELLED: "was taken back",
    MessageState.QUEUED: "waits to go",
    MessageState.SENDING: "is on its way",
    MessageState.UNKNOWN: "nobody can tell whether it arrived",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the chronology; ``detail`` lines stand below it."""

    at: datetime
    who: str
    what: str
    detail: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page shows."""

    case: AbsenceCase
    pupil: Pupil
    to_ring: Sequence[views.ToRing]
    entries: Sequence[Entry]


async def read(session: Session, case_id: int, *, today: date) -> Page:
    """Put a case's chronology together.

    Raises :class:`errors.NotFound`.
    """
    case = await session.get(AbsenceCase, case_id)
    if case is None:
        raise errors.NotFound(f"There is no absence case {case_id}.")
    pupil = await session.get_one(Pupil, case.pupil_id)
    t = core(AbsenceStep).c
    query = sa.select(AbsenceStep).where(t.case_id == case_id, t.kind != cases.KEPT).order_by(t.at, t.id)
    steps = list(await session.scalars(query))
    messages = await _messages(session, case, [step.run_id for step in steps if step.run_id is not None])
    replies = await _replies(session, [step.reply_id for step in steps if step.reply_id is not None])
    entries = [as_entry(step, messages, replies) for step in steps]
    return Page(case, pupil, await views.to_ring(session, case.pupil_id, today=today), entries)


async def _messages(session: Session, case: AbsenceCase, run_ids: Sequence[int]) -> dict[int, list[str]]:
    """What went to whom in each run about this pupil, and what became of it."""
    m, about, tie = core(Message).c, core(About).c, core(Guardianship).c
    query = (
        sa.select(Message, Contact, tie.relation)
        .join(core(About), sa.and_(about.message_id == m.id, about.pupil_id == case.pupil_id))
        .outerjoin(Contact, core(Contact).c.id == m.contact_id)
        .outerjoin(core(Guardianship), sa.and_(tie.contact_id == m.contact_id, tie.pupil_id == case.pupil_id))
        .where(m.run_id.in_(run_ids))
        .order_by(m.run_id, m.id)
    )
    found: dict[int, list[str]] = {}
    for message, contact, relation in await session.execute(query):
        who = contact.full_name if contact else ""
        who = f"{who} ({relation.lower()})" if relation else who
        address = numbers.at_home(message.address) if numbers.is_phone(message.address) else message.address
        where = " to ".join(filter(None, [_MEDIA[message.medium.value], address]))
        what = ": ".join(filter(None, [_WENT.get(message.state, message.state.value), message.reason_text]))
        line = f"{', '.join(filter(None, [where, who]))}: {what}"
        found.setdefault(message.run_id or 0, []).append(line)
    return found


async def _replies(session: Session, reply_ids: Sequence[int]) -> dict[int, str]:
    query = sa.select(Reply).where(core(Reply).c.id.in_(reply_ids))
    return {reply.id or 0: reply.keys or reply.body for reply in await session.scalars(query)}


def as_entry(step: AbsenceStep, messages: Mapping[int, Sequence[str]], replies: Mapping[int, str]) -> Entry:
    """A step as a line: with what went out in its run, and the words of its reply."""
    detail = list(messages.get(step.run_id or 0, ())) if step.kind in ("asked", "told", "unreached", "reminded") else []
    if step.reply_id is not None and step.kind == "answer":
        detail.append(f"“{replies.get(step.reply_id, '')}”")
    return Entry(step.at, step.who, _said(step), detail)


_SENTENCES: Final[Mapping[str, str]] = {
    "opened": "Marked absent, and nobody knew why.",
    "begun": "Begun: {why}.",
    "asked": "Step {rung}, {who} asked:",
    "unreached": "Step {rung}, {who}: nobody could be asked this way.",
    "failed": "None of these questions arrived: the next step at once.",
    "answer": "{by} answered{intent}.",
    "mark": "The mark became {after}, from {before} ({source}).",
    "task": "A person was asked to {task}.",
    "urgent": "A person was asked to {task}, at once.",
    "alerted": "Staff were told by text.",
    "told": "Whoever had been asked was told ({what}):",
    "reminded": "Day {day} without a reason, reminded:",
    "decided": "Code {code} was decided.",
    "rang": "{by} rang and did not get through: {words}.",
    "wrong_number": "A number on file is not the family's: it is asked no more.",
}


#: How a case came to stand as it does, by whom; why it did stands after it, where that says more.
_BECAME: Final[Mapping[str, str]] = {
    CaseState.ASKING: "Asked on",
    CaseState.UNREAD: "{by} answered: a person must read it",
    CaseState.EXPECTED: "{by} says that the child is on the way",
    CaseState.TO_CONFIRM: "{by} says why, to be confirmed",
    CaseState.ALARM: "Look for the child now",
    CaseState.SEEN: "In school, says {by}",
    CaseState.EXPLAINED: "Explained by {by}",
    CaseState.SAFE: "Safe, says {by}",
    CaseState.HANDED_OVER: "{by} takes over",
}
_WHY: Final[Mapping[str, str]] = {
    "nobody has read the answer": "nobody has read what {by} answered",
    "a person asks on": "{by} wants to know more",
    "a person takes it back": "the last word is taken back",
    "not arrived": "nobody has come, though {by} said so",
    "disagrees": "what {by} told and the register disagree",
    "safeguarding concern": "what {by} wrote is a worry",
}

NOBODY_TO_RING: Final = "Nobody on file may be rung about this child: go to the safeguarding lead."

_ASKED: Final[Mapping[str, str]] = {
    "main": "the first contact", "others": "the other contacts", "emergency": "emergency contacts",
}  # fmt: skip
#: What a person was asked to do.
_TASKS: Final[Mapping[str, str]] = {
    "phone": "phone the family",
    "alarm": "look for the child",
    "seen": "look whether the child is here",
    "word": "read an answer that came late",
    "read": "read the answer",
    "unsure": "say whose answer it is",
    "confirm": "confirm the reason",
    "worry": "look at a worry of the school’s",
}
#: What those who had been asked were told.
_TOLD: Final[Mapping[str, str]] = {
    telling.ARRIVED: "arrived safely", telling.IN_SCHOOL: "in school after all", telling.SETTLED: "all is well",
}  # fmt: skip
#: Reasons that say no more than the sentence before them.
_PLAIN: Final = frozenset({"a person", "other", "nobody answered", "on the way", "not understood"})


def _said(step: AbsenceStep) -> str:
    facts = {name: str(value).replace("_", " ") if value else "none" for name, value in step.facts.items()}
    if step.facts.get("who") in _ASKED:
        facts["who"] = _ASKED[step.facts["who"]]
    if step.facts.get("what") in _TOLD:
        facts["what"] = _TOLD[step.facts["what"]]
    if "task" in facts:
        facts["task"] = _TASKS.get(facts["task"], f"act: {facts['task']}")
    if "intent" in facts:
        facts["intent"] = "" if facts["intent"] in ("other", "none", "unread") else f": {facts['intent']}"
    kind = "begun" if step.kind == "opened" and step.facts.get("why") else step.kind
    words = defaultdict(lambda: "nobody", {"by": step.who, "intent": ""} | facts)
    words["by"] = "somebody" if words["by"] == "none" else words["by"].removeprefix("office:")
    why = "" if facts.get("why", "none") in ("none", *_PLAIN) else facts["why"]
    if kind == "state":
        because = _WHY[why].format_map(words) if why in _WHY else why
        sentence = ": ".join(filter(None, [_BECAME[step.facts["after"]].format_map(words), because])) + "."
    else:
        sentence = _SENTENCES.get(kind, kind).format_map(words) + (f" ({why})" if why and kind != "begun" else "")
    more = [f"Goes first: {step.facts['fast']}."] if step.facts.get("fast") else []
    return " ".join([sentence[:1].upper() + sentence[1:], *more])


def html(page: Page, *, school: str, timezone: ZoneInfo, printed: datetime) -> str:
    """The page as HTML that prints well and loads nothing."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["clock"] = lambda at: at.astimezone(timezone).strftime("%H:%M:%S")
    environment.filters["moment"] = lambda at: at.astimezone(timezone).strftime("%A %d %B %Y, %H:%M")
    source = (resources.files("gateway.absence") / "chronology.html").read_text("utf-8")
    return environment.from_string(source).render(
        page=page, state=states.WORDS[page.case.state], school=school, printed=printed, nobody_to_ring=NOBODY_TO_RING
    )


def shown(case_id: int, *, to: str) -> audit.Line:
    """That somebody looked at what happened in a case."""
    return audit.Line("absence.chronology_shown", f"case:{case_id}", actor=to)


def text(page: Page, *, timezone: ZoneInfo) -> Iterator[str]:
    """The same as plain lines."""
    case, pupil = page.case, page.pupil
    yield f"Case {case.id}: {pupil.forename} {pupil.surname}, {pupil.form}, {case.date:%A %d %B %Y} {case.session}"
    yield f"State: {states.WORDS[case.state]}{f', by {case.by}' if case.by else ''}"
    if case.code:
        decided = f"decided by {case.decided_by}" if case.decided_by else "suggested, to be confirmed"
        yield f"Code: {case.code} ({decided})"
    yield "To ring, in order:" if page.to_ring else NOBODY_TO_RING
    for number, person in enumerate(page.to_ring, 1):
        yield f"  {number}. {person.name} ({person.relation or 'contact'}): {', '.join(person.numbers) or 'no number'}"
    yield "What happened:"
    for entry in page.entries:
        yield f"  {entry.at.astimezone(timezone):%H:%M:%S}  {entry.what}"
        yield from (f"            {line}" for line in entry.detail)
