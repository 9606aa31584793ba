"""A copy: a folder named by its moment, with the database, the settings, and ``copy.json`` that tells of them.

In it are the database, with all that a school knows of its families, and the settings file, of a trust the school's
own as well. Not in it are the audit key and the credentials; where somebody has written them into the settings they are
blank: who has a copy alone can neither forge the log nor send as the school. ``copy.json`` has a mark of the key, so
that a wrong one is noticed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlmodel import col, select

from config import blanking
from config.settings import Settings
from gateway import audit, chain, errors, migrate
from gateway.backup import engines
from gateway.database import Database, Session
from gateway.models import Audit

ABOUT = "copy.json"
SETTINGS = "handbell.toml"
MADE: Final = "backup.made"  #: the deed of a copy that was made and verified
_UNFINISHED, _NAMED = ".unfinished", "%Y%m%dT%H%M%SZ"
_EVERY_ONE: Final = timedelta(days=2)  #: so long every copy is kept; of older days the last one


@dataclass(frozen=True, slots=True)
class Copy:
    """What ``copy.json`` says. ``head`` is the newest hash of the audit log, ``lines`` how many are sealed.

    ``made_at``  a moment before which everything is in the copy
    ``key``      a mark of the audit key, from which nobody gets the key
    ``files``    SHA-256 by name
    """

    made_at: datetime
    version: str
    revision: str
    database: str
    head: str
    lines: int
    key: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy and the folder that it is in. ``size`` in bytes."""

    folder: Path
    copy: Copy
    size: int

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        return self.folder.name

    @property
    def database(self) -> Path:
        """The file with the database."""
        return self.folder / self.copy.database


async def last_made(session: Session) -> datetime | None:
    """When a copy was made and verified last. The line of it is younger than the copy, so a restored one lacks it."""
    made = sa.select(sa.func.max(col(Audit.at))).where(col(Audit.action) == MADE)
    return await session.scalar(made)


def folder(settings: Settings) -> Path:
    """Where a school's copies lie: each of a trust's has a folder of its own, as its key proves no other's."""
    return settings.backup.folder / settings.school_key if settings.school_key else settings.backup.folder


async def make(settings: Settings, *, secret: bytes, config: Path | None, version: str, now: datetime) -> Kept:
    """Make a copy, while the daemon writes; what is unfinished never looks like one. Then forget what is too old.

    Raises :class:`errors.NotReady` when there is nothing to copy, or no room for it.
    """
    url, place = settings.database.dsn(), folder(settings)
    revision = await migrate.at(url)
    if not revision:
        raise errors.NotReady("The database has no tables of Handbell yet: there is nothing to copy.")
    making = _begin(place, name := _name(place, now), mark_of(secret))
    try:
        head = None if make_url(url).get_backend_name() == "sqlite" else await _head_of(url)
        file = await engines.write(url, making)
        if head is None:
            async with engines.reading(file) as session:
                head = await _head(session)
        if config is not None:
            _write(making / SETTINGS, await asyncio.to_thread(_settings, config))
        if settings.trust.schools and settings.school_key:  # what is this school's own stands in a file beside it
            own = settings.trust.schools / f"{settings.school_key}.toml"
            _write(making / own.name, await asyncio.to_thread(_settings, own))
        files = {one.name: _digest(one) for one in _files(making)}
        copy = Copy(now, version, revision, file.name, *head, mark_of(secret), files)
        _write(making / ABOUT, json.dumps(asdict(copy), default=datetime.isoformat, indent=1).encode())
        _settle(making)
        kept = making.rename(place / name)
        _settle(place)
    except OSError as error:
        raise errors.NotReady(f"The copy in {making} was not finished: {error.strerror}.") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)  # what is finished has another name by now
    return Kept(kept, copy, _size(kept))


def _name(place: Path, now: datetime) -> str:
    """By the second; the later one of two within the same has the next one's."""
    while (place / (name := f"{now.astimezone(UTC):{_NAMED}}")).exists():
        now += timedelta(seconds=1)
    return name


def _begin(place: Path, name: str, mark: str) -> Path:
    """Make the folder in which a copy grows, where nobody else may look; its name says whose it is."""
    making = place / f"{name}.{mark}{_UNFINISHED}"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        making.mkdir(mode=0o700)
    except FileExistsError:
        raise errors.Conflict(
            f"Another copy is being made in {making}. If it is not, throw that folder away."
        ) from None
    except OSError as error:
        raise errors.NotReady(f"No copy can be made in {place}: {error.strerror}. Look at backup.folder.") from None
    return making


def listed(folder: Path) -> Sequence[Kept]:
    """The finished copies of a folder, the newest first; one that cannot be read is none."""
    found = list[Kept]()
    for one in folder.glob(f"*/{ABOUT}"):
        with suppress(errors.NotReady):
            found += [] if one.parent.name.endswith(_UNFINISHED) else [read(one.parent)]
    return sorted(found, key=lambda kept: kept.copy.made_at, reverse=True)


def find(folder: Path, name: str) -> Kept:
    """A copy by its name, by its folder, or the newest one as ``latest``. Raises :class:`errors.NotFound`."""
    if name == "latest" and (kept := next(iter(listed(folder)), None)):
        return kept
    for place in (folder / name, Path(name)):
        if (place / ABOUT).is_file():
            return read(place)
    raise errors.NotFound(f"There is no copy “{name}” in {folder}. See handbell backup list.")


