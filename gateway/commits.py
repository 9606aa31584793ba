"""Many small pieces of work, one commit: what arrives while a commit is being written goes into the next one.

A disk makes some hundred commits a second, and a school's morning brings thousands of receipts. Each piece has a
savepoint of its own, so that one that fails takes nobody with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.database import Database, Session

T = TypeVar("T")
_MOST = 200  #: pieces in one commit


@dataclass(frozen=True, slots=True)
class _Piece:
    work: Callable[[Session], Awaitable[Any]]
    done: asyncio.Future[Any]


class Commits:
    """Runs pieces of work in shared transactions of one database. Used within one event loop."""

    def __init__(self, database: Database):
        self._database = database
        self._waiting: list[_Piece] = []
        self._writing: asyncio.Task[None] | None = None

    async def do(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do a piece of work and give its result once it is committed.

        Raises what the work raised, or why nothing could be committed; then nothing of it was kept.
        """
        piece = _Piece(work, asyncio.get_running_loop().create_future())
        self._waiting.append(piece)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="commits")
        result: T = await piece.done
        return result

    async def _write(self) -> None:
        try:
            while self._waiting:
                pieces, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._commit(pieces)
        finally:
            self._writing = None

    async def _commit(self, pieces: list[_Piece]) -> None:
        results: list[tuple[_Piece, Any]] = []
        try:
            async with self._database.write() as session:
                for piece in pieces:
                    try:
                        async with session.begin_nested():
                            results.append((piece, await piece.work(session)))
                    except Exception as error:  # told to whoever asked for this piece, below
                        results.append((piece, error))
        except Exception as error:  # nothing was committed
            results = [(piece, error) for piece in pieces]
        for piece, result in results:
            if piece.done.cancelled():
                continue  # whoever asked has gone; what was done is done
            if isinstance(result, Exception):
                piece.done.set_exception(result)
            else:
                piece.done.set_result(result)
