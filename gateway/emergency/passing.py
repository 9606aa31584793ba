"""What an alarm goes past, so that whoever sends it can be told, and its record says so.

Nothing holds an emergency back but what would reach the wrong person: barred, dead, another family's, STOP by text
(which the networks themselves enforce: those are rung and written to instead).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from gateway import people
from gateway.planner import Planned

#: What was passed -> for how many messages: what the rows themselves say of it, or ``DECLINED``.
Passed = Mapping[str, int]

DECLINED: Final = "Passes the wish to get nothing that may be declined."


def count(rows: Iterable[Planned], known: people.People) -> Passed:
    """What these rows go past; what they do not is not in it."""
    found = Counter[str]()
    for message in (row.message for row in rows if not row.message.reason):
        if remark := str(getattr(message, "remark", "")):  # quiet hours and preferences, where there are any
            found[remark] += 1
        elif known.opted_out.get((message.medium, message.address)) is False:
            found[DECLINED] += 1
    return dict(found)


def sentences(passed: Passed) -> list[str]:
    """The same for a person to read."""
    return [f"{number} message{'' if number == 1 else 's'}: {what}" for what, number in passed.items()] or [
        "No quiet hours, wishes or limits hold it back; at this moment none is in its way."
    ]
