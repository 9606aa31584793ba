"""The morning board: every child who is not in school, and how each of them stands. One reading for all who count them.

A blank mark is a register that has not come in, and never an absence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from gateway import people
from gateway.absence import expected, rules, states, views
from gateway.database import Session
from gateway.models import AbsenceCase, CaseState, DaySession, Mark, Pupil
from gateway.models.types import core

_MOST: Final = 5_000

pupil_table, mark_table = core(Pupil), core(Mark)


class Stand(StrEnum):
    """How a child stands, the most urgent first; the first four are not accounted for. Their values are CSS classes."""

    UNEXPLAINED = "un"  #: a named person has taken it over
    PHONE = "es"  #: nobody answered, or what is said does not fit: somebody must act now
    ANSWERED = "an"  #: words that a person must read
    ASKED = "as"
    CONFIRM = "co"  #: the family has told, and the office has only to take the code
    EXPLAINED = "ex"


#: Where it is not known where a child is.
OPEN: Final = frozenset({Stand.UNEXPLAINED, Stand.PHONE, Stand.ANSWERED, Stand.ASKED})
#: Where a person has something to do.
NEEDS: Final = frozenset({Stand.UNEXPLAINED, Stand.PHONE, Stand.ANSWERED, Stand.CONFIRM})
_ORDER: Final = {stand: number for number, stand in enumerate(Stand)}
_STANDS: Final = {
    CaseState.ASKING: Stand.ASKED,
    CaseState.UNREAD: Stand.ANSWERED,
    CaseState.EXPECTED: Stand.ASKED,
    CaseState.TO_CONFIRM: Stand.CONFIRM,
    CaseState.ALARM: Stand.PHONE,
    CaseState.SEEN: Stand.EXPLAINED,
    CaseState.EXPLAINED: Stand.EXPLAINED,
    CaseState.SAFE: Stand.EXPLAINED,
    CaseState.HANDED_OVER: Stand.UNEXPLAINED,
}


@dataclass(frozen=True, slots=True)
class Child:
    """A child of the board. ``case`` is None where the register itself says why; ``code`` then is the register's."""

    pupil: Pupil
    stand: Stand
    case: AbsenceCase | None
    code: str

    @property
    def seen(self) -> bool:
        """Whether it is in school after all."""
        return self.case is not None and self.case.state is CaseState.SEEN

    @property
    def word(self) -> str:
        """Its state as staff read it."""
        if self.case is None:
            return "Explained by the register"
        if self.stand is Stand.PHONE and self.case.state is CaseState.ASKING:
            return "No answer, phone now"
        return states.WORDS[self.case.state]


@dataclass(slots=True)
class Form:
    """A form and its register. ``missing`` pupils have no mark; ``came_at`` is when the last mark came in."""

    name: str
    pupils: int = 0
    marked: int = 0
    present: int = 0
    came_at: datetime | None = None
    children: list[Child] = field(default_factory=list[Child])

    @property
    def missing(self) -> int:
        """Pupils of whom the register says nothing."""
        return self.pupils - self.marked


@dataclass(frozen=True, slots=True)
class Board:
    """A day. ``session`` is the one whose registers are looked at."""

    day: date
    session: DaySession
    forms: Sequence[Form]

    @property
    def children(self) -> list[Child]:
        """Everybody who is or was away, the most urgent first."""
        found = [child for form in self.forms for child in form.children]
        return sorted(found, key=_urgency)

    @property
    def counts(self) -> Mapping[Stand, int]:
        """How many of those who are away stand how; whoever has been seen in school is not away."""
        found = Counter(child.stand for form in self.forms for child in form.children if not child.seen)
        return {stand: found[stand] for stand in Stand}

    @property
    def absent(self) -> int:
        """How many children are away."""
        return sum(self.counts.values())

    @property
    def open(self) -> int:
        """How many of them nobody can account for yet."""
        return sum(number for stand, number in self.counts.items() if stand in OPEN)

    @property
    def pupils(self) -> int:
        """How many should come."""
        return sum(form.pupils for form in self.forms)

    @property
    def here(self) -> int:
        """How many are in school, by the register and by whoever has seen them."""
        return sum(form.present for form in self.forms)

    @property
    def marked(self) -> int:
        """How many have a mark."""
        return sum(form.marked for form in self.forms)

    @property
    def without_register(self) -> list[Form]:
        """The forms whose register is not complete."""
        return [form for form in self.forms if form.missing]

    def headline(self) -> str:
        """The state of affairs in a sentence: the title of the page."""
        absent = f"{self.absent} absent {'child' if self.absent == 1 else 'children'}"
        if not self.open and not self.marked:
            return "No register has come in yet"
        if not self.open:
            return "Everyone is accounted for" if self.absent else "Nobody is away"
        return f"{self.open} of {absent} {'is' if self.open == 1 else 'are'} not yet accounted for"


