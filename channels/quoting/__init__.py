"""The new words alone, out of a mail that quotes what it answers.

Answers stand above, below or between what they quote, in every language's own way of saying who wrote when; see
:mod:`channels.quoting.marks`. What is left out is what surely is not new: quotations, the lines above them, what phones
and companies sign with. A mail that has words always gives some.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

from channels import mail_html
from channels.quoting import lines as reading
from channels.quoting import signing

_MOST_CHARACTERS, _MOST_LINES, _FIRST_LINES = 200_000, 4_000, 8
#: Marks of direction and width that only the eye needs. Joiners stay: Persian, Urdu and Hindi words need them.
_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u00ad]")
_SPACES = re.compile("[\u00a0\u202f\u2007\u2009\u3000\t\v\f]")


class _Is(Enum):
    OWN = auto()
    QUOTED = auto()
    HEADING = auto()  #: "On … wrote:"
    BREAK = auto()  #: all that follows is quoted, whatever it looks like
    BREAK_ON = auto()  #: a further line of a break's headers


def from_html(html: str) -> str:
    """Give the new words of an HTML mail."""
    return new_words(mail_html.to_text(html))


def new_words(text: str) -> str:
    """Give the new words of a plain text. ``""`` only for a text without any."""
    lines = tidy(text)
    kinds = _sorted(lines)
    own = signing.without(_own(lines, kinds))
    return _joined(own) or _joined(_after_break(lines, kinds)) or _first(lines)


def tidy(text: str) -> list[str]:
    """Give a text's lines, without what only the eye sees."""
    text = _SPACES.sub(" ", _UNSEEN.sub("", text[:_MOST_CHARACTERS]))
    return [line.rstrip() for line in text.splitlines()[:_MOST_LINES]]


def _sorted(lines: Sequence[str]) -> list[_Is]:
    """Say of each line what it is."""
    above = ["", *lines][: len(lines)]
    kinds = [_Is.QUOTED if reading.is_quoted(*pair) else _Is.OWN for pair in zip(lines, above, strict=True)]
    for at in reading.broken_quotes(lines, kinds_quoted=[kind is _Is.QUOTED for kind in kinds]):
        kinds[at] = _Is.QUOTED
    at = 0
    while at < len(lines):
        if kinds[at] is _Is.OWN and lines[at]:
            size = reading.break_size(lines, at)
            if size:
                kinds[at : at + size] = [_Is.BREAK] + [_Is.BREAK_ON] * (size - 1)
                at += size
                continue
            begin = reading.heading_begin(lines, at, quoted_next=_quoted_next(lines, kinds, at))
            if begin is not None:
                kinds[begin : at + 1] = [_Is.HEADING] * (at + 1 - begin)
        at += 1
    return kinds


def _quoted_next(lines: Sequence[str], kinds: Sequence[_Is], at: int) -> bool:
    following = (kinds[later] for later in range(at + 1, min(at + 5, len(lines))) if lines[later])
    return next(following, _Is.OWN) is _Is.QUOTED


def _own(lines: Sequence[str], kinds: Sequence[_Is]) -> list[list[str]]:
    """Give the stretches of the writer's own lines."""
    stretches: list[list[str]] = [[]]
    for at, line in enumerate(lines):
        kind = kinds[at]
        if kind is _Is.OWN:
            stretches[-1].append(line)
            continue
        if stretches[-1]:
            stretches.append([])
        ends = kind is _Is.BREAK or (kind is _Is.HEADING and not _has_marks(lines, kinds, at))
        if ends and _joined(signing.without(stretches)):
            break
        if kind is _Is.HEADING:
            shared = reading.before_heading(line)
            if shared:
                stretches[-1].append(shared)
    return stretches


def _has_marks(lines: Sequence[str], kinds: Sequence[_Is], at: int) -> bool:
    """Whether what a heading announces is marked as quoted; if not, all that follows is."""
    later = at
    while later < len(lines) and (kinds[later] is _Is.HEADING or not lines[later]):
        later += 1
    return later < len(lines) and kinds[later] is _Is.QUOTED


def _after_break(lines: Sequence[str], kinds: Sequence[_Is]) -> list[list[str]]:
    """For a mail that begins with its break, such as a forward: what follows, up to the next one."""
    begin = next((at for at, kind in enumerate(kinds) if kind in (_Is.BREAK, _Is.HEADING)), None)
    if begin is None:
        return []
    while begin < len(lines) and kinds[begin] is not _Is.OWN:
        begin += 1
    rest, rest_kinds = lines[begin:], kinds[begin:]
    end = next(
        (at for at, kind in enumerate(rest_kinds) if kind in (_Is.BREAK, _Is.HEADING) and any(rest[:at])), len(rest)
    )
    return signing.without([[line for line, kind in zip(rest[:end], rest_kinds[:end], strict=True) if kind is _Is.OWN]])


def _first(lines: Sequence[str]) -> str:
    """The first lines with words, when nothing else can be told apart."""
    bare = [re.sub(r"^[\s>|]+", "", line) for line in lines]
    said = [line for line in bare if re.search(r"\w", line)] or [line for line in bare if line]
    return "\n".join(said[:_FIRST_LINES]).strip()


def _joined(stretches: Sequence[Sequence[str]]) -> str:
    text = "\n".join("\n".join(stretch) for stretch in stretches)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return text if re.search(r"[^\s>*_=.~-]", text) else ""
