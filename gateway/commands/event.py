"""``handbell event``: invite, see who is coming, and answer for a family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from gateway.context import Gateway
    from gateway.events.views import Invited, Whole
    from gateway.models import EventSlot, GuestState, SchoolEvent

Key = Annotated[str, typer.Argument(metavar="KEY", help="The event's key, from handbell event list.")]
Guest = Annotated[int, typer.Argument(metavar="GUEST", help="The guest's number, from handbell event show.")]
_ORDER = ("coming", "not_coming", "waiting", "offered", "phone", "invited")
_SAID = {"invited": "no answer", "offered": "place kept", "phone": "to be rung"}


def list_all(ctx: typer.Context, limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
             json: options.Json = False) -> None:  # fmt: skip
    """List events, the latest first, with how many families are coming."""
    from gateway.events import views

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await views.listed(session, limit=limit)
        if json:
            showing.data([one.event.model_dump(mode="json") | {"guests": dict(one.counts)} for one in found])
            return
        showing.table(
            ("event", "title", "starts", "place", *(_words(one) for one in _ORDER)),
            (
                (
                    one.event.key, one.event.title, _starts(one.event, gateway.timezone), one.event.place,
                    *_counted(one.counts),
                )
                for one in found
            ),
        )  # fmt: skip

    opening.work(ctx, job)


def _starts(event: SchoolEvent, timezone: ZoneInfo) -> str:
    return "cancelled" if event.cancelled_at else showing.when(event.starts_at, timezone)


def _counted(counts: Mapping[GuestState, int]) -> list[int]:
    """How many families there are of each state, in our order."""
    by_name = {state.value: number for state, number in counts.items()}
    return [by_name.get(state, 0) for state in _ORDER]


def _words(state: str) -> str:
    return _SAID.get(state, state.replace("_", " "))


def show(
    ctx: typer.Context,
    key: Key,
    guest: Annotated[int | None, typer.Option(help="This guest alone.")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Those alone who have not answered.")] = False,
    json: options.Json = False,
) -> None:
    """Show the answers to an invitation, who has not answered, and who needs an interpreter."""
    from gateway import interpreters
    from gateway.events import views

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            whole = await views.whole(session, key)
        lines = [one for one in whole.guests if guest in (None, one.guest.id)]
        if silent:
            lines = [one for one in lines if one.guest.state.value in ("invited", "offered")]
        if json:
            showing.data(_plain(whole, lines))
            return
        event = whole.event
        showing.say(f"{event.title}, {_starts(event, gateway.timezone)}, {event.place or 'no place given'}.")
        told = zip(_ORDER, _counted(whole.counts), strict=True)
        showing.say("; ".join(f"{_words(state)} {number}" for state, number in told) + ".")
        if whole.interpreters:
            showing.say(interpreters.sentence({tag: list(names) for tag, names in whole.interpreters.items()}))
        showing.table(
            ("guest", "children", "family", "answer", "time", "by", "remarks"),
            (_row(one, gateway.timezone) for one in lines),
        )

    opening.work(ctx, job)


def _row(one: Invited, timezone: ZoneInfo) -> tuple[object, ...]:
    guest = one.guest
    remarks = [
        "interpreter" if guest.interpreter else "",
        "never came before" if guest.newcomer else "",
        "" if one.told else "not reached",
        {True: "was there", False: "missed", None: ""}[guest.attended],
    ]
    by = f"{guest.by} ({guest.how})" if guest.by else ""
    return (
        guest.id, one.children, one.adults, _words(guest.state.value), _slot(one.slot, timezone), by,
        ", ".join(filter(None, remarks)),
    )  # fmt: skip


def _slot(slot: EventSlot | None, timezone: ZoneInfo) -> str:
    if slot is None:
        return ""
    return " ".join(filter(None, [slot.starts_at.astimezone(timezone).strftime("%d/%m %H:%M"), slot.host, slot.place]))


def _plain(whole: Whole, lines: list[Invited]) -> dict[str, Any]:
    return whole.event.model_dump(mode="json") | {
        "counts": {state.value: count for state, count in whole.counts.items()},
        "interpreters": {tag: list(names) for tag, names in whole.interpreters.items()},
        "guests": [
            one.guest.model_dump(mode="json")
            | {
                "pupils": [pupil.source_id for pupil in one.pupils],
                "children": one.children,
                "adults": one.adults,
                "slot": one.slot.model_dump(mode="json") if one.slot else None,
                "told": one.told,
            }
            for one in lines
        ],
    }


def list_slots(ctx: typer.Context, key: Key, json: options.Json = False) -> None:
    """List the times of an event and how many places are left."""
    from gateway.events import slots, views

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            event = await views.find(session, key)
            found = await slots.of_event(session, event.id)
        if json:
            showing.data([one.model_dump(mode="json") for one in found])
            return
        hours, zone = gateway.settings.events, gateway.timezone
        showing.table(
            ("slot", "time", "forms", "taken", "places", "remarks"),
            (
                (
                    one.id, _slot(one, zone), ", ".join(one.forms), one.taken,
                    "any number" if one.capacity is None else one.capacity,
                    ", ".join(filter(None, ["outside working hours" if slots.is_out_of_hours(one, hours, zone) else "",
                                            "for those who were missed" if one.again else ""])),
                )
                for one in found
            ),
        )  # fmt: skip

    opening.work(ctx, job)


def invite(ctx: typer.Context, file: options.Definition, actor: options.As) -> None:
    """Invite families to an event, by its definition. It is taken in like any notice."""
    from gateway import attachments, notices
    from gateway.definitions import reading

    definition = reading.read_file(file)
    if definition.event is None:
        problem = errors.Problem("this is no event.", 'Write kind = "event" and an [event] table.', file=str(file))
        raise errors.BadDefinition([problem])

    async def job(gateway: Gateway) -> None:
        files = attachments.read(file, definition.attachments)
        try:
            async with gateway.database.write() as session:
                notice = await notices.submit(session, gateway, definition, author=actor, files=files)
        except errors.BadDefinition as error:
            raise errors.BadDefinition(reading.locate(error.problems, file)) from None
        later = definition.schedule.at or definition.schedule.repeats
        when = showing.when(notice.next_fire_at, gateway.timezone) if later else "now"
        waits = " It waits for a second person: handbell notice approve." if notice.state == "held" else ""
        showing.say(f"“{definition.title}” is taken in; families are invited {when}.{waits}")
        showing.say(f"Then: handbell event show {notice.key}")

    opening.work(ctx, job)


def answer(
    ctx: typer.Context,
    key: Key,
    guest: Guest,
    actor: options.As,
    what: Annotated[
        str, typer.Argument(metavar="ANSWER", help="coming, not-coming, no-time or interpreter.")
    ] = "coming",
    slot: Annotated[int | None, typer.Option(help="The time, from handbell event slots.")] = None,
) -> None:
    """Write down what a family has said to you, or change it."""
    from gateway.events import answering, guests, views

    async def job(gateway: Gateway) -> None:
        meaning = answering.meaning_of(what, slot)
        async with gateway.database.write() as session:
            event = await views.find(session, key)
            found = await guests.find(session, guest)
            if found.event_id != event.id:
                raise errors.NotFound(f"Guest {guest} is not invited to “{event.key}”.")
            said = answering.Said(actor, answering.OFFICE, actor)
            outcome = await answering.answer(session, gateway, found, meaning, said)
        showing.say(_OUTCOMES[outcome.value].format(guest=guest, key=key))

    opening.work(ctx, job)


_OUTCOMES = {
    "coming": "Guest {guest} is coming.",
    "not_coming": "Guest {guest} is not coming.",
    "waiting": "There is no place left: guest {guest} is on the waiting list.",
    "phone": "Guest {guest} is to be rung: see handbell task list.",
    "noted": "It is noted that guest {guest} needs an interpreter.",
    "gone": "That time is not free. Nothing was changed: handbell event slots {key} shows what is left.",
    "over": "This event is over or was cancelled. Nothing was changed.",
}


def feed(
    ctx: typer.Context, form: Annotated[str, typer.Argument(metavar="FORM", help="The form, such as 3A.")]
) -> None:
    """Print the address of a form's calendar, for families to follow in their own. It names nobody."""
    from sqlmodel import col, func, select

    from gateway.events import feed as feeds
    from gateway.models import Pupil

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            theirs = select(Pupil.id).where(func.lower(col(Pupil.form)) == form.casefold()).limit(1)
            if (await session.scalars(theirs)).first() is None:
                raise errors.NotFound(f"Nobody is in form “{form}”.")
        showing.say(feeds.url(gateway, form))

    opening.work(ctx, job)
