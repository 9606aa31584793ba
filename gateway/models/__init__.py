"""The tables. Table models validate nothing: what comes from outside is checked at the door, by plain Pydantic."""

from gateway.models.imports import ImportChange, ImportConflict, ImportRun, ImportSource
from gateway.models.inbound import Conversation, Inbound, Reply, Watermark
from gateway.models.notices import About, Attempt, Message, Notice, NoticeFile, Run, SchoolEvent, Sender
from gateway.models.people import Contact, ContactPoint, Guardianship, Membership, OptOut, Pupil, PupilGroup
from gateway.models.proof import ApiToken, Audit, Idempotency
from gateway.models.tasks import Task
from gateway.models.types import (
    Keyword,
    LineType,
    MessageState,
    NoticeState,
    PointKind,
    PointState,
    Purpose,
    UtcDateTime,
)

__all__ = [
    "About",
    "ApiToken",
    "Attempt",
    "Audit",
    "Contact",
    "ContactPoint",
    "Conversation",
    "Guardianship",
    "Idempotency",
    "ImportChange",
    "ImportConflict",
    "ImportRun",
    "ImportSource",
    "Inbound",
    "Keyword",
    "LineType",
    "Membership",
    "Message",
    "MessageState",
    "Notice",
    "NoticeFile",
    "NoticeState",
    "OptOut",
    "PointKind",
    "PointState",
    "Pupil",
    "PupilGroup",
    "Purpose",
    "Reply",
    "Run",
    "SchoolEvent",
    "Sender",
    "Task",
    "UtcDateTime",
    "Watermark",
]
