"""``handbell contact``: who is on file, how they can be reached, and what they may hear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from datetime import date

    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.models import Contact


def list_all(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Part of the name of a contact or of a pupil.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    suggested: Annotated[
        bool, typer.Option("--language-suggested", help="Only those of whom something suggests another language.")
    ] = False,
    json: options.Json = False,
) -> None:
    """List contacts by name, or those of a pupil."""

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await _search(session, name, limit=limit, suggested=suggested)
            rows = [_row(contact) for contact in found]
        if json:
            showing.data(rows)
        else:
            columns = ("id", "name", "reads", "hears", *(("likely", "because") if suggested else ()))
            showing.table(columns, ([row[column] for column in columns] for row in rows))

    opening.work(ctx, job)


def show(
    ctx: typer.Context,
    contact_id: Annotated[int, typer.Argument(metavar="ID", help="The id, from handbell contact list.")],
    json: options.Json = False,
) -> None:
    """Show one contact: children, phones and mailboxes, what they stopped, and the latest messages."""

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await _whole(session, contact_id, today=gateway.today())
        if json:
            showing.data(found)
            return
        contact = found["contact"]
        if contact["deceased"]:
            showing.say(f"{contact['name']} has died. Nothing is sent.")
        showing.say(f"{contact['name']} (reads {contact['reads'] or 'unknown'}, hears {contact['hears'] or 'unknown'})")
        _say_more(contact)
        if found["merged"]:
            showing.say(
                f"Is one with {', '.join(found['merged'])} of the school's records. contact part takes it back."
            )
        for name in ("children", "ways", "messages"):
            if found[name]:
                rows = [
                    [showing.when(v, gateway.timezone) if k == "at" else v for k, v in row.items()]
                    for row in found[name]
                ]
                showing.table(tuple(found[name][0]), rows, title=name)

    opening.work(ctx, job)


def _say_more(contact: dict[str, Any]) -> None:
    if contact["also"]:
        showing.say(f"Understands also: {contact['also']}.")
    if contact["likely"]:
        showing.say(f"Something suggests {contact['likely']}: {contact['because']}. handbell contact language sets it.")
    if contact["interpreter"]:
        showing.say("Needs an interpreter at school.")


def _row(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "name": contact.full_name or contact.source_id,
        "reads": contact.written_language,
        "hears": contact.spoken_language,
        "also": contact.further_languages,
        "likely": contact.likely_language,
        "because": contact.likely_because,
        "interpreter": contact.interpreter,
        "deceased": contact.deceased,
    }


async def _search(session: Session, name: str, *, limit: int, suggested: bool) -> list[Contact]:
    import sqlalchemy as sa
    from sqlmodel import col, select

    from gateway.models import Contact, Guardianship, Pupil

    query = select(Contact).order_by(col(Contact.surname), col(Contact.forename), col(Contact.id)).limit(limit)
    if suggested:
        query = query.where(Contact.likely_language != "")
    for word in name.split():
        about = (
            select(Guardianship.contact_id)
            .join(Pupil, col(Pupil.id) == col(Guardianship.pupil_id))
            .where(_holds(word, col(Pupil.forename), col(Pupil.known_as), col(Pupil.surname)))
        )
        theirs = _holds(word, col(Contact.forename), col(Contact.surname))
        query = query.where(sa.or_(theirs, col(Contact.id).in_(about)))
    return list(await session.scalars(query))


def _holds(word: str, *columns: Any) -> Any:
    import sqlalchemy as sa

    return sa.or_(*(column.icontains(word, autoescape=True) for column in columns))


async def _whole(session: Session, contact_id: int, *, today: date) -> dict[str, Any]:
    from sqlmodel import col, select

    from gateway.models import Contact, ContactPoint, Guardianship, Message, OptOut, Pupil
    from gateway.one_person import joining

    contact = await session.get(Contact, contact_id)
    if contact is None:
        raise errors.NotFound(f"There is no contact {contact_id}. handbell contact list gives the ids.")
    ties = (
        select(Guardianship, Pupil)
        .join(Pupil, col(Pupil.id) == col(Guardianship.pupil_id))
        .where(Guardianship.contact_id == contact_id)
        .order_by(col(Pupil.surname), col(Pupil.id))
    )
    points = select(ContactPoint).where(ContactPoint.contact_id == contact_id).order_by(col(ContactPoint.rank))
    latest = select(Message).where(Message.contact_id == contact_id).order_by(col(Message.created_at).desc()).limit(10)
    ways = list(await session.scalars(points))
    stopped = select(OptOut).where(col(OptOut.address).in_([point.address for point in ways]))
    stops = {(row.address, row.medium.value) for row in await session.scalars(stopped)}
    return {
        "contact": _row(contact),
        "merged": [one.source_id for one in await joining.aliases(session, contact_id)],
        "children": [_child(tie, pupil, today) for tie, pupil in await session.execute(ties)],
        "ways": [
            {
                "id": point.id,
                "address": point.address,
                "kind": point.line_type if point.kind == "phone" else point.kind,
                "state": point.state,
                "confirmed": "by the family" if point.confirmed_at else "",
                "stopped": ", ".join(sorted(medium for address, medium in stops if address == point.address)),
            }
            for point in ways
        ],
        "messages": [
            {
                "at": m.created_at,
                "id": m.id,
                "medium": m.medium,
                "state": m.state,
                "why": m.reason_text or m.reason or m.remark,
            }
            for m in await session.scalars(latest)
        ],
    }


def _child(tie: Any, pupil: Any, today: date) -> dict[str, Any]:
    return {
        "pupil": pupil.source_id,
        "name": f"{pupil.called} {pupil.surname}",
        "form": pupil.form,
        "relation": tie.relation,
        "asked": f"no. {tie.priority}",
        "barred": "must not be contacted" if tie.barred_on(today) else "",
    }
