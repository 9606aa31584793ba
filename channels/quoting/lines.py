"""What one line, or a few together, are: quoted, the line above a quotation, or the headers of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from channels.quoting import marks

_MOST_HEADING_LINES, _LONGEST_HEADING = 5, 500
_MOST_BLOCK_LINES = 12
_FOLDED = 60  #: characters of a line that a program may have folded
_ADDRESS = r"[\w.+%'-]{1,80}@[\w.-]{1,100}"
_DATE = re.compile(
    r"(?:19|20|25|14)\d\d|\d{1,2}\s?[:.h]\s?\d\d|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}\s?[月/]\s?\d{1,2}|"
    r"\b\d{1,2}\.?\s+[^\W\d]{3,12}\b|\b[A-Z][a-z]{2,9}\.?\s+\d{1,2}\b"
)
_HAS_ADDRESS = re.compile(_ADDRESS)
_NAMED = re.compile(rf"<\s*(?:mailto:)?{_ADDRESS}[^>]{{0,200}}>|\[(?:mailto:)?{_ADDRESS}\]|\({_ADDRESS}\)")
_ENDS = re.compile(r"[:：﹕]\s*[*_]{0,2}$|-{2,}$|>$|\bwrote$|写道$|wrote\.$")
_QUOTE = re.compile(r"^\s{0,4}(?:>|＞|&gt;|»\s|\|(?:\s|$))")
_SHARED = re.compile(r"^(?P<own>.{1,200}?\S)\s+(?:On|Le|Am|El|Il|Em|Op|W dniu|Dnia)\s+(?=\S{1,12},?\s).{1,300}$")
_RULE = re.compile(r"^\s*[_=\-–—*]{5,}\s*$")


def is_quoted(line: str, above: str = "") -> bool:
    """Whether the line carries the mark of a quotation, rather than the end of an address that was folded."""
    if not _QUOTE.match(line) or re.match(r"^\s*>{2,}.{0,200}<{2,}\s*$", line):
        return False
    return not (above.rfind("<") > above.rfind(">") and re.match(r"^\s{0,4}>{1,2}[^>]{0,30}[:：]\s*$", line))


def broken_quotes(lines: Sequence[str], *, kinds_quoted: Sequence[bool]) -> Iterator[int]:
    """Give lines that a program broke out of a quotation by folding it: between quoted ones, within brackets."""
    for at in range(1, len(lines) - 1):
        if kinds_quoted[at] or not lines[at] or not (kinds_quoted[at - 1] and kinds_quoted[at + 1]):
            continue
        above = lines[at - 1]
        open_bracket = any(above.count(left) > above.count(right) for left, right in ("()", "[]"))
        goes_on = len(above) >= _FOLDED and above[-1] not in ".?!:;" and lines[at][:1].islower()
        if open_bracket or goes_on:
            yield at


def heading_begin(lines: Sequence[str], at: int, *, quoted_next: bool) -> int | None:
    """Where the line above a quotation ("On Monday, X wrote:") begins that ends here; None when none does."""
    if not _ENDS.search(lines[at]):
        return None
    shortest: int | None = None
    for size in range(1, _MOST_HEADING_LINES + 1):
        begin = at - size + 1
        if begin < 0 or not lines[begin] or is_quoted(lines[begin], lines[begin - 1]):
            break
        joined = " ".join(line.strip() for line in lines[begin : at + 1])
        if len(joined) > _LONGEST_HEADING:
            break
        if _is_heading(joined, quoted_next=quoted_next):
            if _opens(lines[begin]):
                return begin
            shortest = begin if shortest is None else shortest
    if shortest is not None:
        return shortest
    if quoted_next and before_heading(lines[at]):
        return at
    return None


def before_heading(line: str) -> str:
    """Give own words that share a line with a heading, ``""`` where there are none."""
    found = _SHARED.match(line)
    if not found or _opens(line):
        return ""
    return found["own"] if _is_heading(line[len(found["own"]) :].strip(), quoted_next=True) else ""


def _is_heading(joined: str, *, quoted_next: bool) -> bool:
    wrote, dated = bool(_wrote().search(joined.lower())), bool(_DATE.search(joined))
    named = bool(_NAMED.search(joined))
    ends = bool(re.search(r"[:：﹕]\s*[*_]{0,2}$|-{2,}$", joined))
    if wrote and ends and (named or (dated and (_opens(joined) or quoted_next))):
        return True
    if named and dated and re.search(r"[>\])]\W{0,4}[:：]\W{0,3}$", joined):
        return True
    if wrote and dated and _HAS_ADDRESS.search(joined) and ends:
        return True
    if quoted_next and named and dated and joined.endswith(">"):
        return True
    return quoted_next and wrote and ends and len(joined) < 100 and bool(re.match(r"[^\W\d_]+[ ,]+\S", joined))


def _opens(line: str) -> bool:
    """Whether a line begins as such lines do: a word for "on", a day, a date."""
    line = re.sub(r"^[\s*_-]+", "", line)
    return bool(_openers().match(line.lower())) or bool(
        re.match(r"\d|[^\W\d_]{2,12}[.,،、]\s?\d|[^\W\d_]{2,14},\s", line)
    )


@cache
def _wrote() -> re.Pattern[str]:
    """A verb; in scripts with words apart it must be a word."""
    every = sorted(set(marks.WROTE), key=len, reverse=True)
    return re.compile("|".join(rf"(?<![a-zа-я]){re.escape(word)}(?![a-zа-яє-ї])" for word in every))


@cache
def _openers() -> re.Pattern[str]:
    every = sorted(set(marks.OPENERS), key=len, reverse=True)
    return re.compile("(?:" + "|".join(map(re.escape, every)) + r")(?:[\s,،:]|(?=\d))")


def break_size(lines: Sequence[str], at: int) -> int:
    """How many lines from here announce that all that follows is quoted; 0 when this line does not."""
    if _is_announced(lines[at]):
        return 1 + _block_size(lines, at + 1)
    if _RULE.match(lines[at]):
        size = _block_size(lines, at + 1)
        return 1 + size if size else 0
    return _block_size(lines, at)


def _is_announced(line: str) -> bool:
    """ "-----Original Message-----" in any language, or "Begin forwarded message:"."""
    if len(line) > 120:
        return False
    bare = re.sub(r"^[\s*_=>-]+|[\s*_=:-]+$", "", line.replace("–", "-").replace("—", "-")).lower()
    ruled = bool(re.match(r"\s*\*?[-_=–—]{2,}", line)) or line.rstrip().endswith((":", "："))
    return ruled and any(bare == words or (bare.startswith(words) and len(bare) < 60) for words in marks.ORIGINAL)


def _block_size(lines: Sequence[str], at: int) -> int:
    """How many lines the headers of a quoted mail take here: at least three of From, Date, To and Subject."""
    seen: set[str] = set()
    last, number, unlabelled = at - 1, at, 0
    while number < min(len(lines), at + _MOST_BLOCK_LINES):
        line = lines[number]
        label = _label(line)
        if label:
            seen.add(label)
            last, unlabelled = number, 0
        elif line or not seen:
            unlabelled += 1
            if number == at and line:
                return 0
            if unlabelled > 2:
                break
        elif len(seen) >= 3:
            break
        number += 1
    told = "\n".join(lines[at : last + 1])
    if len(seen) >= 3 and (_HAS_ADDRESS.search(told) or _DATE.search(told)):
        return last - at + 1
    return last - at + 1 if {"from", "date"} <= seen and _has_address_line(lines, at) else 0


def _has_address_line(lines: Sequence[str], at: int) -> bool:
    return any(_HAS_ADDRESS.search(line) and _label(line) == "from" for line in lines[at : at + 3])


def _label(line: str) -> str:
    found = re.match(r"^[\s>*_|]{0,8}([^\W\d][^:：\n]{0,24}?)\s?[*_]{0,2}\s?[:：]", line)
    return _labels().get(found[1].strip(" *_").lower(), "") if found else ""


@cache
def _labels() -> dict[str, str]:
    # Where two kinds share a label ("to" in one language is "from" in another), the earlier row wins.
    return {label: kind for kind in reversed(list(marks.LABELS)) for label in marks.LABELS[kind]}
