"""What an alarm goes past, so that its row and whoever sends it can say so.

Nothing holds an emergency back but what would reach the wrong person: barred, dead, another family's, STOP by text
(which the networks themselves enforce: those are rung and written to instead).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from gateway import context, people
from gateway.planner import Planned

#: What was passed, by what it is -> for how many messages; or 1 where it is no matter of single messages.
Passed = Mapping[str, int]

SENTENCES: Final[Mapping[str, str]] = {
    "declined": "{count} go by a way that their reader has declined for what may be declined.",
    "quiet": "It goes out in quiet hours.",
    "preferred": "{count} go by another way, or at another hour, than their reader prefers.",
}


def count(gateway: context.Gateway, rows: Iterable[Planned], known: people.People, *, now: datetime) -> Passed:
    """What these rows go past; what they do not is not in it."""
    leaving = [row.message for row in rows if not row.message.reason]
    declined = sum(known.opted_out.get((message.medium, message.address)) is False for message in leaving)
    return {what: number for what, number in (("declined", declined),) if number}


def sentences(passed: Passed) -> list[str]:
    """The same for a person to read."""
    found = [SENTENCES[what].format(count=number) for what, number in passed.items() if what in SENTENCES]
    return found or ["It holds back for no quiet hours, wishes or limits; today there were none in its way."]
