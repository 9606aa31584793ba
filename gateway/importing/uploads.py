"""Files that somebody has sent to be imported, from the moment they are shown until somebody decides.

They hold a whole school's people, so they lie in a folder that nobody else may read, for an hour at most.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from gateway.errors import BadInput, NotFound, Problem

KEPT: Final = timedelta(hours=1)
_KEY = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[^\w .()+-]+")
_LONGEST: Final = 100  #: characters of a file's name
_NOTE: Final = "note.json"
_UNFINISHED: Final = "new-"
_GONE: Final = "These files are not here any more: they are kept for an hour. Choose them again."


@dataclass(frozen=True, slots=True)
class Upload:
    """What waits for a decision. ``note`` is what whoever put it here wrote beside it."""

    key: str
    files: Sequence[Path]
    note: Mapping[str, Any]


class Uploads:
    """The folder."""

    def __init__(self, folder: Path):
        self._folder = folder

    def put(self, files: Sequence[tuple[str, IO[bytes]]], *, now: datetime) -> Upload:
        """Keep files under names that no folder of ours minds. Raises :class:`BadInput` where there is no room."""
        key = secrets.token_hex(16)
        made = self._folder / f"{_UNFINISHED}{key}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.mkdir(mode=0o700)
            (made / "files").mkdir(mode=0o700)
            for name, (_, content) in zip(_names([name for name, _ in files]), files, strict=True):
                with (made / "files" / name).open("wb") as into:
                    shutil.copyfileobj(content, into)
            _write(made, {}, now=now)
            made.rename(self._folder / key)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            what = f"The files cannot be kept while you look: {error.strerror or error}."
            raise BadInput([Problem(what, "Tell IT: is the disk full?")]) from error
        return self.find(key, now=now)

    def note(self, key: str, note: Mapping[str, Any], *, now: datetime) -> None:
        """Write something down beside files."""
        _write(self._folder / key, note, now=now)

    def find(self, key: str, *, now: datetime) -> Upload:
        """What lies under a key. Raises :class:`NotFound` after an hour."""
        whole = self._read(key)
        if whole is None or datetime.fromisoformat(whole["until"]) < now:
            raise NotFound(_GONE)
        return Upload(key, sorted((self._folder / key / "files").iterdir()), whole["note"])

    def drop(self, key: str) -> None:
        """Let them go."""
        if _KEY.fullmatch(key):
            shutil.rmtree(self._folder / key, ignore_errors=True)

    def sweep(self, *, now: datetime) -> None:
        """Let go of whatever has waited for too long."""
        for place in self._folder.iterdir() if self._folder.is_dir() else ():
            if place.name.startswith(_UNFINISHED):  # its process ended over it, or it is being written just now
                if place.stat().st_mtime < time.time() - KEPT.total_seconds():
                    shutil.rmtree(place, ignore_errors=True)
                continue
            whole = self._read(place.name)
            if whole is None or datetime.fromisoformat(whole["until"]) < now:
                self.drop(place.name)

    def _read(self, key: str) -> dict[str, Any] | None:
        if not _KEY.fullmatch(key):
            return None
        try:
            found: dict[str, Any] = json.loads((self._folder / key / _NOTE).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found


def _write(place: Path, note: Mapping[str, Any], *, now: datetime) -> None:
    whole = {"until": (now + KEPT).isoformat(), "note": note}
    (place / _NOTE).write_text(json.dumps(whole, default=str), "utf-8")


def _names(given: Sequence[str]) -> list[str]:
    """The names that files had at home, without what could lead elsewhere, and no two alike."""
    found = list[str]()
    for number, name in enumerate(given, 1):
        base = _NAME.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1])[-_LONGEST:].lstrip(".") or f"file {number}"
        while base in found:
            base = f"{number} {base}"
        found.append(base)
    return found
