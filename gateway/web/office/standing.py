"""How a phone or mailbox stands, in the words and rings of the pages: working, getting old, not in use, never tried.

What it stands on is the evidence (:mod:`gateway.freshness.evidence`); nothing is judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from gateway.freshness import evidence
from gateway.models import ContactPoint, LineType, PointKind, PointState
from gateway.web.office import naming

Kind = Literal["working", "old", "gone", "untried"]

_GREEN, _AMBER, _RED, _GREY = "#1E6642", "#B97A12", "#A3271B", "#76807F"
_LEAST: Final = 0.08  #: of a ring, so that something of it is seen
_GOOD: Final = {
    "confirmed": "Confirmed",
    "code": "Proved by a code",
    "replied": "Replied",
    "key": "Answered a call",
    "delivered": "Last arrived",
    "edited": "Written down by the office",
    "accepted": "Last sent",
}
_ASK, _GET = "Ask if it is right", "Get a new one"
_MONTH: Final = 30.4


@dataclass(frozen=True, slots=True)
class Standing:
    """Words and ring of one phone or mailbox. ``ask`` is what the button says, ``""`` where nobody need ask."""

    evidence: evidence.Evidence
    kind: Kind
    words: str
    share: float
    colour: str
    ask: str = ""
    asked_at: datetime | None = None

    @property
    def point(self) -> ContactPoint:
        """The phone or mailbox."""
        return self.evidence.point

    @property
    def icon(self) -> str:
        """What stands in the ring."""
        return icon(self.point.kind, self.point.line_type, self.evidence.state)

    @property
    def word(self) -> str:
        """The class of the words."""
        return {"gone": "down", "old": "slow"}.get(self.kind, "muted")


def icon(kind: PointKind, line: LineType, state: str) -> str:
    """The picture of a phone or mailbox in a state."""
    gone = state in (PointState.DEAD, PointState.WRONG, "stopped")
    if state == "stopped":
        return "ban"
    if kind is PointKind.EMAIL:
        return "mail-x" if gone else "mail"
    return "phone-off" if gone else "phone" if line is LineType.LANDLINE else "smartphone"


def of(one: evidence.Evidence, *, when: naming.When, now: datetime, asked_at: datetime | None) -> Standing:
    """Say how it stands."""
    point, signs = one.point, one.signs
    bad = next((sign.at for sign in signs if sign.says is evidence.Says.BAD), point.last_bad_at)
    since = f" since {when(bad)}" if bad else ""
    if one.state == PointState.WRONG:
        return Standing(one, "gone", f"Not theirs any more{since}", 1.0, _RED, _GET, asked_at)
    if one.state == PointState.DEAD:
        what = "Does not exist" if point.kind is PointKind.EMAIL else "Not in use"
        return Standing(one, "gone", f"{what}{since}", 1.0, _RED, _GET, asked_at)
    if one.state == "stopped":
        what = "emails" if point.kind is PointKind.EMAIL else "texts"
        return Standing(one, "gone", f"Asked us to stop {what}{since}", 1.0, _RED)
    if any(sign.kind == "changed" for sign in signs):
        return Standing(one, "old", f"They say that it has changed{since}", _LEAST, _AMBER, _GET, asked_at)
    good = [sign for sign in signs if sign.says is evidence.Says.GOOD]
    share = max(one.score, _LEAST)
    if one.state == PointState.DOUBTFUL:
        return Standing(one, "old", f"In doubt: messages have failed{since}", share, _AMBER, _ASK, asked_at)
    if not good:
        what = "Not reached yet" if signs else "Never tried"
        return Standing(one, "untried", what, 0.0, _GREY, _ASK, asked_at)
    if one.colour is evidence.Colour.GREEN:
        return Standing(one, "working", f"Working. {_GOOD[good[0].kind]} {when(good[0].at)}", share, _GREEN)
    life = next((sign for sign in good if sign.kind in evidence.LIFE), None)
    if life is None:  # a mail server took an email: whether anybody reads it, nobody knows
        return Standing(
            one, "untried", f"Not proved yet. {_GOOD[good[0].kind]} {when(good[0].at)}", 0.0, _GREY, _ASK, asked_at
        )
    words = f"Getting old. Nothing heard for {_long(now - life.at)}"
    return Standing(one, "old", words, share, _AMBER, _ASK, asked_at)


def _long(span: timedelta) -> str:
    """``11 months``, ``3 weeks``."""
    months = round(span.days / _MONTH)
    return naming.count(months, "month") if months >= 2 else naming.count(max(span.days // 7, 1), "week")
