"""``handbell details``, ``contact evidence``: what is known of phones and mailboxes, and what families say is new."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.freshness.approving import Listed

Detail = Annotated[int, typer.Argument(metavar="DETAIL", help="The number of the new detail, from details list.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it into this file, as CSV.")]


class Report(StrEnum):
    """The reports that there are."""

    NOBODY = "nobody"
    FEW = "few"
    ONE_WAY = "one-way"
    LANDLINE = "landline"
    SHARED = "shared"


def evidence(
    ctx: typer.Context,
    contact_id: Annotated[int, typer.Argument(metavar="ID", help="The id, from handbell contact list.")],
    json: options.Json = False,
) -> None:
    """Show what speaks for and against each phone and mailbox of a contact, and how old that is."""
    from gateway.freshness import evidence as signs

    async def job(gateway: Gateway) -> None:
        now = gateway.now()
        async with gateway.database.read() as session:
            found = await signs.of(session, contact_id, gateway.settings.freshness, now=now)
            shown = [signs.plain(one, now=now) for one in found]
        if json:
            showing.data(shown)
            return
        for one in shown:
            kind = one["line"] if one["kind"] == "phone" else "mailbox"
            title = f"{one['point']}: {one['address']} ({kind}) is {one['state']}, {one['colour']}, {one['score']:.2f}"
            rows = [
                (showing.when(s["at"], gateway.timezone), f"{s['days']} days", s["says"], s["times"], s["what"])
                for s in one["signs"]
            ]
            showing.say(title)
            if rows:
                showing.table(("last", "age", "says", "times", "evidence"), rows, right="times")
            else:
                showing.say("  Nothing is known of it yet.")

    opening.work(ctx, job)


def list_all(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those too that are decided, the newest first.")] = False,
    json: options.Json = False,
) -> None:
    """List the new numbers and mailboxes of which families have told us: those that a code has proved come first."""
    from gateway.freshness import approving

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await approving.listed(session, everything=everything)
        if json:
            showing.data([_plain(one) for one in found])
            return
        rows = (
            (
                one.row.id,
                showing.when(one.row.made_at, gateway.timezone),
                f"{one.contact.full_name} ({one.contact.id})",
                one.row.address,
                one.row.old_address + (" (no more)" if one.row.replaces else ""),
                one.row.state.value,
                _warning(one),
                one.said,
            )
            for one in found
        )
        showing.table(("id", "told", "contact", "new", "told from", "state", "mind", "in their words"), rows)

    opening.work(ctx, job)


def _warning(one: Listed) -> str:
    if one.barred:
        return "also belongs to somebody who must not be contacted"
    notes = [f"also on file for {', '.join(one.also_of)}"] if one.also_of else []
    if one.row.told_on == "email":
        notes.append("told by email, which anybody can send in anybody's name")
    return "; ".join(notes)


def _plain(one: Listed) -> dict[str, Any]:
    kept: dict[str, Any] = one.row.model_dump(mode="json", exclude={"open_key", "before"})
    return kept | {"contact": one.contact.full_name, "said": one.said, "also_of": one.also_of, "barred": one.barred}


def approve(
    ctx: typer.Context,
    detail_id: Detail,
    actor: options.As,
    unproved: Annotated[
        bool, typer.Option("--unproved", help="No code has proved it: you have asked the family yourself.")
    ] = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="The old one stays in use, after the new one.")] = False,
) -> None:
    """Use a new number or mailbox from now on. The old one is told, so that a stolen phone cannot take over unseen."""
    from gateway.freshness import approving

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            row = await approving.approve(session, gateway, detail_id, by=actor, unproved=unproved, keep_old=keep_old)
            told = row.told_at is not None
        said = "The old one is told." if told else "Nobody could be told at the old one."
        showing.say(f"It is used from now on, and no import undoes it. {said} For the MIS: handbell details export.")

    opening.work(ctx, job)


def refuse(
    ctx: typer.Context,
    detail_id: Detail,
    actor: options.As,
    why: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "",
) -> None:
    """Leave everything as it is."""
    from gateway.freshness import approving

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            await approving.refuse(session, gateway, detail_id, by=actor, why=why)
        showing.say("Refused. Nothing was changed.")

    opening.work(ctx, job)


def export(
    ctx: typer.Context,
    actor: options.As,
    out: Out = None,
    everything: Annotated[bool, typer.Option("--all", help="Those too that were exported before.")] = False,
) -> None:
    """Write what was approved as CSV, for whoever keeps the MIS. Each comes once, unless you ask for all."""
    from gateway.freshness import export as exporting

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            found = await exporting.approved(session, everything=everything)
            _write(out, exporting.csv_of(found, timezone=gateway.timezone))
            await exporting.mark(session, gateway, [row.id or 0 for row, *_ in found], by=actor)
        if out is not None:
            showing.say(f"{showing.count(len(found), 'new detail')} written to {out}.")

    opening.work(ctx, job)


def report(
    ctx: typer.Context,
    which: Annotated[Report, typer.Argument(help="Which report.")] = Report.FEW,
    out: Out = None,
    json: options.Json = False,
) -> None:
    """List families who can hardly be reached.

    nobody: there is no number to ring. few: fewer than two independent numbers that work. one-way: one channel alone.
    landline: no mobile on file. shared: phones that several contacts share.
    """
    from gateway.freshness import export as exporting
    from gateway.freshness import reports

    async def job(gateway: Gateway) -> None:
        title, columns = reports.REPORTS[which.value]
        async with gateway.database.read() as session:
            lines = await reports.rows(session, gateway, which.value)
        if json:
            showing.data(lines)
        elif out is not None:
            _write(out, exporting.csv_of_report(lines, columns))
            showing.say(f"{showing.count(len(lines), 'line')} written to {out}.")
        else:
            showing.table([one.replace("_", " ") for one in columns], reports.worded(lines, columns), title=title)

    opening.work(ctx, job)


def _write(path: Path | None, text: str) -> None:
    """For its owner's eyes alone: it holds families' numbers."""
    if path is None:
        showing.say(text.rstrip("\r\n"))
        return
    try:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise errors.NotReady(f"{path} cannot be written: {error.strerror}.") from None


def family(
    ctx: typer.Context,
    pupil: Annotated[str, typer.Argument(metavar="PUPIL", help="The pupil's id or UPN in the school's records.")],
    json: options.Json = False,
) -> None:
    """Say what has worked with a family and what has not, and what is tried next because of it."""
    from gateway.freshness import again, works

    async def job(gateway: Gateway) -> None:
        shown = list[dict[str, Any]]()
        async with gateway.database.read() as session:
            for contact, profile in await works.of_family(session, gateway, pupil):
                tried = await again.of_contact(session, contact.id)
                shown.append(
                    {
                        "contact": contact.id,
                        "name": contact.full_name,
                        "order": [medium.value for medium in profile.media],
                        "hour": profile.hour,
                        "reasons": profile.sentences(),
                        "tried_again": [
                            {"due_at": one.due_at, "by": one.medium, "differs": one.differs, "because": one.because}
                            for one in tried
                        ],
                    }
                )
        if not shown:
            raise errors.NotFound(f"There is no pupil {pupil} on roll with contacts. handbell people list shows them.")
        if json:
            showing.data(shown)
            return
        for one in shown:
            showing.say(f"{one['name']} ({one['contact']})")
            for reason in one["reasons"]:
                showing.say(f"  {reason}")
            for again_ in one["tried_again"]:
                when = showing.when(again_["due_at"], gateway.timezone) or "not tried again"
                showing.say(f"  {when}: {again_['because']}")

    opening.work(ctx, job)
