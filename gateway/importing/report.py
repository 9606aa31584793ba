"""What an import did, in lines that a secretary can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.errors import Problem
from gateway.importing import stops

#: The kinds of rows that a report counts: their tables, and how people call them.
TABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pupils": "pupil",
        "contacts": "contact",
        "links": "guardianship",
        "points": "contact_point",
        "memberships": "membership",
    }
)
NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pupils": "pupils",
        "contacts": "contacts",
        "links": "contacts of pupils",
        "points": "phones and mailboxes",
        "memberships": "places in groups",
    }
)
#: Columns that say when somebody decided something: what was decided is told by the columns beside them.
BOOKKEEPING: Final = frozenset({"confirmed_at", "bar_confirmed_at", "languages_confirmed_at"})
MOST = 1000  #: lines of each sort that are kept; a file that is wrong throughout needs one cure, not a million lines


@dataclass(slots=True)
class Count:
    """How many of one kind were new, changed, the same as before, or gone."""

    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0

    def __str__(self) -> str:
        gone = f", {self.gone} gone" if self.gone else ""
        return f"{self.new} new, {self.changed} changed, {self.same} the same{gone}"

    def facts(self) -> dict[str, int]:
        """The same as numbers, for the audit log."""
        return {"new": self.new, "changed": self.changed, "same": self.same, "gone": self.gone}

    def add(self, other: Count) -> None:
        """Count another's on top."""
        self.new += other.new
        self.changed += other.changed
        self.same += other.same
        self.gone += other.gone


@dataclass(slots=True)
class Tally:
    """Counts by kind. ``links`` tie contacts to pupils; ``points`` are telephones and mailboxes."""

    pupils: Count = field(default_factory=Count)
    contacts: Count = field(default_factory=Count)
    links: Count = field(default_factory=Count)
    points: Count = field(default_factory=Count)
    memberships: Count = field(default_factory=Count)

    def each(self) -> dict[str, Count]:
        """Counts by the name of their kind."""
        return {name: getattr(self, name) for name in TABLES}

    def add(self, other: Tally) -> None:
        """Count another's on top."""
        for name, count in self.each().items():
            count.add(other.each()[name])


@dataclass(slots=True)
class Lines:
    """Problems or warnings in the order they were met; ``more`` counts those beyond :data:`MOST`."""

    kept: list[Problem] = field(default_factory=list)
    more: int = 0

    def add(self, problem: Problem) -> None:
        """Keep one, or only count it."""
        if len(self.kept) < MOST:
            self.kept.append(problem)
        else:
            self.more += 1

    def extend(self, others: Lines) -> None:
        """Add another's, those that it only counted too."""
        for problem in others.kept:
            self.add(problem)
        self.more += others.more

    def __len__(self) -> int:
        return len(self.kept) + self.more

    def texts(self) -> list[str]:
        """One line each, and one for those that were only counted."""
        return [*map(str, self.kept), *([f"… and {self.more} more of this sort."] if self.more else [])]


@dataclass(slots=True)
class Remarks:
    """What the reader of a format has to say beside its rows: what was not taken, and what wants a look."""

    problems: Lines = field(default_factory=Lines)
    warnings: Lines = field(default_factory=Lines)


@dataclass(slots=True)
class FileReport:
    """One file: how many rows it has, how many were left out whole, and the headings that nothing was taken from."""

    file: str
    kind: str
    rows: int = 0
    left_out: int = 0
    unused: tuple[str, ...] = ()
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Report:
    """The whole import. Problems: what was not taken. Warnings: what was taken, or is so, and wants a look.

    ``import_id``  what it is called in ``handbell import list``
    ``stops``      sentences that say why it looks like a mistake; see ``stops``
    ``signs``      how many of what ``stops`` watches, by name
    ``fields``     changed rows by table and column
    ``missing``    ids of pupils on roll who are in none of the files; ``conflicts`` how many new questions it raises
    """

    import_id: int = 0
    files: list[FileReport] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    stops: list[str] = field(default_factory=list)
    signs: Counter[str] = field(default_factory=Counter)
    fields: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    missing: Lines = field(default_factory=Lines)
    conflicts: int = 0
    found: Lines = field(default_factory=Lines)
    noticed: Lines = field(default_factory=Lines)
    _said: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def changes(self) -> int:
        """How many rows differ from before, and questions."""
        counts = self.tally.each().values()
        return self.conflicts + sum(count.new + count.changed + count.gone for count in counts)

    @property
    def problems(self) -> list[Problem]:
        """What was not taken, in the order of the files; at most :data:`MOST`."""
        return self.found.kept

    @property
    def warnings(self) -> list[Problem]:
        """What wants a look; at most :data:`MOST`."""
        return self.noticed.kept

    def watch(self, name: str, count: int, *, of: int) -> None:
        """Note how many of a thing there are, and a reason to stop if that is suspicious."""
        self.signs[name] += count
        if sentence := stops.suspicious(name, self.signs[name], of=of):
            self.stops.append(sentence)

    def warn(self, problem: Problem, *, once: tuple[str, ...] = ()) -> None:
        """Add a warning; with ``once``, only the first of those that share the words given there."""
        if once in self._said:
            return
        if once:
            self._said.add(once)
        self.noticed.add(problem)

    def __str__(self) -> str:
        lines = []
        for file in self.files:
            left_out = f", {file.left_out} left out" if file.left_out else ""
            lines.append(f"{file.file}: {file.rows} rows ({file.kind}){left_out}.")
            if file.unused:
                lines.append(f"  Columns that nothing was taken from: {', '.join(file.unused)}.")
        lines += [f"{NAMES[name].capitalize()}: {self._counted(name)}." for name in self.tally.each()]
        if self.found:
            lines += [f"{len(self.found)} to correct:", *self.found.texts()]
        if self.noticed:
            lines += [f"{len(self.noticed)} to look at:", *self.noticed.texts()]
        return "\n".join(lines)

    def _counted(self, name: str) -> str:
        """The counts of one kind, with the fields that changed and in how many rows."""
        fields = self.fields.get(TABLES[name], {})
        listed = ", ".join(
            f"{column.replace('_', ' ')} {many}" for column, many in sorted(fields.items()) if column not in BOOKKEEPING
        )
        return f"{self.tally.each()[name]}{f' (changed: {listed})' if listed else ''}"
