"""Opt-outs outlast the person who made them: a number that was erased and comes back is still never written to.

What is kept is the number's HMAC under the school's key: nobody can read a number out of it, or try all of them
without the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.models import OptOut, Suppression
from gateway.models.types import core

Sign = Callable[..., str]
_kept, _opt_out = core(Suppression), core(OptOut)


def digest(sign: Sign, medium: str, address: str) -> str:
    """What is kept of an address."""
    return sign("opt-out", str(medium), address)


def suppress(connection: Connection, addresses: Sequence[str], *, sign: Sign) -> int:
    """Keep the opt-outs of these addresses by their digest alone. Gives how many there were."""
    t, kept = _opt_out.c, _kept.c
    rows = connection.execute(sa.select(_opt_out).where(t.address.in_(addresses))).all()
    for row in rows:
        mark = digest(sign, row.medium, row.address)
        connection.execute(sa.delete(_kept).where(kept.medium == row.medium, kept.digest == mark))
        values = {"medium": row.medium, "digest": mark, "since": row.since, "mandatory_too": row.mandatory_too}
        connection.execute(sa.insert(_kept).values(values))
    connection.execute(sa.delete(_opt_out).where(t.address.in_(addresses)))
    return len(rows)


def restore(connection: Connection, rows: Sequence[Mapping[str, Any]], *, sign: Sign) -> None:
    """Write down again that these messages' addresses told us to stop, where they did before they were erased.

    It is asked when a message is claimed, so that no way by which a number comes back can be forgotten.
    """
    t = _kept.c
    if not rows or connection.scalar(sa.select(t.id).limit(1)) is None:
        return
    marks = {digest(sign, row["medium"], row["address"]): row["address"] for row in rows if row["address"]}
    for found in connection.execute(sa.select(_kept).where(t.digest.in_(list(marks)))).all():
        values = {"medium": found.medium, "address": marks[found.digest], "since": found.since,
                  "how": "before they were erased", "mandatory_too": found.mandatory_too}  # fmt: skip
        same = sa.and_(_opt_out.c.medium == found.medium, _opt_out.c.address == marks[found.digest])
        connection.execute(sa.delete(_opt_out).where(same))
        connection.execute(sa.insert(_opt_out).values(values))
        connection.execute(sa.delete(_kept).where(t.id == found.id))


def forget(connection: Connection, medium: str, address: str, *, sign: Sign) -> bool:
    """Somebody who was erased wants to hear again. False where they had never stopped."""
    t = _kept.c
    gone = sa.delete(_kept).where(t.medium == medium, t.digest == digest(sign, medium, address)).returning(t.id)
    return connection.execute(gone).first() is not None
