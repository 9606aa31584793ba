"""What somebody of the school is to Handbell; the command line's help names them, so it is quick to import."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody is; ``gateway/web/office/rights.py`` says what each may do."""

    OFFICE = "office"
    TEACHER = "teacher"
    ATTENDANCE = "attendance_lead"
    SAFEGUARDING = "safeguarding_lead"
    HEAD = "head"
    IT = "it"
    READ_ONLY = "read_only"
