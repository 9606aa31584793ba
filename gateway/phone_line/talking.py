"""Which calls are under way: a daemon that is told to stop goes on answering them, or callers would hear an error.

A caller who hangs up mostly says nothing of it: a call of which nothing was heard for long is taken to be over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

_FORGOTTEN = timedelta(seconds=45)  #: longer than any question takes, with the wait for a key


class Talking:
    """The calls of one process, by the provider's id, with when we last answered each."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def answered(self, ref: str, *, goes_on: bool, now: datetime) -> None:
        """A call was told what comes next, and whether anything does."""
        self._since.pop(ref, None)
        if goes_on:
            self._since[ref] = now

    def anybody(self, *, now: datetime) -> bool:
        """Whether somebody is on the phone."""
        self._since = {ref: at for ref, at in self._since.items() if at > now - _FORGOTTEN}
        return bool(self._since)
