"""The school's own translations: where they are kept, and that they are used."""

from __future__ import annotations

from pathlib import Path

import structlog

from config.settings import Settings
from templates import own_words


def folder(settings: Settings) -> Path:
    """Where the school's ``.po`` files are kept."""
    return settings.languages.folder or settings.database.state_dir / "words"


def use(settings: Settings) -> None:
    """Use them from here on, in this process; what cannot be used is left out, and ``handbell doctor`` says what."""
    unusable = own_words.use(folder(settings))
    if unusable:
        structlog.get_logger().warning("words.left_out", folder=str(folder(settings)), texts=len(unusable))
