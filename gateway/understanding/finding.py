"""Finding patterns in the words of a text: the words with every form that they may be meant as, and an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from gateway.understanding import folding, patterns

_GAP = 3  #: words that ``..`` may stand for


@dataclass(frozen=True, slots=True)
class Found:
    """Where a pattern was found: the places of the tokens that it took, without those of its gaps."""

    pattern: patterns.Pattern
    taken: frozenset[int]
    start: int
    end: int


@dataclass(slots=True)
class Forms:
    """The words of a text as one language reads them; each with every form that it may be meant as."""

    forms: list[tuple[str, ...]]
    numbers: Mapping[str, int]
    origin: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.forms)

    def has(self, at: int, stems: tuple[str, ...], words: Set[str]) -> bool:
        """Whether one of the words stands there, or one that begins with a stem."""
        forms = self.forms[at] if at < len(self.forms) else ()
        return any(form in words or (bool(stems) and form.startswith(stems)) for form in forms)

    def is_break(self, at: int) -> bool:
        """Whether a sentence or a part of it ends there."""
        return at < 0 or at >= len(self.forms) or self.forms[at][0] in folding.BREAKS

    def is_edge(self, at: int) -> bool:
        """Whether something that may stand alone ends there; people put a comma where others put a full stop."""
        return self.is_break(at)

    def is_number(self, at: int) -> bool:
        """Whether a number or a time stands there."""
        return any(form[0].isdigit() or form in self.numbers for form in self.forms[at] if form)


class Index:
    """Patterns by the words that they can begin with."""

    def __init__(self, every: Iterable[patterns.Pattern]):
        self.words: dict[str, list[patterns.Pattern]] = {}
        self.stems: dict[str, list[patterns.Pattern]] = {}
        self.numbers: list[patterns.Pattern] = []
        for pattern in every:
            self._file(pattern, pattern.elements)
        self.longest = max(map(len, self.stems), default=0)
        self.shortest = min(map(len, self.stems), default=0)

    def _file(self, pattern: patterns.Pattern, elements: tuple[patterns.Element, ...]) -> None:
        match elements[0]:
            case patterns.Word(text, stem):
                _add(self.stems if stem else self.words, text, pattern)
            case patterns.Number():
                self.numbers.append(pattern)
            case patterns.Choice() as first:
                for text in first.words:
                    _add(self.words, text, pattern)
                for text in first.stems:
                    _add(self.stems, text, pattern)
                for other in first.others:
                    self._file(pattern, (*other, *elements[1:]))
            case patterns.Edge() | patterns.Gap():
                self._file(pattern, elements[1:])

    def search(self, text: Forms) -> Iterator[Found]:
        """Give every pattern that stands in the text, each at most once for each place that it begins at."""
        there = {form for forms in text.forms for form in forms}
        there |= {form[:size] + "*" for form in there for size in range(1, len(form) + 1)}
        for at in range(len(text)):
            for pattern in self._beginning(text, at):
                if any(needed.isdisjoint(there) for needed in pattern.needs):
                    continue
                best = max(_match(pattern.elements, text, at), key=len, default=None)
                if best:
                    taken = frozenset(best)
                    yield Found(pattern, taken, min(taken), max(taken) + 1)

    def knows(self, form: str) -> bool:
        """Whether a pattern begins with this word."""
        return form in self.words or any(form[:size] in self.stems for size in range(self.shortest, len(form) + 1))

    def _beginning(self, text: Forms, at: int) -> Iterable[patterns.Pattern]:
        found: dict[int, patterns.Pattern] = {}
        for form in text.forms[at]:
            for pattern in self.words.get(form, ()):
                found[id(pattern)] = pattern
            for size in range(self.shortest, min(len(form), self.longest) + 1):
                for pattern in self.stems.get(form[:size], ()):
                    found[id(pattern)] = pattern
        if self.numbers and text.is_number(at):
            found |= {id(pattern): pattern for pattern in self.numbers}
        return found.values()


def _add(index: dict[str, list[patterns.Pattern]], text: str, pattern: patterns.Pattern) -> None:
    listed = index.setdefault(text, [])
    if not listed or listed[-1] is not pattern:
        listed.append(pattern)


Taken = tuple[int, ...]


def _match(elements: Sequence[patterns.Element], text: Forms, at: int) -> Iterator[Taken]:
    """Give every way in which the elements stand in the text from a place on: the places that they take."""
    for _, taken in _ways(elements, text, at):
        yield taken


def _ways(elements: Sequence[patterns.Element], text: Forms, at: int) -> Iterator[tuple[int, Taken]]:
    if not elements:
        yield at, ()
        return
    for after, taken in _one(elements[0], text, at):
        for end, more in _ways(elements[1:], text, after):
            yield end, taken + more


def _one(element: patterns.Element, text: Forms, at: int) -> Iterator[tuple[int, Taken]]:
    match element:
        case patterns.Word(word, stem):
            if text.has(at, (word,) if stem else (), frozenset() if stem else {word}):
                yield at + 1, (at,)
        case patterns.Choice(words, stems, others):
            if text.has(at, stems, words):
                yield at + 1, (at,)
            for other in others:
                yield from _ways(other, text, at)
        case patterns.Number() if at < len(text) and text.is_number(at):
            yield at + 1, (at,)
        case patterns.Gap():
            yield at, ()
            for size in range(1, _GAP + 1):
                if text.is_break(at + size - 1):
                    break
                yield at + size, ()
        case patterns.Edge(end) if text.is_edge(at if end else at - 1):
            yield at, ()
        case _:
            pass
