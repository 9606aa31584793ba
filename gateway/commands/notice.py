"""``handbell notice``: definitions checked, previewed, sent, approved, taken back and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict, Unpack

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from gateway.calendars.book import Calendars
    from gateway.commands.progress import Count
    from gateway.context import Gateway
    from gateway.definitions.model import Definition
    from gateway.models import Notice
    from gateway.preferences.topics import Topics
    from scheduler.quiet import QuietHours

_SHOWN = 10  #: of a long list, unless all of it is asked for


class Surroundings(TypedDict):
    """The clock, the quiet hours and the topics of the school for which a definition is written."""

    timezone: ZoneInfo
    quiet: QuietHours | None
    known: Topics


def check(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Definitions, TOML files.")],
    json: options.Json = False,
) -> None:
    """Check definitions and name every mistake with its line and its cure.

    What is only hard to read, or dearer than it need be, is told and stops nothing.
    """
    from gateway import context
    from gateway.definitions import translated, words
    from gateway.good_news import worries
    from gateway.preferences import load

    senders, surroundings = opening.text_senders(ctx), _surroundings(ctx)
    found: dict[Path, tuple[errors.Problem, ...]] = {}
    advice: dict[Path, list[errors.Problem]] = {}
    told: dict[Path, dict[str, str]] = {}
    remarks: dict[Path, list[str]] = {}
    opening.use_own_words(ctx)
    for file in files:
        try:
            definition = _read(file, now=context.utc_now(), senders=senders, **surroundings)
            found[file], advice[file] = (), _advice(ctx, file, definition, senders)
            told[file] = words.languages_of(definition)
            remarks[file] = translated.remarks(definition, allow_drafts=opening.allows_drafts(ctx))
            remarks[file] += words.english_remarks(definition) + worries.without_database(definition)
            remarks[file] += load.without_database(definition)
        except errors.BadDefinition as error:
            found[file], advice[file] = error.problems, []
    if json:
        showing.data(
            [
                {
                    "file": str(file),
                    "ok": not wrong,
                    "problems": list(map(_plain, wrong)),
                    "advice": list(map(_plain, advice[file])),
                    "words": told.get(file, {}),
                    "remarks": remarks.get(file, []),
                }
                for file, wrong in found.items()
            ]
        )
    for file, wrong in found.items() if not json else ():
        for one in advice[file]:
            showing.say(f"Better: {one}")
        showing.say("\n".join(map(str, wrong)) or f"{file}: in order.{_in_languages(told[file])}")
        for remark in remarks.get(file, ()):
            showing.say(f"    {remark}")
    if any(found.values()):
        raise typer.Exit(1)


def _in_languages(told: Mapping[str, str]) -> str:
    """Who has read the words, for those that are translations."""
    by_state: dict[str, list[str]] = {}
    for tag, state in told.items():
        by_state.setdefault(state, []).append(tag)
    sentences = [f"{state}: {', '.join(sorted(tags))}" for state, tags in by_state.items()]
    return f" Words: {'; '.join(sentences)}." if set(by_state) - {"source"} else ""


def _advice(ctx: typer.Context, file: Path, definition: Definition, senders: Sequence[str]) -> list[errors.Problem]:
    """What a family would stumble over in the author's own words, with its lines."""
    from gateway.definitions import reading, words

    pence, folded = opening.part_pence(ctx), opening.fold_accents(ctx)
    found = words.lint(definition, senders=senders, part_pence=pence, fold_accents=folded)
    return reading.locate([errors.Problem(one.sentence, one.cure, field=field) for field, one in found], file)


def _surroundings(ctx: typer.Context) -> Surroundings:
    """What a definition is judged by, as far as there are settings."""
    return {"timezone": opening.timezone(ctx), "quiet": opening.quiet(ctx), "known": opening.topics(ctx)}


def _read(
    file: Path,
    *,
    now: datetime,
    senders: Sequence[str],
    calendars: Calendars | None = None,
    **surroundings: Unpack[Surroundings],
) -> Definition:
    """Read a definition that could go out. Raises :class:`errors.BadDefinition` with the lines of what is wrong."""
    from gateway import attachments, submission
    from gateway.definitions import reading

    definition = reading.read_file(file)
    problems = submission.examine(definition, now=now, senders=senders, calendars=calendars, **surroundings)
    try:
        attachments.read(file, definition.attachments)
    except errors.BadDefinition as error:
        problems += error.problems
    if problems:
        raise errors.BadDefinition(reading.locate(problems, file))
    return definition


def _plain(problem: errors.Problem) -> dict[str, object]:
    return {"line": problem.line, "field": problem.field, "what": problem.what, "cure": problem.cure}


