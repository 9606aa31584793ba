"""Many small pieces of work, one commit: what arrives while a commit is being written goes into the next one.

A disk makes some hundred commits a second, and a school's morning brings thousands of receipts. Each piece has a
savepoint of its own, so that one that fails takes nobody with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gateway.database import Database, Session

T = TypeVar("T")
P = TypeVar("P")
_MOST = 200  #: pieces in one commit

Work = Callable[[Session], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class _Piece(Generic[P]):
    what: P
    done: asyncio.Future[Any]


class Gathering(Generic[P]):
    """Hands pieces to ``write``, as many at once as came while it wrote the ones before. Within one event loop.

    ``write`` gives, for each piece, its result or the exception that is its answer.
    """

    def __init__(self, write: Callable[[list[P]], Awaitable[Sequence[Any]]]):
        self._write = write
        self._waiting: list[_Piece[P]] = []
        self._writing: asyncio.Task[None] | None = None

    async def do(self, what: P) -> Any:
        """Give what came of a piece, once it is written; raises the exception that was its answer."""
        piece = _Piece(what, asyncio.get_running_loop().create_future())
        self._waiting.append(piece)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="commits")
        return await piece.done

    async def _write_all(self) -> None:
        pieces: list[_Piece[P]] = []
        try:
            while self._waiting:
                pieces, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                _answer(pieces, await self._write([piece.what for piece in pieces]))
        finally:
            self._writing = None
            # Only a writer that was itself stopped leaves anybody without an answer: nobody waits for ever.
            for piece in (*pieces, *self._waiting):
                piece.done.cancel()
            self._waiting = []


def _answer(pieces: Sequence[_Piece[P]], results: Sequence[Any]) -> None:
    for piece, result in zip(pieces, results, strict=True):
        if piece.done.cancelled():
            continue  # whoever asked has gone; what was done is done
        if isinstance(result, Exception):
            piece.done.set_exception(result)
        else:
            piece.done.set_result(result)


class Commits:
    """Runs pieces of work in shared transactions of one database. Used within one event loop."""

    def __init__(self, database: Database):
        self._database = database
        self._gathering: Gathering[Work] = Gathering(self._commit)

    async def do(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do a piece of work and give its result once it is committed.

        Raises what the work raised, or why nothing could be committed; then nothing of it was kept.
        """
        result: T = await self._gathering.do(work)
        return result

    async def _commit(self, pieces: list[Work]) -> list[Any]:
        try:
            async with self._database.write() as session:
                return [await _attempt(work, session) for work in pieces]
        except Exception as error:  # nothing was committed
            return [error] * len(pieces)


async def _attempt(work: Work, session: Session) -> Any:
    """Give what the work gave, or the exception of work or savepoint: exactly one answer for each piece."""
    try:
        async with session.begin_nested():
            return await work(session)
    except Exception as error:
        return error
