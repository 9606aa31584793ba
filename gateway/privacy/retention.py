"""What is over goes: every night, by clocks that the school sets (``retention`` in the settings; domain.md §3.6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway import audit, chain, context
from gateway.database import Session
from gateway.models import DetailState, MessageState, Purpose, UtcDateTime
from gateway.privacy import holdings
from gateway.privacy.holdings import Clock
from scheduler import calendar

KEPT: Final = "retention.run"
AT_ONCE: Final = 500  #: rows in one transaction
#: Messages of which nothing more can come.
_FINAL = [
    state
    for state in MessageState
    if state not in (MessageState.HELD, MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
]

Where = Callable[[sa.FromClause], sa.ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of a table whose ``age`` is more than the clock's go, or only ``columns`` of them are emptied.

    ``age`` is a column, or one of the row that a column points to: ``import_id.at``.
    """

    clock: Clock
    table: str
    age: str
    columns: tuple[str, ...] = ()
    where: Where | None = None

    @property
    def called(self) -> str:
        """What goes, for people."""
        what = holdings.HOLDINGS[self.table].what
        return f"{what}: {', '.join(name.replace('_', ' ') for name in self.columns)}" if self.columns else what


def _of_absences(reply: sa.FromClause) -> sa.ColumnElement[bool]:
    heard = SQLModel.metadata.tables["absence_heard"]
    return sa.exists().where(heard.c.reply_id == reply.c.id)


def _of_an_answer(gist: sa.FromClause) -> sa.ColumnElement[bool]:
    heard = SQLModel.metadata.tables["absence_heard"]
    return ~sa.exists().where(heard.c.reply_id == gist.c.reply_id)


def _ended(message: sa.FromClause) -> sa.ColumnElement[bool]:
    return message.c.state.in_(_FINAL)