def preview(
    ctx: typer.Context,
    file: options.Definition,
    everything: Annotated[bool, typer.Option("--all", help="Show every message and everybody who gets none.")] = False,
    json: options.Json = False,
) -> None:
    """Show who would get what, and who would get nothing and why.

    By medium and language, with the cost and an example of the words. Sends nothing.
    """
    from gateway import notices, runs
    from gateway.commands import preview_table
    from gateway.definitions import reading
    from gateway.good_news import worries

    reading.read_file(file)  # its mistakes are told even where the database is away

    async def job(gateway: Gateway) -> None:
        senders = opening.text_senders(ctx)
        now, calendars = gateway.now(), gateway.calendars.known
        definition = _read(file, now=now, senders=senders, calendars=calendars, **_surroundings(ctx))
        async with gateway.database.read() as session:
            worried = await worries.of_audience(session, gateway, definition)
            seen = await notices.preview(session, gateway, definition)
            questions, parts, pence = await runs.price_of_asking(session, gateway, seen.rows)
        if json:
            asked = {"questions": questions, "parts": parts, "pence": pence}
            showing.data(preview_table.as_data(seen) | {"language_asked": asked, "worries": worried})
            return
        preview_table.show(seen, gateway.timezone, most=None if everything else _SHOWN)
        for remark in worried:
            showing.say(remark)
        if questions:
            showing.say(
                f"Besides, a text of its own asks {showing.count(questions, 'family', 'families')} for the language, "
                f"which nobody knows: {showing.count(parts, 'part')}, {showing.money(pence)}."
            )

    opening.work(ctx, job)


def send(ctx: typer.Context, file: options.Definition, author: options.As, json: options.Json = False) -> None:
    """Hand a notice in.

    It goes when it is due, at once if it names no time, or waits for approval where it asks for that.
    """
    from gateway import attachments, notices
    from gateway.definitions import reading
    from gateway.good_news import worries
    from gateway.preferences import load

    reading.read_file(file)  # its mistakes are told even where the database is away

    async def job(gateway: Gateway) -> None:
        senders = opening.text_senders(ctx)
        now, calendars = gateway.now(), gateway.calendars.known
        definition = _read(file, now=now, senders=senders, calendars=calendars, **_surroundings(ctx))
        files = attachments.read(file, definition.attachments)
        try:
            async with gateway.database.read() as session:
                meter = await notices.meter(session, gateway, definition)
            async with gateway.database.write() as session:
                notice = await notices.submit(session, gateway, definition, author=author, files=files)
                worried = await worries.of_audience(session, gateway, definition)
        except errors.BadDefinition as error:
            raise errors.BadDefinition(reading.locate(error.problems, file)) from None
        if json:
            showing.data(_row(notice) | {"worries": worried, "load": meter._asdict() if meter else None})
        else:
            for sentence in load.sentences(meter) if meter else ():
                showing.say(sentence)
            showing.say("\n".join([_what_next(notice, gateway), *worried]))

    opening.work(ctx, job)


def _what_next(notice: Notice, gateway: Gateway) -> str:
    from gateway.models import NoticeState

    goes = f"It goes {showing.when(notice.next_fire_at, gateway.timezone)}"
    if notice.next_fire_at and notice.next_fire_at <= gateway.now():
        goes = "It goes now, if handbell run is running"
    if notice.state is NoticeState.HELD:
        goes = f"It waits for somebody other than {notice.author}: handbell notice approve {notice.key}"
    return f"“{notice.title}” is handed in as {notice.key}. {goes}."


def approve(ctx: typer.Context, key: options.Key, approver: options.As) -> None:
    """Let a notice go that waits for a second person.

    Its author cannot be that person.
    """
    from gateway import notices

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            notice = await notices.approve(session, gateway, key, approver=approver)
        showing.say(f"“{notice.title}” is approved by {approver}.")

    opening.work(ctx, job)


def cancel(ctx: typer.Context, key: options.Key, actor: options.As) -> None:
    """Take back whatever of a notice has not left yet, and fire it no more."""
    from gateway import notices

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            taken_back = await notices.cancel(session, gateway, key, actor=actor)
        showing.say(f"{key} is cancelled; {showing.count(taken_back, 'message')} taken back.")

    opening.work(ctx, job)


def pause(ctx: typer.Context, key: options.Key, actor: options.As) -> None:
    """Hold back whatever of a notice has not left yet, until somebody resumes it."""
    from gateway import notices

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            held = await notices.pause(session, gateway, key, by=actor)
        showing.say(f"{key} is paused; {showing.count(held, 'message')} held back.")

    opening.work(ctx, job)


