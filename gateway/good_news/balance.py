"""Good and bad news by pupil, form, group and teacher; who has had nothing good for how long.

Counted is what has left for at least one of the family, or was posted as a letter: a notice about a child counts once
for that child, however many phones it went to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from gateway import context, errors, people
from gateway.database import Session
from gateway.good_news import pupils
from gateway.models import (
    About,
    Letter,
    Membership,
    Message,
    MessageState,
    Notice,
    Praise,
    PupilGroup,
    Purpose,
    Run,
)
from gateway.models.types import core
from scheduler import calendar
from templates import library

By = Literal["pupil", "form", "group", "teacher"]

_MESSAGE, _ABOUT, _RUN, _NOTICE, _LETTER = core(Message), core(About), core(Run), core(Notice), core(Letter)
_WENT = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)


@dataclass(frozen=True, slots=True)
class Child:
    """What one family has heard of one child in the time looked at; ``last_good`` is of any time."""

    pupil: pupils.Found
    good: int = 0
    bad: int = 0
    last_good: date | None = None
    groups: Sequence[str] = ()


@dataclass(slots=True)
class Line:
    """The sum for a form, group or teacher. ``without`` are its children with no good news in the time looked at."""

    name: str
    pupils: int = 0
    good: int = 0
    bad: int = 0
    without: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at: since when, and whose."""

    since: date
    form: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """Every child, those longest without good news first."""

    since: date
    children: Sequence[Child] = field(default_factory=list[Child])

    def by_form(self) -> list[Line]:
        """The forms by name."""
        return _lines((one.pupil.form, one) for one in self.children)

    def by_group(self) -> list[Line]:
        """The groups by name; a child of two counts in both."""
        return _lines((name, one) for one in self.children for name in one.groups)


def ratio(good: int, bad: int) -> str:
    """As people say it: ``3 to 1``; ``-`` where there was neither."""
    return f"{good} to {bad}" if good or bad else "-"


def is_worry(definition: Mapping[str, Any]) -> bool:
    """Whether a stored definition, or one as JSON, is bad news of a child."""
    return bool(definition.get("worrying")) or definition.get("template", "") in worrying_wordings()


def worrying_wordings() -> list[str]:
    """The wordings that are worries, whoever uses them."""
    return [key for key, one in library.notices().items() if one.worrying]


async def of(session: Session, gateway: context.Gateway, wanted: Wanted) -> Balance:
    """The balance of the pupils on roll. Raises :class:`errors.NotFound` for a form or group that nobody is in."""
    known = await pupils.on_roll(session, today=gateway.today(), form=wanted.form)
    groups = await _groups(session)
    if wanted.group:
        name = wanted.group.casefold()
        known = [one for one in known if any(each.casefold() == name for each in groups.get(one.id, ()))]
    if not known and (wanted.form or wanted.group):
        whose = " and ".join(filter(None, (wanted.form and f"form {wanted.form}", wanted.group)))
        raise errors.NotFound(f"No pupil on roll is in {whose}.")
    begins = calendar.to_utc(datetime.combine(wanted.since, datetime.min.time()), gateway.timezone)
    good, bad = await _counts(session, _IS_GOOD, begins), await _counts(session, _is_bad(), begins)
    last = await last_good(session, gateway)
    found = [
        Child(one, good.get(one.id, 0), bad.get(one.id, 0), last.get(one.id), groups.get(one.id, ())) for one in known
    ]
    found.sort(key=lambda one: (one.last_good or date.min, -one.bad, one.pupil.id))
    return Balance(wanted.since, found)


def _lines(named: Iterable[tuple[str, Child]]) -> list[Line]:
    lines = dict[str, Line]()
    for name, one in named:
        line = lines.setdefault(name, Line(name))
        line.pupils += 1
        line.good += one.good
        line.bad += one.bad
        line.without += not one.good
    return [lines[name] for name in sorted(lines)]


