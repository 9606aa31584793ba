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
        pieces: list[_Piece] = []
        try:
            while self._waiting:
                pieces, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._commit(pieces)
        finally:
            self._writing = None
            # Only a writer that was itself stopped leaves anybody without an answer: nobody waits for ever.
            for piece in (*pieces, *self._waiting):
                piece.done.cancel()
            self._waiting = []

    async def _commit(self, pieces: list[_Piece]) -> None:
        try:
            async with self._database.write() as session:
                results = [await _attempt(piece, session) for piece in pieces]
        except Exception as error:  # nothing was committed
            results = [error] * len(pieces)
        for piece, result in zip(pieces, results, strict=True):
            if piece.done.cancelled():
                continue  # whoever asked has gone; what was done is done
            if isinstance(result, Exception):
                piece.done.set_exception(result)
            else:
                piece.done.set_result(result)


async def _attempt(piece: _Piece, session: Session) -> Any:
    """Give what the work gave, or the exception of work or savepoint: exactly one answer for each piece."""
    try:
        async with session.begin_nested():
            return await piece.work(session)
    except Exception as error:
        return error
