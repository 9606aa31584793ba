"""What phones and mailboxes got, written down before the provider answers: a simulator that is killed forgets nothing.

One line of JSON for each change, handed to the operating system at once. That outlives a SIGKILL, though no power cut:
the world outside does not lose its memory with us. Of several lines about one text or call the last one counts.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from channels.simulator import snapshot
from channels.simulator.records import Call, Mail, Text

if TYPE_CHECKING:
    from channels.simulator.world import World


class Journal:
    """An open journal, to be added to."""

    def __init__(self, file: Path) -> None:
        _drop_half_a_line(file)
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, record: Text | Call | Mail) -> None:
        """Write down how a record stands now."""
        match record:
            case Text():
                self._write({"text": snapshot.plain(record)})
            case Call():
                self._write({"call": snapshot.plain(record)})
            case Mail():
                raw = base64.b64encode(record.raw).decode()
                at = record.at.isoformat()
                self._write({"mail": {"sender": record.sender, "to": record.to, "raw": raw, "at": at}})

    def asked(self, place: str) -> None:
        """Write down that a list was asked for: somebody looks for evidence."""
        self._write({"asked": place})

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


def entries(file: Path) -> Iterator[tuple[str, Any]]:
    """Every whole line, as its kind (``text``, ``call``, ``mail``, ``asked``) and what it says."""
    if not file.exists():
        return
    with file.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                [(kind, said)] = json.loads(line).items()
                yield kind, said


def load(world: World, file: Path) -> None:
    """Put an empty world into the state that was written down. What was going on is gone on with by its owners."""
    texts: dict[str, dict[str, Any]] = {}
    calls: dict[str, dict[str, Any]] = {}
    arrived: dict[str, None] = {}  # in the order in which the handsets showed them
    for kind, said in entries(file):
        if kind == "text":
            texts[said["sid"]] = said
            if said["arrived"]:
                arrived.setdefault(said["sid"])
        elif kind == "call":
            calls[said["sid"]] = said
        elif kind == "mail":
            mail = world.add_mail(sender=said["sender"], to=said["to"], raw=base64.b64decode(said["raw"]))
            mail.at = datetime.fromisoformat(said["at"])
    for said in texts.values():
        world.add_text(snapshot.text(said))
    for sid in arrived:
        text = world.texts[sid]
        world.show(world.phone(text.to if text.direction != "inbound" else text.sender), text)
    for said in calls.values():
        world.add_call(snapshot.call(said))


def _drop_half_a_line(file: Path) -> None:
    """A kill in the middle of a line leaves half of it; nobody was answered for that one."""
    if not file.exists():
        return
    written = file.read_bytes()
    whole = written.rfind(b"\n") + 1
    if whole < len(written):
        os.truncate(file, whole)
