"""Where people come from: the school's sources, each import, what it changed, and what it did not dare to change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime


class ImportSource(Table, table=True):
    """An export that comes again and again. ``mapping`` is heading → field, as staff corrected it (``import map``)."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    mapping: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)


class ImportRun(Table, table=True):
    """One import that was taken over. ``files`` are names and SHA-256 sums, ``counts`` what came of it by kind."""

    id: int | None = Field(default=None, primary_key=True)
    source: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = ""
    files: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    counts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    undone_by: str = ""


class ImportChange(Table, table=True):
    """What an import did to one row, or the batch of rows that it inserted at once: for its diff, and for undo.

    ``keys``   the rows' primary keys: ids, or ``[pupil_id, group_id]`` of a membership
    ``row_id`` the id of the one row that was changed or removed, None for a batch that was inserted
    ``before`` the columns that differ as they were (the whole row where it was removed), None for inserted rows
    ``after``  the same columns as the import left them, None for removed and for inserted rows
    """

    __table_args__ = (Index("import_change_of_row", "table_name", "row_id"),)

    id: int | None = Field(default=None, primary_key=True)
    import_id: int = Field(foreign_key="import_run.id", ondelete="CASCADE", index=True)
    table_name: str
    row_id: int | None = None
    keys: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


class ImportConflict(Table, table=True):
    """A file against what a family confirmed or a person decided: a person is asked which of the two holds.

    ``subject`` is as ``contact:12``; ``ours`` and ``theirs`` are the two values of ``field``, for people. ``change``
    holds the row's table and id, and for each answer the columns that it sets. ``answer`` is ``ours`` or ``theirs``,
    ``""`` while it waits or when the files agreed before anybody answered. ``open_key`` is subject, field and theirs
    while it waits or an ``ours`` stands, so that the same files do not ask again; None when it is over.
    """

    id: int | None = Field(default=None, primary_key=True)
    import_id: int | None = Field(default=None, foreign_key="import_run.id", ondelete="SET NULL", index=True)
    subject: str
    field: str
    ours: str = ""
    theirs: str = ""
    what: str = ""
    change: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    open_key: str | None = Field(default=None, unique=True)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    answer: str = ""
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by: str = ""
