"""Outlooks that were worked out a moment ago: for a large school that takes longer than a page may."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway import context
from gateway.announcements import outlook
from gateway.database import Session
from gateway.definitions import model

_FRESH: Final = timedelta(seconds=60)
_MOST: Final = 8


class Outlooks:
    """The latest ones, for a minute: the counts of the form, the words beside it, and the check are one reading."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[datetime, outlook.Outlook]] = {}

    async def of(
        self, session: Session, gateway: context.Gateway, definition: model.Definition, *, anew: bool = False
    ) -> outlook.Outlook:
        """What a definition would come to. Raises :class:`errors.BadDefinition`."""
        key, now = definition.model_dump_json(), gateway.now()
        found = self._kept.pop(key, None)
        if found is None or anew or now - found[0] > _FRESH:
            found = (now, await outlook.read(session, gateway, definition))
        self._kept[key] = found
        while len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
        return found[1]
