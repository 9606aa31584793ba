"""A batch of letters: one PDF, a row for each, and a line in the audit log. And that they were posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from gateway import audit, context, errors
from gateway.database import Session
from gateway.letters import needing, writing
from gateway.letters.needing import Need
from gateway.models import Contact, Letter
from gateway.models.types import core
from templates import paper

logger = structlog.get_logger()


@dataclass(slots=True)
class Batch:
    """What was made ready: its name, its letters, and who has no address, or whose words could not be made."""

    name: str
    letters: list[Letter] = field(default_factory=list[Letter])
    without: list[Need] = field(default_factory=list[Need])
    failed: list[Need] = field(default_factory=list[Need])


class Printed(NamedTuple):
    """A letter that was printed, and whom it is for (None where that contact is gone)."""

    letter: Letter
    contact: Contact | None


async def make(session: Session, gateway: context.Gateway, *, by: str, key: str = "") -> Batch:
    """Write the rows of all letters that are needed and can be addressed; :func:`page` makes the PDF of them.

    One that cannot be put into words holds up no other.
    """
    now, batch = gateway.now(), Batch(f"{gateway.now():%Y%m%d-%H%M%S}")
    for need in await needing.every(session, gateway, key=key):
        if not need.lines:
            batch.without.append(need)
            continue
        try:
            made = await writing.words(session, gateway, need)
        except errors.BadDefinition:
            logger.exception("letter.not_written", message=need.message_id)
            batch.failed.append(need)
            continue
        row = Letter(
            message_id=need.message_id,
            contact_id=need.contact.id,
            batch=batch.name,
            language=made.language,
            lines="\n".join([need.contact.full_name, *need.lines]),
            body=made.text,
            printed_at=now,
            printed_by=by,
        )
        session.add(row)
        batch.letters.append(row)
    await session.flush()
    if batch.letters:
        counts = Counter(row.language for row in batch.letters)
        facts = {"letters": [row.id for row in batch.letters], "languages": counts, "without": len(batch.without)}
        await gateway.log.record(session, audit.Line("letter.printed", f"letters:{batch.name}", facts, by), now=now)
    return batch


def page(gateway: context.Gateway, letters: Sequence[Letter]) -> str:
    """The HTML of these letters, from which :func:`gateway.letters.pdf.make` makes a PDF."""
    school = gateway.settings.school
    sheets = [
        paper.Letter(f"L{row.id}", row.language, row.lines.splitlines(), row.body, _day(gateway, row))
        for row in letters
    ]
    return paper.page(sheets, school=school.name, school_lines=[*school.address, school.phone])


def _day(gateway: context.Gateway, row: Letter) -> date:
    return row.printed_at.astimezone(gateway.timezone).date()


async def of_batch(session: Session, name: str) -> list[Letter]:
    """The letters of a batch, to print them once more. Raises :class:`errors.NotFound`."""
    letter = core(Letter).c
    found = list(await session.scalars(sa.select(Letter).where(letter.batch == name).order_by(letter.id)))
    if not found:
        raise errors.NotFound(f"There is no batch of letters “{name}”. handbell letter list names them.")
    return found


async def lying(session: Session) -> list[Printed]:
    """Letters that were printed, and of which nobody has said that they were posted."""
    letter, contact = core(Letter).c, core(Contact).c
    query = sa.select(Letter, Contact).outerjoin(core(Contact), contact.id == letter.contact_id)
    query = query.where(letter.posted_at.is_(None)).order_by(letter.id)
    return [Printed(row, whose) for row, whose in await session.execute(query)]


async def posted(
    session: Session, gateway: context.Gateway, *, by: str, batch: str = "", letter_ids: Sequence[int] = ()
) -> int:
    """Note that a batch, or some letters, were posted now; gives how many that were not before.

    Raises :class:`errors.NotFound`.
    """
    letter, now = core(Letter).c, gateway.now()
    which = letter.batch == batch if batch else letter.id.in_(letter_ids)
    known = set(await session.scalars(sa.select(letter.id).where(which)))
    unknown = sorted(set(letter_ids) - known)
    if unknown or not known:
        raise errors.NotFound(f"There is no letter L{unknown[0]}." if unknown else f"There is no batch “{batch}”.")
    change = sa.update(core(Letter)).where(which, letter.posted_at.is_(None)).values(posted_at=now, posted_by=by)
    ids = sorted(await session.scalars(change.returning(letter.id)))
    if ids:
        line = audit.Line("letter.posted", f"letters:{batch or 'some'}", {"letters": ids}, by)
        await gateway.log.record(session, line, now=now)
    return len(ids)


async def forget(session: Session, gateway: context.Gateway, batch: Batch, *, by: str) -> None:
    """Take the rows of a batch back of which there is no PDF."""
    letter = core(Letter)
    await session.execute(sa.delete(letter).where(letter.c.batch == batch.name, letter.c.posted_at.is_(None)))
    line = audit.Line("letter.not_printed", f"letters:{batch.name}", {"letters": len(batch.letters)}, by)
    await gateway.log.record(session, line, now=gateway.now())


async def move(
    session: Session, gateway: context.Gateway, contact_id: int, lines: Sequence[str], *, by: str
) -> Contact:
    """Write down where a contact lives; no lines: nobody knows any more. Raises :class:`errors.NotFound`."""
    contact = await session.get(Contact, contact_id)
    if contact is None:
        raise errors.NotFound(f"There is no contact {contact_id}.")
    contact.postal_address = "\n".join(filter(None, (" ".join(one.split()) for one in lines)))
    session.add(contact)
    facts = {"lines": len(contact.postal_address.splitlines())}
    line = audit.Line("contact.address", f"contact:{contact_id}", facts, by)
    await gateway.log.record(session, line, now=gateway.now())
    return contact
