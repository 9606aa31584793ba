"""Questions one a line, as JSON objects on standard input, each answered with one line: ``--jsonl``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, NoReturn

import typer

Answer = Callable[[str], Mapping[str, object]]
#: Gives the answer to a text and to what else its line says.
Fuller = Callable[[str, Mapping[str, Any]], Mapping[str, object]]


def _error(why: str) -> Mapping[str, object]:
    return {"error": why}


def asked(
    given: object,
    jsonl: bool,
    answer: Answer,
    *,
    key: str = "text",
    takes: type | UnionType = str,
    failed: Answer = _error,
    argument: str = "",
) -> bool:
    """Answer line by line where that was asked for. False where a ``given`` argument is to be answered instead.

    Each line is an object with ``id`` and ``key``, whose value is text, or a number where ``takes`` says so, which is
    read as it is written; its answer has the same ``id`` and what ``answer`` makes of the text. A line that is none
    gets an ``error``, or what ``failed`` makes of that sentence: whoever reads us gets as many lines as they sent.
    ``argument`` is what people call what is ``given``, where that is not the ``key``.
    """
    if jsonl == (given is not None):
        raise typer.BadParameter(f"give either a {argument or key} or --jsonl.")
    if jsonl:
        each(lambda words, _: answer(words), key=key, takes=takes, failed=failed)
    return jsonl


def each(answer: Fuller, *, key: str = "text", takes: type | UnionType = str, failed: Answer = _error) -> None:
    """Answer every line of standard input, as :func:`asked` does, with all that a line says."""
    for line in typer.get_binary_stream("stdin"):
        typer.echo(json.dumps(_answered(line, answer, key=key, takes=takes, failed=failed)))


def _answered(line: bytes, answer: Fuller, *, key: str, takes: type | UnionType, failed: Answer) -> dict[str, object]:
    asked: Any = None
    text: Any = None
    try:
        written = line.decode("utf-8-sig", "surrogatepass")
        if not written.strip():
            return {"id": None, **failed("This line is empty.")}
        asked = json.loads(written, parse_constant=_refuse)
        # A number as it is written: 7.7E+09 must not become one that looks whole.
        text = json.loads(written, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        return {"id": None, **failed(f"This line is not JSON: {error}.")}
    known = asked.get("id") if isinstance(asked, dict) else None
    name = known if isinstance(known, str | int) or (isinstance(known, float) and math.isfinite(known)) else None
    # Yes and no are numbers to Python, but not to anybody else.
    if not isinstance(asked, dict) or not isinstance(asked.get(key), takes) or not isinstance(text[key], str):
        return {"id": name, **failed(f'This line is not an object with a "{key}" that is text.')}
    return {"id": name, **answer(text[key], asked)}


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
