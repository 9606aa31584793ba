"""What an answer can mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum


class Intent(StrEnum):
    """What a family wants to say."""

    ILLNESS = "illness"
    MEDICAL_APPOINTMENT = "medical_appointment"
    LATE = "late"
    HOLIDAY = "holiday"
    RELIGIOUS_OBSERVANCE = "religious_observance"
    FAMILY_EMERGENCY = "family_emergency"
    SAYS_PRESENT = "says_present"
    WRONG_NUMBER = "wrong_number"
    WILL_CALL = "will_call"
    QUESTION = "question"
    OPT_OUT = "opt_out"
    THANKS = "thanks"
    SAFEGUARDING_CONCERN = "safeguarding_concern"
    OTHER = "other"


#: The only codes that are ever suggested (DfE, August 2024). C and its kin are for a head to grant.
CODES = frozenset({"I", "M", "R", "L", "U", "G", "N"})


@dataclass(frozen=True, slots=True)
class Days:
    """The days that an answer speaks of. ``until`` is the last day away; ``back`` the day of the return.

    Calendar days: which of them are school days is for the caller to say. None where nothing is said. ``named`` are all
    that stand in the text, weekdays reckoned ahead; not ``sure`` where nobody can say which of them is meant.
    """

    since: date | None = None
    until: date | None = None
    back: date | None = None
    named: tuple[date, ...] = ()
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer says, as a suggestion to staff.

    ``code``        suggested register code, or None where a person must find out or only a head may grant
    ``urgent``      a child may be missing or unsafe
    ``confidence``  0 to 1: an order, no probability
    ``because``     the words that led there, each with what it was taken for
    ``over``        the illness is past: «she is fine now»
    ``away``        it says that the child is not in school, or where else it is
    ``times``       the hours of the day that are named; «this afternoon» is one of them
    ``children``    the named ones of those who were given, each with the meaning of what is said of that child
    """

    intent: Intent
    code: str | None
    urgent: bool
    confidence: float
    because: tuple[str, ...]
    days: Days = Days()
    times: tuple[time, ...] = ()
    over: bool = False
    away: bool = False
    children: tuple[tuple[str, Meaning], ...] = ()
