"""Misbehaviour on demand: what the pretend world is told to do wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """Ways to go wrong; which of them a place knows stands in :data:`PLACES`."""

    HANG = "hang"  #: say nothing for ``seconds``, then answer if taken, else cut
    SLOW = "slow"  #: carry it out only after ``seconds``, whoever still waits for the answer, and then answer
    CUT = "cut"  #: cut the connection without an answer
    STATUS = "status"  #: answer with ``status`` (and ``retry_after``); by SMTP with ``answer``
    GARBAGE = "garbage"  #: answer 200 with something that is no JSON
    LATE = "late"  #: receipts ``seconds`` late; a list that does not show yet what is younger than that
    DOUBLE = "double"  #: every receipt twice
    SHUFFLE = "shuffle"  #: receipts in the wrong order; a list whose neighbours are mixed up
    LOSE = "lose"  #: no receipts
    HALF = "half"  #: answer, and cut the connection in the middle of it
    SHIFT = "shift"  #: count pages by position, so that what comes meanwhile shifts them
    GREYLIST = "greylist"  #: refuse the first try of each sender and recipient, take the second


_HTTP = frozenset({Kind.HANG, Kind.SLOW, Kind.CUT, Kind.STATUS, Kind.GARBAGE})
_LIST = _HTTP | {Kind.HALF, Kind.SHIFT, Kind.LATE, Kind.SHUFFLE}
_SMTP = frozenset({Kind.HANG, Kind.SLOW, Kind.CUT, Kind.STATUS})

#: Where things can go wrong, and how.
PLACES = {
    "messages.create": _HTTP,
    "messages.list": _LIST,
    "messages.fetch": _HTTP,
    "calls.create": _HTTP,
    "calls.list": _LIST,
    "calls.fetch": _HTTP,
    "calls.update": _HTTP,
    "messages.update": _HTTP,
    "recordings.list": _HTTP,
    "recordings.fetch": _HTTP | {Kind.HALF},
    "recordings.delete": _HTTP,
    "account.fetch": _HTTP,
    "notify.create": _HTTP - {Kind.SLOW},
    "notify.list": _HTTP - {Kind.SLOW},
    "notify.received": _HTTP - {Kind.SLOW},
    "notify.template": _HTTP - {Kind.SLOW},
    "receipts": frozenset({Kind.LATE, Kind.DOUBLE, Kind.SHUFFLE, Kind.LOSE}),
    "smtp.mail": _SMTP,
    "smtp.rcpt": _SMTP | {Kind.GREYLIST},
    "smtp.data": _SMTP,
}


@dataclass(slots=True)
class Fault:
    """One order to misbehave.

    ``place``        one of :data:`PLACES`
    ``taken``        carry the request out first, so that only the answer is bad
    ``count``        for so many requests, None for all
    ``share``        the part of the requests that it hits, 0 to 1, by the world's seed
    ``seconds``      how long to hang, or how late receipts are
    ``page``         only this page of a list, counted from 1; None for all
    ``status``       the HTTP status; ``retry_after`` its header in seconds
    ``answer``       the SMTP reply line
    """

    place: str
    kind: Kind
    taken: bool = False
    count: int | None = 1
    share: float = 1.0
    seconds: float = 30.0
    page: int | None = None
    status: int = 503
    retry_after: float | None = None
    answer: str = "451 4.3.0 Try again later"


class Faults:
    """The orders in force."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.orders: list[Fault] = []
        self.greylisted: set[tuple[str, str]] = set()

    def add(self, fault: Fault) -> None:
        """Put an order in force. Raises ``ValueError`` where the place does not know that kind."""
        if fault.kind not in PLACES.get(fault.place, ()):
            raise ValueError(f"{fault.place} cannot go wrong by {fault.kind}; places and ways stand in faults.PLACES")
        self.orders.append(fault)

    def clear(self) -> None:
        """Behave again."""
        self.orders.clear()
        self.greylisted.clear()

    def take(self, place: str, *, page: int = 1) -> Fault | None:
        """What goes wrong with this request, if anything. Uses up one of a counted order."""
        if not self.orders:
            return None
        for fault in self.orders:
            if fault.place != place or fault.page not in (None, page):
                continue
            if fault.share < 1 and self._random.random() >= fault.share:
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count <= 0:
                    self.orders.remove(fault)
            return fault
        return None

    def is_first_try(self, sender: str, recipient: str) -> bool:
        """Whether greylisting has not seen this pair yet; remembers it."""
        pair = (sender, recipient)
        if pair in self.greylisted:
            return False
        self.greylisted.add(pair)
        return True
