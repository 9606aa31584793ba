"""Column types and the words that columns may hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import DateTime, Enum
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel


class Table(SQLModel):
    """The base of every table: its name in the database is the class's name in snake case."""

    @declared_attr.directive
    # SQLModel types it as one kind of declared_attr and accepts every kind
    def __tablename__(cls) -> str:  # noqa: N805  # pyright: ignore[reportIncompatibleVariableOverride]
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


def core(model: type[SQLModel]) -> sa.Table:
    """The plain table behind a model, for statements that handle many rows at once."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment on both databases. SQLite forgets time zones, so they are taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: nobody could say which moment it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime for the database must carry its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC datetime."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def words(kind: type[StrEnum]) -> Any:
    """A text column that holds the values of an enum (not the database's own enum type, whose words cannot change)."""
    return Enum(
        kind, native_enum=False, create_constraint=False, length=24, values_callable=lambda e: [m.value for m in e]
    )


def fixed(value: StrEnum | str) -> sa.ColumnElement[Any]:
    """One of our own words, written into the statement itself, for statements that run all day.

    Planners find a partial index only by a word that they can see. A parameter in its place costs SQLite a new plan at
    every execution, and PostgreSQL the index, once it has made its general plan. Never for what comes from outside.
    """
    return sa.literal_column(f"'{value}'", type_=sa.Text)


class PointKind(StrEnum):
    """What a contact point is. One phone serves both texts and calls."""

    PHONE = "phone"
    EMAIL = "email"


class LineType(StrEnum):
    """What kind of telephone line a number is."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    OTHER = "other"
    NONE = "none"  #: not a telephone


class PointState(StrEnum):
    """What the evidence says of a contact point."""

    UNPROVEN = "unproven"
    WORKING = "working"
    DOUBTFUL = "doubtful"
    DEAD = "dead"
    WRONG = "wrong"  #: whoever answers there says that it is not the family's; no evidence ends that


class Purpose(StrEnum):
    """Why something is sent (domain.md §3.5). It decides priority, and whether a person may decline it."""

    EMERGENCY = "emergency"
    SAFEGUARDING = "safeguarding"
    STATUTORY = "statutory"
    SERVICE = "service"
    GOOD_NEWS = "good_news"
    COMMUNITY = "community"
    SURVEY = "survey"
    FUNDRAISING_OR_PAID = "fundraising_or_paid"

    @property
    def mandatory(self) -> bool:
        """Whether it goes out without an unsubscribe link."""
        return self in {Purpose.EMERGENCY, Purpose.SAFEGUARDING, Purpose.STATUTORY, Purpose.SERVICE}

    @property
    def urgent(self) -> bool:
        """Whether it passes quiet hours, limits and what a family prefers: a child may be in danger."""
        return self in {Purpose.EMERGENCY, Purpose.SAFEGUARDING}

    @property
    def needs_consent(self) -> bool:
        """Whether the law asks for prior consent: electronic direct marketing (PECR reg. 22)."""
        return self is Purpose.FUNDRAISING_OR_PAID

    @property
    def goes_again_in_doubt(self) -> bool:
        """Whether a second copy is better than none when nothing at all is known (architecture.md §4)."""
        return self in {Purpose.EMERGENCY, Purpose.SAFEGUARDING}

    @property
    def priority(self) -> int:
        """The lane of priority: 0 emergency, 1 absence and answers, 2 routine, 3 good news and freshness."""
        match self:
            case Purpose.EMERGENCY:
                return 0
            case Purpose.SAFEGUARDING:
                return 1
            case Purpose.STATUTORY | Purpose.SERVICE:
                return 2
            case _:
                return 3


class NoticeState(StrEnum):
    """The life of a notice: scheduled → done, or held until a second person approves, or cancelled."""

    HELD = "held"
    SCHEDULED = "scheduled"
    DONE = "done"
    CANCELLED = "cancelled"
    BROKEN = "broken"  #: it could not be planned; ``trouble`` says why


class MessageState(StrEnum):
    """The life of a message; the allowed arrows are in ``gateway/states.py``."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Wish(StrEnum):
    """How somebody wants to hear of a topic by a medium."""

    AT_ONCE = "at_once"
    DIGEST = "digest"  #: with the day's other messages, in one
    OFF = "off"


class Keyword(StrEnum):
    """What a whole reply means to the networks (domain.md §3.7)."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"


class ConversationState(StrEnum):
    """Whether somebody of the school still has to do with a conversation."""

    OPEN = "open"
    CLOSED = "closed"


class DaySession(StrEnum):
    """Half a school day, for which a register is taken."""

    AM = "am"
    PM = "pm"


class DetailState(StrEnum):
    """How far a new phone or mailbox is of which a family has told us."""

    PROPOSED = "proposed"  #: no code can prove it: a person asks
    WAITING = "waiting"  #: a code has gone to it
    PROVED = "proved"  #: the code came back: the office decides
    FAILED = "failed"  #: three wrong codes
    EXPIRED = "expired"  #: no code came back in time
    APPROVED = "approved"
    REFUSED = "refused"
    CONTESTED = "contested"  #: approved, and the old phone or mailbox says that it was not them


class CaseState(StrEnum):
    """Where a child is, as far as anybody knows; the allowed arrows are in ``gateway/absence/states.py``."""

    ASKING = "asking"  #: nobody knows: the ladder is climbed
    UNREAD = "unread"  #: an answer came that a person must read: the ladder rests for a while
    EXPECTED = "expected"  #: on the way, says the family: rests until the child should be here
    TO_CONFIRM = "to_confirm"  #: the family says where the child is; a person confirms what is written down
    ALARM = "alarm"  #: what is said does not fit: a person must act at once
    SEEN = "seen"  #: in school
    EXPLAINED = "explained"  #: absent, and it is known why
    SAFE = "safe"  #: somebody has made sure that the child is safe
    HANDED_OVER = "handed_over"  #: a named person has taken it over
