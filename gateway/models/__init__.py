"""The tables. Table models validate nothing: what comes from outside is checked at the door, by plain Pydantic."""

from gateway.models.absence import AbsenceCase, AbsenceHeard, AbsenceReason, AbsenceStep, Mark, Register
from gateway.models.calls import PhoneCall, PhoneReport, VoiceMessage, VoiceSound
from gateway.models.imports import ImportChange, ImportConflict, ImportRun, ImportSource
from gateway.models.inbound import Conversation, ConversationNote, Inbound, Promise, Reply, Watermark
from gateway.models.notices import About, Attempt, Message, Notice, NoticeFile, Run, SchoolEvent, Sender
from gateway.models.people import Contact, ContactPoint, Guardianship, Membership, OptOut, Pupil, PupilGroup
from gateway.models.preferences import DigestItem, Preference
from gateway.models.proof import ApiToken, Audit, Idempotency
from gateway.models.tasks import Task
from gateway.models.translations import Gist, KnownSentence
from gateway.models.types import (
    CaseState,
    ConversationState,
    DaySession,
    Keyword,
    LineType,
    MessageState,
    NoticeState,
    PointKind,
    PointState,
    Purpose,
    UtcDateTime,
    Wish,
)
from gateway.models.voice import Clip, VoiceInvite

__all__ = [
    "About",
    "AbsenceCase",
    "AbsenceHeard",
    "AbsenceReason",
    "AbsenceStep",
    "ApiToken",
    "Attempt",
    "Audit",
    "CaseState",
    "Clip",
    "Contact",
    "ContactPoint",
    "Conversation",
    "ConversationNote",
    "ConversationState",
    "DaySession",
    "DigestItem",
    "Gist",
    "Guardianship",
    "Idempotency",
    "ImportChange",
    "ImportConflict",
    "ImportRun",
    "ImportSource",
    "Inbound",
    "Keyword",
    "KnownSentence",
    "LineType",
    "Mark",
    "Membership",
    "Message",
    "MessageState",
    "Notice",
    "NoticeFile",
    "NoticeState",
    "OptOut",
    "PhoneCall",
    "PhoneReport",
    "PointKind",
    "PointState",
    "Preference",
    "Promise",
    "Pupil",
    "PupilGroup",
    "Purpose",
    "Register",
    "Reply",
    "Run",
    "SchoolEvent",
    "Sender",
    "Task",
    "UtcDateTime",
    "VoiceInvite",
    "VoiceMessage",
    "VoiceSound",
    "Watermark",
    "Wish",
]
