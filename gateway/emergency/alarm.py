"""The alarm: to all who answer for the children and their emergency contacts, by all channels at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from channels.base import Medium
from config import identity
from gateway import alarm_answers, audit, chosen, context, errors, notices
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.emergency import passing, timing
from gateway.models import Emergency, EmergencyNotice, EmergencyPart, MessageState, Notice, NoticeState, Purpose
from gateway.models.types import core
from templates import languages

EVERY_MEDIUM: Final = [Medium.SMS.value, Medium.VOICE.value, Medium.EMAIL.value]

_SAME: Final = timedelta(minutes=10)  #: who alarms within so long after another mostly means the same emergency
LATELY: Final = timedelta(days=1)  #: an emergency that began before is no longer meant by “going on”
_RESERVED: Final = frozenset({"latest", "preview", "choices", "rehearsals"})  #: what the API's addresses mean by these

#: A sentence in English, or by language: {"en": …, "pl": …}.
Words = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be said, and about which children. ``audience`` is that of a definition, without ``tell``.

    ``key``      a key of its own, or the one that :func:`next_key` gave for what was looked at: the same is sent once
    ``another``  whether it is another alarm than one that somebody has sent in these minutes
    """

    what_happened: Words
    what_to_do: Words
    audience: Mapping[str, Any]
    key: str = ""
    another: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an alarm would come to. Nothing of it is written."""

    seen: notices.Preview
    channels: Sequence[timing.Channel]
    passes: passing.Passed
    second_person: bool
    call_again_after: timedelta | None
    can_be_answered: bool
    going_on: Sequence[Emergency] = ()  #: other emergencies that are not over

    @property
    def people(self) -> int:
        """How many are told by something."""
        return len(chosen.told(self.seen.rows))

    @property
    def children(self) -> int:
        """How many children are concerned."""
        return len({pupil_id for row in self.seen.rows for pupil_id in row.pupil_ids})

    @property
    def unreached(self) -> list[int]:
        """The pupils of whom nobody would be told by anything."""
        told = {one for row in self.seen.rows if row.message.state is not MessageState.SKIPPED for one in row.pupil_ids}
        return sorted({one for row in self.seen.rows for one in row.pupil_ids} - told)


def definition(gateway: context.Gateway, asked: Asked) -> model.Definition:
    """The alarm as a notice.

    Raises :class:`errors.BadDefinition` for what cannot be one.
    """
    settings = gateway.settings.emergency
    return reading.read(
        {
            "key": asked.key or "emergency",
            "title": "Emergency",
            "purpose": Purpose.EMERGENCY.value,
            **words(gateway, asked),
            "audience": {**asked.audience, "tell": "everyone"},
            **ladder(gateway),
            "valid": {"for": settings.worth_saying},
            "approval": {"required": settings.second_person},
        }
    )


def ladder(gateway: context.Gateway) -> dict[str, Any]:
    """How an alarm and its updates go: by all media at once; then those are rung who have not answered."""
    steps: list[dict[str, Any]] = [{"media": EVERY_MEDIUM}]
    if again := gateway.settings.emergency.call_again_after:
        steps.append({"media": [Medium.VOICE.value], "after": again})
    return {"ladder": steps, "until": "answered"}


def words(gateway: context.Gateway, asked: Asked) -> dict[str, Any]:
    """What an alarm or an update says. Where texts come from a name, which nobody can answer, it asks for no answer."""
    return _plainly(asked) if answers_nobody(gateway) else _asking(asked)


def answers_nobody(gateway: context.Gateway) -> bool:
    """Whether families cannot answer our texts: an alarm goes out all the same, and nobody can say “read”."""
    senders = gateway.settings.text_senders
    return bool(senders) and all(identity.is_name(sender) for sender in senders)


def _asking(asked: Asked) -> dict[str, Any]:
    values = {"what_happened": plain(asked.what_happened), "what_to_do": plain(asked.what_to_do)}
    return {"template": alarm_answers.WORDING, "values": values}


def _plainly(asked: Asked) -> dict[str, Any]:
    """The words of the moment alone, in each language that both of them are in."""
    what, do = ({"en": one} if isinstance(one, str) else one for one in (asked.what_happened, asked.what_to_do))
    return {"text": {tag: f"{what[tag]} {do[tag]}" for tag in what if tag in do}}


def by_language(what: str, do: str, more: Sequence[str]) -> tuple[Words, Words]:
    """The words of the moment in English, and in whichever languages somebody at school can write: ``pl:what:do``.

    Raises :class:`errors.BadInput`.
    """
    happened, to_do = in_languages((what, do), more, shape="LANGUAGE:WHAT:DO", example=("Wyciek gazu.", "Czekaj."))
    return happened, to_do


def in_languages(english: Sequence[str], more: Sequence[str], *, shape: str, example: Sequence[str]) -> Sequence[Words]:
    """Sentences in English, and from each line of ``more`` in a language. The parts of a line stand between colons, or
    between upright strokes where there are colons in the words, as in the time of day.

    Raises :class:`errors.BadInput` for a line that could be cut in two ways: nobody sends half a sentence.
    """
    found: list[dict[str, str]] = [{languages.ENGLISH: one} for one in english]
    problems: list[errors.Problem] = []
    cure = f"Write “{':'.join(['pl', *example])}”, or “{' | '.join(['pl', *example])}” where there are colons in it."
    for line in more:
        tag, *said = [part.strip() for part in line.split("|" if "|" in line else ":")]
        language = languages.match(tag)
        if len(said) != len(english) or not all(said):
            problems.append(errors.Problem(f"“{line}” is not {shape}.", cure))
        elif not language:
            problems.append(errors.Problem(f"“{tag}” is not a language that Handbell knows.", cure))
        elif language in found[0]:
            problems.append(errors.Problem(f"the words in “{language}” are there already.", "Take one of them out."))
        else:
            for one, words_ in zip(found, said, strict=True):
                one[language] = words_
    if problems:
        raise errors.BadInput(problems)
    return [one if more else one[languages.ENGLISH] for one in found]


def plain(words: Words) -> str | dict[str, str]:
    """Words as a definition has them."""
    return words if isinstance(words, str) else dict(words)


async def preview(session: Session, gateway: context.Gateway, asked: Asked) -> Outlook:
    """Work everything out, first of all how long it takes by each channel; writes nothing.

    Raises :class:`errors.BadDefinition`.
    """
    wanted, now = definition(gateway, asked), gateway.now()
    seen = await notices.preview(session, gateway, wanted)
    channels = timing.channels(seen.rows, await context.senders(session), now=now)
    passed = passing.count(seen.rows, seen.audience.people)
    again = wanted.steps[1].after if len(wanted.steps) > 1 else None
    others = await going_on(session, since=now - LATELY)
    return Outlook(seen, channels, passed, wanted.approval.required, again, not answers_nobody(gateway), others)


async def send(session: Session, gateway: context.Gateway, asked: Asked, *, by: str) -> Emergency:
    """Hand the alarm in: it is planned before everything else, or waits for a second person.

    Of two people who do so at one moment one alarms, and the other is told so.
    Raises :class:`errors.BadDefinition`, :class:`errors.Conflict` for a key in use, or where somebody has just alarmed.
    """
    now, key = gateway.now(), asked.key or await next_key(session, gateway)
    if key in _RESERVED:
        raise errors.BadInput([errors.Problem(f"an emergency cannot be called “{key}”.", "Give it another key.")])
    just = [] if asked.key or asked.another else await going_on(session, since=now - _SAME)
    if just:
        raise _conflict(gateway, just[0])
    wanted = definition(gateway, asked).model_copy(update={"key": key})
    try:
        notice = await notices.submit(session, gateway, wanted, author=by)
    except errors.Conflict:
        there = await _by_key(session, key)
        raise (_conflict(gateway, there) if there else errors.Conflict(f"The key “{key}” is in use.")) from None
    emergency = Emergency(key=key, began_at=now, by=by)
    session.add(emergency)
    await session.flush()
    await add(session, emergency, notice.id, EmergencyPart.ALARM, by=by, now=now)
    line = audit.Line("emergency.sent", f"emergency:{emergency.id}", {"notice": notice.id}, by)
    await gateway.log.record(session, line, now=now)
    return emergency


def _conflict(gateway: context.Gateway, there: Emergency) -> errors.Conflict:
    at = there.began_at.astimezone(gateway.timezone)
    return errors.Conflict(
        f"{there.by} has sent an alarm at {at:%H:%M:%S} already: {there.key}. Look at that one first, and tell those "
        "whom it reached how it goes on with an update: a second alarm would only confuse them. If it is another "
        "emergency, send it as another one."
    )


async def going_on(session: Session, *, since: datetime) -> list[Emergency]:
    """The emergencies that began since a moment and are not over, the latest first; none that was broken off."""
    t, broken = core(Emergency).c, _alarm_is(NoticeState.BROKEN)
    query = sa.select(Emergency).where(t.over_at.is_(None), t.began_at >= since, ~broken)
    return list(await session.scalars(query.order_by(t.id.desc())))


async def waiting(session: Session) -> list[Emergency]:
    """The emergencies whose alarm waits for a second person: it has reached nobody."""
    t, held = core(Emergency).c, _alarm_is(NoticeState.HELD)
    return list(await session.scalars(sa.select(Emergency).where(t.over_at.is_(None), held).order_by(t.id)))


def _alarm_is(state: NoticeState) -> sa.ColumnElement[bool]:
    """Whether an alarm of an emergency stands so."""
    part, notice = core(EmergencyNotice).c, core(Notice).c
    return sa.exists().where(
        part.emergency_id == core(Emergency).c.id,
        part.part == EmergencyPart.ALARM,
        notice.id == part.notice_id,
        notice.state == state,
    )


async def latest(session: Session, most: int) -> list[Emergency]:
    """The latest emergencies, whether over or not."""
    return list(await session.scalars(sa.select(Emergency).order_by(core(Emergency).c.id.desc()).limit(most)))


async def add(
    session: Session,
    emergency: Emergency,
    notice_id: str,
    part: EmergencyPart,
    *,
    by: str,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Make a notice a part of an emergency."""
    session.add(
        EmergencyNotice(
            notice_id=notice_id, emergency_id=emergency.id or 0, part=part, at=now, by=by, facts=dict(facts or {})
        )
    )
    await session.flush()


