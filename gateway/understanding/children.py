"""Which of a family's children an answer names, and which part of it is about which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.understanding import evidence, folding, spelling

_CLOSE = 3  #: words between two names that share what is said: «Amy and Ben are ill»


@dataclass(frozen=True, slots=True)
class Part:
    """What is said of some children: their names as given, and the places of the words about them."""

    names: tuple[str, ...]
    start: int
    end: int


def words(names: Sequence[str]) -> Mapping[str, str]:
    """The folded words by which children may be called, each with the name as given. Shared words name nobody."""
    found: dict[str, str] = {}
    shared: set[str] = set()
    for name in names:
        for token in folding.tokens(folding.fold(name))[:1]:
            if found.setdefault(token.word, name) != name:
                shared.add(token.word)
    return {word: name for word, name in found.items() if word not in shared}


def parts(text: evidence.Text, called: Mapping[str, str]) -> list[Part]:
    """Cut a text where it turns to another child. Empty where none is named."""
    mentions = [(at, name) for at, token in enumerate(text.tokens) if (name := _named(token.word, called))]
    groups: list[tuple[list[str], int, int]] = []
    for at, name in mentions:
        if groups and at - groups[-1][2] <= _CLOSE and _joined(text, groups[-1][2], at):
            groups[-1][0].append(name)
            groups[-1] = (groups[-1][0], groups[-1][1], at)
        elif groups and name in groups[-1][0]:
            groups[-1] = (groups[-1][0], groups[-1][1], at)
        else:
            groups.append(([name], at, at))
    found = []
    for number, (names, first, _) in enumerate(groups):
        start = 0 if number == 0 else first
        end = groups[number + 1][1] if number + 1 < len(groups) else len(text.tokens)
        found.append(Part(tuple(dict.fromkeys(names)), start, end))
    return found


def _joined(text: evidence.Text, one: int, other: int) -> bool:
    """Whether only little words stand between two names: and, &, i, ve, o, plus a comma."""
    return all(token.is_break or len(token.word) <= 4 for token in text.tokens[one + 1 : other])


def _named(word: str, called: Mapping[str, str]) -> str:
    if word in called:
        return called[word]
    bare = word.removesuffix("s")
    if bare in called:
        return called[bare]
    if len(word) < 5:
        return ""
    near = [
        name for known, name in called.items() if known[0] == word[0] and spelling.distance(word, known, most=1) <= 1
    ]
    return near[0] if len(near) == 1 else ""
