"""``handbell emergency``: alarm all who answer for the children, see who has read, end it, and rehearse it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.emergency.alarm import Asked
    from gateway.emergency.following import Told
    from gateway.emergency.roll_call import RollCall

_SHOWN = 30

Happened = Annotated[str, typer.Option("--what", metavar="WORDS", help="What has happened, in one full sentence.")]
Do = Annotated[str, typer.Option("--do", metavar="WORDS", help="What families should do now, in full sentences.")]
Languages = Annotated[
    list[str] | None,
    typer.Option("--in", metavar="LANGUAGE:WHAT:DO", help="The same in a language, such as “pl:…:…”; again for more."),
]
Whole = Annotated[bool, typer.Option("--whole-school", help="About every child.")]
Forms = Annotated[list[str] | None, typer.Option("--form", help="About the children of a form; again for more.")]
Years = Annotated[list[str] | None, typer.Option("--year", help="About the children of a year group.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="About the children of a group.")]
Pupils = Annotated[list[str] | None, typer.Option("--pupil", help="About one child, by MIS id or UPN.")]
Key = Annotated[str, typer.Argument(metavar="[KEY]", help="Which emergency; else the latest that is not over.")]


def _asked(
    what: str, do: str, more: list[str] | None, *, whole: bool, forms: Any, years: Any, groups: Any, pupils: Any
) -> Asked:
    from gateway.emergency import alarm

    audience: dict[str, Any] = {"forms": forms, "years": years, "groups": groups, "pupils": pupils}
    audience = {name: names for name, names in audience.items() if names}
    happened, to_do = alarm.by_language(what, do, more or ())
    return alarm.Asked(happened, to_do, audience | ({"whole_school": True} if whole or not audience else {}))


def preview(
    ctx: typer.Context,
    what: Happened,
    do: Do,
    more: Languages = None,
    whole: Whole = False,
    forms: Forms = None,
    years: Years = None,
    groups: Groups = None,
    pupils: Pupils = None,
    json: options.Json = False,
) -> None:
    """Show how long an alarm takes by each channel, whom it reaches, and whom not. Sends nothing.

    Without a form, year, group or pupil it is about the whole school.
    """
    asked = _asked(what, do, more, whole=whole, forms=forms, years=years, groups=groups, pupils=pupils)

    async def job(gateway: Gateway) -> None:
        await _show_outlook(gateway, asked, json=json)

    opening.work(ctx, job)


async def _show_outlook(gateway: Gateway, asked: Asked, *, json: bool) -> None:
    from gateway.commands import preview_table
    from gateway.emergency import alarm, shown

    async with gateway.database.read() as session:
        outlook = await alarm.preview(session, gateway, asked)
    if json:
        showing.data(shown.outlook_data(outlook))
        return
    for sentence in shown.times(outlook.channels):
        showing.say(sentence)
    for sentence in shown.remarks(outlook):
        showing.say(sentence)
    for one in shown.unreached(outlook)[:_SHOWN]:
        showing.say(f"    {one['name']}, {one['form'] or 'no form'} ({one['pupil']}). {' '.join(one['why'])}")
    preview_table.totals(outlook.seen)
    for language, words in shown.examples(outlook):
        showing.say(f"A text in {language}:")
        showing.say("\n".join(f"    {line}" for line in words.splitlines()))


def send(
    ctx: typer.Context,
    what: Happened,
    do: Do,
    by: options.As,
    more: Languages = None,
    whole: Whole = False,
    forms: Forms = None,
    years: Years = None,
    groups: Groups = None,
    pupils: Pupils = None,
    now: Annotated[bool, typer.Option("--now", help="Do not ask once more.")] = False,
    another: Annotated[bool, typer.Option("--another", help="Also where somebody has just sent an alarm.")] = False,
    json: options.Json = False,
) -> None:
    """Alarm all who answer for the children and their emergency contacts, by all channels at once.

    Shows first how long it takes by each channel, and asks. It goes past quiet hours and wishes.
    """
    if json and not now:
        raise typer.BadParameter("Give --now as well: nobody can be asked.", param_hint="--json")
    asked = _asked(what, do, more, whole=whole, forms=forms, years=years, groups=groups, pupils=pupils)

    async def job(gateway: Gateway) -> None:
        from gateway.emergency import alarm

        wanted = dataclasses.replace(asked, another=another)
        if not json:
            await _show_outlook(gateway, asked, json=False)
        if not now:
            async with gateway.database.read() as session:  # who alarms while this one thinks takes the key away
                wanted = dataclasses.replace(wanted, key=await alarm.next_key(session, gateway))
            typer.confirm("Alarm them now?", abort=True)
        async with gateway.database.write() as session:
            sent = await alarm.send(session, gateway, wanted, by=by)
        held = gateway.settings.emergency.second_person
        if json:
            showing.data({"key": sent.key, "began_at": sent.began_at, "held": held})
            return
        if held:
            showing.say(f"It waits for somebody other than {by}: handbell emergency approve {sent.key}")
        else:
            showing.say(f"The alarm goes out as {sent.key}, if handbell run is running.")
        showing.say(f"Who has not read it: handbell emergency status {sent.key} --watch")

    opening.work(ctx, job)


def status(
    ctx: typer.Context,
    key: Key = "",
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=600, help="Seconds between two looks, with --watch.")] = 5.0,
    everything: Annotated[bool, typer.Option("--all", help="Name those too of whom somebody has read.")] = False,
    json: options.Json = False,
) -> None:
    """Show child by child of whom nobody has read the alarm, and how far it has come.

    A child is covered when one who answers for it has said that they have read: 1 by text or email, key 1 in a call.
    """

    async def job(gateway: Gateway) -> None:
        while True:
            found = await _look(gateway, key, everything=everything, json=json)
            if not watch or (found.children and not found.uncovered) or found.emergency.over_at:
                return
            await asyncio.sleep(every)

    opening.work(ctx, job)


async def _look(gateway: Gateway, key: str, *, everything: bool, json: bool) -> RollCall:
    from gateway.commands import progress
    from gateway.emergency import alarm, passing, roll_call, shown
    from gateway.models import EmergencyPart

    async with gateway.database.read() as session:
        emergency = await alarm.find(session, key)
        found = await roll_call.read(session, gateway, emergency)
        counts = await progress.counts(session, await alarm.run_ids(session, emergency, *EmergencyPart))
        parts = await alarm.parts(session, emergency)
    if json:
        messages = [count.as_data() for count in counts]
        sent = [
            {"key": notice.key, "part": part.part, "at": part.at, "by": part.by, "facts": part.facts}
            for part, notice in parts
        ]
        showing.data(shown.roll_call_data(found) | {"messages": messages, "sent": sent})
        return found
    clock = found.at.astimezone(gateway.timezone)
    showing.say(f"{emergency.key}, by {emergency.by}, as it is at {clock:%H:%M:%S}. {shown.headline(found)}.")
    for sentence in found.troubles:
        showing.say(sentence)
    for sentence in passing.sentences(found.passed) if found.children else ():
        showing.say(sentence)
    children = found.children if everything else found.uncovered
    if children:
        showing.table(
            ("child", "form", "alarm", "answers"),
            ((child.name, child.form, child.way, shown.answers(child)) for child in children),
        )
    progress.show(counts)
    for part, notice in parts[1:]:
        showing.say(f"{notice.title}, {showing.when(part.at, gateway.timezone)}, by {part.by}: {_told(part.facts)}")
    return found


def _told(facts: Mapping[str, Any]) -> str:
    from gateway.emergency import following

    return " ".join(following.sentences({name: int(count) for name, count in facts.items()}))


def update(
    ctx: typer.Context,
    what: Happened,
    do: Do,
    by: options.As,
    key: Key = "",
    more: Languages = None,
    json: options.Json = False,
) -> None:
    """Tell exactly those who were alarmed how it goes on."""

    async def job(gateway: Gateway) -> None:
        from gateway.emergency import alarm, following

        happened, to_do = alarm.by_language(what, do, more or ())
        async with gateway.database.write() as session:
            _say_told(await following.update(session, gateway, key, happened, to_do, by=by), json=json)

    opening.work(ctx, job)


def all_clear(
    ctx: typer.Context,
    what_now: Annotated[str, typer.Option("--now", metavar="WORDS", help="What happens now, in full sentences.")],
    by: options.As,
    key: Key = "",
    more: Annotated[
        list[str] | None, typer.Option("--in", metavar="LANGUAGE:NOW", help="The same in a language; again for more.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Take back what has not left, and tell exactly those who were alarmed that it is over."""

    async def job(gateway: Gateway) -> None:
        from gateway.emergency import alarm, following

        [words] = alarm.in_languages([what_now], more or (), shape="LANGUAGE:NOW", example=["Lekcje trwają."])
        async with gateway.database.write() as session:
            _say_told(await following.all_clear(session, gateway, key, words, by=by), json=json)

    opening.work(ctx, job)


