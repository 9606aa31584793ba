"""What a meaning does to a case. The machine suggests; only what the school allows is written down without a person.

It never settles a case by itself where the matter is a holiday, a bereavement, harm, or a child who should be here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from gateway import points, tasks
from gateway.absence import cases, reasons, rules, telling
from gateway.absence.meaning import Meaning
from gateway.database import Session
from gateway.models import AbsenceCase, CaseState, DaySession
from gateway.understanding.meaning import Intent
from scheduler import calendar

#: The child is accounted for by such an answer alone: the ladder stops, and whoever was asked is told.
PLAIN: Final = frozenset({Intent.ILLNESS, Intent.MEDICAL_APPOINTMENT})
#: The family says where the child is, and a person must decide what that means.
DELICATE: Final = frozenset({Intent.HOLIDAY, Intent.RELIGIOUS_OBSERVANCE, Intent.FAMILY_EMERGENCY})
#: A person must act at once.
LOUD: Final = frozenset({Intent.SAYS_PRESENT, Intent.SAFEGUARDING_CONCERN})
#: Whoever wrote cannot or will not tell: the next are asked now.
NO_USE: Final = frozenset({Intent.WRONG_NUMBER, Intent.OPT_OUT})

ALLOWED: Final = "handbell, as the school allows"  #: who decided, where ``absence.record`` lets the machine
DISAGREES: Final = "disagrees"  #: reported absent, and the register says present

_ALARM = "The register says absent, and the family says that the child should be in school. Look for the child now."
_CONCERN = "An answer hints at harm to a child. Read it now."
_WAS_HERE = (
    "A family says that its child was in school on a day on which it is marked absent. Look at that day's register."
)
_LATE_WORD = "An answer has come about a child that a person has taken over."
_DISAGREE = "A parent reported a child absent, and the register says present. Find out now which is true."
_UNSURE = "A digit has come that may say why a child is away, or answer our question for the family's language."
_SHOW = "handbell absence show {case}, then absence settle."


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose words they are: a name for people, the contact where it is known, and the phone or mailbox."""

    name: str
    contact_id: int | None
    reply_id: int | None
    address: str = ""


async def apply(
    session: Session,
    case: AbsenceCase,
    said: Meaning,
    speaker: Speaker,
    decided: rules.Rules,
    *,
    means: cases.Means,
) -> str:
    """Let one child's case follow what was said. Gives a word for what came of it."""
    facts = {"intent": said.intent.value, "code": said.code, "urgent": said.urgent, "by": speaker.name}
    await cases.step(session, case, "answer", means=means, who=speaker.name, facts=facts, reply_id=speaker.reply_id)
    if said.intent is Intent.WRONG_NUMBER:
        whose = {"contact": speaker.contact_id}
        await cases.step(session, case, "wrong_number", means=means, facts=whose, reply_id=speaker.reply_id)
        await wrong_number(session, case.pupil_id, speaker, means=means)
    if case.state is CaseState.SEEN:
        return await _after_seen(session, case, said, speaker, decided, means=means)
    today = means.now.astimezone(decided.timezone).date()
    if said.intent is Intent.SAYS_PRESENT and case.date < today and said.is_of_day(case.date, today=today):
        await cases.ask_person(session, case, "word", _WAS_HERE, _SHOW.format(case=case.id), urgent=False, means=means)
        return "noted"
    if said.urgent or said.intent in LOUD:
        return await alarm(session, case, said.intent, speaker, decided, means=means)
    if _is_of_another_time(said, case, decided, today=today):  # it does not say where the child is now
        await _keep_hours(session, case, said, speaker, decided, means=means)
        return await unread(session, case, speaker, decided, means=means)
    if case.state in (CaseState.HANDED_OVER, CaseState.ALARM, CaseState.SAFE):
        return await _late_word(session, case, said, speaker, decided, means=means)
    if said.intent in PLAIN:
        return await _account(session, case, said, speaker, decided, means=means)
    if said.intent in DELICATE:
        return await _suggest(session, case, said, speaker, decided, means=means)
    if said.intent is Intent.LATE:
        return await expect(session, case, said, speaker, decided, means=means)
    if said.intent in NO_USE:
        return _pass_by(session, case, said.intent, means=means)
    if said.intent is Intent.THANKS:
        return "noted"  # it says nothing of the child: the ladder does not rest for it
    return await unread(session, case, speaker, decided, means=means)


def _is_of_another_time(said: Meaning, case: AbsenceCase, decided: rules.Rules, *, today: date) -> bool:
    """Whether it is about a later day, an illness that is past, or an appointment in the other session."""
    later = said.since is not None and said.since > case.date
    over = said.is_over and case.date == today
    return later or over or said.is_of_another(case.session, decided.noon)


