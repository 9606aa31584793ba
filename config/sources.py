"""Where settings are written: a TOML file, the environment, systemd credentials. Each value remembers its place."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import problems, shape

PREFIX = "HANDBELL_"
#: ``LoadCredential=handbell:DIRECTORY`` names each file ``handbell_<file>`` (systemd.exec(5)).
CREDENTIAL_PREFIX = "handbell_"

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]#]+)\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_\"'-]+(?:\s*\.\s*[A-Za-z0-9_\"'-]+)*)\s*=")


@dataclass(slots=True)
class Found:
    """What the sources say, still unchecked.

    ``values``    nested as the sections are
    ``places``    where each of them was written, as words: "in handbell.toml line 7"
    ``in_file``   dotted keys that the file has given and nothing has overruled
    ``problems``  sentences about what could not even be laid beside the settings
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[shape.Place, str] = field(default_factory=dict)
    in_file: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def place(self, where: shape.Place) -> str:
        """Say where a setting was written, or the nearest thing around it; ``""`` for a default."""
        return next((self.places[where[:end]] for end in range(len(where), 0, -1) if where[:end] in self.places), "")

    def put(self, where: tuple[str, ...], value: object, place: str) -> None:
        """Lay a value over whatever an earlier source said."""
        table = self.values
        for name in where[:-1]:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                return  # the section itself is no table: that is reported for itself
        table[where[-1]] = value
        self.places = {key: said for key, said in self.places.items() if key[: len(where)] != where}
        self.places[where] = place
        self.in_file.discard(".".join(where))


def read_school(
    found: Found,
    file: Path,
    school: str,
    *,
    environ: Mapping[str, str],
    credentials: Path | None,
    names: Collection[str],
) -> None:
    """Lay the file and the credentials of one school of a trust over the common ones; the environment stays on top.

    Raises :class:`problems.ConfigError` where they cannot be read at all.
    """
    _read_file(found, file)
    _read_environment(found, environ, names)
    if credentials is not None:
        _read_credentials(found, credentials, names, of=f"{school}.")


def read(path: Path | None, *, environ: Mapping[str, str], credentials: Path | None, names: Collection[str]) -> Found:
    """Read all sources, later ones over earlier ones; ``names`` are the top-level settings and sections.

    Raises :class:`problems.ConfigError` where a source cannot be read at all.
    """
    found = Found()
    if state := environ.get("STATE_DIRECTORY"):
        found.put(("database", "state_dir"), state.split(":")[0], "in STATE_DIRECTORY, which systemd sets,")
    if path is not None:
        _read_file(found, path)
    _read_environment(found, environ, names)
    if credentials is not None:
        _read_credentials(found, credentials, names)
    return found


def _read_file(found: Found, path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError:
        raise problems.ConfigError([f"There is no settings file {path}: write one, or name another."]) from None
    except OSError as error:
        raise problems.ConfigError([f"The settings file {path} cannot be read: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise problems.ConfigError([f"The settings file {path} is not text in UTF-8: save it as UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise problems.ConfigError([f"The settings file {path} is not valid TOML: {error}."]) from None
    for where, value in _flatten(table):
        found.put(where, value, f"in {path}")
        found.in_file.add(".".join(where))
    found.places |= {where: f"in {path} line {number}" for where, number in locate(text).items()}


def _flatten(table: dict[str, Any], before: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    leaves: list[tuple[tuple[str, ...], Any]] = []
    for name, value in table.items():
        leaves += _flatten(value, (*before, name)) if isinstance(value, dict) else [((*before, name), value)]
    return leaves


def locate(text: str) -> dict[shape.Place, int]:
    """Give the line, counted from 1, of each header and key of a TOML text that is known to be valid.

    Keys inside an inline table have no line of their own: the key that holds the table stands for them.
    """
    lines: dict[shape.Place, int] = {}
    tables: Counter[shape.Place] = Counter()
    header: shape.Place = ()
    quoted = ""
    for number, line in enumerate(text.splitlines(), start=1):
        inside, quoted = quoted, _open_quotes(line, quoted)
        if inside:
            continue
        if match := _HEADER.match(line):
            header = named = _parts(match[2])
            if match[1] == "[[":
                header = (*named, tables[named])
                tables[named] += 1
            lines.setdefault(header, number)
            lines.setdefault(named, number)
        elif match := _KEY.match(line):
            lines.setdefault((*header, *_parts(match[1])), number)
    return lines


def _parts(dotted_key: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted_key.split("."))


def _open_quotes(line: str, quoted: str) -> str:
    """Give the triple quotes that stand open at the end of a line, or ``""``."""
    for mark in re.findall(r'"""|\'\'\'', line):
        if not quoted:
            quoted = mark
        elif mark == quoted:
            quoted = ""
    return quoted


def _read_environment(found: Found, environ: Mapping[str, str], names: Collection[str]) -> None:
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX):
            continue
        key = variable.removeprefix(PREFIX).lower()
        where = tuple(key.split("__"))
        section, _, rest = key.partition("_")
        if len(where) > 1 or key in names:
            found.put(where, value, f"in the environment variable {variable}")
        elif section in names and rest:
            # Silence here would leave somebody wondering why the setting has no effect.
            meant = f"{PREFIX}{section}__{rest}".upper()
            found.problems.append(
                f"The environment variable {variable} is not a setting; did you mean {meant}, with two underscores?"
            )
        elif near := _misspelt(key, names):
            found.problems.append(f"The environment variable {variable} is not a setting; did you mean {near}?")


def _misspelt(key: str, names: Collection[str]) -> str:
    """The variable that was meant, or ``""`` for what is near to none: it may be another program's."""
    known = {*names, "config"}  # HANDBELL_CONFIG names the settings file and is no setting
    section, _, rest = key.partition("_")
    if key in known:
        return ""
    if near := difflib.get_close_matches(key, known, n=1, cutoff=0.75):
        return f"{PREFIX}{near[0]}".upper()
    if rest and (near := difflib.get_close_matches(section, names, n=1, cutoff=0.8)):
        return f"{PREFIX}{near[0]}__{rest}".upper()
    return ""


def _read_credentials(found: Found, directory: Path, names: Collection[str], *, of: str = "") -> None:
    """Read the files of the settings' names; ``of`` is what stands before them for one school of a trust."""
    if not directory.is_dir():
        raise problems.ConfigError([f"There is no credentials directory {directory}: see LoadCredential= in the unit."])
    for file in sorted(directory.iterdir()):
        given = file.name.removeprefix(CREDENTIAL_PREFIX)
        where = tuple(given.removeprefix(of).split("."))
        if not given.startswith(of) or len(where) < 2 or where[0] not in names or not file.is_file():
            continue  # a unit may be given credentials that are no settings, a certificate for one
        try:
            found.put(where, file.read_text(encoding="utf-8").strip(), f"in the credential {file.name}")
        except UnicodeDecodeError:
            found.problems.append(f"The credential {file.name} is not text: it must hold the value and nothing else.")
        except OSError as error:
            found.problems.append(f"The credential {file.name} cannot be read: {error.strerror}.")
