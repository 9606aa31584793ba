"""``handbell voice``: what to record for languages that no machine voice speaks, and how much of it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing, words

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.voicebank import bank, coverage
    from templates import aloud

Language = Annotated[str, typer.Argument(metavar="LANGUAGE", help="Urdu, or ur.")]
_CODE = re.compile(r"[0-9a-f]{12}")
_SHOWN = 4  #: pieces of a notice that a table names


def script(
    ctx: typer.Context,
    language: Language,
    notice: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only what the call of this definition says, its free words too."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is recorded already.")] = False,
    json: options.Json = False,
) -> None:
    """Print what to read aloud: each line with the code that the name of its file must begin with."""
    tag = words.tag(language)

    async def job(gateway: Gateway) -> None:
        from gateway.voicebank import bank

        async with gateway.database.read() as session:
            there = await bank.load(session)
        lines = _of_definition(gateway, notice, tag) if notice else _of_language(tag)
        wanted = [line for line in lines if every or there.find(tag, line.piece) is None]
        rows = [(_code(tag, line.piece), line.where, line.piece.words) for line in wanted]
        if json:
            showing.data([{"code": code, "where": where, "words": words} for code, where, words in rows])
            return
        showing.table(("code", "where", "say"), rows, title=f"To be recorded in {_named(tag)}")
        showing.remark("Save each as WAV or MP3, named by its code: " + (f"{rows[0][0]}.wav" if rows else "…"))

    opening.work(ctx, job)


def invite(ctx: typer.Context, language: Language, actor: options.As) -> None:
    """Let somebody record phrases by telephone: a code, and the numbered list to read from."""
    tag = words.tag(language)

    async def job(gateway: Gateway) -> None:
        from gateway.phone_line import studio

        if not gateway.lines:
            raise errors.Conflict("Nobody can ring: phone_line.enabled is not set (docs/phone-line.md).")
        async with gateway.database.write() as session:
            code, ends = await studio.invite(session, gateway, tag, by=actor)
        rows = [(str(number), line.where, line.piece.words) for number, line in enumerate(_of_language(tag), 1)]
        showing.table(("no.", "where", "say"), rows, title=f"To be said in {_named(tag)}")
        until = showing.when(ends, gateway.timezone)
        showing.say(f"Ring the school's number, press *, and key {code}. The code is good until {until}.")

    opening.work(ctx, job)


def import_files(
    ctx: typer.Context,
    language: Language,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="WAV or MP3; the name begins with the code.")],
    actor: options.As,
    notice: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The definition whose free words are among them.")
    ] = None,
) -> None:
    """Take recordings over: all of them or, where one is wrong, none."""
    tag = words.tag(language)

    async def job(gateway: Gateway) -> None:
        from gateway.voicebank import bank

        lines = [*_of_language(tag), *(_of_definition(gateway, notice, tag) if notice else ())]
        recordings = _matched(tag, lines, files)
        async with gateway.database.write() as session:
            for one in recordings:
                await bank.keep(session, one, by=actor, log=gateway.log, now=gateway.now())
        showing.say(
            f"Kept: {showing.count(len(recordings), 'recording')}. handbell voice status shows what is to be said."
        )

    opening.work(ctx, job)


def status(
    ctx: typer.Context,
    language: Annotated[str, typer.Argument(metavar="[LANGUAGE]", help="One language, notice by notice.")] = "",
    json: options.Json = False,
) -> None:
    """Show, for languages without a machine voice, which notices a call can say whole, and what is missing."""
    tag = words.tag(language) if language else ""

    async def job(gateway: Gateway) -> None:
        from gateway.voicebank import bank, coverage

        async with gateway.database.read() as session:
            there = await bank.load(session)
            heard = await coverage.families(session)
            if tag:
                found = [coverage.of(there, tag, families=heard.get(tag, 0))]
            else:
                found = await coverage.every(session, there, gateway.speaks)
        if json:
            showing.data([_plain(one) for one in found])
        elif tag:
            _show_notices(found[0])
        else:
            _show_languages(found)
        if not gateway.public_url:
            showing.remark("Nothing of it is played: web.public_base_url is not set, so no provider can fetch it.")

    opening.work(ctx, job)


def forget(
    ctx: typer.Context,
    language: Language,
    actor: options.As,
    codes: Annotated[list[str] | None, typer.Argument(metavar="[CODE…]", help="The codes of recordings.")] = None,
    old: Annotated[bool, typer.Option("--old", help="Those whose words no call says any more.")] = False,
) -> None:
    """Throw recordings away."""
    tag = words.tag(language)

    async def job(gateway: Gateway) -> None:
        from gateway.voicebank import bank
        from templates import aloud

        async with gateway.database.write() as session:
            there = await bank.load(session)
            said = set(codes or ())
            if old:
                current = {aloud.fingerprint(tag, line.piece.words) for line in aloud.script(tag)}
                said |= there.clips.get(tag, {}).keys() - current
            gone = await bank.forget(session, tag, said, by=actor, log=gateway.log, now=gateway.now())
        showing.say(f"Gone: {showing.count(gone, 'recording')}.")

    opening.work(ctx, job)


def _named(tag: str) -> str:
    from templates import languages

    return languages.english(tag)


def _of_language(tag: str) -> list[aloud.Line]:
    from templates import aloud

    found = aloud.script(tag)
    if not found:
        raise errors.NotFound(
            f"There are no words in {_named(tag)} yet: handbell words coverage shows what is translated."
        )
    return found


def _of_definition(gateway: Gateway, file: Path, tag: str) -> list[aloud.Line]:
    """What one notice says in a call, but for the names of children."""
    from gateway import wording
    from gateway.definitions import reading
    from templates import aloud

    definition = reading.read_file(file)
    composer = wording.Composer(definition, gateway.school(), lambda _: False)
    return [aloud.Line(piece, definition.key) for piece in composer.to_record(tag)]


def _code(tag: str, piece: aloud.Piece) -> str:
    from templates import aloud

    return aloud.fingerprint(tag, piece.words)


def _matched(tag: str, lines: Sequence[aloud.Line], files: Sequence[Path]) -> list[bank.Recording]:
    """Which words each file says, by the code that its name begins with. Raises :class:`errors.BadInput`."""
    from gateway.voicebank import bank

    known = {_code(tag, line.piece): line.piece.words for line in lines}
    problems, found = list[errors.Problem](), list[bank.Recording]()
    for file in files:
        code = _CODE.match(file.name.lower())
        if code is None or code[0] not in known:
            cure = f"Begin its name with a code of handbell voice script {tag}."
            problems.append(errors.Problem("nobody can tell which words this file says.", cure, str(file)))
            continue
        try:
            found.append(bank.Recording(tag, known[code[0]], file.read_bytes(), str(file)))
        except OSError as error:
            problems.append(errors.Problem(f"this file cannot be read: {error.strerror}.", "", str(file)))
    if problems:
        raise errors.BadInput(problems)
    return found


def _show_languages(found: Sequence[coverage.Language]) -> None:
    rows = [
        (
            one.tag,
            str(one.families),
            f"{one.recorded} of {one.wanted}" if one.wanted else "no words yet",
            str(one.old or ""),
            f"{sum(notice.whole for notice in one.notices)} of {len(one.notices)}",
        )
        for one in found
    ]
    showing.table(("language", "families", "recorded", "out of date", "notices that can be said"), rows)


def _show_notices(found: coverage.Language) -> None:
    rows = [
        (notice.key, "yes" if notice.whole else "no", _missing(notice), "yes" if notice.free else "")
        for notice in found.notices
    ]
    title = f"{_named(found.tag)}: {found.recorded} of {found.wanted} recorded, for {found.families} families"
    showing.table(("notice", "can be said", "missing", "words of the day"), rows, title=title)


def _missing(notice: coverage.Notice) -> str:
    few = ", ".join(piece.words for piece in notice.missing[:_SHOWN])
    more = len(notice.missing) - _SHOWN
    return few + (f" and {more} more" if more > 0 else "")


def _plain(one: coverage.Language) -> dict[str, Any]:
    return {
        "language": one.tag,
        "families": one.families,
        "recorded": one.recorded,
        "wanted": one.wanted,
        "out_of_date": one.old,
        "notices": list(_notices(one.notices)),
    }


def _notices(found: Sequence[coverage.Notice]) -> Iterator[dict[str, Any]]:
    for one in found:
        missing = [piece.words for piece in one.missing]
        yield {"key": one.key, "can_be_said": one.whole, "missing": missing, "words_of_the_day": one.free}