async def _keep_hours(
    session: Session, case: AbsenceCase, said: Meaning, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> None:
    """The dentist at two is no answer to the morning's question, and known by the afternoon."""
    if said.is_of_another(case.session, decided.noon) and (said.since is None or said.since <= case.date):
        await _keep(session, case, said, speaker, decided, means=means)


async def _late_word(
    session: Session, case: AbsenceCase, said: Meaning, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    """A reason that comes after a person took the child over, or made sure of it: kept for them, and no more."""
    if said.intent in PLAIN | DELICATE and not case.decided_by:
        case.code, case.intent = said.code, said.intent.value
        session.add(case)
        await _keep(session, case, said, speaker, decided, means=means)
    today = means.now.astimezone(decided.timezone).date()
    urgent = case.state is not CaseState.SAFE and case.date == today
    if urgent or said.intent is not Intent.THANKS:
        cure = _SHOW.format(case=case.id)
        await cases.ask_person(session, case, "word", _LATE_WORD, cure, urgent=urgent, means=means)
    return "noted"


async def alarm(
    session: Session, case: AbsenceCase, why: str, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    """At once to a person, loudly. Nobody acts: the safeguarding lead takes over."""
    what = _CONCERN if why == Intent.SAFEGUARDING_CONCERN else _DISAGREE if why == DISAGREES else _ALARM
    cure = _SHOW.format(case=case.id)
    await cases.ask_person(session, case, "alarm", what, cure, urgent=True, means=means)
    if case.state not in (CaseState.ALARM, CaseState.HANDED_OVER):
        ends = means.now + decided.ladder.act_within
        case.intent = str(why)
        await cases.change(
            session, case, CaseState.ALARM, by=speaker.name, why=str(why), means=means, next_at=ends, tell="",
            reply_id=speaker.reply_id,
        )  # fmt: skip
    return "alarm"


async def unread(
    session: Session, case: AbsenceCase, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    """An answer that a person must read: the ladder rests for a while, and goes on if nobody does."""
    if case.state in (CaseState.ALARM, CaseState.HANDED_OVER):  # it may say where the child is
        cure = _SHOW.format(case=case.id)
        await cases.ask_person(session, case, "word", _LATE_WORD, cure, urgent=True, means=means)
        return "left"
    if case.state not in (CaseState.ASKING, CaseState.EXPECTED):
        return "noted"
    what = "An answer about a child's absence waits to be read; until then nobody else of the family is asked."
    cure = f"handbell replies list --waiting, then handbell absence settle {case.id}, or absence resume {case.id}."
    await cases.ask_person(session, case, "read", what, cure, urgent=case.fast, means=means)
    rest = means.now + decided.ladder.read_within
    await cases.change(
        session, case, CaseState.UNREAD, by=speaker.name, why="not understood", means=means, next_at=rest,
        reply_id=speaker.reply_id,
    )  # fmt: skip
    return "unread"


async def unsure(
    session: Session, case: AbsenceCase, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    """A digit that may answer another menu of ours: a person asks what was meant, and the asking goes on meanwhile."""
    if case.state not in (CaseState.ASKING, CaseState.UNREAD):
        return await unread(session, case, speaker, decided, means=means)
    cure = f"Ask the family which it was: handbell replies list --waiting, then handbell absence settle {case.id}."
    await cases.ask_person(session, case, "unsure", _UNSURE, cure, urgent=True, means=means)
    return "unsure"


async def _after_seen(
    session: Session, case: AbsenceCase, said: Meaning, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    """The register has the child in school. Says the family that it is not, a person finds out which is true."""
    if said.intent is Intent.SAFEGUARDING_CONCERN:
        return await alarm(session, case, said.intent, speaker, decided, means=means)
    if said.intent not in PLAIN | DELICATE or said.is_over:
        return "noted"
    if said.intent.value in reasons.MAY_COME and not said.away:
        return "noted"  # why it came late, or when it will go
    if said.since is not None and said.since > case.date:
        return "left"  # of another day, and nobody disagrees: a person reads it
    if means.now.astimezone(decided.timezone).date() > case.date:  # why it was away that morning, perhaps as we asked
        return await _late_word(session, case, said, speaker, decided, means=means)
    return await alarm(session, case, DISAGREES, speaker, decided, means=means)


async def _account(
    session: Session, case: AbsenceCase, said: Meaning, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    allowed = said.intent.value in decided.settings.record
    after = CaseState.EXPLAINED if allowed else CaseState.TO_CONFIRM
    if case.state in (CaseState.TO_CONFIRM, CaseState.EXPLAINED, CaseState.SAFE):
        return "noted"
    case.code, case.intent, case.contact_id = said.code, said.intent.value, speaker.contact_id
    if allowed:
        case.decided_by, case.decided_at = ALLOWED, means.now
    await _keep(session, case, said, speaker, decided, means=means)
    await cases.change(
        session, case, after, by=speaker.name, why=said.intent.value, means=means, tell=telling.SETTLED,
        reply_id=speaker.reply_id,
    )  # fmt: skip
    return after.value


async def _suggest(
    session: Session, case: AbsenceCase, said: Meaning, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    if case.state in (CaseState.TO_CONFIRM, CaseState.EXPLAINED, CaseState.SAFE):
        return "noted"
    case.code, case.intent, case.contact_id = said.code, said.intent.value, speaker.contact_id
    what = "A family says why a child is away, and a person must decide: the machine may not."
    cure = f"handbell absence show {case.id}, then absence confirm or absence settle."
    await cases.ask_person(session, case, "confirm", what, cure, urgent=False, means=means)
    await _keep(session, case, said, speaker, decided, means=means)
    await cases.change(
        session, case, CaseState.TO_CONFIRM, by=speaker.name, why=said.intent.value, means=means,
        reply_id=speaker.reply_id,
    )  # fmt: skip
    return CaseState.TO_CONFIRM.value


async def _keep(
    session: Session, case: AbsenceCase, said: Meaning, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> None:
    """So that nobody is asked again about what was said: an illness for the day, an appointment for its session."""
    last = min(max(said.until or case.date, case.date), reasons.longest(case.date))
    known = reasons.Said(
        pupil_id=case.pupil_id,
        first=case.date,
        last=last,
        intent=said.intent.value,
        code=said.code,
        said_by=speaker.name,
        session=only_session(said, case.date, last, decided, asked=case.session),
        contact_id=speaker.contact_id,
        reply_id=speaker.reply_id,
    )
    await reasons.note(session, known, means=means)


def only_session(said: Meaning, first: date, last: date, decided: rules.Rules, *, asked: DaySession | None) -> str:
    """The one session that an appointment or a late arrival is of, ``""`` for whole days.

    Of an appointment with hours in both (one may be that of the return) that which is ``asked`` about, else the first.
    """
    if said.intent not in (Intent.MEDICAL_APPOINTMENT, Intent.LATE) or last > first:
        return ""
    touched = said.sessions(decided.noon) if said.intent is Intent.MEDICAL_APPOINTMENT else ()
    if not touched or asked in touched:
        return asked.value if asked else ""
    return (DaySession.AM if DaySession.AM in touched else DaySession.PM).value


async def expect(
    session: Session, case: AbsenceCase, said: Meaning, speaker: Speaker, decided: rules.Rules, *, means: cases.Means
) -> str:
    """Whoever is on the way should be here within ``arrive_within`` of the first hour that is named, or else of now."""
    if case.state not in (CaseState.ASKING, CaseState.UNREAD):
        return "noted"
    case.intent, case.contact_id = Intent.LATE.value, speaker.contact_id
    day = means.now.astimezone(decided.timezone).date()
    hours = (calendar.to_utc(datetime.combine(day, hour), decided.timezone) for hour in said.times)
    comes = min((hour for hour in hours if hour > means.now), default=means.now)
    ends = comes + decided.ladder.arrive_within
    await cases.change(
        session, case, CaseState.EXPECTED, by=speaker.name, why="on the way", means=means, next_at=ends,
        reply_id=speaker.reply_id,
    )  # fmt: skip
    return CaseState.EXPECTED.value


def _pass_by(session: Session, case: AbsenceCase, intent: Intent, *, means: cases.Means) -> str:
    """The next ones are asked at once. Nothing goes to a wrong number again; for who wants no texts see ``paths``."""
    if case.state is CaseState.ASKING:
        case.next_at = means.now
        session.add(case)
    return intent.value


async def wrong_number(session: Session, pupil_id: int, speaker: Speaker, *, means: cases.Means) -> None:
    """Whoever was asked about this pupil says that it is not the family's phone or mailbox."""
    await points.wrong(session, speaker.address, pupil_id, log=means.log, now=means.now)
    what = "Somebody says that a number on file is not the family's: a child's absence was asked about there."
    cure = "Nothing goes there now. Ask the family, and correct it in the school system."
    cure += " It is right? handbell contact confirm."
    ask = tasks.Ask("number", f"reply:{speaker.reply_id}", what, cure)
    await tasks.ask(session, ask, log=means.log, now=means.now)
