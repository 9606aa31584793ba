"""Background tasks that are awaited in the end, so that no failure is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Lives of texts and calls that go on in the background."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start one."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finish)
        return task

    async def idle(self) -> None:
        """Wait until nothing is going on. Raises an ``ExceptionGroup`` of what went wrong in the background."""
        while self._running:
            await asyncio.wait(self._running)
        failures, self._failures = self._failures, []
        if failures:
            raise ExceptionGroup("The simulator's background work failed", failures)

    async def close(self) -> None:
        """Give everything up. Raises like :meth:`idle`."""
        for task in list(self._running):
            task.cancel()
        await self.idle()

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and isinstance(failure := task.exception(), Exception):
            self._failures.append(failure)
