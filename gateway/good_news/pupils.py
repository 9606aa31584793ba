"""The one pupil that a teacher means: by MIS id, UPN or name, with a question back where it may be several."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa

from gateway import errors, people
from gateway.database import Session
from gateway.models import Pupil
from gateway.models.types import core
from gateway.understanding import folding

_SHOWN = 6


class Found(NamedTuple):
    """A pupil on roll."""

    id: int
    source_id: str
    upn: str
    forename: str
    known_as: str
    surname: str
    form: str

    @property
    def called(self) -> str:
        """The name that a message uses."""
        return self.known_as or self.forename

    def __str__(self) -> str:
        return f"{self.called} {self.surname}{f', {self.form}' if self.form else ''} ({self.source_id})"


class Several(errors.BadInput):
    """A name that several pupils have: ``found``."""

    def __init__(self, written: str, found: Sequence[Found]):
        self.found = tuple(found)
        shown = "; ".join(str(one) for one in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        super().__init__([errors.Problem(f"Which “{written}”? {shown}{more}.", "Add the form, or give the id.")])


async def on_roll(session: Session, *, today: date, form: str = "") -> list[Found]:
    """The pupils of the school, or of one form."""
    pupil = core(Pupil).c
    query = sa.select(*(pupil[name] for name in Found._fields)).where(people.on_roll(today)).order_by(pupil.id)
    found = [Found._make(row) for row in await session.execute(query)]
    wanted = folded(form)
    return [one for one in found if not wanted or folded(one.form) == wanted]


async def find(session: Session, written: str, *, today: date, form: str = "") -> Found:
    """The pupil of an id, or of a name such as ``Ana``, ``Ana N``, ``Ana Nowak`` or ``Ana 3A``.

    Raises :class:`errors.BadInput` that names whom it may be.
    """
    known = await on_roll(session, today=today, form=form)
    for one in known:
        if written.strip() and written.strip() in (one.source_id, one.upn):
            return one
    return single(written, known)


def single(written: str, known: Sequence[Found]) -> Found:
    """The one of these that a name means. Raises :class:`errors.BadInput`."""
    asked = folded(written).split()
    found = [one for one in known if _is_called(asked, one)] if asked else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise errors.BadInput([errors.Problem(f"Nobody on roll is called “{written}”.", _near(asked, known))])
    raise Several(written, found)


def folded(text: str) -> str:
    """A name or form without case, accents and apostrophes, as people type it."""
    return "".join(one if one.isalnum() else " " for one in folding.fold(text).replace("'", ""))


def _is_called(asked: Sequence[str], one: Found) -> bool:
    """Whether every word fits, and one of them is a forename or the surname: a form alone names nobody."""
    first, last = set(_words(one.forename, one.known_as)), set(_words(one.surname))
    form = folded(one.form).replace(" ", "")
    initials = {word[0] for word in last}
    named = [word for word in asked if word in first or word in last]
    return bool(named) and all(word in first or word in last or word == form or word in initials for word in asked)


def _words(*names: str) -> Iterator[str]:
    for name in names:
        yield from folded(name).split()


def _near(asked: Sequence[str], known: Sequence[Found]) -> str:
    called = {one: list(_words(one.forename, one.known_as, one.surname)) for one in known}
    every = sorted({word for words in called.values() for word in words})
    like = {word for part in asked for word in difflib.get_close_matches(part, every, n=2, cutoff=0.75)}
    near = [one for one, words in called.items() if like.intersection(words)][:_SHOWN]
    if near:
        return f"Did you mean {'; '.join(map(str, near))}?"
    return "Look at the spelling, or give the school system's id or the UPN."
