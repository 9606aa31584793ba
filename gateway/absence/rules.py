"""What the school has decided about absences: its codes, its calendar, its ladder, and who takes over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from config import sections
from config.settings import Settings
from gateway.absence import ladder
from gateway.calendars import schooldays
from gateway.models import DaySession
from gateway.registers import codes, reading, teachers


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that is decided before the first mark comes in."""

    codes: codes.CodeSet
    year: schooldays.SchoolYear
    ladder: ladder.Ladder
    settings: sections.Absence
    timezone: ZoneInfo
    teachers: teachers.Teachers

    @property
    def noon(self) -> time:
        """When the afternoon's session begins, on the school's clock."""
        return self.year.sessions[DaySession.PM].begins

    @property
    def lead(self) -> str:
        """Who takes a child over whom nobody could account for."""
        return self.settings.safeguarding_lead or "the safeguarding lead"

    @property
    def for_reading(self) -> reading.Rules:
        """What a file of marks is read by."""
        return reading.Rules(self.codes, self.year, self.timezone)


def load(settings: Settings, year: schooldays.SchoolYear | None = None) -> Rules:
    """Read the school's files; ``year`` is the calendar where it is known already, newer than its file.

    Raises :class:`errors.BadInput` with file, line and cure of every mistake.
    """
    section = settings.absence
    return Rules(
        codes.load(section.codes),
        year or schooldays.load(settings.calendar_file),
        ladder.load(section.ladder),
        section,
        ZoneInfo(settings.school.timezone),
        teachers.load(section.teachers),
    )
