"""Waiting for a condition: as long as it takes on a busy machine, and no longer than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 240.0  #: seconds; on a quiet machine nothing takes a tenth of it


async def until(
    true: Callable[[], Awaitable[bool]] | Callable[[], object], what: str = "", *, every: float = 0.02
) -> None:
    """Wait until something is true; it is asked ``every`` so many seconds. ``what`` tells whoever reads a failure."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = true()
                if await answer if isinstance(answer, Awaitable) else answer:
                    return
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"after {PATIENCE} s it is still not so: {what or true}") from None
