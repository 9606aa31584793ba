"""A database of our own for the length of an import, so that files of a million rows are joined in flat memory."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class Scratch:
    """An SQLite database without a name: on disk once it outgrows its cache, gone with this object or its process.

    SQLite unlinks the file as soon as it has opened it, so nobody else can read in it. It lies where SQLite keeps
    temporary files: ``SQLITE_TMPDIR``, ``TMPDIR``, ``/var/tmp``, ``/tmp``.
    """

    def __init__(self, schema: str):
        # An import reads in a thread, and not always in the same one; never in two at a time.
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._connection.close)
        # Nothing to recover after a crash. The cache, in kibibytes, is what of it stays in memory.
        self._connection.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
            f"PRAGMA cache_size = -8192; {schema}"
        )

    def fill(self, table: str, rows: Iterable[Sequence[Any]], *, width: int) -> None:
        """Append rows of ``width`` cells to a table, while they are read."""
        marks = ", ".join("?" * width)
        self._connection.execute("BEGIN")
        # The table's name is one of ours.
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
        self._connection.execute("COMMIT")

    def change(self, statements: str) -> None:
        """Run statements, one after another."""
        self._connection.executescript(f"BEGIN; {statements}; COMMIT;")

    def rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query, one by one."""
        return self._connection.execute(query, values)
