"""What stands at the end of one's own words and is none: signatures, what phones add, what lawyers add."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from channels.quoting import marks

_DELIMITER = re.compile(r"^\s{0,2}(?:--|–|—|- -|__)\s?$")
_FOOTER_RULE = re.compile(r"^\s*[_]{10,}\s*$")
_LONGEST_LINE = 160
_SHORTEST_DISCLAIMER = 60  #: characters; less is somebody's own word


def without(stretches: Sequence[Sequence[str]]) -> list[list[str]]:
    """Give the stretches of own lines without what was added under them."""
    kept: list[list[str]] = []
    for stretch in stretches:
        words = _cut(stretch, has_words=any(any(line.strip() for line in one) for one in kept))
        if any(line.strip() for line in words):
            kept.append(words)
    return kept


def _cut(stretch: Sequence[str], *, has_words: bool) -> list[str]:
    kept: list[str] = []
    for at, line in enumerate(stretch):
        before = has_words or any(one.strip() for one in kept)
        if before and (_DELIMITER.match(line) or _FOOTER_RULE.match(line) or is_sent_from(line)):
            break
        if before and (not at or not stretch[at - 1].strip()) and _is_disclaimer(stretch[at : at + 12]):
            break
        kept.append(line)
    # A phone's line above all words, as in an answer below it, goes; a mail of nothing else keeps it.
    others = [line for line in kept if not is_sent_from(line)]
    return others if any(line.strip() for line in others) or has_words else kept


def is_sent_from(line: str) -> bool:
    """Whether a line is what a phone or a mail program signs with."""
    bare = re.sub(r"<?https?://\S+", "", re.sub(r"^[\s<(\[*_>-]+", "", line)).lower()
    return 0 < len(bare) <= _LONGEST_LINE and bool(_sent_from().match(bare)) and not re.search(r"[?!]", bare)


@cache
def _sent_from() -> re.Pattern[str]:
    starts = sorted(set(marks.SENT_FROM), key=len, reverse=True)
    ends = [words for words in starts if not words.isascii() or words.endswith(("ról", "imden"))]
    return re.compile(
        "(?:"
        + "|".join(map(re.escape, starts))
        + ").{0,140}$|.{0,60}(?:"
        + "|".join(map(re.escape, ends))
        + r")\W{0,3}$"
    )


def _is_disclaimer(lines: Sequence[str]) -> bool:
    first = re.sub(r"^[\s*_\[(>-]+", "", lines[0]).lower()
    if not first.startswith(marks.DISCLAIMERS):
        return False
    said = " ".join(lines).lower()
    return len(said) > _SHORTEST_DISCLAIMER and any(words in said for words in marks.CONFIDENTIAL)