async def next_key(session: Session, gateway: context.Gateway) -> str:
    """``emergency-2026-11-29-1``: the first of the day that is free."""
    prefix = f"emergency-{gateway.today():%Y-%m-%d}-"
    keys = core(Notice).c.key
    taken = set(await session.scalars(sa.select(keys).where(keys.startswith(prefix))))
    return next(one for one in (f"{prefix}{number}" for number in range(1, len(taken) + 2)) if one not in taken)


async def find(session: Session, key: str, *, lock: bool = False) -> Emergency:
    """An emergency by its key; with ``""`` the latest one.

    Raises :class:`errors.NotFound`.
    """
    found = await _by_key(session, key, lock=lock)
    if found is None:
        raise errors.NotFound(f"There is no emergency “{key}”." if key else "There has been no emergency.")
    return found


async def _by_key(session: Session, key: str, *, lock: bool = False) -> Emergency | None:
    query = sa.select(Emergency).order_by(core(Emergency).c.id.desc()).limit(1)
    query = query.where(core(Emergency).c.key == key) if key else query
    return (await session.scalars(query.with_for_update() if lock else query)).first()


async def parts(session: Session, emergency: Emergency) -> list[tuple[EmergencyNotice, Notice]]:
    """The notices of an emergency, in the order in which they were sent."""
    t = core(EmergencyNotice).c
    query = (
        sa.select(EmergencyNotice, Notice)
        .join(Notice, core(Notice).c.id == t.notice_id)
        .where(t.emergency_id == emergency.id)
        .order_by(t.at, t.notice_id)
    )
    return [(part, notice) for part, notice in await session.execute(query)]


async def run_ids(session: Session, emergency: Emergency, *which: EmergencyPart) -> list[int]:
    """The runs of these parts of an emergency."""
    found = [notice for part, notice in await parts(session, emergency) if part.part in which]
    return [run_id for notice in found for run_id in await notices.run_ids(session, notice)]
