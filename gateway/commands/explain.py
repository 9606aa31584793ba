"""``handbell explain``: how Handbell reads a text or a cell, and why."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import lines, opening, showing
from gateway.commands import words as naming

if TYPE_CHECKING:
    from gateway.numbers import Number
    from gateway.phone_cells import Cell
    from templates.segments import Segments

Text = Annotated[str | None, typer.Argument(metavar="TEXT", help="The text, in quotes.")]
Jsonl = Annotated[
    bool,
    typer.Option("--jsonl", help='Read {"id", "text"} objects from standard input, one a line, and answer each.'),
]

_MOST_NAMED = 5


def segments(text: Text = None, jsonl: Jsonl = False) -> None:
    """Count the parts of a text message as it stands, and say what decides."""
    from templates import segments as counting

    if lines.asked(text, jsonl, lambda one: _count(counting.count(one))):
        return
    given = text or ""
    counted = counting.count(given)
    showing.say(f"{counted.encoding}, {showing.count(counted.parts, 'part')}.")
    lone, joined = counting.SIZES[counted.encoding]
    units = "septets" if counted.encoding == "GSM-7" else "UTF-16 units"
    showing.say(f"It has {counted.units} {units}; one part holds {lone}, each of several {joined}.")
    if counted.encoding == "UCS-2":
        showing.say(f"Not in the GSM alphabet: {_named(given, counting.GSM)}.")
    showing.say(_saving(counted, counting.count(counting.tidy(given))))


def words(
    ctx: typer.Context,
    text: Text = None,
    jsonl: Jsonl = False,
    language: Annotated[str, typer.Option(help="The language of the text, such as pl.")] = "en",
) -> None:
    """Say what families would stumble over in the words of a notice, and what to write instead."""
    from templates import plain

    language = naming.tag(language)

    def found(one: str) -> list[plain.Finding]:
        folded = language in opening.fold_accents(ctx)
        return plain.lint(one, language=language, part_pence=opening.part_pence(ctx), folded=folded)

    if lines.asked(text, jsonl, lambda one: {"findings": [dataclasses.asdict(f) for f in found(one)]}):
        return
    given = text or ""
    for one in found(given):
        showing.say(f"{'Wrong' if one.level == 'error' else 'Better'}: {one}")
    if language == "en" and (age := plain.reading_age(given)):
        showing.say(f"Its reading age is {age:.0f} years.")
    segments(given)


def opt_out(ctx: typer.Context, text: Text = None, jsonl: Jsonl = False) -> None:
    """Say whether a reply is a word by which people stop, restart or ask about texts, or words that end a topic."""
    from gateway import optout
    from gateway.preferences import topics

    if lines.asked(text, jsonl, lambda one: {"keyword": optout.read(one).keyword}):
        return
    if said := topics.read(text or "", opening.topics(ctx)):
        ends = "ends it for that phone alone" if said.stop else "brings it back to that phone"
        showing.say(f"topic {said.topic}: the whole message names a topic, and {ends}.")
        return
    reading = optout.read(text or "")
    showing.say(f"{reading.keyword or 'no keyword'}: {reading.because}")


def number(
    cell: Annotated[str | None, typer.Argument(metavar="CELL", help="What the cell says, in quotes.")] = None,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help='Read {"id", "raw"} objects from standard input, one a line, and answer each.'),
    ] = False,
) -> None:
    """Say which telephone numbers a cell of an import holds, and why not."""
    from gateway import phone_cells

    def read_cell(raw: str) -> Mapping[str, object]:
        return _numbers(phone_cells.read(raw))

    if lines.asked(cell, jsonl, read_cell, key="raw", takes=str | int | float, failed=_no_numbers, argument="cell"):
        return
    read = phone_cells.read(cell or "")
    for one in read.numbers:
        showing.say(f"{one.e164}: {_kind(one)}{f' ({one.label})' if one.label else ''}.")
    for problem in read.problems:
        showing.say(str(problem))


def _numbers(cell: Cell) -> Mapping[str, object]:
    found = [{"e164": one.e164, "kind": one.line_type.value, "sms": one.sms} for one in cell.numbers]
    kinds = f"Read as {' and '.join(map(_kind, cell.numbers))}." if found else ""
    return {"numbers": found, "why": " ".join(filter(None, (kinds, *map(str, cell.problems))))}


def _no_numbers(why: str) -> Mapping[str, object]:
    return {"numbers": [], "why": why, "error": why}


def _kind(number: Number) -> str:
    kind = "another sort of number" if number.line_type == "other" else f"a {number.line_type}"
    return f"{kind} that {'may be texted' if number.sms else 'is only called'}"


def _count(counted: Segments) -> Mapping[str, object]:
    return {"encoding": counted.encoding, "segments": counted.parts}


def _named(text: str, alphabet: Iterable[str]) -> str:
    """The characters that are outside the alphabet, by name, as many as anybody wants to read."""
    outside = sorted(set(text) - set(alphabet))
    more = len(outside) - _MOST_NAMED
    return ", ".join(map(_name, outside[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")


def _name(character: str) -> str:
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    return f"{character} {name}" if character.isprintable() else name


def _saving(before: Segments, after: Segments) -> str:
    """What Handbell's own tidying would make of it."""
    if (after.encoding, after.parts) == (before.encoding, before.parts):
        return "Handbell's tidying (plain quotes, dashes and spaces) would change nothing about that."
    saved = showing.count(before.parts - after.parts, "part") if after.parts < before.parts else "no part"
    return (
        f"Handbell tidies it before sending (plain quotes, dashes and spaces): "
        f"{after.encoding}, {showing.count(after.parts, 'part')}, so {saved} is saved."
    )
