"""JSON from strangers, object by object in flat memory, each with the line it begins on."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO, cast

import ijson
from ijson.common import ObjectBuilder

from gateway.errors import BadInput, Problem

#: More than any school's file has: brackets in one another, parts of one object.
DEEPEST, MOST_PARTS = 60, 100_000
PIECE = 1 << 16
#: Digits in a row that no number has. The parser is C, and ends the whole process over one of 4,300.
LONGEST_NUMBER = 1000
_NUMBER = re.compile(rb"[0-9]+")
CURE = "Export it again, and do not change it in another program before it is imported."

Place = tuple[str, ...]  #: the keys that lead to an object; ``item`` is any place in a list
Event = tuple[str, Any]


class Feed:
    """A file that is read line by line, so that it is known which line the parser has come to.

    Raises :class:`BadInput` for what is not JSON, not UTF-8 (which JSON has to be: RFC 8259, section 8.1), too deep, or
    breaks off. The parser's own words are left out: they quote the file, and so a family's data.
    """

    def __init__(self, file: BinaryIO, name: str):
        self.file, self.name, self.line, self.position = file, name, 1, 0
        self._ended, self._tail = False, b""

    def read(self, size: int = PIECE) -> bytes:
        """Give the next line, or a piece of a very long one."""
        if size == 0:  # the parser's first question, to see whether it gets bytes
            return b""
        piece = self.file.readline(PIECE)
        self.line += self._ended
        self._ended = piece.endswith(b"\n")
        self.position += len(piece)
        if any(len(run) > LONGEST_NUMBER for run in _NUMBER.findall(self._tail + piece)):
            raise self.bad("There is a number of more than a thousand digits here.", CURE)
        self._tail = piece[-LONGEST_NUMBER:]
        if self.position > len(piece):
            return piece
        if piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise self._broken("UTF8")
        return piece.removeprefix(codecs.BOM_UTF8)

    def events(self) -> Iterator[Event]:
        """The events of one text, or of several on after the other."""
        depth = 0
        try:
            for event, value in ijson.basic_parse(self, multiple_values=True):
                depth += event.startswith("start_") - event.startswith("end_")
                if depth > DEEPEST:
                    raise self.bad("There are too many brackets in one another for a school's file.", CURE)
                yield event, value
        except ijson.JSONError as error:
            raise self._broken(str(error)) from None
        except UnicodeDecodeError:
            raise self._broken("UTF8") from None
        except InvalidOperation:
            raise self.bad("There is a number here that no computer can hold.", CURE) from None

    def bad(self, what: str, cure: str) -> BadInput:
        """A problem at the line that the parser has come to."""
        return BadInput([Problem(what, cure, self.name, self.line)])

    def _broken(self, words: str) -> BadInput:
        if "UTF8" in words:
            return self.bad("The letters here are not UTF-8, as they must be in JSON.", "Export it again as UTF-8.")
        if "premature EOF" in words or "Incomplete" in words:
            return self.bad("The file breaks off here: the end is missing.", CURE)
        return self.bad("This is not JSON from here on.", CURE)


def find(path: Path, places: Collection[Place], *, keys: Collection[str]) -> Place | None:
    """The first of the places that has an object with one of the keys. Raises :class:`BadInput`."""
    with path.open("rb") as file:
        stack: list[str] = []
        for event, value in Feed(file, path.name).events():
            if event == "map_key":
                stack[-1] = value
                if value in keys and (place := tuple(stack[:-1])) in places:
                    return place
            else:
                _step(stack, event)
    return None


def each(
    path: Path, place: Place, *, watched: dict[Place, Any] | None = None
) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Give every object at the place, the line it begins on, and the bytes read so far. Raises :class:`BadInput`.

    ``watched`` are places of single values outside of these objects; it gets the last value of each.
    """
    with path.open("rb") as file:
        feed, stack = Feed(file, path.name), list[str]()
        builder, line, parts = None, 0, 0
        for event, value in feed.events():
            if event == "map_key":
                stack[-1] = value
            if builder is None and event == "start_map" and len(stack) == len(place) and tuple(stack) == place:
                builder, line, parts = ObjectBuilder(), feed.line, 0
            _step(stack, event)
            if builder is None:
                if watched and event == "boolean" and tuple(stack) in watched:
                    watched[tuple(stack)] = value
                continue
            builder.event(event, value)
            parts += 1
            if parts > MOST_PARTS:
                raise feed.bad("There is too much in one object for a school's file.", CURE)
            if event == "end_map" and len(stack) == len(place):
                yield cast("dict[str, Any]", builder.value), line, feed.position
                builder = None


def _step(stack: list[str], event: str) -> None:
    if event.startswith("start_"):
        stack.append("item" if event == "start_array" else "")
    elif event.startswith("end_"):
        stack.pop()


def inner(value: Any, *keys: str) -> Any:
    """What is at the end of the keys, whether or not each step is wrapped in ``data``; None when there is nothing."""
    for key in keys:
        value = _unwrapped(value.get(key)) if isinstance(value, dict) else None
    return value


def listed(value: Any, *keys: str) -> list[dict[str, Any]]:
    """The objects of the list at the end of the keys."""
    found = inner(value, *keys)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def cell(value: Any) -> str:
    """A single value as a cell of a table; yes and no in words. What is a list or object is not one."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value).strip() if isinstance(value, str | int | Decimal) else ""


def _unwrapped(value: Any) -> Any:
    while isinstance(value, dict) and isinstance(value.get("data"), dict | list):
        value = value["data"]
    return value
