"""Opt-outs outlast the person who made them: a number that was erased and comes back is still never written to.

What is kept is the number's HMAC under the school's key: nobody can read a number out of it, or try all of them
without the key. What a phone has ended of single topics (STOP MENUS) is kept in its place among the preferences, with
another such mark for an address, and with that mark here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.models import OptOut, Preference, Suppression, Wish
from gateway.models.types import core

Sign = Callable[..., str]
_kept, _opt_out, _preference = core(Suppression), core(OptOut), core(Preference)


def digest(sign: Sign, medium: str, address: str) -> str:
    """What is kept of an address."""
    return sign("opt-out", str(medium), address)


def _of_topics(sign: Sign, medium: str, address: str) -> str:
    """What is kept of an address that has ended single topics."""
    return sign("topic-stop", str(medium), address)


def suppress(connection: Connection, addresses: Sequence[str], *, sign: Sign) -> int:
    """Keep the opt-outs of these addresses by their digest alone, those of single topics too. Gives how many of all."""
    t, p = _opt_out.c, _preference.c
    rows = connection.execute(sa.select(_opt_out).where(t.address.in_(addresses))).all()
    for row in rows:
        mark = digest(sign, row.medium, row.address)
        _keep(connection, row.medium, mark, since=row.since, mandatory_too=row.mandatory_too)
    connection.execute(sa.delete(_opt_out).where(t.address.in_(addresses)))
    said = sa.select(_preference).where(p.address.in_(addresses), p.wish == Wish.OFF)
    for row in connection.execute(said).all():
        mark = _of_topics(sign, row.medium, row.address)
        _say_too(connection, row._asdict(), mark)
        _keep(connection, row.medium, mark, since=row.since, mandatory_too=False)
    connection.execute(sa.delete(_preference).where(p.address.in_(addresses)))
    return len(rows)


def _keep(connection: Connection, medium: str, mark: str, *, since: datetime, mandatory_too: bool) -> None:
    connection.execute(sa.delete(_kept).where(_kept.c.medium == medium, _kept.c.digest == mark))
    values = {"medium": medium, "digest": mark, "since": since, "mandatory_too": mandatory_too}
    connection.execute(sa.insert(_kept).values(values))


def _say_too(connection: Connection, row: Mapping[str, Any], address: str) -> None:
    """Write a preference down under another address, in the place of what stands there of the same topic.

    A row of its own: whoever erases deletes the old one by its id.
    """
    p = _preference.c
    same = sa.and_(p.address == address, p.topic == row["topic"], p.medium == row["medium"])
    connection.execute(sa.delete(_preference).where(same))
    values = {name: value for name, value in row.items() if name != "id"}
    connection.execute(sa.insert(_preference).values(values | {"address": address}))


def restore(connection: Connection, rows: Sequence[Mapping[str, Any]], *, sign: Sign) -> None:
    """Write down again that these messages' addresses told us to stop, where they did before they were erased.

    It is asked when a message is claimed, so that no way by which a number comes back can be forgotten; and before
    somebody says anew what a phone wants of a topic, as the last word counts.
    """
    t = _kept.c
    if not rows or connection.scalar(sa.select(t.id).limit(1)) is None:
        return
    marks = {digest(sign, row["medium"], row["address"]): row["address"] for row in rows if row["address"]}
    ended = {_of_topics(sign, row["medium"], row["address"]): row["address"] for row in rows if row["address"]}
    for found in connection.execute(sa.select(_kept).where(t.digest.in_([*marks, *ended]))).all():
        connection.execute(sa.delete(_kept).where(t.id == found.id))
        if found.digest in ended:
            those = _preference.c.address == found.digest
            for row in connection.execute(sa.select(_preference).where(those)).all():
                _say_too(connection, row._asdict(), ended[found.digest])
            connection.execute(sa.delete(_preference).where(those))
            continue
        values = {"medium": found.medium, "address": marks[found.digest], "since": found.since,
                  "how": "before they were erased", "mandatory_too": found.mandatory_too}  # fmt: skip
        same = sa.and_(_opt_out.c.medium == found.medium, _opt_out.c.address == marks[found.digest])
        connection.execute(sa.delete(_opt_out).where(same))
        connection.execute(sa.insert(_opt_out).values(values))


def forget(connection: Connection, medium: str, address: str, *, sign: Sign) -> bool:
    """Somebody who was erased wants to hear again. False where they had never stopped."""
    t = _kept.c
    gone = sa.delete(_kept).where(t.medium == medium, t.digest == digest(sign, medium, address)).returning(t.id)
    return connection.execute(gone).first() is not None
