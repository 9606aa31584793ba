"""``handbell contact confirm|language|bar|lift``: what a family confirms and the school decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing, words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date

    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.deciding import Deed

Contact = Annotated[int, typer.Argument(metavar="CONTACT", help="The id, from handbell contact list.")]
Pupil = Annotated[str, typer.Argument(metavar="PUPIL", help="The pupil's id or UPN in the school's records.")]


def confirm(
    ctx: typer.Context,
    point_id: Annotated[int, typer.Argument(metavar="POINT", help="The id of a phone or mailbox, from contact show.")],
    actor: options.As,
) -> None:
    """Note that the family has confirmed a phone or mailbox: no import removes it from then on."""
    from gateway import deciding

    async def job(session: Session, deed: Deed) -> None:
        await deciding.confirm(session, point_id, deed=deed)

    _write(ctx, job, by=actor)
    showing.say("Confirmed. Imports leave it alone from now on.")


def language(
    ctx: typer.Context,
    contact_id: Contact,
    actor: options.As,
    reads: Annotated[str, typer.Option(help="The language of texts and emails: Polish, or pl.")] = "",
    hears: Annotated[str, typer.Option(help="The language of calls.")] = "",
    also: Annotated[
        list[str] | None, typer.Option(help="What they understand beside these, the best first; may be given twice.")
    ] = None,
) -> None:
    """Note the languages that a family has chosen: no import changes them from then on."""
    from gateway import deciding

    read, heard = (words.tag(said) if said else "" for said in (reads, hears))
    others = None if also is None else [words.tag(said) for said in also if said]
    if not (read or heard) and others is None:
        raise errors.Conflict("Say which language: --reads, --hears, --also, or several of them.")

    async def job(session: Session, deed: Deed) -> None:
        await deciding.choose_languages(session, contact_id, reads=read, hears=heard, also=others, deed=deed)

    _write(ctx, job, by=actor)
    showing.say("Noted. Imports leave it alone from now on.")


def interpreter(
    ctx: typer.Context,
    contact_id: Contact,
    actor: options.As,
    needed: Annotated[bool, typer.Option("--yes/--no", help="Whether somebody must interpret.")] = True,
) -> None:
    """Note that somebody must interpret when this contact comes to school; it is shown with events."""
    from gateway import deciding

    async def job(session: Session, deed: Deed) -> None:
        await deciding.set_interpreter(session, contact_id, needed, deed=deed)

    _write(ctx, job, by=actor)
    showing.say("Noted: an interpreter is needed." if needed else "Noted: no interpreter is needed.")


def bar(
    ctx: typer.Context,
    contact_id: Contact,
    pupil: Pupil,
    actor: options.As,
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day, 01/09/2026; else at once.")] = "",
    end: Annotated[str, typer.Option("--until", metavar="DAY", help="The last day; else for good.")] = "",
) -> None:
    """Bar a contact from anything about a pupil: no import lifts it."""
    from gateway import deciding

    begins, ends = _day(start), _day(end)

    async def job(session: Session, deed: Deed) -> None:
        await deciding.bar(session, contact_id, pupil, start=begins, end=ends, deed=deed)

    _write(ctx, job, by=actor)
    showing.say(f"Contact {contact_id} is barred from pupil {pupil}.")


def lift(ctx: typer.Context, contact_id: Contact, pupil: Pupil, actor: options.As) -> None:
    """Lift a bar. Files that bar the contact do so again, and ask."""
    from gateway import deciding

    async def job(session: Session, deed: Deed) -> None:
        await deciding.lift(session, contact_id, pupil, deed=deed)

    _write(ctx, job, by=actor)
    showing.say(f"Contact {contact_id} is not barred from pupil {pupil} any more.")


def _write(ctx: typer.Context, job: Callable[[Session, Deed], Awaitable[None]], *, by: str) -> None:
    from gateway import deciding

    async def opened(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            await job(session, deciding.Deed(by, gateway.now(), gateway.log))

    opening.work(ctx, opened)


def _day(words: str) -> date | None:
    from gateway.importing import cells

    if not words:
        return None
    found = cells.day(words)
    if isinstance(found, errors.Problem):
        raise errors.BadInput([found])
    return found
