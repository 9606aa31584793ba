"""What families confirm and the school decides about people: from then on no import changes it without asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col, select

from gateway import audit, errors
from gateway.database import Session
from gateway.models import Contact, ContactPoint, Guardianship, PointState, Pupil


@dataclass(frozen=True, slots=True)
class Deed:
    """Who decides, when, and the log in which it is written down."""

    by: str
    now: datetime
    log: audit.Log


async def confirm(session: Session, point_id: int, *, deed: Deed) -> ContactPoint:
    """Note that the family has confirmed a phone or mailbox: it is theirs, whatever somebody there has said.

    Raises :class:`errors.NotFound`.
    """
    point = await session.get(ContactPoint, point_id, with_for_update=True)
    if point is None:
        raise errors.NotFound(f"There is no phone or mailbox {point_id}. handbell contact show gives the ids.")
    point.confirmed_at = deed.now
    if point.state is PointState.WRONG:
        point.state = PointState.UNPROVEN
    session.add(point)
    await deed.log.record(
        session,
        audit.Line("point.confirmed", f"point:{point_id}", {"contact": point.contact_id}, deed.by),
        now=deed.now,
    )
    return point


async def choose_languages(
    session: Session,
    contact_id: int,
    *,
    reads: str,
    hears: str,
    deed: Deed,
    also: Sequence[str] | None = None,
) -> Contact:
    """Note the languages that a family has chosen (BCP 47 tags, ``""`` leaves one as it is).

    Only what they read ends the search for it: whoever has said no more than what they hear is still asked.
    ``also``  what they understand beside these, the best first; None leaves it as it is
    Raises :class:`errors.NotFound`.
    """
    contact = await _contact(session, contact_id)
    if also is not None:
        contact.further_languages = " ".join(also)
    contact.written_language = reads or contact.written_language
    contact.spoken_language = hears or contact.spoken_language
    if reads or hears:  # no import says what else they understand
        contact.languages_confirmed_at = deed.now
    if reads:
        contact.likely_language = contact.likely_because = ""  # it is known now
    session.add(contact)
    facts = {
        "reads": contact.written_language,
        "hears": contact.spoken_language,
        "also": contact.further_languages,
    }
    line = audit.Line("contact.languages_chosen", f"contact:{contact_id}", facts, deed.by)
    await deed.log.record(session, line, now=deed.now)
    return contact


async def set_interpreter(session: Session, contact_id: int, needed: bool, *, deed: Deed) -> Contact:
    """Note whether somebody must interpret when this contact comes to school. Raises :class:`errors.NotFound`."""
    contact = await _contact(session, contact_id)
    contact.interpreter = needed
    session.add(contact)
    line = audit.Line("contact.interpreter", f"contact:{contact_id}", {"needed": needed}, deed.by)
    await deed.log.record(session, line, now=deed.now)
    return contact


async def _contact(session: Session, contact_id: int) -> Contact:
    contact = await session.get(Contact, contact_id, with_for_update=True)
    if contact is None:
        raise errors.NotFound(f"There is no contact {contact_id}. handbell contact list gives the ids.")
    return contact


async def bar(
    session: Session, contact_id: int, pupil: str, *, start: date | None, end: date | None, deed: Deed
) -> Guardianship:
    """Bar a contact from anything about a pupil, from and until the days given (inclusive), else at once and for good.

    ``pupil`` is the pupil's id or UPN in the school's records. Raises :class:`errors.NotFound`, or
    :class:`errors.Conflict` for a bar that would end before it begins.
    """
    if start and end and start > end:
        raise errors.Conflict("This bar would end before it begins. Nothing was changed.")
    tie = await _tie(session, contact_id, pupil)
    tie.no_contact, tie.no_contact_from, tie.no_contact_until = True, start, end
    facts: dict[str, object] = {"contact": contact_id, "pupil": tie.pupil_id, "from": start, "until": end}
    return await _decided(session, tie, "tie.barred", facts, deed)


async def lift(session: Session, contact_id: int, pupil: str, *, deed: Deed) -> Guardianship:
    """Lift a contact's bar. Raises :class:`errors.NotFound`."""
    tie = await _tie(session, contact_id, pupil)
    tie.no_contact, tie.no_contact_from, tie.no_contact_until = False, None, None
    return await _decided(session, tie, "tie.bar_lifted", {"contact": contact_id, "pupil": tie.pupil_id}, deed)


async def _decided(
    session: Session, tie: Guardianship, action: str, facts: dict[str, object], deed: Deed
) -> Guardianship:
    tie.bar_confirmed_at = deed.now
    session.add(tie)
    await deed.log.record(session, audit.Line(action, f"tie:{tie.id}", facts, deed.by), now=deed.now)
    return tie


async def _tie(session: Session, contact_id: int, pupil: str) -> Guardianship:
    query = (
        select(Guardianship)
        .join(Pupil, col(Pupil.id) == col(Guardianship.pupil_id))
        .where(Guardianship.contact_id == contact_id, (col(Pupil.source_id) == pupil) | (col(Pupil.upn) == pupil))
        .with_for_update(of=Guardianship)
    )
    found = list(await session.scalars(query))
    if not found:
        raise errors.NotFound(
            f"Contact {contact_id} is no contact of a pupil {pupil}. handbell contact show gives a contact's children."
        )
    if len(found) > 1:
        raise errors.Conflict(f"Two pupils are called {pupil} in the school's records. Give the other number.")
    return found[0]
