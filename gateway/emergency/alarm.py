"""The alarm: to all who answer for the children and their emergency contacts, by all channels at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from channels.base import Medium
from config import identity
from gateway import audit, context, errors, notices
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.emergency import passing, timing
from gateway.models import Emergency, EmergencyNotice, EmergencyPart, MessageState, Notice, Purpose
from gateway.models.types import core

WORDING: Final = "emergency"
EVERY_MEDIUM: Final = [Medium.SMS.value, Medium.VOICE.value, Medium.EMAIL.value]

#: A sentence in English, or by language: {"en": …, "pl": …}.
Words = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be said, and about which children. ``audience`` is that of a definition, without ``tell``."""

    what_happened: Words
    what_to_do: Words
    audience: Mapping[str, Any]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an alarm would come to. Nothing of it is written."""

    seen: notices.Preview
    channels: Sequence[timing.Channel]
    passes: passing.Passed
    second_person: bool
    call_again_after: timedelta | None
    can_be_answered: bool

    @property
    def people(self) -> int:
        """How many are told by something."""
        return len({row.message.contact_id for row in self.seen.rows if not row.message.reason})

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
    """The alarm as a notice. Where texts come from a name, which nobody can answer, it asks for no answer.

    Raises :class:`errors.BadDefinition` for what cannot be one.
    """
    settings = gateway.settings.emergency
    ladder: list[dict[str, Any]] = [{"media": EVERY_MEDIUM}]
    if settings.call_again_after:
        ladder.append({"media": [Medium.VOICE.value], "after": settings.call_again_after})
    return reading.read(
        {
            "key": asked.key or "emergency",
            "title": "Emergency",
            "purpose": Purpose.EMERGENCY.value,
            **(_plainly(asked) if answers_nobody(gateway) else _asking(asked)),
            "audience": {**asked.audience, "tell": "everyone"},
            "ladder": ladder,
            "until": "answered",
            "valid": {"for": settings.worth_saying},
            "approval": {"required": settings.second_person},
        }
    )


def answers_nobody(gateway: context.Gateway) -> bool:
    """Whether families cannot answer our texts: an alarm goes out all the same, and nobody can say “read”."""
    senders = [sender.address for sender in gateway.settings.twilio.sms_senders]
    return bool(senders) and all(identity.is_name(sender) for sender in senders)


def _asking(asked: Asked) -> dict[str, Any]:
    values = {"what_happened": plain(asked.what_happened), "what_to_do": plain(asked.what_to_do)}
    return {"template": WORDING, "values": values}


def _plainly(asked: Asked) -> dict[str, Any]:
    """The words of the moment alone, in each language that both of them are in."""
    what, do = ({"en": one} if isinstance(one, str) else one for one in (asked.what_happened, asked.what_to_do))
    return {"text": {tag: f"{what[tag]} {do[tag]}" for tag in what if tag in do}}


def by_language(what: str, do: str, more: Sequence[str]) -> tuple[Words, Words]:
    """The words of the moment in English, and in whichever languages somebody at school can write: ``pl:what:do``.

    Raises :class:`errors.BadInput`.
    """
    if not more:
        return what, do
    happened, to_do = {"en": what}, {"en": do}
    for one in more:
        language, _, rest = one.partition(":")
        in_theirs, _, what_to_do = rest.partition(":")
        if not in_theirs.strip() or not what_to_do.strip():
            problem = errors.Problem(f"“{one}” is not LANGUAGE:WHAT:DO.", "Write “pl:Wyciek gazu.:Czekaj w domu.”")
            raise errors.BadInput([problem])
        happened[language.strip()], to_do[language.strip()] = in_theirs.strip(), what_to_do.strip()
    return happened, to_do


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
    return Outlook(seen, channels, passed, wanted.approval.required, again, not answers_nobody(gateway))


async def send(session: Session, gateway: context.Gateway, asked: Asked, *, by: str) -> Emergency:
    """Hand the alarm in: it is planned before everything else, or waits for a second person.

    Raises :class:`errors.BadDefinition`, :class:`errors.Conflict` for a key in use.
    """
    now, key = gateway.now(), asked.key or await next_key(session, gateway)
    wanted = definition(gateway, asked).model_copy(update={"key": key})
    notice = await notices.submit(session, gateway, wanted, author=by)
    emergency = Emergency(key=key, began_at=now, by=by)
    session.add(emergency)
    await session.flush()
    await add(session, emergency, notice.id, EmergencyPart.ALARM, by=by, now=now)
    line = audit.Line("emergency.sent", f"emergency:{emergency.id}", {"notice": notice.id}, by)
    await gateway.log.record(session, line, now=now)
    return emergency


async def add(
    session: Session,
    emergency: Emergency,
    notice_id: str,
    part: EmergencyPart,
    *,
    by: str,
    now: Any,
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
    query = sa.select(Emergency).order_by(core(Emergency).c.id.desc()).limit(1)
    if key:
        query = query.where(core(Emergency).c.key == key)
    if lock:
        query = query.with_for_update()
    found = (await session.scalars(query)).first()
    if found is None:
        raise errors.NotFound(f"There is no emergency “{key}”." if key else "There has been no emergency.")
    return found


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