def _say_told(told: Told, *, json: bool) -> None:
    if json:
        showing.data({"emergency": told.emergency.key, "key": told.key, "taken_back": told.taken_back, **told.facts})
        return
    if told.taken_back:
        showing.say(f"{showing.count(told.taken_back, 'message')} had not left and will not.")
    showing.say(f"Sent as {told.key}. {_told(told.facts)}")


def note(
    ctx: typer.Context,
    pupil: Annotated[str, typer.Argument(metavar="PUPIL", help="The child, by MIS id or UPN.")],
    by: options.As,
    key: Key = "",
    how: Annotated[str, typer.Option("--how", metavar="WORDS", help="How: rang her mother.")] = "told by staff",
    undo: Annotated[bool, typer.Option("--undo", help="That was a mistake: take it back.")] = False,
) -> None:
    """Note that you have told one who answers for a child yourself: it is covered then."""

    async def job(gateway: Gateway) -> None:
        from gateway.emergency import alarm, roll_call

        async with gateway.database.write() as session:
            emergency = await alarm.find(session, key)
            await roll_call.note(session, gateway, emergency, pupil, how="" if undo else how, by=by)
        showing.say(f"{emergency.key}: {'taken back' if undo else 'noted'}.")

    opening.work(ctx, job)


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List the latest emergencies, the newest first."""

    async def job(gateway: Gateway) -> None:
        from gateway.emergency import alarm, shown

        async with gateway.database.read() as session:
            found = await alarm.latest(session, _SHOWN)
        if json:
            showing.data([shown.emergency_data(one) for one in found])
            return
        showing.table(
            ("key", "since", "by", "over"),
            (
                (one.key, showing.when(one.began_at, gateway.timezone), one.by,
                 f"{showing.when(one.over_at, gateway.timezone)}, {one.over_by}" if one.over_at else "no")
                for one in found
            ),
        )  # fmt: skip

    opening.work(ctx, job)


def rehearse(
    ctx: typer.Context,
    by: options.As,
    what: Happened = "This is a rehearsal.",
    do: Do = "You need not do anything.",
    whole: Whole = False,
    forms: Forms = None,
    years: Years = None,
    groups: Groups = None,
    pupils: Pupils = None,
    json: options.Json = False,
) -> None:
    """Send an alarm to pretend phones and mailboxes on this machine, with the school's own people on file.

    No real phone, mailbox or provider is reached, whatever the settings say. Reports who would not be reached, and why.
    """
    asked = _asked(what, do, None, whole=whole, forms=forms, years=years, groups=groups, pupils=pupils)

    async def job(gateway: Gateway) -> None:
        from gateway.wiring import rehearsing

        report = await rehearsing.rehearse(gateway, asked, by=by)
        if json:
            showing.data(report.as_data())
            return
        showing.say("A rehearsal: nothing has left this machine.")
        for sentence in report.sentences():
            showing.say(sentence)
        for one in report.unreached[:_SHOWN]:
            showing.say(f"    {one['name']}, {one['form'] or 'no form'} ({one['pupil']}). {' '.join(one['why'])}")

    opening.work(ctx, job)
