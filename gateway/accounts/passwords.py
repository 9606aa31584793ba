"""Passwords: argon2id (RFC 9106), in a thread and few at once: each takes 64 MB of memory and a good part of a core."""

from __future__ import annotations

import asyncio
import unicodedata
from functools import cached_property
from typing import Final

import argon2

from gateway import errors

SHORTEST, LONGEST = 12, 200
_AT_ONCE = 2

#: What people choose first when they are told "twelve characters". Longer lists help little at this length.
_GUESSED: Final = ("password", "passwort", "qwertyuiop", "letmein", "handbell", "welcome", "iloveyou", "1234567890")


class Passwords:
    """Makes hashes and compares with them."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None):
        self._hasher = hasher or argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The hash of a new password."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, _same(password))

    async def fits(self, kept: str, password: str) -> bool:
        """Whether a password is the one that was kept. Where none is (``""``) it is False, after the same time."""
        async with self._turns:
            return await asyncio.to_thread(self._fits, kept, password)

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's, and should be made anew."""
        return self._hasher.check_needs_rehash(kept)

    def _fits(self, kept: str, password: str) -> bool:
        nobodys = self._nobodys  # whoever comes first waits for it, known or not
        try:
            return self._hasher.verify(kept or nobodys, _same(password)) and bool(kept)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("")


def check(password: str, *, about: tuple[str, ...] = ()) -> None:
    """Refuse a password that others would guess; ``about`` is what they know of the person: name, email, school.

    Length counts, kinds of characters do not (NIST SP 800-63B). Raises :class:`errors.BadInput`.
    """
    folded = _same(password).casefold()
    problem = None
    if len(password) < SHORTEST:
        problem = errors.Problem(f"A password needs {SHORTEST} characters or more.", "Three odd words will do.")
    elif len(password) > LONGEST:
        problem = errors.Problem(f"A password has {LONGEST} characters at most.", "Shorten it.")
    elif _is_plain(folded, about):
        problem = errors.Problem("Others would guess this password.", "Three odd words will do.")
    if problem:
        raise errors.BadInput([problem])


def _is_plain(folded: str, about: tuple[str, ...]) -> bool:
    """Whether little is left once what everybody knows has been taken out."""
    rest = folded
    for known in sorted((*_GUESSED, *(one.casefold() for one in about)), key=len, reverse=True):
        if len(known) > 3:
            rest = rest.replace(known, "")
    return len(set(folded)) < 5 or sum(letter.isalnum() for letter in rest) < 5


def _same(password: str) -> str:
    """One spelling of what looks the same: keyboards differ in how they write é."""
    return unicodedata.normalize("NFKC", password)
