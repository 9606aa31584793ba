"""Putting Handbell under systemd: which files go where, and what a person does then. Nothing is started here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway import errors

State = Literal["new", "same", "changed", "kept"]

_HERE = Path(__file__).parent
_ABOVE = _HERE.parents[1]
_PROGRAM = "/opt/handbell/bin/handbell"  #: as the units have it
_UNITS = ("handbell.service", "handbell-worker@.service", "handbell-backup.service", "handbell-backup.timer")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the installation. One that is ``theirs`` is made once and never written over."""

    path: Path
    mode: int
    content: bytes
    what: str
    theirs: bool = False
    secret: bool = False

    def state(self) -> State:
        """How it compares with what is there."""
        if not self.path.exists():
            return "new"
        if self.theirs:
            return "kept"
        return "same" if self.path.read_bytes() == self.content else "changed"


def files(root: Path, *, program: Path) -> Sequence[File]:
    """Everything that is to be in place, below ``root``; ``program`` is the handbell that the units start."""

    def ours(name: str) -> bytes:
        return _read(name).replace(_PROGRAM.encode(), str(program).encode())

    def found() -> Iterator[File]:
        yield File(root / "etc/sysusers.d/handbell.conf", 0o644, ours("handbell.sysusers.conf"), "the account")
        yield File(root / "etc/tmpfiles.d/handbell.conf", 0o644, ours("handbell.tmpfiles.conf"), "the folders")
        for unit in _UNITS:
            yield File(root / "etc/systemd/system" / unit, 0o644, ours(unit), "a unit")
        shell = (_HERE / "handbell.sh").read_bytes().replace(_PROGRAM.encode(), str(program).encode())
        yield File(root / "usr/local/sbin/handbell", 0o755, shell, "the command, for root")
        settings = root / "etc/handbell/handbell.toml"
        place = root / "etc/handbell/credentials/audit.key"
        own = root / "var/lib/handbell/audit.key"  # it made one for itself before
        # Where there are settings already, the key may stand in them, in the environment, or be one for each school of
        # a trust. A credential overrules those, and would not prove what is written already.
        if place.exists() or not (settings.exists() or own.exists()):
            key = secrets.token_hex(32).encode()
            yield File(place, 0o600, key, "the audit log's key: keep a copy elsewhere", theirs=True, secret=True)
        yield File(settings, 0o640, _read("handbell.example.toml"), "the settings: fill them in", theirs=True)

    return list(found())


def afterwards() -> Sequence[str]:
    """What is said as root then."""
    return (
        "systemd-sysusers",
        "systemd-tmpfiles --create /etc/tmpfiles.d/handbell.conf",
        "systemctl daemon-reload",
        "editor /etc/handbell/handbell.toml",
        "handbell migrate",
        "handbell doctor",
        "systemctl enable --now handbell handbell-backup.timer",
    )


def write(wanted: Sequence[File]) -> None:
    """Put the files into place that are new or changed, each at once. Raises :class:`errors.NotReady`."""
    for file in wanted:
        if file.state() not in ("new", "changed"):
            continue
        half = file.path.with_name(f".{file.path.name}.new")
        try:
            # The folder of secrets is root's alone before there is anything in it.
            file.path.parent.mkdir(mode=0o700 if file.secret else 0o755, parents=True, exist_ok=True)
            half.unlink(missing_ok=True)
            with os.fdopen(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
                target.write(file.content)
            half.chmod(file.mode)
            half.rename(file.path)
        except OSError as error:
            raise errors.NotReady(f"{file.path} cannot be written: {error.strerror}. Are you root?") from None


def _read(name: str) -> bytes:
    """A file of ours, where the wheel has it or where the checkout does."""
    places = (_HERE / "systemd" / name, _ABOVE / "systemd" / name, _ABOVE / "config" / name)
    return next(place for place in places if place.is_file()).read_bytes()
