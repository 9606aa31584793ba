"""Ids that sort by time (ULID), so that new rows stay together in an index however many there are."""

from __future__ import annotations

from ulid import ULID


def new_id() -> str:
    """Give a new id: 26 characters that are safe in a URL, a Message-ID and a file name."""
    return str(ULID()).lower()
