"""What a person said that the columns of a source mean: kept by its name, and asked before the table of headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlmodel import select

from gateway import audit
from gateway.database import Session
from gateway.errors import BadInput, NotFound, Problem
from gateway.importing import formats, headings, sheets, unknown
from gateway.models import ImportSource


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its heading, the field it is taken for if any, and whether a person said so."""

    heading: str
    field: str
    said: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A file's columns, what the file is about, and what keeps it from being imported."""

    file: str
    kind: str
    columns: Sequence[Column]
    problems: Sequence[Problem]


def read(words: Sequence[str]) -> dict[str, str]:
    """Read ``Heading=field``; ``Heading=`` ignores a column.

    Raises :class:`BadInput` with every word that is none, and the fields there are.
    """
    choices = headings.aliases().choices()
    found, problems = dict[str, str](), list[Problem]()
    for word in words:
        heading, equals, name = (part.strip() for part in word.rpartition("="))
        if not (equals and heading):
            problems.append(Problem(f"“{word}” says nothing.", 'Write it as "Heading"=field, or name a file there is.'))
        elif name and name not in choices:
            problems.append(
                Problem(f"There is no field “{name}” for the column “{heading}”.", f"The fields: {', '.join(choices)}.")
            )
        else:
            found[heading] = name
    if problems:
        raise BadInput(problems)
    return found


async def saved(session: Session, source: str) -> dict[str, str]:
    """What was said of a source, heading -> field; nothing of one that nobody has mapped."""
    row = await _row(session, source)
    return dict(row.mapping) if row else {}


async def known(session: Session, source: str) -> headings.Aliases:
    """The headings that mean something in the files of this source."""
    said = await saved(session, source) if source else {}
    return replace(headings.aliases(), mapped=said, source=source)


async def save(
    session: Session,
    source: str,
    said: Mapping[str, str],
    *,
    forget: Sequence[str] = (),
    log: audit.Log,
    by: str,
    now: datetime,
) -> dict[str, str]:
    """Keep what was said beside what was said before, take back what is to be forgotten, and give all of it.

    Raises :class:`NotFound` for what is to be forgotten and was never said.
    """
    row = await _row(session, source) or ImportSource(name=source, mapping={}, created_at=now, changed_at=now)
    whole = dict(row.mapping)
    for heading in forget:
        for spelled in _spelled(whole, heading) or _unknown(source, heading):
            del whole[spelled]
    for heading, name in said.items():
        for spelled in _spelled(whole, heading):
            del whole[spelled]
        whole[heading] = name
    row.mapping, row.changed_at = whole, now
    session.add(row)
    await session.flush()
    facts = {"said": dict(said), "forgotten": list(forget)}
    await log.record(session, audit.Line("import.mapped", f"source:{row.id}", facts, by), now=now)
    return whole


def look(path: Path, known: headings.Aliases, *, encoding: str | None = None) -> Shown:
    """What each column of a CSV file is taken for, even of one that cannot be imported.

    Raises :class:`BadInput` when it cannot be read at all, or is of a format whose fields are fixed.
    """
    if formats.reader_of(path):
        raise BadInput([Problem("This format needs no mapping: its fields are fixed.", file=path.name)])
    unknown.refuse(path)
    top = sheets.read_top(path, known=known, encoding=encoding)
    layout, problems = None, tuple[Problem, ...]()
    try:
        layout = headings.layout(top.headings, known=known, file=path.name, line=top.line)
    except BadInput as error:
        problems = error.problems
    fields = {index: name for name, columns in layout.columns.items() for index in columns} if layout else {}
    columns = [
        Column(name.strip(), fields.get(at, "") if layout else known.field(name), known.said(name) is not None)
        for at, name in enumerate(top.headings)
        if name.strip()
    ]
    return Shown(path.name, layout.kind.value if layout else "", columns, problems)


async def _row(session: Session, source: str) -> ImportSource | None:
    return (await session.scalars(select(ImportSource).where(ImportSource.name == source))).one_or_none()


def _spelled(mapping: Mapping[str, str], heading: str) -> list[str]:
    return [written for written in mapping if headings.plain(written) == headings.plain(heading)]


def _unknown(source: str, heading: str) -> list[str]:
    raise NotFound(f"Nothing was said of a column “{heading}” of the source “{source}”.")
