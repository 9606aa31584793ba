"""The disk on which everything is written down."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway import context


def folder(gateway: context.Gateway) -> Path:
    """The folder of the database file, or of locks and keys where the database is elsewhere."""
    state = gateway.settings.database.state_dir / "x"
    file = Path(gateway.database.url.database or "") if gateway.database.is_sqlite else state
    return next((parent for parent in file.absolute().parents if parent.is_dir()), Path("/"))


def free_bytes(gateway: context.Gateway) -> int:
    """How much room there is."""
    return shutil.disk_usage(folder(gateway)).free
