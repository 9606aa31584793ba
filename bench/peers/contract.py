"""What every program that is compared has: a way to be given messages, and processes to be watched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """``send`` hands so many messages over and ends when all of them have reached the sink and are done with."""

    send: Callable[[int], Awaitable[None]]
    pids: Sequence[int]
    version: str = ""
