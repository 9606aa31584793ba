"""The school's own translations: where they are kept, and that they are used."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import structlog

from config.settings import Settings
from gateway import audit
from gateway.database import Session
from templates import own_words, reviewing


def folder(settings: Settings) -> Path:
    """Where the school's ``.po`` files are kept."""
    return settings.languages.folder or settings.database.state_dir / "words"


def use(settings: Settings) -> None:
    """Use them from here on, in this process; what cannot be used is left out, and ``handbell doctor`` says what."""
    unusable = own_words.use(folder(settings))
    if unusable:
        structlog.get_logger().warning("words.left_out", folder=str(folder(settings)), texts=len(unusable))


async def use_again(settings: Settings) -> None:
    """Use what has been reviewed since, in this process; another one uses it from its next start on."""
    compiled, _ = await asyncio.to_thread(own_words.read, folder(settings))
    own_words.lay_over(compiled)


async def note(
    session: Session, log: audit.Log, taken: reviewing.Taken, *, language: str, name: str, by: str, now: datetime
) -> None:
    """Write down that somebody (``name``) has read texts of a language, as told by ``by``."""
    facts = {"by": name, "accepted": len(taken.accepted), "changed": len(taken.changed)}
    await log.record(session, audit.Line("words.reviewed", f"language:{language}", facts, actor=by), now=now)
