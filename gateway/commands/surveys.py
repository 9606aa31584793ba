"""``handbell survey``: ask families, one question a text, see what they said, and close it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.surveys.results import Results

Key = Annotated[str, typer.Argument(metavar="KEY", help="The survey's key.")]


def create(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The survey, a TOML file.")],
    by: options.As,
    json: options.Json = False,
) -> None:
    """Put the first question, now or when the file says. The next one follows each answer."""
    from gateway.definitions import survey as shape

    whole = shape.read_file(file)

    async def job(gateway: Gateway) -> None:
        from gateway.surveys import asking

        async with gateway.database.write() as session:
            made = await asking.create(session, gateway, whole, by=by)
        if json:
            showing.data({"key": made.key, "anonymous": made.anonymous, "questions": len(whole.questions)})
            return
        how = "Answers are only counted: nobody can see who said what." if made.anonymous else "Answers are by name."
        showing.say(f"“{made.title}” asks {showing.count(len(whole.questions), 'question')} as {made.key}. {how}")
        if whole.approval.required:
            showing.say(f"It waits for somebody other than {by}: handbell notice approve {made.key}")

    opening.work(ctx, job)


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List surveys, the newest first, with how many have answered and how each was closed."""

    async def job(gateway: Gateway) -> None:
        import sqlalchemy as sa

        from gateway.models import Survey
        from gateway.models.types import core
        from gateway.surveys import results as reading

        async with gateway.database.read() as session:
            surveys = await session.scalars(sa.select(Survey).order_by(core(Survey).c.id.desc()))
            found = [await reading.read(session, one) for one in list(surveys)]
        if json:
            showing.data([_head(one) for one in found])
            return
        showing.table(
            ("key", "title", "since", "asked", "answered", "state"),
            (
                (one.survey.key, one.survey.title, showing.when(one.survey.created_at, gateway.timezone), one.asked,
                 one.answered, _state(one))
                for one in found
            ),
            right="asked, answered",
        )  # fmt: skip

    opening.work(ctx, job)


def _state(found: Results) -> str:
    survey = found.survey
    if survey.closed_at is None:
        return "open"
    return "closed: you said, we did" if survey.closing == "told" else f"closed: {survey.reason}"


def _head(found: Results) -> dict[str, Any]:
    survey = found.survey
    return {
        "key": survey.key,
        "title": survey.title,
        "anonymous": survey.anonymous,
        "by": survey.by,
        "created_at": survey.created_at,
        "asked": found.asked,
        "answered": found.answered,
        "finished": found.finished,
        "closed_at": survey.closed_at,
        "closed_by": survey.closed_by,
        "closing": survey.closing,
        "reason": survey.reason,
    }


def results(
    ctx: typer.Context,
    key: Key,
    out: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write them as CSV, - for here.")] = None,
    json: options.Json = False,
) -> None:
    """Show what was answered, by option, form and language.

    Of an anonymous survey no group under five is shown, and none that could be worked out from the others.
    """

    async def job(gateway: Gateway) -> None:
        from gateway.surveys import asking
        from gateway.surveys import results as reading

        async with gateway.database.read() as session:
            found = await reading.read(session, await asking.find(session, key))
        if out is not None:
            text = reading.csv_of(found)
            if str(out) == "-":
                typer.echo(text, nl=False)
            else:
                out.write_text(text, "utf-8-sig")
                showing.say(f"Written to {out}.")
        elif json:
            showing.data(_head(found) | {"questions": reading.as_data(found)})
        else:
            _show(found)

    opening.work(ctx, job)


def _show(found: Results) -> None:
    from gateway.surveys import results as reading

    showing.say(f"{found.survey.title} ({found.survey.key}), {_state(found)}.")
    showing.say(f"Of {found.asked} asked {found.answered} have answered, {found.finished} of them to the end.")
    for number, one in enumerate(found.questions, 1):
        rows = [("all", one.answers, one.counts)]
        rows += [(reading.named(group), group.answers, group.counts) for group in one.groups]
        showing.say(f"{number}. {one.text}")
        if one.labels:
            showing.table(
                ("who", *one.labels.values()),
                ((who, *_cells(one.labels, counts)) for who, _, counts in rows),
                right=",".join(one.labels.values()),
            )
        for who, words in one.words:
            showing.say(f"    {who}: {words}")


def _cells(labels: Any, counts: Any) -> list[object]:
    return ["…" if counts is None else counts.get(key, 0) for key in labels]


def close(
    ctx: typer.Context,
    key: Key,
    by: options.As,
    you_said: Annotated[str, typer.Option(metavar="WORDS", help="What families said, in full sentences.")] = "",
    we_did: Annotated[str, typer.Option(metavar="WORDS", help="What the school has done, in full sentences.")] = "",
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why nothing is told instead.")] = "",
) -> None:
    """Close a survey: tell those who answered what they said and what the school has done, or give a reason."""

    async def job(gateway: Gateway) -> None:
        from gateway.surveys import closing

        async with gateway.database.write() as session:
            done = await closing.close(session, gateway, key, you_said=you_said, we_did=we_did, reason=reason, by=by)
        if done.survey.closing == closing.TOLD:
            told = showing.count(done.told, "person is", "people are")
            showing.say(f"{key} is closed; {told} told what the school has done.")
        else:
            showing.say(f"{key} is closed, and nobody is told: {done.survey.reason}")

    opening.work(ctx, job)
