"""A settings file for a copy that leaves the machine: without the values of the secrets that somebody wrote into it."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from config import shape, sources, values
from config.settings import Settings

BLANKED: Final = "# To be put in again, as no copy holds secrets:"
_NOT_COPIED: Final = f"{BLANKED} all of it. Its secrets could not be taken out: give each as a credential.\n"


def without_secrets(text: str) -> str:
    """The same file with each secret blank, and a first line that names them; as it is where there are none.

    It is read again to see that nothing else is changed. Where that is not so, only the line is left.
    """
    table = tomllib.loads(text)
    found, wanted = [*_secrets(table)], copy.deepcopy(table)
    for place, value, blank in found:
        _put(wanted, place, blank)
        text = _replaced(text, place, value, blank)
    if not found:
        return text
    try:
        same = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    return f"{BLANKED} {', '.join(shape.dotted(place) for place, _, _ in found)}.\n{text}" if same else _NOT_COPIED


def _secrets(table: dict[str, Any]) -> Iterator[tuple[shape.Place, str, str]]:
    """Where a secret stands, what it is, and what is left of it: of the database's address all but the password."""
    for key, field, _ in shape.leaves(Settings):
        if shape.is_secret(field):
            for place, value in _at(table, key.split(".")):
                yield place, value, ""
    for place, url in _at(table, ["database", "url"]):
        bare, password = values.part_password(url)
        if password:
            yield place, url, bare.replace("@", ":@", 1)


def _at(here: Any, names: Sequence[str], place: shape.Place = ()) -> Iterator[tuple[shape.Place, str]]:
    """What stands under these names; in a list, under each of its entries."""
    if isinstance(here, list):
        for number, one in enumerate(here):
            yield from _at(one, names, (*place, number))
    elif names and isinstance(here, dict):
        name = names[0].removesuffix("[]")
        yield from _at(here.get(name), names[1:], (*place, name))
    elif not names and here and isinstance(here, str):
        yield place, here


def _put(table: Any, place: shape.Place, value: str) -> None:
    for name in place[:-1]:
        table = table[name]
    table[place[-1]] = value


def _replaced(text: str, place: shape.Place, value: str, blank: str) -> str:
    """Put a blank in the place of a value, from the line of its key on, in whichever quotes it stands."""
    lines = sources.locate(text)
    line = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), 1)
    begins = sum(map(len, text.splitlines(keepends=True)[: line - 1]))
    forms = (json.dumps(value, ensure_ascii=False), f"'{value}'", f'"""{value}"""', f"'''{value}'''",
             f'"""\n{value}"""', f"'''\n{value}'''")  # fmt: skip
    found = [(at, form) for form in forms if (at := text.find(form, begins)) >= 0]
    if not found:
        return text
    at, form = min(found)
    return f"{text[:at]}{json.dumps(blank, ensure_ascii=False)}{text[at + len(form) :]}"
