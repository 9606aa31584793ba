"""What holds where two contacts who are one person both have something: pure functions of the two rows.

Where they differ the stricter holds: a bar, a no, a stop. Nothing is heard after a merge that neither of the two could
hear before, and what a family confirmed itself goes before what a file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from channels.base import Medium
from gateway.importing import bars
from gateway.models import Contact, ContactPoint, Guardianship, LineType, PointState, Wish
from gateway.preferences import topics

Values = dict[str, Any]
Wishes = Mapping[tuple[str, Medium], Wish]  #: by topic and medium

_NAMES: Final = ("title", "forename", "surname", "postal_address")
_LANGUAGES: Final = ("written_language", "spoken_language")
#: The worse hides the better; that it works hides only that nobody knows.
_WORSE: Final[Mapping[PointState, int]] = {
    PointState.UNPROVEN: 0, PointState.WORKING: 1, PointState.DOUBTFUL: 2, PointState.DEAD: 3, PointState.WRONG: 4,
}  # fmt: skip
_LESS: Final[Mapping[Wish, int]] = {Wish.AT_ONCE: 0, Wish.DIGEST: 1, Wish.OFF: 2}


def person(kept: Contact, other: Contact) -> Values:
    """What changes of the contact that stays: what is missing is filled in, what the family chose itself holds."""
    found: Values = {name: getattr(other, name) for name in _NAMES if not getattr(kept, name) and getattr(other, name)}
    first, second = (other, kept) if _chose_later(other, kept) else (kept, other)
    found |= {name: getattr(first, name) or getattr(second, name) for name in _LANGUAGES}
    found["languages_confirmed_at"] = _latest(kept.languages_confirmed_at, other.languages_confirmed_at)
    found["languages_asked_at"] = _latest(kept.languages_asked_at, other.languages_asked_at)
    both = [*kept.further_languages.split(), *other.further_languages.split()]
    found["further_languages"] = " ".join(dict.fromkeys(both))
    likely = kept if kept.likely_language or found["written_language"] else other
    found |= {"likely_language": likely.likely_language, "likely_because": likely.likely_because}
    found["interpreter"] = kept.interpreter or other.interpreter
    found["marketing_consent"] = kept.marketing_consent and other.marketing_consent
    return {name: value for name, value in found.items() if value != getattr(kept, name)}


def _chose_later(other: Contact, kept: Contact) -> bool:
    """Whether the other's languages are those that the family chose last."""
    if other.languages_confirmed_at is None:
        return False
    return kept.languages_confirmed_at is None or kept.languages_confirmed_at < other.languages_confirmed_at


def tie(kept: Guardianship, other: Guardianship, *, now: datetime) -> Values:
    """What the person is to a child to whom both are tied. A bar of either bars, and no file lifts it."""
    found: Values = {
        "relation": kept.relation or other.relation,
        "priority": min(kept.priority, other.priority),
        "parental_responsibility": kept.parental_responsibility or other.parental_responsibility,
        "lives_with": kept.lives_with or other.lives_with,
    }
    if kept.no_contact or other.no_contact:
        ours, theirs = ({name: getattr(one, name) for name in bars.COLUMNS} for one in (kept, other))
        barred = bars.widest(ours, theirs) if kept.no_contact and other.no_contact else None
        found |= barred or (ours if kept.no_contact else theirs)
        found["bar_confirmed_at"] = now
    return found


def point(kept: ContactPoint, other: ContactPoint) -> Values:
    """What is known of a phone or mailbox that both have."""
    worse = max(kept, other, key=lambda one: _WORSE[one.state])
    later = max(kept, other, key=lambda one: one.last_bad_at.timestamp() if one.last_bad_at else 0.0)
    wrong = worse.state is PointState.WRONG
    weak = kept.line_type in (LineType.OTHER, LineType.NONE)
    return {
        "state": worse.state,
        "strikes": max(kept.strikes, other.strikes),
        "bad_days": max(kept.bad_days, other.bad_days, key=len),
        "rank": min(kept.rank, other.rank),
        "label": kept.label or other.label,
        "line_type": other.line_type if weak else kept.line_type,
        "confirmed_at": None if wrong else _latest(kept.confirmed_at, other.confirmed_at),
        "last_good_at": _latest(kept.last_good_at, other.last_good_at),
        "last_bad_at": later.last_bad_at,
        "last_bad_reason": later.last_bad_reason,
    }


def wishes(kept: Wishes, other: Wishes) -> Wishes:
    """What is wanted of each topic that either has chosen: of two wishes the one for less.

    Who has no wish about a topic has that for all topics, so that nobody who declined everything hears of one.
    """

    def meant(of: Wishes, topic: str, medium: Medium) -> Wish | None:
        return of.get((topic, medium)) or of.get((topics.EVERY, medium))

    found = {key: [one for one in (meant(kept, *key), meant(other, *key)) if one] for key in {**kept, **other}}
    return {key: max(both, key=lambda one: _LESS[one]) for key, both in found.items()}


def _latest(*moments: datetime | None) -> datetime | None:
    return max(filter(None, moments), default=None)
