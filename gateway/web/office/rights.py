"""Who may do what: the one table. Every page names the right that it needs, and the door looks here.

A teacher's rights reach only as far as their own forms; each page asks ``Visitor.sees`` about a form.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.roles import Role

__all__ = ["MAY", "ROLES", "Right", "Role", "may", "of"]


class Right(StrEnum):
    """What a page may be for; each completes the sentence "You may …"."""

    PUBLIC = "come here without signing in"
    OWN = "look after your own account, and see the menu"
    SEE_TODAY = "see who is absent today"
    ACT_ON_ABSENCES = "say where a child is, and record the code"
    SEE_REPLIES = "read families' replies"
    ANSWER_REPLIES = "answer families"
    SEE_LOCKED = "see a family's locked details"
    SEE_ANNOUNCEMENTS = "see announcements"
    WRITE_ANNOUNCEMENTS = "write announcements"
    SEND_ANNOUNCEMENTS = "send announcements, pause and stop them"
    APPROVE_ANNOUNCEMENTS = "approve what somebody else wants to send"
    SEND_GOOD_NEWS = "send good news"
    SEE_CALENDAR = "see the calendar"
    CHANGE_CALENDAR = "change the calendar, and hold what goes out"
    SEE_FAMILIES = "see families and how to reach them"
    ASK_FAMILIES = "ask families whether their details are right"
    IMPORT_PEOPLE = "import pupils and contacts"
    SEE_DETAILS = "see which contact details need work"
    DECIDE_DETAILS = "decide about new contact details"
    SEE_WORDING = "see the wording and its translations"
    REVIEW_WORDING = "check translations"
    SEE_REPORTS = "see reports and surveys"
    SEE_AUDIT = "see the audit log"
    SEE_EMERGENCY = "see who has read an alarm"
    RAISE_EMERGENCY = "alarm families"
    APPROVE_EMERGENCY = "approve an alarm that somebody else wants to send"
    PRACTISE = "play with the practice phones"
    SEE_SETTINGS = "see the settings and the health of Handbell"
    CHANGE_SENDING = "hold a sender back and let it go, and make and end tokens"
    SEE_TASKS = "see what staff must see to, and say that it is done"
    ANSWER_FOR_DATA = "see and take out what is held of somebody, and erase them"
    MANAGE_STAFF = "let people in, and change what they may do"


_O, _T, _A, _S = Role.OFFICE, Role.TEACHER, Role.ATTENDANCE, Role.SAFEGUARDING
_H, _I, _R = Role.HEAD, Role.IT, Role.READ_ONLY
_ALL: Final = frozenset(Role)
_DESK: Final = frozenset({_O, _A, _S, _H})  #: who sit where families ring
_LOOK: Final = _DESK | {_R}
_WITH_TEACHERS: Final = _DESK | {_T}

#: The table. ``make docs`` writes it into docs/signing-in.md.
MAY: Final[Mapping[Right, frozenset[Role]]] = {
    Right.OWN: _ALL,
    Right.SEE_TODAY: _LOOK | {_T},
    Right.ACT_ON_ABSENCES: _DESK,
    Right.SEE_REPLIES: _WITH_TEACHERS,
    Right.ANSWER_REPLIES: _WITH_TEACHERS,
    Right.SEE_LOCKED: frozenset({_S, _H}),
    Right.SEE_ANNOUNCEMENTS: _LOOK | {_T},
    Right.WRITE_ANNOUNCEMENTS: frozenset({_O, _S, _H, _T}),
    Right.SEND_ANNOUNCEMENTS: frozenset({_O, _S, _H}),
    Right.APPROVE_ANNOUNCEMENTS: frozenset({_O, _S, _H}),
    Right.SEND_GOOD_NEWS: _WITH_TEACHERS,
    Right.SEE_CALENDAR: _LOOK | {_I},
    Right.CHANGE_CALENDAR: frozenset({_O, _S, _H}),
    Right.SEE_FAMILIES: _LOOK | {_T},
    Right.ASK_FAMILIES: _DESK,
    Right.IMPORT_PEOPLE: frozenset({_O, _H}),
    Right.SEE_DETAILS: _LOOK,
    Right.DECIDE_DETAILS: _DESK,
    Right.SEE_WORDING: _LOOK | {_T, _I},
    Right.REVIEW_WORDING: _WITH_TEACHERS,
    Right.SEE_REPORTS: _LOOK,
    Right.SEE_AUDIT: frozenset({_S, _H, _I}),
    Right.SEE_EMERGENCY: _LOOK,
    Right.RAISE_EMERGENCY: _DESK,
    Right.APPROVE_EMERGENCY: _DESK,
    Right.PRACTISE: _DESK,  # a practice school may have real lists by then, and every family's words are on its phone
    Right.SEE_SETTINGS: frozenset({_H, _I}),
    Right.CHANGE_SENDING: frozenset({_H, _I}),
    Right.SEE_TASKS: _DESK | {_I},
    Right.ANSWER_FOR_DATA: frozenset({_S, _H, _I}),
    Right.MANAGE_STAFF: frozenset({_H, _I}),
}

#: What a teacher may without a form of their own: whatever else they may is about its children.
WITHOUT_CHILDREN: Final = frozenset({Right.PUBLIC, Right.OWN, Right.SEE_WORDING, Right.REVIEW_WORDING})

#: How each role is called, and what it is for.
ROLES: Final[Mapping[Role, tuple[str, str]]] = {
    Role.OFFICE: ("Office", "Runs the day: absences, replies, announcements, families."),
    Role.TEACHER: ("Teacher", "Their own forms only: good news, replies, families."),
    Role.ATTENDANCE: ("Attendance lead", "Absences and replies; sends no announcements."),
    Role.SAFEGUARDING: ("Safeguarding lead", "As the office, and sees locked details, the audit log, data protection."),
    Role.HEAD: ("Head", "Everything."),
    Role.IT: ("IT", "Settings, staff, data protection and the audit log; no families."),
    Role.READ_ONLY: ("Read only", "Sees the day and the figures, and changes nothing."),
}


def may(role: Role, right: Right) -> bool:
    """Whether a role has a right."""
    return right is Right.PUBLIC or role in MAY[right]


def of(role: Role) -> frozenset[Right]:
    """Everything that a role may do."""
    return frozenset(right for right in Right if may(role, right))
