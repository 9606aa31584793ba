"""Ids that sort by time (ULID), so that new rows stay together in an index however many there are."""

from __future__ import annotations

import os
import threading
import time

from ulid import ULID

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_TIME, _REST = range(120, 79, -10), range(70, -1, -10)
_AT_ONCE = 256


def new_id() -> str:
    """Give a new id: 26 characters that are safe in a URL, a Message-ID and a file name."""
    return str(ULID()).lower()


class Source:
    """Gives ids one after another, each greater than the one before, for whoever needs many.

    They are those of :func:`new_id`; the library takes five times as long for one. Chance is fetched for many, and the
    moment is written once for all ids of its millisecond.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._last, self._moment, self._written = 0, -1, ""
        self._chance, self._used = b"", 0

    def __call__(self) -> str:
        """Give the next id."""
        with self._turn:
            if self._used == len(self._chance):
                self._chance, self._used = os.urandom(10 * _AT_ONCE), 0
            rest = int.from_bytes(self._chance[self._used : self._used + 10])
            self._used += 10
            self._last = number = max(self._last + 1, time.time_ns() // 1_000_000 << 80 | rest)
            if number >> 80 != self._moment:
                self._moment = number >> 80
                self._written = _spelt(number, _TIME)
            return self._written + _spelt(number, _REST)


def _spelt(number: int, shifts: range) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in shifts])
