"""``handbell notice translate`` and ``review``, and ``handbell memory``: free texts in the families' languages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing, words

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from gateway.context import Gateway
    from gateway.definitions.model import Definition
    from gateway.translating.drafting import Draft, Job, Outcome

_NAMES = {"text": "Text", "subject": "Subject"}


def translate(
    ctx: typer.Context,
    file: options.Definition,
    actor: options.As,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="LANGUAGE", help="A language, such as pl; all that the audience lacks, if none."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is sent.")] = False,
    json: options.Json = False,
) -> None:
    """Have a service draft the languages that the audience reads, and write them into the file.

    It shows first what would be sent and at which cost, and asks; with --json nothing is sent without --yes.
    Drafts are the machine's until a person has reviewed them.
    """
    from gateway.definitions import reading
    from gateway.translating import asking, drafting

    reading.read_file(file)  # its mistakes are told even where the database is away

    async def job(gateway: Gateway) -> None:
        definition = reading.read_file(file)
        asking.service(gateway)
        async with gateway.database.read() as session:
            families = await drafting.wanted(session, gateway, definition)
            tags = _tags(to) or drafting.missing(definition, [tag for tag, _ in families.most_common()])
            drafting.check(definition, tags)
            jobs = await drafting.prepare(session, gateway, definition, tags)
        if not jobs:
            if json:
                showing.data({"to_be_sent": []})
            else:
                showing.say("Every language that this audience reads is there.")
            return
        if json and not yes:
            showing.data({"to_be_sent": [_planned(gateway, each, families) for each in jobs]})
            return
        if not json:
            _announce(gateway, jobs, families)
        if not yes and not typer.confirm("Send this?", err=True):
            raise errors.Conflict("Nothing was sent.")
        outcome = await drafting.draft(gateway, jobs)
        await _write_down(gateway, file, definition, outcome, actor)
        _show(gateway, definition, outcome, json=json)
        if not json:
            _look_again(ctx, gateway, file)
        if not outcome.drafts:
            raise typer.Exit(1)

    opening.work(ctx, job)


def _tags(to: Sequence[str] | None) -> list[str]:
    return list(dict.fromkeys(words.tag(name) for name in to or ()))


def _announce(gateway: Gateway, jobs: Sequence[Job], families: Counter[str]) -> None:
    from gateway.translating import asking, protecting

    name, planned = asking.service(gateway).name, [_planned(gateway, job, families) for job in jobs]
    rows = [
        [_language(one["language"]), *list(one.values())[1:-1], showing.money(float(one["pence"]))] for one in planned
    ]
    columns = ("language", "readers", "sentences", "known", "reviewed", "characters", "about")
    showing.table(columns, rows, title=f"To be sent to {name}, there and back", right=", ".join(columns[1:]))
    hidden = {part.kind.value for job in jobs for one in job.sentences for part in protecting.parts(one.pieces)}
    showing.say(f"Left out of it and put back here: {', '.join(sorted(hidden)) or 'nothing, as nothing was found'}.")
    showing.say(
        "Names that are on file do not leave the school. Read the English for what else a stranger must not see."
    )


def _planned(gateway: Gateway, job: Job, families: Counter[str]) -> dict[str, Any]:
    from gateway.translating import asking

    return {
        "language": job.language,
        "readers": families[job.language],
        "sentences": len(job.sentences),
        "known": len(job.known),
        "reviewed": job.reviewed,
        "characters": job.characters,
        "pence": round(asking.pence(gateway, job.characters), 4),
    }


async def _write_down(gateway: Gateway, file: Path, definition: Definition, outcome: Outcome, actor: str) -> None:
    from gateway import audit
    from gateway.translating import drafting, versions

    async with gateway.database.write() as session:
        await drafting.keep(session, gateway, outcome)
        line = audit.Line("translation.drafted", f"notice:{definition.key}", drafting.facts(gateway, outcome), actor)
        await gateway.log.record(session, line, now=gateway.now())
        if outcome.drafts:
            versions.write_drafts(file, definition, outcome.drafts)


def _show(gateway: Gateway, definition: Definition, outcome: Outcome, *, json: bool) -> None:
    from gateway.definitions import translated
    from gateway.translating import asking

    if json:
        showing.data(as_data(gateway, outcome))
    else:
        english = translated.english(definition)
        for one in outcome.drafts:
            _show_draft(one, english)
        for refused in outcome.refused:
            showing.say(f"{_language(refused.language)}: no draft. {refused.why}")
        if outcome.drafts:
            cost = showing.money(asking.pence(gateway, outcome.characters))
            showing.say(
                f"{showing.count(outcome.characters, 'character')} were sent, {cost}. The drafts are in the file."
            )
            showing.say(
                "Have somebody who reads the language look, then: handbell notice review FILE LANGUAGE --by NAME"
            )


def _look_again(ctx: typer.Context, gateway: Gateway, file: Path) -> None:
    """Say for what the definition would be refused by now: a language may need more text than English."""
    from gateway import submission
    from gateway.definitions import reading

    definition, senders = reading.read_file(file), opening.text_senders(ctx)
    wrong = submission.examine(
        definition, now=gateway.now(), timezone=gateway.timezone, senders=senders, quiet=gateway.quiet
    )
    for problem in reading.locate(wrong, file):
        showing.say(f"To correct: {problem}")


def _show_draft(one: Draft, english: Mapping[str, str]) -> None:
    known = f", {one.reviewed} of {showing.count(one.sentences, 'sentence')} reviewed before" if one.reviewed else ""
    showing.table(
        ("", "English", _language(one.language), "back in English"),
        (
            (_NAMES.get(part, part.title()), english[part], words, one.back.get(part, ""))
            for part, words in one.text.items()
        ),
        title=f"{_language(one.language)}, by {one.by}, not reviewed{known}",
    )
    for doubt in one.doubts:
        showing.say(f"    Look: {doubt}")


def as_data(gateway: Gateway, outcome: Outcome) -> dict[str, Any]:
    """What came of it as plain data."""
    from gateway.translating import asking

    return {
        "drafts": [
            {
                "language": one.language,
                "state": "machine",
                "by": one.by,
                "text": dict(one.text),
                "back": dict(one.back),
                "sentences": one.sentences,
                "reviewed_before": one.reviewed,
                "doubts": list(one.doubts),
            }
            for one in outcome.drafts
        ],
        "refused": [{"language": one.language, "why": one.why} for one in outcome.refused],
        "characters": outcome.characters,
        "pence": round(asking.pence(gateway, outcome.characters), 4),
    }


def review(
    ctx: typer.Context,
    file: options.Definition,
    language: Annotated[str, typer.Argument(metavar="LANGUAGE", help="Which of its languages, such as pl.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who has read it and stands for it.")],
    actor: options.As,
) -> None:
    """Note that a person stands for a version, corrected or as it was drafted, and remember its sentences."""
    from gateway.definitions import reading
    from gateway.translating import reviewing, versions

    reading.read_file(file)  # its mistakes are told even where the database is away
    (tag,) = _tags([language])

    async def job(gateway: Gateway) -> None:
        definition = reading.read_file(file)
        try:
            async with gateway.database.write() as session:
                kept, doubts = await reviewing.accept(session, gateway, definition, tag, by=by, actor=actor)
                versions.write_review(file, definition, tag, by=by, on=gateway.today())
        except errors.BadDefinition as error:
            raise errors.BadDefinition(reading.locate(error.problems, file)) from None
        showing.say(f"{_language(tag)} is reviewed by {by}. {showing.count(kept, 'sentence')} remembered.")
        for doubt in doubts:
            showing.say(f"    Look: {doubt}")

    opening.work(ctx, job)


def memory_list(
    ctx: typer.Context,
    language: Annotated[str, typer.Option("--language", metavar="LANGUAGE", help="Only this language.")] = "",
    reviewed: Annotated[bool, typer.Option("--reviewed", help="Only what a person has reviewed.")] = False,
    json: options.Json = False,
) -> None:
    """List the sentences that are remembered, with their numbers."""
    from gateway.translating import memory

    tag = _tags([language])[0] if language else ""

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await memory.listed(session, language=tag, reviewed_only=reviewed)
        if json:
            showing.data([row.model_dump(exclude={"key"}) for row in found])
            return
        showing.table(
            ("id", "language", "English", "says", "state"),
            (
                (
                    row.id,
                    row.language,
                    row.source,
                    row.text,
                    f"reviewed by {row.reviewed_by}" if row.reviewed_by else row.service,
                )
                for row in found
            ),
        )

    opening.work(ctx, job)


def memory_forget(
    ctx: typer.Context,
    ids: Annotated[list[int], typer.Argument(metavar="ID…", help="Sentences, from handbell memory list.")],
    actor: options.As,
) -> None:
    """Forget sentences: the next draft asks the service again."""
    from gateway import audit
    from gateway.translating import memory

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            gone = await memory.forget(session, ids)
            if not gone:
                raise errors.NotFound("There is no such sentence.")
            line = audit.Line("translation.forgotten", "", {"sentences": gone}, actor)
            await gateway.log.record(session, line, now=gateway.now())
        showing.say(f"{showing.count(gone, 'sentence')} forgotten.")

    opening.work(ctx, job)


def _language(tag: str) -> str:
    from templates import languages

    row = languages.table().get(tag)
    return row.english if row else tag
