"""A folder that an MIS drops exports into: what has come whole, and where a file goes that was dealt with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

DONE, REFUSED = "done", "refused"
KEPT = timedelta(days=14)  #: a list of absences is about children: it does not lie about for ever

_ENDINGS = (".csv", ".txt", ".tsv")


@dataclass(slots=True)
class Folder:
    """Remembers what it saw, so that a file is taken only once it has stopped growing between two looks."""

    path: Path
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def whole(self) -> list[Path]:
        """The files that have not changed since the last look, oldest first.

        Raises :class:`OSError` when the folder cannot be read.
        """
        now: dict[str, tuple[int, int]] = {}
        found: list[tuple[int, Path]] = []
        for path in self.path.iterdir():
            if path.suffix.lower() not in _ENDINGS or path.name.startswith(".") or not path.is_file():
                continue
            looks = path.stat()
            now[path.name] = (looks.st_size, looks.st_mtime_ns)
            if self._seen.get(path.name) == now[path.name]:
                found.append((looks.st_mtime_ns, path))
        self._seen = now
        return [path for _, path in sorted(found)]

    def put_away(self, path: Path, where: str, *, now: datetime, remarks: Iterable[str] = ()) -> None:
        """Move a file that was dealt with, with what there is to say of it beside it, and clear what is old.

        Raises :class:`OSError` when it cannot be moved.
        """
        folder = self.path / where
        folder.mkdir(exist_ok=True)
        target = folder / f"{now:%Y%m%dT%H%M%S%f}-{path.name}"
        if lines := list(remarks):
            target.with_name(f"{target.name}.remarks.txt").write_text("\n".join(lines) + "\n", "utf-8")
        path.rename(target)
        self._seen.pop(path.name, None)
        for old in folder.iterdir():
            if old.is_file() and old.stat().st_mtime < (now - KEPT).timestamp():
                old.unlink(missing_ok=True)
