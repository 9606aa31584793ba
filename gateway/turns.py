"""Two workers that wait for each other's rows: the database ends one of the transactions, and it is done again.

Whoever locks many rows locks them in one order (messages, then contact points, then conversations, then senders, each
by id), so that it hardly ever comes to this. Where it does, nobody is to blame and nothing of it was kept.

Two have a sender before its messages. A lane that claims waits for neither. Who decides a doubt holds the sender, or
two doubts might be given the same proof, and then waits for messages that look the same: it may meet somebody who
settles one of them and wants to hold the lane back, and is done again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

logger = structlog.get_logger()

T = TypeVar("T")

_AGAIN = frozenset({"40001", "40P01"})  #: serialization_failure and deadlock_detected (PostgreSQL, appendix A)
_TRIES = 5
_PAUSE = 0.05  #: seconds at most before the first repetition; twice that before the next


def collided(error: BaseException) -> bool:
    """Whether a transaction was ended only because it and another were in each other's way."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN


async def again(transaction: Callable[[], Awaitable[T]]) -> T:
    """Do a whole transaction, and do it again when it collided with another one. Gives what it gives.

    It must open and commit its own transaction, and touch nothing else that a repetition would do twice.
    Raises what it raises, a collision too once it has met too many.
    """
    for tried in range(_TRIES):
        try:
            return await transaction()
        except DBAPIError as error:
            if not collided(error) or tried == _TRIES - 1:
                raise
            logger.info("database.collided", tried=tried + 1)
        await asyncio.sleep(random.SystemRandom().uniform(0, _PAUSE * 2**tried))
    raise AssertionError("unreachable")