_WORDS = ("subject", "body", "script", "reason_text")
RULES: Final = (
    Rule(Clock.WORDS, "message", "created_at", _WORDS,
         lambda t: sa.and_(_ended(t), t.c.purpose != Purpose.SAFEGUARDING)),
    Rule(Clock.WORDS, "letter", "printed_at", ("body", "lines")),
    Rule(Clock.WORDS, "reply", "at", ("body",), lambda t: ~_of_absences(t)),
    Rule(Clock.WORDS, "gist", "at", (), _of_an_answer),
    Rule(Clock.WORDS, "conversation_note", "at"),
    Rule(Clock.WORDS, "praise", "said_at", ("words",)),
    Rule(Clock.WORDS, "next_try", "made_at"),
    Rule(Clock.WORDS, "announcement_draft", "changed_at"),
    Rule(Clock.ATTENDANCE, "message", "created_at", _WORDS,
         lambda t: sa.and_(_ended(t), t.c.purpose == Purpose.SAFEGUARDING)),
    Rule(Clock.ATTENDANCE, "reply", "at", ("body",), _of_absences),
    Rule(Clock.ATTENDANCE, "gist", "at"),
    Rule(Clock.ATTENDANCE, "mark", "date"),
    Rule(Clock.ATTENDANCE, "absence_reason", "last"),
    Rule(Clock.ATTENDANCE, "absence_case", "date"),
    Rule(Clock.ATTENDANCE, "phone_report", "last"),
    Rule(Clock.RECEIVED, "inbound", "received_at", ("raw",), lambda t: t.c.handled_at.is_not(None)),
    Rule(Clock.RECEIVED, "inbound", "received_at", ("event",),
         lambda t: sa.and_(t.c.handled_at.is_not(None), t.c.kind.in_(["reply", "raw"]))),
    Rule(Clock.CODES, "new_detail", "made_at", (),
         lambda t: t.c.state.in_([DetailState.FAILED, DetailState.EXPIRED, DetailState.REFUSED])),
    Rule(Clock.CODES, "import_conflict", "answered_at"),
    Rule(Clock.CODES, "sign_in_try", "last_at"),
    Rule(Clock.CODES, "account_link", "expires_at"),
    Rule(Clock.CODES, "idempotency", "at"),
    Rule(Clock.IMPORTS, "import_change", "import_id.at"),
    Rule(Clock.RECORDS, "message", "created_at", ("address",), _ended),
    Rule(Clock.RECORDS, "phone_call", "began_at", ("caller",)),
    Rule(Clock.RECORDS, "fresh_question", "asked_at"),
    Rule(Clock.RECORDS, "task", "done_at"),
    Rule(Clock.RECORDS, "trial_guest", "added_at"),
    Rule(Clock.RECORDS, "emergency_word", "at"),
    Rule(Clock.RECORDS, "scrub", "done_at"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """A rule, after how many days it takes effect, and how many rows it would take now."""

    rule: Rule
    days: int
    rows: int


def days(gateway: context.Gateway, clock: Clock) -> int:
    """How long a clock runs."""
    return int(getattr(gateway.settings.retention, f"{clock}_days"))


async def due(session: Session, gateway: context.Gateway) -> list[Due]:
    """What would go if it were night."""
    found = []
    for rule in RULES:
        table = SQLModel.metadata.tables[rule.table]
        count = sa.select(sa.func.count()).select_from(table).where(_over(gateway, rule, table))
        found.append(Due(rule, days(gateway, rule.clock), await session.scalar(count) or 0))
    return found


@dataclass(frozen=True, slots=True)
class Night:
    """When it was done, and how many rows of each table went or were emptied."""

    at: datetime
    gone: Mapping[str, int]


async def last_night(session: Session) -> Night | None:
    """When it was done last; None where it never was."""
    lines = await audit.lines_about(session, action=KEPT, limit=1)
    return Night(lines[0].at, json.loads(lines[0].body)["gone"]) if lines else None


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether this night's turn is still to come round."""
    begins = datetime.combine(gateway.today(), time.fromisoformat(gateway.settings.retention.at))
    if gateway.now() < calendar.to_utc(begins, gateway.timezone):
        return False
    return not await audit.lines_about(session, _subject(gateway.today()), action=KEPT, limit=1)


async def apply(session: Session, gateway: context.Gateway, rule: Rule) -> int:
    """Let the next rows go whose time is over. Gives how many: fewer than :data:`AT_ONCE` are the last ones."""
    table = SQLModel.metadata.tables[rule.table]
    key = next(iter(table.primary_key))
    chosen = sa.select(key).where(_over(gateway, rule, table)).limit(AT_ONCE)
    statement: Any = sa.delete(table).where(key.in_(chosen))
    if rule.columns:
        statement = sa.update(table).where(key.in_(chosen)).values(_emptied(table, rule))
    done: Any = await session.execute(statement)
    return int(done.rowcount)


async def record(session: Session, gateway: context.Gateway, gone: dict[str, int]) -> None:
    """Write down that this night's turn is done; twice is no harm."""
    await chain.lock(session)
    facts = {"gone": {name: count for name, count in gone.items() if count}}
    await gateway.log.record(session, audit.Line(KEPT, _subject(gateway.today()), facts), now=gateway.now())


def _over(gateway: context.Gateway, rule: Rule, table: sa.Table) -> sa.ColumnElement[bool]:
    """The rows of a rule that are old enough and not empty yet."""
    age, before = _age(rule, table), gateway.now() - timedelta(days=days(gateway, rule.clock))
    limit: datetime | date = before if isinstance(age.type, UtcDateTime) else before.date()
    conditions = [age.is_not(None), age < limit]
    if rule.where is not None:
        conditions.append(rule.where(table))
    if rule.columns:
        conditions.append(sa.or_(*(_holds(table.c[name]) for name in rule.columns)))
    return sa.and_(*conditions)


def _age(rule: Rule, table: sa.Table) -> sa.ColumnElement[Any]:
    name, _, further = rule.age.partition(".")
    if not further:
        return table.c[name]
    [key] = table.c[name].foreign_keys
    return sa.select(key.column.table.c[further]).where(key.column == table.c[name]).scalar_subquery()


def _holds(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    if isinstance(column.type, sa.JSON):
        text = sa.cast(column, sa.Text)
        return sa.and_(column.is_not(None), text.not_in(["{}", "null", "[]"]))
    return sa.and_(column.is_not(None), column != "")


def _emptied(table: sa.Table, rule: Rule) -> dict[str, Any]:
    """A message's slot has its number in it, too, and is one of a kind in its run."""
    values: dict[str, Any] = {}
    for name in rule.columns:
        is_json = isinstance(table.c[name].type, sa.JSON)
        values[name] = (sa.null() if table.c[name].nullable else {}) if is_json else ""
    if rule.table == "message" and "address" in rule.columns:
        values |= {"slot": sa.literal("old:") + table.c.id, "contact_id": None, "contact_point_id": None}
    return values


def rules_of(clock: Clock) -> Sequence[Rule]:
    """What a clock is for."""
    return [rule for rule in RULES if rule.clock is clock]


def _subject(day: date) -> str:
    return f"retention:{day}"
