"""``handbell rehearse``: what would happen, on the real people, without a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import marks, opening, options, showing

if TYPE_CHECKING:
    from gateway.absence.rehearsal import Shown
    from gateway.context import Gateway

_SHOWN = 30


def absence(
    ctx: typer.Context,
    day: marks.Day = "",
    session: Annotated[str, typer.Option("--session", metavar="AM|PM", help="Which session.")] = "AM",
    everything: Annotated[bool, typer.Option("--all", help="Name every child of whom nobody could be asked.")] = False,
    json: options.Json = False,
) -> None:
    """Climb the absence ladder of a day on paper, as if every child were away and nobody answered.

    Shows who would be asked at each rung, what it would cost, and of which children nobody could be, and why. Sends
    nothing and writes nothing.
    """
    from gateway import errors
    from gateway.absence import rehearsal, rules
    from gateway.models import DaySession

    async def job(gateway: Gateway) -> None:
        decided = rules.load(gateway.settings, gateway.year)
        if session.lower() not in ("am", "pm"):
            raise errors.BadInput([errors.Problem(f"“{session}” is no session.", "Write AM or PM.")])
        on, which = marks.day_of(day, gateway.today()), DaySession(session.lower())
        async with gateway.database.read() as opened:
            shown = await rehearsal.rehearse(opened, gateway, decided, on, which)
        if json:
            _as_data(shown)
        else:
            _tell(shown, gateway, most=None if everything else _SHOWN)

    opening.work(ctx, job)


def _tell(shown: Shown, gateway: Gateway, *, most: int | None) -> None:
    begins = shown.begins.astimezone(gateway.timezone)
    showing.say(f"{shown.day:%A %d %B %Y}, {shown.session.upper()}: asked from {begins:%H:%M}, if nobody answers.")
    if shown.school_day:
        showing.say(f"It is no school day: {shown.school_day}. Nobody would be asked.")
    rows = (
        (
            rung.number,
            rung.what,
            f"{(shown.begins + rung.after).astimezone(gateway.timezone):%H:%M}",
            ", ".join(f"{count} {medium}" for medium, count in sorted(rung.messages.items())),
            showing.money(rung.pence) if rung.messages else "",
        )
        for rung in shown.rungs
    )
    title = f"As if all {shown.pupils} children were away"
    showing.table(("rung", "what", "at", "messages", "cost"), rows, title=title, right="cost")
    showing.say(f"{showing.count(shown.one_way_only, 'child', 'children')} could be asked about by one address only.")
    if not shown.unreached:
        showing.say("Of every child somebody could be asked.")
        return
    showing.say(f"Of {showing.count(len(shown.unreached), 'child', 'children')} nobody could be asked:")
    for one in shown.unreached[:most]:
        showing.say(f"    {one.name}, {one.form or 'no form'} ({one.pupil_id}). {' '.join(one.reasons)}")
    if most is not None and len(shown.unreached) > most:
        showing.say(f"    … and {len(shown.unreached) - most} more (--all shows them)")


def _as_data(shown: Shown) -> None:
    showing.data(
        {
            "day": shown.day.isoformat(),
            "session": shown.session,
            "asked_from": shown.begins,
            "no_school": shown.school_day,
            "pupils": shown.pupils,
            "one_address_only": shown.one_way_only,
            "rungs": [
                {
                    "number": rung.number,
                    "what": rung.what,
                    "at": shown.begins + rung.after,
                    "messages": dict(rung.messages),
                    "silent": dict(rung.silent),
                    "pence": round(rung.pence, 2),
                }
                for rung in shown.rungs
            ],
            "unreached": [
                {"pupil": one.pupil_id, "name": one.name, "form": one.form, "why": list(one.reasons)}
                for one in shown.unreached
            ],
        }
    )
