"""Good and bad news by pupil, form, group and teacher; who has had nothing good for how long.

Counted is what has left for at least one of the family, or was posted as a letter: a notice about a child counts once
for that child, however many phones it went to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

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
_OURSELVES = "handbell"  #: the author of absence checks and of a day's praise: no teacher
_WENT = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)


@dataclass(frozen=True, slots=True)
class Child:
    """What one family has heard of one child in the time looked at; ``last_good`` is of any time."""

    pupil: pupils.Found
    good: int = 0
    last_good: date | None = None
    bad: int = 0
    groups: Sequence[str] = ()


@dataclass(slots=True)
class Line:
    """The sum for a form, group or teacher.

    ``pupils``   of a teacher: those of whom there was good or bad news
    ``without``  of a form or group: its children with no good news in the time looked at
    """

    name: str
    pupils: int = 0
    good: int = 0
    bad: int = 0
    without: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at: since when, and whose; ``until`` is the last day, today without one."""

    since: date
    form: str = ""
    group: str = ""
    until: date | None = None


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
    groups = await _groups(session)
    known = await _whose(session, gateway, wanted, groups)
    begins = _midnight(wanted.since, gateway)
    ends = _midnight(wanted.until + timedelta(days=1), gateway) if wanted.until else None
    until = _RUN.c.fire_at < ends if ends else sa.true()
    whose = [one.id for one in known] if wanted.form or wanted.group else None
    good = await _good(session, gateway, begins=begins, before=ends, pupil_ids=whose)
    bad = await _bad(session, await _runs(session, _is_bad(), _RUN.c.fire_at >= begins, until), pupil_ids=whose)
    found = [
        Child(one, *good.get(one.id, (0, None)), bad=bad.get(one.id, 0), groups=groups.get(one.id, ())) for one in known
    ]
    found.sort(key=lambda one: (one.last_good or date.min, -one.bad, one.pupil.id))
    return Balance(wanted.since, found)


async def _whose(
    session: Session, gateway: context.Gateway, wanted: Wanted, groups: Mapping[int, Sequence[str]]
) -> list[pupils.Found]:
    known = await pupils.on_roll(session, today=wanted.until or gateway.today(), form=wanted.form)
    if wanted.group:
        name = wanted.group.casefold()
        known = [one for one in known if any(each.casefold() == name for each in groups.get(one.id, ()))]
    if not known and (wanted.form or wanted.group):
        whose = " and ".join(filter(None, (wanted.form and f"form {wanted.form}", wanted.group)))
        raise errors.NotFound(f"No pupil on roll is in {whose}.")
    return known


def _midnight(day: date, gateway: context.Gateway) -> datetime:
    return calendar.to_utc(datetime.combine(day, datetime.min.time()), gateway.timezone)


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
    """Who praises, and whose notices are good or bad news: by the name that families read, and the author's.

    As by pupil, what left of one person on one day counts once for a child. Raises :class:`errors.NotFound`.
    """
    begins = _midnight(wanted.since, gateway)
    ours = {one.id for one in await _whose(session, gateway, wanted, await _groups(session))}
    praise, lines, whom = core(Praise).c, dict[str, Line](), defaultdict[str, set[int]](set)
    since = _RUN.c.fire_at >= begins
    good, bad = await _runs(session, _IS_GOOD, since), await _runs(session, _is_bad(), since)
    of_child = sa.and_(praise.run_id == _MESSAGE.c.run_id, praise.pupil_id == _ABOUT.c.pupil_id)
    praised = sa.select(praise.staff, _ABOUT.c.pupil_id, _MESSAGE.c.run_id)
    praised = praised.select_from(_HEARD.join(core(Praise), of_child))
    named = _HEARD.join(_RUN, _RUN.c.id == _MESSAGE.c.run_id).join(_NOTICE, _NOTICE.c.id == _RUN.c.notice_id)
    by_hand = sa.select(_NOTICE.c.author, _ABOUT.c.pupil_id, _MESSAGE.c.run_id).select_from(named)
    by_hand = by_hand.where(_NOTICE.c.author != _OURSELVES)
    for name, query, run_ids in (("good", praised, good), ("good", by_hand, good), ("bad", by_hand, bad)):
        for who, pupil_id, _ in await _within(session, query.where(_went()).distinct(), run_ids):
            if pupil_id in ours:
                line = lines.setdefault(who, Line(who))
                setattr(line, name, getattr(line, name) + 1)
                whom[who].add(pupil_id)
    for who, children in whom.items():
        lines[who].pupils = len(children)
    return [lines[name] for name in sorted(lines)]


