"""The tables. Table models validate nothing: what comes from outside is checked at the door, by plain Pydantic."""

from gateway.models.absence import AbsenceCase, AbsenceHeard, AbsenceReason, AbsenceStep, Mark, Register
from gateway.models.accounts import (
    Account,
    AccountForm,
    AccountLink,
    AccountSession,
    RecoveryCode,
    SignInTry,
)
from gateway.models.announcements import AnnouncementDraft
from gateway.models.calls import PhoneCall, PhoneReport, VoiceMessage, VoiceSound
from gateway.models.campaigns import CalendarClosure, CalendarFeed, Campaign, CampaignFiring, DayHold, SchoolCalendar
from gateway.models.emergency import Emergency, EmergencyNotice, EmergencyPart, EmergencyWord
from gateway.models.events import EventGuest, EventParty, EventSlot, EventTold, GuestState
from gateway.models.freshness import FreshQuestion, NewDetail, NextTry, WhatWorks
from gateway.models.good_news import Praise, PraiseNudge
from gateway.models.imports import ImportChange, ImportConflict, ImportRun, ImportSource
from gateway.models.inbound import Conversation, ConversationNote, Inbound, Promise, Reply, Watermark
from gateway.models.letters import Letter
from gateway.models.notices import About, Attempt, Message, Notice, NoticeFile, Run, SchoolEvent, Sender
from gateway.models.people import (
    Contact,
    ContactAlias,
    ContactPoint,
    Guardianship,
    Membership,
    OptOut,
    Pupil,
    PupilGroup,
)
from gateway.models.preferences import DigestItem, Preference
from gateway.models.privacy import Scrub, Suppression
from gateway.models.proof import ApiToken, Audit, AuditEnd, Idempotency
from gateway.models.surveys import Survey, SurveyAnswer, SurveyNotice, SurveyTaker, SurveyTally
from gateway.models.tasks import Task
from gateway.models.translations import Gist, KnownSentence
from gateway.models.trial import Trial, TrialGuest, Waiver
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
    "Account",
    "AccountForm",
    "AccountLink",
    "AccountSession",
    "AnnouncementDraft",
    "ApiToken",
    "Attempt",
    "Audit",
    "AuditEnd",
    "CalendarClosure",
    "CalendarFeed",
    "Campaign",
    "CampaignFiring",
    "CaseState",
    "Clip",
    "Contact",
    "ContactAlias",
    "ContactPoint",
    "Conversation",
    "ConversationNote",
    "ConversationState",
    "DayHold",
    "DaySession",
    "DetailState",
    "DigestItem",
    "Emergency",
    "EmergencyNotice",
    "EmergencyPart",
    "EmergencyWord",
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
    "RecoveryCode",
    "Register",
    "Reply",
    "Run",
    "SchoolCalendar",
    "SchoolEvent",
    "Scrub",
    "Sender",
    "SignInTry",
    "Suppression",
    "Survey",
    "SurveyAnswer",
    "SurveyNotice",
    "SurveyTaker",
    "SurveyTally",
    "Task",
    "Trial",
    "TrialGuest",
    "UtcDateTime",
    "VoiceInvite",
    "VoiceMessage",
    "VoiceSound",
    "Waiver",
    "Watermark",
    "WhatWorks",
    "Wish",
]
