"""What one cell means: dates, years, yes and no, as the exporting systems and people write them.

Each reader gives the value, or a :class:`Problem` without a place; the caller knows the place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from gateway.errors import Problem

YES = frozenset({"t", "true", "y", "yes", "1", "x", "✓", "✔", "on"})
NO = frozenset({"f", "false", "n", "no", "0", "off", "none", "n/a"})
#: What people write into a cell that has to say nothing.
NOTHING = frozenset(
    {"", "-", "--", "—", ".", "n/a", "na", "none", "nil", "null", "unknown", "not known", "ex-directory"}
)

#: What systems write of a pupil who is on a register of the school's, beside yes: for SEN also the codes of the census.
ON_REGISTER = frozenset({
    "k", "sen support", "sen", "send", "e", "ehcp", "ehc plan", "education, health and care plan", "s", "statement",
    "a", "school action", "p", "school action plus", "eal", "english as additional language",
    "english as an additional language", "first language not english", "fsm", "free school meals", "eligible",
    "entitled", "current", "pp", "pupil premium", "ever 6", "ever6", "fsm6",
})  # fmt: skip
#: And of one who is not, beside no and an empty cell.
OFF_REGISTER = frozenset({
    "", "-", "no sen", "no special educational need", "no special educational needs", "no specified need", "not sen",
    "not eal", "not fsm", "not eligible", "ineligible", "not entitled", "nil",
})  # fmt: skip

NURSERY = frozenset({"n", "n1", "n2", "nursery", "fs1", "f1", "pre-school", "preschool", "kindergarten"})
RECEPTION = frozenset({"r", "yr", "reception", "rec", "fs2", "f2", "foundation", "0"})

DATE_FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%d/%m/%y", "%d %b %Y", "%d %B %Y", "%d %b %y", "%Y/%m/%d")
MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?(Z| ?AM)?$|[ T]12:00:00 AM$", re.IGNORECASE)


def text(raw: str) -> str:
    """Tidy words: one space between them, composed letters (NFC), no stray byte order mark."""
    if not raw.isascii():
        raw = unicodedata.normalize("NFC", raw.replace("\ufeff", ""))
    return " ".join(raw.split())


def says_nothing(raw: str) -> bool:
    """Whether the cell is empty or says only that there is nothing."""
    return raw.strip().casefold() in NOTHING


def day(raw: str) -> date | Problem:
    """Read a date: day first as in Britain, or ISO 8601. The years 00 to 68 are of this century."""
    words = MIDNIGHT.sub("", raw.strip())
    british = re.sub(r"^(\d{1,2})[.\-](\d{1,2})[.\-]", r"\1/\2/", words)
    spelled = re.sub(r"^(\d{1,2})-([A-Za-z]+)-", r"\1 \2 ", british)
    for shape in DATE_FORMATS:
        try:
            found = datetime.strptime(spelled, shape).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
        if "%y" in shape and found.year < 2000:
            return Problem(f"Nobody can tell the century of “{words}”.", "Write the year with four figures.")
        return found
    return Problem(f"“{words}” is not a date.", "Write it as day/month/year, for example 07/09/2026.")


def year(raw: str) -> str | Problem:
    """Read a year group: ``N``, ``R`` or ``1`` to ``13``."""
    word = re.sub(r"^(nc|national curriculum|curriculum)\s+", "", text(raw).casefold())
    word = re.sub(r"^(year|yr\.?|y)\s*(?=[0-9rn])", "", word)
    if word in NURSERY:
        return "N"
    if word in RECEPTION:
        return "R"
    if re.fullmatch(r"0?[1-9]|1[0-3]", word):
        return word.lstrip("0")
    return Problem(f"“{text(raw)}” is not a year group.", "Write N, R or a number from 1 to 13.")


def form(raw: str) -> str:
    """Tidy a form's name; «Form 7A» and «Class 7A» are 7A."""
    return re.sub(
        r"^(?:form|class|reg(?:istration)?(?: group)?|tutor group)\s+(?=\S)", "", text(raw), flags=re.IGNORECASE
    )


def address(parts: Sequence[str]) -> str:
    """The lines of a postal address, from cells of which one may hold several: a house's number joins its street."""
    lines = [line for part in parts for one in re.split(r"[\r\n]+|,(?=\s)", part) if (line := text(one).strip(" ,"))]
    found = list[str]()
    for line in dict.fromkeys(lines):
        if found and re.fullmatch(r"(?:flat |no\.? ?)?\d+ ?[a-z]?", found[-1], re.IGNORECASE):
            found[-1] = f"{found[-1]} {line}"
        else:
            found.append(line)
    return "\n".join(found)


def yes(raw: str) -> bool | Problem:
    """Read yes or no, as T, Yes, 1, ✓ … and F, No, 0 …"""
    word = raw.strip().casefold()
    if word in YES:
        return True
    if word in NO:
        return False
    return Problem(f"“{text(raw)}” is neither yes nor no.", "Write Yes or No.")


def register(raw: str) -> bool | Problem | None:
    """Read whether a pupil is on a register such as SEN; None where nobody knows. An empty cell is no."""
    word = text(raw).casefold()
    code = re.sub(r"^([a-z]) ?[-–:=] ?\S.*", r"\1", word)  # K - SEN Support
    if word in NO | OFF_REGISTER or code in NO:
        return False
    if word in YES | ON_REGISTER or code in ON_REGISTER:
        return True
    if says_nothing(raw):
        return None
    return Problem(f"“{text(raw)}” is neither yes nor no.", "Write Yes or No; of SEN also N, K or E.")


def deceased(raw: str, *, today: date) -> bool | Problem:
    """Read whether somebody has died: yes or no, or the date of death."""
    said = yes(raw)
    if isinstance(said, bool):
        return said
    died = day(raw)
    if isinstance(died, Problem):
        return Problem(f"“{text(raw)}” is neither yes nor no nor a date.", "Write Yes, No or the date of death.")
    if died > today:
        return Problem("This date of death is still to come.", "Correct it in the school's records.")
    return True


def priority(raw: str) -> int | Problem:
    """Read whose turn it is to be asked: 1 is first."""
    found = re.fullmatch(r"(?:priority\s*)?([1-9]\d?)(?:\.0+|st|nd|rd|th)?", raw.strip().casefold())
    return int(found[1]) if found else Problem(f"“{text(raw)}” is not a priority.", "Write a number from 1 to 99.")


def listed(raw: str) -> tuple[str, ...]:
    """Read names separated by semicolons (or bars), each once and in their order."""
    return tuple(dict.fromkeys(name for part in re.split(r"[;|\n]", raw) if (name := text(part))))
