"""What follows an alarm, to exactly those who were alarmed: updates, and the all-clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway import audit, chosen, context, errors, guard, notices, outbox, planner, runs, submission
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.emergency import alarm, alarmed
from gateway.models import Emergency, EmergencyPart, Notice, NoticeState, Purpose

ALL_CLEAR: Final = "all_clear"


@dataclass(frozen=True, slots=True)
class Told:
    """What an update or an all-clear came to. ``facts`` count whom it is for, and whom not; ``taken_back`` messages."""

    emergency: Emergency
    key: str
    facts: Mapping[str, int]
    taken_back: int = 0


async def update(
    session: Session,
    gateway: context.Gateway,
    key: str,
    what_happened: alarm.Words,
    what_to_do: alarm.Words,
    *,
    by: str,
    as_key: str = "",
) -> Told:
    """Tell those who were alarmed how it goes on; they are asked again to say that they have read it.

    Whoever was to be rung once more with what was said before is rung with this instead.
    Raises :class:`errors.NotFound`, :class:`errors.Conflict` after the all-clear or where nobody has been alarmed,
    :class:`errors.BadDefinition`.
    """
    now = gateway.now()
    emergency = await _going_on(session, key, now=now)
    before = await alarm.parts(session, emergency)
    for _part, notice in before:
        _check_planned(emergency, notice)
    own_key = as_key or await chosen.next_key(session, f"{emergency.key}-update")
    said = alarm.Asked(what_happened, what_to_do, {})
    wanted = _definition(gateway, own_key, "Emergency: update", alarm.words(gateway, said) | alarm.ladder(gateway))
    run_ids = [run_id for _part, notice in before for run_id in await notices.run_ids(session, notice)]
    await outbox.cancel(session, run_ids, now=now, reason=guard.NEWER, from_step=1)
    told = await _tell(session, gateway, emergency, wanted, EmergencyPart.UPDATE, by=by)
    if not told.facts["told"]:
        raise errors.Conflict(f"Nobody has been alarmed by {emergency.key}, so there is nobody to update.")
    return told


def _check_planned(emergency: Emergency, notice: Notice) -> None:
    """Whoever is planned after an update, or let go after it, would not hear of it."""
    if notice.state is NoticeState.HELD:
        raise errors.Conflict(
            f"{emergency.key} waits for a second person. Let it be approved first, or end it with the all-clear."
        )
    if notice.state is NoticeState.SCHEDULED:
        raise errors.Conflict(
            f"{emergency.key} is still being planned. Try again in a few seconds; if it stays so, "
            "look whether handbell run is running."
        )


async def all_clear(session: Session, gateway: context.Gateway, key: str, what_now: alarm.Words, *, by: str) -> Told:
    """Take back whatever of the alarm has not left, and tell everybody whom it has reached that it is over.

    Raises :class:`errors.NotFound`, :class:`errors.Conflict` where it was given already, :class:`errors.BadDefinition`.
    """
    now = gateway.now()
    emergency = await _going_on(session, key, now=now)
    taken_back = 0
    for _part, notice in await alarm.parts(session, emergency):
        if notice.state not in (NoticeState.CANCELLED, NoticeState.BROKEN):
            taken_back += await notices.cancel(session, gateway, notice.key, actor=by)
    how = {"template": ALL_CLEAR, "values": {"what_now": alarm.plain(what_now)}, "media": alarm.EVERY_MEDIUM}
    own_key = await chosen.free_key(session, f"{emergency.key}-all-clear")
    wanted = _definition(gateway, own_key, "Emergency: all clear", how)
    told = await _tell(session, gateway, emergency, wanted, EmergencyPart.ALL_CLEAR, by=by)
    emergency.over_at, emergency.over_by = now, by
    session.add(emergency)
    await session.flush()
    facts = {"taken_back": taken_back}
    await gateway.log.record(session, audit.Line("emergency.over", f"emergency:{emergency.id}", facts, by), now=now)
    return Told(emergency, told.key, told.facts, taken_back)


async def _going_on(session: Session, key: str, *, now: datetime) -> Emergency:
    if not key:  # of two nobody can say which is meant, and “Come at ten” would go to whoever is to stay away
        others = [one.key for one in await alarm.going_on(session, since=now - alarm.LATELY)]
        if len(others) > 1:
            raise errors.Conflict(
                f"{len(others)} emergencies are not over. Name the one that you mean: {', '.join(others)}."
            )
        key = others[0] if others else ""
    emergency = await alarm.find(session, key, lock=True)
    if emergency.over_at is not None:
        raise errors.Conflict(f"{emergency.key} is over: {emergency.over_by} gave the all-clear.")
    return emergency


def _definition(gateway: context.Gateway, key: str, title: str, how: Mapping[str, Any]) -> model.Definition:
    return reading.read(
        {
            "key": key,
            "title": title,
            "purpose": Purpose.EMERGENCY.value,
            "audience": {"whole_school": True, "tell": "everyone"},
            "valid": {"for": gateway.settings.emergency.worth_saying},
            **how,
        }
    )


async def _tell(
    session: Session,
    gateway: context.Gateway,
    emergency: Emergency,
    wanted: model.Definition,
    part: EmergencyPart,
    *,
    by: str,
) -> Told:
    found, now = await alarmed.find(session, gateway, emergency, part=part), gateway.now()
    tried = submission.Outlook(await runs.try_words(session, gateway, wanted), told=True, going=True)
    submission.check(tried, again=False)  # or whoever reads the language that needs most parts would get no text
    wanted = wanted.model_copy(update={"audience": _about(found)})
    sent = await chosen.send(session, gateway, wanted, found.known, found.listeners, author=by, changed=_if_alarmed)
    facts = found.facts()
    facts["unreachable"] = facts["told"] - sent.contacts
    facts["told"] -= facts["unreachable"]
    await alarm.add(session, emergency, sent.notice_id, part, by=by, now=now, facts=facts)
    line = audit.Line(f"emergency.{part.value}", f"emergency:{emergency.id}", {"notice": sent.notice_id, **facts}, by)
    await gateway.log.record(session, line, now=now)
    return Told(emergency, wanted.key, facts)


def _if_alarmed(row: planner.Planned) -> planner.Planned:
    """Asked again when it is claimed: an alarm may expire, or be taken back, before it leaves."""
    return row._replace(message=row.message._replace(only_if=guard.ALARMED))


def _about(found: alarmed.Alarmed) -> model.Audience:
    """What the stored definition says of whom it is about: it was not chosen by an audience."""
    pupils = sorted({one for listener in found.listeners for one in listener.pupil_ids})
    if not pupils:
        return model.Audience(whole_school=True, tell="everyone")
    return model.Audience(pupils=[found.known.pupils[one].source_id for one in pupils], tell="everyone")


def sentences(facts: Mapping[str, int]) -> Sequence[str]:
    """Whom it is for, and whom not, for whoever sent it."""
    said = [f"It goes to the {facts['told']} people who were alarmed, and to nobody else."]
    if facts["told"] == 1:
        said = ["It goes to the one person who was alarmed, and to nobody else."]
    if not facts["told"]:
        said = ["Nobody has been alarmed, so nobody is told."]
    for name, what in (
        ("unreachable", "alarmed, and no longer to be reached by anything: see to them yourselves."),
        ("barred_since", "barred since: not told."),
        ("gone", "no longer on file for these children: not told."),
        ("not_alarmed", "on file today whom the alarm has not gone to, new or not to be reached: not told."),
    ):
        if facts.get(name):
            said.append(f"{facts[name]} {what}")
    return said