def read(folder: Path) -> Kept:
    """Read what a copy says of itself. Raises :class:`errors.NotReady`."""
    try:
        said = json.loads((folder / ABOUT).read_bytes())
        copy = Copy(**said | {"made_at": datetime.fromisoformat(said["made_at"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise errors.NotReady(f"{folder / ABOUT} cannot be read: {error}.") from None
    if any(Path(one).name != one for one in (copy.database, *copy.files)):
        raise errors.NotReady(f"{folder / ABOUT} names a file that is not in the copy.")
    return Kept(folder, copy, _size(folder))


async def verify(kept: Kept, settings: Settings, *, secret: bytes) -> str:
    """Prove a copy: every byte is as it was written, and the audit log in it verifies. Gives a sentence.

    A dump of PostgreSQL must be put back to be asked for its log; here only that pg_restore can read it is proved.
    Raises :class:`errors.NotReady`, or :class:`errors.AuditBroken`.
    """
    for name, digest in kept.copy.files.items():
        file = kept.folder / name
        if not file.is_file() or _digest(file) != digest:
            raise errors.NotReady(f"{file} is not as it was written. Use another copy.")
    if kept.copy.key != mark_of(secret):
        raise errors.NotReady("The audit key here is not the one that this copy was made with. Put that back first.")
    if kept.copy.database != engines.SQLITE:
        await engines.prove_dump(kept.database, settings.database.dsn())
        return "Every file is as it was written. The audit log is verified when the copy is restored."
    async with engines.reading(kept.database) as session:
        damage = await session.scalar(sa.text("PRAGMA integrity_check"))
        verdict = await audit.Log(secret).verify(session, expect_head=kept.copy.head if kept.copy.lines else "")
    if damage != "ok":
        raise errors.NotReady(f"{kept.database} is damaged: {damage}. Use another copy.")
    if verdict.fault:
        raise errors.AuditBroken(verdict.fault)
    return f"Every file is as it was written, and the audit log verifies: {verdict.sealed} lines."


def forget_old(folder: Path, *, secret: bytes, keep_days: int, now: datetime) -> Sequence[str]:
    """Throw away copies by the rule: all of two days, of earlier days the last, none beyond ``keep_days``, but always
    the newest; and what never became one. Gives the names of those that are gone.

    Only what bears the mark of our key is surely ours: of the rest see :func:`strange`.
    """
    gone, days, copies = list[str](), set[str](), listed(folder)
    for number, kept in enumerate(one for one in copies if _is_ours(one, secret)):
        made, age = kept.copy.made_at.astimezone(UTC), now - kept.copy.made_at
        day = f"{made:%Y%m%d}"
        stays = number == 0 or (age <= timedelta(days=keep_days) and (age <= _EVERY_ONE or day not in days))
        days.add(day)
        if not stays:
            shutil.rmtree(kept.folder)
            gone.append(kept.name)
    for place, begun in _no_copies(folder, copies):
        if _would_be_ours(place, secret) and now - begun > _EVERY_ONE:
            shutil.rmtree(place)
            gone.append(place.name)
    return gone


def strange(folder: Path, *, secret: bytes) -> Sequence[str]:
    """The names of copies, whole or not, that may be another school's, or are ours of another key or damaged."""
    copies = listed(folder)
    others = [kept.name for kept in copies if not _is_ours(kept, secret)]
    return sorted([*others, *(one.name for one, _ in _no_copies(folder, copies) if not _would_be_ours(one, secret))])


def _is_ours(kept: Kept, secret: bytes) -> bool:
    return kept.copy.key == mark_of(secret)


def _would_be_ours(place: Path, secret: bytes) -> bool:
    return place.name.endswith(f".{mark_of(secret)}{_UNFINISHED}")


def _no_copies(folder: Path, copies: Sequence[Kept]) -> Sequence[tuple[Path, datetime]]:
    """What is named like a copy and is none, with all that a school knows in it, and when it was begun."""
    found = list[tuple[Path, datetime]]()
    for place in set(folder.glob("*")) - {kept.folder for kept in copies}:
        with suppress(ValueError):
            begun = datetime.strptime(place.name.partition(".")[0], _NAMED).replace(tzinfo=UTC)
            found += [(place, begun)] if place.is_dir() else []
    return found


def mark_of(secret: bytes) -> str:
    """By what a copy knows the audit key again."""
    return hmac.digest(secret, b"handbell backup", "sha256").hex()[:16]


async def _head_of(url: str) -> tuple[str, int]:
    database = Database(url)
    try:
        async with database.read() as session:
            return await _head(session)
    finally:
        await database.close()


async def _head(session: Session) -> tuple[str, int]:
    query = select(Audit.hash, Audit.link).where(col(Audit.link).is_not(None)).order_by(col(Audit.link).desc()).limit(1)
    row = (await session.execute(query)).one_or_none()
    return (row[0], row[1]) if row else (chain.GENESIS, 0)


def _settings(file: Path) -> bytes:
    return blanking.without_secrets(file.read_text(encoding="utf-8")).encode()


def to_be_put_in(kept: Kept) -> Sequence[str]:
    """What each settings file in a copy says of its secrets: they are in none."""
    texts = [(kept.folder / name).read_text(encoding="utf-8") for name in kept.copy.files if name.endswith(".toml")]
    return [text.partition("\n")[0].removeprefix("# ") for text in texts if text.startswith(blanking.BLANKED)]


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
        target.write(content)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(one for one in folder.iterdir() if one.is_file())


def _settle(folder: Path) -> None:
    """Wait until a folder, and the files in it, are on the disk."""
    for one in (*_files(folder), folder):
        number = os.open(one, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _size(folder: Path) -> int:
    return sum(one.stat().st_size for one in _files(folder))
