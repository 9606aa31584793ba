"""Where an announcement stands, in the office's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.announcements import drafts, progress, said
from gateway.definitions import reading
from gateway.models import Notice, NoticeState, Purpose, Run
from gateway.web.office import naming

_FIXED: Final = frozenset({"new", "look"})  #: what else stands at the place of a key


@dataclass(frozen=True, slots=True)
class Stage:
    """One word of where it stands, and its colour."""

    key: str
    word: str
    colour: str = ""


def of(notice: Notice, run: Run | None, share: progress.Share | None, *, now: datetime) -> Stage:
    """Where it stands."""
    if notice.state is NoticeState.CANCELLED:
        told = share.reached + share.on_the_way if share else 0
        return Stage("stopped", f"Stopped after {told:,}" if told else "Stopped before it left", "amber")
    if notice.state is NoticeState.BROKEN:
        return Stage("broken", "Could not be sent", "red")
    if notice.paused_at is not None:
        return Stage("paused", "Paused", "amber")
    if notice.state is NoticeState.HELD:
        return Stage("held", "Waits for a second person", "blue")
    if run is None or (notice.next_fire_at is not None and notice.next_fire_at > now and not (share and share.open)):
        return _waiting(notice, run, now)
    if run.planned_at is None or share is None:
        return Stage("making", "Being made ready", "green")
    if share.open:
        return Stage("sending", "Sending now", "green")
    if share.not_reached:
        return Stage("finished", "Sent, urgent" if notice.purpose is Purpose.EMERGENCY else "Sent")
    return Stage("finished", "Sent")


def _waiting(notice: Notice, run: Run | None, now: datetime) -> Stage:
    if notice.next_fire_at is None:
        return Stage("finished", "Sent")
    if run is None and notice.next_fire_at <= now:
        return Stage("making", "Being made ready", "green")
    if run is None and notice.next_fire_at - now <= drafts.HOLD:
        return Stage("hold", "Leaves in a minute", "green")
    return Stage("waiting", "Waiting", "blue")


def path(notice: Notice) -> str:
    """Its page."""
    return f"/announcements/{notice.id if notice.key in _FIXED else notice.key}"


def by(signature: str) -> str:
    """Who did something, as a person reads it."""
    kind, _, name = signature.partition(":")
    return name if kind in ("office", "api") and name else signature


def day_and_time(at: datetime, timezone: ZoneInfo, today: date) -> str:
    """``today 3:45pm``, ``Thursday 26 November 4pm``."""
    local = at.astimezone(timezone)
    clock = naming.moment(at, timezone).replace(":00", "")
    if local.date() == today:
        return f"today {clock}"
    if local.date() == today - timedelta(days=1):
        return f"yesterday {clock}"
    year = f" {local.year}" if abs((local.date() - today).days) > 300 else ""
    return f"{local:%A} {local.day} {local:%B}{year} {clock}"


def to(notice: Notice) -> str:
    """To whom, in a few words."""
    return said.to(reading.stored(notice.definition).audience)
