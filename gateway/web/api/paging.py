"""Long lists, page by page: ``next`` of one page is the ``cursor`` of the following one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, Field

_Item = TypeVar("_Item", bound=BaseModel)
_Row = TypeVar("_Row")

LARGEST_ID = 2**31 - 1  #: of PostgreSQL's integer keys

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most")]
Cursor = Annotated[str, Query(max_length=40, description="`next` of the page before")]
Number = Annotated[int, Query(alias="cursor", ge=0, le=LARGEST_ID, description="`next` of the page before")]


class Page(BaseModel, Generic[_Item]):
    """One page of a list."""

    items: list[_Item]
    next: str | None = Field(description="The cursor of the next page; null on the last one")


def page(
    rows: Sequence[_Row], limit: int, *, shape: Callable[[_Row], _Item], cursor: Callable[[_Row], object]
) -> Page[_Item]:
    """Make a page of rows that were asked for with ``limit + 1``: the one too many tells that there are more."""
    shown = rows[:limit]
    more = str(cursor(shown[-1])) if len(rows) > limit else None
    return Page(items=[shape(row) for row in shown], next=more)
