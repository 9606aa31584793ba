"""All languages that are understood: our own files, and those that a school puts beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from gateway import errors
from gateway.understanding import language

#: Signs that belong to no language: emoji.
EVERYWHERE = "und"


def shipped() -> tuple[Path, ...]:
    """Our own files, in alphabetical order."""
    folder = resources.files("gateway.understanding") / "words"
    return tuple(sorted(Path(str(one)) for one in folder.iterdir() if one.name.endswith(".toml")))


def load(folder: Path | None = None) -> Mapping[str, language.Language]:
    """Give every language by its tag: ours, extended and joined by the files of a school's folder.

    Raises :class:`errors.BadInput` with everything that is wrong in a file, each with line and cure.
    """
    return _shipped() if folder is None else _made(_opened([*shipped(), *_of_school(folder)]))


@cache
def _shipped() -> Mapping[str, language.Language]:
    return _made(_opened(shipped()))


def _of_school(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.suffix == ".toml")
    except OSError as error:
        what = f"this folder of words cannot be read: {error.strerror or error}."
        raise errors.BadInput([errors.Problem(what, "Make it, or empty answers.words.", str(folder))]) from None


def _opened(paths: Iterable[Path]) -> dict[str, list[language.File]]:
    found: dict[str, list[language.File]] = {}
    problems: list[errors.Problem] = []
    for path in paths:
        try:
            file = language.open_file(path)
            found.setdefault(language.tag(file), []).append(file)
        except errors.BadInput as error:
            problems += error.problems
    if problems:
        raise errors.BadInput(problems)
    return found


def _made(files: Mapping[str, list[language.File]]) -> Mapping[str, language.Language]:
    made: dict[str, language.Language] = {}
    problems: list[errors.Problem] = []
    for tag, several in files.items():
        try:
            made[tag] = language.make(several)
        except errors.BadInput as error:
            problems += error.problems
    if problems:
        raise errors.BadInput(problems)
    return made
