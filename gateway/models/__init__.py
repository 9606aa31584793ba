"""The tables. Table models validate nothing: what comes from outside is checked at the door, by plain Pydantic."""

from gateway.models.absence import AbsenceCase, AbsenceHeard, AbsenceReason, AbsenceStep, Mark, Register
from gateway.models.calls import PhoneCall, PhoneReport, VoiceMessage, VoiceSound
from gateway.models.campaigns import CalendarClosure, CalendarFeed, Campaign, CampaignFiring, SchoolCalendar
from gateway.models.emergency import Emergency, EmergencyNotice, EmergencyPart
from gateway.models.events import EventGuest, EventParty, EventSlot, EventTold, GuestState
from gateway.models.freshness import FreshQuestion, NewDetail, NextTry, WhatWorks
from gateway.models.good_news import Praise, PraiseNudge
from gateway.models.imports import ImportChange, ImportConflict, ImportRun, ImportSource
from gateway.models.inbound import Conversation, ConversationNote, Inbound, Promise, Reply, Watermark
from gateway.models.letters import Letter
from gateway.models.notices import About, Attempt, Message, Notice, NoticeFile, Run, SchoolEvent, Sender
from gateway.models.people import Contact, ContactPoint, Guardianship, Membership, OptOut, Pupil, PupilGroup
from gateway.models.preferences import DigestItem, Preference
from gateway.models.proof import ApiToken, Audit, Idempotency
from gateway.models.surveys import Survey, SurveyAnswer, SurveyNotice, SurveyTaker, SurveyTally
from gateway.models.tasks import Task
from gateway.models.translations import Gist, KnownSentence
from gateway.models.types import (
    CaseState,
    ConversationState,
    DaySession,
    DetailState,
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
    "CalendarClosure",
    "CalendarFeed",
    "Campaign",
    "CampaignFiring",
    "CaseState",
    "Clip",
    "Contact",
    "ContactPoint",
    "Conversation",
    "ConversationNote",
    "ConversationState",
    "DaySession",
    "DetailState",
    "DigestItem",
    "Emergency",
    "EmergencyNotice",
    "EmergencyPart",
    "EventGuest",
    "EventParty",
    "EventSlot",
    "EventTold",
    "FreshQuestion",
    "Gist",
    "Guardianship",
    "GuestState",
    "Idempotency",
    "ImportChange",
    "ImportConflict",
    "ImportRun",
    "ImportSource",
    "Inbound",
    "Keyword",
    "KnownSentence",
    "Letter",
    "LineType",
    "Mark",
    "Membership",
    "Message",
    "MessageState",
    "NewDetail",
    "NextTry",
    "Notice",
    "NoticeFile",
    "NoticeState",
    "OptOut",
    "PhoneCall",
    "PhoneReport",
    "PointKind",
    "PointState",
    "Praise",
    "PraiseNudge",
    "Preference",
    "Promise",
    "Pupil",
    "PupilGroup",
    "Purpose",
    "Register",
    "Reply",
    "Run",
    "SchoolCalendar",
    "SchoolEvent",
    "Sender",
    "Survey",
    "SurveyAnswer",
    "SurveyNotice",
    "SurveyTaker",
    "SurveyTally",
    "Task",
    "UtcDateTime",
    "VoiceInvite",
    "VoiceMessage",
    "VoiceSound",
    "Watermark",
    "WhatWorks",
    "Wish",
]
