"""What can go wrong, as sentences that a school secretary can act on.

HandbellError
├── BadInput          a file, a definition or a request is wrong; carries every problem found, with its place and cure
│   └── BadDefinition a notice or event definition
├── NotFound          there is no such notice, message, contact …
├── Conflict          it exists already, or is in a state that forbids this
├── NotReady          the database or the installation is not in a state to work
└── AuditBroken       the log does not verify
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class HandbellError(Exception):
    """The root: ``str()`` is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is and how to mend it.

    ``file`` may be empty (an API request), ``line`` 0 (not tied to a line), ``field`` is a column or a key.
    """

    what: str
    cure: str = ""
    file: str = ""
    line: int = 0
    field: str = ""

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (
                self.file,
                f"line {self.line}" if self.line else "",
                f"“{self.field}”" if self.field else "",
            )
            if part
        )
        sentence = f"{place}: {self.what}" if place else self.what
        return f"{sentence} {self.cure}".strip()


class BadInput(HandbellError):
    """Input that cannot be used. Nothing of it was done."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class BadDefinition(BadInput):
    """A notice or event definition that cannot be used."""


class NotFound(HandbellError):
    """What was asked for does not exist."""


class Conflict(HandbellError):
    """It exists already, or its state forbids this."""


class NotReady(HandbellError):
    """The installation cannot work yet; the sentence says what to do."""


class AuditBroken(HandbellError):
    """The audit log does not verify; the sentence names the first bad row."""
