"""``handbell words``: the translators' catalogues, in a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import errors
from gateway.commands import options, showing


def extract() -> None:
    """Write the template of all English texts, handbell.pot, afresh."""
    from templates import catalogue

    catalogue.write_template()
    showing.say("handbell.pot is written.")


def update() -> None:
    """Bring every catalogue up to the English.

    Changed texts wait for a translator.
    """
    from templates import catalogue

    catalogue.update()
    showing.say(
        "The catalogues have the texts of today. Translate what is empty or fuzzy, then: handbell words compile"
    )


def compile_all() -> None:
    """Make the catalogues ready for use."""
    from templates import catalogue

    catalogue.compile_all()
    showing.say("The catalogues are compiled.")


def start(
    language: Annotated[str, typer.Argument(metavar="LANGUAGE", help="A tag such as so, or a name such as Somali.")],
) -> None:
    """Begin the catalogue of one more language, as a draft."""
    from templates import catalogue

    path = catalogue.start(tag(language))
    showing.say(f"Translate {path}, then: handbell words check {path} and: handbell words compile")


def check(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[LANGUAGE|FILE]…", help="Languages or .po files; all without any.")
    ] = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Show how many text messages each notice is charged as.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="What is not translated yet is a mistake, too.")] = False,
    json: options.Json = False,
) -> None:
    """Check translations and name every mistake with its line and its cure; without any named, our English too."""
    from templates import catalogue, plain

    if not what and not json:
        for sentence in [*catalogue.stale(), *(f"{where}: {one}" for where, one in plain.lint_library())]:
            showing.say(sentence)
    checked = [_checked(path, language) for path, language in _files(what)]
    if json:
        showing.data([{**one, "findings": [finding._asdict() for finding in one["findings"]]} for one in checked])
    for one in checked if not json else ():
        for finding in one["findings"]:
            level = "" if finding.stops else "perhaps: "
            showing.say(f"{one['file']}:{finding.line}: {level}{finding}")
        showing.say(
            f"{one['file']}: {one['texts']} texts, {one['missing']} to translate, {one['stale']} to look at again."
        )
        if parts:
            rows = [(key, usual, longest) for key, (usual, longest) in one["parts"].items()]
            showing.table(("notice", "usually", "at most"), rows, title="Parts", right="usually, at most")
    wrong = any(finding.stops for one in checked for finding in one["findings"])
    if wrong or (whole and any(one["missing"] or one["stale"] for one in checked)):
        raise typer.Exit(1)


def tag(language: str) -> str:
    """The tag of a language by any of its names. Raises :class:`errors.NotFound`."""
    from templates import languages

    found = languages.match(language)
    if found is None:
        raise errors.NotFound(f"“{language}” is not a language that Handbell knows. Write Somali, or a tag such as so.")
    return found


def _files(what: Sequence[str] | None) -> list[tuple[Path, str]]:
    """The catalogues that are meant, each with its language."""
    from templates import catalogue, pofiles

    ours = pofiles.paths(catalogue.locale())
    if not what:
        return [(path, language) for language, path in ours.items()]
    found: list[tuple[Path, str]] = []
    for one in what:
        path = Path(one)
        language = pofiles.language_of(path) if path.is_file() else tag(one)
        if language is None:
            raise errors.NotFound(
                f"{one} does not say which language it is in. Name it like so.po, or put Language in it."
            )
        if not path.is_file() and language not in ours:
            raise errors.NotFound(f"There are no words in {one} yet. Begin them: handbell words start {language}")
        found.append((path if path.is_file() else ours[language], language))
    return found


def _checked(path: Path, language: str) -> dict[str, Any]:
    from templates import checking, pofiles

    findings = checking.check_file(path, language)
    try:
        read = pofiles.read(path, language)
    except pofiles.Unreadable:
        read = pofiles.Po(language)
    counted = checking.waiting(read)._asdict()
    return {"file": str(path), "language": language, "findings": findings, **counted, "parts": checking.parts(read)}
