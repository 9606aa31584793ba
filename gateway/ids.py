"""Ids that sort by time (ULID), so that new rows stay together in an index however many there are."""

from __future__ import annotations

import os
import threading
import time

from ulid import ULID

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_HEAD = range(120, 19, -10)  #: the shifts of all pairs of letters but for the last two


def new_id() -> str:
    """Give a new id: 26 characters that are safe in a URL, a Message-ID and a file name."""
    return str(ULID()).lower()


class Source:
    """Gives ids one after another, each greater than the one before, for whoever needs many.

    They are those of :func:`new_id`; the library takes ten times as long for one. As its specification has it, those of
    one millisecond count up from a chance beginning; so most differ from the last one in their last letters alone.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._last, self._head, self._spelt = 0, -1, ""

    def __call__(self) -> str:
        """Give the next id."""
        with self._turn:
            begins = time.time_ns() // 1_000_000 << 80
            if begins > self._last:
                begins |= int.from_bytes(os.urandom(10))
            self._last = number = max(self._last + 1, begins)
            if number >> 20 != self._head:
                self._head = number >> 20
                self._spelt = "".join([_PAIRS[number >> shift & 1023] for shift in _HEAD])
            return self._spelt + _PAIRS[number >> 10 & 1023] + _PAIRS[number & 1023]
