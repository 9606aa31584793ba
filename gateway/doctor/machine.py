"""This machine: our packages, the time zone's data, room on the disk, the key, and who may read what."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway import context
from gateway import disk as disks
from gateway.doctor.findings import Finding, State

OURS = ("gateway", "channels", "templates", "scheduler", "config")
_MB = 1_000_000
_SOON = 5  #: times the least room: it is time to make some
_PRACTICE_WORDS = ("practice", "example", "changeme", "secret")


def packages(owners: Mapping[str, Sequence[str]], *, ours: str = "handbell") -> list[Finding]:
    """Whether another distribution has written over one of our five packages, whose names are common.

    ``owners`` is ``importlib.metadata.packages_distributions()``. A checkout owns none of them, which is well.
    """
    strangers = {
        name: sorted(set(owners.get(name, ())) - {ours}) for name in OURS if set(owners.get(name, ())) - {ours}
    }
    if not strangers:
        return [Finding("packages", "ok", f"The packages {', '.join(OURS)} are Handbell's own.")]
    return [
        Finding(
            "packages",
            "bad",
            f"The package {name} is also in {', '.join(others)}: one of them has overwritten the other.",
            "Give Handbell a virtual environment of its own, and install it there afresh.",
        )
        for name, others in strangers.items()
    ]


def timezone(gateway: context.Gateway) -> Iterator[Finding]:
    """Whether the data of the school's time zone is there."""
    name = gateway.settings.school.timezone
    try:
        here = gateway.now().astimezone(ZoneInfo(name))
    except ZoneInfoNotFoundError:
        yield Finding(
            "time zone", "bad", f"The data of the time zone {name} is missing.", "Install the package tzdata."
        )
        return
    yield Finding("time zone", "ok", f"{name}: it is {here:%H:%M on %A, %d %B %Y}.")


def disk(gateway: context.Gateway) -> Iterator[Finding]:
    """How much room there is where things are written down."""
    free, least = disks.free_bytes(gateway), gateway.settings.database.least_free_mb * _MB
    state: State = "bad" if free < least else "warn" if free < _SOON * least else "ok"
    cure = "" if state == "ok" else "Make room: without it nothing can be written down, so nothing is sent."
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free for {disks.folder(gateway)}.", cure)


def _state_dir(gateway: context.Gateway) -> Path:
    return gateway.settings.database.state_dir


def key(gateway: context.Gateway) -> Iterator[Finding]:
    """Whether the audit log's key is set and cannot be guessed."""
    key = gateway.settings.audit.key.get_secret_value()
    if gateway.settings.practice.enabled:
        yield Finding("audit key", "ok", "Practice needs no key of its own.")
    elif not key:
        yield Finding("audit key", "bad", "audit.key is not set.", "Give it as a credential, 32 characters or more.")
    elif len(set(key)) < 8 or any(word in key.casefold() for word in _PRACTICE_WORDS):
        yield Finding("audit key", "bad", "audit.key can be guessed.", "Make one with: openssl rand -hex 32")
    else:
        yield Finding("audit key", "ok", "audit.key is set. Keep a copy away from this machine.")


def files(gateway: context.Gateway, secret_files: Sequence[Path]) -> Iterator[Finding]:
    """Whether other accounts of the machine may read secrets or families' data."""
    if sys.platform == "win32":
        return
    paths = [*secret_files, _state_dir(gateway) / "audit.key"]
    paths += [file for folder in secret_files if folder.is_dir() for file in folder.iterdir()]
    if gateway.database.is_sqlite:
        paths.append(Path(gateway.database.url.database or ""))
    open_to_all = [path for path in paths if path.is_file() and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)]
    for path in open_to_all:
        yield Finding("files", "bad", f"Every account of this machine may read {path}.", f"chmod o= {path}")
    if not open_to_all:
        yield Finding("files", "ok", "No other account may read the settings, the keys or the database.")
