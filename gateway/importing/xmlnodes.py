"""XML from strangers, element by element in flat memory: no document type, no entities, nothing fetched."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from gateway.errors import BadInput, Problem

CHUNK = 1 << 16
#: More than a school's file has: elements in one another, parts of a wanted one, letters of a text, bytes of a tag.
DEEPEST, MOST_PARTS, LONGEST, LONGEST_TAG = 40, 50_000, 10_000, 1 << 20

CURE = "Export it again, and do not open it in another program before it is imported."
_WRONG_ENCODING = "The letters here are not in the encoding that the file says it has in its first line."


@dataclass(slots=True)
class Node:
    """An element: its name without namespace, the line it begins on, its own text, and what is in it."""

    name: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def each(self, *path: str) -> Iterator[Node]:
        """Every element at a path below this one."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.name == path[0]:
                yield from child.each(*path[1:])

    def find(self, *path: str) -> str:
        """The text of the first element at the path that has any, ``""`` when there is none."""
        return next((text for node in self.each(*path) if (text := node.text.strip())), "")


def read(path: Path, *, wanted: Collection[tuple[str, ...]]) -> Iterator[tuple[Node, int]]:
    """Give each element that is at one of the wanted paths (root first), with the bytes read so far.

    Raises :class:`BadInput` with the line for a document type, another root, a wrong encoding, and what is not XML or
    breaks off. The encoding is that of the byte order mark, or the one declared, or UTF-8 (XML 1.0, section 4.3.3).
    """
    try:
        with path.open("rb") as file:
            reading = _Reading(path.name, wanted, marked=file.read(3) == codecs.BOM_UTF8)
            file.seek(0)
            while chunk := file.read(CHUNK):
                yield from reading.feed(chunk)
            yield from reading.feed(b"", final=True)
    except OSError as error:
        cure = "Check its name, and close it in other programs."
        raise BadInput([Problem("The file cannot be opened.", cure, path.name)]) from error


class _Reading:
    """What expat tells, kept only as far as it is wanted. ``marked`` when a byte order mark says that it is UTF-8."""

    def __init__(self, file: str, wanted: Collection[tuple[str, ...]], *, marked: bool):
        self.file, self.wanted, self.roots = file, frozenset(wanted), {path[0] for path in wanted}
        self.path, self.open, self.complete = list[str](), list[Node](), list[Node]()
        self.parts, self.bytes = 0, 0
        self.last = b""
        self.parser = expat.ParserCreate("utf-8" if marked else None, " ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def feed(self, chunk: bytes, *, final: bool = False) -> Iterator[tuple[Node, int]]:
        self.last = chunk
        self.bytes += len(chunk)
        try:
            self.parser.Parse(chunk, final)
        except expat.ExpatError as error:
            raise self._bad(*self._broken(error), line=error.lineno) from error
        except (LookupError, ValueError) as error:  # Python has no such encoding, or expat cannot read it
            raise self._bad(_WRONG_ENCODING, "Export it again as UTF-8.") from error
        if self.bytes - max(self.parser.CurrentByteIndex, 0) > LONGEST_TAG:
            raise self._bad("Something in this line is far too long for a school's file.", CURE)
        for node in self.complete:
            yield node, self.bytes
        self.complete.clear()

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self.path.append(name.rpartition(" ")[2])
        if len(self.path) == 1 and self.path[0] not in self.roots:
            raise self._bad(
                f"This is XML, but no {' or '.join(sorted(self.roots))}: it is a {self.path[0][:40]}.", CURE
            )
        if len(self.path) > DEEPEST:
            raise self._bad("There are too many elements in one another for a school's file.", CURE)
        if self.open or tuple(self.path) in self.wanted:
            self.parts += 1
            if self.parts > MOST_PARTS:
                raise self._bad("There is too much in one record for a school's file.", CURE)
            node = Node(self.path[-1], self.parser.CurrentLineNumber)
            if self.open:
                self.open[-1].children.append(node)
            self.open.append(node)

    def _end(self, _name: str) -> None:
        self.path.pop()
        if self.open:
            node = self.open.pop()
            if not self.open:
                self.complete.append(node)
                self.parts = 0

    def _text(self, text: str) -> None:
        if self.open:
            self.open[-1].text += text
            if len(self.open[-1].text) > LONGEST:
                raise self._bad("There is too much text in one element for a school's file.", CURE)

    def _refuse(self, *_: object) -> None:
        # Entities are declared in a document type: without one there is nothing to expand and nothing to fetch.
        what = "This file declares a document type (DOCTYPE), which no export has and which can do harm."
        raise self._bad(what, "Ask whoever sent it for a plain export.")

    def _broken(self, error: expat.ExpatError) -> tuple[str, str]:
        codes, code = expat.errors.codes, expat.errors.messages[error.code]
        offset = self.parser.ErrorByteIndex - (self.bytes - len(self.last))
        foreign = 0 <= offset < len(self.last) and self.last[offset] >= 0x80
        if code in (expat.errors.XML_ERROR_INCORRECT_ENCODING, expat.errors.XML_ERROR_UNKNOWN_ENCODING) or (
            error.code == codes[expat.errors.XML_ERROR_INVALID_TOKEN] and foreign
        ):
            return _WRONG_ENCODING, "Export it again as UTF-8."
        if self.bytes and not self.last:
            return "The file breaks off here: the end is missing.", CURE
        return f"This is not well-formed XML ({code}).", CURE

    def _bad(self, what: str, cure: str, *, line: int = 0) -> BadInput:
        return BadInput([Problem(what, cure, self.file, line or self.parser.CurrentLineNumber)])
