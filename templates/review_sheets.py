"""A volunteer's file as a sheet (CSV), for Excel and its like: a row for each text, or for each plural form."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from templates import checking, pofiles

ENTRY: Final = "text"
FOR: Final = "for"
ENGLISH: Final = "English"
WORDS: Final = "translation"
RIGHT: Final = "right? write yes"
HELP: Final = "what it is for"
LANGUAGE: Final = "language"
_YES: Final = frozenset({"yes", "y", "x", "✓", "✔"})
_NO: Final = frozenset({"", "no", "n", "-"})
_ONE: Final = "children: 1"
_COLUMNS: Final = (ENTRY, FOR, ENGLISH, WORDS, RIGHT, HELP, LANGUAGE)


def write(path: Path, letter: pofiles.Po) -> None:
    """Write what waits for a reader; Excel knows UTF-8 by the mark at its beginning."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        sheet = csv.DictWriter(file, _COLUMNS)
        sheet.writeheader()
        places = _places(letter)
        for message in pofiles.texts(letter):
            english, have = pofiles.english(message), pofiles.strings(message)
            forms = letter.num_plurals if message.pluralizable else 1
            for form, words in enumerate((have + ("",) * forms)[:forms]):
                told = [*message.auto_comments, *(f"English before: {old}" for old in message.previous_id)]
                sheet.writerow(
                    {
                        ENTRY: message.context,
                        FOR: places[form] if message.pluralizable else "",
                        ENGLISH: english[0] if message.pluralizable and places[form] == _ONE else english[-1],
                        WORDS: words,
                        HELP: "\n".join(told),
                        LANGUAGE: letter.tag,
                    }
                )


def language_of(path: Path) -> str:
    """Say which language a sheet names, as it stands there; ``""`` where it names none, or several."""
    said = {row[LANGUAGE].strip() for _, row in _rows(path)} - {""}
    return said.pop() if len(said) == 1 else ""


def read(path: Path, found: pofiles.Po) -> tuple[pofiles.Po, list[checking.Finding]]:
    """Read a sheet that came back, as a letter: what has no yes keeps its mark. ``found`` are the texts of today.

    An answer that is neither yes nor no is named. Raises :class:`pofiles.Unreadable`.
    """
    letter, unclear = pofiles.Po(found.tag), list[checking.Finding]()
    known = {message.context: message for message in pofiles.texts(found)}
    rows: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    for line, row in _rows(path):
        pofiles.be_of(row[LANGUAGE], found.tag)
        rows.setdefault(row[ENTRY].strip(), []).append((line, row))
    for entry, forms in rows.items():
        ours = known.get(entry)
        english = [_clean(row[ENGLISH]) for _, row in forms]
        if ours is None or not set(english) <= set(pofiles.english(ours)):
            # Whoever takes it back says that its English is not that of today.
            message = letter.add(english[0], _clean(forms[0][1][WORDS]), context=entry)
        elif ours.pluralizable:
            words = {row[FOR].strip(): _clean(row[WORDS]) for _, row in forms}  # somebody may have sorted the sheet
            message = letter.add(ours.id, tuple(words.get(place, "") for place in _places(letter)), context=entry)
        else:
            message = letter.add(ours.id, _clean(forms[0][1][WORDS]), context=entry)
        message.lineno = forms[0][0]
        said = [(line, row[RIGHT].strip()) for line, row in forms]
        if not all(_plain(answer) in _YES for _, answer in said):
            message.flags.add("fuzzy")
        for line, answer in said:
            if _plain(answer) not in _YES | _NO:
                cure = "Write yes where the text is right, and nothing where it is not."
                unclear.append(checking.Finding(entry, line, f"“{answer}” is no yes.", cure))
    return letter, unclear


def _plain(answer: str) -> str:
    return answer.casefold().rstrip(".! ")


def _places(letter: pofiles.Po) -> list[str]:
    return [f"children: {numbers}" for numbers in letter.rule.examples()]


def _clean(cell: str) -> str:
    return cell.replace("\r\n", "\n").strip()


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise pofiles.Unreadable("It is not in UTF-8. Save it again as: CSV UTF-8.") from error
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)  # some countries' Excel parts cells by semicolons
    sheet = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, restval="")
    missing = [name for name in _COLUMNS[:-2] if name not in (sheet.fieldnames or ())]
    if missing:
        raise pofiles.Unreadable(f"The column “{missing[0]}” is missing.", 1)
    return [(sheet.line_num, {LANGUAGE: "", **row}) for row in sheet]
