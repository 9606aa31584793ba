"""The arrows that a message may follow, in one table (architecture.md §4). Everything else is refused."""

from __future__ import annotations

from gateway.models.types import MessageState as S

ARROWS: dict[S, frozenset[S]] = {
    # accepted, delivered: it had left after the copy was made from which the database was restored
    S.HELD: frozenset({S.QUEUED, S.SKIPPED, S.CANCELLED, S.EXPIRED, S.ACCEPTED, S.DELIVERED}),
    # accepted, delivered: late evidence of an earlier attempt, so that it is not sent a second time
    # held: somebody has paused it
    S.QUEUED: frozenset({S.SENDING, S.SKIPPED, S.CANCELLED, S.EXPIRED, S.ACCEPTED, S.DELIVERED, S.HELD}),
    # delivered: a receipt outran our commit
    S.SENDING: frozenset({S.ACCEPTED, S.FAILED, S.QUEUED, S.UNKNOWN, S.DELIVERED}),
    # by evidence; queued: proved absent, or urgent and nothing known
    S.UNKNOWN: frozenset({S.ACCEPTED, S.DELIVERED, S.FAILED, S.QUEUED}),
    S.ACCEPTED: frozenset({S.DELIVERED, S.FAILED}),
    S.DELIVERED: frozenset({S.FAILED}),  # a late bounce
    S.FAILED: frozenset({S.DELIVERED}),  # a late truth
    S.SKIPPED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
}

#: The reason of what was given up as nobody could tell. Late evidence that it went out makes it ``accepted`` all the
#: same, or staff would send it a second time.
IN_DOUBT = "in_doubt"

#: The reasons of what is held since the database was restored from a copy: it may have left after that was made. The
#: provider has not been asked yet; its list does not have it; nobody can tell.
RESTORED, RESTORED_ABSENT, RESTORED_UNCLEAR = "restored", "restored_absent", "restored_unclear"
OF_RESTORED = (RESTORED, RESTORED_ABSENT, RESTORED_UNCLEAR)


def sources(after: S) -> tuple[S, ...]:
    """Every state from which ``after`` may be reached."""
    return tuple(before for before, afters in ARROWS.items() if after in afters)
