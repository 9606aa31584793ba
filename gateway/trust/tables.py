"""The tables that schools share, as statements know them; ``walls`` makes them and says who sees which rows."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway import enclosure

_MOMENT: Final = sa.DateTime(timezone=True)

SCHOOL: Final = sa.table(
    "school",
    *map(sa.column, ("key", "role", "name", "office_url")),
    sa.column("added_at", _MOMENT),
    sa.column("retired_at", _MOMENT),
    schema=enclosure.TRUST,
)
VISITOR: Final = sa.table(
    "visitor",
    *map(sa.column, ("home", "school", "email", "name", "role")),
    sa.column("ended_at", _MOMENT),
    schema=enclosure.TRUST,
)
PASS: Final = sa.table(
    "pass",
    *map(sa.column, ("digest", "home", "school", "email", "codes")),
    sa.column("ends_at", _MOMENT),
    schema=enclosure.TRUST,
)
