"""Questions one a line, as JSON objects on standard input, each answered with one line: ``--jsonl``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import typer

Answer = Callable[[str], Mapping[str, object]]


def asked(given: object, jsonl: bool, answer: Answer, *, key: str = "text") -> bool:
    """Answer line by line where that was asked for. False where a ``given`` argument is to be answered instead.

    Each line is an object with ``id`` and ``key``, whose value is text; its answer has the same ``id`` and what
    ``answer`` makes of the text. A line that is none gets an ``error``: whoever reads us gets as many lines as they
    sent.
    """
    if jsonl == (given is not None):
        raise typer.BadParameter(f"give either a {key} or --jsonl.")
    if jsonl:
        for line in typer.get_binary_stream("stdin"):
            typer.echo(json.dumps(_answered(line, answer, key)))
    return jsonl


def _answered(line: bytes, answer: Answer, key: str) -> dict[str, object]:
    asked: Any = None
    try:
        asked = json.loads(line.decode("utf-8-sig", "surrogatepass"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return {"id": None, "error": f"This line is not JSON: {error}."}
    known = asked.get("id") if isinstance(asked, dict) else None
    name = known if isinstance(known, str | int) or (isinstance(known, float) and math.isfinite(known)) else None
    if not isinstance(asked, dict) or not isinstance(asked.get(key), str):
        return {"id": name, "error": f'This line is not an object with a "{key}" that is text.'}
    return {"id": name, **answer(asked[key])}


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
