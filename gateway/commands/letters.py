"""``handbell letter``: for families whom no phone and no mailbox reaches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.context import Gateway
    from gateway.letters.needing import Alone, Need
    from gateway.letters.printing import Printed
    from gateway.people import Child

Notice = Annotated[str, typer.Option("--notice", metavar="KEY", help="Of this notice only.")]


def list_all(ctx: typer.Context, notice: Notice = "", json: options.Json = False) -> None:
    """List who needs a letter, with the address or its lack; letters that were printed and not posted yet; and whom
    nothing but a letter would reach.
    """
    from gateway.letters import needing, printing

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            needs = await needing.every(session, gateway, key=notice)
            lying = await printing.lying(session, gateway)
            alone = await needing.by_letter_alone(session, gateway)
        if json:
            needed, printed = list(map(_need, needs)), list(map(_printed, lying))
            showing.data({"needed": needed, "not_posted": printed, "by_letter_alone": list(map(_alone, alone))})
            return
        columns = ("notice", "contact", "name", "of", "why", "address")
        if needs:
            showing.table(columns, map(_row, needs), title="To be printed")
        else:
            showing.say("No letter is to be printed: nothing was sent in the last four weeks that a letter has to say.")
        if alone:
            rows = ((one.contact.id, one.contact.full_name, _of(one.children), _where(one.lines)) for one in alone)
            showing.table(("contact", "name", "of", "address"), rows, title="Reached by letters alone")
        else:
            showing.say("Whoever answers for a child has a phone or mailbox that may be used, or lives with who has.")
        if lying:
            showing.table(
                ("letter", "batch", "for", "printed", "mind"),
                (
                    (
                        f"L{one.letter.id}",
                        one.letter.batch,
                        one.name,
                        showing.when(one.letter.printed_at, zone),
                        one.stop,
                    )
                    for zone in [gateway.timezone]
                    for one in lying
                ),
                title="Printed and not posted",
            )

    opening.work(ctx, job)


def print_all(
    ctx: typer.Context,
    actor: options.As,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PDF to write.")] = Path("letters.pdf"),
    notice: Notice = "",
    batch: Annotated[str, typer.Option(metavar="BATCH", help="Print this batch once more.")] = "",
) -> None:
    """Write one PDF with every letter that is needed: A4, the address where a window envelope shows it."""
    from gateway.letters import pdf, printing

    async def job(gateway: Gateway) -> None:
        if batch:
            async with gateway.database.write() as session:
                letters = await printing.again(session, gateway, batch, by=actor)
            _write(out, pdf.make(printing.page(gateway, letters)))
            showing.say(f"{showing.count(len(letters), 'letter')} of batch {batch} once more: {out}")
            return
        async with gateway.database.write() as session:
            made = await printing.make(session, gateway, by=actor, key=notice)
        try:
            if made.letters:
                _write(out, pdf.make(printing.page(gateway, made.letters)))
        except errors.HandbellError:  # what nobody can hold in their hands was not printed
            async with gateway.database.write() as session:
                await printing.forget(session, gateway, made, by=actor)
            raise
        if made.letters:
            showing.say(
                f"{showing.count(len(made.letters), 'letter')}: {out}. When they are posted: "
                f"handbell letter posted {made.name}"
            )
        else:
            showing.say("No letter can be printed." if made.without or made.failed else "Nobody needs a letter.")
        for need in made.without:
            showing.remark(_no_address(need))
        for need in made.failed:
            showing.remark(
                f"{need.notice.key} cannot be put into words for contact {need.contact.id}: see the journal."
            )

    opening.work(ctx, job)


def posted(
    ctx: typer.Context,
    what: Annotated[list[str], typer.Argument(metavar="BATCH|LETTER…", help="A batch, or letters such as L12.")],
    actor: options.As,
) -> None:
    """Note that letters were posted. From then on nobody counts those children as told nothing."""
    from gateway.letters import printing

    async def job(gateway: Gateway) -> None:
        ids = [int(one[1:]) for one in what if one[:1].upper() == "L" and one[1:].isdigit()]
        batches = [one for one in what if not (one[:1].upper() == "L" and one[1:].isdigit())]
        async with gateway.database.write() as session:
            count = await printing.posted(session, gateway, by=actor, letter_ids=ids) if ids else 0
            for one in batches:
                count += await printing.posted(session, gateway, by=actor, batch=one)
        showing.say(f"{showing.count(count, 'letter')} noted as posted.")

    opening.work(ctx, job)


def address(
    ctx: typer.Context,
    contact: Annotated[int, typer.Argument(metavar="CONTACT", help="The contact's number, from handbell letter list.")],
    lines: Annotated[list[str], typer.Argument(metavar="LINE…", help="The lines of the address, the postcode last.")],
    actor: options.As,
) -> None:
    """Write down where a contact lives, where no import brings it."""
    from gateway.letters import printing

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            found = await printing.move(session, gateway, contact, lines, by=actor)
        showing.say(f"{found.full_name}: {found.postal_address.replace(chr(10), ', ')}")

    opening.work(ctx, job)


def _write(path: Path, content: bytes) -> None:
    """For its owner's eyes alone: it is about children, with their addresses."""
    try:
        path.touch(mode=0o600)
        path.write_bytes(content)
    except OSError as error:
        raise errors.NotReady(f"{path} cannot be written: {error.strerror}.") from None


def _no_address(need: Need) -> str:
    if need.stop:
        return f"{need.contact.full_name} (contact {need.contact.id}) gets no letter. {need.stop} Speak to them."
    return (
        f"{need.contact.full_name} (contact {need.contact.id}) has no postal address on file: import one, or "
        f"handbell letter address {need.contact.id} '12 Mill Lane' Leeds 'LS1 1AA'"
    )


def _row(need: Need) -> tuple[object, ...]:
    where = need.stop or _where(need.lines)
    return (need.notice.key, need.contact.id, need.contact.full_name, _of(need.children), need.why, where)


def _of(children: Sequence[Child]) -> str:
    return ", ".join(f"{child.called} {child.surname}" for child in children)


def _where(lines: Sequence[str]) -> str:
    return ", ".join(lines) or "none on file"


def _need(need: Need) -> dict[str, Any]:
    return {
        "notice": need.notice.key,
        "message": need.message_id,
        "contact": need.contact.id,
        "name": need.contact.full_name,
        "pupils": [child.source_id for child in need.children],
        "why": need.why,
        "address": list(need.lines),
        "stop": need.stop,
    }


def _alone(one: Alone) -> dict[str, Any]:
    pupils = [child.source_id for child in one.children]
    return {"contact": one.contact.id, "name": one.contact.full_name, "pupils": pupils, "address": list(one.lines)}


def _printed(one: Printed) -> dict[str, Any]:
    letter = one.letter
    facts = {"id": letter.id, "batch": letter.batch, "name": one.name, "printed_at": letter.printed_at}
    return facts | {"stop": one.stop}
