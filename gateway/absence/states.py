"""The arrows that a case may follow, in one table. Everything else is refused."""

from __future__ import annotations

from gateway.models.types import CaseState as S

#: Nobody has accounted for the child yet: some clock runs until somebody has.
OPEN = frozenset({S.ASKING, S.UNREAD, S.EXPECTED, S.ALARM})
#: The state of the child is known, or a named person has taken it over.
ENDS = frozenset({S.SEEN, S.EXPLAINED, S.SAFE, S.HANDED_OVER})
#: It is known where the child is: what staff were asked to do about it is over.
KNOWN = ENDS - {S.HANDED_OVER}

#: What staff read of each.
WORDS = {
    S.ASKING: "Asked, waiting",
    S.UNREAD: "Answered, needs reading",
    S.EXPECTED: "On the way, not here yet",
    S.TO_CONFIRM: "Answered, to be confirmed",
    S.ALARM: "Look for the child now",
    S.SEEN: "In school",
    S.EXPLAINED: "Explained",
    S.SAFE: "Safe",
    S.HANDED_OVER: "With a person",
}

ARROWS: dict[S, frozenset[S]] = {
    S.ASKING: frozenset({S.UNREAD, S.EXPECTED, S.TO_CONFIRM, S.ALARM}) | ENDS,
    # asking: nobody read the answer in time, or it said nothing
    S.UNREAD: frozenset({S.ASKING, S.EXPECTED, S.TO_CONFIRM, S.ALARM}) | ENDS,
    # alarm: the child has not come
    S.EXPECTED: frozenset({S.UNREAD, S.TO_CONFIRM, S.ALARM}) | ENDS,
    # asking: a person does not believe it
    S.TO_CONFIRM: frozenset({S.ASKING, S.ALARM}) | ENDS,
    # handed over: nobody acted in time
    S.ALARM: ENDS,
    # alarm: reported absent, and the register says present; asking: the mark was a mistake
    S.SEEN: frozenset({S.ASKING, S.ALARM, S.EXPLAINED}),
    # to confirm: whoever took the suggestion takes that back, at once
    S.EXPLAINED: frozenset({S.ASKING, S.ALARM, S.SEEN, S.SAFE, S.TO_CONFIRM}),
    S.SAFE: frozenset({S.ASKING, S.ALARM, S.SEEN, S.EXPLAINED}),
    # only what is known of the child, never back to the machine
    S.HANDED_OVER: frozenset({S.SEEN, S.EXPLAINED, S.SAFE}),
}


def may(before: S, after: S) -> bool:
    """Whether a case may go from one state to another."""
    return after in ARROWS[before]
