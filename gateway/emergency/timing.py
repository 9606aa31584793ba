"""How long an alarm takes by each channel: a pure sum over what each sender may send in a second (domain.md §3.10).

A text is paid for by its parts, a call and an email by one. An alarm goes before everything else, so nothing that waits
is counted; a sender that is held back, or that its provider refuses, is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from channels.base import Medium
from gateway.models import Sender
from gateway.planner import Planned


@dataclass(slots=True)
class Lane:
    """What one sender has to send. ``by_language`` has messages and parts; ``trouble`` why it may not send now."""

    medium: Medium
    address: str
    rate: float
    burst: float
    trouble: str = ""
    messages: int = 0
    parts: int = 0
    pence: float = 0.0
    by_language: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    @property
    def seconds(self) -> float:
        """From the first to the last, at the sender's rate: what may leave at once costs no time (ITU-T I.371)."""
        return max(0.0, (self.parts - max(self.burst, 1.0)) / self.rate)


@dataclass(frozen=True, slots=True)
class Channel:
    """All senders of a medium: they send side by side, so the slowest says when the last message has left."""

    medium: Medium
    lanes: Sequence[Lane]

    @property
    def seconds(self) -> float:
        """When the last message has left, in seconds from the first."""
        return max(lane.seconds for lane in self.lanes)

    @property
    def messages(self) -> int:
        """How many there are."""
        return sum(lane.messages for lane in self.lanes)

    @property
    def parts(self) -> int:
        """Parts of texts; of calls and emails one each."""
        return sum(lane.parts for lane in self.lanes)

    @property
    def pence(self) -> float:
        """The expected cost."""
        return sum(lane.pence for lane in self.lanes)

    @property
    def by_language(self) -> dict[str, tuple[int, int]]:
        """Messages and parts by language, the most messages first."""
        found = defaultdict[str, tuple[int, int]](lambda: (0, 0))
        for lane in self.lanes:
            for language, (messages, parts) in lane.by_language.items():
                found[language] = (found[language][0] + messages, found[language][1] + parts)
        return dict(sorted(found.items(), key=lambda item: (-item[1][0], item[0])))


def channels(rows: Iterable[Planned], senders: Mapping[Medium, Sequence[Sender]], *, now: datetime) -> list[Channel]:
    """How long rows take that leave at once; those of later steps are no part of it."""
    lanes: dict[int, Lane] = {}
    for sender in (one for some in senders.values() for one in some):
        lanes[sender.id or 0] = Lane(sender.medium, sender.address, sender.rate, sender.burst, _trouble(sender, now))
    for message in (row.message for row in rows):
        lane = lanes.get(message.sender_id or 0)
        if lane is None or message.step or message.reason:
            continue
        parts = message.parts if message.medium is Medium.SMS else 1
        lane.messages, lane.parts, lane.pence = lane.messages + 1, lane.parts + parts, lane.pence + message.pence
        before = lane.by_language.get(message.language, (0, 0))
        lane.by_language[message.language] = (before[0] + 1, before[1] + parts)
    used = [lane for lane in lanes.values() if lane.messages]
    return [
        Channel(medium, [lane for lane in used if lane.medium is medium])
        for medium in Medium
        if any(lane.medium is medium for lane in used)
    ]


def _trouble(sender: Sender, now: datetime) -> str:
    if sender.held_until is not None and sender.held_until > now:
        return f"held back: {sender.held_because or 'its provider asked for it'}"
    return f"refused by its provider: {sender.open_reason}" if sender.open_since is not None else ""


def span(seconds: float) -> str:
    """``40 s``, ``3 min``, ``1 h 20 min``; never less than it is."""
    if seconds < 100:
        return f"{-int(-seconds // 1)} s"
    minutes = -int(-seconds // 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
