"""What the marks of a register mean on a day: a set of codes for each country, as a file.

England's is the set of *Working together to improve school attendance*, in force since 19 August 2024. Another
country's is another file: ``absence.codes`` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway import errors
from gateway.registers import files


class Statistic(StrEnum):
    """The statistical class of a code, as the census counts it."""

    PRESENT = "present"
    APPROVED_ACTIVITY = "approved_activity"
    AUTHORISED = "authorised"
    UNAUTHORISED = "unauthorised"
    NOT_POSSIBLE = "not_possible"
    NOT_COLLECTED = "not_collected"


class Code(BaseModel):
    """One code, while it is in force.

    ``asks``       a pupil with this code and no known reason is asked about
    ``unknown``    the reason is still to be found, within ``days`` school days (``CodeSet``)
    ``in_school``  the pupil is in the building; ``late`` with it: came after the others
    ``head_only``  only a head may grant it, so nothing ever suggests it
    ``sensitive``  never named in a message, nor on a list that lies about
    ``closes``     the whole school is closed
    ``instead``    what to write since it was withdrawn
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(min_length=1, max_length=4)
    meaning: str = Field(min_length=1)
    statistic: Statistic = Field(alias="class")
    since: date | None = None
    until: date | None = None
    asks: bool = False
    unknown: bool = False
    in_school: bool = False
    late: bool = False
    head_only: bool = False
    sensitive: bool = False
    closes: bool = False
    instead: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Code:
        if self.in_school and self.asks:
            raise ValueError("nobody is asked about a pupil who is in school — take out asks or in_school")
        if self.since and self.until and self.until < self.since:
            raise ValueError("it ends before it begins — correct since or until")
        return self

    def in_force(self, day: date) -> bool:
        """Whether it may be used for this day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    no_mark: list[str] = ["-"]
    undecided: str
    later: str
    days: int = Field(ge=1, le=60)
    codes: list[Code] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> _File:
        for number, code in enumerate(self.codes):
            for other in self.codes[:number]:
                if other.code == code.code and _overlap(code, other):
                    raise ValueError(f"“{code.code}” stands twice for the same days — give each its since and until")
        for key in ("undecided", "later"):
            if not any(code.code == getattr(self, key) for code in self.codes):
                raise ValueError(f"the code of “{key}” is not among the codes — add it")
        return self


def _overlap(one: Code, other: Code) -> bool:
    begins = max(one.since or date.min, other.since or date.min)
    return begins <= min(one.until or date.max, other.until or date.max)


@dataclass(frozen=True, slots=True)
class CodeSet:
    """All codes of a country.

    ``undecided`` is the code of an absence whose reason is still to come, which becomes ``later`` after ``days``
    school days; ``no_mark`` what systems write where no register was taken.
    """

    name: str
    codes: Mapping[str, tuple[Code, ...]]
    undecided: str
    later: str
    days: int
    no_mark: frozenset[str]

    def says_nothing(self, raw: str) -> bool:
        """Whether a cell holds no mark: the register was not taken."""
        return not raw.strip() or raw.strip() in self.no_mark

    def find(self, raw: str, day: date, *, cure: str = "Correct it in the register.") -> Code | errors.Problem:
        """What a mark means on a day, or what is wrong with it; ``cure`` is for one that stands somewhere else."""
        word = raw.strip().upper()
        known = self.codes.get(word, ())
        for code in known:
            if code.in_force(day):
                return code
        if known:
            return errors.Problem(f"The code {word} is not in force on {day:%d/%m/%Y}.", known[-1].instead or cure)
        return errors.Problem(f"“{raw.strip()}” is not a code of the set {self.name}.", cure)

    def known(self, code: str, day: date) -> Code | None:
        """The code in force on a day, None for what is none."""
        found = self.find(code, day)
        return found if isinstance(found, Code) else None

    def on(self, day: date) -> Iterator[Code]:
        """Every code in force on a day."""
        return (code for each in self.codes.values() for code in each if code.in_force(day))


def sets() -> list[str]:
    """The names of the sets that come with Handbell."""
    folder = resources.files("gateway.registers") / "sets"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load(name: str) -> CodeSet:
    """Read a set: one of ours by its name, or a file of the school's own.

    Raises :class:`errors.BadInput` with the place and cure of every mistake.
    """
    if not name.endswith(".toml"):
        if name not in sets():
            what = f"there is no set of register codes “{name}”."
            cure = f"Write one of {', '.join(sets())}, or the path of a .toml file of your own, as absence.codes."
            raise errors.BadInput([errors.Problem(what, cure)])
        return _ours(name)
    return _read(Path(name))


@cache
def _ours(name: str) -> CodeSet:
    return _read(resources.files("gateway.registers") / "sets" / f"{name}.toml")


def _read(path: Path | Traversable) -> CodeSet:
    file = files.read(path, _File)
    found: dict[str, tuple[Code, ...]] = {}
    for code in sorted(file.codes, key=lambda one: one.since or date.min):
        found[code.code] = (*found.get(code.code, ()), code)
    return CodeSet(file.name, found, file.undecided, file.later, file.days, frozenset(file.no_mark))