async def by_teacher(session: Session, gateway: context.Gateway, wanted: Wanted) -> list[Line]:
    """Who praises, and whose notices are worries: by the name that families read, and the author's."""
    begins = calendar.to_utc(datetime.combine(wanted.since, datetime.min.time()), gateway.timezone)
    ours = {one.id for one in await pupils.on_roll(session, today=gateway.today(), form=wanted.form)}
    praise, lines = core(Praise).c, dict[str, Line]()
    told = sa.select(praise.staff, praise.pupil_id, praise.id).where(praise.told_at >= begins)
    bad = (
        sa.select(_NOTICE.c.author, _ABOUT.c.pupil_id, _RUN.c.id)
        .select_from(_heard())
        .where(_is_bad(), _RUN.c.fire_at >= begins, _NOTICE.c.author != "handbell")
        .distinct()
    )
    for name, query in (("good", told), ("bad", bad)):
        whom = defaultdict[str, set[int]](set)
        for staff, pupil_id, _ in await session.execute(query):
            if pupil_id in ours:
                line = lines.setdefault(staff, Line(staff))
                setattr(line, name, getattr(line, name) + 1)
                whom[staff].add(pupil_id)
        for staff, children in whom.items():
            lines[staff].pupils = max(lines[staff].pupils, len(children))
    return [lines[name] for name in sorted(lines)]


async def last_good(
    session: Session, gateway: context.Gateway, pupil_ids: Sequence[int] | None = None
) -> dict[int, date]:
    """The school's date on which good news of each pupil last left; who never had any is missing."""
    query = (
        sa.select(_ABOUT.c.pupil_id, sa.func.max(_RUN.c.fire_at))
        .select_from(_heard())
        .where(_IS_GOOD)
        .group_by(_ABOUT.c.pupil_id)
    )
    if pupil_ids is not None:
        query = query.where(people.among(people.dialect(session), _ABOUT.c.pupil_id))
    found = await session.execute(query, {"ids": people.packed(pupil_ids or ())} if pupil_ids is not None else {})
    return {pupil_id: at.astimezone(gateway.timezone).date() for pupil_id, at in found}


async def _counts(session: Session, which: sa.ColumnElement[bool], begins: datetime) -> dict[int, int]:
    query = (
        sa.select(_ABOUT.c.pupil_id, sa.func.count(sa.distinct(_MESSAGE.c.run_id)))
        .select_from(_heard())
        .where(which, _RUN.c.fire_at >= begins)
        .group_by(_ABOUT.c.pupil_id)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


def _heard() -> sa.FromClause:
    """What has left, or was posted, with whom it is about and what it was."""
    posted = sa.and_(_LETTER.c.message_id == _MESSAGE.c.id, _LETTER.c.posted_at.is_not(None))
    went = sa.or_(_MESSAGE.c.state.in_(_WENT), _LETTER.c.id.is_not(None))
    whole = _MESSAGE.outerjoin(_LETTER, posted).join(_RUN, sa.and_(_RUN.c.id == _MESSAGE.c.run_id, went))
    return whole.join(_NOTICE, _NOTICE.c.id == _RUN.c.notice_id).join(_ABOUT, _ABOUT.c.message_id == _MESSAGE.c.id)


_IS_GOOD = _MESSAGE.c.purpose == Purpose.GOOD_NEWS


def _is_bad() -> sa.ColumnElement[bool]:
    said = _NOTICE.c.definition
    marked = said["worrying"].as_boolean().is_(True)
    return sa.or_(marked, said["template"].as_string().in_(worrying_wordings()))


async def _groups(session: Session) -> dict[int, list[str]]:
    group, member = core(PupilGroup), core(Membership)
    query = sa.select(member.c.pupil_id, group.c.name).join(group, group.c.id == member.c.group_id)
    found = defaultdict[int, list[str]](list)
    for pupil_id, name in await session.execute(query.order_by(group.c.name)):
        found[pupil_id].append(name)
    return found
