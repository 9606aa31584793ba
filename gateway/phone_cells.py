"""A telephone cell as offices type them: one number or several, with notes beside them, or something else altogether.

Never guessed: digits that could be joined in two ways are refused, and a number that lost its first 0 is only taken
where every other digit of the cell is understood too. Of a bad number beside a good one, the bad one is reported.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gateway import numbers, phone_notes
from gateway.errors import Problem
from gateway.models.types import LineType
from gateway.numbers import Number


@dataclass(frozen=True, slots=True)
class Cell:
    """The numbers in the order of the cell, and what in it was not taken and why. One of the two may be empty."""

    numbers: tuple[Number, ...]
    problems: tuple[Problem, ...] = ()


_LONE = re.compile(r"[+0][\d ]*")
_RUN = re.compile(r"[+(]*\d(?:[ ().\-]*\d)*")
_BREAK = re.compile(r"[/,;|&\n]|\b(?:or|and)\b", re.IGNORECASE)
#: What word processors make of a minus and an apostrophe.
_MARKS = {"−": "-", **dict.fromkeys("’‘´ʼ", "'")}
_EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)

#: Fewer digits than these cannot be a number, or two whole ones; more than the last cannot be one.
_A_NUMBER, _TWO_NUMBERS, _ONE_NUMBER = 7, 16, 18
_MOST_CHUNKS = 24
_LONGEST = 500  #: characters; a longer cell is no cell of numbers, and slow to search

_NOTHING = Problem("There is no telephone number in this cell.", "Write one number, or leave the cell empty.")
_WORDS = Problem("There are words but no telephone number in this cell.", "Write a number, or leave the cell empty.")
_LETTER = Problem(
    "A letter stands where a digit should be.", "Check the number with the family and write it with digits only."
)
_RUN_TOGETHER = Problem(
    "There is more than one telephone number in this cell, or one with a digit too many, and nobody can tell where one "
    "ends.",
    "Put a comma or a stroke between the numbers, or each into a column of its own.",
)
_TWO_WAYS = Problem(
    "The digits in this cell can be read as different telephone numbers.",
    "Put a comma or a stroke between the numbers, or each into a column of its own.",
)
_TOO_LONG = Problem(
    "There is far more in this cell than telephone numbers.", "Leave only the numbers and short notes in it."
)
_LONELY = Problem(
    "A number without its first nought stands beside something that cannot be read, and may belong to it.",
    "Write each number whole, with a comma or a stroke between them.",
)


def read(raw: str, *, region: str = numbers.HOME) -> Cell:
    """Read a cell. ``region`` is where a number without a country code belongs (ISO 3166).

    Gives at least one number or one problem. Problems quote no digit.
    """
    if len(raw) > _LONGEST:
        return Cell((), (_TOO_LONG,))
    text = _plain(raw)
    if _LONE.fullmatch(text) and sum(map(str.isdigit, text)) < _TWO_NUMBERS:
        return _cell([numbers.read(text, region=region)])
    for pattern, problem in phone_notes.WHOLE:
        if pattern.fullmatch(text):
            return Cell((), (problem,))
    if phone_notes.LETTERS_FOR_DIGITS.search(text):
        return Cell((), (_LETTER,))
    text, problems = phone_notes.strangers(text)
    text = phone_notes.hide(text)
    runs = list(_RUN.finditer(text))
    if not problems and sum(map(str.isdecimal, text)) < _A_NUMBER and (not runs or any(map(str.isalpha, text))):
        return Cell((), (_WORDS if any(map(str.isalpha, text)) else _NOTHING,))
    return _cell([*(_numbers(text, runs, region) if runs else ()), *problems])


def _cell(found: Sequence[Number | Problem]) -> Cell:
    problems = list(dict.fromkeys(one for one in found if isinstance(one, Problem)))
    read = list[Number]()
    for one in found:
        if isinstance(one, Number) and problems and not one.plain:
            problems.append(_LONELY)
        elif isinstance(one, Number) and one.e164 not in (known.e164 for known in read):
            read.append(one)
    return Cell(tuple(read), tuple(dict.fromkeys(problems)))


def _numbers(text: str, runs: Sequence[re.Match[str]], region: str) -> Iterator[Number | Problem]:
    ends = [0, *(run.end() for run in runs)]
    starts = [*(run.start() for run in runs), len(text)]
    gaps = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    notes = _notes(gaps)
    for run, (before, after) in zip(runs, notes, strict=True):
        split = _split(run[0], region)
        if isinstance(split, Problem):
            yield split
            continue
        for index, number in enumerate(split):
            sides = (before if index == 0 else "", after if number is split[-1] else "")
            yield _noted(number, sides)


def _noted(number: Number, sides: tuple[str, str]) -> Number | Problem:
    label = " ".join(filter(None, map(phone_notes.label, sides)))
    if objection := phone_notes.objection(" ".join(sides)):
        return objection
    line_type = LineType.OTHER if phone_notes.no_texts(label) else number.line_type
    return replace(number, label=label, line_type=line_type)


def _notes(gaps: Sequence[str]) -> list[tuple[str, str]]:
    """The words before and after each number that are its own, out of the gaps around and between the numbers."""
    before, after = [gaps[0], *[""] * (len(gaps) - 2)], [*[""] * (len(gaps) - 2), gaps[-1]]
    leads, trails = bool(phone_notes.label(gaps[0])), bool(phone_notes.label(gaps[-1]))
    for index, gap in enumerate(gaps[1:-1]):
        first, *middle, last = parts if len(parts := _BREAK.split(gap)) > 1 else _sided(gap, leads=leads, trails=trails)
        words = " ".join(middle)
        after[index] = first if leads else f"{first} {words}"
        before[index + 1] = f"{words} {last}" if leads else last
    return list(zip(before, after, strict=True))


def _sided(gap: str, *, leads: bool, trails: bool) -> list[str]:
    """Words between two numbers with nothing to part them: as brackets or colons say, or as elsewhere in the cell."""
    bare = gap.strip()
    if bare.startswith(("(", "[")) and bare.endswith((")", "]")):
        return [gap, ""]
    if bare.endswith((":", "=")) or leads > trails:
        return ["", gap]
    if trails > leads:
        return [gap, ""]
    # Nobody can tell whose they are. What forbids a number is heeded for both, and no label is made of the rest.
    return [gap, gap] if phone_notes.objection(gap) else ["", ""]


def _split(run: str, region: str) -> Sequence[Number] | Problem:
    """The numbers of a run of digits with nothing but spaces, brackets, dots and dashes between them."""
    if sum(map(str.isdigit, run)) < _TWO_NUMBERS:
        number = numbers.read(run, region=region)
        return number if isinstance(number, Problem) else [number]
    chunks = [match.span() for match in re.finditer(r"[+(]*\d+", run)]
    if len(chunks) > _MOST_CHUNKS:
        return _RUN_TOGETHER
    ways = _ways(run, chunks, region, known={})
    if len(ways) > 1:
        return _TWO_WAYS
    return ways[0] if ways else _RUN_TOGETHER


def _ways(
    run: str, chunks: Sequence[tuple[int, int]], region: str, *, known: dict[int, list[list[Number]]]
) -> list[list[Number]]:
    """Every way to part the chunks into whole numbers; ``known`` are those from each number of chunks left."""
    if not chunks:
        return [[]]
    if len(chunks) not in known:
        found = list[list[Number]]()
        for end in range(1, len(chunks) + 1):
            written = run[chunks[0][0] : chunks[end - 1][1]]
            if sum(map(str.isdigit, written)) > _ONE_NUMBER:
                break
            number = numbers.read(written, region=region)
            if isinstance(number, Number):
                found += [[number, *rest] for rest in _ways(run, chunks[end:], region, known=known)]
        known[len(chunks)] = found
    return known[len(chunks)]


def _plain(raw: str) -> str:
    """Undo what spreadsheets and copying put around a number: invisible marks, quotes, long dashes, ``.0``."""
    text = raw if raw.isascii() else "".join(map(_ascii, raw))
    text = re.sub(r"[^\S\n]+", " ", re.sub(r"[\r\n\v\f]+", "\n", text)).strip()
    if wrapped := _EXCEL_TEXT.fullmatch(text):
        text = wrapped[1].strip()
    text = re.sub(r"^(?:['`=]+|tel:)\s*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\[\s*0\s*\]", "(0)", text)
    text = re.sub(r"(?<=\d)\s*\+\s+", " ; ", text)
    return re.sub(r"^(\d+)\.0+$", r"\1", re.sub(r"\+\s+(?=[\d(])", "+", text))


def _ascii(character: str) -> str:
    """A digit, dash, space or plus of any script as ours; a raised or circled digit stays what it is: a mark."""
    match unicodedata.category(character):
        case "Nd":
            return str(unicodedata.decimal(character))
        case "Cf" | "Co" | "Cs":
            return ""
        case "Pd":
            return "-"
        case "Zs":
            return " "
        case "Zl" | "Zp":
            return "\n"
        case "No" | "Nl":
            return character
    return _MARKS.get(character) or unicodedata.normalize("NFKC", character)