def resume(ctx: typer.Context, key: options.Key, actor: options.As) -> None:
    """Let a paused notice go on where it stopped: nobody gets it twice."""
    from gateway import notices

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            released = await notices.resume(session, gateway, key, by=actor)
        showing.say(f"{key} goes on; {showing.count(released, 'message')} released.")

    opening.work(ctx, job)


def list_all(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 30,
    everything: Annotated[
        bool, typer.Option("--all", help="Those too by which Handbell itself asked about absences.")
    ] = False,
    json: options.Json = False,
) -> None:
    """List notices, the newest first."""
    from sqlmodel import col, or_, select

    from gateway.absence import sending
    from gateway.models import Notice

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            query = select(Notice).order_by(col(Notice.created_at).desc(), col(Notice.id).desc()).limit(limit)
            if not everything:
                ours = (col(Notice.author) != sending.AUTHOR, col(Notice.event_id).is_not(None))
                query = query.where(or_(*ours))
            found = (await session.scalars(query)).all()
        if json:
            showing.data([_row(notice) for notice in found])
            return
        showing.table(
            ("key", "title", "state", "fires next", "author"),
            ((n.key, n.title, n.state, showing.when(n.next_fire_at, gateway.timezone), n.author) for n in found),
        )

    opening.work(ctx, job)


def show(ctx: typer.Context, key: options.Key, json: options.Json = False) -> None:
    """Show how far a notice has come: messages by state, and the failures by reason."""
    from gateway import interpreters, notices
    from gateway.announcements import progress as families
    from gateway.commands import progress
    from gateway.definitions import reading, translated
    from gateway.freshness import again

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            notice = await notices.find(session, key)
            run_ids = await notices.run_ids(session, notice)
            run = await families.latest_run(session, notice)
            share = (await families.share(session, run.id or 0, today=gateway.today()))[0] if run else None
            counts, words = await progress.counts(session, run_ids), await progress.words(session, run_ids)
            about_event = notice.definition.get("event") is not None
            needed = await interpreters.of_runs(session, run_ids) if about_event else {}
            tried = [one.model_dump(mode="json") for one in await again.of_runs(session, run_ids)]
        if json:
            messages = [count.as_data() for count in counts]
            by_family = families.as_data(share) if share else None
            more = {
                "families": by_family,
                "messages": messages,
                "words": words,
                "interpreters": needed,
                "tried_again": tried,
            }
            showing.data(_row(notice) | more)
            return
        showing.say(f"{notice.title} ({notice.key}): {_state(notice, counts)}, by {notice.author}.")
        if notice.approver:
            showing.say(f"Approved by {notice.approver}, {showing.when(notice.approved_at, gateway.timezone)}.")
        if notice.next_fire_at:
            showing.say(f"Fires next: {showing.when(notice.next_fire_at, gateway.timezone)}.")
        if notice.definition.get("translations"):
            stored = reading.stored(notice.definition)
            for remark in translated.remarks(stored, allow_drafts=gateway.settings.languages.allow_drafts):
                showing.say(remark)
        if notice.trouble:
            showing.say(f"It could not be planned: {notice.trouble}")
        if notice.paused_at:
            showing.say(f"Paused by {notice.paused_by}, {showing.when(notice.paused_at, gateway.timezone)}.")
        if share:
            showing.say(
                f"Of {showing.count(share.all, 'family', 'families')} {share.reached} reached, {share.on_the_way} on "
                f"the way, {share.to_try} still to try, {share.not_reached} could not be reached."
            )
        progress.show(counts)
        progress.show_words(words)
        if needed:
            showing.say(interpreters.sentence(needed))
        if tried:
            rows = [(one["contact_id"], one["number"], one["medium"], one["because"]) for one in tried]
            showing.table(("contact", "try", "by", "because"), rows, title="tried again")

    opening.work(ctx, job)


def _state(notice: Notice, counts: Sequence[Count]) -> str:
    """The state in words: a notice that is “done” has been planned, and its messages may still wait."""
    from gateway.commands import progress
    from gateway.models import NoticeState

    if notice.state is not NoticeState.DONE:
        return notice.state
    waiting = progress.waiting(counts)
    verb = "waits" if waiting == 1 else "wait"
    return f"all planned, {showing.count(waiting, 'message')} still {verb}" if waiting else "all planned, none waits"


def schema() -> None:
    """Print the JSON Schema of definitions, for editors that check while you type."""
    from gateway.definitions import reading

    showing.data(reading.schema())


def _row(notice: Notice) -> dict[str, object]:
    return {
        "id": notice.id,
        "key": notice.key,
        "title": notice.title,
        "purpose": notice.purpose,
        "state": notice.state,
        "author": notice.author,
        "approver": notice.approver,
        "created_at": notice.created_at,
        "next_fire_at": notice.next_fire_at,
        "trouble": notice.trouble,
    }