async def read(
    session: Session, decided: rules.Rules, day: date, which: DaySession, *, forms: frozenset[str] = frozenset()
) -> Board:
    """The board of a day, with the registers of one session; of some forms only where any are named."""
    board = {form.name: form for form in await _registers(session, decided, day, which, forms)}
    children: dict[int, Child] = {}
    for case, pupil in await views.listed(session, day=day, limit=_MOST):
        child = child_of(case, pupil, decided)
        known = children.get(case.pupil_id)
        # Morning and afternoon of one child are two cases and one child: what is more urgent counts.
        if known is None or _ORDER[child.stand] < _ORDER[known.stand]:
            children[case.pupil_id] = child
    seen = {pupil_id for pupil_id, child in children.items() if child.seen}
    for mark, pupil in await _away(session, decided, day, which):
        if pupil.id in seen and pupil.form in board:
            board[pupil.form].present += 1  # the register does not know yet
        code = decided.codes.known(mark.code, day)
        if pupil.id not in children and code is not None and not code.asks:
            children[mark.pupil_id] = Child(pupil, Stand.EXPLAINED, None, mark.code)
    for child in children.values():
        name = child.pupil.form
        if not forms or name in forms:
            board.setdefault(name, Form(name)).children.append(child)
    for form in board.values():
        form.children.sort(key=lambda child: (_ORDER[child.stand], child.pupil.called, child.pupil.surname))
    return Board(day, which, sorted(board.values(), key=lambda form: by_year(form.name)))


async def needing(session: Session, decided: rules.Rules, day: date, *, forms: frozenset[str] = frozenset()) -> int:
    """How many children of a day wait for a person: the length of the list, without reading it."""
    t = core(AbsenceCase).c
    states_ = [state for state, stand in _STANDS.items() if stand in NEEDS]
    to_ring = sa.and_(t.state == CaseState.ASKING, t.rung > _phone_rung(decided))
    query = sa.select(sa.func.count(sa.distinct(t.pupil_id))).where(
        t.date == day, sa.or_(t.state.in_(states_), to_ring)
    )
    if forms:
        query = query.join(pupil_table, pupil_table.c.id == t.pupil_id).where(pupil_table.c.form.in_(forms))
    return await session.scalar(query) or 0


def child_of(case: AbsenceCase, pupil: Pupil, decided: rules.Rules) -> Child:
    """How the child of a case stands."""
    return Child(pupil, _stand(case, decided), case, case.code)


def session_of(decided: rules.Rules, now: datetime) -> DaySession:
    """Whose registers a page shows at this moment: the afternoon's from when it begins."""
    return DaySession.PM if now.astimezone(decided.timezone).time() >= decided.noon else DaySession.AM


def _urgency(child: Child) -> tuple[int, float]:
    return _ORDER[child.stand], child.case.opened_at.timestamp() if child.case else 0


def _stand(case: AbsenceCase, decided: rules.Rules) -> Stand:
    """An asked child is one to phone once the ladder has given the office that task."""
    if case.state is CaseState.ASKING and case.rung > _phone_rung(decided):
        return Stand.PHONE
    return _STANDS[case.state]


def _phone_rung(decided: rules.Rules) -> int:
    rungs = decided.ladder.rungs
    return next((number for number, rung in enumerate(rungs) if rung.task == "phone"), len(rungs))


def by_year(form: str) -> tuple[int, str]:
    """The order of forms: Nursery and Reception come before the years with a number."""
    digits = form[: len(form) - len(form.lstrip("0123456789"))]
    return (int(digits) if digits else -1 if form else 99), form


async def _registers(
    session: Session, decided: rules.Rules, day: date, which: DaySession, forms: frozenset[str]
) -> list[Form]:
    """Every form with its pupils, and how far its register has come: counted by the database."""
    p, m = pupil_table.c, mark_table.c
    in_school = [code.code for code in decided.codes.on(day) if code.in_school]
    marked = sa.and_(m.id.is_not(None), m.code != "")
    query = (
        sa.select(
            p.form,
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sa.case((marked, 1), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(sa.case((m.code.in_(in_school), 1), else_=0)), 0),
            sa.func.max(sa.case((marked, m.set_at))),
        )
        .select_from(pupil_table.outerjoin(mark_table, sa.and_(m.pupil_id == p.id, m.date == day, m.session == which)))
        .where(people.on_roll(day), expected.clause(decided.year, day))
        .group_by(p.form)
    )
    if forms:
        query = query.where(p.form.in_(forms))
    return [Form(*row) for row in await session.execute(query)]


async def _away(session: Session, decided: rules.Rules, day: date, which: DaySession) -> Sequence[tuple[Mark, Pupil]]:
    """Marks of this session that say that a pupil is not in the building, for whatever reason."""
    m = mark_table.c
    here = [code.code for code in decided.codes.on(day) if code.in_school]
    closed = [code.code for code in decided.codes.on(day) if code.closes]
    query = (
        sa.select(Mark, Pupil)
        .join(Pupil, pupil_table.c.id == m.pupil_id)
        .where(m.date == day, m.session == which, m.code != "", m.code.not_in([*here, *closed]), people.on_roll(day))
    )
    return [(mark, pupil) for mark, pupil in await session.execute(query)]
