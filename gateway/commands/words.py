"""``handbell words``: the translators' catalogues, in a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

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
    from templates import catalogue, languages

    tag = languages.match(language)
    if tag is None:
        raise errors.NotFound(f"“{language}” is not a language that Handbell knows. Write a tag such as so or pt-BR.")
    showing.say(f"Translate {catalogue.start(tag)}, then: handbell words compile")


def coverage(json: options.Json = False) -> None:
    """Show how much of each language is translated and how far it can be trusted, and what was forgotten."""
    from templates import catalogue

    rows = []
    for path in catalogue.po_paths():
        read = catalogue.read_po(path)
        texts = [message for message in read if message.id]
        done = sum(1 for message in texts if _translated(message.string) and not message.fuzzy)
        rows.append({"language": path.parent.parent.name, "state": read.state, "translated": done, "of": len(texts)})
    stale = catalogue.stale()
    if json:
        showing.data({"languages": rows, "stale": stale})
        return
    showing.table(
        ("language", "state", "translated", "of"), [list(row.values()) for row in rows], right="translated, of"
    )
    for sentence in stale:
        showing.say(sentence)


def _translated(string: str | Sequence[str] | None) -> bool:
    return bool(string) if string is None or isinstance(string, str) else all(string)
