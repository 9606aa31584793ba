"""``handbell words review``, ``accept``, ``export``, ``import``: translations read by people who speak the language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing
from gateway.commands.words import tag

if TYPE_CHECKING:
    from gateway.context import Gateway
    from templates import states
    from templates.reviewing import Taken

_SHOWN = 20  #: texts of a file that are named as not usable: an old file would fill the screen

Language = Annotated[str, typer.Argument(metavar="LANGUAGE", help="A tag such as so, or a name such as Somali.")]
By = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Who speaks the language, has read it and stands for it.")
]
Checkout = Annotated[
    bool, typer.Option("--checkout", help="Handbell's own catalogues, in a checkout, instead of the school's folder.")
]


#: What goes with the words of every notice, without which they are a draft.
_WITH_EVERY = {"phrases/message": "Texts and emails go with", "phrases/call": "Calls go with"}


def review(ctx: typer.Context, language: Language, checkout: Checkout = False, json: options.Json = False) -> None:
    """List the texts of a language that nobody who speaks it has read."""
    from templates import reviewing

    found = reviewing.waiting(tag(language), _folder(ctx, checkout))
    if json:
        showing.data([text._asdict() for text in found])
        return
    for text in found:
        showing.say(f"{text.entry} ({text.state})")
        for line in dict.fromkeys((*text.english, *filter(None, text.translated))):
            showing.say("    " + line.replace("\n", "\n    "))
    showing.say(
        f"{showing.count(len(found), 'text')} to be read. For a volunteer: handbell words export {language} FILE.po"
    )


def accept(
    ctx: typer.Context,
    language: Language,
    author: options.As,
    by: By,
    entries: Annotated[
        list[str] | None, typer.Argument(metavar="[ENTRY]…", help="Texts or whole notices, as absence_check.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All texts of the language.")] = False,
    checkout: Checkout = False,
) -> None:
    """Mark texts as read and right, by a person who speaks the language."""
    from templates import reviewing

    if bool(entries) == everything:
        raise errors.NotFound("Name the texts or notices that were read, or say --all.")
    chosen = tag(language)

    def deed(folder: Path, mark: states.Review) -> Taken:
        try:
            return reviewing.accept(chosen, folder, entries or (), mark)
        except LookupError as error:
            cure = f"handbell words review {language} lists them all."
            raise errors.NotFound(f"There is no text and no notice “{error}”: {cure}") from None

    _told(_done(ctx, deed, chosen, by=by, author=author, checkout=checkout))
    unread = [one.entry for one in reviewing.waiting(chosen, _folder(ctx, checkout))]
    for group, goes in _WITH_EVERY.items():
        if number := sum(entry.startswith(f"{group}/") for entry in unread):
            showing.say(
                f"{goes} {showing.count(number, 'more text')} of {group} that nobody has read, and wait for them."
            )


def export(
    ctx: typer.Context,
    language: Language,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write: a .po for Poedit, or a .csv for Excel.")],
    checkout: Checkout = False,
) -> None:
    """Write what waits for a reader into a file for a volunteer. Nobody's data is in it: its names are made up."""
    from templates import reviewing

    try:
        number = reviewing.export(tag(language), _folder(ctx, checkout), file)
    except OSError as error:
        raise errors.NotReady(f"{file} cannot be written: {error.strerror}.") from None
    back = f"handbell words import {file} --language {tag(language)} --by NAME"
    showing.say(f"{file} has {showing.count(number, 'text')}. When it comes back: {back}")


def take_back(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file of a volunteer.")],
    author: options.As,
    by: By,
    language: Annotated[
        str, typer.Option(metavar="LANGUAGE", help="Which it is in, where the file does not say.")
    ] = "",
    checkout: Checkout = False,
    json: options.Json = False,
) -> None:
    """Take a volunteer's file: what is not marked any more, or has a yes, was read and is right as it stands.

    What cannot be used is named with its line and its cure; the rest is taken.
    """
    from templates import pofiles, reviewing

    if not file.is_file():
        raise errors.NotFound(f"There is no file {file}.")
    try:
        chosen = tag(language) if language else reviewing.language_of(file)
    except pofiles.Unreadable as error:
        raise errors.BadInput([errors.Problem(str(error), file=str(file), line=error.line)]) from error
    if chosen is None:
        raise errors.NotFound(f"{file} does not say which language it is in. Say it: --language so")

    def deed(folder: Path, mark: states.Review) -> Taken:
        try:
            return reviewing.take_back(file, chosen, folder, mark)
        except pofiles.Unreadable as error:
            raise errors.BadInput([errors.Problem(str(error), file=str(file), line=error.line)]) from error

    taken = _done(ctx, deed, chosen, by=by, author=author, checkout=checkout)
    if json:
        refused = [finding._asdict() for finding in taken.refused]
        showing.data({"accepted": taken.accepted, "changed": taken.changed, "unread": taken.unread, "refused": refused})
    else:
        for finding in taken.refused[:_SHOWN]:
            showing.say(f"{file}:{finding.line}: {finding}")
        if len(taken.refused) > _SHOWN:
            showing.say(f"… and {len(taken.refused) - _SHOWN:,} more, which --json would list.")
        _told(taken)
    if taken.refused:
        raise typer.Exit(1)


def _folder(ctx: typer.Context, checkout: bool) -> Path:
    from gateway import own_words
    from templates import catalogue

    return catalogue.locale() if checkout else own_words.folder(opening.settings(ctx))


def _done(
    ctx: typer.Context,
    deed: Callable[[Path, states.Review], Taken],
    language: str,
    *,
    by: str,
    author: str,
    checkout: bool,
) -> Taken:
    """Do it and write it down: in the audit log of the school whose folder it is, in the history of a checkout."""
    from gateway import own_words
    from templates import catalogue, states

    name = " ".join(by.split())
    if not name or len(name) > states.LONGEST_NAME:
        raise errors.NotFound(f"Give --by a name of at most {states.LONGEST_NAME} letters.")
    if checkout:
        taken = deed(catalogue.locale(), states.Review(name, date.today().isoformat()))  # noqa: DTZ011 no school, no zone
        catalogue.compile_all()
        return taken

    async def job(gateway: Gateway) -> Taken:
        mark = states.Review(name, gateway.today().isoformat())
        async with gateway.database.write() as session:
            taken = deed(own_words.folder(gateway.settings), mark)
            now = gateway.now()
            await own_words.note(session, gateway.log, taken, language=language, name=name, by=author, now=now)
        return taken

    return opening.work(ctx, job)


def _told(taken: Taken) -> None:
    read = len(taken.accepted) + len(taken.changed)
    left = f" {showing.count(taken.unread, 'text')} still to be read or translated." if taken.unread else ""
    showing.say(f"{showing.count(read, 'text')} read, of which {len(taken.changed)} changed.{left}")
    if read:
        showing.say("They are used from the next start of Handbell on.")
