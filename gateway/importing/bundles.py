"""Exports of several files: a folder, or a ZIP that is read without ever being unpacked."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from gateway.errors import BadInput, Problem
from gateway.importing import sheets

GIBIBYTE = 1 << 30
UNPACKED = 4 * GIBIBYTE  #: bytes that the files of a ZIP may have in all: a million people and their classes fit
#: A file that is this many times larger than in the ZIP, and larger than 16 MiB, was made to exhaust a machine.
RATIO, HARMLESS = 200, 16 << 20
ENTRIES = 10_000  #: files in a ZIP
USERS = "users.csv"
GLANCE = 1 << 16  #: bytes of a first line

METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED = 0x1
#: What a damaged ZIP raises while it is opened or read.
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
ANEW = "Export it again, and hand it in as the system wrote it."
VAST = "Unpacked, this ZIP would be far too large."


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a bundle. ``size`` in bytes, unpacked."""

    name: str
    size: int
    opened: Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The CSV files of one export. ``members`` by lower-case name: some systems write Users.csv."""

    name: str
    sha256: str
    members: Mapping[str, Member]

    def label(self, file: str) -> str:
        """What reports call one of the files."""
        member = self.member(file)
        return f"{self.name}/{member.name if member else file}"

    def member(self, file: str) -> Member | None:
        """A file by its name, whatever its case."""
        return self.members.get(file.lower())


@dataclass(frozen=True, slots=True)
class Glance:
    """A quick look: names of files in lower case, and the first line of a list of users if there is one to be read."""

    names: frozenset[str] = frozenset()
    header: tuple[str, ...] = ()
    alone: bool = False  #: the path is one CSV file, not a bundle


def glance(path: Path) -> Glance:
    """Look at what a path may be, without checking it. Raises nothing: what cannot be read has no names."""
    try:
        if path.is_dir():
            files = {child.name.lower(): partial(_read, child) for child in path.iterdir() if child.is_file()}
            return Glance(frozenset(files), _first(files.get(USERS)))
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                infos = {_place(info).name.lower(): info for info in archive.infolist() if not _clutter(_place(info))}
                users = partial(archive.open, infos[USERS]) if USERS in infos else None
                return Glance(frozenset(infos), _first(users))
        return Glance(header=_first(partial(_read, path)), alone=True) if path.is_file() else Glance()
    except (OSError, ValueError, *BROKEN):
        return Glance()


def look(path: Path, *, marks: frozenset[str]) -> Bundle:
    """Open a folder or a ZIP; in a ZIP the files may stand in a folder. ``marks`` are names that only this export has.

    Raises :class:`BadInput` for a ZIP that is damaged, locked, too large, or made to do harm.
    """
    try:
        if path.is_dir():
            members = {
                child.name.lower(): Member(child.name, child.stat().st_size, partial(_read, child))
                for child in sorted(path.iterdir())
                if child.is_file() and child.suffix.lower() == ".csv"
            }
            digest = hashlib.sha256()
            for name, member in members.items():
                digest.update(f"{name}\0".encode() + _sha256(member.opened))
            return Bundle(called(path), digest.hexdigest(), members)
        with zipfile.ZipFile(path) as archive:
            infos = _chosen(archive.infolist(), marks=marks, name=path.name)
        packed = {
            name: Member(_place(info).name, info.file_size, partial(_open, path, info)) for name, info in infos.items()
        }
        return Bundle(path.name, _sha256(lambda: path.open("rb")).hex(), packed)
    except BROKEN as error:
        raise damaged(path.name) from error
    except OSError as error:
        cure = "Close it in other programs and check who may read it."
        raise BadInput([Problem("It cannot be opened.", cure, called(path))]) from error


def damaged(file: str) -> BadInput:
    """What to tell of a ZIP that breaks off or does not fit its own checksums."""
    cure = "Download it again, or export it again, and hand it in as the system wrote it."
    return BadInput([Problem("This ZIP file is damaged.", cure, file)])


def called(path: Path) -> str:
    """What people call a file or folder: also the folder that one is in, and the root, which has no name."""
    return path.absolute().name or str(path)


def is_vast(infos: list[zipfile.ZipInfo]) -> bool:
    """Whether files of a ZIP are more than any export has. What an entry says of its size binds: no more is read."""
    bomb = any(info.file_size > max(HARMLESS, RATIO * info.compress_size) for info in infos)
    return bomb or len(infos) > ENTRIES or sum(info.file_size for info in infos) > UNPACKED


def _chosen(infos: list[zipfile.ZipInfo], *, marks: frozenset[str], name: str) -> dict[str, zipfile.ZipInfo]:
    """The CSV files of the one folder of a ZIP that holds an export, once all of it is known to be harmless."""

    def refuse(what: str, cure: str = ANEW) -> BadInput:
        return BadInput([Problem(what, cure, name)])

    if len(infos) > ENTRIES:
        raise refuse(f"The ZIP holds more than {ENTRIES:,} files.")
    places = [(_place(info), info) for info in infos if not info.is_dir()]
    # Nothing is unpacked, so such a name could do no harm here; but no system writes one, and whoever did meant harm.
    if any(place.is_absolute() or ".." in place.parts or ":" in place.parts[0] for place, _ in places):
        raise refuse("The ZIP names a file outside of itself.")
    tables = [(at, info) for at, info in places if at.suffix.lower() == ".csv" and not _clutter(at)]
    folders = {place.parent for place, _ in tables if place.name.lower() in marks}
    if len(folders) > 1:
        names = " and ".join(sorted(str(folder) for folder in folders))
        raise refuse(f"The ZIP holds more than one export: {names}.", "Make a ZIP of each.")
    inside = [(place.name.lower(), info) for place, info in tables if place.parent in folders]
    chosen = dict(inside)
    if len(chosen) < len(inside):
        raise refuse("The ZIP holds two files of one name.")
    if any(info.flag_bits & ENCRYPTED for info in chosen.values()):
        raise refuse("The ZIP is locked with a password.", "Export it without one, or unpack it and name its folder.")
    if any(info.compress_type not in METHODS for info in chosen.values()):
        raise refuse("The ZIP is packed in an uncommon way.", "Unpack it and name its folder.")
    if is_vast(list(chosen.values())):
        raise refuse(VAST)
    return chosen


def _place(info: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(info.filename.replace("\\", "/"))  # older .NET writes backslashes


def _clutter(place: PurePosixPath) -> bool:
    """What a Mac adds to a ZIP, each beside a file of the same name."""
    return "__MACOSX" in place.parts or place.name.startswith(".")


def _read(path: Path) -> IO[bytes]:
    return path.open("rb")


def _open(path: Path, info: zipfile.ZipInfo) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        try:
            return archive.open(info)  # keeps the file open until it is closed itself
        except (OSError, ValueError) as error:  # it says that it stands before the file's beginning
            raise zipfile.BadZipFile from error


def _first(opened: Callable[[], IO[bytes]] | None) -> tuple[str, ...]:
    """The cells of a first line; none of what is not there, or cannot be read: :func:`look` will say why."""
    if opened is None:
        return ()
    try:
        with opened() as raw:
            start = raw.read(GLANCE)
        encoding = next((name for bom, name in sheets.BOMS if start.startswith(bom)), "utf-8")
        text = start.decode(encoding, "replace")
        return tuple(cell.strip() for cell in next(csv.reader(io.StringIO(text)), []))
    except (OSError, csv.Error, RuntimeError, *BROKEN):  # RuntimeError: locked, or packed uncommonly
        return ()


def _sha256(opened: Callable[[], IO[bytes]]) -> bytes:
    digest = hashlib.sha256()
    with opened() as raw:
        while chunk := raw.read(1 << 20):
            digest.update(chunk)
    return digest.digest()
