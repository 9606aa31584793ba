"""The teacher's own words in other languages: by the service, only where the school lets a machine's drafts go out.

Asked outside of any transaction, and best effort: whatever it does not say comes in English, with a line.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from gateway import context
from gateway.database import Session
from gateway.definitions import model, translated
from gateway.good_news import words
from gateway.models import Praise, Purpose
from gateway.translating import drafting

Versions = Mapping[int, Mapping[str, str]]  #: by praise and language

#: A service that hangs holds the day's praise up no longer: a job that is away for minutes is taken for stuck.
MOST_SECONDS: Final = 120.0


def may_be_asked(gateway: context.Gateway) -> bool:
    """Whether there is a service, and what it says may go out unread."""
    return gateway.translator is not None and gateway.settings.languages.allow_drafts


async def prepare(
    session: Session, gateway: context.Gateway, praises: Sequence[Praise], wanted: Mapping[int, Sequence[str]]
) -> dict[int, list[drafting.Job]]:
    """What is to be asked for each praise, by the languages that its families read.

    Praises that are not stored yet are one (0): whoever writes about several children has the same words for all.
    """
    tags, said = defaultdict[int, dict[str, None]](dict), dict[int, Praise]()
    for one in praises:
        if one.words:
            said[one.id or 0] = one
            tags[one.id or 0] |= dict.fromkeys(wanted.get(one.pupil_id, ()))
    return {
        number: await drafting.prepare(session, gateway, _free(said[number]), list(some))
        for number, some in tags.items()
        if some
    }


async def ask(
    gateway: context.Gateway, jobs: Mapping[int, Sequence[drafting.Job]], *, seconds: float = MOST_SECONDS
) -> tuple[Versions, list[drafting.Outcome]]:
    """Ask for it, as long as there is time; the outcomes are to be kept in the memory."""
    found, outcomes = dict[int, dict[str, str]](), list[drafting.Outcome]()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for praise_id, several in jobs.items():
                outcome = await drafting.draft(gateway, several)
                outcomes.append(outcome)
                found[praise_id] = {one.language: one.text[translated.TEXT] for one in outcome.drafts}
    return found, outcomes


def _free(praise: Praise) -> model.Definition:
    """The words as a text of their own; nobody is sent it."""
    given = {"key": "praise", "title": "Good news", "purpose": Purpose.GOOD_NEWS, "text": {"en": praise.words}}
    # Braces are no placeholders in a teacher's words.
    given["text"] = {"en": praise.words.replace("{", "(").replace("}", ")")}
    return model.Definition.model_validate(given | {"audience": {"whole_school": True}, "media": [words.MEDIA[0]]})
