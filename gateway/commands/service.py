"""``handbell run``, ``practice``, ``migrate`` and ``doctor``: the installation itself."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import bar, opening, options, showing

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.doctor import Finding
    from gateway.importing.report import Report
    from gateway.practice.setup import Place


def run(
    ctx: typer.Context,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The settings file, also accepted here.")] = None,
) -> None:
    """Run the gateway until it is told to stop; of a trust, all schools, or the one that --school names."""
    if config:
        ctx.obj = opening.Installation(config, opening.installation(ctx).school)
    settings = opening.common(ctx)
    from gateway import logs, wiring

    logs.configure(settings.log.level, settings.log.format)
    if settings.trust.schools is None or settings.school_key:
        wiring.serve(settings)
        return
    from gateway.wiring import together

    unfit = set[str]()

    def leave_out(key: str, sentence: str) -> None:
        unfit.add(key)
        logs.say_left_out(key, sentence)

    # One file that is wrong must not keep the other schools silent after a restart.
    together.serve_all(opening.schools(ctx, left_out=leave_out), settings, unfit=unfit)


def practice(
    folder: Annotated[Path, typer.Option(help="Where to keep the practice school.")] = Path("practice"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web pages.")] = 8080,
    seed: Annotated[int, typer.Option(min=0, help="Which made-up school.")] = 1,
    fresh: Annotated[
        bool,
        typer.Option("--fresh/--keep", help="Delete the school of last time and begin anew; else go on with it."),
    ] = False,
) -> None:
    """Try everything with a made-up school and pretend phones.

    Nothing leaves the machine. A practice school that is there is used again.
    """
    from config import settings as reading
    from gateway import context, logs, wiring
    from gateway.practice import setup

    today = context.utc_now().astimezone().date()
    usable = setup.usable_port(port)
    place, _summary = setup.prepare(folder, seed=seed, port=usable, fresh=fresh, today=today, say=showing.say)
    # Nothing of a real installation may slip in: not even the environment is read.
    settings = reading.load(place.settings, environ={}, credentials=None)
    logs.configure(settings.log.level, settings.log.format)
    with bar.shown("Importing the school") as progress:
        wiring.practise(
            place,
            settings,
            report=_say_imported,
            progress=progress,
            ready=lambda first: _say_ready(place, settings.web.port, first),
        )


def _say_imported(report: Report) -> None:
    counts = report.tally.each()
    pupils, contacts = (showing.count(counts[f"{kind}s"].new, kind) for kind in ("pupil", "contact"))
    showing.say(f"Imported {pupils} and {contacts}.")


def _say_ready(place: Place, port: int, first: str) -> None:
    # As it was called and from here, so that the lines can be copied even where handbell is not on the path.
    here = f"{sys.argv[0]} --config {_path(place.settings)}"
    example = _path(place.notices / "closure.toml")
    showing.say(f"Handbell is running for the practice school. Its phones: http://127.0.0.1:{port}/practice")
    if first:
        showing.say(f"Nobody is there yet. Come in here, once: {first}")
    else:
        showing.say(f"Sign in: http://127.0.0.1:{port}/sign-in (a new password: {here} staff link EMAIL)")
    showing.say("Try in another window:")
    showing.say(f"  {here} notice preview {example}")
    showing.say(f"  {here} notice send {example}")
    showing.say(f"  {here} rehearse absence")
    showing.say(f"  {here} marks import {_path(place.marks)}")
    showing.say(f"  {here} absence list")
    showing.say("Ctrl-C ends it.")


def _path(file: Path) -> Path:
    """A file as seen from here; in full where it is not below here, as nobody can read ``../../tmp/x``."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def migrate(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it is up to date; ends with 1 if not.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Only print the SQL, from an empty database on.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Only try it, and the way back, on a copy of the database.")
    ] = False,
    to: Annotated[
        str, typer.Option(metavar="REVISION", help="Go back to an older revision; what only newer tables hold is lost.")
    ] = "",
    copy: Annotated[bool, typer.Option(help="Copy the database first, as handbell backup make does.")] = True,
    every: Annotated[bool, typer.Option("--all", help="Every school of a trust, one after the other.")] = False,
) -> None:
    """Bring the database to the tables of this version.

    Safe to repeat. Copies the database before it changes anything, and refuses while a daemon runs on it.
    """
    every_one = opening.active_schools(ctx) if every else {"": opening.settings(ctx)}
    for key, settings in every_one.items():
        whose = f"The database of {key}" if key else "The database"
        showing.say(_migrate(ctx, settings, whose, check=check, sql=sql, rehearse=rehearse, to=to, copy=copy))
        if sql:
            return


def _migrate(
    ctx: typer.Context, settings: Settings, whose: str, *, check: bool, sql: bool, rehearse: bool, to: str, copy: bool
) -> str:
    """Do what was asked for with one database. Gives what came of it, to be said."""
    from gateway import migrate as steps
    from gateway import wiring

    url = settings.database.dsn()
    if sql:
        return steps.sql(url)
    if rehearse:
        from gateway.backup import rehearsing

        return asyncio.run(rehearsing.rehearse(url))
    if to:
        steps.must_know(to)
        with wiring.nobody_runs(settings):
            _copy_first(ctx, settings, copy)
            asyncio.run(steps.downgrade(url, to))
        return f"{whose} is back at revision {to}. Install the version that it belongs to."
    if not check:
        _set_up(ctx, settings, copy)
    asyncio.run(steps.check(url))
    return f"{whose} is up to date (revision {steps.head()})."


def _set_up(ctx: typer.Context, settings: Settings, copy: bool) -> None:
    from gateway import migrate as steps
    from gateway import wiring

    at = asyncio.run(steps.at(settings.database.dsn()))
    if at in ("", steps.head()):  # nothing that anybody could lose, or nothing to do
        asyncio.run(wiring.set_up(settings))
        return
    with wiring.nobody_runs(settings):
        if at in steps.known():
            _copy_first(ctx, settings, copy)
        asyncio.run(wiring.set_up(settings))


def _copy_first(ctx: typer.Context, settings: Settings, wanted: bool) -> None:
    if wanted:
        from gateway.commands import backup

        backup.make_one(settings, opening.installation(ctx).config)


def doctor(ctx: typer.Context, json: options.Json = False) -> None:
    """Examine the installation and say what to mend.

    Ends with 1 when something is bad.
    """
    settings = opening.settings(ctx)
    from gateway import doctor as examining
    from gateway import wiring

    files = [path for path in (opening.installation(ctx).config, opening.credentials()) if path]

    async def examined() -> list[Finding]:
        gateway = wiring.build(settings)
        try:
            return await examining.examine(gateway, secret_files=files)
        finally:
            await gateway.database.close()

    findings = asyncio.run(examined())
    if json:
        showing.data([{"name": f.name, "state": f.state, "sentence": f.sentence, "cure": f.cure} for f in findings])
    else:
        showing.table(("", "what", "finding", "cure"), ((f.state, f.name, f.sentence, f.cure) for f in findings))
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)