async def last_good(
    session: Session, gateway: context.Gateway, pupil_ids: Sequence[int] | None = None
) -> dict[int, date]:
    """The school's date on which good news of each pupil last left; who never had any is missing."""
    good = await _good(session, gateway, begins=gateway.now(), pupil_ids=pupil_ids)
    return {pupil_id: last for pupil_id, (_, last) in good.items() if last is not None}


async def _good(
    session: Session,
    gateway: context.Gateway,
    *,
    begins: datetime,
    before: datetime | None = None,
    pupil_ids: Sequence[int] | None = None,
) -> dict[int, tuple[int, date | None]]:
    """For each pupil how often there was good news since ``begins``, and when the last of any time left."""
    fired = await _runs(session, _IS_GOOD, _RUN.c.fire_at < before if before else sa.true())
    good = _MESSAGE.c.purpose == Purpose.GOOD_NEWS  # a question for the language may go along
    query = sa.select(_ABOUT.c.pupil_id, _MESSAGE.c.run_id).select_from(_HEARD).where(_went(), good).distinct()
    heard = defaultdict[int, list[datetime]](list)
    for pupil_id, run_id in await _within(session, query, fired, pupil_ids):
        heard[pupil_id].append(fired[run_id])
    return {
        pupil_id: (sum(at >= begins for at in several), max(several).astimezone(gateway.timezone).date())
        for pupil_id, several in heard.items()
    }


async def _bad(session: Session, run_ids: Collection[int], *, pupil_ids: Sequence[int] | None = None) -> dict[int, int]:
    heard = sa.func.count(sa.distinct(_MESSAGE.c.run_id))
    query = sa.select(_ABOUT.c.pupil_id, heard).select_from(_HEARD).where(_went()).group_by(_ABOUT.c.pupil_id)
    return dict(await _within(session, query, run_ids, pupil_ids))


async def _runs(session: Session, *which: sa.ColumnElement[bool]) -> dict[int, datetime]:
    """When each run of such notices fired.

    Found before messages are looked at: definitions are read once for each notice, and not once for each message.
    """
    query = sa.select(_RUN.c.id, _RUN.c.fire_at).join(_NOTICE, _NOTICE.c.id == _RUN.c.notice_id).where(*which)
    return {row[0]: row[1] for row in await session.execute(query)}


async def _within(
    session: Session,
    query: sa.Select[*tuple[Any, ...]],
    run_ids: Collection[int],
    pupil_ids: Sequence[int] | None = None,
) -> list[tuple[Any, ...]]:
    """The rows of what was heard, of these runs and, where some are given, of these pupils."""
    if not run_ids:
        return []
    query = query.where(people.among(people.dialect(session), _MESSAGE.c.run_id))
    if pupil_ids is not None:
        query = query.where(_ABOUT.c.pupil_id.in_(pupil_ids))
    return [tuple(row) for row in await session.execute(query, {"ids": people.packed(run_ids)})]


_HEARD: Final = _MESSAGE.join(_ABOUT, _ABOUT.c.message_id == _MESSAGE.c.id)  #: what was said, and of whom


def _went() -> sa.ColumnElement[bool]:
    """It has left, or was posted."""
    posted = sa.exists().where(_LETTER.c.message_id == _MESSAGE.c.id, _LETTER.c.posted_at.is_not(None))
    return sa.or_(_MESSAGE.c.state.in_(_WENT), posted)


_IS_GOOD: Final = _NOTICE.c.purpose == Purpose.GOOD_NEWS


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
