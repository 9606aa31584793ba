"""A batch of letters: one PDF, a row for each, and a line in the audit log. And that they were posted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog

from gateway import audit, context, errors, ids, people, upsert
from gateway.database import Session
from gateway.letters import needing, writing
from gateway.letters.needing import Need
from gateway.models import About, Contact, Letter
from gateway.models.types import core
from templates import paper

logger = structlog.get_logger()

_NOT_ANY_MORE = "May not be told of the child any more: do not post it."


@dataclass(slots=True)
class Batch:
    """What was made ready: its name, its letters, who has no address or must get none there (``without``), and whose
    words could not be made."""

    name: str
    letters: list[Letter] = field(default_factory=list[Letter])
    without: list[Need] = field(default_factory=list[Need])
    failed: list[Need] = field(default_factory=list[Need])


class Printed(NamedTuple):
    """A letter that was printed, and whom it is for (None where that contact is gone).

    ``stop`` says why it must not be posted after all.
    """

    letter: Letter
    contact: Contact | None
    stop: str = ""

    @property
    def name(self) -> str:
        """Of that contact; as it was printed, where nobody knows them any more."""
        return self.contact.full_name if self.contact else self.letter.lines.partition("\n")[0]


async def make(session: Session, gateway: context.Gateway, *, by: str, key: str = "") -> Batch:
    """Write the rows of all letters that are needed and can be addressed; :func:`page` makes the PDF of them.

    One that cannot be put into words holds up no other, and one that somebody else prints at this moment is theirs.
    Raises :class:`errors.NotFound` for a notice that there is not.
    """
    now, rows = gateway.now(), list[dict[str, Any]]()
    # Two batches of one second are two: what is noted as posted of one says nothing of the other.
    batch = Batch(f"{now.astimezone(gateway.timezone):%Y%m%d-%H%M%S}-{ids.new_id()[-3:]}")
    for need in await needing.every(session, gateway, key=key):
        if need.stop or not need.lines:
            batch.without.append(need)
            continue
        try:
            made = await writing.words(session, gateway, need)
        except errors.BadDefinition:
            logger.exception("letter.not_written", message=need.message_id)
            batch.failed.append(need)
            continue
        rows.append(
            {
                "message_id": need.message_id,
                "contact_id": need.contact.id,
                "batch": batch.name,
                "language": made.language,
                "lines": "\n".join([need.contact.full_name, *need.lines]),
                "body": made.text,
                "printed_at": now,
                "printed_by": by,
                "posted_by": "",
            }
        )
    ours = await upsert.insert_new(session, core(Letter), rows, key=("message_id",))
    batch.letters = await _by_id(session, [row[0] for row in ours])
    if batch.letters:
        counts = Counter(row.language for row in batch.letters)
        facts = {"letters": [row.id for row in batch.letters], "languages": counts, "without": len(batch.without)}
        await gateway.log.record(session, audit.Line("letter.printed", f"letters:{batch.name}", facts, by), now=now)
    return batch


async def _by_id(session: Session, letter_ids: Sequence[int]) -> list[Letter]:
    letter = core(Letter).c
    return list(await session.scalars(sa.select(Letter).where(letter.id.in_(letter_ids)).order_by(letter.id)))


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


async def again(session: Session, gateway: context.Gateway, name: str, *, by: str) -> list[Letter]:
    """The letters of a batch, for somebody who wants its sheets once more; not of who may hear of the child no more.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` where none is left.
    """
    every = await _printed(session, gateway, core(Letter).c.batch == name)
    if not every:
        raise errors.NotFound(f"There is no batch of letters “{name}”. handbell letter list names them.")
    found = [one.letter for one in every if not one.stop]
    if not found:
        raise errors.Conflict(f"No sheet of “{name}” may be printed any more. {every[0].stop}")
    line = audit.Line("letter.printed_again", f"letters:{name}", {"letters": len(found)}, by)
    await gateway.log.record(session, line, now=gateway.now())
    return found


async def lying(session: Session, gateway: context.Gateway) -> list[Printed]:
    """Letters that were printed, and of which nobody has said that they were posted."""
    return await _printed(session, gateway, core(Letter).c.posted_at.is_(None))


async def _printed(session: Session, gateway: context.Gateway, which: sa.ColumnElement[bool]) -> list[Printed]:
    """Some letters, each with what has come between it and the post: a court order asks nobody what lies printed."""
    letter, contact, about = core(Letter).c, core(Contact).c, core(About).c
    query = sa.select(Letter, Contact).outerjoin(core(Contact), contact.id == letter.contact_id).where(which)
    found = [(row, whose) for row, whose in await session.execute(query.order_by(letter.id))]
    children, message_ids = defaultdict[str, set[int]](set), [row.message_id for row, _ in found]
    pairs = sa.select(about.message_id, about.pupil_id).where(about.message_id.in_(message_ids))
    for message_id, pupil_id in await session.execute(pairs):
        children[message_id].add(pupil_id)
    pupil_ids = sorted(set().union(*children.values()))
    known = await people.load(session, today=gateway.today(), pupil_ids=pupil_ids)
    may = {
        (tie.contact_id, pupil_id)
        for pupil_id, ties in known.ties.items()
        for tie in ties
        if not tie.barred_on(gateway.today())
    }

    def stop(row: Letter, whose: Contact | None) -> str:
        heard = whose is not None and not whose.deceased
        free = all((row.contact_id, pupil_id) in may for pupil_id in children[row.message_id])
        return "" if heard and free else _NOT_ANY_MORE

    return [Printed(row, whose, stop(row, whose)) for row, whose in found]


async def posted(
    session: Session, gateway: context.Gateway, *, by: str, batch: str = "", letter_ids: Sequence[int] = ()
) -> int:
    """Note that a batch, and some letters, were posted now; gives how many that were not before.

    Raises :class:`errors.NotFound`, with nothing noted, for a batch or letter that there is not.
    """
    letter, now = core(Letter).c, gateway.now()
    which = sa.or_(letter.id.in_(letter_ids), sa.and_(letter.batch == batch, letter.batch != ""))
    found = (await session.execute(sa.select(letter.id, letter.batch).where(which))).all()
    if unknown := sorted(set(letter_ids) - {row.id for row in found}):
        raise errors.NotFound(f"There is no letter L{unknown[0]}.")
    if batch and batch not in {row.batch for row in found}:
        raise errors.NotFound(f"There is no batch “{batch}”.")
    change = sa.update(core(Letter)).where(which, letter.posted_at.is_(None)).values(posted_at=now, posted_by=by)
    noted = sorted(await session.scalars(change.returning(letter.id)))
    if noted:
        line = audit.Line("letter.posted", f"letters:{batch or 'some'}", {"letters": noted}, by)
        await gateway.log.record(session, line, now=now)
    return len(noted)


async def forget(session: Session, gateway: context.Gateway, batch: Batch, *, by: str) -> None:
    """Take the rows of a batch back of which there is no PDF."""
    letter, gone = core(Letter), [row.id for row in batch.letters]
    await session.execute(sa.delete(letter).where(letter.c.id.in_(gone), letter.c.posted_at.is_(None)))
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
